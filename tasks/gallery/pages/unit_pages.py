"""The page of every unit, at its permanent address: what it looks for, and all that is known of how this was found."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from lib.dream.mixture import Mixture
from lib.errors import BadInput
from lib.gallery.addresses import START, network_page, unit_folder, unit_page
from lib.gallery.rendering import Page
from storage.errors import BlobCorrupt, BlobMissing, StoreError
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.folder.writer import Late
from tasks.gallery.pages.layer_view import LayerView, data_name
from tasks.gallery.pages.previews import preview_of
from tasks.gallery.pages.trained import Film
from tasks.gallery.pages.unit_files import draw_image
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import list_makers, list_users, maker_keys
from tasks.gallery.reading.natural import DataSet
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.swept import Grown, UnitState
from tasks.sweep.measures import MEASURES
from tasks.sweep.on_data import is_far

THUMBNAIL = 320
"""Pixels of the longer side of a dream among others."""

UnitDreams = Mapping[str, list[dict[str, Any]]]
"""The dreams that units had a part in, as pages show them, by unit."""


def put_units(site: Site, layer: LayerView, dreams: UnitDreams, films: Mapping[int, Film]) -> None:
    """Put the page of every unit of a layer that was swept, or was to be.

    `dreams`: made with units of the network, by unit; `films`: of the layer's units, by index.
    """
    for place, index in enumerate(layer.indices):
        unit = UnitView(
            site,
            layer,
            layer.units[index],
            layer.indices[place - 1] if place else None,
            layer.indices[place + 1] if place + 1 < len(layer.indices) else None,
            dreams.get(f"{layer.name}/{index}", []),
            films.get(index),
        )
        unit.put()


@dataclass(frozen=True)
class UnitView:
    """One unit. `before`, `after`: the indices of its neighbours. `dreams`: made with it, as pages show them."""

    site: Site
    layer: LayerView
    state: UnitState
    before: int | None
    after: int | None
    dreams: list[dict[str, Any]]
    film: Film | None

    def put(self) -> None:
        """Put its files and its page into the gallery."""
        # what makes the page is read only where something of this has changed
        rests_on = self._rests_on
        key = json.dumps(rests_on, sort_keys=True)
        if self.grown is not None:
            self.site.file(f"{self.folder}/unit.json", lambda: self._document().encode(), key)
        self.site.put(Page(f"{self.folder}/index.html", "unit.html.j2", lambda: {**rests_on, **self._contents()}, key))

    @property
    def catalogue(self) -> Catalogue:
        """Of its store."""
        return self.layer.catalogue

    @property
    def network(self) -> StoredNetwork:
        """That it is a part of."""
        return self.layer.network

    @property
    def grown(self) -> Grown | None:
        """Its result."""
        return self.state.grown

    @property
    def _data(self) -> DataSet | None:
        """The data set of its exemplars: units of one layer can have been swept with different ones."""
        return self.catalogue.data_of(self.grown.train_imgs) if self.grown else self.layer.data

    @property
    def name(self) -> str:
        """As `Conv2D_2/17`."""
        return f"{self.layer.name}/{self.state.index}"

    @property
    def folder(self) -> str:
        """Where its page and its files are."""
        return unit_folder(self.network.slug, self.layer.name, self.state.index)

    @cached_property
    def _rests_on(self) -> dict[str, Any]:
        """All that decides what the page shows: what is cheap to know as it is, records by their keys."""
        grown, layer, network = self.grown, self.layer, self.network
        files = layer.files(self.site, grown) if grown else None
        data = self._data
        return {
            "network": {"title": network.title, "name": network.name, "slug": network.slug},
            "crumbs": [
                ["Networks", START],
                [network.title, network_page(network.slug)],
                [layer.name, layer.address],
                [str(self.state.index), None],
            ],
            "unit": self.name,
            "layer": {"name": layer.name, "address": layer.address},
            "index": self.state.index,
            "folder": self.folder,
            "state": self.state.state,
            "failure": self.state.failure,
            "wrong": network.wrong_pixels(grown.pixels) if grown else None,
            "run": self.state.run,
            "previous": self._neighbour(self.before),
            "next": self._neighbour(self.after),
            "record": grown.key if grown else None,
            "array": files.array if files else None,
            "oip_files": list(files.oips) if files else None,
            "negative": self._negative(),
            "exemplar_pictures": self._exemplar_pictures(),
            "earlier": [self._earlier(one) for one in self.state.earlier],
            "dreams": self.dreams,
            "film": self.film.shown(self.site, self.catalogue.store) if self.film else None,
            "data": None if data is None else data_name(data),
            "data_record": None if data is None else data.record.key,
            "made_from": maker_keys(self.catalogue, grown) if grown else [],
            "used_by": list_users(self.catalogue, grown) if grown else [],
            "responses": self.layer.responses.keys,
            "alike_from": [self._seen(index) for index, _ in self._nearest],
            "measures": self._measures(),
        }

    @property
    def _nearest(self) -> list[tuple[int, float]]:
        responses = self.layer.responses
        return [*responses.nearest(self.state.index), *responses.nearest_by_weights(self.state.index)]

    def _seen(self, index: int) -> str:
        """What another unit's cell rests on."""
        state = self.layer.units.get(index)
        return "" if state is None else state.grown.key if state.grown else state.state

    def _measures(self) -> list[dict[str, Any]]:
        """How good its picture is, with the title of each measure."""
        told = self.layer.measures(self.state)
        titles = {measure.name: measure.title for measure in MEASURES}
        unknown = {"interval": None, "data": None}
        return [{"title": titles[name], **unknown, **one} for name, one in told.items()]

    def _neighbour(self, index: int | None) -> dict[str, Any] | None:
        if index is None:
            return None
        return {"index": index, "address": unit_page(self.network.slug, self.layer.name, index)}

    def _earlier(self, grown: Grown) -> dict[str, Any]:
        told = ("key", "ended", "run", "verdict", "response", "response_ratio", "style", "constraint")
        return {name: getattr(grown, name) for name in told} | {"wrong": self.network.wrong_pixels(grown.pixels)}

    def _negative(self) -> dict[str, Any] | None:
        """What silences it."""
        found = self.layer.responses.negative(self.state.index)
        if found is None:
            return None
        key, about = found
        bounds = self.grown.bounds if self.grown and about["constraint"] == "box" else None

        def make() -> Late:
            return partial(draw_image, self.layer.responses.negative_image(self.state.index), bounds)

        try:
            address = self.site.file(f"{self.folder}/negative.png", make, f"{key} {bounds}")
        except (BlobMissing, BlobCorrupt):
            return None
        return {**about, "address": address}

    def _exemplar_pictures(self) -> list[str] | None:
        """The addresses of the images that it responds to most: each is in the gallery once, whoever shows it."""
        grown, data = self.grown, self._data
        if grown is None or data is None or grown.train_imgs is None or not grown.exemplars:
            return None
        try:
            return [self.layer.exemplar(self.site, data, number) for number in grown.exemplars]
        except (StoreError, LookupError):
            return None

    @cached_property
    def _record(self) -> Record:
        assert self.grown is not None
        return self.layer.record(self.state)

    @property
    def _about(self) -> dict[str, Any]:
        return dict(self._record.output("oips").attributes)

    def _contents(self) -> dict[str, Any]:
        """What the page shows besides, all of which follows from what it rests on."""
        responses, grown, data = self.layer.responses, self.grown, self._data
        contents: dict[str, Any] = {
            "histogram": responses.histogram(self.state.index),
            "preferred": responses.preferred(self.state.index),
            "alike": self._alike(responses.nearest(self.state.index)),
            "by_weights": self._alike(responses.nearest_by_weights(self.state.index)),
            "grown": None,
            "exemplars": [],
            "responding": 0,
            "asked": 0,
            "image": list(data.image_shape) if data else None,
            "box_where": None,
        }
        if grown is None:
            return contents
        about = self._about
        shown = len(grown.exemplars)
        contents["responding"], contents["asked"] = shown, len(about["exemplars"])
        image = contents["image"]
        # what is known of images of another size says nothing of where these exemplars are looked at
        known = image is not None and grown.settings.get("size") == responses.image_size
        peaks = responses.boxes(self.state.index, image) if known else []
        boxes = peaks or self._middle(responses.field_on(image) if known else None, image)
        contents["box_where"] = "peak" if peaks else "middle" if boxes else None
        pictures = self._rests_on["exemplar_pictures"]
        if pictures is not None and data is not None:
            contents["exemplars"] = [
                {
                    "number": number,
                    "picture": pictures[at],
                    "response": response,
                    "label": data.label(number),
                    "box": boxes[at] if at < len(boxes) else None,
                }
                for at, (number, response) in enumerate(
                    zip(grown.exemplars, about["exemplar_responses"][:shown], strict=True)
                )
            ]
        contents["curves"] = {f"OIP {at}": oip["curve"] for at, oip in enumerate(about["oips"], 1)}
        contents["grown"] = {
            **{name: about[name] for name in ("verdict", "response", "pre_activation", "response_ratio", "constraint")},
            **{name: about[name] for name in ("only_one_pattern", "alike_from", "image_steps", "oips")},
            "on_data": grown.on_data,
            "style": grown.style,
            "instead_of": grown.instead_of,
            "quality": grown.quality,
            # a style that keeps moving the image sees every step so; others see none of the steps that they move
            "moving": bool(grown.settings.get("jitter")) and None not in about["oips"][0]["curve"],
            "far": is_far(about),
            "shape": list(grown.shape),
            "parameters": {name: value for name, value in self._record.parameters.items() if name != "unit"},
            "made_by": list_makers(self.catalogue, self._record),
            "when": grown.ended,
            "task_version": self._record.version,
            "commit": self._record.provenance.code.get("commit"),
            "changed": self._record.changes is not None,
        }
        return contents

    @staticmethod
    def _middle(field: dict[str, list[float]] | None, image: list[int] | None) -> list[list[float]]:
        """The receptive field of a position in the middle of an image, once."""
        if field is None or image is None:
            return []
        high, wide = field["size"]
        return [[(image[1] - wide) / 2, (image[0] - high) / 2, wide, high]]

    def _alike(self, pairs: list[tuple[int, float]]) -> list[dict[str, Any]]:
        found = []
        for index, likeness in pairs:
            state = self.layer.units.get(index)
            cell = self.layer.cell(self.site, state) if state else None
            found.append({"index": index, "likeness": likeness, "cell": cell})
        return found

    def _document(self) -> str:
        """All that is known of the unit, for further work: `unit.json`."""
        record, grown = self._record, self.grown
        assert grown is not None
        code = record.provenance.code
        document = {
            "unit": self.name,
            "network": self.network.title,
            "identity": self.network.identity,
            "record": record.key,
            **self._about,
            "on_data": grown.on_data,
            "style": grown.style,
            "quality": grown.quality,
            "parameters": record.parameters,
            "inputs": [{"role": item.role, "digest": item.digest} for item in record.inputs],
            "outputs": [
                {"role": output.role, "digest": output.digest, "media_type": output.media_type, "size": output.size}
                for output in record.outputs
            ],
            "made": record.ended,
            "run": self.state.run,
            "code": {"commit": code.get("commit"), "changes": code.get("changes")},
            "environment": record.provenance.environment,
            "histogram": self.layer.responses.histogram(self.state.index),
            "nearest_by_responses": self.layer.responses.nearest(self.state.index),
            "nearest_by_weights": self.layer.responses.nearest_by_weights(self.state.index),
            "measures": self.layer.measures(self.state),
        }
        return json.dumps(document, sort_keys=True, allow_nan=False) + "\n"


def dreams_of(catalogue: Catalogue, site: Site, network: StoredNetwork) -> UnitDreams:
    """The dreams that a network's units had a part in, by unit, the newest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    layers = [layer.name for layer in network.layers]
    for run in catalogue.dreams:
        for dream in run.dreams:
            record = dream.record
            if record.recipe_inputs.get("model") != network.identity:
                continue
            units = _units_in(str(record.parameters["objective"]), layers)
            if not units:
                continue
            thumbnail = preview_of(site, catalogue.store, record.output("picture").digest, THUMBNAIL)
            about = {"title": dream.picture, "address": dream.address, "picture": thumbnail}
            for unit in units:
                found.setdefault(unit, []).append({**about, "mode": record.parameters["mode"]})
    return found


def _units_in(objective: str, layers: list[str]) -> list[str]:
    """The single units that an objective names, not those of whole layers."""
    try:
        terms = Mixture.parse(objective, layers).terms
    except BadInput:
        return []
    return list(
        dict.fromkeys(
            f"{term.layer}/{index}" for term in terms if term.direction is not None for index, _ in term.direction
        )
    )
