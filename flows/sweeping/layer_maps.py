"""Some maps of one layer, in one pass of a sweep, by task runs of the flow run in which this is called."""

from collections.abc import Sequence
from functools import partial

from flows.running.fan_out import fan_out
from lib.network.units import Unit
from lib.oips.growth import QualityName
from tasks.session.progress import report
from tasks.session.recorded import unusable_store
from tasks.sweep.context import MAPS_AT_ONCE, SweepContext
from tasks.sweep.oips import make_oips, name_of


def make_maps(
    context: SweepContext, layer: str, indices: Sequence[int], quality: QualityName, maps_per_task: int
) -> int:
    """Make some units of a layer, `maps_per_task` a task run; no task run begins after the deadline.

    Returns how many are made or have failed. Where nothing can be stored any more, `context.tally.stopped` says so.
    """
    tally, stopped, run = context.tally_at(quality), context.tally, context.session.run.id
    units = [str(Unit(layer, index)) for index in indices]
    groups = [units[first : first + maps_per_task] for first in range(0, len(units), maps_per_task)]
    title = context.title_at(layer, quality)
    report(title, 0, len(units), of="maps")

    def go_on() -> bool:
        return not (context.session.deadline.passed or title in context.late or stopped.stopped)

    names = (name_of(list(map(Unit.parse, group))) for group in groups)
    submits = (partial(make_oips.submit, name, group, run, quality) for name, group in zip(names, groups, strict=True))
    done, bad = 0, None
    for state in fan_out(submits, MAPS_AT_ONCE, go_on):
        if not state.is_completed():
            stopped.stop(unusable_store(state))
            bad = state
        done = sum(map(tally.is_done, units))
        failed = sum(map(tally.has_failed, units))
        report(title, done, len(units), f"{failed} failed" if failed else "", of="maps", there=tally.found(units))
    later = {unit for unit in units if context.defers and unit in context.deferred}
    if done < len(units) and bad and go_on():  # a task run that did not even come to its work
        for lost in [unit for unit in units if not (tally.is_done(unit) or unit in later)]:
            context.fail_oips(lost, quality, bad.message or bad.name or "failed")
        done = sum(map(tally.is_done, units))
    if done < len(units):
        report(title, len(units), len(units), _left_note(len(units) - done, len(later)), of="maps")
    return done


def _left_note(left: int, later: int) -> str:
    """What is told of a layer of which so many units are left, so many of them for the end of the pass."""
    notes = [f"stopped with {left - later} left"] if left > later else []
    return ", ".join([*notes, *([f"{later} searched for longer at the end"] if later else [])])
