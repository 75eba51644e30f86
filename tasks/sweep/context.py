"""What the tasks of one sweep share in this process: the network, and one batcher for each thing to be optimised."""

import math
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np

from lib import stop
from lib.arrays import Bools, Floats, Images
from lib.bounds.proof import prove_dead
from lib.data.resized import ResizedImages
from lib.deadline import OutOfTime
from lib.network.units import Unit
from lib.oips.ascent import Ascent
from lib.oips.batcher import BATCH, Batcher
from lib.oips.constraint import CONSTRAINTS, Constraint, ConstraintName
from lib.oips.growth import Growth, QualityName
from lib.oips.matching import Matching, matches_exemplars, matching_of
from lib.oips.measure import Measure
from lib.oips.photographs import PictureStatistics, measure_pictures, of_photographs
from lib.oips.rounding import kernels_for
from lib.oips.search import Ground, as_they_are
from lib.oips.style import STYLES, in_style, plain_pixels
from lib.responses.exemplars import Exemplars, find_exemplars
from storage.document import Json
from storage.runs import How
from storage.store import Input, Record
from tasks.model.context import RunContext
from tasks.model.finding import Checked
from tasks.model.network import Natural, Network
from tasks.model.pixels import PICTURES, pixel_range_parameters
from tasks.session.progress import beat, wait_for
from tasks.session.tally import Tally
from tasks.sweep.kinds.oip import NOT_SHOWN
from tasks.sweep.open_layers import OpenLayers
from tasks.sweep.shown import is_better, not_shown_title

EXEMPLARS_A_BATCH = 4
"""Times as many natural images a batch: they go forwards only, and leave no gradients behind."""
LATEST_SECONDS = 300.0
"""Seconds after the deadline when a search that is still under way is given up, and left to the next run."""
LONG_AT_ONCE = 4
"""Before a deadline so many long searches go on at once: a few come to their end then, and not none of many."""
BESIDES = ("negative", "peak")
"""What units are searched for besides that for which their OIPs are grown."""
MAPS_AT_ONCE = 24
"""So many maps are in the making for batches to be full: each has fewer and fewer images as it goes on."""


def stored_as(growth: Growth) -> "np.dtype[np.floating]":
    """In which numbers images are stored: large ones in halves, which no eye tells from whole ones. Responses are
    measured on what is stored."""
    return np.dtype(np.float16 if growth.margin else np.float32)


class Deferred(OutOfTime):
    """A search would go on for long while others have not had their turn."""


def batch_for(growth: Growth, most: int) -> int:
    """How many images an ascent takes at a time, at most so many.

    Fewer starts than a batch has room for leave it empty: it is computed all the same.
    """
    return min(most, MAPS_AT_ONCE * growth.starts)


