"""What `dreamsweep verify` found damaged or missing, in words, and the command that makes it again.

Runs that make something again are queued by refs: `dreamsweep rerun` takes them before all others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.results.captions import short, short_key
from storage.checks.losses import Loss
from storage.errors import StoreError
from storage.record import Record
from storage.runs import RunRecord
from storage.store import Store
from tasks.model.kinds.data import KIND as DATA
from tasks.model.kinds.register import KIND as REGISTER
from tasks.session.kind import kind_of_task

RERUN = ("oip-sweep", "train", "dream", "analyse")
"""Flows whose runs `dreamsweep rerun` can run again."""
QUEUE = "repair/"
"""Below this lie refs to the runs that are to be run again."""


@dataclass(frozen=True)
class Told:
    """A loss in words: what it is, of which run, and how it is had again; `run`: that which makes it again, if any."""

    what: str
    again: str
    run: str | None = None


def tell(store: Store, losses: Iterable[Loss]) -> dict[str, Told]:
    """What is lost, in words, by its label."""
    runs = {run.id: run for run in store.runs()}
    return {loss.label: _tell(store, runs, loss) for loss in losses}


def _tell(store: Store, runs: Mapping[str, RunRecord], loss: Loss) -> Told:
    makers = [record for key in loss.makers if (record := _record(store, key)) is not None]
    what = _what(store, loss, makers)
    if loss.runs:
        what += f", of run {loss.runs[0]}"
    if loss.trashed is not None:
        return Told(what, "dreamsweep verify --repair brings it back from the trash")
    outside = _from_outside(makers, _kinds(runs, loss))
    if outside is not None:
        return Told(what, f"it came from outside of the store: {outside}")
    run = next((run for run in loss.runs if run in runs and runs[run].flow in RERUN), None)
    if run is not None:
        return Told(what, f"dreamsweep rerun {run} makes it again", run)
    return Told(what, "nothing in the store makes it again" if loss.needs else "nothing needs it")


def queue(store: Store, told: Iterable[Told]) -> list[str]:
    """Queue the runs that make what was lost again, and no others; return them, the first to be run first."""
    wanted = {one.run for one in told if one.run is not None}
    there = set(queued(store))
    for run in wanted - there:
        store.set_ref(f"{QUEUE}{run}", f"run:{run}")
    for run in there - wanted:
        store.delete_ref(f"{QUEUE}{run}")
    return queued(store)


def queued(store: Store) -> list[str]:
    """The runs that are queued, in the order in which they were run: a model is trained before it is swept."""
    runs = [target.removeprefix("run:") for name, target in store.refs().items() if name.startswith(QUEUE)]
    return sorted(runs, key=lambda run: store.run(run).opened)


def take_from_queue(store: Store, run: str) -> None:
    """Forget that a run was queued, if it was: it has been run."""
    if f"{QUEUE}{run}" in store.refs():
        store.delete_ref(f"{QUEUE}{run}")


def _what(store: Store, loss: Loss, makers: list[Record]) -> str:
    if loss.thing == "run":
        return f"run {loss.name}"
    if loss.thing == "ref":
        return f"the ref {loss.name}"
    if loss.thing == "record":
        units = [need.role for need in loss.needs if need.by == "run"]
        refs = [f"the ref {need.name}" for need in loss.needs if need.by == "ref"]
        called = f"the record of {units[0]}" if units else "a record"
        return f"{called} ({short_key(loss.name)}){_and(refs)}"
    made = [need for need in loss.needs if need.by == "output"]
    if made and makers:
        more = f", and {len(made) - 1} more of the same bytes" if len(made) > 1 else ""
        return f"{_title(makers[0])}: its {made[0].role} ({short(loss.name)}){more}"
    if any(need.by == "environment" for need in loss.needs):
        many = sum(need.by == "environment" for need in loss.needs)
        return f"what {many} records say of the machine and the libraries that made them ({short(loss.name)})"
    read = next((need for need in loss.needs if need.by == "input"), None)
    reader = _record(store, read.name) if read is not None else None
    if read is not None and reader is not None:
        return f"the {read.role} that {_title(reader)} was made from ({short(loss.name)})"
    return f"blob {loss.name}"


def _and(others: list[str]) -> str:
    return f", to which {others[0]} points" if others else ""


def _title(record: Record) -> str:
    return kind_of_task(record.task).page_caption_of(record, {})


def _from_outside(makers: Iterable[Record], kinds: set[str]) -> str | None:
    """What a person has to give again; None of what is computed. `kinds`: what its runs say that it was."""
    for record in makers:
        if record.task == DATA.task:
            return f"give the data set again, with --data {record.parameters.get('data')}"
        if record.task == REGISTER.task:
            return f"register the model again, with dreamsweep models add {record.parameters.get('file')}"
    if DATA.task in kinds:
        return "give the data set again, with --data"
    return "register the model again, with dreamsweep models add" if REGISTER.task in kinds else None


def _kinds(runs: Mapping[str, RunRecord], loss: Loss) -> set[str]:
    units = [runs[need.name].units.get(need.role) for need in loss.needs if need.by == "run" and need.name in runs]
    return {unit.kind for unit in units if unit is not None and unit.kind is not None}


def _record(store: Store, key: str) -> Record | None:
    try:
        return store.record(key)
    except StoreError:
        return None
