"""How long this machine takes for an image-step of each layer, timed before a sweep, and kept for the next one.

Of a deep network a few layers are timed, spread over the work that leads to them; what the others take lies between.
Timings are of a machine, and no results: they lie in a folder of this machine's, and not in the store.
"""

import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lib.arrays import Floats
from lib.network.units import Unit
from lib.network.work import Work, structure_of, work_to
from lib.oips.ascent import AscentState
from lib.oips.search import Ground
from lib.oips.start_images import length_scales, start_image, start_seed
from storage.document import digest_of
from tasks.session.progress import report
from tasks.session.provenance import environment_bytes
from tasks.sweep.context import SweepContext, batch_for

VERSION = 1
MOST_TIMED = 8
"""Layers of one network that are timed."""
LARGEST_SHARE = 0.05
"""Of the time before a deadline that goes into timing, but for the first layer."""
STEPS = 2
"""So many steps are timed, after one that is not: first calls are slow."""


@dataclass(frozen=True)
class Timing:
    """What a layer takes, in seconds of CPU time; each of an image, as part of a full batch.

    Attributes:
        step: one image-step.
        step_wall: the same by the clock, with nothing else at work.
        measured: the way forwards alone.
        ready: once for the layer: to build and trace its ascent, and to prove which units are dead.
        start: to make a start image.
        memory: bytes that the process had at most until then.
    """

    step: float
    step_wall: float
    measured: float
    ready: float
    start: float
    memory: int


@dataclass(frozen=True)
class Timings:
    """What each layer of a sweep takes, by name; `timed` are those that were measured, `now` those of them just now."""

    layers: Mapping[str, Timing]
    timed: tuple[str, ...]
    now: tuple[str, ...]


def timings_of(context: SweepContext, layers: Sequence[str], folder: Path) -> Timings:
    """What an image-step of each of these layers takes, as it is about to be swept; `folder` keeps what is timed."""
    work = work_ahead(context, layers)
    file = folder / f"{_key(context)}.json"
    known = _read(file)
    chosen = spread(work)
    missing = [layer for layer in chosen if layer not in known]
    begun, left = time.monotonic(), context.session.deadline.seconds_left()
    most = math.inf if left is None else LARGEST_SHARE * left
    now: list[str] = []
    if missing:
        context.find_exemplars_for(missing)  # once, and not as a part of what a layer takes
    for done, layer in enumerate(reversed(missing)):  # from the deepest: what is not timed then is told too high
        if known and time.monotonic() - begun > most:
            break
        report("timing", done, len(missing), of="layers")
        known[layer] = time_layer(context, layer)
        now.append(layer)
    if missing:
        report("timing", len(missing), len(missing), of="layers")
        _write(file, known)
    timed = {layer: known[layer] for layer in layers if layer in known}
    return Timings(between(work, timed), tuple(timed), tuple(layer for layer in missing if layer in now))


def work_ahead(context: SweepContext, layers: Sequence[str]) -> dict[str, Work]:
    """The work up to each of the layers, by name, for an image of the layer's size."""
    work: dict[str, Work] = {}
    for size, alike in context.by_size(layers).items():
        work |= work_to(context.network.model, alike, size=size)
    return work


def spread(work: Mapping[str, Work], most: int = MOST_TIMED) -> list[str]:
    """At most so many of the layers, spread over the work up to them; the first and the last are among them."""
    layers = sorted(work, key=lambda layer: work[layer].operations)
    if len(layers) <= most:
        return layers
    reached = np.array([work[layer].operations for layer in layers])
    marks = np.linspace(reached[0], reached[-1], most)
    nearest = {int(np.abs(reached - mark).argmin()) for mark in marks}
    return [layers[at] for at in sorted(nearest | {0, len(layers) - 1})]


def between(work: Mapping[str, Work], timed: Mapping[str, Timing]) -> dict[str, Timing]:
    """What all layers take, from what some of them do: by the work up to them, what is built by the steps of it."""
    order = sorted(timed, key=lambda layer: work[layer].operations)
    by_steps = sorted(timed, key=lambda layer: work[layer].steps)

    def at(layer: str, name: str) -> float:
        key, places = ("steps", by_steps) if name == "ready" else ("operations", order)
        marks = [getattr(work[place], key) for place in places]
        return float(np.interp(getattr(work[layer], key), marks, [getattr(timed[place], name) for place in places]))

    memory = max(timing.memory for timing in timed.values())
    names = ("step", "step_wall", "measured", "ready", "start")
    return {
        layer: timed.get(layer) or Timing(**{name: at(layer, name) for name in names}, memory=memory) for layer in work
    }


