"""Looking up a few recipes of a large store, each by a listing of its own."""

from collections.abc import Iterable

from storage.files import Files
from storage.finding.finder import Finder
from storage.finding.known_records import KnownRecords
from storage.names import blob_path, key_of_path
from storage.record import Output, Record


class LookUp(Finder):
    """Records as they are when they are looked for: one listing for a recipe, and more only where there is a record.

    Whoever needs some hundred recipes of a store that holds a hundred thousand asks for those alone, and finds what
    others committed a moment ago. Any number of threads may share it.
    """

    def __init__(self, files: Files, known: KnownRecords) -> None:
        super().__init__(known)
        self._files = files
        # None: a blob that was dropped, and is not asked for again.
        self._sizes: dict[str, int | None] = {}

    def add(self, record: Record) -> None:
        """Note a record that has been committed since: its blobs are there."""
        self._known.note(record)
        with self._lock:
            for output in record.outputs:
                self._sizes[output.digest] = output.size

    def drop(self, digest: str) -> None:
        """Note that a blob is not there any more, or is damaged: no record that has it is found from now on."""
        with self._lock:
            self._sizes[digest] = None

    def _keys(self, recipe: str) -> list[str]:
        return [key for path in self._files.listing(f"records/{recipe}") if (key := key_of_path(path)) is not None]

    def _are_there(self, outputs: Iterable[Output]) -> bool:
        return all(self._size(output.digest) == output.size for output in outputs)

    def _size(self, digest: str) -> int | None:
        """The size of a blob, in bytes; None where it is not there. One that was there is not asked for again."""
        with self._lock:
            if digest in self._sizes:
                return self._sizes[digest]
        size = self._files.size(blob_path(digest))
        if size is not None:
            with self._lock:
                self._sizes.setdefault(digest, size)  # somebody may have dropped it meanwhile
        return size
