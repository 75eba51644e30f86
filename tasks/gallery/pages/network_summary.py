"""What the start page and a network's own page say alike: a network in short, a sweep as a row, the latest dreams."""

from collections.abc import Sequence
from typing import TypedDict

from lib.gallery.addresses import network_page
from lib.verdict_colours import VERDICTS
from storage.document import Json
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.layer_view import NetworkName, count_never, layers_of
from tasks.gallery.pages.previews import preview_of
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.natural import DataSet
from tasks.gallery.reading.networks import StoredNetwork
from tasks.gallery.reading.swept import StoredSweep

MOST_DRAWN = 24
"""Layers up to which the picture of a network has all of them, and not only those with units."""
THUMBNAIL = 320


class NetworkHead(NetworkName):
    """What a network is called, and where its page is."""

    address: str


class NetworkLink(TypedDict):
    """What a network is called, and its page."""

    title: str
    address: str


class DrawnLayer(TypedDict):
    """A layer in the picture of its network; `verdicts`: how many of its units came to what."""

    name: str
    kind: str
    about: str
    shape: list[int | None] | None
    units: int | None
    address: str | None
    verdicts: dict[str, int]


class DataAbout(TypedDict):
    """A data set: its classes, how many images there are and of which shape, and what it says of its source."""

    name: str
    banner: str | None
    classes: list[str]
    train: int
    test: int
    shape: list[int]
    about: dict[str, Json]


class NetworkSummary(TypedDict):
    """A network in short.

    `largest`: the longest side of a layer in its picture; `undrawn`: how many are not in it. `never`: how many units no
    image of the data set makes respond.
    """

    network: NetworkHead
    drawn: list[DrawnLayer]
    undrawn: int
    largest: int
    verdicts: dict[str, int]
    never: int | None
    data: DataAbout | None
    when: str
    accuracy: Json
    parameters: Json
    epochs: Json


class SweepRow(TypedDict):
    """A sweep as a row of a table; `verdicts`: how many of its units came to what; `wrong`: what is wrong with the
    pixels that it was made for. `address`: of the run's page; `quiet`: how many sweeps without news it stands for, the
    earliest of them from `since`.
    """

    quiet: int
    since: str
    run: str
    address: str | None
    when: str
    state: str
    network: NetworkLink | None
    model: str
    layers: list[str]
    wrong: str | None
    verdicts: dict[str, int]
    reused: int
    seconds: Json


class LatestDream(TypedDict):
    """A dream, or the sheet of a tour, and what was dreamed of."""

    title: str
    what: str
    picture: str | None
    address: str


def summary(catalogue: Catalogue, network: StoredNetwork) -> NetworkSummary:
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
        "never": count_never(state.grown for view in views.values() for state in view.units.values()),
        "data": _data(data),
        "when": network.when,
        "accuracy": _accuracy(catalogue, network),
        "parameters": about.get("parameters"),
        "epochs": about.get("epochs"),
    }


def _accuracy(catalogue: Catalogue, network: StoredNetwork) -> Json:
    """That of its training, else that of its latest analysis; None where it was never measured."""
    trained = _about(network).get("test_accuracy")
    if trained is not None:
        return trained
    runs = (run for run in reversed(catalogue.runs.values()) if run.flow == "analyse")
    measured = (run.summary.get("accuracy") for run in runs if run.summary.get("model") in network.names)
    return next((accuracy for accuracy in measured if accuracy is not None), None)


def data_of(catalogue: Catalogue, network: StoredNetwork) -> DataSet | None:
    """The data set that a network was trained on or registered with."""
    key = _about(network).get("data_record")
    return catalogue.data_set(str(key)) if key else None


def sweep_rows(catalogue: Catalogue, sweeps: Sequence[StoredSweep], most: int | None = None) -> list[SweepRow]:
    """Sweeps, the oldest first, as rows of a table, the newest first and not more than `most`.

    Those without news that follow each other, of the same layers of a network, are one row.
    """
    found: list[SweepRow] = []
    for sweep in reversed(sweeps):
        row = _sweep_row(catalogue, sweep)
        if found and row["quiet"] and found[-1]["quiet"] and _swept(row) == _swept(found[-1]):
            found[-1]["quiet"] += 1
            found[-1]["since"] = row["when"]
        elif len(found) == most:
            break
        else:
            found.append(row)
    return found


def _swept(row: SweepRow) -> tuple[object, ...]:
    """What a sweep was of."""
    return row["model"], row["network"], row["layers"], row["wrong"]


def _sweep_row(catalogue: Catalogue, sweep: StoredSweep) -> SweepRow:
    counts = dict.fromkeys(VERDICTS, 0)
    for key in sweep.made.values():
        counts[catalogue.grown[key].verdict] += 1
    counts["failed"] += len(sweep.failed)
    counts["left"] += max(0, sweep.left)
    network = catalogue.network(sweep.identity) if sweep.identity else None
    summary = sweep.run.summary
    made = list(sweep.made.values())[:1]  # what a sweep grows is all grown for the same pixels
    how = {result.how for result in sweep.run.units.values()}
    return {
        "quiet": int(sweep.run.state == "completed" and not sweep.failed and how == {"reused"}),
        "since": sweep.run.opened,
        "run": sweep.run.id,
        "address": catalogue.run_addresses.get(sweep.run.id),
        "when": sweep.run.opened,
        "state": sweep.run.state,
        "network": {"title": network.title, "address": network_page(network.slug)} if network else None,
        "model": str(summary.get("model") or sweep.run.parameters.get("model") or "").removeprefix("model/"),
        "layers": list(sweep.wanted),
        "wrong": next((network.wrong_pixels(catalogue.grown[key].pixels) for key in made), None) if network else None,
        "verdicts": {state: many for state, many in counts.items() if many},
        "reused": sum(result.how == "reused" for result in sweep.run.units.values()),
        "seconds": summary.get("seconds"),
    }


def latest_dreams(
    catalogue: Catalogue, site: Site, most: int, network: StoredNetwork | None = None
) -> list[LatestDream]:
    """The latest dreams, of one network or of all; those of a tour as their sheet."""
    found: list[LatestDream] = []
    for run in catalogue.dreams:
        made: list[tuple[str, str, Record, str]] = [
            (tour.picture, f"dreamed by each map of {tour.record.parameters['layer']}", tour.record, "sheet")
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


def _about(network: StoredNetwork) -> dict[str, Json]:
    return dict(network.record.output("model").attributes) if network.record else {}


def _data(data: DataSet | None) -> DataAbout | None:
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
