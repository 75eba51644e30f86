"""What is known of how a layer's units respond, from its records: by class, to whom they are alike, where they look."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from storage.errors import StoreError
from storage.record import Output, Record
from storage.store import Store

Arrays = dict[str, Any]


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

    def preferred(self, index: int) -> str | None:
        """The class of images to which a unit responds most on average; None where it responds to none."""
        if "class_means" not in self._arrays:
            return None
        means = self._arrays["class_means"][index]
        if not np.isfinite(means).any() or np.nanmax(means) <= 0:
            return None
        return self.classes[int(np.nanargmax(means))]

    @cached_property
    def classes(self) -> list[str]:
        """The names of the data set's classes."""
        known: Any = self._about.get("classes", [])
        return list(known)

    def histogram(self, index: int) -> dict[str, Any] | None:
        """How often a unit responds how strongly, as `lib.gallery.charts.histogram` takes it."""
        arrays = self._arrays
        if not {"histogram", "edges", "silent", "class_means"} <= arrays.keys():
            return None
        counts, images = arrays["histogram"][index], self._about["class_counts"]
        means = [_plain(value) for value in arrays["class_means"][index]]
        names: Sequence[str] = self.classes
        if len(counts) != len(names):  # of so many classes all images are counted together
            whole = sum(images)
            mean = sum((mean or 0.0) * count for mean, count in zip(means, images, strict=True)) / max(1, whole)
            names, images, means = ["all images"], [whole], [mean]
        return {
            "counts": counts.tolist(),
            "edges": arrays["edges"][index].tolist(),
            "classes": list(names),
            "images": list(images),
            "silent": arrays["silent"][index].tolist(),
            "means": means,
        }

    def nearest(self, index: int) -> list[tuple[int, float]]:
        """The units that respond most alike, with the correlation, the likest first."""
        return _pairs(self._arrays, "nearest", "nearest_likeness", index)

    def nearest_by_weights(self, index: int) -> list[tuple[int, float]]:
        """The units of the likest weights, with the cosine, the likest first."""
        return _pairs(self._weights, "nearest", "nearest_likeness", index)

    def boxes(self, index: int) -> list[list[float]]:
        """Where a unit responds most in each of its exemplars: [left, top, width, height] in pixels of the image.

        Empty where it is not known, or a position sees all of the image.
        """
        if (field := self.receptive_field) is None or "peaks" not in self._arrays:
            return []
        (high, wide), (down, right), (top, left) = field["size"], field["stride"], field["start"]
        return [
            [left + right * int(column), top + down * int(row), wide, high]
            for row, column in self._arrays["peaks"][index]
        ]

    @property
    def receptive_field(self) -> dict[str, list[float]] | None:
        """As `lib.network.receptive_field` gives it; None where it is not known, or the whole image."""
        known: Any = self.weights.outputs[0].attributes.get("receptive_field") if self.weights else None
        return known

    def negative(self, index: int) -> tuple[str, dict[str, Any]] | None:
        """What stands for the image that silences a unit, and what is known of it; None where there is none."""
        if (found := self._negatives.get(index)) is None:
            return None
        output, at = found
        about: Any = output.attributes
        of_unit = {name: about[name][at] for name in ("pre_activations", "responses")}
        return f"{output.digest} {at}", {**of_unit, "constraint": about["constraint"]}

    def negative_image(self, index: int) -> Any:
        """The image that silences a unit, float32 [H, W, C]. Raises BlobMissing, BlobCorrupt."""
        output, at = self._negatives[index]
        if output.digest not in self._opened:
            self._opened[output.digest] = np.asarray(self.store.array(output.digest))
        return self._opened[output.digest][at]

    @cached_property
    def _opened(self) -> Arrays:
        return {}

    @cached_property
    def _negatives(self) -> dict[int, tuple[Output, int]]:
        """The output that holds each unit's negative OIP, and the place in it; the latest of several."""
        found: dict[int, tuple[Output, int]] = {}
        for record in self.negatives:
            output = record.output("images")
            units: Any = output.attributes["units"]
            for at, index in enumerate(units):
                found.setdefault(index, (output, at))
        return found

    @cached_property
    def _arrays(self) -> Arrays:
        return _arrays(self.store, self.responses)

    @cached_property
    def _weights(self) -> Arrays:
        return _arrays(self.store, self.weights)

    @property
    def _about(self) -> dict[str, Any]:
        return dict(self.responses.outputs[0].attributes) if self.responses else {}


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


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
