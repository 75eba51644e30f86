"""What dream flows have made, from the store's runs: dreams with their passes, sheets of tours, films."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from lib.gallery.addresses import INDEX
from lib.network.units import Unit
from storage.errors import StoreError
from storage.record import Record
from storage.runs import RunRecord
from tasks.dream.kinds.dream import KIND as DREAM
from tasks.dream.kinds.tour import KIND as TOUR
from tasks.dream.pieces import animation_title

Records = Callable[[str], Record]

_PASS = re.compile(r"(?P<picture>.+)/pass (?P<number>[1-9][0-9]*)")


def dream_page(record: Record) -> str:
    """The permanent address of the page of a dream, or of the sheet of a tour."""
    return f"dreams/{record.recipe[:16]}/{INDEX}"


@dataclass(frozen=True)
class StoredDream:
    """One picture's dream in a run: its passes, of which the last is what was wanted, or one map's dream in a tour.

    `picture`: the picture's name. `unit`: of a tour, as Conv2D_3/56. `film`: the record of its passes as a film.
    """

    run: RunRecord
    title: str
    picture: str
    passes: tuple[Record, ...]
    unit: str | None = None
    film: Record | None = None

    @property
    def layer(self) -> str | None:
        """The layer of a tour's unit."""
        return None if self.unit is None else Unit.parse(self.unit).layer

    @property
    def record(self) -> Record:
        """Of the last pass."""
        return self.passes[-1]

    @property
    def original(self) -> str:
        """The digest of the file that it all began with."""
        return self.passes[0].recipe_inputs["picture"]

    @property
    def address(self) -> str:
        """Of its page."""
        return dream_page(self.record)


@dataclass(frozen=True)
class Tour:
    """One picture, dreamed by each map of a layer: the sheet that shows all of them."""

    run: RunRecord
    picture: str
    record: Record

    @property
    def layer(self) -> str:
        """The layer whose maps dreamed."""
        return str(self.record.parameters["layer"])

    @property
    def address(self) -> str:
        """Of its page."""
        return dream_page(self.record)


@dataclass
class DreamRun:
    """What a run made first; `again`: how many dreams it only found, which an earlier run shows."""

    run: RunRecord
    dreams: list[StoredDream] = field(default_factory=list)
    tours: list[Tour] = field(default_factory=list)
    again: int = 0


def dream_runs(runs: Iterable[RunRecord], record_of: Records) -> list[DreamRun]:
    """The dream runs among `runs`, the newest first; each dream and tour stands in the first run that has it.

    Raises nothing for records that are gone: what they were is left out.
    """
    shown: set[str] = set()
    found = []
    for run in sorted((run for run in runs if run.flow == "dream"), key=lambda run: (run.opened, run.id)):
        one = DreamRun(run)
        records = _records(run, record_of)
        for dream in _dreams(run, records):
            if dream.address in shown:
                one.again += 1
            else:
                shown.add(dream.address)
                one.dreams.append(dream)
        for record in records.values():
            if record.task == TOUR.task and dream_page(record) not in shown:
                shown.add(dream_page(record))
                one.tours.append(Tour(run, str(record.parameters["picture"]), record))
        found.append(one)
    return found[::-1]


def _records(run: RunRecord, record_of: Records) -> dict[str, Record]:
    found = {}
    for title, result in sorted(run.units.items()):
        if title in run.failures:
            continue
        try:
            found[title] = record_of(result.record)
        except (StoreError, KeyError):
            continue
    return found


def _dreams(run: RunRecord, records: Mapping[str, Record]) -> list[StoredDream]:
    passes: dict[str, dict[int, tuple[str, Record]]] = {}
    dreams = []
    for title, record in records.items():
        if record.task != DREAM.task:
            continue
        if "longest_side" in record.parameters:
            unit = str(record.parameters["objective"])
            dreams.append(StoredDream(run, title, title.removesuffix(f"/{unit}"), (record,), unit))
        elif _many(run) and (earlier := _PASS.fullmatch(title)):
            passes.setdefault(earlier["picture"], {})[int(earlier["number"])] = title, record
        else:
            passes.setdefault(title, {})[_many(run) or 1] = title, record
    for picture, numbered in passes.items():
        made = [numbered[number] for number in sorted(numbered)]
        if 1 not in numbered:  # what it began with is not known
            made = made[-1:]
        film = records.get(animation_title(picture))
        dreams.append(StoredDream(run, made[-1][0], picture, tuple(record for _, record in made), film=film))
    return sorted(dreams, key=lambda dream: (dream.picture, _in_order(dream.unit)))


def _many(run: RunRecord) -> int:
    """How many passes a run was to make, 0 for one: then no title is that of an earlier pass."""
    passes = run.parameters.get("passes")
    return passes if isinstance(passes, int) and passes > 1 else 0


def _in_order(unit: str | None) -> tuple[str, int]:
    parsed = None if unit is None else Unit.parse(unit)
    return ("", -1) if parsed is None else (parsed.layer, parsed.index)
