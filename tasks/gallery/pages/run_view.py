"""What the page of a run shows, and the list of runs: the same for pages of a gallery and of a run that goes on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypedDict

from lib.gallery.addresses import RUNS
from lib.network.units import Unit
from lib.verdict_colours import VERDICTS
from lib.words import in_order, seconds_between
from storage.document import Json
from storage.record import Record
from storage.runs import RunRecord
from tasks.gallery.reading.swept import Grown
from tasks.model.stored import PREFIX
from tasks.session.kind import Pages, failed_unit, kind_of_task
from tasks.session.kinds.original import KIND as ORIGINAL
from tasks.sweep.kinds.layer import KIND as LAYER
from tasks.sweep.kinds.oip import NOT_SHOWN
from tasks.sweep.on_data import OnData

MOST = 512
"""Units up to which a run's page has a card for each; of a larger run `FEW` of each layer, whose page has all."""
FEW = 8

PNG = "image/png"
_SHOWN_ALONE = ("dream", "analyse")
"""Flows whose pages show what the run counts, and none of the pictures that this was made from."""

Results = Mapping[str, Grown | Record]
"""What a run has, by what it calls it: of OIPs as pages list them."""


class RunPages(Pages, Protocol):
    """Where things are shown in the gallery that a run's page is part of."""

    def of(self, record: Record) -> str | None:
        """The page that shows a record; None where none does."""


class RunPictures(Protocol):
    """The pictures of one run: addresses, None where there is nothing to be shown. `title`: what the run calls it."""

    def unit(self, title: str, grown: Grown) -> str | None:
        """The best OIP of a unit, small."""

    def small(self, title: str, digest: str) -> str | None:
        """A picture among others."""

    def whole(self, title: str, digest: str) -> str | None:
        """A picture as it was made."""


class UnitCard(TypedDict):
    """A unit of a sweep. `title`: what the run calls it; `address`: its page; `message`: why it failed."""

    title: str
    index: int
    address: str | None
    picture: str | None
    state: str
    draft: bool
    on_data: OnData | None
    response: float | None
    ratio: float | None
    message: str | None


class PictureCard(TypedDict):
    """A picture of a run, and the page that shows more of it."""

    title: str
    address: str | None
    picture: str | None


class LayerPart(TypedDict):
    """A layer of a sweep. `sheet`: the address of its contact sheet; `more`: units that have no card here."""

    name: str
    address: str | None
    sheet: str | None
    verdicts: dict[str, int]
    cards: list[UnitCard]
    more: int


class RunHead(TypedDict):
    """A run in short. `seconds`: from its beginning to its end; `counts`: as [how many, "computed"]."""

    run: str
    flow: str
    state: str
    when: str
    seconds: float | None
    model: str
    counts: list[list[Any]]


class RunRow(RunHead):
    """A run among others; `address`: of its page."""

    address: str | None


class RunContext(RunHead):
    """What the template `run.html.j2` shows.

    `network`: the address of its page; `left`: how many results are, or of a training in words; `sheets`: pictures to
    be shown whole; `cards`: dreams, or results of an analysis; `others`: results without a picture; `failures`: what
    else failed, by title, and why.
    """

    crumbs: list[list[str | None]]
    network: str | None
    left: Json
    warnings: list[str]
    layers: list[LayerPart]
    sheets: list[PictureCard]
    cards: list[PictureCard]
    others: list[PictureCard]
    failures: list[list[str]]


def run_row(run: RunRecord, address: str | None) -> RunRow:
    """A run in the list of all."""
    return {**_head(run), "address": address}


def shown_titles(run: RunRecord) -> list[str]:
    """What a run calls that which its page can show."""
    return [title for title, result in run.units.items() if result.kind != NOT_SHOWN and title not in run.failures]


def run_context(run: RunRecord, made: Results, pictures: RunPictures, pages: RunPages) -> RunContext:
    """One run with its pictures, as far as there are any yet. `made`: of `shown_titles`, what there still is."""
    records = {title: one for title, one in made.items() if isinstance(one, Record)}
    layers = _layers(run, made, pictures, pages)
    network = _network(made, pages)
    known = {card["title"] for part in layers for card in part["cards"]}
    warnings, left = run.summary.get("warnings"), run.summary.get("left")
    counted = {title: one for title, one in records.items() if kind_of_task(one.task).counted}
    shown = {title: digest for title, one in counted.items() if (digest := picture_of(one)) is not None}
    return {
        **_head(run),
        "crumbs": [["Runs", RUNS], [run.id, None]],
        "network": network,
        "left": left,
        "warnings": [str(warning) for warning in warnings] if isinstance(warnings, list) else [],
        "layers": layers,
        "sheets": [
            {"title": title.lstrip("/"), "address": pages.of(one), "picture": pictures.whole(title, digest)}
            for title, one in _in_order(records)
            if _is_sheet(run, one) and (digest := picture_of(one)) is not None
        ],
        "cards": [
            {"title": title, "address": pages.of(one), "picture": pictures.small(title, shown[title])}
            for title, one in _in_order(counted)
            if title in shown
        ],
        "others": [
            {"title": title, "address": pages.of(one), "picture": None}
            for title, one in _in_order(counted)
            if title not in shown
        ],
        "failures": [
            [title, run.failures[title]] for title in sorted(run.failures, key=in_order) if title not in known
        ],
    }


