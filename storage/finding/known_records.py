"""Records that were read or committed by this process, kept so that nobody asks the store for them again."""

import pickle
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

from storage.collection.writers import temporary_name
from storage.files import Files
from storage.names import record_path
from storage.record import Record
from storage.records import RecordDamaged, parse_record, read_record, read_records

AT_ONCE = 500
"""So many records are read ahead."""


class KnownRecords:
    """By key. Any number of threads may share it.

    A record never changes, so one that was read whole is not read again, whatever becomes of its file. They are kept
    compressed, in a few thousand bytes each: as objects, with the curves of their ascents, they would take many times
    the room. Those of a remote store are kept on this machine's disk as well, beside the copies of its blobs, for the
    next process; a copy that is not whole is as good as none.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._packed: dict[str, bytes] = {}
        self._copies = None if files.folder is not None else files.local

    def note(self, record: Record) -> None:
        """Keep a record that was read or committed."""
        self._pack(record)
        self._write_copy(record)

    def _pack(self, record: Record) -> None:
        packed = zlib.compress(pickle.dumps(record, pickle.HIGHEST_PROTOCOL), 1)
        with self._lock:
            self._packed.setdefault(record.key, packed)

    def get(self, key: str) -> Record | None:
        """The record of this key, if it is known."""
        with self._lock:
            packed = self._packed.get(key)
        if packed is None:
            return None
        record: Record = pickle.loads(zlib.decompress(packed))
        return record

    def read(self, key: str) -> Record:
        """The record of this key, asked for where it is not known. Raises StoreError as `read_record` does."""
        found = self.get(key) or self._read_copy(key)
        if found is None:
            found = read_record(self._files, key)
            self.note(found)
        return found

    def read_ahead(self, keys: Iterable[str]) -> None:
        """Ask for those of these records that are not known, side by side. What is damaged or gone is left out."""
        wanted = dict.fromkeys(keys)  # before the lock: whoever gives them one by one may ask here for others
        with self._lock:
            unknown = [key for key in wanted if key not in self._packed]
        unknown = [key for key in unknown if self._read_copy(key) is None]
        for record in read_records(self._files, unknown):
            if isinstance(record, Record):
                self.note(record)

    def read_many(self, keys: Iterable[str]) -> Iterator[Record]:
        """The records of these keys, in their order, some of them read ahead.

        Raises StoreError where one is not there, or is damaged.
        """
        wanted = list(keys)
        for start in range(0, len(wanted), AT_ONCE):
            batch = wanted[start : start + AT_ONCE]
            self.read_ahead(batch)
            yield from map(self.read, batch)

    def whole(self, keys: Iterable[str]) -> Iterator[Record | RecordDamaged]:
        """As `storage.records.read_records`, which is asked for what is neither known nor copied; those that are come
        first of each batch.

        None of them is kept: of a large store they may be all.
        """
        wanted = list(keys)
        for start in range(0, len(wanted), AT_ONCE):
            batch = wanted[start : start + AT_ONCE]
            known = {key: record for key in batch if (record := self.get(key) or self._parse_copy(key)) is not None}
            yield from known.values()
            yield from read_records(self._files, [key for key in batch if key not in known])

    def _read_copy(self, key: str) -> Record | None:
        """The record in this machine's copy of its file, which is then known; None where there is no whole one."""
        record = self._parse_copy(key)
        if record is not None:
            self._pack(record)
        return record

    def _parse_copy(self, key: str) -> Record | None:
        if self._copies is None:
            return None
        try:
            return parse_record(key, (self._copies / record_path(key)).read_bytes())
        except (OSError, RecordDamaged):
            return None

    def _write_copy(self, record: Record) -> None:
        if self._copies is None:
            return
        path = self._copies / record_path(record.key)
        with suppress(OSError):  # then it is asked for again
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                # Not flushed to disk: a torn copy does not match its seal.
                unfinished = path.with_name(temporary_name())
                unfinished.write_bytes(record.to_bytes())
                unfinished.replace(path)
