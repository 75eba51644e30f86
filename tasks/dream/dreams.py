"""One dream as artifacts: what one task run makes, of one picture in one pass."""

import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from lib.arrays import Array
from lib.dream.dreamer import Dream
from lib.errors import BadInput
from lib.network.units import Unit
from lib.pictures.colours import planes_of, white
from lib.pictures.files import Picture, decode, size_of
from lib.pictures.names import show_name
from lib.pictures.png import encode_png
from lib.pictures.resample import resize
from lib.pictures.zoom import zoom_and_turn
from storage.document import Json
from storage.runs import How
from storage.store import Input, NewOutput, Recipe, Record
from tasks.dream.context import DreamContext
from tasks.dream.kinds.dream import KIND
from tasks.dream.pieces import CurveAttributes, DreamAttributes, Piece, mask_title
from tasks.dream.unreadable import UnreadablePicture, tell_unreadable
from tasks.model.pixels import pixel_range_parameters
from tasks.session import originals
from tasks.session.open_runs import find_shared
from tasks.session.originals import original_title
from tasks.session.progress import beat, report
from tasks.session.recorded import stored_task

VERSION = 1
PNG = "image/png"
TOUR_SIDE = 224
"""Pixels of the longer side of a tour's dreams, at most."""
_LONGEST = 500
"""Letters of why a dream failed, in one line."""
SECONDS_UNTIL_STEPS_ARE_REPORTED = 3.0


def find_or_dream(name: str, picture: str, number: int, unit: str, run: str) -> State[str]:
    """The record of one dream (its key), by one task run called `name`; the context then knows it.

    Args:
        picture: one of the context's.
        number: which pass.
        unit: of a tour, as Conv2D_3/56; empty where the context's objective is dreamed.

    A picture that cannot be used ends the task run as failed, in one line; whatever else goes wrong is raised.
    """
    context = find_shared(run, DreamContext)
    piece = Piece(picture, number, context.passes, Unit.parse(unit) if unit else None)
    tally = context.tally
    if not tally.is_made(name):  # by an earlier attempt
        try:
            record, there = _obtain_dream(context, piece)
        except BadInput as problem:
            if isinstance(problem, UnreadablePicture):
                context.unreadable.add(name, picture)
            tally.fail(name, str(problem))
            return Failed(message=str(problem), data=problem)
        except Exception as error:
            # TensorFlow's errors have pages
            tally.fail(name, textwrap.shorten(f"{type(error).__name__}: {error}", _LONGEST, placeholder=" ..."))
            raise
        context.unreadable.forget(name)
        tally.add(name, record.key, reused=there)
        beat()
    return Completed(name="Completed" if tally.is_computed(name) else "Reused", data=tally.key_of(name))


make_dream = stored_task(find_or_dream, "dream", run_name="{name}")


def recipes_of(context: DreamContext, pieces: Sequence[Piece]) -> Iterator[Recipe]:
    """What the making of these first passes, and of those after them, may find in the store."""
    for first in pieces:
        for piece, recipe, _ in find_passes(context, first):
            if piece.number == 1:
                yield originals.recipe_of(recipe.inputs["picture"])
            yield recipe


def note_passes(context: DreamContext, first: Piece, how: How) -> None:
    """Add to the run, from a first pass on, all that the store has and the run has not."""
    tally = context.tally
    if tally.is_made(replace(first, number=context.passes).title):
        return  # and all before it: its file need not be read again
    for piece, _, record in find_passes(context, first):
        if record is None or tally.has_failed(piece.title):
            return
        if not tally.is_made(piece.title):
            context.session.run.add(piece.title, record, how)
            tally.add(piece.title, record.key, reused=how == "reused")


def find_passes(context: DreamContext, first: Piece) -> Iterator[tuple[Piece, Recipe, Record | None]]:
    """A first pass and those after it, up to the first that is not in the store; none of a file that is of no use."""
    try:
        digest = originals.digest_of(context.pictures[first.picture])
        for number in range(1, context.passes + 1):
            piece = Piece(first.picture, number, context.passes, first.unit)
            recipe = dream_recipe(context, piece, digest)
            record = context.session.find(recipe)
            yield piece, recipe, record
            if record is None:
                return
            digest = record.output("picture").digest
    except BadInput:  # its own task run will say so
        return


def dream_recipe(context: DreamContext, piece: Piece, digest: str) -> Recipe:
    """What dreaming into the bytes of this digest will compute."""
    dreamer = context.dreamer(piece.unit)
    parameters: dict[str, Json] = {
        **context.settings.deciding(),
        "objective": dreamer.objective,
        **pixel_range_parameters(context.network.pixels),
    }
    del parameters["style"]
    if dreamer.natural:  # earlier versions knew no other style than plain, and their recipes none
        parameters["style"] = "natural"
    if piece.unit is not None:
        parameters["longest_side"] = TOUR_SIDE
    if piece.number > 1 and (context.zoom, context.rotation) != (1.0, 0.0):
        parameters |= {"zoom": context.zoom, "rotation": context.rotation}
    inputs = context.recipe_inputs() | {"picture": digest}
    if (mask := context.mask_of(piece.picture)) is not None:
        inputs["mask"] = originals.digest_of(mask)
    return Recipe(KIND.task, VERSION, parameters, inputs)


