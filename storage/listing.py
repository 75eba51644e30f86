"""What the store holds, by one listing: what a run asks instead of asking the store for every unit."""

import threading

from storage.errors import StoreError
from storage.files import Files
from storage.names import digest_of_path, key_of_path
from storage.recipe import Recipe
from storage.record import Record
from storage.records import read_record


class Listing:
    """Records and blobs at the moment it was taken, and what is added since. Any number of threads may share it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._records: dict[str, Record | None] = {}
        self.refresh()

    def refresh(self) -> None:
        """List the store again; what was read of a record stays known."""
        # Records before blobs: a record that is listed has its blobs, which were written before it.
        keys: dict[str, list[str]] = {}
        for path in sorted(self._files.listing("records")):
            key = key_of_path(path)
            if key is not None:
                keys.setdefault(key.partition("/")[0], []).append(key)
        sizes: dict[str, int] = {}
        for path, entry in self._files.listing("blobs").items():
            digest = digest_of_path(path)
            if digest is not None:
                sizes[digest] = entry.size
        with self._lock:
            self._keys, self._sizes = keys, sizes
            self._records = {key: record for key, record in self._records.items() if record is not None}

    def find(self, recipe: Recipe, *, changes: str | None) -> Record | None:
        """A finished record of this recipe, made with the same uncommitted changes, whose blobs are all there.

        `changes` is the digest of the uncommitted changes of the code that asks; None for committed code. Of several
        the one that ended first, so that everybody who asks is given the same. A blob of another size than its record
        says counts as missing, a damaged record as none.
        """
        with self._lock:
            keys = list(self._keys.get(recipe.digest, ()))
        found = [record for record in map(self._record, keys) if record and self._usable(record, changes)]
        return min(found, key=lambda record: (record.ended, record.execution), default=None)

    def add(self, record: Record) -> None:
        """Note a record that has been committed since."""
        with self._lock:
            if record.key not in self._records:
                self._records[record.key] = record
                keys = self._keys.setdefault(record.recipe, [])
                if record.key not in keys:
                    keys.append(record.key)
            for output in record.outputs:
                self._sizes[output.digest] = output.size

    def drop(self, digest: str) -> None:
        """Note that a blob is not there any more, or is damaged: no record that has it is found from now on."""
        with self._lock:
            self._sizes.pop(digest, None)

    def _record(self, key: str) -> Record | None:
        with self._lock:
            if key in self._records:
                return self._records[key]
        record: Record | None
        try:
            record = read_record(self._files, key)
        except StoreError:
            record = None
        with self._lock:
            return self._records.setdefault(key, record)

    def _usable(self, record: Record, changes: str | None) -> bool:
        return record.changes == changes and all(
            self._sizes.get(output.digest) == output.size for output in record.outputs
        )
