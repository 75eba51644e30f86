"""A layer of a network as its pages need it: its units with their files, and what is known of how they respond."""

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypedDict

from lib.gallery.addresses import layer_page, unit_page
from lib.gallery.layers import LayerBox
from lib.verdict_colours import VERDICTS
from lib.words import percent
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.unit_files import UnitFiles, files_of
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.natural import DataSet
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.responses import Responses
from tasks.gallery.reading.swept import Grown, UnitState
from tasks.sweep.measures import MEASURES, TASKS, LayerMeasures, UnitMeasures
from tasks.sweep.on_data import NEVER, OnData

_AHEAD = 100  # records that are read together


class NetworkName(TypedDict):
    """What a network is called, by people and by commands, and the segment of its pages' addresses."""

    title: str
    name: str
    slug: str


class DataName(TypedDict):
    """What a data set is called, and what must be said of it if it stands in for another.

    `labelled`: whether its images have classes.
    """

    name: str
    banner: str | None
    labelled: bool


def data_name(data: DataSet) -> DataName:
    """What pages of units and layers say of a data set."""
    return {"name": data.name, "banner": data.banner, "labelled": bool(data.classes)}


class Cell(TypedDict):
    """A unit as a cell of a grid.

    `on_data`: whether any image of the data set makes it respond; `preferred`: the class that it responds to most;
    `measures`: how good its picture is, by name, and `measured`: the lines of these that stand under it; `wrong`: what
    is wrong with the pixels that it was grown for; `picture`: an address.
    """

    index: int
    title: str
    address: str
    state: str
    draft: bool
    on_data: OnData | None
    response: float | None
    ratio: float | None
    preferred: str | None
    measures: dict[str, float | None]
    measured: list[str]
    wrong: str | None
    picture: str | None
    width: int | None
    height: int | None


@dataclass(frozen=True)
class LayerView:
    """One layer that was swept, or was to be."""

    catalogue: Catalogue
    network: StoredNetwork
    name: str
    units: Mapping[int, UnitState]

    @property
    def address(self) -> str:
        """Of its page."""
        return layer_page(self.network.slug, self.name)

    @property
    def known(self) -> LayerBox | None:
        """What the network's file says of it; None where that cannot be read, or says nothing."""
        return next((layer for layer in self.network.layers if layer.name == self.name), None)

    @cached_property
    def indices(self) -> list[int]:
        """Of the units that have a page, in order."""
        return sorted(self.units)

    @cached_property
    def verdicts(self) -> dict[str, int]:
        """How many units came to what."""
        return count_states(self.units.values())

    @cached_property
    def never(self) -> int | None:
        """How many units no image of the data set makes respond; None where it is known of none."""
        return count_never(state.grown for state in self.units.values())

    @cached_property
    def responses(self) -> Responses:
        """How its units respond to the data set, and what their weights say: the latest of each that was
        made on images of the size of most of the layer's OIPs, or else the latest."""
        responses, weights, negatives = (
            self.catalogue.of_layer(task, self.network.identity, self.name)[::-1]
            for task in ("responses", "weights", "negatives")
        )
        sizes = Counter(_size_in(state.grown.settings) for state in self.units.values() if state.grown)
        size = sizes.most_common(1)[0][0] if sizes else None
        responding = _latest(responses, size)
        if responding is not None:  # the two belong together
            size = _size_in(responding.parameters)
            weights = [one for one in weights if _size_in(one.parameters) == size]
        return Responses(self.catalogue.store, responding, _latest(weights, size), negatives)

    def measures(self, state: UnitState) -> UnitMeasures:
        """How good the picture of a unit is; empty where that is not known."""
        if state.grown is None:
            return {}
        if state.index not in self._measured:
            self._measured[state.index] = self._measures.of(state.grown.unit, state.grown.oips)
        return self._measured[state.index]

    @cached_property
    def _measured(self) -> dict[int, UnitMeasures]:
        return {}

    @cached_property
    def _measures(self) -> LayerMeasures:
        identity = self.network.identity
        records = [record for task in TASKS for record in self.catalogue.of_layer(task, identity, self.name)[::-1]]
        return LayerMeasures(self.catalogue.store, records)

    @cached_property
    def data(self) -> DataSet | None:
        """The data set of its exemplars; of several one."""
        return next(iter(self.data_sets), None)

    @cached_property
    def data_sets(self) -> list[DataSet]:
        """All that its units have exemplars of."""
        used = {state.grown.train_imgs for state in self.units.values() if state.grown}
        return list(filter(None, map(self.catalogue.data_of, sorted(filter(None, used)))))

    @property
    def whole(self) -> bool:
        """Whether all could be read that was asked for so far; else pages leave something out."""
        labels = all(data.whole for data in self.data_sets)
        return labels and self.responses.whole and self._measures.whole

    def record(self, state: UnitState) -> Record:
        """The whole record of a unit that has a result, read with those of the units behind it."""
        assert state.grown is not None
        return self.catalogue.record(state.grown.key, self._behind(state.index))

    def _behind(self, index: int) -> Iterator[str]:
        place = bisect(self.indices, index)
        for one in self.indices[place : place + _AHEAD]:
            if (grown := self.units[one].grown) is not None:
                yield grown.key

    def files(self, site: Site, grown: Grown) -> UnitFiles | None:
        """The files of a unit's result, put into the gallery once for all pages of the layer that show them."""
        if grown.key not in self._files:
            self._files[grown.key] = files_of(self.catalogue, site, self.network, grown)
        return self._files[grown.key]

    @cached_property
    def _files(self) -> dict[str, UnitFiles | None]:
        return {}

    def exemplar(self, site: Site, data: DataSet, number: int) -> str:
        """The address of an image of a data set, which is in the gallery once. Raises StoreError, LookupError."""
        key = f"image {number} of {data.record.key}"
        if key not in self._exemplars:
            self._exemplars[key] = site.picture(key, partial(data.picture, number))
        return self._exemplars[key]

    @cached_property
    def _exemplars(self) -> dict[str, str]:
        return {}

    def cell(self, site: Site, state: UnitState) -> Cell:
        """A unit as a cell of a grid; the same one for every grid that it is in."""
        if state.index not in self._cells:
            self._cells[state.index] = self._cell(site, state)
        return self._cells[state.index]

    @cached_property
    def _cells(self) -> dict[int, Cell]:
        return {}

    def _cell(self, site: Site, state: UnitState) -> Cell:
        grown = state.grown
        measures = {name: told["value"] for name, told in self.measures(state).items()}
        files: UnitFiles | None = None
        # what a unit that never responded was pushed towards is no picture of what it looks for
        if grown is not None and grown.verdict in ("responded", "unreached"):
            files = self.files(site, grown)
        return {
            "index": state.index,
            "title": str(state.index),
            "address": unit_page(self.network.slug, self.name, state.index),
            "state": state.state,
            "draft": grown is not None and grown.quality == "draft",
            "on_data": grown.on_data if grown else None,
            "response": grown.response if grown else None,
            "ratio": grown.response_ratio if grown else None,
            "preferred": self.responses.preferred(state.index),
            "measures": measures,
            "measured": _measured(measures),
            "wrong": self.network.wrong_pixels(grown.pixels) if grown else None,
            "picture": files.cell if files else None,
            "width": files.width if files else None,
            "height": files.height if files else None,
        }


