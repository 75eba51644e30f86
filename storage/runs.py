"""A run: which executions one flow run made or reused, and for which units.

Its record is written when the run is opened, before the first look-up, so that garbage collection keeps what the run
may reuse; it is written again now and then, the larger it is the more seldom, and whole when the run is closed. A run
whose process was killed stays open until somebody closes it as crashed: who knows that its process died, or a
collection that has heard nothing of it for days.

A run that is killed loses what it noted since its last write, of a run of ten thousand units up to ten minutes: which
of its units failed, and which it reused by a pin. What it made is known without, since its records name the run; what
it reuses without a pin is written down at once, since garbage collection may take it until then.
"""

import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from storage.clock import now, stamp
from storage.collection.moment import note_clock
from storage.document import Json, plain_mapping, seal, unseal
from storage.errors import StoreError
from storage.files import Files
from storage.names import DIGEST, run_path
from storage.record import Record

State = Literal["open", "completed", "partial", "failed", "interrupted", "crashed"]
"""`partial`: it ended as it should, at its deadline, with work left. `interrupted`: it was told to stop. `crashed`: its
process died."""
How = Literal["computed", "reused"]

SECONDS_BETWEEN_WRITES = 5.0
"""A run's record is written no more often, however small it is."""
BYTES_A_SECOND = 5_000.0
"""What its writes may come to on the mean: one of 250 kB (a thousand units) is written every 50 s. So all writes of a
run together are about as many bytes as the records of its units, however many these are."""
LONGEST_SECONDS = 600.0
"""After so long it is written when there is news, however large it is: its age tells others that the run goes on."""


@dataclass(frozen=True)
class UnitResult:
    """The record (by key) that a run has for one unit, whether the run computed it, and of which kind it is: its task.

    `kind` is None where it is not known: runs of earlier versions did not say, and the record has gone since.
    """

    record: str
    how: How
    kind: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run. `units` and `failures` are by unit; `pins` are digests of recipes it may reuse.

    `opened` and `closed` are ISO 8601 in UTC; `closed` is None while the run is open, or was killed. `failed_kinds`: of
    which kind that would have been that failed, as far as it is known; None in runs of earlier versions. `flow_run`:
    Prefect's id of the flow run that opened it; None where there was none, and in runs of earlier versions.
    """

    id: str
    flow: str
    parameters: dict[str, Json]
    state: State
    opened: str
    closed: str | None = None
    pins: tuple[str, ...] = ()
    units: dict[str, UnitResult] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    summary: dict[str, Json] = field(default_factory=dict)
    failed_kinds: dict[str, str] | None = None
    flow_run: str | None = None

    def with_kinds(self, tasks: Callable[[], Mapping[str, str]]) -> "RunRecord":
        """The run with the kinds of all its units. `tasks`: those of all records by key, asked where one is missing."""
        if all(result.kind for result in self.units.values()):
            return self
        known = tasks()
        units = {
            unit: result if result.kind else replace(result, kind=known.get(result.record))
            for unit, result in self.units.items()
        }
        return replace(self, units=units)

    def to_bytes(self) -> bytes:
        """The sealed document that is stored."""
        units = {
            unit: vars(result) for unit, result in self.units.items()
        }  # `asdict` would take as long as all the rest
        return seal({**vars(self), "units": units}, f"run {self.id}")

    @staticmethod
    def from_bytes(data: bytes) -> "RunRecord":
        """The run in a stored document. Raises ValueError where it is torn, changed or not a run's."""
        document = unseal(data)
        try:
            # many runs name the same units and records
            units = {sys.intern(unit): UnitResult(**_once(result)) for unit, result in document.pop("units").items()}
            return RunRecord(units=units, pins=tuple(map(sys.intern, document.pop("pins"))), **document)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a run: {error}") from error


def _once(result: dict[str, Any]) -> dict[str, Any]:
    return {name: sys.intern(value) if isinstance(value, str) else value for name, value in result.items()}


