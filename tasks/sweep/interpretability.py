"""Machine interpretability scores as artifacts: one record a layer, of its units that have OIPs.

What is judged are the OIPs that the store has. So a score depends on nothing that grows them, and without a judge
nothing here has any part in a sweep.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from prefect.client.schemas.objects import State
from prefect.states import Completed
from typing_extensions import TypedDict

from lib.arrays import Array, Floats
from lib.naturalness.judge import Judge
from lib.naturalness.judging import PAIRS
from lib.naturalness.noise import noise_images
from lib.naturalness.trial import MOST, Trial, hold_trial
from lib.network.units import Unit
from lib.oips.constraint import CONSTRAINTS, ConstraintName
from lib.responses.exemplars import BEST
from storage.document import Json
from storage.store import Input, NewOutput, Output, Recipe, Record
from storage.tensors import NPY, npy_bytes
from tasks.model.network import Natural, Network
from tasks.model.pixels import pixel_parameters, pixel_range_parameters
from tasks.session.attributes import read_as
from tasks.session.open_runs import find_shared
from tasks.session.progress import report
from tasks.session.recorded import PARTIAL, stored_task
from tasks.sweep.context import EXEMPLARS_A_BATCH, SweepContext
from tasks.sweep.exemplars import exemplars_recipe
from tasks.sweep.kinds.interpretability import KIND
from tasks.sweep.oip_attributes import OipAttributes
from tasks.sweep.oips import oip_recipe

VERSION = 1
SHOWN = ("interpretability", "exemplars", "noise")
"""Outputs, by what units are shown by: their OIPs; their exemplars, which are the ceiling; as many images of noise, the
floor. All are tried on the same pairs."""
ENDS = ("low", "high")
"""Behind the name of each, with _ between, those of its interval."""


class InterpretabilityAttributes(TypedDict):
    """What each output says of itself.

    `units`: their indices, a row each; `judge`: its name; `pairs`: so many a unit; `images`: from so many they were
    drawn; `data`: the mean score of the exemplars, where there is one (`tasks.sweep.measures`).
    """

    layer: str
    units: list[int]
    judge: str
    pairs: int
    images: int
    data: dict[str, float]


@dataclass(frozen=True)
class _Judged:
    """What is to be judged of a layer: each unit's OIPs, by index."""

    layer: str
    oips: Mapping[int, Output]
    recipe: Recipe


def find_or_judge(layers: Mapping[str, Sequence[int]], run: str) -> State[dict[str, str]]:
    """The key of the record of each layer's scores; those of units without OIPs are left out.

    Outputs, each float64 [units] as `.npy`: the scores of the OIPs, `interpretability`, of `exemplars` and of `noise`,
    and the ends of the interval that holds each with 95 % certainty, as `interpretability_low`. They are NaN where a
    unit responds to the strongest images as to the weakest. Their attributes are `InterpretabilityAttributes`.

    The state is `Partial` where the session's deadline passes in between: its data are the layers that are done.

    Args:
        layers: the indices of the units that are wanted, by layer.
    """
    context = find_shared(run, SweepContext)
    assert context.judge is not None
    assert context.natural is not None
    wanted = [judged for layer, indices in layers.items() if (judged := _judged(context, layer, indices)) is not None]
    missing = [judged.layer for judged in wanted if context.session.find(judged.recipe) is None]
    at_work = _at_work(context, context.judge, context.natural, missing)
    made, reused = {}, True
    for judged in wanted:
        if context.session.deadline.passed and judged.layer in missing:
            continue
        compute = functools.partial(_artifacts, context, judged, context.judge, at_work)
        title = interpretability_title(judged.layer)
        record, there = context.session.obtain(judged.recipe, compute, unit=title)
        made[judged.layer] = record.key
        reused = reused and there
    if left := [judged.layer for judged in wanted if judged.layer not in made]:
        return Completed(name=PARTIAL, message=f"{len(left)} of {len(wanted)} layers are not judged", data=made)
    return Completed(name="Reused" if reused else "Completed", data=made)


