"""Pages of units through training: a row for each unit, a column for each checkpoint, and a film of every row."""

from typing import Any

from lib.gallery.addresses import INDEX, START, layer_page, network_page, unit_page
from lib.gallery.rendering import Page
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.section import Section
from tasks.gallery.pages.trained import Film, films_of, settings_of, training_page, verdicts_at
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.networks import StoredNetwork

HOME = f"training/{INDEX}"
SECTION = Section("Training", HOME, 5)


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put a page for every layer of which units were swept at two checkpoints or more, and the list of these."""
    listed = []
    for network in catalogue.networks:
        found = films_of(catalogue, network)
        for layer, films in found.items():
            _put(catalogue, site, network, layer, films)
        layers = [
            {
                "name": layer,
                "address": training_page(network.slug, layer),
                "units": len(films),
                "checkpoints": len(next(iter(films.values())).names),
            }
            for layer, films in found.items()
        ]
        if layers:
            listed.append({"title": network.title, "address": network_page(network.slug), "layers": layers})
    site.put(Page(HOME, "trainings.html.j2", {"networks": listed}))


def _put(catalogue: Catalogue, site: Site, network: StoredNetwork, layer: str, films: dict[int, Film]) -> None:
    names = next(iter(films.values())).names
    epochs = {epoch.number: epoch.record.output("checkpoint").attributes for epoch in catalogue.epochs(network)}
    verdicts = verdicts_at(films)
    columns: list[dict[str, Any]] = [
        {
            "number": number,
            "name": name,
            "accuracy": epochs[number].get("test_accuracy"),
            "responded": verdicts[number]["responded"],
            "units": verdicts[number].total(),
        }
        for number, name in names.items()
    ]
    swept = catalogue.units(network.identity).get(layer, {})
    rows = [
        {
            **film.shown(site, catalogue.store),
            "unit_page": unit_page(network.slug, layer, index) if index in swept else None,
        }
        for index, film in films.items()
    ]
    context = {
        "crumbs": [
            ("Networks", START),
            (network.title, network_page(network.slug)),
            (layer, layer_page(network.slug, layer) if swept else None),
            ("through training", None),
        ],
        "network": {"title": network.title, "address": network_page(network.slug)},
        "layer": layer,
        "columns": columns,
        "rows": rows,
        "settings": settings_of(films),
    }
    site.put(Page(training_page(network.slug, layer), "training.html.j2", context))
