"""What an earlier generation of a gallery read of the records of OIPs: they are many and long, and never change.

What stands for a record in the index is a digest of all that it says, so what is remembered under that digest is what
would be read. Whatever cannot be understood, or comes from other code, is forgotten, and records are read as at first.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from storage.index import Entry
from storage.record import Record
from tasks.gallery.reading.swept import Grown
from tasks.sweep.image_steps import Searched

_NAMES = tuple(field.name for field in fields(Grown))
_ONCE = (
    *("layer", "identity", "model", "train_imgs", "run", "verdict", "on_data", "constraint", "shape", "settings"),
    "style",
)
"""What many units have in common is written once for all of them."""
_PLACES = tuple(at for at, name in enumerate(_NAMES) if name in _ONCE)
_PLACES_OF_ROW = (2, *(3 + at for at in _PLACES))
"""Columns of a row that hold places in `once`: that of the inputs, and those of `_ONCE`, which begin at column 3."""
_SHAPE, _SEARCHED, _EXEMPLARS = (_NAMES.index(name) for name in ("shape", "searched", "exemplars"))
_DIGESTS = tuple(_NAMES.index(name) for name in ("key", "oips", "picture"))
_LAYER, _RUN, _ENDED = (_NAMES.index(name) for name in ("layer", "run", "ended"))

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """A record of a unit's OIPs as a catalogue needs it. `outputs`, `inputs`: of each its role and digest."""

    grown: Grown
    outputs: Pairs
    inputs: Pairs

    @staticmethod
    def of(record: Record, settings: dict[str, Mapping[str, Any]]) -> "ReadUnit":
        """What a record of the task `oip` says. Equal settings are one mapping, kept in `settings`."""
        return ReadUnit(
            Grown.of(record, settings),
            tuple((sys.intern(output.role), sys.intern(output.digest)) for output in record.outputs),
            tuple((sys.intern(item.role), sys.intern(item.digest)) for item in record.inputs),
        )


class Remembered:
    """What one generation hands the next.

    Args:
        data: what `to_bytes` gave; None where nothing is remembered.
        code: a digest of the code that reads records.
    """

    def __init__(self, data: bytes | None = None, code: str = "") -> None:
        self._code = code
        self._once: list[Any] = []
        self._before: dict[str, list[Any]] = {}
        self._now: dict[str, list[Any]] = {}
        self._new = False
        # as texts, for many small lists would keep the garbage collector busy
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._pairs: dict[str, Pairs] = {}
        try:
            told = json.loads(data) if data is not None else None
            if told is not None and told["code"] == code:
                self._once, self._before = list(told["once"]), dict(told["records"])
        except (ValueError, KeyError, TypeError):
            self._new = True
        self._place_of: dict[str, int] = {_text(value): at for at, value in enumerate(self._once)}

    def unit(self, entry: Entry) -> ReadUnit | None:
        """What is remembered of a record; None where that is nothing."""
        row = self._before.get(entry.key)
        try:
            if row is None or row[0] != entry.digest.hex():
                return None
            _, outputs, inputs, *values = row
            for at in _PLACES:
                values[at] = self._once[values[at]]
            inputs, shape = self._once[inputs], values[_SHAPE]
            if inputs not in self._pairs:
                self._pairs[inputs] = _pairs(inputs)
            if shape not in self._shapes:
                self._shapes[shape] = _numbers(shape)
            steps, _, started = values[_SEARCHED].partition(" ")
            values[_SEARCHED] = Searched(values[_LAYER], values[_RUN], int(steps), started, values[_ENDED])
            for at in _DIGESTS:
                values[at] = sys.intern(values[at])
            values[_SHAPE], values[_EXEMPLARS] = self._shapes[shape], _numbers(values[_EXEMPLARS])
            unit = ReadUnit(Grown(*values), _pairs(outputs), self._pairs[inputs])
        except (KeyError, TypeError, IndexError, ValueError, AttributeError):
            return None
        self._now[entry.key] = row
        return unit

    def keep(self, entry: Entry, unit: ReadUnit) -> None:
        """Remember what was read of a record."""
        self._new = True
        values: list[Any] = [getattr(unit.grown, name) for name in _NAMES]
        searched = unit.grown.searched
        values[_SEARCHED] = f"{searched.image_steps} {searched.started}"
        for at in (_SHAPE, _EXEMPLARS):
            values[at] = " ".join(map(str, values[at]))
        for at in _PLACES:
            values[at] = self._place(values[at])
        self._now[entry.key] = [entry.digest.hex(), _line(unit.outputs), self._place(_line(unit.inputs)), *values]

    def to_bytes(self) -> bytes | None:
        """What the next generation is to be handed; None where it has that already."""
        if not self._new and len(self._now) == len(self._before):
            return None
        if self._before.keys() - self._now.keys():
            self._prune()
        told = {"code": self._code, "once": self._once, "records": self._now}
        return json.dumps(told, separators=(",", ":")).encode()

    def _prune(self) -> None:
        """Forget what only records that are gone had in common."""
        used = sorted({row[at] for row in self._now.values() for at in _PLACES_OF_ROW})
        later = {place: at for at, place in enumerate(used)}
        self._once = [self._once[place] for place in used]
        self._place_of = {_text(value): at for at, value in enumerate(self._once)}
        for row in self._now.values():
            for at in _PLACES_OF_ROW:
                row[at] = later[row[at]]

    def _place(self, value: Any) -> int:
        text = _text(value)
        if text not in self._place_of:
            self._place_of[text] = len(self._once)
            self._once.append(value)
        return self._place_of[text]


def _line(pairs: Pairs) -> str:
    return "\n".join(f"{digest} {role}" for role, digest in pairs)


def _pairs(line: str) -> Pairs:
    parts = (part.partition(" ") for part in line.split("\n")) if line else ()
    return tuple((sys.intern(role), sys.intern(digest)) for digest, _, role in parts)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def _text(value: Any) -> str:
    return f"={value}" if isinstance(value, str) else json.dumps(value, sort_keys=True)
