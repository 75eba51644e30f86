"""Finding the finished record of a recipe: what both ways to look one up have in common."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable

from storage.errors import StoreError, StoreUnusable
from storage.finding.known_records import KnownRecords
from storage.mishaps.passing import is_bad_sector
from storage.recipe import Recipe
from storage.record import Output, Record


class Finder(ABC):
    """Finds records by their recipes. Any number of threads may share it.

    A `Listing` knows the whole store as it was at one moment; a `LookUp` asks for each recipe when it is looked for.
    """

    def __init__(self, known: KnownRecords) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._damaged: set[str] = set()

    def find(self, recipe: Recipe, *, changes: str | None) -> Record | None:
        """A finished record of this recipe, made with the same uncommitted changes, whose blobs are all there.

        `changes` is the digest of the uncommitted changes of the code that asks; None for committed code. Of several
        the one that ended first, so that everybody who asks is given the same. A blob of another size than its record
        says counts as missing, a damaged record as none.
        """
        records = (self._record(key) for key in self._keys(recipe.digest))
        found = [record for record in records if record is not None and record.changes == changes]
        for record in sorted(found, key=lambda record: (record.ended, record.execution)):
            if self._are_there(record.outputs):
                return record
        return None

    def read_ahead(self, recipes: Iterable[str]) -> None:
        """Read the records of these recipes (digests) side by side, so that `find` asks for none of them by itself."""
        self._known.read_ahead(key for recipe in recipes for key in self._keys(recipe))

    @abstractmethod
    def add(self, record: Record) -> None:
        """Note a record that has been committed since."""

    @abstractmethod
    def drop(self, digest: str) -> None:
        """Note that a blob is not there any more, or is damaged: no record that has it is found from now on."""

    @abstractmethod
    def _keys(self, recipe: str) -> Iterable[str]:
        """The keys of all records of a recipe, whatever they are worth."""

    @abstractmethod
    def _are_there(self, outputs: Iterable[Output]) -> bool:
        """Whether the blobs of these are all there, and of their sizes."""

    def _record(self, key: str) -> Record | None:
        """The record of a key; None where it is damaged, or has gone."""
        with self._lock:
            if key in self._damaged:
                return None
        try:
            return self._known.read(key)
        except StoreError as error:
            if isinstance(error, StoreUnusable) and not is_bad_sector(error.__cause__):
                raise  # it may well be there
            with self._lock:
                self._damaged.add(key)
            return None