class Run:
    """A run that is open in this process. Any number of threads may share it."""

    def __init__(
        self,
        files: Files,
        flow: str,
        parameters: Mapping[str, Any],
        pins: Iterable[str],
        flow_run: str | None = None,
    ) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._units: dict[str, UnitResult] = {}
        self._failures: dict[str, str] = {}
        self._failed_kinds: dict[str, str] = {}
        self._damage: list[str] = []
        self._record = RunRecord(
            id=f"{stamp()}-{secrets.token_hex(3)}",
            flow=flow,
            parameters=plain_mapping(parameters, f"parameters of {flow}"),
            state="open",
            opened=now(),
            pins=_pins(pins),
            flow_run=flow_run,
        )
        with self._lock:
            self._write()
        self._pinned = frozenset(self._record.pins)
        if files.folder is not None:  # elsewhere another clock dates the files
            note_clock(files.folder, (files.folder / run_path(self.id)).stat().st_mtime)

    @property
    def id(self) -> str:
        """Sorts by time: `20261122-101530-a1b2c3`."""
        return self._record.id

    def pin(self, recipes: Iterable[str]) -> None:
        """Keep garbage collection away from records of these recipes as well. Call it before the listing."""
        with self._lock:
            self._record = replace(self._record, pins=_pins([*self._record.pins, *recipes]))
            self._write()
            self._pinned = frozenset(self._record.pins)

    def add(self, unit: str, record: Record, how: How, kind: str | None = None) -> None:
        """Note the record that this run has for a unit; an earlier failure of the unit is forgotten.

        `kind`: what it is to the run, where that is not what its task says.

        What is reused and was not pinned is written down at once: until then garbage collection may take it, so look
        whether it is still there.
        """
        with self._lock:
            self._units[unit] = UnitResult(record.key, how, kind or record.task)
            self._failures.pop(unit, None)
            self._failed_kinds.pop(unit, None)
            self._write_now_and_then(at_once=how == "reused" and record.recipe not in self._pinned)

    def use(self, record: Record) -> None:
        """Know of a record that is needed as long as this run is open, and not after that: no unit is made of it."""

    def has_made(self, record: Record) -> bool:
        """Whether a record was made in the name of this run, also where another process did that."""
        return record.provenance.run == self.id

    def has_pinned(self, recipe: str) -> bool:
        """Whether garbage collection keeps away from the records of this recipe."""
        return recipe in self._pinned

    def fail(self, unit: str, message: str, kind: str | None = None) -> None:
        """Note that a unit failed, and why; of which kind (task) it would have been, where that is known."""
        with self._lock:
            self._failures[unit] = message
            if kind is not None:
                self._failed_kinds[unit] = kind
            self._write_now_and_then()

    def note_damage(self, line: str) -> None:
        """Note what was found damaged: the summary says it as `set_aside`."""
        with self._lock:
            self._damage.append(line)

    def close(
        self, state: Literal["completed", "partial", "failed", "interrupted"], summary: Mapping[str, Any]
    ) -> RunRecord:
        """Write down how the run ended. Raises StoreError where the summary holds what JSON cannot."""
        with self._lock:
            told = {**summary, "set_aside": self._damage} if self._damage else summary
            self._record = replace(
                self._record, state=state, closed=now(), summary=plain_mapping(told, f"summary of run {self.id}")
            )
            self._write()
            return self._record

    def _write_now_and_then(self, at_once: bool = False) -> None:
        if self._record.state != "open":
            raise StoreError(f"run {self.id} is closed: open another")
        rest = min(max(SECONDS_BETWEEN_WRITES, self._size / BYTES_A_SECOND), LONGEST_SECONDS)
        if at_once or time.monotonic() - self._written > rest:
            self._write()

    def _write(self) -> None:
        self._record = replace(
            self._record,
            units=dict(self._units),
            failures=dict(self._failures),
            failed_kinds=dict(self._failed_kinds),
        )
        data = self._record.to_bytes()
        with self._files.writing():
            self._files.write(run_path(self.id), data)
        self._written, self._size = time.monotonic(), len(data)


class JoinedRun(Run):
    """A run that is open in another process, for one that makes records in its name.

    Until that process has noted them, garbage collection keeps all records of an open run, and of one that crashed. So
    nothing is written here, and nothing is left open where this process dies.
    """

    def __init__(self, run: str) -> None:
        self._joined = run
        self.records: dict[str, Record] = {}
        """Those that were made or found here, by key."""

    @property
    def id(self) -> str:
        """That of the run which the other process has open."""
        return self._joined

    def pin(self, recipes: Iterable[str]) -> None:
        """Whoever opened the run has pinned what it may reuse."""

    def has_made(self, record: Record) -> bool:
        """False: what was made in its name before is there already."""
        return False

    def has_pinned(self, recipe: str) -> bool:
        """True: whoever opened the run has pinned what it may reuse."""
        return True

    def add(self, unit: str, record: Record, how: How, kind: str | None = None) -> None:
        """Whoever opened the run finds the record by its recipe, and notes it; here it is kept."""
        self.records[record.key] = record

    def use(self, record: Record) -> None:
        """As `add`."""
        self.records[record.key] = record

    def fail(self, unit: str, message: str, kind: str | None = None) -> None:
        """Whoever opened the run is told by other means."""

    def note_damage(self, line: str) -> None:
        """It is not noted: what was damaged is made again under the same recipe."""

    def close(
        self, state: Literal["completed", "partial", "failed", "interrupted"], summary: Mapping[str, Any]
    ) -> RunRecord:
        """Raises StoreError: whoever opened the run closes it."""
        raise StoreError(f"run {self.id} is open in another process, which closes it")


def _pins(recipes: Iterable[str]) -> tuple[str, ...]:
    pins = tuple(sorted(set(recipes)))
    for pin in pins:
        if not DIGEST.fullmatch(pin):
            raise StoreError(f"{pin!r} is not the digest of a recipe, so a run cannot pin it")
    return pins
