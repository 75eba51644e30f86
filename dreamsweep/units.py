"""Units of the network: their OIPs, their verdicts, and their exemplars."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from PIL import Image

from flows.results.find import find
from flows.results.runs import LATEST_SWEEP
from lib.arrays import Floats, Integers
from lib.draw.tones import scale_to_uint8, to_uint8, tone_window
from lib.network.pixels import Pixels
from lib.network.units import Unit
from lib.oips.constraint import ConstraintName
from lib.oips.verdict import Verdict
from storage.document import Json
from storage.errors import StoreError
from storage.record import Record
from storage.store import Store
from tasks.model.pixels import PICTURES, pixels_of
from tasks.model.stored import classes_of, data_of_images
from tasks.session.attributes import read_as
from tasks.sweep.kinds.oip import KIND as OIP
from tasks.sweep.kinds.oip import unit_of
from tasks.sweep.measures import UnitMeasures, measures_of
from tasks.sweep.oip_attributes import OipAttributes
from tasks.sweep.on_data import OnData, on_data
from tasks.sweep.style_of import quality_of, style_of


@dataclass(frozen=True)
class Exemplars:
    """The natural images to which a unit responds most, the best first.

    Attributes:
        numbers: int64 [n], their places among the training images of the data set, from 0.
        images: float32 [n, height, width, channels], as the network takes them. They are of its own size also where
            a sweep on smaller images saw them resized.
        pictures: the same, grey or RGB.
        responses: float32 [n], under the constraint of the unit's OIPs, so that they compare with theirs.
        labels: the names of their classes; empty where the store does not hold the data set's labels.
    """

    numbers: Integers
    images: Floats
    pictures: list[Image.Image]
    responses: Floats
    labels: tuple[str, ...]


@dataclass(frozen=True)
class StoredUnit:
    """What a sweep found out about one unit. In a notebook it shows itself as its picture.

    Everything is read from the store when it is asked for. Whatever reads an array or a picture raises StoreError where
    that is missing from the store, or damaged.

    Attributes:
        store: where it was found.
        record: what made it: `record.parameters` are the settings, `record.provenance` says who, where and with which
            code.

    >>> import dreamsweep
    >>> unit = dreamsweep.find_unit(dreamsweep.open_store(), "Conv2D_2/3")
    >>> unit.verdict
    'responded'
    >>> unit.oips.shape, unit.oips.dtype  # OIPs, height, width, channels
    ((4, 12, 12, 1), dtype('float32'))
    >>> unit.images[0].size, unit.images[0].mode
    ((12, 12), 'RGB')
    >>> bool(unit.responses[0] > unit.exemplars.responses[0])  # the OIP does better than any image of the data set
    True
    """

    store: Store
    record: Record

    @property
    def name(self) -> str:
        """As `Conv2D_2/17`."""
        return str(unit_of(self.record))

    @property
    def layer(self) -> str:
        """The name of its layer."""
        return unit_of(self.record).layer

    @property
    def index(self) -> int:
        """Its place in the layer, from 0: the channel of a convolution, the node of a dense layer."""
        return unit_of(self.record).index

    @property
    def verdict(self) -> Verdict:
        """`responded`, `unreached`, `silent` or `dead`."""
        return self.attributes["verdict"]

    @property
    def on_data(self) -> OnData | None:
        """Whether any image of the data set makes the unit respond: `active`, or `never`, where only its OIPs do.

        None of a sweep without a data set, and of a linear unit, which has no threshold.
        """
        return on_data(self.attributes)

    @property
    def responses(self) -> Floats:
        """float32 [OIPs]: how strongly the unit responds to each OIP, the best first.

        It is the mean over the positions of its activation after the ReLU: 0 or above, unless the unit is linear.
        """
        return np.array([oip["response"] for oip in self.attributes["oips"]], np.float32)

    @property
    def response_ratio(self) -> float | None:
        """The response to the best OIP over that to the best exemplar; None without an exemplar that it responds to.

        Above 20, the OIP is far from anything natural.
        """
        return self.attributes["response_ratio"]

    @property
    def style(self) -> str:
        """The style of the OIPs, as `natural`. It is not that of `settings` where a search went on in another one."""
        return style_of(self.record.parameters, self.attributes)

    @property
    def quality(self) -> str:
        """Of which quality the OIPs are: `draft`, of one cheap search, `standard` or `best`."""
        return quality_of(self.record.parameters)

    @property
    def measures(self) -> UnitMeasures:
        """How good its picture is: what is known of it, each a share with its `value`, None where it has none.

        `kept_shift`, `kept_turn`, `kept_blur`: what is left of the response to the best OIP after a shift of 2 px, a
        turn of 4 degrees, a blur of 1 px. `fine_detail` and `colour`: how much of the image is such, and with a data
        set under `data` the same of its images. They say nothing without the response: a grey image keeps all.
        """
        return measures_of(self.store, self.record)

    @property
    def constraint(self) -> ConstraintName:
        """The constraint of the OIPs: `standardised` (zero mean, unit variance) or `box` (the range of the pixels)."""
        return self.attributes["constraint"]

    @property
    def settings(self) -> Mapping[str, Json]:
        """Every parameter that decided about the OIPs, as steps, restarts, step size, objective and seed."""
        return {name: value for name, value in self.record.parameters.items() if name != "unit"}

    @cached_property
    def attributes(self) -> OipAttributes:
        """All that the record says of the unit; under `oips`, each one's seed, length scales and curve of responses."""
        return read_as(OipAttributes, self.record.output("oips").attributes)

    @property
    def oips(self) -> Floats:
        """float32 [OIPs, height, width, channels], the best first, as the network takes images: `pixels` says how."""
        return np.array(self.store.array(self.record.output("oips").digest), np.float32)

    @property
    def pixels(self) -> Pixels:
        """What the network takes, by which its images are made of pictures within 0..1, and become pictures again."""
        return pixels_of(self.record.parameters)

    @property
    def images(self) -> list[Image.Image]:
        """Each OIP as an RGB picture of its own size, the best first; those of one channel in the colours of viridis.

        All of a unit's are shown in the same range of values, so that they compare.
        """
        oips = self.pixels.to_pictures(self.oips)
        window = tone_window(oips, self._pixel_range if self.constraint == "box" else None)
        return [Image.fromarray(to_uint8(oip, window)) for oip in oips]

    @property
    def picture(self) -> Image.Image:
        """The stored sheet: all OIPs, enlarged, with the unit's name, its verdict, and the responses."""
        return Image.open(io.BytesIO(self._repr_png_()))

    @property
    def exemplars(self) -> Exemplars | None:
        """The images of the data set to which it responds most, at most nine; None of a sweep without a data set."""
        digest, numbers = self.record.recipe_inputs.get("train_imgs"), self.attributes["exemplars"]
        if digest is None or not numbers:
            return None
        shown = np.array(self.store.array(digest)[numbers], np.float32)
        images, pixels = self.pixels.to_network(shown), scale_to_uint8(shown, *self._pixel_range)
        pictures = [Image.fromarray(one[:, :, 0] if one.shape[2] == 1 else one[:, :, :3]) for one in pixels]
        responses = np.array(self.attributes["exemplar_responses"], np.float32)
        return Exemplars(np.array(numbers, np.int64), images, pictures, responses, self._labels(digest, numbers))

    def _labels(self, images: str, numbers: list[int]) -> tuple[str, ...]:
        data = data_of_images(self.store, images)
        if data is None:
            return ()
        classes, labels = classes_of(data), self.store.array(data.output("train_labels").digest)
        return tuple(classes[int(label)] for label in labels[numbers]) if classes else ()

    @property
    def _pixel_range(self) -> tuple[float, float]:
        low, high = cast(list[float], self.record.parameters.get("pixel_range", [*PICTURES]))
        return low, high

    def _repr_png_(self) -> bytes:
        return self.store.get(self.record.output("picture").digest)

    def __repr__(self) -> str:
        return f"<unit {self.name}: {self.verdict}, response {self.responses[0]:.4g}>"