def _measured(measures: Mapping[str, float | None]) -> list[str]:
    """The measures that stand under a unit in a grid, as "kept 92, 86, 63 %": those of one word in a line."""
    lines: dict[str, list[float | None]] = {}
    for measure in MEASURES:
        if measure.cell and measure.name in measures:
            lines.setdefault(measure.cell, []).append(measures[measure.name])
    return [
        f"{word} {', '.join(percent(share, 0).removesuffix(' %') for share in shares)} %"
        for word, shares in lines.items()
        if any(share is not None for share in shares)
    ]


def _size_in(parameters: Mapping[str, Any]) -> tuple[int, ...] | None:
    """(height, width) of images; None for the network's own."""
    size = parameters.get("size")
    return None if size is None else tuple(size)


def _latest(records: Sequence[Record], size: tuple[int, ...] | None) -> Record | None:
    """Of records, the latest first: the latest of images of a size, or else of any."""
    return next((one for one in records if _size_in(one.parameters) == size), next(iter(records), None))


def layers_of(catalogue: Catalogue, network: StoredNetwork) -> list[LayerView]:
    """The layers of a network that have pages, in the network's order."""
    units = catalogue.units(network.identity)
    order = {layer.name: at for at, layer in enumerate(network.layers)}
    names = sorted(units, key=lambda name: (order.get(name, len(order)), name))
    return [LayerView(catalogue, network, name, units[name]) for name in names]


def count_states(states: Iterable[UnitState]) -> dict[str, int]:
    """How many units came to each verdict, failed, or are left; in the usual order, without those that none has."""
    found: dict[str, int] = dict.fromkeys(VERDICTS, 0)
    for state in states:
        found[state.state] += 1
    return {word: many for word, many in found.items() if many}


def count_never(grown: Iterable[Grown | None]) -> int | None:
    """How many of these no image of their data set makes respond; None where it is known of none."""
    known = [one.on_data for one in grown if one is not None and one.on_data is not None]
    return known.count(NEVER) if known else None