def picture_of(record: Record) -> str | None:
    """The digest of the picture that a record names; None where it names none."""
    return next((output.digest for output in record.outputs if output.media_type == PNG), None)


def _layers(run: RunRecord, made: Results, pictures: RunPictures, pages: RunPages) -> list[LayerPart]:
    """The layers of which a sweep has anything, in the network's order where the run says it."""
    grown = {title: one for title, one in made.items() if isinstance(one, Grown)}
    failed = {title: unit for title in run.failures if (unit := failed_unit(run, title)) is not None}
    records = (one for one in made.values() if isinstance(one, Record))
    sheets = {str(one.parameters["layer"]): one for one in records if one.task == LAYER.task}
    units: dict[str, list[str]] = {layer: [] for layer in sorted(sheets, key=in_order)}
    for title in sorted([*grown, *failed], key=in_order):
        layer = grown[title].layer if title in grown else failed[title].layer
        units.setdefault(layer, []).append(title)
    all_cards = sum(map(len, units.values())) <= MOST
    identity = next(_identities(made), None)
    found: list[LayerPart] = []
    for layer in sorted(units, key=_order_of(run)):
        titles = units[layer]
        counts = Counter(grown[title].verdict if title in grown else "failed" for title in titles)
        first = titles if all_cards else sorted(titles, key=lambda title: title not in failed)[:FEW]
        sheet = sheets.get(layer)
        digest = picture_of(sheet) if sheet else None
        found.append(
            {
                "name": layer,
                "address": pages.layer(identity, layer) if identity else pages.of(sheet) if sheet else None,
                "sheet": pictures.whole(layer, digest) if digest else None,
                "verdicts": {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
                "cards": [
                    _card(title, grown[title], pictures, pages)
                    if title in grown
                    else _failed_card(title, failed[title], run.failures[title], identity, pages)
                    for title in sorted(first, key=in_order)
                ],
                "more": len(titles) - len(first),
            }
        )
    return found


def _card(title: str, grown: Grown, pictures: RunPictures, pages: RunPages) -> UnitCard:
    # what a unit that never responded was pushed towards is no picture of what it looks for
    has_picture = grown.verdict in ("responded", "unreached")
    return {
        "title": title,
        "index": grown.index,
        "address": pages.unit(grown.identity, grown.layer, grown.index),
        "picture": pictures.unit(title, grown) if has_picture else None,
        "state": grown.verdict,
        "draft": grown.quality == "draft",
        "on_data": grown.on_data,
        "response": grown.response,
        "ratio": grown.response_ratio,
        "message": None,
    }


def _failed_card(title: str, unit: Unit, message: str, identity: str | None, pages: RunPages) -> UnitCard:
    return {
        "title": title,
        "index": unit.index,
        "address": pages.unit(identity, unit.layer, unit.index) if identity else None,
        "picture": None,
        "state": "failed",
        "draft": False,
        "on_data": None,
        "response": None,
        "ratio": None,
        "message": message,
    }


def _is_sheet(run: RunRecord, record: Record) -> bool:
    """Whether this is shown whole: what a run does not count, as the sheet of a tour, or the plot of a training."""
    kind = kind_of_task(record.task)
    if kind.counted or record.task in (LAYER.task, ORIGINAL.task):
        return False
    return kind.group == "dreams" if run.flow in _SHOWN_ALONE else True


def _order_of(run: RunRecord) -> Any:
    """A key to sort layers by: the network's order, where the run says it."""
    said: Any = run.summary.get("layers") or ()
    order = {layer: at for at, (layer, _) in enumerate(said)}
    return lambda layer: (order.get(layer, len(order)), in_order(layer))


def _in_order(records: Mapping[str, Record]) -> Iterable[tuple[str, Record]]:
    return sorted(records.items(), key=lambda item: in_order(item[0]))


def _network(made: Results, pages: RunPages) -> str | None:
    """The page of the network that a run was about, by the first of its results that says it."""
    return next((page for identity in _identities(made) if (page := pages.network(identity))), None)


def _identities(made: Results) -> Iterator[str]:
    """Of the networks that a run's results say, those of units first."""
    for one in sorted(made.values(), key=lambda one: isinstance(one, Record)):
        if isinstance(one, Grown):
            yield one.identity
        else:
            named = [output.identity for output in one.outputs if output.role == "model"]
            yield from filter(None, [*named, one.recipe_inputs.get("model")])


def _head(run: RunRecord) -> RunHead:
    model = str(run.summary.get("model") or run.parameters.get("model") or "").removeprefix(PREFIX)
    return {
        "run": run.id,
        "flow": run.flow,
        "state": run.state,
        "when": run.opened,
        "seconds": seconds_between(run.opened, run.closed) if run.closed else None,
        "model": model,
        "counts": _counts(run),
    }


def _counts(run: RunRecord) -> list[list[Any]]:
    kinds = Counter((result.kind, result.how) for result in run.units.values())
    hows: Counter[str] = Counter()
    for (kind, how), many in kinds.items():
        if kind_of_task(kind or "").counted:
            hows[how] += many
    counts = {"computed": hows["computed"], "reused": hows["reused"], "failed": len(run.failures)}
    return [[many, what] for what, many in counts.items() if many]
