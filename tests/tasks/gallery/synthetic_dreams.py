"""Dreams of a synthetic store, and the sheet of a tour."""

import io
from typing import Any

import numpy as np
from PIL import Image

from lib.pictures.animation import Kind, animation
from lib.pictures.files import Picture
from lib.pictures.png import encode_png
from storage.record import Input, NewOutput
from storage.runs import How, Run
from tests.tasks.gallery.synthetic import MODEL, Synthetic, png

HOSTILE = 'rose"><script>alert(1)</script>&.jpg'
PLACE = "48.8584 N"
"""In the original's metadata, and to be nowhere in a gallery."""


def photograph() -> bytes:
    """A JPEG that lies on its side and says where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010E] = PLACE
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 30, 3), 120, np.uint8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def dream(
    made: Synthetic,
    picture: str = "flower.jpg",
    *,
    passes: int = 1,
    film: Kind | None = None,
    strip: bool = False,
    mask: bool = False,
    run: Run | None = None,
    how: How = "computed",
) -> Run:
    """A dream of a photograph in some passes; gives its run, still open."""
    run = run or made.store.open_run("dream", {"passes": passes, "tour": None})
    data = photograph()
    original = made.commit("original", {}, [NewOutput("original", data, "original", "image/jpeg")])
    run.add(f"/original/{picture}", original, "computed")
    digest = original.output("original").digest
    for number in range(1, passes + 1):
        title = picture if number == passes else f"{picture}/pass {number}"
        outputs = [_dream_output(title, number)]
        if strip:
            outputs.append(NewOutput("strip", png(90, 20), "picture", "image/png"))
        masked = {"mask": made.store.put(png(40, 30))} if mask else {}
        parameters: dict[str, Any] = {"mode": "octaves", "objective": "Conv2D_1/0", "steps": 2, "of": picture}
        if number > 1:
            parameters |= {"zoom": 1.25, "rotation": 3.0}
        record = made.commit(
            "dream",
            parameters,
            outputs,
            recipe_inputs={"model": MODEL, "picture": digest, **masked},
            inputs=[Input("picture", digest), Input("model", made.models[MODEL])]
            + [Input("mask", digest) for digest in masked.values()],
        )
        run.add(title, record, how)
        digest = record.output("picture").digest
    if film:
        frames = [np.full((30, 40, 3), tone, np.uint8) for tone in (0, 99, 200)]
        moving = NewOutput("animation", animation(frames, film), "animation", f"image/{film}")
        made.commit("animation", {"of": picture}, [moving], run=run, title=f"/animation/{picture}")
    return run


def tour(made: Synthetic, picture: str = "flower.jpg", *, maps: int = 3) -> str:
    """A tour of which the last map failed; gives its run."""
    run = made.store.open_run("dream", {"passes": 1, "tour": f"Conv2D_1/0-{maps - 1}"})
    digest = made.store.put(photograph())
    dreams = {}
    for index in range(maps - 1):
        unit = f"Conv2D_1/{index}"
        record = made.commit(
            "dream",
            {"mode": "octaves", "objective": unit, "longest_side": 224, "of": picture},
            [_dream_output(f"{picture}/{unit}", 10 + index)],
            recipe_inputs={"model": MODEL, "picture": digest},
            inputs=[Input("picture", digest), Input("model", made.models[MODEL])],
            run=run,
            title=f"{picture}/{unit}",
        )
        dreams[unit] = record.output("picture").digest
    run.fail(f"{picture}/Conv2D_1/{maps - 1}", "ValueError: no luck")
    made.commit(
        "tour",
        {
            "layer": "Conv2D_1",
            "units": list(range(maps)),
            "failed": [maps - 1],
            "picture": picture,
            "model": "model/one",
        },
        [NewOutput("sheet", png(90, 60), "sheet", "image/png")],
        inputs=[Input(unit, digest) for unit, digest in dreams.items()],
        run=run,
        title=f"/tour/Conv2D_1/{picture}",
    )
    run.close("failed", {"objective": f"Conv2D_1/0-{maps - 1}", "mode": "octaves", "left": 0})
    return run.id


def _dream_output(title: str, number: int) -> NewOutput:
    pixels = np.random.default_rng(number).integers(0, 255, (1, 30, 40, 3), np.uint8)
    climbs = [[{"name": "octave 1 of 1", "values": [0.5, 1.0, 0.5 + number]}]]
    attributes = {"title": title, "climbs": climbs}
    data = encode_png(Picture(pixels))
    return NewOutput("picture", data, "picture", "image/png", "uint8", pixels.shape, attributes=attributes)
