"""Where the records of a store are shown in its gallery."""

from lib.gallery.addresses import layer_page, network_page, unit_page
from storage.record import Record
from tasks.gallery.reading.analysed import Analysis
from tasks.gallery.reading.catalogue import Catalogue
from tasks.session.kind import kind_of_task


class RecordPages:
    """The pages of one gallery, as the kinds of artifacts ask for them (`tasks.session.kind.Pages`)."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def of(self, record: Record) -> str | None:
        """The page that shows a record; None where none does."""
        return kind_of_task(record.task).page(self, record)

    def network(self, identity: str) -> str | None:
        """The page of a network."""
        network = self._catalogue.network(identity)
        return network_page(network.slug) if network else None

    def layer(self, identity: str, layer: str) -> str | None:
        """The page of a layer that was swept, or was to be."""
        network = self._catalogue.network(identity)
        return layer_page(network.slug, layer) if network and layer in self._catalogue.units(identity) else None

    def unit(self, identity: str, layer: str, index: int) -> str | None:
        """The page of a unit that was swept, or was to be."""
        network = self._catalogue.network(identity)
        known = network is not None and index in self._catalogue.units(identity).get(layer, ())
        return unit_page(network.slug, layer, index) if network and known else None

    def dream(self, record: Record) -> str | None:
        """The page of a dream, or of the sheet of a tour; a pass is where its dream is."""
        return self._catalogue.dream_addresses.get(record.key)

    def analysis(self, record: Record) -> str | None:
        """The first page of an analysis."""
        return analysis.address if (analysis := self._analysis(record)) else None

    def images(self, record: Record) -> str | None:
        """The page of the image, or of the images side by side, that a result of an analysis is of."""
        return analysis.images_page(record) if (analysis := self._analysis(record)) else None

    def result(self, record: Record) -> str | None:
        """The page of one result of an analysis."""
        return analysis.result_page(record) if (analysis := self._analysis(record)) else None

    def _analysis(self, record: Record) -> Analysis | None:
        return self._catalogue.analyses.get(record.recipe_inputs.get("model", ""))
