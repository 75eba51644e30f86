"""A reader who copies commands from the pages, in a folder with a network and pictures: one process for all of them.

    python -m tests.docs.reader FOLDER < blocks.json > results.json

Blocks have a page, a language, a body and commands. Results are, for each block, what went wrong, or nothing.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHEAPER = {
    "sweep": {"--layers": "Conv2D_2/17", "--starts": "2", "--oips": "2", "--steps": "4"},
    "dream": {"--steps": "1"},
    "train": {"--epochs": "1"},
    "analyse": {"--clear": "1", "--unclear": "1", "--layers": "Conv2D_3", "--classifier-images": "24"},
}
"""What the reader adds where the page does not say it: the same commands, on fewer units and with fewer steps."""


def furnish(folder: Path) -> None:
    """Put what the pages take for granted into the folder: the file of a network, its pictures, and photographs."""
    from tests.flows.tiny import write_photograph, write_pictures

    write_pictures(folder / "PICTURES", side=28)
    for number, name in enumerate(("4", "9", "8")):
        (folder / "PICTURES" / f"class {number}").rename(folder / "PICTURES" / name)
    network = _network()
    _learn(network, *_pictures(folder / "PICTURES"))
    network.save(folder / "network.keras")
    for seed, name in enumerate(("rose.jpg", "photographs/garden.jpg", "photographs/pond.jpg")):
        write_photograph(folder / name, seed)
    write_photograph(folder / "mask.png", 5, channels=1)


def _network() -> Any:
    """The layers that the pages name, with no more units than these name."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(2, 3, activation="relu", name="Conv2D_1"),
            layers.MaxPooling2D(2),
            layers.Conv2D(18, 3, activation="relu", name="Conv2D_2"),
            layers.MaxPooling2D(2),
            layers.Conv2D(57, 3, activation="relu", name="Conv2D_3"),
            layers.Flatten(),
            layers.Dense(8, activation="relu", name="dense_1"),
            layers.Dense(3, activation="softmax", name="dense_2"),
        ]
    )


def _learn(network: Any, images: Any, labels: Any) -> None:
    """Train until every picture is predicted rightly: the pages ask for images of each class that are."""
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(20):
        network.fit(images, labels, epochs=10, verbose=0)
        if network.evaluate(images, labels, verbose=0)[1] == 1:
            return
    raise AssertionError("the network of the pages has not learned its pictures")


def _pictures(folder: Path) -> tuple[Any, Any]:
    """All pictures of a folder as images, and their classes."""
    import numpy as np

    from lib.data.picture_folder import load

    data = load(folder, None)
    return np.concatenate([data.train_imgs, data.test_imgs]), np.concatenate([data.train_labels, data.test_labels])


def run(command: Sequence[str]) -> str | None:
    """Run one command as `dreamsweep` would; what it said where it failed."""
    from flows.cli import main

    if command[0] != "dreamsweep":
        return f"only dreamsweep is run here, and this is {command[0]}"
    words = list(command[1:])
    added = CHEAPER.get(words[0], {})
    words += [part for option, value in added.items() if option not in words for part in (option, value)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        begun = time.monotonic()
        code = main(words)
        print(f"{time.monotonic() - begun:6.1f} s  dreamsweep {' '.join(words)}", file=sys.__stderr__, flush=True)
    return None if code == 0 else f"dreamsweep {' '.join(words)}: exit code {code}\n{said.getvalue()}"


def read(block: dict[str, Any], names: dict[str, Any]) -> str | None:
    """Do what a block says; what went wrong."""
    if block["language"] == "python":
        try:
            exec(compile(block["body"], "block", "exec"), names)
        except Exception:
            return traceback.format_exc()
        return None
    problems = [problem for command in block["commands"] if (problem := run(command)) is not None]
    return "\n".join(problems) or None


def main() -> None:
    """Read every block of standard input."""
    blocks = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w")  # commands write to standard output too
    os.dup2(2, 1)
    furnished = Path(sys.argv[1])
    furnish(furnished)
    os.chdir(furnished)
    # What `make sweep` leaves: a model that is the latest, with a sweep.
    problem = run(["dreamsweep", "sweep", "--model", "network.keras", "--data", "folder:PICTURES", "--pixels", "0..1"])
    if problem is not None:
        sys.exit(problem)
    found = []
    names: dict[str, dict[str, Any]] = {}  # a reader of a page goes on in the same session of Python
    for block in blocks:
        folder = furnished.with_name(Path(block["page"]).stem)  # what one page exports is not in the way of another
        if not folder.exists():
            shutil.copytree(furnished, folder)
        os.chdir(folder)
        found.append(read(block, names.setdefault(block["page"], {})))
    json.dump(found, answers)
    answers.close()


if __name__ == "__main__":
    main()
