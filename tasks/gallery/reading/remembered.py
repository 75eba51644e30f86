"""What an earlier generation of a gallery read of the records of OIPs: they are many and long, and never change.

What stands for a record in the index is a digest of all that it says, so what is remembered under that digest is what
would be read. Whatever cannot be understood, or comes from other code, is forgotten, and records are read as at first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from storage.index import Entry
from storage.record import Record
from tasks.gallery.reading.swept import Grown
from tasks.sweep.image_steps import Searched

_NAMES = tuple(field.name for field in fields(Grown))
_ONCE = ("layer", "identity", "model", "train_imgs", "run", "verdict", "on_data", "constraint", "settings", "style")
"""What many units have in common is written once for all of them."""
_PLACES = tuple(at for at, name in enumerate(_NAMES) if name in _ONCE)
_SHAPE, _SEARCHED, _EXEMPLARS = (_NAMES.index(name) for name in ("shape", "searched", "exemplars"))

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
            tuple((output.role, output.digest) for output in record.outputs),
            tuple((item.role, item.digest) for item in record.inputs),
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
        self._pairs: dict[int, Pairs] = {}
        try:
            told = json.loads(data) if data is not None else None
            if told is not None and told["code"] == code:
                once = list(told["once"])
                self._pairs = {at: _pairs(value) for at, value in enumerate(once) if isinstance(value, list)}
                self._once, self._before = once, dict(told["records"])
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
            values[_SHAPE], values[_EXEMPLARS] = tuple(values[_SHAPE]), tuple(values[_EXEMPLARS])
            values[_SEARCHED] = Searched(*values[_SEARCHED])
            unit = ReadUnit(Grown(*values), _pairs(outputs), self._pairs[inputs])
        except (KeyError, TypeError, IndexError, ValueError):
            return None
        self._now[entry.key] = row
        return unit

    def keep(self, entry: Entry, unit: ReadUnit) -> None:
        """Remember what was read of a record."""
        self._new = True
        values: list[Any] = [getattr(unit.grown, name) for name in _NAMES]
        for at in _PLACES:
            values[at] = self._place(values[at])
        self._now[entry.key] = [entry.digest.hex(), unit.outputs, self._place(unit.inputs), *values]

    def to_bytes(self) -> bytes | None:
        """What the next generation is to be handed; None where it has that already."""
        if not self._new and len(self._now) == len(self._before):
            return None
        told = {"code": self._code, "once": self._once, "records": self._now}
        return json.dumps(told, separators=(",", ":")).encode()

    def _place(self, value: Any) -> int:
        text = _text(value)
        if text not in self._place_of:
            self._place_of[text] = len(self._once)
            self._once.append(value)
        return self._place_of[text]


def _pairs(values: Any) -> Pairs:
    return tuple((role, digest) for role, digest in values)


def _text(value: Any) -> str:
    return f"={value}" if isinstance(value, str) else json.dumps(value, sort_keys=True)
