"""What sweeps came to: of every unit the latest result, and of every sweep what it was to make."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.network.pixels import Pixels
from lib.network.units import Unit
from storage.record import Record
from storage.runs import RunRecord
from tasks.model.pixels import PICTURES, pixels_of
from tasks.session.kind import failed_unit
from tasks.sweep.image_steps import Searched
from tasks.sweep.kinds.oip import KIND as OIP
from tasks.sweep.on_data import OnData, on_data
from tasks.sweep.style_of import asked_style, quality_of, style_of


@dataclass(frozen=True, slots=True)
class Grown:
    """A record of one unit's OIPs, as far as pages list it: a store can have tens of thousands, with long curves.

    `identity` and `model` are the model's, and the digest of its blob. `on_data`: whether any image of the data set
    makes it respond. `oips` and `picture` are digests; `shape` is [k, H, W, C]. `settings` is how it was grown, shared
    between the units of a sweep; `searched`: what that took; `style`: which one the OIPs are in. `exemplars`: the
    numbers of the training images to which it responds most, of those that make it respond at all.
    """

    key: str
    layer: str
    index: int
    identity: str
    model: str
    train_imgs: str | None
    ended: str
    run: str | None
    verdict: str
    on_data: OnData | None
    response: float
    pre_activation: float
    response_ratio: float | None
    constraint: str
    oips: str
    picture: str
    shape: tuple[int, ...]
    settings: Mapping[str, Any]
    searched: Searched
    style: str
    exemplars: tuple[int, ...]

    @property
    def unit(self) -> str:
        """As `Conv2D_2/17`."""
        return f"{self.layer}/{self.index}"

    @property
    def pixels(self) -> Pixels:
        """What the network was taken to take."""
        return pixels_of(self.settings)

    @property
    def quality(self) -> str:
        """Of which quality its OIPs are, as `draft`."""
        return quality_of(self.settings)

    @property
    def instead_of(self) -> str | None:
        """The style that was asked for, where its OIPs are in another."""
        asked = asked_style(self.settings)
        return None if asked == self.style else asked

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of pixels that its pictures are shown in, as `lib.draw.tones.tone_window` wants it."""
        if self.constraint != "box":
            return None
        low, high = self.settings.get("pixel_range", PICTURES)
        return float(low), float(high)

    @property
    def look(self) -> str:
        """What decides how its OIPs are shown, besides the OIPs."""
        return str(self.bounds) if self.pixels.plain else f"{self.bounds} {self.pixels}"

    @staticmethod
    def of(record: Record, settings: dict[str, Mapping[str, Any]]) -> "Grown":
        """What a record of the task `oip` says. Equal settings are one mapping, kept in `settings`."""
        oips = record.output("oips")
        once = sys.intern  # what thousands of units have in common, or what is held elsewhere too
        train_imgs, run = record.recipe_inputs.get("train_imgs"), record.provenance.run
        about: Any = oips.attributes
        how = {name: value for name, value in record.parameters.items() if name != "unit"}
        known = on_data(about)
        return Grown(
            once(record.key),
            once(about["layer"]),
            about["index"],
            once(record.recipe_inputs["model"]),
            once(next(item.digest for item in record.inputs if item.role == "model")),
            None if train_imgs is None else once(train_imgs),
            record.ended,
            None if run is None else once(run),
            once(about["verdict"]),
            known,
            about["response"],
            about["pre_activation"],
            about["response_ratio"],
            once(about["constraint"]),
            once(oips.digest),
            once(record.output("picture").digest),
            oips.shape or (),
            settings.setdefault(json.dumps(how, sort_keys=True), how),
            Searched.of(record),
            once(style_of(record.parameters, about)),
            _shown(about, known),
        )


def _shown(about: Any, known: OnData | None) -> tuple[int, ...]:
    """What a unit does not respond to at all is nothing that it responds to most; of a linear unit, all."""
    exemplars: list[int] = about["exemplars"]
    if known is None:
        return tuple(exemplars)
    return tuple(exemplars[: sum(response > 0 for response in about["exemplar_responses"])])