@dataclass
class SweepContext(RunContext):
    """One sweep's; its tally is by unit.

    `natural`: None without a data set. `size`: (height, width) of the images, None for the network's own, and
    `smaller`: of those of layers that have their own. `judge`: says what the pictures show; None without one.
    `exemplars`: by layer and constraint, once they are found; `exemplar_blobs`: by layer, those that are artifacts.
    `growth`: how OIPs of the quality that is asked for are grown, and `lesser`: how those of the passes before are,
    drafts first; `better`: how those of a higher quality would be, which are shown where they are there; `ways`:
    all passes to each quality. `paces`: seconds that an image-step takes, by layer, as far as that is known. `late`:
    titles of what there was no time left for. `deferred`: units whose search goes on for long, while `defers` says that
    such are put off. `images_per_part`: so many images of the data set are looked at in one go, None for as many as
    `tasks.sweep.image_parts` says. `statistics`: what the data set's pictures are like, and `likeness`: how much fine
    detail and colour they have, both by the size of images, as far as that is known. `tally` has of each unit the OIPs
    that are shown, whatever their quality.
    """

    growth: Growth
    natural: Natural | None
    size: tuple[int, int] | None = None
    batch: int = BATCH
    lesser: tuple[Growth, ...] = ()
    better: tuple[Growth, ...] = ()
    ways: Mapping[QualityName, tuple[Growth, ...]] = field(default_factory=dict)
    paces: Mapping[str, float] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    defers: bool = False
    deferred: set[str] = field(default_factory=set)
    checked: Checked | None = None
    judge: Network | None = None
    smaller: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    exemplars: dict[tuple[str, ConstraintName], Exemplars] = field(default_factory=dict)
    exemplar_blobs: dict[str, list[Input]] = field(default_factory=dict)
    images_per_part: int | None = None
    statistics: dict[tuple[int, int] | None, PictureStatistics] = field(default_factory=dict)
    likeness: dict[tuple[int, int] | None, dict[str, float]] = field(default_factory=dict)
    _layers: OpenLayers = field(default_factory=OpenLayers)
    _dead: dict[str, Bools] = field(default_factory=dict)
    _shown: dict[str, tuple[str, How]] = field(default_factory=dict)
    _passes: dict[QualityName, Tally] = field(default_factory=lambda: defaultdict(Tally))
    _long: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(LONG_AT_ONCE))

    def __post_init__(self) -> None:
        self._open.callback(self._layers.close)

    @property
    def passes(self) -> tuple[Growth, ...]:
        """How OIPs are grown in each pass, the last one of the quality that is asked for."""
        return (*self.lesser, self.growth)

    def size_of(self, layer: str) -> tuple[int, int] | None:
        """(height, width) of the images of a layer; None for the network's own."""
        return self.smaller.get(layer, self.size)

    def sides_of(self, layer: str) -> tuple[int, int]:
        """(height, width) of the images of a layer, the network's own included."""
        height, width = self.size_of(layer) or self.network.model.input_shape[1:3]
        assert height is not None
        assert width is not None
        return height, width

    def size_parameters(self, layer: str) -> dict[str, Json]:
        """The size of a layer's images as recipes say it: [height, width], None for the network's own."""
        size = self.size_of(layer)
        return {"size": None if size is None else list(size)}

    def by_size(self, layers: Sequence[str]) -> dict[tuple[int, int] | None, list[str]]:
        """The layers that have images of one size, by that size (`size_of`)."""
        found: dict[tuple[int, int] | None, list[str]] = {}
        for layer in layers:
            found.setdefault(self.size_of(layer), []).append(layer)
        return found

    def images_at(self, size: tuple[int, int] | None) -> Images:
        """The data set's images [N, H, W, C], resized to this (height, width); None for as they are. There must be a
        data set."""
        assert self.natural is not None
        images = self.natural.images
        return images if size in (None, images.shape[1:3]) else ResizedImages(images, size)

    def is_had(self, unit: str, growth: Growth) -> bool:
        """Whether a unit has OIPs of a pass, or of a better one."""
        known = (*self.passes, *self.better)
        return any(self.tally_at(one.quality).is_made(unit) for one in known[known.index(growth) :])

    def growth_at(self, quality: QualityName) -> Growth:
        """How OIPs are grown in the pass of a quality."""
        return next(growth for growth in self.passes if growth.quality == quality)

    def tally_at(self, quality: QualityName) -> Tally:
        """What the pass of a quality came to, by unit."""
        return self._passes[quality]

    def title_at(self, layer: str, quality: QualityName) -> str:
        """What a layer is called in the pass of a quality."""
        return layer if quality == self.growth.quality else f"{layer}, {quality}"

    def note_oips(self, unit: str, growth: Growth, record: Record, how: How) -> None:
        """Note a unit's OIPs of one pass, which may have been there before; the run shows the best of all passes."""
        run = self.session.run
        with self._lock:
            self.tally_at(growth.quality).add(unit, record.key, reused=how == "reused")
            shown = self.shown(unit)
            if shown and shown.key != record.key and not is_better(record, shown, self.growth.style):
                run.add(not_shown_title(unit, growth), record, how, NOT_SHOWN)
                record, how = shown, self._shown[unit][1]  # an attempt that failed before may have taken it away
            self._shown[unit] = record.key, how  # no record: with its curves it takes ten times the memory
            self.tally.add(unit, record.key, reused=how == "reused")
            run.add(unit, record, how)

    def fail_oips(self, unit: str, quality: QualityName, message: str) -> None:
        """Note that a unit failed in the pass of a quality, and why."""
        self.tally_at(quality).fail(unit, message)
        self.tally.fail(unit, message)

    def shown(self, unit: str) -> Record | None:
        """The OIPs of a unit that the run shows; None where it has none yet."""
        shown = self._shown.get(unit)
        return None if shown is None else self.session.store.record(shown[0])

    @contextmanager
    def turn_for(self, unit: Unit) -> Iterator[None]:
        """While inside, a long search may go on: before a deadline few do at once, those that began first.

        Raises Deferred where long searches are put off, OutOfTime where the deadline passes meanwhile, and Stopped.
        """
        deadline = self.session.deadline
        if self.defers:
            self.deferred.add(str(unit))
            raise Deferred(f"the search for {unit} is not at its end")
        if deadline.at is None:
            yield
            return
        while not self._long.acquire(timeout=1):
            stop.look()
            if deadline.passed:
                raise OutOfTime(f"the search for {unit} is not at its end")
        try:
            yield
        finally:
            self._long.release()

    def _look(self) -> None:
        """Raises Stopped where this process was told to stop, and OutOfTime long after the deadline."""
        stop.look()
        left = self.session.deadline.seconds_left()
        if left is not None and left < -LATEST_SECONDS:
            raise OutOfTime("the search goes on long after the deadline")

    def constraint(self, name: ConstraintName) -> Constraint:
        """The constraint of this name, for pictures."""
        return Constraint(name, *PICTURES)

    def ground(self, layer: str, style: str, constraint: ConstraintName, objective: str) -> Ground:
        """Where a layer's units are searched; its ascent is traced when it is first asked for, or anew where other
        layers had their turn since."""
        key = (style, constraint, objective)
        with self._lock:
            opened = self._layers.open(layer)
            if key not in opened.grounds:
                growth = self.growth if style == self.growth.style else in_style(self.growth, style)
                ascent = self._ascent(layer, growth, constraint, objective)
                deadline, pace = self.session.deadline, self.paces.get(layer)
                towards = ascent.towards(objective, self._look)
                batcher = opened.batchers.enter_context(
                    Batcher(towards, ascent.batch, beat=beat, deadline=deadline, pace=pace)
                )
                measure = ascent.measure if self.network.pixels.plain else self._measure(layer)
                opened.grounds[key] = Ground(
                    batcher,
                    ascent.starts,
                    measure,
                    ascent.parameterisation,
                    ascent.signed_units,
                    ascent.facets,
                    batcher.let_in,
                    self._as_stored if growth.margin else as_they_are,
                )
            return opened.grounds[key]

    def _ascent(self, layer: str, growth: Growth, constraint: ConstraintName, objective: str) -> Ascent:
        """What is traced of a layer once, for OIPs and negative OIPs, and for whoever asks what is possible at all.

        Where OIPs match something, theirs is an ascent of its own: nothing else does.
        """
        matches = self._matches(layer, growth, objective)
        key = (growth.style, constraint, matches)
        ascents = self._layers.open(layer).ascents
        if key not in ascents:
            ascents[key] = wait_for(
                f"tracing {layer}",
                Ascent,
                self.network.model,
                layer,
                self.constraint(constraint),
                objectives=[objective] if matches else [growth.objective, *BESIDES],
                parameterise=STYLES[growth.style].parameterise(growth, self._pictures(layer, growth.style)),
                matching=self._matching(layer, growth, constraint) if matches else None,
                batch=batch_for(growth, self.batch),
                size=self.size_of(layer),
                kernels=kernels_for(growth),
            )
        return ascents[key]

    def to_stored(self, pictures: Floats) -> Floats:
        """Pictures [n, H, W, C] as images of the network, in the numbers in which they are stored."""
        return self.network.pixels.to_network(pictures).astype(stored_as(self.growth))

    def _as_stored(self, pictures: Floats) -> Floats:
        return self.network.pixels.to_pictures(self.to_stored(pictures))

    def usual_ground(self, layer: str) -> Ground:
        """Where the sweep's own searches begin."""
        growth = self.growth
        return self.ground(layer, growth.style, growth.constraint, growth.objective)

    def _matches(self, layer: str, growth: Growth, objective: str) -> bool:
        """Whether ascents match something: those for OIPs may, not those that only ask what is possible."""
        if self.natural is None or objective != growth.objective:
            return False
        return matches_exemplars(self.network.model, layer, growth)

    def _matching(self, layer: str, growth: Growth, constraint: ConstraintName) -> Matching:
        """What ascents match. There must be a data set."""
        exemplars = self.exemplars_of(layer, constraint)
        assert exemplars is not None
        return matching_of(
            self.network.model,
            layer,
            self.images_at(self.size_of(layer)),
            exemplars.numbers,
            exemplars.responses,
            growth,
            self.constraint(constraint),
            batch=self.batch,
            size=self.size_of(layer),
        )

    @property
    def like_pictures(self) -> bool:
        """Whether what is grown is to be like the pictures of the data set, where there is one."""
        return _likens(self.growth.style)

    def _pictures(self, layer: str, style: str) -> PictureStatistics:
        """What images of a style are to be like: the data set, which is measured only where that is asked for, or else
        photographs."""
        if self.natural is None or not _likens(style):
            return of_photographs(self.network.model.input_shape[-1])
        return self.statistics_of(layer)

    def statistics_of(self, layer: str) -> PictureStatistics:
        """What the data set's pictures are like at the size of a layer's images. There must be a data set."""
        size = self.size_of(layer)
        if size not in self.statistics:
            self.statistics[size] = measure_pictures(self.images_at(size))
        return self.statistics[size]

    def _measure(self, layer: str) -> Measure:
        """What measures images as they are stored, by the network as it was saved."""
        opened = self._layers.open(layer)
        if opened.measure is None:
            network = self.network
            size = self.size_of(layer)
            opened.measure = Measure(network.saved, layer, network.pixels, batch=self.batch, size=size)
        return opened.measure

    def is_dead(self, layer: str, index: int) -> bool:
        """Whether bounds prove that no image, under whichever constraint, makes this unit respond."""
        with self._lock:
            if layer not in self._dead:
                pixels = math.prod(self.usual_ground(layer).parameterisation.shape)
                bounds = [self.constraint(name).pixel_bounds(pixels) for name in CONSTRAINTS]
                low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
                self._dead[layer] = prove_dead(self.network.model, layer, low, high)
            return bool(self._dead[layer][index])

    def exemplars_of(self, layer: str, constraint: ConstraintName) -> Exemplars | None:
        """The exemplars of a layer's units under a constraint; None without a data set.

        Those under the sweep's own constraint are artifacts and are there already; others are found when asked for.
        """
        if self.natural is None:
            return None
        with self._lock:
            key = (layer, constraint)
            if key not in self.exemplars:
                self._find_exemplars([layer], constraint)
            return self.exemplars[key]

    def find_exemplars_for(self, layers: Sequence[str]) -> None:
        """Find the exemplars that ascents of these layers match, where they match any: all of them in one pass."""
        growth = self.growth
        with self._lock:
            wanted = [
                layer
                for layer in layers
                if (layer, growth.constraint) not in self.exemplars
                and matches_exemplars(self.network.model, layer, growth)
            ]
            if self.natural is not None:
                self._find_exemplars(wanted, growth.constraint)

    def _find_exemplars(self, layers: Sequence[str], constraint: ConstraintName) -> None:
        for size, alike in self.by_size(layers).items():
            found = find_exemplars(
                self.network.model,
                alike,
                self.images_at(size),
                self.constraint(constraint),
                batch=EXEMPLARS_A_BATCH * self.batch,
                size=size,
            )
            self.exemplars |= {(layer, constraint): found[layer] for layer in alike}

    def best_exemplar(self, layer: str, index: int, constraint: ConstraintName) -> float | None:
        """The response of a unit's best exemplar under a constraint; None without a data set."""
        exemplars = self.exemplars_of(layer, constraint)
        return None if exemplars is None else float(exemplars.responses[index, 0])

    def recipe_inputs(self) -> dict[str, str]:
        """What decides about every picture of this sweep, besides parameters."""
        return {"model": self.network.identity} | ({"train_imgs": self.natural.digest} if self.natural else {})

    def lineage_inputs(self) -> list[Input]:
        """The blobs that every picture of this sweep is made from."""
        inputs = [Input("model", self.network.digest)]
        return [*inputs, Input("train_imgs", self.natural.digest)] if self.natural else inputs

    def recipe_parameters(self, layer: str, growth: Growth | None = None) -> dict[str, Json]:
        """Every parameter that changes what is grown of a layer, defaults filled in; of the pass that is asked for, or
        another."""
        growth = growth or self.growth
        parameters = asdict(growth)
        if growth.quality == "standard":  # as in all versions that had no others
            del parameters["quality"]
        if not growth.margin:  # as in all versions that had no styles to name
            del parameters["margin"]
            if not STYLES[growth.style].recorded:
                del parameters["style"]
        return {
            **parameters,
            "length_scales": [list(mixture) for mixture in growth.length_scales],
            **pixel_range_parameters(self.network.pixels),
            **self.size_parameters(layer),
        }


def _likens(style: str) -> bool:
    """Whether a style makes images like given pictures; the pixels themselves know of none."""
    return STYLES[style].parameterise is not plain_pixels
