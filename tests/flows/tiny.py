"""A network and a data set small enough to be swept in a second or two, made from NumPy seeds alone."""

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.deadline import Deadline
from lib.oips.settings import GrowthSettings
from storage.record import Record
from storage.store import Store

if TYPE_CHECKING:
    from flows.forms.parameters import SweepParameters

SIDE = 12
MAPS = {"Conv2D_1": 4, "Conv2D_2": 6}
UNITS = [f"{layer}/{index}" for layer, count in MAPS.items() for index in range(count)]
GROWTH = GrowthSettings(constraint="standardised", oips=2, starts=4, steps=16, seed=3)
GROWN = GROWTH.in_style("strong")
"""The same with nothing left open, as a sweep's context has it."""


def write_pictures(folder: Path, *, side: int = SIDE, channels: int = 1, each: int = 8) -> str:
    """Three classes of smooth pictures; returns the data set's name."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(5)
    for number in range(3):
        (folder / f"class {number}").mkdir(parents=True)
        for picture in range(each):
            noise = gaussian_filter(random.normal(size=(side, side, channels)), (number + 0.5, number + 0.5, 0))
            pixels = np.rint(128 + 60 * noise / noise.std()).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels.squeeze()).save(folder / f"class {number}" / f"{picture}.png")
    return f"folder:{folder}"


def photograph(seed: int = 0, *, size: tuple[int, int] = (37, 52), channels: int = 3) -> Any:
    """A smooth picture, uint8 [H, W] or [H, W, 3]."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=(*size, channels)), (2, 2, 0))
    return np.rint(128 + 50 * smooth / smooth.std()).clip(0, 255).astype(np.uint8).squeeze()


def write_photograph(path: Path, seed: int = 0, **options: Any) -> None:
    """A smooth picture in a file, in folders that are made."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photograph(seed, **options)).save(path)


def small_cnn(seed: int = 0) -> Any:
    """Two convolutions and a dense head for images of 12x12x1: ten maps, all of which can respond."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="image"),
            layers.Conv2D(MAPS["Conv2D_1"], 3, activation="relu", name="Conv2D_1"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(MAPS["Conv2D_2"], 3, activation="relu", name="Conv2D_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation="softmax", name="classes"),
        ],
        name="small",
    )
    return with_weights(model, seed)


def with_weights(model: Any, seed: int = 0) -> Any:
    """The model with weights of trained size from a NumPy seed; moving variances are above 0."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        if "seed" in variable.path:
            continue
        values = random.normal(scale=0.4, size=variable.shape)
        variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)
    return model


@dataclass(frozen=True)
class Bench:
    """A store and what is swept in it; `first`: the run of the sweep that was there from the beginning."""

    root: Path
    model: Path | str | None
    data: str | None
    first: str = ""

    @property
    def store(self) -> Store:
        """The store as it is now: nothing is remembered of what was verified before."""
        return Store.open(self.root)

    def sweep(self, **changes: Any) -> dict[str, Any]:
        """Sweep, and return the summary. Raises what the flow raises."""
        from flows.sweep import oip_sweep

        return dict(oip_sweep(self.parameters(**changes)))

    def state(self, **changes: Any) -> Any:
        """Sweep, and return the state in which the flow ended."""
        from flows.sweep import oip_sweep

        return oip_sweep(self.parameters(**changes), return_state=True)

    def parameters(self, **changes: Any) -> "SweepParameters":
        """How this is swept, with changes."""
        from flows.forms.parameters import SweepParameters

        model = None if self.model is None or "train" in changes else str(self.model)
        asked: dict[str, Any] = {"model": model, "data": self.data, "data_dir": None, "growth": GROWTH}
        if model is not None and "model" not in changes:  # random weights: nothing could tell
            asked["pixels"] = "0..1"
        return SweepParameters(store=str(self.root), **(asked | changes))

    def summary(self, run: str | None = None) -> dict[str, Any]:
        """The summary of the first sweep, or of another run, also of one that failed."""
        from flows.results.sweep_summary import sweep_summary

        return sweep_summary(self.store, run or self.first)

    @property
    def latest(self) -> str:
        """The run of the latest sweep."""
        return self.store.ref("sweep/latest").removeprefix("run:")

    def record(self, unit: str) -> Record:
        """What the first sweep has for a unit, or for a layer ("layer Conv2D_1")."""
        return self.store.record(self.store.run(self.first).units[unit].record)

    def blob(self, digest: str) -> Path:
        """Where the bytes of a blob lie, verified or not."""
        return self.root / "blobs" / digest[:2] / digest


def red() -> Any:
    """One map that answers to red brighter than half, in a network that takes 0..255 and rescales inside."""
    import keras
    from keras import layers as kl

    model = keras.Sequential(
        [keras.Input((24, 24, 3)), kl.Rescaling(1 / 255), kl.Conv2D(1, 1, activation="relu", name="red")]
    )
    kernel = np.array([1, 0, 0], np.float32).reshape(1, 1, 3, 1)
    model.layers[-1].set_weights([kernel, np.array([-0.5], np.float32)])
    return model


def let_time_be_over() -> None:
    """Put the deadline of every run that is open in this process at now."""
    from tasks.session import open_runs
    from tasks.session.session import Session

    for shared in list(open_runs._open.values()):
        if isinstance(shared, Session):
            shared.deadline = Deadline(datetime.now(UTC))


def saved(model: Any, path: Path) -> Path:
    """The model in a file of its own."""
    model.save(path)
    return path


def keras_file() -> bytes:
    """What a `.keras` file says of its layers, without the rest of it: a model with another one in it."""

    def layer(kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {"class_name": kind, "module": "keras.layers", "config": {"name": name, **more}}

    inner = [layer("Conv2D", "first", filters=4), layer("DepthwiseConv2D", "deep")]
    outer = [
        layer("InputLayer", "image"),
        layer("Conv2D", "Conv2D_1", filters=8),
        layer("MaxPooling2D", "pool"),
        layer("Functional", "backbone", layers=inner),
        layer("Dense", "classes", units=3),
    ]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("config.json", json.dumps(layer("Functional", "small", layers=outer)))
        archive.writestr("model.weights.h5", b"")
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
    return written.getvalue()
