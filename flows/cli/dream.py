"""`dreamsweep dream`."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.local_runs import dream_here
from flows.cli.options import AsJson, StorePlace, change, drop_none, field, setting, validate
from flows.forms.form import at_home
from flows.forms.parameters import DreamParameters
from flows.forms.places import store_place
from lib.dream.settings import DreamSettings
from lib.errors import BadInput
from lib.pictures.names import show_name


def _field(name: str, metavar: str) -> Any:
    return field(DreamParameters, name, metavar=metavar)


def _setting(name: str, metavar: str) -> Any:
    return setting(DreamSettings, name, metavar=metavar)


def dream(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PICTURES...", help="Folders, with all that is in them, and files.", show_default=False),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="More of them from a file, one a line, or with NULs between them; - for stdin.",
        ),
    ] = None,
    patterns: Annotated[list[str] | None, _field("patterns", "PATTERN")] = None,
    model: Annotated[str | None, _field("model", "MODEL")] = None,
    mode: Annotated[str | None, _setting("mode", "NAME")] = None,
    objective: Annotated[str | None, _setting("objective", "MIX")] = None,
    guide: Annotated[Path | None, _field("guide", "FILE")] = None,
    mask: Annotated[Path | None, _field("mask", "PATH")] = None,
    colours: Annotated[str | None, _setting("colours", "NAME")] = None,
    strength: Annotated[float | None, _setting("strength", "X")] = None,
    octaves: Annotated[int | None, _setting("octaves", "N")] = None,
    octave_scale: Annotated[float | None, _setting("octave_scale", "X")] = None,
    steps: Annotated[int | None, _setting("steps", "N")] = None,
    step_size: Annotated[float | None, _setting("step_size", "X")] = None,
    rounds: Annotated[int | None, _setting("rounds", "N")] = None,
    smoothing: Annotated[float | None, _setting("smoothing", "X")] = None,
    jitter: Annotated[int | None, _setting("jitter", "N")] = None,
    overlap: Annotated[float | None, _setting("overlap", "X")] = None,
    seed: Annotated[int | None, _setting("seed", "N")] = None,
    passes: Annotated[int | None, _field("passes", "N")] = None,
    zoom: Annotated[float | None, _field("zoom", "X")] = None,
    rotation: Annotated[float | None, _field("rotation", "DEGREES")] = None,
    animation: Annotated[str | None, _field("animation", "KIND")] = None,
    tour: Annotated[str | None, _field("tour", "PATTERN")] = None,
    out: Annotated[Path | None, _field("out", "DIR")] = None,
    finish_by: Annotated[str | None, _field("finish_by", "HH:MM")] = None,
    timezone: Annotated[str | None, _field("timezone", "NAME")] = None,
    budget: Annotated[float | None, _field("budget", "MINUTES")] = None,
    stalled_after: Annotated[float | None, _field("stalled_after", "MINUTES")] = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    settings = {
        "mode": mode,
        "objective": objective,
        "colours": colours,
        "strength": strength,
        "octaves": octaves,
        "octave_scale": octave_scale,
        "steps": steps,
        "step_size": step_size,
        "rounds": rounds,
        "smoothing": smoothing,
        "jitter": jitter,
        "overlap": overlap,
        "seed": seed,
    }
    chosen = change(DreamSettings(), settings)
    idle = [name for name in drop_none(settings) if name not in chosen.deciding()]
    if idle:
        option = idle[0].replace("_", "-")
        raise BadInput(f"--{option} says nothing in mode {chosen.mode}: leave it out, or choose another --mode")
    named = [*(pictures or ()), *(_listed(listed) if listed else ())]
    if not named:
        raise BadInput("no pictures are named: dreamsweep dream PICTURES..., folders or files")
    given = drop_none(
        {
            "store": store_place(store),
            # what begins with file:// may be any name; how it is here depends on the folder that this is called in
            "pictures": [show_name(str(_absolute(path))) for path in named],
            "patterns": patterns or None,
            "model": model,
            "settings": chosen,
            "passes": passes,
            "zoom": zoom,
            "rotation": rotation,
            "animation": animation,
            "tour": tour,
            "guide": guide and _absolute(guide),
            "mask": mask and _absolute(mask),
            "out": out and _absolute(out),
            "finish_by": finish_by,
            "timezone": timezone,
            "budget": budget,
            "stalled_after": stalled_after,
        }
    )
    return dream_here(validate(DreamParameters, given), as_json)


def _absolute(path: Path) -> Path:
    return at_home(path).absolute()


def _listed(file: Path) -> list[Path]:
    """The paths in a list; one of which some have odd names holds NULs instead of line ends, as `find -print0` has."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as problem:
        raise BadInput(f"the list {file} cannot be read: {problem.strerror}") from problem
    between = b"\0" if b"\0" in data else b"\n"
    return [Path(os.fsdecode(line)) for line in data.split(between) if line.strip()]
