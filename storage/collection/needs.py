"""What a store needs: everything that refs and runs name, and everything that this was made from.

A run that is open is a root with all that it has made, pinned or reused, and so is what was written since it was opened
and is not in a record yet: a commit may be about to name it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from storage.collection.moment import CLOCKS_APART, Moment
from storage.errors import StoreError
from storage.files import Entry
from storage.names import KEY, blob_path, digest_of_path, key_of_path, record_path, run_of_path
from storage.record import Record
from storage.records import read_records
from storage.runs import RunRecord
from storage.store import Store

CUT_SHORT = ("open", "crashed", "interrupted")
"""States of runs that may not have written down what they committed last: that is needed as well."""
FORSAKEN_SECONDS = 7 * 86_400.0
"""A run that was open for so long without writing its record has died where nobody noticed; it pins nothing more."""


@dataclass(frozen=True)
class Needs:
    """What a store held when it was looked at, and what of that is needed.

    `blobs` and `entries` are the listings of blobs (by digest) and records (by key); `records` are those records, and
    those that lie elsewhere and were asked about. `live` are keys of records, and `named` digests of blobs, that are
    needed, whether they are there or not. `writing_since`: what was written later than this, an open run may be about
    to name; None where no run is open.
    """

    blobs: dict[str, Entry]
    entries: dict[str, Entry]
    records: dict[str, Record]
    live: set[str]
    named: set[str]
    forsaken: tuple[str, ...]
    pins: frozenset[str]
    writing_since: float | None

    def may_be_written(self, seconds: float) -> bool:
        """Whether what is dated so may be the work of a run that is open."""
        return self.writing_since is not None and seconds >= self.writing_since


class Survey:
    """Looks at a store as often as it is asked to; what cannot have changed since is not read again."""

    def __init__(self, store: Store, moment: Moment, grace: float) -> None:
        self._store = store
        self.moment = moment
        self.cutoff = moment.now - grace
        self._records: dict[str, Record] = {}
        self._runs: dict[str, tuple[Entry, RunRecord]] = {}

    def look(self, elsewhere: Mapping[str, Record] | None = None) -> Needs:
        """What is there now, and what is needed. `elsewhere`: records that are not in their place, and may be needed.

        Raises StoreError where a record, run or ref is damaged: what it needs is then not known.
        """
        files = self._store.files
        # What may be needed is listed before what may need it, so that a commit in between is seen as a need.
        blobs = {digest: entry for path, entry in files.listing("blobs").items() if (digest := digest_of_path(path))}
        entries = {key: entry for path, entry in files.listing("records").items() if (key := key_of_path(path))}
        records = {**(elsewhere or {}), **self._read_records(entries)}
        runs = self._read_runs()
        targets = self._store.refs().values()
        wanted = {target.removeprefix("record:") for target in targets if target.startswith("record:")}
        wanted |= {key for key, entry in entries.items() if entry.modified > self.cutoff}
        forsaken = tuple(run.id for entry, run in runs if run.state == "open" and self._is_forsaken(entry))
        pins: set[str] = set()
        makers: set[str] = set()
        opened: list[float] = []
        for entry, run in runs:
            wanted |= {result.record for result in run.units.values()}
            if run.state in CUT_SHORT:
                makers.add(run.id)
            if run.state == "open" and run.id not in forsaken:
                pins |= set(run.pins)
                opened.append(self._opened(entry, run))
        wanted |= {key for key, record in records.items() if record.recipe in pins or record.provenance.run in makers}
        live = _with_what_they_were_made_from(records, wanted)
        return Needs(
            blobs,
            entries,
            records,
            live | {key for key in wanted if KEY.fullmatch(key)},
            {digest for key in live for digest in records[key].named_blobs()},
            forsaken,
            frozenset(pins),
            min(opened, default=None),
        )

    def _read_records(self, entries: Mapping[str, Entry]) -> dict[str, Record]:
        for record in read_records(self._store.files, sorted(set(entries) - set(self._records))):
            if not isinstance(record, Record):
                raise StoreError(f"nothing was collected: {record}")
            self._records[record.key] = record
        return {key: self._records[key] for key in entries if key in self._records}

    def _read_runs(self) -> list[tuple[Entry, RunRecord]]:
        listed = {path: entry for path, entry in self._store.files.listing("runs").items() if run_of_path(path)}
        for path in [path for path, (entry, _) in self._runs.items() if listed.get(path) != entry]:
            del self._runs[path]
        # One that is open may be written twice within what a file's time tells apart.
        known = {path for path, (_, run) in self._runs.items() if run.state != "open"}
        for path, data in self._store.files.read_many(sorted(set(listed) - known)).items():
            try:
                self._runs[path] = listed[path], RunRecord.from_bytes(data)
            except ValueError as error:
                raise StoreError(
                    f"nothing was collected: run {run_of_path(path)} is damaged ({error}): run `dreamsweep verify`"
                ) from None
        return list(self._runs.values())

    def _is_forsaken(self, entry: Entry) -> bool:
        steady = self.moment.steady_since
        seen = entry.modified if steady is None else max(entry.modified, steady)
        return self.moment.now - seen > FORSAKEN_SECONDS

    def _opened(self, entry: Entry, run: RunRecord) -> float:
        """When a run was opened, by the store's clock, or rather before; it says so itself, by a clock of its own."""
        opened = datetime.fromisoformat(run.opened).timestamp() - CLOCKS_APART
        trusted = opened <= min(entry.modified, self.moment.now)
        return opened if trusted else 0.0


def unneeded(needs: Needs, cutoff: float) -> tuple[list[str], list[str]]:
    """The records and blobs that nothing needs and that are older than the cutoff, sorted."""
    records = sorted(set(needs.entries) & set(needs.records) - needs.live)
    # When the last record was committed that names a blob: if it was written later, another may be about to name it.
    named: dict[str, float] = {}
    for key in records:
        for digest in needs.records[key].named_blobs():
            named[digest] = max(named.get(digest, 0.0), needs.entries[key].modified)
    blobs = sorted(
        digest
        for digest, entry in needs.blobs.items()
        if digest not in needs.named
        and entry.modified <= cutoff
        and not (needs.may_be_written(entry.modified) and entry.modified > named.get(digest, 0.0))
    )
    return records, blobs


def returning(needs: Needs, collected: Mapping[str, str]) -> dict[str, str]:
    """Of what was collected, what is needed and not in its place: where it lies, by the path that it had.

    Blobs come first: whoever sees a record sees them.
    """
    blobs = sorted(map(blob_path, needs.named - set(needs.blobs)))
    records = {record_path(key) for key in needs.live - set(needs.entries)}
    for path in collected:
        key = key_of_path(path)
        if key is not None and key not in needs.entries and key.partition("/")[0] in needs.pins:
            records.add(path)
    return {path: collected[path] for path in [*blobs, *sorted(records)] if path in collected}


def _with_what_they_were_made_from(records: Mapping[str, Record], roots: set[str]) -> set[str]:
    """The roots and everything upwards of them. All makers of an input count: the record does not say which it was."""
    makers: dict[str, list[str]] = {}
    for key, record in records.items():
        for output in record.outputs:
            makers.setdefault(output.digest, []).append(key)
    live: set[str] = set()
    waiting = [key for key in roots if key in records]
    while waiting:
        key = waiting.pop()
        if key not in live:
            live.add(key)
            for item in records[key].inputs:
                waiting += makers.get(item.digest, ())
    return live
