"""The page of every network: a picture of its layers, how it was trained, and what was made with it."""

import json
from typing import Any

from lib.gallery.addresses import START, network_page
from lib.gallery.rendering import Page
from lib.verdict_colours import VERDICTS
from storage.errors import StoreError
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.layer_view import LayerView, layers_of
from tasks.gallery.pages.previews import preview_of
from tasks.gallery.pages.trained import films_of, training_page
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import list_makers, list_users
from tasks.gallery.reading.natural import DataSet
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.swept import StoredSweep
from tasks.model.kinds.model import KIND as MODEL

CELLS = 8
"""How many units of a layer its network's page shows."""
MOST_DRAWN = 24
"""Layers up to which the picture of a network has all of them, and not only those with units."""
DREAMS = 8
THUMBNAIL = 320


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the page of every network."""
    for network in catalogue.networks:
        site.put(Page(network_page(network.slug), "network.html.j2", _contents(catalogue, site, network)))


def _contents(catalogue: Catalogue, site: Site, network: StoredNetwork) -> dict[str, Any]:
    views = {view.name: view for view in layers_of(catalogue, network)}
    films = films_of(catalogue, network)
    analysis = catalogue.analyses.get(network.identity)
    return {
        "crumbs": [["Networks", START], [network.title, None]],
        **summary(catalogue, network),
        "layers": [_layer(site, view) for view in views.values()],
        "training": _training(catalogue, network),
        "sweeps": [sweep_row(catalogue, sweep) for sweep in reversed(catalogue.sweeps_of(network.identity))],
        "through": [
            {"layer": layer, "units": len(units), "address": training_page(network.slug, layer)}
            for layer, units in films.items()
        ],
        "analysis": analysis.address if analysis else None,
        "dreams": latest_dreams(catalogue, site, DREAMS, network),
        "how": _how(catalogue, network),
    }


def summary(catalogue: Catalogue, network: StoredNetwork) -> dict[str, Any]:
    """What the start page and the network's own page say of it: a picture of its layers, verdicts, data, accuracy."""
    views = {view.name: view for view in layers_of(catalogue, network)}
    data = data_of(catalogue, network)
    about = _about(network)
    counts = dict.fromkeys(VERDICTS, 0)
    for view in views.values():
        for state, many in view.verdicts.items():
            counts[state] += many
    layers = [layer for layer in network.layers if len(network.layers) <= MOST_DRAWN or layer.units]
    return {
        "network": {
            "title": network.title,
            "name": network.name,
            "slug": network.slug,
            "address": network_page(network.slug),
        },
        "drawn": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "about": layer.about,
                "shape": list(layer.shape) if layer.shape else None,
                "units": layer.units,
                "address": views[layer.name].address if layer.name in views else None,
                "verdicts": views[layer.name].verdicts if layer.name in views else {},
            }
            for layer in layers
        ],
        "undrawn": len(network.layers) - len(layers),
        "largest": max(
            (side or 1 for layer in layers if layer.shape and len(layer.shape) == 3 for side in layer.shape[:2]),
            default=1,
        ),
        "verdicts": {state: many for state, many in counts.items() if many},
        "data": _data(data),
        "when": network.when,
        "accuracy": about.get("test_accuracy"),
        "parameters": about.get("parameters"),
        "epochs": about.get("epochs"),
    }


def data_of(catalogue: Catalogue, network: StoredNetwork) -> DataSet | None:
    """The data set that a network was trained on or registered with."""
    key = _about(network).get("data_record")
    return catalogue.data_set(str(key)) if key else None


def sweep_row(catalogue: Catalogue, sweep: StoredSweep) -> dict[str, Any]:
    """A sweep as a row of a table."""
    counts = dict.fromkeys(VERDICTS, 0)
    for key in sweep.made.values():
        counts[catalogue.grown[key].verdict] += 1
    counts["failed"] += len(sweep.failed)
    counts["left"] += max(0, sweep.left)
    network = catalogue.network(sweep.identity) if sweep.identity else None
    summary: Any = sweep.run.summary
    return {
        "run": sweep.run.id,
        "when": sweep.run.opened,
        "state": sweep.run.state,
        "network": {"title": network.title, "address": network_page(network.slug)} if network else None,
        "model": str(summary.get("model") or sweep.run.parameters.get("model") or "").removeprefix("model/"),
        "layers": list(sweep.wanted),
        "verdicts": {state: many for state, many in counts.items() if many},
        "reused": sum(result.how == "reused" for result in sweep.run.units.values()),
        "seconds": summary.get("seconds"),
    }


