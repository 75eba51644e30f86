"""Runs that later runs repeat: without their records, the store needs exactly what it needed before."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from storage.collection.needs import CUT_SHORT
from storage.runs import RunRecord
from storage.store import Store


def superseded(store: Store, keep: int, ended_before: datetime) -> list[str]:
    """The ids of the runs that nothing would be lost with, the oldest first.

    Of each flow the latest `keep` runs stay. So does whatever is open, has a ref, has ended at that moment or later, or
    needs a record that nothing needs which stays: what an earlier night made of a network that later ones did not look
    at is needed by its run alone. One in which something failed stays until a run that stays, with the same parameters,
    has come to that again.

    Args:
        keep: 1 or more.
        ended_before: with a time zone.
    """
    targets = set(store.refs().values())
    named = {target.removeprefix("record:") for target in targets if target.startswith("record:")}
    later: Counter[str] = Counter()
    staying: list[RunRecord] = []
    candidates: list[RunRecord] = []
    for run in reversed(store.runs()):
        later[run.flow] += 1
        ended = run.closed is not None and datetime.fromisoformat(run.closed) < ended_before
        if ended and later[run.flow] > keep and f"run:{run.id}" not in targets:
            candidates.append(run)
        else:
            named |= _named_by(run)
            staying.append(run)
    made = _made_by(store, {run.id for run in candidates if run.state in CUT_SHORT})
    found = []
    for run in candidates:
        needed = _named_by(run) | made.get(run.id, set())
        if needed <= named and _are_settled(run, staying):
            found.append(run.id)
        else:
            named |= needed
            staying.append(run)
    return found[::-1]


def _are_settled(run: RunRecord, staying: Iterable[RunRecord]) -> bool:
    """Whether a run that stays, and was asked the same later, has made all that failed, or has failed with it again."""
    return not run.failures or any(
        (other.flow, other.parameters) == (run.flow, run.parameters)
        and other.opened > run.opened
        and run.failures.keys() <= other.units.keys() | other.failures.keys()
        for other in staying
    )


def _named_by(run: RunRecord) -> set[str]:
    return {result.record for result in run.units.values()}


def _made_by(store: Store, runs: set[str]) -> dict[str, set[str]]:
    """The records that each of these runs has made."""
    made: dict[str, set[str]] = {}
    for record in store.records() if runs else ():
        if record.provenance.run in runs:
            made.setdefault(record.provenance.run, set()).add(record.key)
    return made