def find_unit(store: Store, name: str, run: str | None = None) -> StoredUnit:
    """Find what a sweep found out about a unit.

    Args:
        store: an open store.
        name: as `Conv2D_2/17`, or the key of a record.
        run: the id of a sweep. By default the latest sweep that has the unit, whatever its model.

    Raises:
        StoreError: the store has no such unit; the message has the nearest names.

    >>> import dreamsweep
    >>> store = dreamsweep.open_store()
    >>> dreamsweep.find_unit(store, "Conv2D_2/3", run="20261128-064935-7df015").name
    'Conv2D_2/3'
    >>> dreamsweep.find_unit(store, "Conv2D_2/99")
    Traceback (most recent call last):
        ...
    storage.errors.NothingFound: nothing in the store ... has the name 'Conv2D_2/99'; the nearest names are ...
    """
    found = find(store, name, run)
    record = found.artifacts[0][0] if found.kind == "record" else None
    if record is None or record.task != OIP.task:
        raise StoreError(f"{name!r} names no unit: write a layer, a slash and a number from 0, as Conv2D_2/17")
    return StoredUnit(store, record)


def list_units(store: Store, run: str = LATEST_SWEEP) -> list[StoredUnit]:
    """List the units of a sweep, in the order of the network. Those that failed are not among them.

    Args:
        store: an open store.
        run: the id of a sweep, or a name that points at one. By default the latest.

    Raises:
        StoreError: the store has no such run.

    >>> import dreamsweep
    >>> store = dreamsweep.open_store()
    >>> for unit in dreamsweep.list_units(store, "20261128-064935-7df015")[:3]:
    ...     print(unit.name, unit.verdict)
    Conv2D_1/0 responded
    Conv2D_1/1 responded
    Conv2D_1/2 responded
    """
    swept = find(store, run).run
    if swept is None:
        raise StoreError(f"{run!r} is no run: `dreamsweep runs` lists them")
    index = store.questions()
    records = {
        Unit.parse(name): index.record(result.record) or store.record(result.record)
        for name, result in swept.units.items()
        if result.kind == OIP.task and name not in swept.failures
    }
    layers = [layer for layer, _ in cast(list[tuple[str, list[int]]], swept.summary.get("layers") or [])]
    places = {layer: place for place, layer in enumerate(layers)}
    ordered = sorted(records, key=lambda unit: (places.get(unit.layer, len(places)), unit))
    return [StoredUnit(store, records[unit]) for unit in ordered]
