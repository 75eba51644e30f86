"""Pages that put two sweeps side by side, unit by unit: two nights, two checkpoints, two settings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lib.errors import BadInput
from lib.gallery.addresses import INDEX, segment, unit_page
from lib.gallery.differences import differences
from lib.gallery.rendering import Page
from lib.network.units import Unit
from lib.verdict_colours import VERDICTS
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.oip_pictures import thumbnail
from tasks.gallery.pages.section import Section
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.swept import Grown, StoredSweep
from tasks.model.checkpoints import split_name

HOME = f"compare/{INDEX}"
SECTION = Section("Compare", HOME, 4)
LATEST = 10
"""Sweeps that are each compared with an earlier one, without being asked."""
MOST = 1024
"""Units that one page puts side by side; of more, each layer has a page of its own."""


@dataclass(frozen=True)
class Pair:
    """Two sweeps to compare."""

    catalogue: Catalogue
    first: StoredSweep
    second: StoredSweep

    @property
    def folder(self) -> str:
        """Of its pages."""
        return f"compare/{self.first.run.id}--{self.second.run.id}"

    @property
    def address(self) -> str:
        """Of its first page."""
        return f"{self.folder}/{INDEX}"

    @cached_property
    def units(self) -> dict[str, list[Unit]]:
        """The units that both were to make, by layer in the network's order."""
        found = {}
        for layer, indices in self.second.wanted.items():
            others = set(self.first.wanted.get(layer, ()))
            if common := [Unit(layer, index) for index in sorted(others.intersection(indices))]:
                found[layer] = common
        return found

    @property
    def tells_something(self) -> bool:
        """Whether they have units in common, and do not have the very same results for all of them."""
        return not all(self.same(unit) for units in self.units.values() for unit in units)

    def same(self, unit: Unit) -> bool:
        """Whether both have the same OIPs of a unit, or neither has any."""
        first, second = (self.catalogue.grown.get(sweep.made.get(unit, "")) for sweep in (self.first, self.second))
        if first is None or second is None:
            return first is second
        return (first.oips, first.verdict) == (second.oips, second.verdict)


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the pages of the latest sweeps, each beside an earlier one, and of the pairs that the gallery remembers."""
    sweeps = {sweep.run.id: sweep for sweep in catalogue.sweeps}
    remembered: Any = site.memory.get("pairs", [])
    asked = [Pair(catalogue, sweeps[one], sweeps[two]) for one, two in remembered if one in sweeps and two in sweeps]
    found = {pair.address: pair for pair in [*_latest(catalogue), *asked]}
    newest = sorted(found.values(), key=lambda pair: (pair.second.run.opened, pair.first.run.opened), reverse=True)
    for pair in newest:
        _put(pair, site)
    about = [{"address": pair.address, **_heads(pair), "layers": list(pair.units)} for pair in newest]
    site.put(Page(HOME, "comparisons.html.j2", {"pairs": about, "sweeps": len(sweeps)}))


def check_pairs(catalogue: Catalogue, pairs: Sequence[tuple[str, str]]) -> None:
    """Raise BadInput for a run that is no sweep of this store, or two sweeps without a unit in common."""
    sweeps = {sweep.run.id: sweep for sweep in catalogue.sweeps}
    for first, second in pairs:
        for run in (first, second):
            if run not in sweeps:
                raise BadInput(f"{run} is no sweep of this store: `dreamsweep runs` lists them")
        if not Pair(catalogue, sweeps[first], sweeps[second]).units:
            raise BadInput(f"the sweeps {first} and {second} have no unit in common: compare two of the same layers")


def _latest(catalogue: Catalogue) -> list[Pair]:
    """Each of the latest sweeps beside an earlier one that tells something: the last of its network, else the last.

    Units of two networks that were trained apart have nothing in common but their numbers.
    """
    found = []
    for at in range(max(0, len(catalogue.sweeps) - LATEST), len(catalogue.sweeps)):
        sweep = catalogue.sweeps[at]
        earlier = [Pair(catalogue, one, sweep) for one in reversed(catalogue.sweeps[:at])]
        earlier.sort(key=lambda pair: pair.first.identity != sweep.identity)  # stable: the latest stays first
        found += [pair for pair in [next((pair for pair in earlier if pair.tells_something), None)] if pair]
    return found


def _put(pair: Pair, site: Site) -> None:
    rows = {layer: [_row(pair, site, unit) for unit in units] for layer, units in pair.units.items()}
    many = sum(map(len, rows.values())) > MOST
    addresses = {layer: f"{pair.folder}/{segment(layer)}/{INDEX}" if many else "" for layer in rows}
    about = {
        "crumbs": [("Compare", HOME), ("two sweeps", None)],
        **_heads(pair),
        "differences": [list(one) for one in differences(_facts(pair, pair.first), _facts(pair, pair.second))],
        "only": _only(pair),
        "home": pair.address,
    }
    layers = [
        {"name": layer, "address": addresses[layer], "differ": sum(row["differs"] for row in some), **_counts(some)}
        for layer, some in rows.items()
    ]
    shown = [] if many else [{"name": layer, "rows": some} for layer, some in rows.items()]
    site.put(Page(pair.address, "compare.html.j2", {**about, "layer": None, "layers": layers, "shown": shown}))
    for layer, some in rows.items() if many else ():
        one = {**about, "layer": layer, "layers": layers, "shown": [{"name": layer, "rows": some}]}
        site.put(Page(addresses[layer], "compare.html.j2", one))


def _heads(pair: Pair) -> dict[str, Any]:
    return {"first": _head(pair.catalogue, pair.first), "second": _head(pair.catalogue, pair.second)}


def _head(catalogue: Catalogue, sweep: StoredSweep) -> dict[str, Any]:
    """What a sweep is called: its time, its model or checkpoint, and how it ended."""
    network = catalogue.network(sweep.identity) if sweep.identity else None
    return {
        "run": sweep.run.id,
        "address": catalogue.run_addresses.get(sweep.run.id),
        "when": sweep.run.opened,
        "state": sweep.run.state,
        "model": split_name(str(sweep.run.summary.get("model", "")))[0].removeprefix("model/"),
        "network": f"{network.slug}/{INDEX}" if network else None,
        "checkpoint": _epoch(catalogue, sweep),
        "made": len(sweep.made),
    }


def _epoch(catalogue: Catalogue, sweep: StoredSweep) -> int | None:
    """Which epoch's checkpoint was swept; None for a model."""
    if sweep.identity is None or catalogue.network(sweep.identity) is not None:
        return None
    for network in catalogue.networks:
        for epoch in catalogue.epochs(network):
            if epoch.identity == sweep.identity:
                return epoch.number
    return None


