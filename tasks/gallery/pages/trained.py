"""Units through training: what the sweeps of a network's checkpoints grew, as films."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lib.gallery.addresses import INDEX, segment
from lib.gallery.film import ENDING, film, frames
from storage.store import Store
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.previews import preview_address
from tasks.gallery.reading.catalogue import Catalogue, StoredEpoch
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.swept import Grown

_SEEN = ("responded", "unreached")


def training_page(network: str, layer: str) -> str:
    """The page of a layer's units through the training of a network."""
    return f"training/{network}/{segment(layer)}/{INDEX}"


@dataclass(frozen=True)
class Film:
    """One unit at two checkpoints or more, all with the same settings: its results by the number of the epoch.

    `names`: what all checkpoints of the layer's films are called, by the number of the epoch.
    """

    network: StoredNetwork
    layer: str
    index: int
    grown: Mapping[int, Grown]
    names: Mapping[int, str]

    def shown(self, site: Site, store: Store) -> dict[str, Any]:
        """What the template `film.html.j2` shows, its pictures put into the gallery.

        What a unit that never responded was pushed towards is no picture of what it looks for, and in no film.
        """
        seen = {number: grown for number, grown in self.grown.items() if grown.verdict in _SEEN}
        digests = [grown.oips for grown in seen.values()]
        captions = [self.names[number] for number in seen]
        bounds = self._bounds
        key = json.dumps([digests, bounds])

        @cache
        def images() -> list[Any]:
            return [grown.pixels.to_pictures(store.array(grown.oips)[0]) for grown in seen.values()]

        @cache
        def stills() -> list[bytes]:
            return frames(images(), bounds)

        def still(at: int) -> str | None:
            return preview_address(site, f"frame {at} {key}", lambda: stills()[at])

        pictures = {number: still(at) for at, number in enumerate(seen)}
        moving = None
        if len(seen) > 1:
            moving = preview_address(site, f"film {key} {captions}", lambda: film(images(), captions, bounds), ENDING)
        order = list(self.names)
        return {
            "unit": f"{self.layer}/{self.index}",
            "index": self.index,
            "film": moving,
            "last": next((picture for picture in reversed(pictures.values()) if picture), None),
            "names": list(self.names.values()),
            "page": training_page(self.network.slug, self.layer),
            "frames": [
                {
                    "at": order.index(number),
                    "name": self.names[number],
                    "picture": pictures.get(number),
                    "verdict": grown.verdict,
                    "response": grown.response,
                    "ratio": grown.response_ratio,
                }
                for number, grown in self.grown.items()
            ],
        }

    @property
    def _bounds(self) -> tuple[float, float] | None:
        """The range of pixels, where all grew in it: then one scale of tones is that range."""
        if any(grown.constraint != "box" for grown in self.grown.values()):
            return None
        return next(iter(self.grown.values())).bounds


def films_of(catalogue: Catalogue, network: StoredNetwork) -> dict[str, dict[int, Film]]:
    """The films of a network's units, by layer and index; none where no unit was swept at two of its checkpoints.

    Of a layer that was swept with several settings, those with the most results are taken, and of these the latest:
    what is shown beside each other was grown in the same way.
    """
    epochs = {epoch.number: epoch for epoch in catalogue.epochs(network)}
    found: dict[str, dict[str, dict[int, dict[int, Grown]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(dict))
    )
    for number, epoch in epochs.items():
        for layer, swept in catalogue.units(epoch.identity).items():
            for index, state in swept.items():
                # the latest of each settings last, so that it counts
                results = [*reversed(state.earlier), *([state.grown] if state.grown else [])]
                for grown in results:
                    found[layer][json.dumps(dict(grown.settings), sort_keys=True)][index][number] = grown
    films = {}
    for layer, by_settings in found.items():
        units = max(by_settings.values(), key=_weight)
        known = {index: results for index, results in units.items() if len(results) > 1}
        names = {
            number: _name(epochs[number], network) for number in sorted({n for one in known.values() for n in one})
        }
        if known:
            films[layer] = {
                index: Film(network, layer, index, dict(sorted(known[index].items())), names) for index in sorted(known)
            }
    return films


def _weight(units: Mapping[int, Mapping[int, Grown]]) -> tuple[int, str]:
    grown = [one for results in units.values() if len(results) > 1 for one in results.values()]
    return len(grown), max((one.ended for one in grown), default="")


def _name(epoch: StoredEpoch, network: StoredNetwork) -> str:
    return f"epoch {epoch.number}" + (", the model" if epoch.identity == network.identity else "")


def settings_of(films: Mapping[int, Film]) -> dict[str, Any]:
    """How all units of a layer's films were grown."""
    return dict(next(iter(next(iter(films.values())).grown.values())).settings)


def verdicts_at(films: Mapping[int, Film]) -> dict[int, Counter[str]]:
    """How many of a layer's units have which verdict, by the number of the epoch."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for one in films.values():
        for number, grown in one.grown.items():
            found[number][grown.verdict] += 1
    return found
