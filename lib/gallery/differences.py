"""In what two sets of parameters differ, by name."""

from collections.abc import Mapping
from typing import Any

Difference = tuple[str, Any, Any]

ABSENT = "not there"
"""In place of a parameter that one of two does not have: programs of different ages know different ones."""


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Every parameter that is not the same in both, as (name, first, second), in the order of the names.

    Parameters inside of others are named with both names: `growth steps`.

    >>> differences({"growth": {"steps": 96, "seed": 0}}, {"growth": {"steps": 48, "seed": 0}, "size": None})
    [('growth steps', 96, 48), ('size', 'not there', None)]
    """
    one, other = dict(_flat(first)), dict(_flat(second))
    return [
        (name, one.get(name, ABSENT), other.get(name, ABSENT))
        for name in sorted(one.keys() | other.keys())
        if name not in one or name not in other or one[name] != other[name]
    ]


def _flat(parameters: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{before}{name} ")
        else:
            found.append((f"{before}{name}", value))
    return found
