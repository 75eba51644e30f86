"""What `make_store` has the old checkout do: its own flows, one after the other, in a data folder that is new.

It is run by path, with the old checkout in PYTHONPATH and the data folder as working directory, so every `flows`, `lib`
and `tests` here is the old one's. Parameters name places relative to the data folder: a store that is unpacked
elsewhere finds them there, and holds no path of the machine that made it.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

SHAPES, SMALL = "folder:shapes", "folder:small"
SIDES = {"shapes": 18, "small": 12}
DREAM = {"pictures": ["pictures/rose.png"], "model": "TRAINED"}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "a model of one's own": ("register", {"file": "small.keras", "data": SMALL}),
    "a training": ("train", {"data": SHAPES, "settings": {"epochs": 3, "batch": 2, "learning_rate": 0.005, "seed": 2}}),
    "a sweep with all defaults": ("oip-sweep", {"model": "REGISTERED"}),
    "a sweep of units under box, in style clean": (
        "oip-sweep",
        {
            "model": "REGISTERED",
            "layers": ["Conv2D_2/0-1", "classes/1"],
            "style": "clean",
            "maps_per_task": 2,
            "growth": {
                "constraint": "box",
                "objective": "pre-activation",
                "oips": 1,
                "starts": 8,
                "steps": 24,
                "length_scales": [[1.0], [1.0, 3.0]],
                "seed": 3,
            },
        },
    ),
    "a sweep of peaks from shared starts": (
        "oip-sweep",
        {
            "model": "REGISTERED",
            "layers": ["Conv2D_1/0"],
            "growth": {"objective": "peak", "oips": 1, "starts": 8, "steps": 24, "shared_starts": True},
        },
    ),
    "a sweep of a model and of a checkpoint": (
        "oip-sweep",
        {
            "model": "TRAINED",
            "checkpoints": "1",
            "layers": ["Conv2D_2/3"],
            "growth": {"oips": 2, "starts": 8, "steps": 24},
        },
    ),
    "dreams with all defaults": ("dream", {"pictures": ["pictures"], "model": "TRAINED"}),
    "dreams in tiles": ("dream", DREAM | {"settings": {"mode": "tiles", "objective": "dense_2/1"}}),
    "dreams by carving": ("dream", DREAM | {"settings": {"mode": "carve", "objective": "Conv2D_2/1", "rounds": 2}}),
    "dreams by carving, then in tiles": (
        "dream",
        DREAM
        | {
            "settings": {
                "mode": "carve+tiles",
                "objective": "0.7*Conv2D_2 + 0.3*Conv2D_1[1:1, 2:-0.5]",
                "colours": "grey",
                "strength": 0.8,
                "rounds": 2,
            }
        },
    ),
    "dreams with a guide and a mask": (
        "dream",
        DREAM | {"guide": "guide.png", "mask": "mask.png", "settings": {"objective": "Conv2D_2", "octaves": 2}},
    ),
    "a tour": ("dream", DREAM | {"tour": "Conv2D_2/0-1"}),
    "an animation by passes": (
        "dream",
        DREAM | {"passes": 2, "zoom": 1.05, "rotation": 2.0, "animation": "gif", "settings": {"octaves": 2}},
    ),
    "an animation of another kind": (
        "dream",
        DREAM | {"passes": 2, "animation": "webp", "settings": {"octaves": 2, "seed": 1}},
    ),
    "an analysis": (
        "analyse",
        {"model": "TRAINED", "layers": ["Conv2D_2"], "settings": {"clear": 2, "unclear": 1}},
    ),
    "an analysis of images that are named, with the activations of a set": (
        "analyse",
        {
            "model": "TRAINED",
            "images": ["pictures/rose.png"],
            "layers": ["dense_1"],
            "first": ["train/0", "train/1"],
            "second": ["train/9", "train/10"],
            "settings": {"standardise": True, "classifier_images": 20},
            "tensors": "test",
        },
    ),
}
"""Each run by what it is: the flow, and its parameters. Settings are left at their defaults where that costs little, so
that what decides beside them is noticed too; TRAINED and REGISTERED stand for the names that the models got."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "train": {},
    "oip-sweep": {},
    "dream": {"pictures": ["pictures"], "out": "dreams"},
    "analyse": {},
    "nightly": {},
}
"""What each form wants to be told so that it names no place of this machine."""
FLOWS = {
    "register": ("flows.register", "register", "RegisterParameters"),
    "train": ("flows.train", "train", "TrainParameters"),
    "oip-sweep": ("flows.sweep", "oip_sweep", "SweepParameters"),
    "dream": ("flows.dream", "dream", "DreamParameters"),
    "analyse": ("flows.analyse", "analyse", "AnalyseParameters"),
    "nightly": ("flows.nightly", "nightly", "NightlyParameters"),
}
"""Where the old checkout has each flow, and what its parameters are called."""


