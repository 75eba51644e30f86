"""Garbage collection: what nothing needs goes to the trash, and what has lain there long enough is deleted.

Roots are refs, run records, and the records of the recipes that open runs have pinned. What they need stays: their
records, the records that made their inputs, and so on upwards. Whatever is younger than the grace period stays too, as
somebody may be about to use it.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from storage.errors import StoreError
from storage.index import FAILURES, reason
from storage.names import blob_path, digest_of_path, key_of_path, record_path, run_of_path
from storage.record import Record
from storage.records import read_records
from storage.runs import RunRecord
from storage.store import Store
from storage.trash import new_trash, trash_path, trashed_at

log = logging.getLogger(__name__)

GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """What garbage collection would do, or has done.

    Records (by key) and blobs (by digest) go to the trash; temporary files of killed processes and what has been in the
    trash for longer than the grace period (both by path) are deleted for good. `size` is that of all these, in bytes.
    """

    store: Store
    grace: timedelta
    records: tuple[str, ...]
    blobs: tuple[str, ...]
    temporary: tuple[str, ...]
    expired: tuple[str, ...]
    size: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.records or self.blobs or self.temporary or self.expired)


def plan(store: Store, grace: timedelta = GRACE) -> Plan:
    """What garbage collection would do now; changes nothing.

    Raises StoreError where a record, run or ref is damaged: what it needs is then not known.
    """
    files = store.files
    cutoff = time.time() - grace.total_seconds()
    # What may be needed is listed before what may need it, so that a commit in between is seen as a need.
    blobs = {digest: entry for path, entry in files.listing("blobs").items() if (digest := digest_of_path(path))}
    listed = {key: entry for path, entry in files.listing("records").items() if (key := key_of_path(path))}
    records = _all_records(store, listed)
    young = {key for key in records if listed[key].modified > cutoff}
    live = _live(records, _roots(store, records) | young)
    needed = {digest for key in live for digest in records[key].named_blobs()}
    dead_records = sorted(set(records) - live)
    dead_blobs = sorted(digest for digest in blobs if digest not in needed and blobs[digest].modified <= cutoff)
    temporary = {path: entry for path, entry in files.listing("tmp").items() if entry.modified <= cutoff}
    expired = {
        path: entry
        for path, entry in files.listing("trash").items()
        if (at := trashed_at(path)) is not None and at <= cutoff
    }
    size = (
        sum(listed[key].size for key in dead_records)
        + sum(blobs[digest].size for digest in dead_blobs)
        + sum(entry.size for entry in [*temporary.values(), *expired.values()])
    )
    return Plan(
        store, grace, tuple(dead_records), tuple(dead_blobs), tuple(sorted(temporary)), tuple(sorted(expired)), size
    )


def collect(shown: Plan) -> Plan:
    """Do what a plan showed, but for what has come into use since; return what was done."""
    store, files = shown.store, shown.store.files
    with files.collecting():
        now = plan(store, shown.grace)
        done = Plan(
            store,
            shown.grace,
            _both(shown.records, now.records),
            _both(shown.blobs, now.blobs),
            _both(shown.temporary, now.temporary),
            _both(shown.expired, now.expired),
            min(shown.size, now.size),
        )
        folder = new_trash("garbage")
        # Records first: a process that is killed here leaves blobs without a record, never a record without its blobs.
        for path in [*map(record_path, done.records), *map(blob_path, done.blobs)]:
            try:
                files.move(path, trash_path(folder, path))
            except FileNotFoundError:
                log.info("%s has gone meanwhile", path)
        for path in [*done.temporary, *done.expired]:
            files.delete(path)
    try:
        store.index.remove(done.records)
    except FAILURES as error:
        log.warning("the index still has what was collected (%s): run `dreamsweep reindex`", reason(error))
    return done


def _all_records(store: Store, keys: Iterable[str]) -> dict[str, Record]:
    found = {}
    for record in read_records(store.files, keys):
        if not isinstance(record, Record):
            raise StoreError(f"nothing was collected: {record}")
        found[record.key] = record
    return found


def _roots(store: Store, records: dict[str, Record]) -> set[str]:
    roots = {target.removeprefix("record:") for target in store.refs().values() if target.startswith("record:")}
    pins: set[str] = set()
    crashed: set[str] = set()
    paths = {path: name for path in store.files.listing("runs") if (name := run_of_path(path))}
    for path, data in store.files.read_many(paths).items():
        try:
            run = RunRecord.from_bytes(data)
        except ValueError as error:
            raise StoreError(
                f"nothing was collected: run {paths[path]} is damaged ({error}): run `dreamsweep verify`"
            ) from None
        roots |= {result.record for result in run.units.values()}
        if run.state == "open":
            pins |= set(run.pins)
        elif run.state in ("crashed", "interrupted"):
            crashed.add(run.id)
    # what a run committed last that was killed or stopped, it may have had no time to write down
    return roots | {key for key, record in records.items() if record.recipe in pins or record.provenance.run in crashed}


def _live(records: dict[str, Record], roots: set[str]) -> set[str]:
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


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    kept = set(other)
    return tuple(name for name in one if name in kept)