@dataclass(frozen=True, slots=True)
class UnitState:
    """What is known of one unit of one network.

    `state`: its verdict; or `failed` or `left`, where no sweep has made it. `grown`: the result of the latest sweep
    that has one, None where none has; `earlier`: other results, the latest first. `failure`: why it failed in a sweep
    later than that; `run`: the sweep of the result, or of the failure.
    """

    layer: str
    index: int
    state: str
    grown: Grown | None = None
    earlier: tuple[Grown, ...] = ()
    failure: str | None = None
    run: str | None = None


@dataclass(frozen=True)
class StoredSweep:
    """One sweep. `identity`: what it swept, a network or a checkpoint; None where nothing tells any more.

    `made`: the key of the record of each unit; `wanted`: the units that were to be made, by layer in the network's
    order; of a sweep that did not end, those that are known of.
    """

    run: RunRecord
    identity: str | None
    made: Mapping[Unit, str]
    failed: Mapping[Unit, str]
    wanted: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """How many units were wanted and neither made nor failed."""
        return sum(map(len, self.wanted.values())) - len(self.made.keys() | self.failed.keys())


def find_sweeps(
    runs: Iterable[RunRecord], grown: Mapping[str, Grown], identities: Mapping[str, str]
) -> list[StoredSweep]:
    """The sweeps among the runs, in their order. `identities`: of models by the names that runs have for them."""
    found = []
    for run in runs:
        if run.flow != "oip-sweep":
            continue
        failed = {
            unit: message for name, message in run.failures.items() if (unit := failed_unit(run, name)) is not None
        }
        results = {Unit.parse(name): result.record for name, result in run.units.items() if result.kind == OIP.task}
        made = {unit: key for unit, key in results.items() if key in grown and unit not in failed}
        summary: Any = run.summary
        identity = next((grown[key].identity for key in made.values()), identities.get(str(summary.get("model"))))
        wanted = {layer: tuple(indices) for layer, indices in summary.get("layers") or ()}
        if not wanted:
            known: dict[str, list[int]] = defaultdict(list)
            for unit in sorted(made.keys() | failed.keys()):
                known[unit.layer].append(unit.index)
            wanted = {layer: tuple(indices) for layer, indices in known.items()}
        found.append(StoredSweep(run, identity, made, failed, wanted))
    return found


def units_of(grown: Mapping[str, Grown], sweeps: Iterable[StoredSweep]) -> dict[str, dict[str, dict[int, UnitState]]]:
    """What is known of every unit that was ever to be swept: by the model's identity, layer and index."""
    latest: dict[str, int] = {}  # the number of the last sweep that has a record
    runs: dict[int, str] = {}
    troubles: dict[tuple[str, str, int], tuple[int, str | None]] = {}
    for number, sweep in enumerate(sweeps):
        runs[number] = sweep.run.id
        for key in sweep.made.values():
            latest[key] = number
        if sweep.identity is None:
            continue
        for layer, indices in sweep.wanted.items():
            for index in indices:
                if (unit := Unit(layer, index)) not in sweep.made:
                    troubles[sweep.identity, layer, index] = number, sweep.failed.get(unit)
    results: dict[tuple[str, str, int], list[Grown]] = defaultdict(list)
    for one in grown.values():
        results[one.identity, one.layer, one.index].append(one)
    found: dict[str, dict[str, dict[int, UnitState]]] = defaultdict(lambda: defaultdict(dict))
    for place in sorted(results.keys() | troubles.keys()):
        identity, layer, index = place
        made = sorted(results.get(place, ()), key=lambda one: (latest.get(one.key, -1), one.ended), reverse=True)
        at, failure = troubles.get(place, (-1, None))
        if made:
            last = latest.get(made[0].key, -1)
            state = UnitState(
                layer,
                index,
                made[0].verdict,
                made[0],
                tuple(made[1:]),
                failure if at > last else None,
                runs.get(last, made[0].run),
            )
        else:
            state = UnitState(layer, index, "failed" if failure else "left", failure=failure, run=runs[at])
        found[identity][layer][index] = state
    return {identity: dict(layers) for identity, layers in found.items()}