def network(input_shape: tuple[int, int, int], classes: int, *, l2: float = 0.0, seed: int = 0) -> Any:
    """In place of the reference network, which is too large to be committed: some layers of it, narrow."""
    import keras
    from keras import layers

    made = keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            layers.Conv2D(3, 3, activation="relu", name="Conv2D_1"),
            layers.MaxPooling2D(2, name="Max_Pool_1"),
            layers.Conv2D(6, 3, activation="relu", name="Conv2D_2"),
            layers.MaxPooling2D(2, name="Max_Pool_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(12, activation="relu", name="dense_1"),
            layers.Dense(classes, activation="softmax", name="dense_2"),
        ],
        name="reference",
    )
    for number, variable in enumerate(made.trainable_variables):
        if variable.path.endswith("kernel"):
            variable.assign(keras.initializers.GlorotUniform(seed=seed + number)(variable.shape))
    return made


def write_inputs(home: Path) -> None:
    """The pictures and the model file that the runs read."""
    import numpy as np
    from PIL import Image

    from tests.flows.tiny import saved, small_cnn, write_photograph, write_pictures

    for name, side in SIDES.items():
        write_pictures(home / name, side=side, each=10)
        bright = (np.s_[:, : side // 2], np.s_[:, side // 2 :], np.s_[: side // 2])
        for path in (home / name).rglob("*.png"):  # each class is bright on another side: three epochs learn it
            pixels = np.asarray(Image.open(path)) // 3
            pixels[bright[int(path.parent.name[-1])]] += 120
            Image.fromarray(pixels).save(path)
    for seed, name in enumerate(("rose.png", "garden/tulip.png")):
        write_photograph(home / "pictures" / name, seed, size=(25, 32))
    write_photograph(home / "guide.png", 7, size=(24, 24))
    write_photograph(home / "mask.png", 8, size=(25, 32), channels=1)
    saved(small_cnn(), home / "small.keras")


def parameters(flow: str, asked: dict[str, Any], models: dict[str, str]) -> dict[str, Any]:
    """What a flow is given: with a store, a folder for dreams, and the model by its name."""
    named = {"model": models[asked["model"]]} if "model" in asked else {}
    return {"store": "store"} | ({"out": "dreams"} if flow == "dream" else {}) | asked | named


def defaults(forms: Any) -> dict[str, Any]:
    """What each flow is given where nothing is said; `forms` is the module with the forms."""
    return {
        flow: getattr(forms, FLOWS[flow][-1])(store="store", **given).model_dump(mode="json")
        for flow, given in DEFAULTS.items()
    }


def run_all(home: Path) -> dict[str, Any]:
    """Run everything; return the forms' `defaults`, and of the `runs`, by what they are, what came of them."""
    places, forms, server = (import_module(f"flows.{name}") for name in ("places", "parameters", "server"))
    vars(import_module("lib.reference"))["build"] = network
    assert home.resolve() == places.DATA_FOLDER
    models: dict[str, str] = {}
    found: dict[str, Any] = {}
    with server.local_server(places.DATA_FOLDER):
        for what, (name, asked) in RUNS.items():
            module, function, form = FLOWS[name]
            given = parameters(name, asked, models)
            flow = getattr(import_module(module), function)
            answer = flow(getattr(forms, form)(**given))
            found |= _made(home / "store", what, answer)
            if name in ("register", "train"):
                models["REGISTERED" if name == "register" else "TRAINED"] = answer["model"]
    return {"defaults": defaults(forms), "runs": found}


def _made(place: Path, what: str, answer: dict[str, Any]) -> dict[str, Any]:
    """The id, the model, and task and recipe of all that was made, of a run and of those of checkpoints below it."""
    from storage.store import Store

    store = Store.open(place)
    runs = {what: answer["run"]}
    runs |= {f"{what}: epoch {one['epoch']}": one["run"] for one in answer.get("checkpoints", ())}
    found: dict[str, Any] = {}
    for name, run in runs.items():
        closed = store.run(run)
        assert closed.state == "completed", (name, closed.failures)
        records = {title: store.record(unit.record) for title, unit in closed.units.items()}
        assert {record.changes for record in records.values()} == {None}
        made = {title: [record.task, record.recipe] for title, record in records.items()}
        found[name] = {"run": run, "model": closed.summary.get("model"), "made": made}
    return found


if __name__ == "__main__":
    here = Path.cwd()
    write_inputs(here)
    Path(sys.argv[1]).write_text(json.dumps(run_all(here)))
