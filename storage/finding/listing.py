"""What the store holds, by one listing: what a run asks instead of asking the store for every unit."""

from collections.abc import Iterable

from storage.files import Files
from storage.finding.finder import Finder
from storage.finding.known_records import KnownRecords
from storage.names import digest_of_path, key_of_path
from storage.record import Output, Record


class Listing(Finder):
    """Records and blobs at the moment it was taken, and what is added since. Any number of threads may share it."""

    def __init__(self, files: Files, known: KnownRecords) -> None:
        super().__init__(known)
        # Records before blobs: a record that is listed has its blobs, which were written before it.
        self._listed: dict[str, list[str]] = {}
        for path in sorted(files.listing("records")):
            key = key_of_path(path)
            if key is not None:
                self._listed.setdefault(key.partition("/")[0], []).append(key)
        self._sizes: dict[str, int] = {}
        for path, entry in files.listing("blobs").items():
            digest = digest_of_path(path)
            if digest is not None:
                self._sizes[digest] = entry.size

    def add(self, record: Record) -> None:
        """Note a record that has been committed since."""
        self._known.note(record)
        with self._lock:
            keys = self._listed.setdefault(record.recipe, [])
            if record.key not in keys:
                keys.append(record.key)
            for output in record.outputs:
                self._sizes[output.digest] = output.size

    def drop(self, digest: str) -> None:
        """Note that a blob is not there any more, or is damaged: no record that has it is found from now on."""
        with self._lock:
            self._sizes.pop(digest, None)

    def _keys(self, recipe: str) -> list[str]:
        with self._lock:
            return list(self._listed.get(recipe, ()))

    def _are_there(self, outputs: Iterable[Output]) -> bool:
        with self._lock:
            return all(self._sizes.get(output.digest) == output.size for output in outputs)
