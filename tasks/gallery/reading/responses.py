"""What is known of how a layer's units respond, from its records: by class, to whom they are alike, where they look."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NotRequired

import numpy as np
from typing_extensions import TypedDict

from lib.arrays import Array, Floats
from lib.network.pixels import PLAIN, Pixels
from storage.errors import StoreError
from storage.record import Record
from storage.store import Store
from tasks.session.attributes import read_as

Arrays = dict[str, Array]
Number = int | float
"""As it is stored: a page says 5, where a float would be 5.0."""


class Histogram(TypedDict):
    """How often a unit responds how strongly, as `lib.gallery.charts.histogram` takes it."""

    counts: list[list[int]]
    edges: list[float]
    classes: list[str]
    images: list[int]
    silent: list[int]
    means: list[float | None]


class NegativeNumbers(TypedDict):
    """What is known of the image that silences a unit."""

    pre_activations: Number | None
    responses: Number | None
    constraint: str


class _ClassAttributes(TypedDict):
    classes: list[str]
    class_counts: list[int]


Field = dict[str, list[Number]]
"""A receptive field: `size`, `stride` and `start`, each down and across."""


class _WeightsAttributes(TypedDict):
    receptive_field: NotRequired[Field | None]


class _WeightsParameters(TypedDict):
    size: NotRequired[list[int] | None]


class _NegativesAttributes(TypedDict):
    units: list[int]
    pre_activations: list[Number | None]
    responses: list[Number | None]
    constraint: str
    pixels: NotRequired[str]


@dataclass(frozen=True)
class Responses:
    """Of one layer, from its records of the tasks `responses`, `weights` and `negatives`, of which each can be missing.

    Arrays are read when they are first shown; of a damaged or missing one a page says nothing.
    """

    store: Store
    responses: Record | None
    weights: Record | None
    negatives: Sequence[Record]

    @property
    def keys(self) -> list[str | None]:
        """What all that can be said here rests on."""
        return [record.key if record else None for record in (self.responses, self.weights, *self.negatives)]

    @property
    def whole(self) -> bool:
        """Whether none of its arrays is missing or damaged."""
        read = (self.responses, self._arrays), (self.weights, self._weights)
        return all(record is None or len(arrays) == len(record.outputs) for record, arrays in read)

    def preferred(self, index: int) -> str | None:
        """The class of images to which a unit responds most on average; None where it responds to none."""
        best = None if self._preferred is None else self._preferred[index]
        return None if best is None else self.classes[best]

    @cached_property
    def _preferred(self) -> list[int | None] | None:
        """The number of that class, of every unit at once: each by itself takes long in a large gallery."""
        means = self._arrays.get("class_means")
        if means is None or not means.size:
            return None
        known = np.where(np.isnan(means), -np.inf, means)  # a class without images has none
        some = np.isfinite(means).any(axis=1) & (known.max(axis=1) > 0)
        pairs = zip(known.argmax(axis=1).tolist(), some.tolist(), strict=True)
        return [number if responds else None for number, responds in pairs]

    @cached_property
    def classes(self) -> list[str]:
        """The names of the data set's classes."""
        return self._about["classes"]

    def histogram(self, index: int) -> Histogram | None:
        """How often a unit responds how strongly; None where it is not known."""
        arrays = self._arrays
        if not {"histogram", "edges", "silent", "class_means"} <= arrays.keys():
            return None
        counts, images = arrays["histogram"][index], self._about["class_counts"]
        means = [_plain(value) for value in arrays["class_means"][index]]
        names = self.classes
        if len(counts) != len(names):  # of so many classes all images are counted together
            whole = sum(images)
            mean = sum((mean or 0.0) * count for mean, count in zip(means, images, strict=True)) / max(1, whole)
            names, images, means = ["all images"], [whole], [mean]
        return Histogram(
            counts=counts.tolist(),
            edges=arrays["edges"][index].tolist(),
            classes=list(names),
            images=list(images),
            silent=arrays["silent"][index].tolist(),
            means=means,
        )

    def nearest(self, index: int) -> list[tuple[int, float]]:
        """The units that respond most alike, with the correlation, the likest first."""
        return _pairs(self._arrays, "nearest", "nearest_likeness", index)

    def nearest_by_weights(self, index: int) -> list[tuple[int, float]]:
        """The units of the likest weights, with the cosine, the likest first."""
        return _pairs(self._weights, "nearest", "nearest_likeness", index)

    def boxes(self, index: int, image: Sequence[int]) -> list[list[float]]:
        """Where a unit responds most in each of its exemplars: [left, top, width, height] in pixels of an `image` of
        the data set, [height, width].

        Empty where it is not known, or a position sees all of the image.
        """
        if (field := self.field_on(image)) is None or "peaks" not in self._arrays:
            return []
        (high, wide), (down, right), (top, left) = field["size"], field["stride"], field["start"]
        return [
            [left + right * int(column), top + down * int(row), wide, high]
            for row, column in self._arrays["peaks"][index]
        ]

    @cached_property
    def receptive_field(self) -> Field | None:
        """As `lib.network.receptive_field` gives it; None where it is not known, or the whole image."""
        if self.weights is None:
            return None
        return read_as(_WeightsAttributes, self.weights.outputs[0].attributes).get("receptive_field")

    @property
    def image_size(self) -> list[int] | None:
        """(height, width) of the images that it is told for; None where that is the network's own."""
        return None if self.weights is None else read_as(_WeightsParameters, self.weights.parameters).get("size")

    def field_on(self, image: Sequence[int]) -> Field | None:
        """The receptive field in pixels of an `image` [height, width], which the layer was shown at another size."""
        field, shown = self.receptive_field, self.image_size
        if field is None or shown is None:
            return field
        scales = [own / seen for own, seen in zip(image[:2], shown, strict=True)]
        return {
            name: [scale * along for scale, along in zip(scales, both, strict=True)] for name, both in field.items()
        }

    def negative(self, index: int) -> tuple[str, NegativeNumbers] | None:
        """What stands for the image that silences a unit, and what is known of it; None where there is none."""
        if (found := self._negatives.get(index)) is None:
            return None
        digest, about, at = found
        numbers = NegativeNumbers(
            pre_activations=about["pre_activations"][at],
            responses=about["responses"][at],
            constraint=about["constraint"],
        )
        return f"{digest} {at}", numbers

    def negative_image(self, index: int) -> Floats:
        """The picture that silences a unit, float32 [H, W, C]. Raises BlobMissing, BlobCorrupt."""
        digest, about, at = self._negatives[index]
        if digest not in self._opened:
            self._opened[digest] = np.asarray(self.store.array(digest))
        return Pixels.parse(about.get("pixels", str(PLAIN))).to_pictures(self._opened[digest][at])

    @cached_property
    def _opened(self) -> Arrays:
        return {}

    @cached_property
    def _negatives(self) -> dict[int, tuple[str, _NegativesAttributes, int]]:
        """The blob that holds each unit's negative OIP, what it says, and the place in it; the latest of several."""
        found: dict[int, tuple[str, _NegativesAttributes, int]] = {}
        for record in self.negatives:
            output = record.output("images")
            about = read_as(_NegativesAttributes, output.attributes)
            for at, index in enumerate(about["units"]):
                found.setdefault(index, (output.digest, about, at))
        return found

    @cached_property
    def _arrays(self) -> Arrays:
        return _arrays(self.store, self.responses)

    @cached_property
    def _weights(self) -> Arrays:
        return _arrays(self.store, self.weights)

    @cached_property
    def _about(self) -> _ClassAttributes:
        if self.responses is None:
            return _ClassAttributes(classes=[], class_counts=[])
        return read_as(_ClassAttributes, self.responses.outputs[0].attributes)


def _arrays(store: Store, record: Record | None) -> Arrays:
    found = {}
    for output in record.outputs if record else ():
        try:
            # a view, because indexing a memory map costs ten times as much
            found[output.role] = np.asarray(store.array(output.digest))
        except StoreError:
            continue
    return found


def _pairs(arrays: Arrays, units: str, likeness: str, index: int) -> list[tuple[int, float]]:
    if units not in arrays or likeness not in arrays:
        return []
    pairs = zip(arrays[units][index], arrays[likeness][index], strict=True)
    return [(int(unit), float(value)) for unit, value in pairs if unit >= 0]


def _plain(value: np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None
