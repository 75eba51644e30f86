"""What is known of the runs in a store."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from lib.network.units import Unit
from lib.words import in_order
from storage.document import Json
from storage.errors import StoreError
from storage.runs import UnitResult
from tasks.session.kind import failed_unit, kind_of_task
from tasks.sweep.kinds.layer import KIND as LAYER
from tasks.sweep.kinds.layer import layer_title
from tasks.sweep.on_data import OnData, on_data

if TYPE_CHECKING:
    from storage.record import Record
    from storage.runs import RunRecord
    from storage.store import Store

LATEST_SWEEP = "sweep/latest"
"""The ref that points at the latest sweep of a store."""

_UNENDED = ("open", "crashed")
"""States of runs whose files may say less than they have made."""
SILENCE = 15 * 60.0
"""Seconds after which an open run that has written nothing counts as died: its process was killed."""


class RunNote(TypedDict):
    """What is known of a run: when it was opened, closed and last heard of, and what came of it.

    `flow_run`: Prefect's id of the flow run; `state`: as the run's, or "died"; `computed`, `reused`: of what the run
    counts; `verdicts`: how many of its units came to which.
    """

    run: str
    flow_run: str | None
    flow: str
    state: str
    opened: str
    closed: str | None
    heard: str
    model: Json
    computed: int
    reused: int
    failed: int
    verdicts: dict[str, int]


def list_runs(store: "Store") -> list[RunNote]:
    """What is known of every run, the newest first; what `dreamsweep runs --json` lists.

    Raises StoreError where the store cannot be read.

    >>> import dreamsweep
    >>> run = dreamsweep.list_runs(dreamsweep.open_store())[-1]
    >>> run["run"], run["flow"], run["state"]
    ('20261128-064913-c2dd76', 'register', 'completed')
    """
    heard = {
        path.removeprefix("runs/").removesuffix(".json"): entry.modified
        for path, entry in store.files.listing("runs").items()
    }
    runs = with_unnoted(store, store.runs())
    return [describe_run(store, run, heard.get(run.id, time.time())) for run in reversed(runs)]


def with_unnoted(store: "Store", runs: Sequence["RunRecord"]) -> "list[RunRecord]":
    """The runs, with what those that are open, or crashed, have stored and had no time to write down in their own file.

    A run notes what it has now and then; its records name it all the same.
    """
    unended = {run.id: run for run in runs if run.state in _UNENDED}
    if not unended:
        return list(runs)
    index, noted = store.questions(), {unit.record for run in unended.values() for unit in run.units.values()}
    keys = [
        entry.key
        for entry in index.entries()
        if any(run.opened <= entry.ended <= (run.closed or entry.ended) for run in unended.values())
        and entry.key not in noted
        and (kind_of_task(entry.task).counted or entry.task == LAYER.task)
    ]
    found: dict[str, dict[str, UnitResult]] = {}
    for record in index.records_of(keys).values():
        run = record.provenance.run
        if run is not None and run in unended:
            made = UnitResult(record.key, "computed", record.task)
            found.setdefault(run, {})[_title_of(record)] = made
    return [replace(run, units={**found[run.id], **run.units}) if run.id in found else run for run in runs]


def run_with_unnoted(store: "Store", name: str) -> "RunRecord":
    """`with_unnoted` for the run of this id. Raises StoreError where there is none."""
    (run,) = with_unnoted(store, [store.run(name)])
    return run


def _title_of(record: "Record") -> str:
    """What a run calls a record of a map, of which it may have several, or of a layer; of others what is not
    another's."""
    if record.task == LAYER.task:
        return layer_title(str(record.parameters["layer"]))
    is_map = kind_of_task(record.task).counted == "map"
    return str(record.output("oips").attributes["unit"]) if is_map else record.key


def describe_run(store: "Store", run: "RunRecord", heard: float) -> RunNote:
    """What is known of a run; `heard` is when it last wrote (seconds since 1970).

    `state` is "open", "completed", "partial", "failed", "interrupted" or "crashed", and "died" where it is open and has
    been silent for too long.
    """
    from flows.results.captions import stamp_of

    how = Counter(result.how for result in run.units.values() if is_counted(result))
    verdicts: Counter[str] = Counter()
    for counts in verdicts_of(store, run).values():
        verdicts.update(counts)
    return {
        "run": run.id,
        "flow_run": run.flow_run,
        "flow": run.flow,
        "state": "died" if run.state == "open" and time.time() - heard > SILENCE else run.state,
        "opened": run.opened,
        "closed": run.closed,
        "heard": stamp_of(heard),
        "model": run.summary.get("model") or run.parameters.get("model"),
        "computed": how["computed"],
        "reused": how["reused"],
        "failed": len(run.failures),
        "verdicts": dict(verdicts),
    }


def find_run(store: "Store", name: str) -> "RunRecord":
    """The run of this id, or the latest that a flow run of this Prefect id opened. Raises StoreError."""
    try:
        flow_run = str(UUID(name))
    except ValueError:
        return store.run(name)
    opened = [run for run in store.runs() if run.flow_run == flow_run]
    if not opened:
        raise StoreError(f"flow run {name} has opened no run in this store: of a night, name a flow run below it")
    return opened[-1]


def verdicts_of(store: "Store", run: "RunRecord") -> dict[str, dict[str, int]]:
    """How many units of each layer of a run came to which verdict, those that failed among them, by layer's name."""
    verdicts: dict[str, Counter[str]] = {}
    for title in sorted({*run.units, *run.failures}, key=in_order):
        if title in run.failures:
            if (unit := failed_unit(run, title)) is not None:
                verdicts.setdefault(unit.layer, Counter())["failed"] += 1
        elif kind_of_task(run.units[title].kind or "").counted == "map":
            try:
                verdict = str(store.record(run.units[title].record).output("oips").attributes["verdict"])
                verdicts.setdefault(Unit.parse(title).layer, Counter())[verdict] += 1
            except (KeyError, StoreError):  # it has gone since
                continue
    return {layer: dict(counts) for layer, counts in verdicts.items()}


def on_data_of(store: "Store", run: "RunRecord") -> dict[str, dict[OnData, int]]:
    """How many units of each layer of a run are active on the data set, and how many never; by layer's name.

    Units of which that is not known, as without a data set, are in neither.
    """
    found: dict[str, Counter[OnData]] = {}
    for title in sorted(run.units, key=in_order):
        if title not in run.failures and kind_of_task(run.units[title].kind or "").counted == "map":
            try:
                known = on_data(store.record(run.units[title].record).output("oips").attributes)
            except (KeyError, StoreError):  # it has gone since
                continue
            if known is not None:
                found.setdefault(Unit.parse(title).layer, Counter())[known] += 1
    return {layer: dict(counts) for layer, counts in found.items()}


def is_counted(result: UnitResult) -> bool:
    """Whether this is one of what the numbers of its run are about, rather than what these are made from."""
    return kind_of_task(result.kind or "").counted is not None


def in_words(verdicts: Mapping[str, int]) -> str:
    """As "220 responded, 4 dead"."""
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)