def _facts(pair: Pair, sweep: StoredSweep) -> dict[str, Any]:
    """What decided about the results of the units in common, and what the networks were trained with."""
    catalogue = pair.catalogue
    network = catalogue.network(sweep.identity) if sweep.identity else None
    grown = next((_grown(pair, sweep, unit) for units in pair.units.values() for unit in units), None)
    data = catalogue.data_of(grown.train_imgs) if grown else None
    facts: dict[str, Any] = {
        "model": _head(catalogue, sweep)["model"],
        "checkpoint": _epoch(catalogue, sweep),
        "data": None if data is None else data.name,
        "growth": dict(grown.settings) if grown else {},
    }
    if network is not None and network.record is not None:
        facts["training"] = dict(network.record.parameters)
        facts["test accuracy"] = network.record.output("model").attributes.get("test_accuracy")
    return facts


def _only(pair: Pair) -> dict[str, int]:
    """How many units only one of the two was to make."""
    common = sum(map(len, pair.units.values()))
    return {
        name: sum(map(len, sweep.wanted.values())) - common
        for name, sweep in (("first", pair.first), ("second", pair.second))
    }


def _grown(pair: Pair, sweep: StoredSweep, unit: Unit) -> Grown | None:
    key = sweep.made.get(unit)
    return pair.catalogue.grown.get(key) if key else None


def _row(pair: Pair, site: Site, unit: Unit) -> dict[str, Any]:
    first, second = (_side(pair, site, sweep, unit) for sweep in (pair.first, pair.second))
    return {
        "unit": str(unit),
        "index": unit.index,
        "first": first,
        "second": second,
        "differs": first["state"] != second["state"],
        "same": pair.same(unit),
    }


def _side(pair: Pair, site: Site, sweep: StoredSweep, unit: Unit) -> dict[str, Any]:
    grown = _grown(pair, sweep, unit)
    network = pair.catalogue.network(sweep.identity) if sweep.identity else None
    page = unit_page(network.slug, unit.layer, unit.index) if network else None
    if grown is None:
        state = "failed" if unit in sweep.failed else "left"
        return {
            "state": state,
            "page": page,
            "picture": None,
            "response": None,
            "ratio": None,
            "why": sweep.failed.get(unit),
        }
    return {
        "state": grown.verdict,
        "page": page,
        # what a unit that never responded was pushed towards is no picture of what it looks for
        "picture": thumbnail(pair.catalogue, site, grown) if grown.verdict in ("responded", "unreached") else None,
        "response": grown.response,
        "ratio": grown.response_ratio,
        "why": None,
    }


def _counts(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many units have which verdict, in each of the two; those verdicts that there are."""
    first, second = (Counter(row[side]["state"] for row in rows) for side in ("first", "second"))
    return {
        "units": len(rows),
        "counts": [[state, first[state], second[state]] for state in VERDICTS if first[state] or second[state]],
    }
