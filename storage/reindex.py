"""Bringing an index in line with the records, which are the truth."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from storage.errors import StoreUnusable
from storage.files import Files
from storage.index import FAILURES, Index, is_damage, reason
from storage.record import Record
from storage.records import RecordDamaged, keys, read_records

log = logging.getLogger(__name__)


Reading = Callable[[Iterable[str]], Iterator[Record | RecordDamaged]]
"""The records of these keys, as `storage.records.read_records` gives them."""


def up_to_date(files: Files, index: Index, read: Reading) -> Index:
    """The index with the records that are there now, and nothing in it that was not checked.

    A damaged one is made anew, now or when a later question meets the damage. Where its file cannot be written, the
    answers come from one in memory. `read` is asked for those that are not in it.
    """
    try:
        try:
            _catch_up(files, index, read)
        except FAILURES as error:
            if not is_damage(error):
                raise
            _make_anew(files, index, read, error)
        index.mend = partial(_make_anew, files, index, read)
        return index
    except FAILURES as error:
        log.info(
            "the index of %s cannot be used (%s): this question is answered from the records", files.root, reason(error)
        )
    index = Index(None)
    _catch_up(files, index, read)
    return index


def reindex(files: Files, index: Index) -> int:
    """Make the index again from the records; return how many there are. Raises StoreUnusable."""
    try:
        try:
            count = _refill(files, index)
            index.check()
        except FAILURES as error:
            if not is_damage(error):
                raise
            index.discard(error)
            count = _refill(files, index)
        return count
    except FAILURES as error:
        raise StoreUnusable(
            f"the index in {files.local} cannot be written ({reason(error)}): make the folder writable"
        ) from error


def unindexed(files: Files, index: Index) -> list[str]:
    """The keys of the records that are not in the index, sorted. Changes nothing."""
    there = keys(files)
    if not (files.local / "index.sqlite").exists():
        return there
    try:
        known = index.keys()
    except FAILURES:
        return there
    return [key for key in there if key not in known]


def _make_anew(files: Files, index: Index, read: Reading, error: BaseException) -> None:
    index.discard(error)
    _catch_up(files, index, read)


def _catch_up(files: Files, index: Index, read: Reading) -> None:
    # The index before the records: a record that is committed in between is then only read for nothing.
    known = index.check()
    there = set(keys(files))
    if known - there:
        index.remove(known - there)
    if there - known:
        index.add(_whole(read, there - known))


def _refill(files: Files, index: Index) -> int:
    # Read without the lock, which others are waiting for; under it only what was committed meanwhile.
    read = partial(read_records, files)
    records = {record.key: record for record in _whole(read, keys(files))}
    with index.refilling() as refill:
        there = set(keys(files))
        records.update((record.key, record) for record in _whole(read, there - set(records)))
        refill.replace([record for key, record in sorted(records.items()) if key in there])
    return len(there & set(records))


def _whole(read: Reading, wanted: Iterable[str]) -> list[Record]:
    found = []
    for record in read(sorted(wanted)):
        if isinstance(record, Record):
            found.append(record)
        else:
            log.warning("%s", record)
    return found
