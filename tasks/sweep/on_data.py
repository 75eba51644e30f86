"""Whether any image of the data set makes a unit respond: told, in this one place, from what its record says.

`about` is what the output `oips` says of a unit (`tasks.sweep.oip_attributes.OipAttributes`), of whichever version.
Importing this costs next to nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

OnData = Literal["active", "never"]
ACTIVE: OnData = "active"
NEVER: OnData = "never"
"""Whether any image of the data set makes a unit respond; beside its verdict, which says what its OIPs do."""

FAR = 20.0
"""An OIP to which a unit responds more than so many times as strongly as to any image of the data set is far from
anything natural."""


def on_data(about: Mapping[str, Any]) -> OnData | None:
    """Whether any image of the data set makes the unit respond; None without a data set, and for a linear unit.

    It follows from what records have always said, the response to the best exemplar, so that old ones need not be made
    anew.
    """
    responses = about["exemplar_responses"]
    if not responses or _is_signed(about):
        return None
    return ACTIVE if max(responses) > 0 else NEVER


def is_far(about: Mapping[str, Any]) -> bool:
    """Whether the best OIP is far from anything natural: of all images the data set's best does far less."""
    ratio = about["response_ratio"]
    return ratio is not None and ratio > FAR


def _is_signed(about: Mapping[str, Any]) -> bool:
    """Whether a unit is linear. Earlier versions did not say: then a response below zero that is the pre-activation."""
    if "signed" in about:
        return bool(about["signed"])
    same = all(oip["response"] == oip["pre_activation"] for oip in about["oips"])
    return same and any(response < 0 for response in _least_responses(about))


def _least_responses(about: Mapping[str, Any]) -> Iterator[float]:
    yield from about["exemplar_responses"]
    for oip in about["oips"]:
        yield oip["response"]
        curve = oip["curve"]
        # a gallery asks this of each value of every curve that a store has
        yield min(curve if None not in curve else [value for value in curve if value is not None], default=0.0)
