"""The plan of a sweep: what it takes at each quality, said and asked before it begins."""

from collections import Counter

from flows.forms.places import DATA_FOLDER
from flows.results.plans import PlanSummary, asked, memory_of, plan_line, quality_plan, question
from flows.results.reports import report_plan
from flows.sweeping.sweep_order import Units, rounds_for
from lib.oips.growth import QualityName
from storage.errors import BlobGone, StoreUnusable
from tasks.session.asking import Declined, agreed
from tasks.session.progress import say
from tasks.sweep.context import SweepContext
from tasks.sweep.estimate import estimate, is_worth_timing, once
from tasks.sweep.timing import timings_of

TIMINGS = DATA_FOLDER / "timings"
LONG_SECONDS = 2 * 3600.0
"""A sweep that takes longer asks first, where somebody can be asked."""


def plan_of(context: SweepContext, units: Units, quality: QualityName, maps_per_task: int) -> PlanSummary:
    """What this sweep takes; layers of which that is not known yet are timed, and the context then knows all."""
    timings = timings_of(context, [layer.name for layer in units], TIMINGS)
    context.paces = {layer: timing.step_wall for layer, timing in timings.layers.items()}
    estimates = {
        name: estimate(
            context,
            units,
            passes,
            timings.layers,
            maps_per_task=maps_per_task,
            rounds=once if context.session.deadline.at is None else rounds_for,
        )
        for name, passes in context.ways.items()
    }
    left = context.session.deadline.seconds_left()
    return PlanSummary(
        model=context.network.name,
        style=context.growth.style,
        maps=sum(map(len, units.values())),
        layers=len(units),
        images=dict(Counter("{}x{}".format(*context.sides_of(layer.name)) for layer in units)),
        batch=context.batch,
        quality=quality,
        qualities=[quality_plan(name, one) for name, one in estimates.items()],
        memory=memory_of(timings),
        time=None if left is None else round(max(left, 0.0), 1),
        fits=None if left is None else estimates[quality].fits(max(left, 0.0)),
        timed=list(timings.timed),
        timed_now=list(timings.now),
    )


def tell_plan(context: SweepContext, units: Units, quality: QualityName, maps_per_task: int) -> None:
    """Say in a line what a sweep takes, before it begins, and show it among the flow run's artifacts.

    A long one without a deadline asks first where somebody sits at a terminal. Raises Declined where that says no.
    """
    if context.session.deadline.passed:
        return
    try:
        if not is_worth_timing(context, context.passes, units):
            return
        plan = plan_of(context, units, quality, maps_per_task)
        say(plan_line(plan))
        report_plan(plan)
    except (BlobGone, StoreUnusable):
        raise
    except Exception as problem:  # what is wrong with a layer fails its maps, and stops no others
        say(f"how long this takes cannot be told ({type(problem).__name__}: {problem})")
        return
    if asked(plan)["seconds"] > LONG_SECONDS and plan["time"] is None and not agreed(question(plan)):
        raise Declined("the sweep was not begun: answer y, or choose less with --quality, --layers or --budget")
