"""Pages of images that were looked at: what they are called, every layer's activations, and which pixels count."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.gallery.addresses import INDEX, layer_page, network_page
from lib.gallery.rendering import Page
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.predicted import PredictedSet
from tasks.gallery.pages.previews import Download, download, image_png, preview_address, stored_png
from tasks.gallery.reading.analysed import HOME, Analysis, Meant, image_names, meant, read_json_output
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import lineage_of
from tasks.gallery.reading.networks import StoredNetwork
from tasks.model.pixels import pixels_of

MOST_LISTED = 10
"""Classes whose probabilities are listed, the greatest first where there are more."""

Looked = dict[str, Any]


def put_images(
    catalogue: Catalogue, site: Site, network: StoredNetwork, analysis: Analysis, sets: Mapping[Meant, PredictedSet]
) -> tuple[list[Looked], list[Looked]]:
    """Put the pages of all images that were looked at.

    Returns cards of the images that have pages of their own, and the views of several images.
    """
    together = [
        {
            "address": f"{analysis.view(record)}/{INDEX}",
            "images": image_names(record),
            "title": ", ".join(image_names(record)),
        }
        for record in analysis.together
    ]
    shown = [{meant(record, name) for name in image_names(record)} for record in analysis.together]
    cards = []
    for image, record in sorted(analysis.images.items(), key=lambda item: _in_order(item[0].name)):
        beside = [one for one, images in zip(together, shown, strict=True) if image in images]
        images = _put(catalogue, site, network, analysis, sets, record, analysis.image_folder(image), beside)
        cards.append({**images[0], "name": analysis.title_of(image), "address": analysis.image(image)})
    for record in analysis.together:
        _put(catalogue, site, network, analysis, sets, record, analysis.view(record), [])
    return cards, together


def _put(
    catalogue: Catalogue,
    site: Site,
    network: StoredNetwork,
    analysis: Analysis,
    sets: Mapping[Meant, PredictedSet],
    record: Record,
    folder: str,
    beside: list[Looked],
) -> list[Looked]:
    said = read_json_output(catalogue.store, record, "about")
    images = [_image(catalogue, site, analysis, record, at, one) for at, one in enumerate(said["images"])]
    names = image_names(record)
    alone = meant(record, names[0]) if len(names) == 1 else None
    title = ", ".join(names) if alone is None else analysis.title_of(alone)
    one = said["images"][0]
    known = sets.get(meant(record, names[0].partition("/")[0])) if alone else None
    context = {
        "crumbs": [
            ("Decisions", HOME),
            (analysis.title, analysis.address),
            (title, None),
        ],
        "title": title,
        "network": {"title": analysis.title, "address": network_page(network.slug)},
        "home": analysis.address,
        "wrong": network.wrong_pixels(pixels_of(record.parameters)),
        "standardised": record.parameters["standardise"],
        "images_shown": images
        if alone
        else [{**image, "address": analysis.image(meant(record, image["name"]))} for image in images],
        "cell": known.cell_of(one["label"], one["called"]) if known else None,
        "attributions": _attributions(catalogue, site, analysis, alone, one["classes"]) if alone else [],
        "grids": _grids(catalogue, site, network, record, said["layers"]),
        "together": beside,
        "parameters": {
            name: value for name, value in record.parameters.items() if name not in ("images", "layers", "classes")
        },
        "lineage": lineage_of(catalogue, record),
        "downloads": _downloads(catalogue, site, analysis, record, folder, alone),
    }
    site.put(Page(f"{folder}/{INDEX}", "image.html.j2", context))
    return images


def _image(
    catalogue: Catalogue, site: Site, analysis: Analysis, record: Record, at: int, one: Mapping[str, Any]
) -> Looked:
    classes, probabilities = one["classes"], one["probabilities"]
    digest = record.output("pictures").digest
    # where some are no numbers none is the greatest, and they stay in their order
    known = None not in probabilities
    order = sorted(range(len(probabilities)), key=lambda label: -probabilities[label] if known else 0.0)
    listed = order[:MOST_LISTED] if len(order) > MOST_LISTED else list(range(len(order)))
    return {
        "name": one["name"],
        "picture": preview_address(
            site, f"image {at} of {digest}", lambda: image_png(np.asarray(catalogue.store.array(digest)[at]))
        ),
        "label": None if one["label"] is None or not classes else classes[one["label"]],
        "called": None if one["called"] is None else classes[one["called"]],
        "wrong": None not in (one["label"], one["called"]) and one["label"] != one["called"],
        "margin": probabilities[order[0]] - probabilities[order[1]] if known and len(order) > 1 else None,
        "probabilities": [[classes[label], probabilities[label]] for label in listed],
        "others": len(order) - len(listed),
        "rest": max(0.0, 1 - sum(probabilities[label] for label in listed)) if known else None,
        "address": None,
    }


def _grids(catalogue: Catalogue, site: Site, network: StoredNetwork, record: Record, layers: list[str]) -> list[Looked]:
    swept = catalogue.units(network.identity)
    found = []
    for layer in layers:
        picture = stored_png(site, catalogue.store, record.output(f"grid {layer}").digest)
        if picture is not None:
            address = layer_page(network.slug, layer) if layer in swept else None
            found.append({"layer": layer, "picture": picture, "address": address})
    return found


def _attributions(
    catalogue: Catalogue, site: Site, analysis: Analysis, image: Meant, classes: list[str]
) -> list[Looked]:
    found = []
    for record in analysis.attributions.get(image, []):
        output = record.output("picture")
        about: Any = output.attributes
        found.append(
            {
                "called": None if about["class"] is None else classes[about["class"]],
                "methods": about["methods"],
                "picture": stored_png(site, catalogue.store, output.digest),
            }
        )
    return found


def _downloads(
    catalogue: Catalogue, site: Site, analysis: Analysis, record: Record, folder: str, image: Meant | None
) -> list[Download]:
    files = [
        download(
            site, catalogue.store, record.output("tensors"), f"{folder}/activations.h5", "all activations, as HDF5"
        )
    ]
    for one in analysis.attributions.get(image, [])[:1] if image else []:
        files.append(
            download(site, catalogue.store, one.output("maps"), f"{folder}/attribution.h5", "attribution maps, as HDF5")
        )
    return [file for file in files if file is not None]


def _in_order(name: str) -> tuple[str, int, str]:
    kind, _, number = name.partition("/")
    return kind, int(number) if number.isdigit() else -1, name
