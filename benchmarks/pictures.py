"""How good the pictures of every style are: a table of styles by measures, of two networks.

    python -m benchmarks pictures --mnist FOLDER [--networks mnist photographs] [--styles natural strong]
        [--units 4] [--layers PATTERN ...] [--steps N] [--starts N] [--constraint box] [--epochs N] [--save FOLDER]

`mnist` is the reference network on real MNIST (the folder has its IDX files), under `standardised`; `photographs` is a
small network of colours on pieces of three photographs (`benchmarks.colour_photographs`), under `box`. The judge of
each is the same network of another seed, trained here as well. So many units of each layer are drawn by seed, the same
ones for all styles.

The columns: the share of units whose picture is the style's `own` (where it does not reach the best exemplar, a sweep
takes that of a search in `strong`); the response over that of `strong`, unit by unit; what is kept of it under a shift
of 2 px, a turn of 4 degrees and a blur of 1 px; the shares of fine detail and of colour; the machine interpretability
score, its mean over the units with the 95 % interval of that (Student's t over units); how far `apart` a unit's OIPs
are to the judge (with `--oips`; one less the mean cosine of their profiles, in deviations of natural images, 0 where
all show one pattern); and the seconds a unit: its search alone, with nothing left to trace. Below the styles stand the
best exemplar, with the score of all nine, as the ceiling, and noise as the floor. The store is made anew, so nothing is
reused.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

if TYPE_CHECKING:
    from lib.arrays import Array, Doubles
    from lib.network.units import Unit
    from tasks.model.network import Natural, Network
    from tasks.session.session import Session
    from tasks.sweep.context import SweepContext

BASE = "strong"
"""The style that responses are held against."""
COLUMNS = ("own", "response", "shift", "turn", "blur", "fine", "colour", "score", "apart", "seconds")
"""Of the table."""

Values = Mapping[str, "Doubles"]
"""By column, one number for each unit; NaN where it has none."""


@dataclass(frozen=True)
class Subject:
    """A network that is measured, its judge and its data set, in an open run of a store.

    `constraint`: that images are grown under where none is chosen; `about`: what they are, in a line.
    """

    session: Session
    network: Network
    judge: Network
    natural: Natural
    constraint: str
    about: str


@dataclass
class Rows:
    """What was measured: `rows` by name, and `failures`: why a style could not be."""

    rows: dict[str, Values] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def main(arguments: list[str]) -> None:
    """Print a table for each network, and one JSON object."""
    from lib.oips.constraint import CONSTRAINTS
    from lib.oips.style import STYLES

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--mnist", type=Path, default=os.environ.get("DREAMSWEEP_MNIST"), help="the IDX files")
    parser.add_argument("--networks", nargs="+", choices=list(SUBJECTS), default=list(SUBJECTS))
    parser.add_argument("--styles", nargs="+", choices=list(STYLES), default=list(STYLES))
    parser.add_argument("--units", type=int, default=8, help="of each layer; default: 8")
    parser.add_argument("--layers", nargs="+", help="names or patterns; default: all convolutions")
    parser.add_argument("--steps", type=int, help="of an OIP; default: the style's")
    parser.add_argument("--starts", type=int, help="of an OIP; default: the style's")
    parser.add_argument("--oips", type=int, help="of a unit; default: the style's")
    parser.add_argument("--constraint", choices=CONSTRAINTS, help="default: the network's, for all styles")
    parser.add_argument("--epochs", type=int, help="of training; default: 3 for mnist, 12 for photographs")
    parser.add_argument("--seed", type=int, default=0, help="of the units that are drawn and of their search")
    parser.add_argument("--save", type=Path, help="folder for what was grown, NETWORK-STYLE.png")
    options = parser.parse_args(arguments)
    found = {}
    for name in options.networks:
        if name == "mnist" and options.mnist is None:
            print("mnist: not measured, as no folder is named: --mnist FOLDER\n", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder, SUBJECTS[name](Path(folder), options) as subject:
            rows = measure(subject, options, name)
        table(rows)
        found[name] = {
            "about": subject.about,
            "rows": {
                row: {column: pooled(column, values) for column, values in of.items()} for row, of in rows.rows.items()
            },
            "not measured": rows.failures,
        }
    print(json.dumps({"pictures": found}))


@contextmanager
def of_mnist(folder: Path, options: argparse.Namespace) -> Iterator[Subject]:
    """The reference network on real MNIST."""
    import dataclasses

    from lib.data.datasets import load
    from lib.network import model_file
    from lib.training.settings import RECIPES
    from lib.training.training import train

    epochs = options.epochs or 3
    data = load("mnist", Path(options.mnist))
    models, accuracies = [], []
    for seed in (0, 1):
        last = train(data, dataclasses.replace(RECIPES["default"], seed=seed, epochs=epochs), on_epoch=lambda _: None)
        models.append(model_file.load(last.checkpoint))
        accuracies.append(last.metrics["test_accuracy"])
    about = f"reference network, MNIST, {epochs} epochs"
    with _opened(folder, "mnist", Path(options.mnist), models, accuracies, "standardised", about) as subject:
        yield subject


@contextmanager
def of_photographs(folder: Path, options: argparse.Namespace) -> Iterator[Subject]:
    """A small network on pieces of photographs."""
    from benchmarks.colour_photographs import network, write_pieces

    epochs = options.epochs or 12
    file = folder / "photographs.npz"
    write_pieces(file)
    with np.load(file) as arrays:
        pieces = {name: arrays[name] for name in arrays.files}
    classes = int(pieces["y_train"].max()) + 1
    models, accuracies = [], []
    for seed in (0, 1):
        model = network(classes, seed)
        model.fit(pieces["x_train"] / np.float32(255), pieces["y_train"], batch_size=64, epochs=epochs, verbose=0)
        models.append(model)
        accuracies.append(model.evaluate(pieces["x_test"] / np.float32(255), pieces["y_test"], verbose=0)[1])
    about = f"four convolutions in colours, {classes} parts of three photographs, {epochs} epochs"
    with _opened(folder, str(file), None, models, accuracies, "box", about) as subject:
        yield subject


SUBJECTS: dict[str, Callable[[Path, argparse.Namespace], Any]] = {"mnist": of_mnist, "photographs": of_photographs}
"""The networks, by name."""


@contextmanager
def _opened(
    folder: Path,
    data: str,
    data_dir: Path | None,
    models: Sequence[Any],
    accuracies: Sequence[float],
    constraint: str,
    about: str,
) -> Iterator[Subject]:
    from lib.network import model_file
    from lib.words import percent
    from storage.store import Store
    from tasks.model.data import store_data
    from tasks.model.network import Network, natural_of
    from tasks.session.session import session

    with session(str(folder / "store"), "benchmark", {}) as run:
        store: Store = run.store
        natural = natural_of(store, store_data(data, data_dir, run.run.id)[0])
        swept, judge = (
            Network(model, f"seed {seed}", store.put(model_file.keras_bytes(model)), model_file.identity(model))
            for seed, model in enumerate(models)
        )
        right = ", ".join(percent(accuracy) for accuracy in accuracies)
        yield Subject(run, swept, judge, natural, constraint, f"{about}; right on test images (itself, judge): {right}")


def measure(subject: Subject, options: argparse.Namespace, name: str) -> Rows:
    """All styles that are asked for, and what they stand between."""
    from lib.errors import BadInput

    units = draw(subject, options)
    print(f"{name}: {subject.about}; {len(units)} units, {options.constraint or subject.constraint}", flush=True)
    found = Rows()
    between: dict[str, Values] = {}
    # first, as the others are held against it
    for style in sorted(options.styles, key=lambda one: one != BASE):
        try:
            with open_style(subject, options, style) as context:
                found.rows[style] = grow(context, units)
                between = _between(context, units)  # of every style the same
                if options.save:
                    _save(context, units, options.save / f"{name}-{style}.png")
        except BadInput as problem:
            found.failures[style] = str(problem)
        else:
            print(f"  {style}: {found.rows[style]['seconds'][0]:.1f} s a unit", flush=True)
    found.rows |= between
    base = found.rows.get(BASE)
    nothing = np.full(len(units), np.nan)
    for row in [*(style for style in options.styles if style in found.rows), *between]:
        values = found.rows.pop(row)  # and put back as the last: in the order that was asked for
        ratios = nothing if base is None else values["response"] / positive(base["response"])
        found.rows[row] = {**values, "response": ratios}
    return found


def draw(subject: Subject, options: argparse.Namespace) -> list[Unit]:
    """Some units of each layer."""
    from lib.network.units import Unit, select_units

    random = np.random.default_rng(options.seed)
    chosen = select_units(subject.network.model, options.layers)
    return [
        Unit(layer.name, int(index))
        for layer, indices in chosen.items()
        for index in np.sort(random.choice(indices, min(options.units, len(indices)), replace=False))
    ]


@contextmanager
def open_style(subject: Subject, options: argparse.Namespace, style: str) -> Iterator[SweepContext]:
    """The context of a sweep in this style, with the judge."""
    from lib.oips.settings import GrowthSettings
    from lib.oips.style import is_small
    from tasks.model.context import open_context
    from tasks.sweep.context import SweepContext

    asked = GrowthSettings(
        constraint=options.constraint or subject.constraint,
        steps=options.steps or 0,
        starts=options.starts or 0,
        seed=options.seed,
        oips=options.oips or (1 if options.starts == 1 else 0),
    )
    small = is_small(subject.network.model.input_shape, None)
    growth = asked.in_style(style, margin=not small)
    context = SweepContext(subject.session, subject.network, growth, subject.natural, judge=subject.judge)
    with open_context(context):
        yield context


def by_layer(units: Sequence[Unit]) -> dict[str, list[int]]:
    """The indices of units, by layer."""
    found: dict[str, list[int]] = {}
    for unit in units:
        found.setdefault(unit.layer, []).append(unit.index)
    return found


def grow(context: SweepContext, units: Sequence[Unit]) -> Values:
    """Sweep the units as a sweep does, as many at once, and measure what comes of it."""
    from tasks.sweep.context import MAPS_AT_ONCE
    from tasks.sweep.exemplars import find_or_make
    from tasks.sweep.oips import find_or_grow

    run = context.session.run.id
    layers = by_layer(units)
    find_or_make(list(layers), run)
    for layer in layers:
        context.usual_ground(layer)  # traced
    begun = time.perf_counter()
    for layer, indices in layers.items():
        names = [f"{layer}/{index}" for index in indices]
        with ThreadPoolExecutor(MAPS_AT_ONCE) as pool:
            list(pool.map(lambda name: find_or_grow(name, [name], run), names))
    seconds = (time.perf_counter() - begun) / len(units)
    images = np.stack([_oip(context, unit)[0] for unit in units])
    found = _measured(context, units, images)
    found["apart"] = _apart(context, [_oip(context, unit) for unit in units])
    # under another constraint responses are other numbers
    other = [_about(context, unit)["constraint"] != context.growth.constraint for unit in units]
    found["response"][other] = np.nan
    found["own"] = np.array([_style(context, unit) == context.growth.style for unit in units], np.float64)
    return {**found, "score": judged(context, units)["interpretability"], "seconds": np.full(len(units), seconds)}


def _between(context: SweepContext, units: Sequence[Unit]) -> dict[str, Values]:
    """The best exemplars and noise, as if they were OIPs."""
    from lib.naturalness.noise import noise_images

    growth = context.growth
    constraint = context.constraint(growth.constraint)
    assert context.natural is not None
    height, width, channels = context.natural.images.shape[1:]
    best, noise, several = [], [], []
    for unit in units:
        exemplars = context.exemplars_of(unit.layer, growth.constraint)
        assert exemplars is not None
        best.append(context.natural.images[exemplars.numbers[unit.index, 0]])
        own = np.asarray(context.natural.images[exemplars.numbers[unit.index, : growth.oips]], np.float32)
        several.append(np.asarray(constraint.image(own)))
        noise.append(noise_images(unit, 1, growth, constraint, (height, width, channels))[0])
    scores = judged(context, units)
    shown = {"exemplars": np.asarray(constraint.image(np.stack(best).astype(np.float32))), "noise": np.stack(noise)}
    found: dict[str, Values] = {
        name: {**_measured(context, units, images), "score": scores[name]} for name, images in shown.items()
    }
    found["exemplars"] = {**found["exemplars"], "apart": _apart(context, several)}
    return found


def _apart(context: SweepContext, several: Sequence[Array]) -> Doubles:
    """How far apart the images [n, H, W, C] of each unit are to the judge; NaN where a unit was to have one alone."""
    from lib.naturalness.judge import Judge

    if context.growth.oips == 1:
        return np.full(len(several), np.nan)
    assert context.judge is not None
    assert context.natural is not None
    natural, judge = context.natural.images, Judge(context.judge.model, context.natural.images)
    usual = judge.look(natural[np.linspace(0, len(natural) - 1, min(len(natural), 500)).astype(int)], "box")
    mean, spread = usual.mean(0), np.where(usual.std(0) > 0, usual.std(0), np.inf)
    found = []
    for images in several:
        profiles = (judge.look(images, context.growth.constraint) - mean) / spread
        profiles = profiles / np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), 1e-12)
        cosines = (profiles @ profiles.T)[np.triu_indices(len(profiles), 1)]
        found.append(1 - cosines.mean() if len(cosines) else 0.0)
    return np.array(found, np.float64)


def _measured(context: SweepContext, units: Sequence[Unit], images: Array) -> dict[str, Doubles]:
    from lib.naturalness.kept import kept_shares
    from lib.naturalness.likeness import colour_shares, fine_shares

    found: dict[str, Doubles] = {"response": np.full(len(units), np.nan)}
    found |= {move: np.full(len(units), np.nan) for move in ("shift", "turn", "blur")}
    for layer in by_layer(units):
        rows = [row for row, unit in enumerate(units) if unit.layer == layer]
        indices = [units[row].index for row in rows]
        measure = context.usual_ground(layer).measure
        found["response"][rows] = measure(images[rows], indices)[0]
        for move, shares in kept_shares(measure, images[rows], indices).items():
            found[move][rows] = shares
    return {**found, "fine": fine_shares(images), "colour": colour_shares(images)}


def judged(context: SweepContext, units: Sequence[Unit]) -> dict[str, Doubles]:
    """The scores of the units' OIPs, exemplars and noise, by the names that records have for them."""
    from tasks.sweep.interpretability import SHOWN, find_or_judge

    layers = by_layer(units)
    made = find_or_judge(layers, context.session.run.id).data
    store = context.session.store
    records = [store.record(made[layer]) for layer in layers]
    return {
        name: np.concatenate([np.asarray(store.array(record.output(name).digest)) for record in records])
        for name in SHOWN
    }