def latest_dreams(
    catalogue: Catalogue, site: Site, most: int, network: StoredNetwork | None = None
) -> list[dict[str, Any]]:
    """The latest dreams, of one network or of all; those of a tour as their sheet."""
    found: list[dict[str, Any]] = []
    for run in catalogue.dreams:
        made: list[tuple[str, str, Record, str]] = [
            (tour.picture, f"by each map of {tour.record.parameters['layer']}", tour.record, "sheet")
            for tour in run.tours
        ]
        toured = {tour.picture for tour in run.tours}
        made += [
            (dream.picture, str(dream.record.parameters["objective"]), dream.record, "picture")
            for dream in run.dreams
            if dream.unit is None or dream.picture not in toured
        ]
        for title, what, record, role in made:
            if network is not None and record.recipe_inputs.get("model") != network.identity:
                continue
            if len(found) == most:
                return found
            picture = preview_of(site, catalogue.store, record.output(role).digest, THUMBNAIL)
            address = catalogue.dream_addresses[record.key]
            found.append({"title": title, "what": what, "picture": picture, "address": address})
    return found


def _about(network: StoredNetwork) -> dict[str, Any]:
    return dict(network.record.output("model").attributes) if network.record else {}


def _data(data: DataSet | None) -> dict[str, Any] | None:
    if data is None:
        return None
    train, test = data.sizes
    told = ("source", "licence", "normalisation")
    return {
        "name": data.name,
        "banner": data.banner,
        "classes": data.classes,
        "train": train,
        "test": test,
        "shape": list(data.image_shape),
        "about": {name: data.about[name] for name in told if data.about.get(name)},
    }


def _layer(site: Site, view: LayerView) -> dict[str, Any]:
    # those that there is a picture of, the strongest compared with the data set first
    states = sorted(
        (state for state in view.units.values() if state.grown and state.state in ("responded", "unreached")),
        key=lambda state: (-((state.grown and state.grown.response_ratio) or 0.0), state.index),
    )
    return {
        "name": view.name,
        "kind": view.known.kind if view.known else "",
        "address": view.address,
        "verdicts": view.verdicts,
        "units": len(view.units),
        "cells": [view.cell(site, state) for state in states[:CELLS]],
    }


def _training(catalogue: Catalogue, network: StoredNetwork) -> dict[str, Any] | None:
    """The curves of a training, by name, and the number of its first epoch; None where it was not trained here."""
    record = network.record
    if record is None or record.task != MODEL.task:
        return None
    try:
        # a loss that is no number any more (NaN) is a gap
        history = json.loads(catalogue.store.get(record.output("history").digest), parse_constant=lambda _: None)
    except (StoreError, ValueError):
        return None
    curves = {
        name: [epoch.get(name) for epoch in history]
        for name in ("accuracy", "test_accuracy", "loss", "test_loss")
        if any(isinstance(epoch.get(name), int | float) for epoch in history)
    }
    names = {"accuracy": "on training images", "test_accuracy": "on the test set"}
    losses = {"loss": "on training images", "test_loss": "on the test set"}
    return {
        "first": int(history[0].get("epoch", 1)) if history else 1,
        "accuracy": {said: curves[name] for name, said in names.items() if name in curves},
        "loss": {said: curves[name] for name, said in losses.items() if name in curves},
    }


def _how(catalogue: Catalogue, network: StoredNetwork) -> dict[str, Any] | None:
    record = network.record
    if record is None:
        return None
    code = record.provenance.code
    return {
        "task": record.task,
        "when": record.ended,
        "commit": code.get("commit"),
        "changed": record.changes is not None,
        "parameters": dict(record.parameters),
        "identity": network.identity,
        "digest": record.output("model").digest,
        "made_by": list_makers(catalogue, record),
        "used_by": list_users(catalogue, record),
    }
