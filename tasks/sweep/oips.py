"""The OIPs of one unit as artifacts: what one map task makes."""

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from prefect.client.schemas.objects import State
from prefect.states import Completed

from lib.deadline import OutOfTime
from lib.draw.oip_picture import unit_picture
from lib.network.units import Unit
from lib.oips.growth import Growth, QualityName
from lib.oips.search import Search, search_unit
from lib.oips.similarity import ALIKE
from lib.oips.verdict import Verdict
from storage.store import Input, NewOutput, Recipe
from storage.tensors import NPY, npy_bytes
from tasks.model.pixels import PICTURES, pixel_parameters
from tasks.session.open_runs import find_shared
from tasks.session.progress import beat, report_one_more
from tasks.session.recorded import PARTIAL, stored_task
from tasks.session.transient import transient
from tasks.sweep.context import Deferred, SweepContext
from tasks.sweep.exemplars import exemplars_recipe
from tasks.sweep.kinds.oip import KIND
from tasks.sweep.oip_attributes import GrownOip, OipAttributes

VERSION = 3


def oip_recipe(context: SweepContext, unit: Unit, growth: Growth | None = None) -> Recipe:
    """What growing this unit's OIPs will compute; in the pass that is asked for, or another."""
    inputs = context.recipe_inputs()
    if context.natural is not None:  # the verdict depends on them
        inputs |= {"exemplars": exemplars_recipe(context, unit.layer).digest}
    return Recipe(KIND.task, VERSION, {"unit": str(unit), **context.recipe_parameters(unit.layer, growth)}, inputs)


class SomeMapsFailed(Exception):
    """Some maps of one task run failed. The message names them, and why."""


def name_of(units: Sequence[Unit]) -> str:
    """What a task run for these units of one layer is called: `Conv2D_2/17`, or `Conv2D_2/16-31 (16)`."""
    first, last = units[0], units[-1]
    return str(first) if len(units) == 1 else f"{first}-{last.index} ({len(units)})"


def find_or_grow(name: str, units: Sequence[str], run: str, quality: QualityName | None = None) -> State[list[str]]:
    """The records of some units' OIPs (their keys), by one task run called `name`; the context then knows them.

    Each unit is stored by itself, and one that fails stops none of the others. Raises what the unit raised, or
    SomeMapsFailed where there are several units.

    A unit whose search would not end by the session's deadline, or was not at its end then, is left out, and left to
    the next run; so is one whose search is put off (`SweepContext.deferred`), and left to the end of this run.

    `quality`: that of the pass; None where it is what the sweep was asked for.
    """
    context = find_shared(run, SweepContext)
    failed: dict[str, Exception] = {}
    growth = context.growth if quality is None else context.growth_at(quality)
    tally = context.tally_at(growth.quality)
    for unit in units:
        if tally.is_made(unit):  # by an earlier attempt
            continue
        if context.session.deadline.passed and any(map(tally.is_done, units)):  # one of them was begun in time
            continue
        try:
            _obtain_oips(context, Unit.parse(unit), growth)
        except Deferred:
            continue
        except OutOfTime:  # it stays as it was for the next run
            context.late.add(context.title_at(Unit.parse(unit).layer, growth.quality))
            continue
        except Exception as error:
            failed[unit] = error
            context.fail_oips(unit, growth.quality, f"{type(error).__name__}: {error}")
        beat()
        if tally.is_made(unit) and unit != units[-1]:  # whoever waits for this task run tells of its end
            title = context.title_at(Unit.parse(unit).layer, growth.quality)
            report_one_more(title, there=not tally.is_computed(unit))
    if failed:
        raise _join_errors(failed, len(units))
    made = [tally.key_of(unit) for unit in units if tally.is_made(unit)]
    if len(made) < len(units):
        late = "there was not enough time left for the search"
        put_off = context.defers and any(unit in context.deferred for unit in units if not tally.is_made(unit))
        return Completed(name=PARTIAL, message="the search takes long, and comes last" if put_off else late, data=made)
    reused = not any(map(tally.is_computed, units))
    return Completed(name="Reused" if reused else "Completed", data=made)


make_oips = stored_task(find_or_grow, "oip", run_name="{name}")


