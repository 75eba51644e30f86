"""What a fleet sweeps: a network of 64 maps with weights from a seed, and pictures, on a host. Seeds share no map."""

from pathlib import Path

from tests.fleet.hosts import Host
from tests.flows.tiny import SIDE, saved, with_weights, write_pictures

MAPS = {"Conv2D_1": 16, "Conv2D_2": 48}
UNITS = [f"{layer}/{index}" for layer, count in MAPS.items() for index in range(count)]


class Subject:
    """A network in a file and a data set; `words` are the options of a command that sweeps it."""

    def __init__(self, host: Host, seed: int) -> None:
        self.host = host
        self.model: Path = host.folder / f"wide-{seed}.keras"
        pictures = host.folder / "pictures"
        self.data = f"folder:{pictures}"
        saved(with_weights(_wide_cnn(seed), seed), self.model)
        if not pictures.exists():
            write_pictures(pictures)
        given = ["--model", str(self.model), "--data", self.data, "--pixels", "0..1"]
        self.words = [*given, "--steps", "16", "--starts", "4", "--seed", str(seed)]


def _wide_cnn(seed: int) -> object:
    import keras
    from keras import layers

    first, second = MAPS.values()
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="image"),
            layers.Conv2D(first, 3, activation="relu", name="Conv2D_1"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(second, 3, activation="relu", name="Conv2D_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation="softmax", name="classes"),
        ],
        name=f"wide-{seed}",
    )