def time_layer(context: SweepContext, layer: str) -> Timing:
    """What one layer takes in the sweep's own style; what is built for it the sweep uses as well."""
    growth, unit = context.growth, Unit(layer, 0)
    batch = batch_for(growth, context.batch)
    begun = time.process_time()
    context.is_dead(layer, 0)
    ground = context.usual_ground(layer)
    canvas = ground.parameterisation.canvas
    seeds = [start_seed(growth.seed, str(unit), number) for number in range(batch)]
    made = time.process_time()
    noise = start_image(seeds[0], length_scales(0, growth.length_scales), canvas)
    start = time.process_time() - made
    state = AscentState.from_starts(ground.starts(np.repeat(noise[None], batch, axis=0)), ground.parameterisation.shape)
    moves = ground.parameterisation.moves(seeds, STEPS + 1)
    state = _climb(ground, state, growth.step_size, moves[:1])
    images = np.zeros((_measured_at_once(context, batch), *ground.parameterisation.shape), np.float32)
    ground.measure(images, np.zeros(len(images), np.int32))
    ready = time.process_time() - begun
    begun = time.process_time()
    ground.measure(images, np.zeros(len(images), np.int32))
    measured = (time.process_time() - begun) / len(images)
    begun, clock = time.process_time(), time.perf_counter()
    _climb(ground, state, growth.step_size, moves[1:])
    cpu, wall = time.process_time() - begun, time.perf_counter() - clock
    # a call looks at its images once more when it ends
    ends = min(batch * measured, cpu / 2)
    steps = (cpu - ends) / STEPS / batch
    # by the clock it takes no longer than on one processor, unless other work was beside it, or it waits for a GPU
    beside = wall / max(cpu, 1e-9)
    return Timing(steps, steps * (beside if _on_gpu() else min(1.0, beside)), measured, ready, start, _memory())


def _climb(ground: Ground, state: AscentState, rate: float, moves: Floats) -> AscentState:
    rates = np.full((len(moves), len(state)), rate, np.float32)
    return ground.ascent.optimise(state, np.zeros(len(state), np.int32), rates, moves)


def _measured_at_once(context: SweepContext, batch: int) -> int:
    return batch if context.network.pixels.plain else context.batch


def _on_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


def _memory() -> int:
    """Bytes that this process has had at most."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if platform.system() == "Darwin" else 1024 * most


def _key(context: SweepContext) -> str:
    """What timings hold for. Another machine, style, size or batch has its own; another training has the same."""
    growth = context.growth
    about = {
        "version": VERSION,
        "environment": digest_of(environment_bytes()),
        "host": platform.node(),
        "cores": os.cpu_count(),
        "model": structure_of(context.network.model),
        "pixels": str(context.network.pixels),
        "style": growth.style,
        "constraint": growth.constraint,
        "margin": growth.margin,
        "size": list(context.size) if context.size else None,
        **({"smaller": sorted({*context.smaller.values()})} if context.smaller else {}),
        "batch": [context.batch, batch_for(growth, context.batch)],
    }
    return digest_of(json.dumps(about, sort_keys=True).encode())[:32]


def _read(file: Path) -> dict[str, Timing]:
    """What was kept; nothing where that cannot be read: it is timed again."""
    try:
        found = json.loads(file.read_text())
        known = {str(layer): Timing(**about) for layer, about in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    numbers = [value for timing in known.values() for value in asdict(timing).values()]
    return known if all(isinstance(one, int | float) and 0 <= one < math.inf for one in numbers) else {}


def _write(file: Path, known: Mapping[str, Timing]) -> None:
    text = json.dumps({layer: asdict(timing) for layer, timing in known.items()}, indent=1)
    with suppress(OSError):  # it is timed again
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".part", delete=False) as written:
            written.write(text)
        Path(written.name).replace(file)
