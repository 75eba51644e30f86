"""What a dream is to show more of, as a person writes it: `0.7*Conv2D_2 + 0.3*Conv2D_3/56 - Conv2D_3[3:1, 17:-0.5]`.

No network is needed to read it; `check` then holds it to the layers that there are.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lib.errors import BadInput
from lib.nearest import LISTED, list_some, nearest
from lib.network.units import layers_with_units, names_to_offer

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUOTED = r'"(?:[^"]|"")*"'


@dataclass(frozen=True)
class Term:
    """A share of the objective.

    Attributes:
        weight: of the term among the others; below 0 for what is to be seen less of.
        direction: in the space of the layer's units, each with its component, by their numbers; a single unit is
            ((56, 1.0),). None stands for all units of the layer.
    """

    weight: float
    layer: str
    direction: tuple[tuple[int, float], ...] | None = None

    @property
    def name(self) -> str:
        """The term without its weight, as it is written."""
        layer = _quote(self.layer, alone=self.direction is None)
        if self.direction is None:
            return layer
        if len(self.direction) == 1 and self.direction[0][1] == 1:
            return f"{layer}/{self.direction[0][0]}"
        return f"{layer}[{', '.join(f'{unit}:{_format_number(part)}' for unit, part in self.direction)}]"


@dataclass(frozen=True)
class Mixture:
    """A weighted sum of terms."""

    terms: tuple[Term, ...]

    @classmethod
    def parse(cls, text: str, layers: Collection[str] = ()) -> "Mixture":
        """Reads terms joined by " + " and " - ", each a layer, a unit or a direction, with a weight and `*` before it.

        A name that could be read otherwise stands in quotation marks, as `"a - b"/3`; two of them within a name are
        one. `layers`: the names that there are, if known: Keras allows brackets and asterisks in a name, so what is the
        name of a layer as it stands is taken for that.

        Raises:
            BadInput: it cannot be read, or is empty.
        """
        parts, signs = _split(text)
        return cls(
            tuple(_term(part, -1.0 if sign == "-" else 1.0, layers) for sign, part in zip(signs, parts, strict=True))
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it is about, each once, in the order of the terms."""
        return tuple(dict.fromkeys(term.layer for term in self.terms))

    def check(self, units: Mapping[str, int | None]) -> None:
        """Raise BadInput for a layer or unit that there is not, with the nearest names.

        `units`: of each layer; None where that is not known, or where it has none.
        """
        for term in self.terms:
            if term.layer not in units:
                raise BadInput(f"no layer {term.layer!r}{nearest(term.layer, units, LISTED)}")
            count = units[term.layer]
            for unit, _ in term.direction or ():
                if count is not None and unit >= count:
                    raise BadInput(f"no unit {term.layer}/{unit}: {term.layer} has {count} units, 0 to {count - 1}")

    def __str__(self) -> str:
        """As it is read again: every spelling of the same mixture gives the same."""
        text = ""
        for term in self.terms:
            sign = "-" if term.weight < 0 else "+"
            weight = "" if abs(term.weight) == 1 else f"{_format_number(abs(term.weight))}*"
            text += f" {sign} {weight}{term.name}" if text else f"{'-' if sign == '-' else ''}{weight}{term.name}"
        return text


def mixture_of(model: Any, text: str) -> Mixture:
    """The mixture that a text means for a Keras model.

    Where it is empty, all maps of the last convolution that sees space: what stands behind global pooling has one
    position, and a picture dreamed by it shows nothing anywhere.

    Raises:
        BadInput: as `Mixture.parse` and `Mixture.check`; an empty text for a model without convolution.
    """
    layers = list(layers_with_units(model))
    if text.strip():
        mixture = Mixture.parse(text, [layer.name for layer in layers])
        mixture.check({layer.name: layer.units for layer in layers})
        return mixture
    convolutions = [layer.name for layer in layers if layer.default]
    if not convolutions:
        others = list_some(names_to_offer(layers), LISTED)
        raise BadInput(
            f"model {model.name!r} has no convolution that sees space: "
            f"name as objective one of {others or 'its layers'}"
        )
    return Mixture((Term(1.0, convolutions[-1]),))


def _split(text: str) -> tuple[list[str], list[str]]:
    """The terms, and the sign before each."""
    parts, signs, at = [""], ["+"], 0
    for found in re.finditer(rf"{_QUOTED}|\s([+-])\s", text):
        parts[-1] += text[at : found.start()]
        at = found.end()
        if found[1]:
            parts.append("")
            signs.append(found[1])
        else:
            parts[-1] += found[0]
    parts[-1] += text[at:]
    return [part.strip() for part in parts], signs


def _quote(layer: str, *, alone: bool) -> str:
    """A layer's name as it is read again: in quotation marks where a part of it would be read as something else."""
    signs = re.search(r"(?:^|\s)[+-](?:\s|$)", layer) or '"' in layer or layer != layer.strip()
    weight = not alone and re.match(rf"-|{_NUMBER}\s*\*", layer)
    return '"' + layer.replace('"', '""') + '"' if signs or weight else layer


def _term(text: str, sign: float, layers: Collection[str]) -> Term:
    if text in layers:
        return Term(sign, text)
    found = re.fullmatch(rf"(-?)\s*(?:({_NUMBER})\s*\*)?\s*(.*)", text, re.DOTALL)
    assert found is not None
    minus, number, name = found.groups()
    weight = sign * (-1.0 if minus else 1.0) * float(number or 1)
    if not name or weight == 0 or not math.isfinite(weight):
        raise BadInput(
            f"{text!r} is no term of an objective: write a layer, a unit or a direction, as Conv2D_3, "
            "0.3*Conv2D_3/56 or Conv2D_3[3:1, 17:-0.5], and join terms by ' + ' or ' - '"
        )
    if name in layers:
        return Term(weight, name)
    quoted = re.fullmatch(rf"({_QUOTED})(/[0-9]+|\[.*\])?", name, re.DOTALL)
    if quoted:
        layer, rest = quoted[1][1:-1].replace('""', '"'), quoted[2] or ""
        if rest.startswith("/"):
            return Term(weight, layer, ((int(rest[1:]), 1.0),))
        return Term(weight, layer, _direction(name, rest[1:-1]) if rest else None)
    if unit := re.fullmatch(r"(.+)/([0-9]+)", name):
        return Term(weight, unit[1], ((int(unit[2]), 1.0),))
    if direction := re.fullmatch(r"(.+)\[(.*)\]", name):
        return Term(weight, direction[1], _direction(name, direction[2]))
    return Term(weight, name)


def _direction(name: str, text: str) -> tuple[tuple[int, float], ...]:
    parts: dict[int, float] = {}
    for part in text.split(","):
        found = re.fullmatch(rf"\s*([0-9]+)\s*:\s*(-?{_NUMBER})\s*", part)
        if not found or int(found[1]) in parts or not math.isfinite(float(found[2])):
            raise BadInput(
                f"{name!r} is no direction: write each unit once, with its component, as Conv2D_3[3:1, 17:-0.5]"
            )
        parts[int(found[1])] = float(found[2])
    if not any(parts.values()):
        raise BadInput(f"{name!r} has no direction: give one unit a component other than 0")
    return tuple(sorted((unit, part) for unit, part in parts.items() if part))


def _format_number(number: float) -> str:
    return repr(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