judge_layers = stored_task(find_or_judge, "interpretability", run_name="interpretability")


def interpretability_title(layer: str) -> str:
    """What a run calls the scores of a layer."""
    return f"interpretability of {layer}"


def interpretability_recipes(context: SweepContext, layer: str, indices: Sequence[int]) -> list[Recipe]:
    """What the scores of a layer may be found by, as far as its OIPs are there; none without a judge."""
    judged = None if context.judge is None else _judged(context, layer, indices)
    return [] if judged is None else [judged.recipe]


def _judged(context: SweepContext, layer: str, indices: Sequence[int]) -> _Judged | None:
    """None where no unit has OIPs."""
    records = {index: _record_of(context, Unit(layer, index)) for index in indices}
    oips = {index: record.output("oips") for index, record in records.items() if record is not None}
    return _Judged(layer, oips, _recipe(context, layer, oips)) if oips else None


def _record_of(context: SweepContext, unit: Unit) -> Record | None:
    tally = context.tally
    if tally.is_made(str(unit)):
        return context.session.store.record(tally.key_of(str(unit)))
    return context.session.find(oip_recipe(context, unit))


def _recipe(context: SweepContext, layer: str, oips: Mapping[int, Output]) -> Recipe:
    """How the OIPs were grown has no part in it: they are what they are."""
    growth, judge = context.growth, context.judge
    assert judge is not None
    judge_pixels = pixel_parameters(judge.pixels).get("pixels")
    parameters: dict[str, Json] = {
        "layer": layer,
        "units": list(oips),
        "constraint": growth.constraint,
        "seed": growth.seed,
        "length_scales": [list(mixture) for mixture in growth.length_scales],
        "shared_starts": growth.shared_starts,
        **pixel_range_parameters(context.network.pixels),
        **({} if judge_pixels is None else {"judge_pixels": judge_pixels}),
        **context.size_parameters(layer),
        "pairs": PAIRS,
        "images": MOST,
    }
    inputs = {
        **context.recipe_inputs(),
        "judge": judge.identity,
        "exemplars": exemplars_recipe(context, layer).digest,
        **{f"{layer}/{index}": output.digest for index, output in oips.items()},
    }
    return Recipe(KIND.task, VERSION, parameters, inputs)


@dataclass(frozen=True)
class _AtWork:
    """A judge, and the trial of each layer that it holds: one for those whose images are of one size."""

    judge: Judge
    trials: Mapping[str, Trial]


def _at_work(context: SweepContext, judge: Network, natural: Natural, layers: Sequence[str]) -> _AtWork | None:
    """One pass over the data set, for each size of images, for all layers that are to be judged; None where there are
    none."""
    if not layers or context.session.deadline.passed:
        return None
    batch = EXEMPLARS_A_BATCH * context.batch
    looking = Judge(judge.model, natural.images, batch=batch)
    trials: dict[str, Trial] = {}
    groups = context.by_size(layers)
    for group, (size, alike) in enumerate(groups.items()):
        trial = hold_trial(
            looking,
            context.network.model,
            alike,
            context.images_at(size),
            context.constraint(context.growth.constraint),
            context.growth.seed,
            batch=batch,
            size=size,
            progress=functools.partial(_report, group, len(groups)),
        )
        trials |= dict.fromkeys(alike, trial)
    return _AtWork(looking, trials)


def _report(group: int, groups: int, done: int, of: int) -> None:
    report("responses of the judge", group * of + done, groups * of, of="images")


