"""What tasks give at this version: `python -m tests.tasks.golden` writes it down, `test_golden` holds them to it.

Whoever changes a task's output must raise its VERSION, or results of the old code would be reused as the new code's.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lib.dream.settings import DreamSettings
from lib.oips.settings import GrowthSettings
from tests.tasks.golden_analysis import analysed
from tests.tasks.golden_judging import judged

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
    "standardised": GROWTH.in_style("strong"),
    "box": replace(
        GROWTH.in_style("strong"),
        constraint="box",
        objective="pre-activation",
        oips=1,
        starts=4,
        smoothing=0.7,
        jitter=1,
    ),
}
# of these the OIPs alone are held: what is made beside them is made as in the others
LATER_STYLES = {style: GROWTH.in_style(style) for style in ("natural", "phase", "prototype")}
# of the first layer one that wants the longer search under "box"; of the second one whose search is widened
UNITS = ("Conv2D_1/0", "Conv2D_2/2", "Conv2D_2/3")

LARGE = 200  # px: strips and sheets
DREAM = DreamSettings(
    mode="octaves",
    objective="Conv2D_2/3",
    octaves=2,
    octave_scale=1.4,
    steps=3,
    step_size=2.0,
    rounds=2,
    smoothing=0.5,
    jitter=2,
    overlap=0.5,
    colours="kept",
    strength=0.9,
    seed=7,
)
DREAMS = {
    "octaves": DREAM,
    "tiles": replace(DREAM, mode="tiles", objective="0.7*Conv2D_2/1 + 0.3*Conv2D_1", colours="grey"),
    "carve": replace(DREAM, mode="carve", steps=4, objective="classes/1"),
    "carve+tiles": replace(DREAM, mode="carve+tiles", objective="Conv2D_1[2:1, 3:-0.5]"),
}


def modules() -> dict[str, ModuleType]:
    """The module of each task that is held."""
    from tasks.analysis import activations, attribution, fcps, linear_classifiers, predictions
    from tasks.dream import dreams, films, tours
    from tasks.model import data
    from tasks.sweep import exemplars, interpretability, naturalness, negatives, oips, responses, weights

    held = (
        *(data, exemplars, responses, weights, negatives, oips, naturalness, interpretability, dreams, films, tours),
        *(predictions, activations, fcps, linear_classifiers, attribution),
    )
    return {module.__name__.rpartition(".")[2]: module for module in held}


def versions() -> dict[str, int]:
    """The present version of each task that is held."""
    return {task: module.VERSION for task, module in modules().items()}


def made() -> dict[str, dict[str, Any]]:
    """What the tasks give now, by task and name: arrays, or a digest where the bytes are promised."""
    from contextlib import ExitStack

    from lib.network import model_file
    from storage.store import Store
    from tasks.model.context import open_context
    from tasks.model.model_tasks import store_data
    from tasks.model.network import Network, natural_of
    from tasks.session.open_runs import find_shared
    from tasks.session.session import session
    from tasks.sweep.context import SweepContext
    from tasks.sweep.exemplars import make_exemplars
    from tests.flows.tiny import MAPS, small_cnn, write_pictures

    found: dict[str, dict[str, Any]] = dreamed() | analysed() | {"data": {}, "exemplars": {}, "oips": {}}
    found |= {"responses": {}, "weights": {}, "negatives": {}, "naturalness": {}, "interpretability": judged(STYLES)}
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
        model = small_cnn()
        network = Network(model, "small", store.put(model_file.keras_bytes(model)), model_file.identity(model))
        natural = natural_of(store, data)
        for style, growth in STYLES.items():
            with open_context(SweepContext(run, network, growth, natural)):
                make_exemplars.fn(list(MAPS), run.run.id)
                hold_beside(found, style, find_shared(run.run.id, SweepContext))
                for (layer, _), exemplars in find_shared(run.run.id, SweepContext).exemplars.items():
                    for name, array in vars(exemplars).items():
                        found["exemplars"][f"{style} {layer} {name}"] = np.asarray(array)
                hold_oips(found, style, find_shared(run.run.id, SweepContext))
                hold_naturalness(found, style, find_shared(run.run.id, SweepContext))
        for style, growth in LATER_STYLES.items():
            with open_context(SweepContext(run, network, growth, natural)):
                make_exemplars.fn(list(MAPS), run.run.id)
                hold_oips(found, style, find_shared(run.run.id, SweepContext))
        run.run.close("completed", {})
    return found


def hold_oips(found: dict[str, dict[str, Any]], style: str, context: Any) -> None:
    """The OIPs of some units, and what is known of them."""
    from tasks.sweep.oips import make_oips

    session = context.session
    for unit in UNITS:
        output = session.store.record(make_oips.fn(unit, [unit], session.run.id).data[0]).output("oips")
        about: Any = output.attributes
        found["oips"][f"{style} {unit} images"] = np.array(session.store.array(output.digest))
        for name in ("response", "pre_activation", "start", "seed"):
            found["oips"][f"{style} {unit} {name}"] = np.array([oip[name] for oip in about["oips"]])
        found["oips"][f"{style} {unit} image-steps"] = np.array(about["image_steps"])
        found["oips"][f"{style} {unit} ratio"] = np.array(about["response_ratio"], np.float64)


def hold_beside(found: dict[str, dict[str, Any]], style: str, context: Any) -> None:
    """What is made of each layer besides OIPs, exemplars being found: arrays, and what they say of themselves."""
    from tasks.sweep.exemplars import pass_recipes
    from tasks.sweep.negatives import make_negatives
    from tasks.sweep.weights import compare_weights
    from tests.flows.tiny import MAPS

    session = context.session
    weights = compare_weights.fn(list(MAPS), session.run.id).data
    for layer, units in MAPS.items():
        _, responses = map(session.find, pass_recipes(context, layer))
        negatives = session.store.record(make_negatives.fn(layer, [0, 2], units, session.run.id).data)
        records = {"responses": responses, "weights": session.store.record(weights[layer]), "negatives": negatives}
        for task, record in records.items():
            for output in record.outputs:
                found[task][f"{style} {layer} {output.role}"] = np.array(session.store.array(output.digest))
            about = dict(record.outputs[0].attributes)
            for name in ("responses", "pre_activations"):
                if name in about:
                    found[task][f"{style} {layer} {name}"] = np.array(about.pop(name))
            found[task][f"{style} {layer} about"] = np.array(json.dumps(about, sort_keys=True))


def hold_naturalness(found: dict[str, dict[str, Any]], style: str, context: Any) -> None:
    """How natural the pictures are of the units that are made; a share of next to no response is no number to hold."""
    from tasks.sweep.naturalness import measure_naturalness
    from tests.flows.tiny import MAPS

    session, layer = context.session, "Conv2D_2"
    record = session.store.record(measure_naturalness.fn(layer, list(range(MAPS[layer])), session.run.id).data)
    for output in record.outputs:
        found["naturalness"][f"{style} {layer} {output.role}"] = np.array(session.store.array(output.digest))
    about: Any = record.outputs[0].attributes
    found["naturalness"][f"{style} {layer} about"] = np.array(json.dumps([about["layer"], about["units"]]))
    for name, share in about["data"].items():
        found["naturalness"][f"{style} {layer} data {name}"] = np.array(share)


def dreamed() -> dict[str, dict[str, Any]]:
    """What dreams, their animations and their sheets come to: pixels, how the objective rose, what the files say."""
    from lib.network import model_file
    from lib.network.units import Unit
    from storage.store import Store
    from tasks.dream import films, tours
    from tasks.dream.context import DreamContext, guide_in
    from tasks.dream.dreams import find_or_dream
    from tasks.dream.pieces import Piece, animation_title, tour_title
    from tasks.model.context import open_context
    from tasks.model.network import Network
    from tasks.session.session import session
    from tests.flows.tiny import small_cnn, write_photograph

    found: dict[str, dict[str, Any]] = {"dreams": {}, "films": {}, "tours": {}}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in ("rose.png", "guide.png", "mask.png")}
        for seed, (name, path) in enumerate(files.items()):
            write_photograph(path, seed, size=(31, 42), channels=1 if name == "mask.png" else 3)
        store = Store.open(Path(folder, "store"))
        model = small_cnn()
        network = Network(model, "small", store.put(model_file.keras_bytes(model)), model_file.identity(model))

        def hold(task: str, name: str, output: Any) -> None:
            data = store.get(output.digest)
            for number, frame in enumerate(frames(data)):
                found[task][f"{name} {output.role} {number}"] = frame
            found[task][f"{name} {output.role} parts"] = np.array(parts(data))

        with session(store.root, "golden", {}) as run:

            def dream(name: str, settings: DreamSettings, pieces: list[Piece], **more: Any) -> DreamContext:
                pictures = {"rose.png": files["rose.png"]}
                context = DreamContext(run, network, settings, pictures, passes=pieces[-1].number, **more)
                with open_context(context):
                    for piece in pieces:
                        find_or_dream(piece.title, piece.picture, piece.number, str(piece.unit or ""), run.run.id)
                        record = store.record(context.tally.key_of(piece.title))
                        for output in record.outputs:
                            hold("dreams", f"{name} {piece.title}", output)
                        for number, curve in enumerate(record.output("picture").attributes["climbs"][0]):  # type: ignore
                            found["dreams"][f"{name} {piece.title} climb {number}"] = np.array(curve["values"])
                    if len(pieces) > 1 and pieces[0].unit is None:
                        for kind in ("gif", "webp"):
                            title = animation_title("rose.png")
                            key = films.make_animation.fn(title, "rose.png", kind, run.run.id).data
                            hold("films", f"{name} {kind}", store.record(key).output("animation"))
                    elif pieces[0].unit is not None:
                        title = tour_title("Conv2D_2", "rose.png")
                        key = tours.make_tour_sheet.fn(title, "rose.png", "Conv2D_2", [0, 1, 2], run.run.id).data
                        hold("tours", name, store.record(key).output("sheet"))
                return context

            for mode, settings in DREAMS.items():
                dream(mode, settings, [Piece("rose.png")])
            guide = guide_in(run, files["guide.png"])
            layer = replace(DREAM, objective="Conv2D_2")
            dream("guided", layer, [Piece("rose.png")], guide=guide, masks=files["mask.png"])
            dream("tour", DREAM, [Piece("rose.png", unit=Unit("Conv2D_2", index)) for index in range(2)])
            # what is not dreamed is the same on every machine, so an animation of it is too
            turned = [Piece("rose.png", number, 2) for number in (1, 2)]
            dream("turned", replace(DREAM, strength=0.0), turned, rotation=90.0)
        run.run.close("completed", {})
    return found


def frames(data: bytes) -> list[Any]:
    """The frames of a picture or an animation, as they are seen; large ones from farther away."""
    from io import BytesIO

    from PIL import Image, ImageSequence

    with Image.open(BytesIO(data)) as picture:
        smaller = 1 if picture.width < LARGE else 4
        return [np.array(frame.convert("RGB").reduce(smaller)) for frame in ImageSequence.Iterator(picture)]


def parts(data: bytes) -> list[str]:
    """Of what a file consists besides its pixels: kind, sizes, and what it says of itself, by name."""
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(data)) as picture:
        about = [f"{picture.format} {picture.mode} {picture.size}", *sorted(map(str, picture.info))]
        return [*about, f"duration {picture.info.get('duration')}", f"loop {picture.info.get('loop')}"]


def write() -> None:
    """Write what the tasks give now under their present versions."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    now = made()
    (FOLDER / f"data-{versions()['data']}.json").write_text(json.dumps(now["data"], indent=1, sort_keys=True) + "\n")
    for task in sorted(set(versions()) - {"data"}):
        with (FOLDER / f"{task}-{versions()[task]}.npz").open("wb") as file:
            np.savez_compressed(file, **{name.replace("/", ":"): array for name, array in now[task].items()})


if __name__ == "__main__":
    write()