def _obtain_dream(context: DreamContext, piece: Piece) -> tuple[Record, bool]:
    """The record of a dream, and whether it was there already.

    Outputs: `picture`, a PNG whose attributes say how the objective rose; where the mode is one that carves, `strip`,
    a PNG of its panels.
    """
    session = context.session
    if piece.number == 1:
        with tell_unreadable():
            data = _read(context.pictures[piece.picture], piece.picture)
        digest = originals.digest(data)
    else:
        digest = session.store.record(context.tally.key_of(piece.before.title)).output("picture").digest
        data = session.store.get(digest)
    recipe = dream_recipe(context, piece, digest)
    mask_data = None
    if (path := context.mask_of(piece.picture)) is not None:
        mask_data = _read(path, f"the mask {show_name(str(path))}")

    def keep() -> None:
        if piece.number == 1:
            originals.keep_original(session, data, original_title(piece.picture))
        if mask_data is not None:
            originals.keep_original(session, mask_data, mask_title(piece.picture))

    def compute() -> tuple[list[NewOutput], list[Input]]:
        with context.pixel_budget.take(size_of(data).pixels):
            with tell_unreadable():
                decoded = _decode(data, piece.picture)
            source = _source(context, piece, decoded)
            mask = planes_of(_decode(mask_data, "the mask").frames[0], 1, "grey")[:, :, 0] if mask_data else None
            keep()  # now that they are known to be pictures
            dreams = []
            for frame in source.frames:
                with _StepReport(piece.title) as tell:
                    dreams.append(context.dreamer(piece.unit).dream(frame, mask=mask, progress=tell))
            pixels = np.array([dream.pixels for dream in dreams])
            about = {"recipe": recipe.digest, "task": recipe.task, "parameters": recipe.parameters}
            about |= {"inputs": recipe.inputs}
            picture = Picture(pixels, source.alpha, source.durations, source.loops)
            attributes = DreamAttributes(title=piece.title, climbs=_describe_curves(dreams))
            outputs = [
                NewOutput(
                    "picture",
                    encode_png(picture, {**about, "role": "picture"}),
                    "picture",
                    PNG,
                    str(pixels.dtype),
                    pixels.shape,
                    attributes=attributes,
                )
            ]
            if dreams[0].strip is not None:
                strip = encode_png(decode(dreams[0].strip), {**about, "role": "strip"})
                outputs.append(NewOutput("strip", strip, "picture", PNG, attributes={"title": piece.title}))
        read = [Input("picture", digest), *context.lineage_inputs()]
        return outputs, [*read, Input("mask", recipe.inputs["mask"])] if mask_data else read

    record, there = session.obtain(recipe, compute, unit=piece.title)
    if there:
        keep()
    return record, there


def keep_pictures(context: DreamContext, picture: str) -> tuple[str, str | None]:
    """Store the files of a picture and of its mask, for whoever dreams it elsewhere; their digests.

    Raises UnreadablePicture where the picture cannot be read, and BadInput where its mask cannot.
    """
    session = context.session
    with tell_unreadable():
        data = _read(context.pictures[picture], picture)
        with context.pixel_budget.take(size_of(data).pixels):
            _decode(data, picture)
    originals.keep_original(session, data, original_title(picture))
    if (path := context.mask_of(picture)) is None:
        return originals.digest(data), None
    mask = _read(path, f"the mask {show_name(str(path))}")
    originals.keep_original(session, mask, mask_title(picture))
    return originals.digest(data), originals.digest(mask)


def _read(path: Path, name: str) -> bytes:
    """The bytes of a file that is a picture as far as its header tells."""
    try:
        data = originals.read_original(path)
        size_of(data)
        return data
    except BadInput as problem:
        raise BadInput(f"{name} {problem}") from problem


def _decode(data: bytes, name: str) -> Picture:
    try:
        return decode(data)
    except BadInput as problem:
        raise BadInput(f"{name} {problem}") from problem


def _source(context: DreamContext, piece: Piece, picture: Picture) -> Picture:
    """What the dream begins with."""
    if piece.unit is not None:
        return _shrink(picture.frames[0])
    if piece.number > 1:
        return _move(picture, context.zoom, context.rotation)
    return picture


def _move(picture: Picture, zoom: float, rotation: float) -> Picture:
    def move(pixels: Array) -> Array:
        return np.stack([zoom_and_turn(frame, zoom=zoom, degrees=rotation) for frame in pixels])

    alpha = None if picture.alpha is None else move(picture.alpha[..., None])[..., 0]
    return replace(picture, frames=move(picture.frames), alpha=alpha)


def _shrink(pixels: Array) -> Picture:
    """A picture as a tour dreams it: its opaque first frame, no longer than `TOUR_SIDE`."""
    height, width, _ = pixels.shape
    shrunk = TOUR_SIDE / max(height, width)
    if shrunk < 1:
        floats = resize(pixels, max(1, round(height * shrunk)), max(1, round(width * shrunk)))
        pixels = np.rint(floats).clip(0, white(pixels)).astype(pixels.dtype)
    return Picture(pixels[None])


def _describe_curves(dreams: Sequence[Dream]) -> list[list[CurveAttributes]]:
    """How the objective rose, a list for each frame."""
    return [
        [CurveAttributes(name=curve.name, values=[float(value) for value in curve.values]) for curve in dream.curves]
        for dream in dreams
    ]


class _StepReport:
    """Reports octaves and steps within one picture, where that takes so long that somebody wants to know."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self._shown = False

    def __call__(self, what: str, step: int, steps: int) -> None:
        beat()
        if time.monotonic() - self._begun > SECONDS_UNTIL_STEPS_ARE_REPORTED:
            self._shown = True
            report(self._title, step, steps + 1, f"{what}, step {step} of {steps}")

    def __enter__(self) -> "_StepReport":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            report(self._title, 1, 1)
