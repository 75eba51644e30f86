"""The pages that a gallery's folder has: where links may lead that are made outside of it."""

from pathlib import Path

from lib.gallery.addresses import INDEX, START, layer_page, network_page, unit_page
from storage.record import Record
from tasks.gallery.reading.dreamed import dream_page
from tasks.session.kind import kind_of_task


class WrittenPages:
    """The pages of the gallery in a folder, by their addresses there (`tasks.session.kind.Pages`); None for what has
    none yet. It reads no store: a network is found by the end of its folder's name, which is its identity's beginning.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def start(self) -> str | None:
        """The first page."""
        return self._there(START)

    def of(self, record: Record) -> str | None:
        """The page that shows a record."""
        return kind_of_task(record.task).page(self, record)

    def network(self, identity: str) -> str | None:
        """The page of a network."""
        slug = self._slug(identity)
        return network_page(slug) if slug else None

    def layer(self, identity: str, layer: str) -> str | None:
        """The page of a layer."""
        slug = self._slug(identity)
        return self._there(layer_page(slug, layer)) if slug else None

    def unit(self, identity: str, layer: str, index: int) -> str | None:
        """The page of a unit."""
        slug = self._slug(identity)
        return self._there(unit_page(slug, layer, index)) if slug else None

    def dream(self, record: Record) -> str | None:
        """The page of a dream, or of the sheet of a tour."""
        return self._there(dream_page(record))

    def analysis(self, record: Record) -> str | None:
        """The first page of how a network decides."""
        slug = self._slug(record.recipe_inputs.get("model", ""))
        return self._there(f"analysis/{slug}/{INDEX}") if slug else None

    def images(self, record: Record) -> str | None:
        """The first page of the analysis, which leads to those of images."""
        return self.analysis(record)

    def result(self, record: Record) -> str | None:
        """The first page of the analysis, which leads to those of results."""
        return self.analysis(record)

    def _slug(self, identity: str) -> str | None:
        if len(identity) < 8 or not identity.isalnum():
            return None
        pages = self._folder.glob(f"*-{identity[:8]}/{INDEX}")
        return next((page.parent.name for page in pages), None)

    def _there(self, address: str) -> str | None:
        return address if (self._folder / address).is_file() else None