def _artifacts(
    context: SweepContext, judged: _Judged, judge: Network, at_work: _AtWork | None
) -> tuple[list[NewOutput], list[Input]]:
    assert at_work is not None
    trial = at_work.trials[judged.layer]
    units = list(judged.oips)
    looks = _looks(context, judged, at_work.judge)
    rows: list[dict[str, float]] = []
    for index in units:
        shown = {name: looks[name][index] for name in SHOWN}
        found = trial.scores(Unit(judged.layer, index), _used(context, judged, index), shown)
        ends = {f"{name}_{end}": float(getattr(found[name], end)) for name in SHOWN for end in ENDS}
        rows.append({name: found[name].share for name in SHOWN} | ends)
    arrays = {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}
    ceiling = arrays["exemplars"][np.isfinite(arrays["exemplars"])]
    about = InterpretabilityAttributes(
        layer=judged.layer,
        units=units,
        judge=judge.name,
        pairs=PAIRS,
        images=len(trial.numbers),
        data={"interpretability": float(ceiling.mean())} if len(ceiling) else {},
    )
    outputs = [
        NewOutput(name, npy_bytes(array), "scores", NPY, str(array.dtype), array.shape, attributes={**about})
        for name, array in arrays.items()
    ]
    inputs = [
        *context.lineage_inputs(),
        Input("judge", judge.digest),
        *context.exemplar_blobs.get(judged.layer, []),
        *(Input(f"{judged.layer}/{index}", output.digest) for index, output in judged.oips.items()),
    ]
    return outputs, inputs


def _looks(context: SweepContext, judged: _Judged, judge: Judge) -> dict[str, dict[int, Floats]]:
    """What the judge makes of what each unit is shown by, by `SHOWN` and the unit's index."""
    growth, natural = context.growth, context.images_at(context.size_of(judged.layer))
    constraint = context.constraint(growth.constraint)
    height, width, channels = natural.shape[1:]

    def oips(index: int) -> Array:
        return context.network.pixels.to_pictures(context.session.store.array(judged.oips[index].digest))

    def noise(index: int) -> Array:
        return noise_images(Unit(judged.layer, index), BEST, growth, constraint, (height, width, channels))

    def look(indices: Iterable[int], make: Callable[[int], Array], name: ConstraintName) -> dict[int, Floats]:
        return _look_in_parts(judge, indices, make, name, EXEMPLARS_A_BATCH * context.batch)

    grown: dict[int, Floats] = {}
    for name in CONSTRAINTS:  # a unit that responds under another one only was grown under that
        grown |= look([index for index, one in judged.oips.items() if _about(one)["constraint"] == name], oips, name)
    exemplars = context.exemplars_of(judged.layer, growth.constraint)
    assert exemplars is not None
    best = {index: exemplars.numbers[index] for index in judged.oips}
    used = np.unique(np.concatenate(list(best.values())))
    seen = look(
        used.tolist(),
        lambda number: np.asarray(constraint.image(np.asarray(natural[number][None], np.float32))),
        growth.constraint,
    )
    return {
        "interpretability": grown,
        "exemplars": {index: np.concatenate([seen[int(one)] for one in best[index]]) for index in judged.oips},
        "noise": look(judged.oips, noise, growth.constraint),
    }


def _look_in_parts(
    judge: Judge, indices: Iterable[int], make: Callable[[int], Array], constraint: ConstraintName, most: int
) -> dict[int, Floats]:
    """What the judge makes of what is made for each index, about `most` images at a time."""
    found: dict[int, Floats] = {}
    waiting: dict[int, Array] = {}

    def empty() -> None:
        if waiting:
            features = judge.look(np.concatenate(list(waiting.values())), constraint)
            ends = np.cumsum([len(images) for images in waiting.values()])
            found.update(zip(waiting, np.split(features, ends[:-1]), strict=True))
            waiting.clear()

    for index in indices:
        waiting[index] = make(index)
        if sum(map(len, waiting.values())) >= most:
            empty()
    empty()
    return found


def _used(context: SweepContext, judged: _Judged, index: int) -> list[int]:
    """The exemplars under the sweep's own constraint, which are shown, and those under that of the OIPs, which may
    have gone into them."""
    exemplars = context.exemplars_of(judged.layer, context.growth.constraint)
    assert exemplars is not None
    return [*exemplars.numbers[index].tolist(), *_about(judged.oips[index])["exemplars"]]


def _about(output: Output) -> OipAttributes:
    return read_as(OipAttributes, output.attributes)
