"""Runs that later runs repeat: without their documents, the store needs exactly what it needed before."""

from collections import Counter

from storage.collection.needs import CUT_SHORT
from storage.runs import RunRecord
from storage.store import Store


def superseded(store: Store, keep: int) -> list[str]:
    """The ids of the runs that nothing would be lost with, the oldest first.

    Of each flow the latest `keep` runs stay. So does whatever is open, has a ref, or needs a record that nothing needs
    which stays: what an earlier night made of a network that later ones did not look at is needed by its run alone.
    """
    targets = set(store.refs().values())
    named = {target.removeprefix("record:") for target in targets if target.startswith("record:")}
    later: Counter[str] = Counter()
    candidates: list[RunRecord] = []
    for run in reversed(store.runs()):
        later[run.flow] += 1
        if later[run.flow] <= keep or run.state == "open" or f"run:{run.id}" in targets:
            named |= _named_by(run)
        else:
            candidates.append(run)
    made = _made_by(store, {run.id for run in candidates if run.state in CUT_SHORT})
    found = []
    for run in candidates:
        needed = _named_by(run) | made.get(run.id, set())
        if needed <= named:
            found.append(run.id)
        else:
            named |= needed
    return found[::-1]


def _named_by(run: RunRecord) -> set[str]:
    return {result.record for result in run.units.values()}


def _made_by(store: Store, runs: set[str]) -> dict[str, set[str]]:
    """The records that each of these runs has made."""
    made: dict[str, set[str]] = {}
    for record in store.records() if runs else ():
        if record.provenance.run in runs:
            made.setdefault(record.provenance.run, set()).add(record.key)
    return made
