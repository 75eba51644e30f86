"""What the tasks of an analysis give: of a tiny network that has learned nothing, on pictures made from seeds."""

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from lib.analysis.settings import AnalysisSettings

# Every setting is spelt out, as another default is another recipe anyhow.
SETTINGS = AnalysisSettings(
    pair="class 0,class 2",
    clear=1,
    unclear=1,
    threshold=0.3,
    standardise=False,
    clip=0.0,
    colour_map="viridis",
    classifier_images=18,
    seed=7,
)
TASKS = ("predictions", "activations", "fcps", "linear_classifiers", "attribution")


def analysed() -> dict[str, dict[str, Any]]:
    """By task and name: arrays of numbers and of pixels, and the words of what is told."""
    from lib.network import model_file
    from storage.store import Store
    from tasks.analysis.activations import keep_activations, view_images
    from tasks.analysis.attribution import attribute
    from tasks.analysis.context import AnalysisContext
    from tasks.analysis.fcps import compare_groups
    from tasks.analysis.groups import Groups, ImageGroup
    from tasks.analysis.linear_classifiers import compare_layers
    from tasks.analysis.predictions import predict_set
    from tasks.model.context import open_context
    from tasks.model.data import load_data
    from tasks.model.model_tasks import store_data
    from tasks.model.network import Network
    from tasks.session.session import session
    from tests.flows.tiny import small_cnn, write_pictures

    found: dict[str, dict[str, Any]] = {task: {} for task in TASKS}
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder, "store"))
        with session(store.root, "golden", {}) as run:
            data = store.record(store_data.fn(write_pictures(Path(folder, "pictures")), None, run.run.id).data)
            model = small_cnn()
            network = Network(model, "small", store.put(model_file.keras_bytes(model)), model_file.identity(model))
            images = load_data(store, data), data
            groups = Groups(
                ImageGroup("class 0", ("test/0",)), ImageGroup("class 2", ("test/2", "train/17")), ("test/1",)
            )
            with open_context(AnalysisContext(run, network, SETTINGS, images)):
                id = run.run.id
                made = {
                    "predictions": [predict_set.fn("predictions", "test", id)],
                    "activations": [
                        view_images.fn("two", ["test/0", "train/3"], id),
                        keep_activations.fn("all", "test", id),
                    ],
                    "fcps": [compare_groups.fn("fcps", layer, groups, id) for layer in ("Conv2D_2", "classes")],
                    "linear_classifiers": [compare_layers.fn("linear", (0, 2), id)],
                    "attribution": [attribute.fn("attribution", "test/0", id)],
                }
            for task, states in made.items():
                for number, state in enumerate(states):
                    for output in store.record(state.data).outputs:
                        for name, array in _arrays(output.media_type, store.get(output.digest)):
                            if array.dtype.kind == "U":
                                array = np.char.replace(array, folder, "FOLDER")
                            found[task][f"{number} {output.role} {name}".strip()] = array
    return found


def _arrays(media_type: str, data: bytes) -> Iterator[tuple[str, Any]]:
    """What is in an output, by name."""
    if media_type == "image/png":
        yield "pixels", np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    elif media_type == "application/x-npy":
        yield "", np.load(io.BytesIO(data))
    elif media_type == "application/x-hdf5":
        names: list[str] = []
        with h5py.File(io.BytesIO(data)) as file:
            file.visititems(lambda name, one: names.append(name) if isinstance(one, h5py.Dataset) else None)
            for name in names:
                values = file[name][()]
                yield name, values.astype(np.int64) if values.dtype == bool else values
    else:
        told = json.loads(data)
        yield "numbers", np.array(list(_numbers(told)), np.float64)
        yield "words", np.array(_words(told))


def _numbers(told: Any) -> Iterator[float]:
    """Every number in a document, in its order."""
    if isinstance(told, dict):
        told = [told[name] for name in sorted(told)]
    if isinstance(told, list):
        for one in told:
            yield from _numbers(one)
    elif isinstance(told, int | float):
        yield float(told)


def _words(told: Any) -> str:
    """The document without its numbers, as text."""

    def without(one: Any) -> Any:
        if isinstance(one, dict):
            return {name: without(value) for name, value in one.items()}
        if isinstance(one, list):
            return [without(value) for value in one]
        return 0 if isinstance(one, int | float) else one

    return json.dumps(without(told), sort_keys=True)
