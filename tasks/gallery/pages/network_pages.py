"""The page of every network: a picture of its layers, how it was trained, and what was made with it."""

import json
from typing import TypedDict

from lib.gallery.addresses import START, network_page
from lib.gallery.rendering import Page
from storage.document import Json
from storage.errors import StoreError
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.layer_table import AllLayers, all_layers
from tasks.gallery.pages.layer_view import Cell, LayerView, layers_of
from tasks.gallery.pages.network_summary import (
    LatestDream,
    NetworkSummary,
    SweepRow,
    latest_dreams,
    summary,
    sweep_rows,
)
from tasks.gallery.pages.trained import films_of, training_page
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.lineage import Entry, list_makers, list_users
from tasks.gallery.reading.networks import StoredNetwork
from tasks.model.kinds.model import KIND as MODEL

CELLS = 8
"""How many units of a layer its network's page shows."""
DREAMS = 8


def pages(catalogue: Catalogue, site: Site) -> None:
    """Put the page of every network."""
    for network in catalogue.networks:
        site.put(Page(network_page(network.slug), "network.html.j2", _contents(catalogue, site, network)))


class LayerCard(TypedDict):
    """A layer with the units of it that are shown.

    `units`: how many there are; `never`: how many of them no image of the data set makes respond.
    """

    name: str
    kind: str
    address: str
    verdicts: dict[str, int]
    never: int | None
    units: int
    cells: list[Cell]


class TrainingCurves(TypedDict):
    """The curves of a training, by name, and the number of its first epoch; None in a curve is a gap."""

    first: int
    accuracy: dict[str, list[float | None]]
    loss: dict[str, list[float | None]]


class MadeHow(TypedDict):
    """What made a network: by which code, from what, and what was made with it."""

    task: str
    when: str
    commit: str | None
    changed: bool
    parameters: dict[str, Json]
    identity: str
    digest: str
    made_by: list[Entry]
    used_by: list[Entry]


class Through(TypedDict):
    """A layer of which units were swept at several checkpoints: how many, and the page that shows them."""

    layer: str
    units: int
    address: str


class NetworkContext(NetworkSummary):
    """What the template `network.html.j2` shows. `warnings`: what whoever trusts it should know; `analysis`: the
    address of how it decides."""

    warnings: list[str]
    crumbs: list[list[str | None]]
    pixels: str | None
    layers: list[LayerCard]
    all_layers: AllLayers | None
    training: TrainingCurves | None
    sweeps: list[SweepRow]
    through: list[Through]
    analysis: str | None
    dreams: list[LatestDream]
    how: MadeHow | None


def _contents(catalogue: Catalogue, site: Site, network: StoredNetwork) -> NetworkContext:
    views = {view.name: view for view in layers_of(catalogue, network)}
    films = films_of(catalogue, network)
    analysis = catalogue.analyses.get(network.identity)
    return {
        "crumbs": [["Networks", START], [network.title, None]],
        **summary(catalogue, network),
        "warnings": _warnings(catalogue, network),
        "pixels": _pixels(network),
        "layers": [_layer(site, view) for view in views.values()],
        "all_layers": all_layers(catalogue, network, views),
        "training": _training(catalogue, network),
        "sweeps": sweep_rows(catalogue, catalogue.sweeps_of(network.identity)),
        "through": [
            {"layer": layer, "units": len(units), "address": training_page(network.slug, layer)}
            for layer, units in films.items()
        ],
        "analysis": analysis.address if analysis else None,
        "dreams": latest_dreams(catalogue, site, DREAMS, network),
        "how": _how(catalogue, network),
    }


def _warnings(catalogue: Catalogue, network: StoredNetwork) -> list[str]:
    """Those of the latest sweep and of the latest analysis: an older one may have been of other pixels, or images."""
    sweeps = [sweep.run for sweep in catalogue.sweeps_of(network.identity)]
    names = set(network.names)
    analyses = [run for run in catalogue.runs.values() if run.flow == "analyse" and run.summary.get("model") in names]
    found: list[str] = []
    for run in (*sweeps[-1:], *analyses[-1:]):
        said = run.summary.get("warnings")
        found += [str(warning) for warning in said] if isinstance(said, list) else []
    return list(dict.fromkeys(found))


def _pixels(network: StoredNetwork) -> str | None:
    """What it takes; None where nobody has said it."""
    takes = network.pixels
    return None if takes is None else str(takes)


def _layer(site: Site, view: LayerView) -> LayerCard:
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
        "never": view.never,
        "units": len(view.units),
        "cells": [view.cell(site, state) for state in states[:CELLS]],
    }


def _training(catalogue: Catalogue, network: StoredNetwork) -> TrainingCurves | None:
    """None where it was not trained here, or nothing is known of it any more."""
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


def _how(catalogue: Catalogue, network: StoredNetwork) -> MadeHow | None:
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
