"""How good a unit's picture is, by several measures: what each is called, where it stands, and what records say of it.

A measure is an entry of `MEASURES`, and is shown everywhere by that alone. Its values are those of records of a layer:
an output of the measure's name, float64 [units], NaN where a unit has none; among that output's attributes `units`,
the indices that its rows are of, and `data`, what the data set's own images have, by measure. The recipe's inputs have,
under the unit's name, the digest of the OIPs that were measured: so no measure is shown beside another picture.

Importing this costs little: no Prefect, no TensorFlow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NotRequired

import numpy as np
from typing_extensions import TypedDict

from lib.arrays import Array
from lib.naturalness.kept import MOVES
from storage.errors import StoreError
from storage.record import Output, Record
from storage.store import Store
from tasks.session.attributes import read_as
from tasks.sweep.kinds.interpretability import KIND as INTERPRETABILITY
from tasks.sweep.kinds.naturalness import KIND as NATURALNESS
from tasks.sweep.kinds.oip import unit_of


@dataclass(frozen=True)
class PictureMeasure:
    """One measure, of a unit's best OIP: a share, of which 1 is all.

    Args:
        name: in JSON and in records, where an output is called so.
        title: in tables, filters and charts.
        task: whose records say it.
        cell: the word before it under a unit's picture in a grid, where those of one word share a line; empty where it
            does not stand there.
        interval: the names of the outputs that hold the ends of its interval, where it has one.
    """

    name: str
    title: str
    task: str
    cell: str = ""
    interval: tuple[str, str] | None = None


MEASURES = (
    *(
        PictureMeasure(f"kept_{move}", f"kept after {how}", NATURALNESS.task, cell="kept")
        for move, how in MOVES.items()
    ),
    PictureMeasure("fine_detail", "fine detail", NATURALNESS.task),
    PictureMeasure("colour", "colour", NATURALNESS.task),
    PictureMeasure(
        "interpretability",
        "interpretability",
        INTERPRETABILITY.task,
        interval=("interpretability_low", "interpretability_high"),
    ),
)
"""All of them, in the order in which they are shown."""

TASKS = tuple(dict.fromkeys(measure.task for measure in MEASURES))
"""Whose records say them."""


class Measured(TypedDict):
    """What one measure says of one unit: None where it has no value, as the share that is kept of no response.

    `interval`: its ends; `data`: the same of the data set's own images.
    """

    value: float | None
    interval: NotRequired[list[float | None]]
    data: NotRequired[float]


UnitMeasures = dict[str, Measured]
"""By the measure's name; only what is known."""


class _Attributes(TypedDict):
    units: list[int]
    data: NotRequired[dict[str, float]]


@dataclass(frozen=True)
class LayerMeasures:
    """What records say of the units of one layer; `records`: the latest first.

    Arrays are read when they are first asked for; of a damaged or missing one nothing is said.
    """

    store: Store
    records: Sequence[Record]

    @property
    def whole(self) -> bool:
        """Whether none of the arrays that were asked for so far is missing or damaged."""
        return all(array is not None for array in self._arrays.values())

    def of(self, unit: str, oips: str) -> UnitMeasures:
        """What is known of a unit, as `Conv2D_2/17`, by its OIPs: the digest of their blob."""
        found: UnitMeasures = {}
        for record in self.records:
            if record.recipe_inputs.get(unit) != oips:
                continue
            for measure in MEASURES:
                if measure.task == record.task and measure.name not in found:
                    told = self._told(record, measure, int(unit.rpartition("/")[2]))
                    found |= {} if told is None else {measure.name: told}
        return {measure.name: found[measure.name] for measure in MEASURES if measure.name in found}

    def _told(self, record: Record, measure: PictureMeasure, index: int) -> Measured | None:
        output = next((one for one in record.outputs if one.role == measure.name), None)
        if output is None:
            return None
        rows, data = self._rows_of(record.key, output)
        values = self._array(output.digest)
        if values is None or index not in rows:
            return None
        row = rows[index]
        told = Measured(value=_plain(values[row]))
        if measure.interval is not None:
            ends = [self._array(record.output(end).digest) for end in measure.interval]
            told["interval"] = [None if end is None else _plain(end[row]) for end in ends]
        if measure.name in data:
            told["data"] = data[measure.name]
        return told

    def _rows_of(self, key: str, output: Output) -> tuple[dict[int, int], dict[str, float]]:
        """In which row each unit is, and what the data set's own images have: the same of all outputs of a record."""
        if key not in self._read:
            about = read_as(_Attributes, output.attributes)
            self._read[key] = {index: row for row, index in enumerate(about["units"])}, about.get("data", {})
        return self._read[key]

    def _array(self, digest: str) -> Array | None:
        if digest not in self._arrays:
            try:
                # a view, because indexing a memory map costs ten times as much
                self._arrays[digest] = np.asarray(self.store.array(digest))
            except StoreError:
                self._arrays[digest] = None
        return self._arrays[digest]

    @cached_property
    def _arrays(self) -> dict[str, Array | None]:
        return {}

    @cached_property
    def _read(self) -> dict[str, tuple[dict[int, int], dict[str, float]]]:
        return {}


def measures_of(store: Store, record: Record) -> UnitMeasures:
    """What the store knows of the unit of a record of the task `oip`."""
    unit, oips = str(unit_of(record)), record.output("oips").digest
    readers = store.questions().consumers(oips)
    records = [reader for reader, role in readers if role == unit and reader.task in TASKS]
    return LayerMeasures(store, records[::-1]).of(unit, oips)


def _plain(value: np.floating) -> float | None:
    return float(value) if math.isfinite(value) else None