def _oip(context: SweepContext, unit: Unit) -> Array:
    output = context.session.store.record(context.tally.key_of(str(unit))).output("oips")
    return context.network.pixels.to_pictures(context.session.store.array(output.digest))


def _about(context: SweepContext, unit: Unit) -> Any:
    return context.session.store.record(context.tally.key_of(str(unit))).output("oips").attributes


def _style(context: SweepContext, unit: Unit) -> str:
    from tasks.sweep.style_of import style_of

    record = context.session.store.record(context.tally.key_of(str(unit)))
    return style_of(record.parameters, record.output("oips").attributes)


def positive(values: Doubles) -> Doubles:
    """The same, NaN where it is not above zero."""
    return np.where(values > 0, values, np.nan)


def pooled(column: str, values: Doubles) -> dict[str, float | int | None]:
    """The mean over units that have a value, and how many these are; of scores the interval of the mean as well."""
    known = values[np.isfinite(values)]
    if not len(known):
        return {"mean": None, "units": 0}
    found: dict[str, float | int | None] = {"mean": round(float(known.mean()), 4), "units": len(known)}
    if column == "score" and len(known) > 1:
        from scipy.stats import t

        reach = float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / len(known) ** 0.5)
        found |= {"low": round(max(float(known.mean()) - reach, 0.0), 4)}
        found |= {"high": round(min(float(known.mean()) + reach, 1.0), 4)}
    return found


