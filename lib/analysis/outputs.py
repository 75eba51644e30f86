"""What an output of a network says of a labelled set, where that is no class: labels that may hold together, values."""

from typing import TypedDict

import numpy as np

from lib.arrays import Integers, Reals

YES = 0.5
"""The probability from which a label counts as given."""


class LabelSummary(TypedDict):
    """One label of several that may hold at once.

    `accuracy`: the share of images of which it is rightly said that they have it or have it not; None where the set
    does not say. `has`: the share that has it, None likewise; `given`: the share of which the network says so.
    """

    name: str
    accuracy: float | None
    has: float | None
    given: float


class ValueSummary(TypedDict):
    """One value of a regression, over all images."""

    mean: float
    deviation: float
    least: float
    greatest: float


def sum_up_labels(probabilities: Reals, labels: Integers, names: list[str]) -> list[LabelSummary]:
    """Of each label, how often it is right, from probabilities [N, K].

    Args:
        labels: [N], from 0 to K - 1: the one label that each image has.
        names: of the labels; where there are not K, the set has others, and nothing is right or wrong.
    """
    given = np.asarray(probabilities) >= YES
    many = given.shape[1]
    fits = len(names) == many
    found = []
    for at in range(many):
        has = np.asarray(labels) == at
        found.append(
            LabelSummary(
                name=names[at] if fits else str(at),
                accuracy=float((given[:, at] == has).mean()) if fits else None,
                has=float(has.mean()) if fits else None,
                given=float(given[:, at].mean()),
            )
        )
    return found


def sum_up_values(values: Reals) -> list[ValueSummary]:
    """Of each value, [N, K], where it lies."""
    doubles = np.asarray(values, np.float64)
    return [
        ValueSummary(
            mean=float(one.mean()), deviation=float(one.std()), least=float(one.min()), greatest=float(one.max())
        )
        for one in doubles.T
    ]
