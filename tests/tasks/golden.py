"""What tasks give at this version: `python -m tests.tasks.golden` writes it down, `test_golden` holds them to it.

Whoever changes a task's output must raise its VERSION, or results of the old code would be reused as the new code's.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lib.growth_settings import GrowthSettings

FOLDER = Path(__file__).parent / "golden"
# Every setting is spelt out, as another default is another recipe anyhow. Few steps: what processors round differently
# has no time to grow.
GROWTH = GrowthSettings(
    constraint="standardised",
    objective="response",
    oips=2,
    starts=6,
    steps=8,
    step_size=0.4,
    smoothing=0.0,
    jitter=0,
    length_scales=((1.0,), (2.0,), (1.0, 3.0)),
    shared_starts=False,
    seed=7,
)
STYLES = {
    "standardised": GROWTH,
    "box": replace(GROWTH, constraint="box", objective="pre-activation", oips=1, starts=4, smoothing=0.7, jitter=1),
}
# of the first layer one that wants the longer search under "box"; of the second one whose search is widened
UNITS = ("Conv2D_1/0", "Conv2D_2/2", "Conv2D_2/3")


def versions() -> dict[str, int]:
    """The present version of each task that is held."""
    from tasks import data, exemplars, oips

    return {"data": data.VERSION, "exemplars": exemplars.VERSION, "oips": oips.VERSION}


def made() -> dict[str, dict[str, Any]]:
    """What the tasks give now, by task and name: arrays, or a digest where the bytes are promised."""
    from contextlib import ExitStack

    from lib import model_file
    from storage.store import Store
    from tasks.data import pixel_range, store_data
    from tasks.exemplars import make_exemplars
    from tasks.oips import make_oips
    from tasks.session import session
    from tasks.workshop import Natural, Network, Workshop, opened, workshop_of
    from tests.flows.tiny import MAPS, small_cnn, write_pictures

    found: dict[str, dict[str, Any]] = {"data": {}, "exemplars": {}, "oips": {}}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as inside:
        store = Store.open(Path(folder, "store"))
        run = inside.enter_context(session(store.root, "golden", {}))
        digits = store.record(store_data.fn("digits", None, run.run.id).data)
        for output in digits.outputs:
            if output.role != "dataset":
                found["data"][output.role] = output.digest
        found["data"]["attributes"] = json.loads(json.dumps(digits.parameters))
        pictures = write_pictures(Path(folder, "pictures"))
        data = store.record(store_data.fn(pictures, None, run.run.id).data)
        images = data.output("train_imgs")
        model = small_cnn()
        network = Network(model, "small", store.put(model_file.keras_bytes(model)), model_file.identity(model))
        natural = Natural("pictures", store.array(images.digest), images.digest)
        for style, growth in STYLES.items():
            with opened(Workshop(run, network, growth, pixel_range(data), natural)):
                make_exemplars.fn(list(MAPS), run.run.id)
                for (layer, _), exemplars in workshop_of(run.run.id).exemplars.items():
                    for name, array in vars(exemplars).items():
                        found["exemplars"][f"{style} {layer} {name}"] = np.asarray(array)
                for unit in UNITS:
                    output = store.record(make_oips.fn(unit, [unit], run.run.id).data[0]).output("oips")
                    about: Any = output.attributes
                    found["oips"][f"{style} {unit} images"] = np.array(store.array(output.digest))
                    for name in ("response", "pre_activation", "start", "seed"):
                        found["oips"][f"{style} {unit} {name}"] = np.array([oip[name] for oip in about["oips"]])
                    found["oips"][f"{style} {unit} image-steps"] = np.array(about["image_steps"])
                    found["oips"][f"{style} {unit} ratio"] = np.array(about["response_ratio"], np.float64)
        run.run.close("completed", {})
    return found


def write() -> None:
    """Write what the tasks give now under their present versions."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    now = made()
    (FOLDER / f"data-{versions()['data']}.json").write_text(json.dumps(now["data"], indent=1, sort_keys=True) + "\n")
    for task in ("exemplars", "oips"):
        with (FOLDER / f"{task}-{versions()[task]}.npz").open("wb") as file:
            np.savez_compressed(file, **{name.replace("/", ":"): array for name, array in now[task].items()})


if __name__ == "__main__":
    write()