def _join_errors(failed: Mapping[str, Exception], asked: int) -> Exception:
    errors = list(failed.values())
    if asked == 1:
        return errors[0]
    whole = SomeMapsFailed(
        f"{len(failed)} of {asked} maps failed: "
        + "; ".join(f"{unit}: {type(error).__name__}: {error}" for unit, error in failed.items())
    )
    # whether another attempt is worth while, the one for which it is decides
    whole.__cause__ = next((error for error in errors if transient(error)), errors[0])
    return whole


def _obtain_oips(context: SweepContext, unit: Unit, growth: Growth) -> None:
    """Find or make the record of a unit's OIPs.

    Outputs: `oips`, float16 or float32 (`stored_as`) [k, H, W, C] as `.npy`, as the network takes images, whose
    attributes hold the verdict and all that is known of each OIP, and `pixels` where the network takes other than 0..1;
    `picture`, a PNG that shows them.
    """

    def compute() -> tuple[list[NewOutput], list[Input]]:
        search, verdict, ratio = search_unit(
            unit,
            growth,
            functools.partial(context.ground, unit.layer),
            lambda constraint: context.best_exemplar(unit.layer, unit.index, constraint),
            dead=context.is_dead(unit.layer, unit.index),
            deadline=context.session.deadline,
            turn=context.turn_for(unit),
        )
        shown = np.stack([oip.image for oip in search.oips])
        images = context.to_stored(shown)
        picture = unit_picture(
            shown,
            [oip.response for oip in search.oips],
            title=str(unit),
            verdict=verdict,
            response_ratio=ratio,
            bounds=PICTURES if search.constraint == "box" else None,
            note=_note(search, growth),
        )
        about = {**_attributes(context, unit, search, verdict, ratio), **pixel_parameters(context.network.pixels)}
        outputs = [
            NewOutput("oips", npy_bytes(images), "oips", NPY, str(images.dtype), images.shape, attributes=about),
            NewOutput("picture", picture, "picture", "image/png", attributes={"unit": str(unit), "verdict": verdict}),
        ]
        return outputs, [*context.lineage_inputs(), *context.exemplar_blobs.get(unit.layer, [])]

    context.session.obtain(
        oip_recipe(context, unit, growth), compute, note=functools.partial(context.note_oips, str(unit), growth)
    )


def _note(search: Search, growth: Growth) -> str:
    """That it is a draft, why a unit has fewer OIPs than were wanted, and in which style they are, where that is not
    the one wanted."""
    kept, notes = len(search.oips), ["a draft"] if growth.quality == "draft" else []
    if kept < search.sought:
        notes.append("all its OIPs show " + ("this one pattern" if kept == 1 else f"one of these {kept} patterns"))
    if search.style != growth.style:
        notes.append(f"in style {search.style}, for want of a verdict in {growth.style}")
    return "; ".join(notes)


def _attributes(
    context: SweepContext, unit: Unit, search: Search, verdict: Verdict, ratio: float | None
) -> OipAttributes:
    exemplars = context.exemplars_of(unit.layer, search.constraint)
    about = OipAttributes(
        unit=str(unit),
        layer=unit.layer,
        index=unit.index,
        verdict=verdict,
        response=search.oips[0].response,
        pre_activation=search.oips[0].pre_activation,
        response_ratio=ratio,
        constraint=search.constraint,
        only_one_pattern=len(search.oips) == 1 < search.sought,
        alike_from=ALIKE,
        image_steps=search.image_steps,
        oips=[
            GrownOip(
                response=oip.response,
                pre_activation=oip.pre_activation,
                seed=oip.seed,
                start=oip.start,
                length_scales=list(oip.length_scales),
                curve=[None if math.isnan(value) else float(value) for value in oip.curve],
            )
            for oip in search.oips
        ],
        exemplars=[] if exemplars is None else exemplars.numbers[unit.index].tolist(),
        exemplar_responses=[] if exemplars is None else exemplars.responses[unit.index].tolist(),
    )
    if context.usual_ground(unit.layer).signed:
        about["signed"] = True
    if search.style != context.growth.style:
        about["style"] = search.style
    return about
