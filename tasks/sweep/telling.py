"""Whether a network's units tell the images of the data set apart at all, from what the sweep counted of them.

Units that answer alike to whatever picture were mostly shown pictures that the network does not take: beside its
biases, numbers of 0..1 are as nothing to a network that was trained on 0..255.
"""

from collections.abc import Sequence

import numpy as np

from lib.arrays import Bools, Integers
from lib.words import count
from tasks.sweep.context import SweepContext
from tasks.sweep.exemplars import exemplars_recipe
from tasks.sweep.responses import responses_recipe

NEARLY_ALL = 0.95
_BINS = 2
"""Responses to all images lie in so many neighbouring bins: they differ by less than a tenth of the greatest."""


def telling_warnings(context: SweepContext, layers: Sequence[str]) -> list[str]:
    """A warning, as a whole sentence, where nearly no unit of the layers tells images apart."""
    told = [found for layer in layers if (found := _tell_apart(context, layer)) is not None]
    if not told:
        return []
    telling = np.concatenate(told)
    if telling.mean() > 1 - NEARLY_ALL:
        return []
    return [
        f"{count(int((~telling).sum()))} of {count(len(telling))} units respond alike to all images of the data set: "
        "the network may take other pixels."
    ]


def tell_apart(histogram: Integers, silent: Integers) -> Bools:
    """Which units, [units], respond otherwise to some images than to others.

    `histogram` [units, classes, bins] and `silent` [units, classes] are as in `lib.responses.statistics.Surveyed`.
    """
    counts = histogram.sum(axis=1) > 0
    bins = counts.shape[1]
    first, last = counts.argmax(axis=1), bins - 1 - counts[:, ::-1].argmax(axis=1)
    responds, rests = counts.any(axis=1), silent.sum(axis=1) > 0
    return np.asarray(responds & (rests | (last - first >= _BINS)))


def _tell_apart(context: SweepContext, layer: str) -> Bools | None:
    """None where nothing was counted."""
    if context.natural is None or context.natural.labels is None:
        return None
    recipe = responses_recipe(context, context.natural.labels, exemplars_recipe(context, layer))
    record = context.session.find(recipe)
    if record is None:
        return None
    arrays = (np.asarray(context.session.store.array(record.output(role).digest)) for role in ("histogram", "silent"))
    return tell_apart(*arrays)