def table(rows: Rows) -> None:
    """Print it."""
    print(f"  {'':11}" + "".join(f"{column:>{_width(column)}}" for column in COLUMNS))
    for row, values in rows.rows.items():
        cells = [_cell(pooled(column, values[column]) if column in values else {}) for column in COLUMNS]
        print(f"  {row:11}" + "".join(f"{cell:>{_width(column)}}" for column, cell in zip(COLUMNS, cells, strict=True)))
    for style, why in rows.failures.items():
        print(f"  {style:11}not measured: {why}")
    print(flush=True)


def _width(column: str) -> int:
    return 22 if column == "score" else 10


def _cell(found: Mapping[str, float | int | None]) -> str:
    if found.get("mean") is None:
        return "-"
    if "low" in found:
        return f"{found['mean']:.3f} ({found['low']:.2f} to {found['high']:.2f})"
    return f"{found['mean']:.2f}"


def _save(context: SweepContext, units: Sequence[Unit], file: Path) -> None:
    """A sheet of the best OIPs."""
    from lib.draw.contact_sheet import SheetCell, contact_sheet

    file.parent.mkdir(parents=True, exist_ok=True)
    cells = [
        SheetCell(unit.index, _oip(context, unit)[0], about["verdict"], about["response"], about["response_ratio"])
        for unit, about in ((unit, _about(context, unit)) for unit in units)
    ]
    bounds = (0.0, 1.0) if context.growth.constraint == "box" else None
    file.write_bytes(contact_sheet(cells, title=context.growth.style, subtitle=file.stem, bounds=bounds))
