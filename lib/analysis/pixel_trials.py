"""Which pixels a network takes, as far as pictures tell: the candidates are tried, and what each gives is compared.

With labels the accuracy decides, and only where it leaves no doubt: the best is far above chance, sure of what it says,
and ahead of every other by more than chance explains. Networks with normalisation do nearly as well with several
candidates, and networks that were never trained with none: then nothing is chosen, and somebody is to be asked. Without
labels there is only how many units tell the pictures apart, which seldom decides.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lib import stop
from lib.analysis.chance import RARE, Order, Worth, at_least, better_by_chance, find_order, losses_of, worth_of
from lib.analysis.classifier import Classifier, classifier_of
from lib.analysis.predictions import Predictions
from lib.arrays import Bools, Doubles, Integers, Reals
from lib.network.graph import LOCK
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels, named
from lib.network.trunk import responses_of
from lib.network.units import layers_with_units
from lib.words import percent

MOST = 256
"""So many pictures are looked at, at most."""
_FEWER = {96 * 96: 256, 160 * 160: 128}
_FEWEST, _UNLABELLED = 64, 48
_BATCH = 16
_SURE = 0.6
"""The mean loss is at most this share of that of a guess."""
_VARIES = 0.05
"""A unit tells pictures apart where its responses deviate from their mean by more than this share of it."""
_GREY = 0.5
_LITTLE = 0.03
"""Of loss: where all is right and sure, more contrast makes it surer still."""
_CLOSE = 0.05
_LOOK = 0.5, 0.05
"""Without labels: the least share of units that tells pictures apart, and the most of all other candidates'."""

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of showing pictures as these pixels: predictions where there are labels, or else the `spread`.

    `spread`: the share of units that tell the pictures apart.
    """

    pixels: Pixels
    predictions: Predictions | None = None
    spread: float | None = None

    @cached_property
    def right(self) -> Bools:
        """Which pictures it is right on."""
        assert self.predictions is not None
        return np.asarray(self.predictions.predicted == self.predictions.labels)

    @cached_property
    def losses(self) -> Doubles:
        """The loss of each prediction."""
        assert self.predictions is not None
        return losses_of(self.predictions.probabilities, self.predictions.labels)

    @cached_property
    def worth(self) -> Worth:
        """What the accuracy is worth."""
        assert self.predictions is not None
        return worth_of(self.predictions)

    @property
    def loss(self) -> float:
        """The mean of them."""
        return float(self.losses.mean())

    def beats(self, other: "Trial") -> bool:
        """Whether it is better than the other by more than chance explains."""
        if self.predictions is None or other.predictions is None:
            least, most = _LOOK
            return (self.spread or 0.0) >= least and (other.spread or 0.0) <= most
        return better_by_chance(self.right, other.right) <= RARE

    def __str__(self) -> str:
        """As "caffe 97.3 %"."""
        share = self.spread if self.predictions is None else self.predictions.accuracy
        return f"{self.pixels} {percent(share, 1)}"


@dataclass(frozen=True, eq=False)
class Choice:
    """What the trials come to: `chosen`, where it is clear. `order`: another one of the classes that evidently fits."""

    trials: tuple[Trial, ...]
    chosen: Trial | None
    order: Order | None = None

    def __str__(self) -> str:
        """What each candidate gave, in one line."""
        images = next((len(one.right) for one in self.trials if one.predictions is not None), None)
        gave = ", ".join(map(str, self.trials))
        if images is None:
            return f"units that respond otherwise to other images: {gave}"
        return f"accuracy on {images} test images: {gave}"


def candidates(channels: int) -> dict[str, Pixels]:
    """The declarations that have a name and suit so many channels, by it."""
    return {name: pixels for name, pixels in named().items() if pixels.fits(channels)}


def how_many(height: int, width: int, *, labelled: bool) -> int:
    """So many pictures of this size are looked at: a large network takes a second for a few."""
    most = next((count for area, count in _FEWER.items() if height * width <= area), _FEWEST)
    return most if labelled else _UNLABELLED


def pick_evenly(labels: Integers | None, count: int, most: int = MOST) -> Integers:
    """Numbers of at most `most` images of `count`, rising; with labels as many of each class as there are.

    The same ones for ever.
    """
    if labels is None:
        return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))
    order = np.random.default_rng(0).permutation(count)
    rank = np.zeros(count, np.int64)
    shuffled = np.asarray(labels)[order]
    for label in np.unique(shuffled):
        own = order[shuffled == label]
        rank[own] = np.arange(len(own))
    of_each = np.lexsort((labels, rank))
    present = len(np.unique(labels))
    if present > most:  # not the first classes alone
        of_each = of_each[:present][np.linspace(0, present - 1, most).astype(np.int64)]
    return np.sort(of_each[:most]).astype(np.int64)


def find_by_trial(
    model: KerasModel, pictures: Reals, labels: Integers | None, classes: int | None, progress: Progress | None = None
) -> Choice:
    """What trying all candidates comes to.

    Args:
        model: as its owner saved it, not adapted.
        pictures: within 0..1, [N, H, W, C], that the network was not trained on (`pick_evenly`).
        labels: of them, from 0, [N]; None where there are none.
        classes: how many there are; where the network's outputs are no classes, or others by number, labels tell
            nothing.
        progress: is told what is tried.

    Raises:
        BadInput: a model that cannot be read.
    """
    shown = _Shown(model, pictures, labels, classes)
    colours = pictures.shape[-1] == 3
    trials = shown.tried(candidates(int(pictures.shape[-1])).values(), progress)
    choice = choose(trials)
    if not shown.classified:
        return choice
    if choice.chosen is not None:
        best = choice.chosen
        # where colours matter little, nobody knows their order
        if not colours or _is_surer(best, shown.tried([_turned(best.pixels)], progress)[0]):
            choice = choose(trials, shown.tried(_rivals(best.pixels, pictures), progress))
        else:
            choice = Choice(tuple(trials), None)
    if choice.chosen is None and colours:  # these have no names: they are shown to whoever is asked
        best = max(trials, key=lambda one: one.worth.accuracy)
        turned = shown.tried((_turned(one.pixels) for one in trials), progress)
        if better := [one for one in turned if one.worth.good and one.beats(best)]:
            return Choice((*trials, *better), None)  # what looked as another order of the classes was none
    return choice


def try_pixels(model: KerasModel, pixels: Pixels, pictures: Reals, labels: Integers, classes: int) -> Trial | None:
    """The predictions with these pixels; None where the network's outputs are no classes, or others by number."""
    shown = _Shown(model, pictures, labels, classes)
    return shown.tried([pixels], None)[0] if shown.classified else None


def try_turned(model: KerasModel, pixels: Pixels, pictures: Reals, labels: Integers, classes: int) -> Trial | None:
    """The same with red for blue; None where the network does not take three channels."""
    turned = _turned(pixels)
    return try_pixels(model, turned, pictures, labels, classes) if turned.fits(pictures.shape[-1]) else None


def choose(trials: Sequence[Trial], rivals: Iterable[Trial] = ()) -> Choice:
    """The candidate that is right, where that is clear.

    `rivals` are chosen never; where one is better than the best of the trials, nothing is clear. Trials that are shown
    to be no classes are compared by their spread.
    """
    tried = tuple(trials)
    if any(one.predictions is None for one in tried):
        return Choice(tried, _widest(tried))
    best = max(tried, key=lambda one: (one.right.mean(), -one.loss))
    assert best.predictions is not None
    orders = [found for one in tried if one.predictions is not None and (found := find_order(one.predictions))]
    order = max(orders, key=lambda one: one.accuracy, default=None)
    if order is not None and order.accuracy <= best.right.mean() + _CLOSE:  # as it stands the order does as well
        order = None
    worth = best.worth
    doubt = RARE / len(tried)
    clear = (
        order is None
        and at_least(worth.right, worth.images, worth.chance) <= doubt
        and worth.good
        and best.loss <= _SURE * math.log(worth.classes)
        and all(best.loss < one.loss for one in tried if one is not best)
        and all(better_by_chance(best.right, one.right) <= doubt for one in tried if one is not best)
        # a picture or two are enough to doubt
        and not any(_may_be_better(one, best) for one in rivals)
    )
    return Choice(tried, best if clear else None, order)


def _may_be_better(one: Trial, other: Trial) -> bool:
    """Whether there is reason to think that the first is nearer to what the network takes: by 1 in 20, not by proof."""
    if better_by_chance(one.right, other.right) <= 50 * RARE:
        return True
    return _is_surer(one, other) and other.loss - one.loss > max(0.1 * other.loss, _LITTLE)


def _is_surer(one: Trial, other: Trial) -> bool:
    """Whether the first has less loss, by more than chance explains one time in forty."""
    gains = other.losses - one.losses
    error = gains.std(ddof=1) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return bool(gains.mean() > 2 * error)


def _widest(trials: Sequence[Trial]) -> Trial | None:
    least, most = _LOOK
    spreads = sorted((one.spread or 0.0 for one in trials), reverse=True)
    if len(spreads) < 2 or spreads[0] < least or spreads[1] > most:
        return None
    return max(trials, key=lambda one: one.spread or 0.0)


def _rivals(best: Pixels, pictures: Reals) -> Iterator[Pixels]:
    """What has no name, and may be what is right where the best of the named is only near it."""
    means = np.asarray(pictures.mean(axis=(0, 1, 2), dtype=np.float64))
    deviations = np.asarray(pictures.std(axis=(0, 1, 2), dtype=np.float64))
    if (deviations > 0).all():
        yield Pixels(tuple(means.tolist()), tuple(deviations.tolist()))
    # brighter, darker, of more contrast and of less: what is right is better than all that is around it
    for shift, contrast in ((0.25, 1.0), (-0.25, 1.0), (0.0, 2.0), (0.0, 0.5)):
        about = [_GREY + (mean - _GREY) / contrast + shift for mean in best.mean]
        yield Pixels(tuple(about), tuple(deviation / contrast for deviation in best.deviation), best.bgr)


def _turned(pixels: Pixels) -> Pixels:
    """The same with the colours in the other order, each with its own mean."""
    return Pixels(pixels.mean[::-1], pixels.deviation[::-1], not pixels.bgr)


class _Shown:
    """A network and the pictures that it is shown; traced once, whatever they are shown as."""

    def __init__(self, model: KerasModel, pictures: Reals, labels: Integers | None, classes: int | None) -> None:
        self._pictures, self._labels = pictures, labels
        classifier = None if labels is None else classifier_of(model, classes)
        fits = classifier is not None and classifier.classes == classes
        self._classifier: Classifier | None = classifier if fits else None
        self._respond = None if fits else _respond(model, pictures.shape[1:])

    @property
    def classified(self) -> bool:
        """Whether labels tell anything of the network's outputs."""
        return self._classifier is not None

    def tried(self, pixels: Iterable[Pixels], progress: Progress | None) -> list[Trial]:
        trials = []
        for one in pixels:
            if progress:
                progress(str(one))
            trials.append(self._try(one))
        return trials

    def _try(self, pixels: Pixels) -> Trial:
        images = pixels.to_network(self._pictures)
        if self._classifier is not None:
            assert self._labels is not None
            found = self._classifier.of(images, batch=_BATCH)
            return Trial(pixels, predictions=Predictions(found.probabilities, self._labels))
        assert self._respond is not None
        return Trial(pixels, spread=share_that_tells(self._respond(images)))


def share_that_tells(responses: Reals) -> float:
    """The share of units, of responses [N, units], that tell pictures apart."""
    if not responses.shape[1]:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        values = responses.astype(np.float64)
        means, deviations = np.abs(values).mean(axis=0), values.std(axis=0)
        telling = deviations > _VARIES * means
    return float((telling & (means > 0) & np.isfinite(means) & np.isfinite(deviations)).mean())


def _respond(model: Any, shape: tuple[int, ...]) -> Callable[[Reals], Reals]:
    """A function from images [N, *shape] to the responses of all units, [N, units]."""
    import tensorflow as tf

    layers = [layer.name for layer in layers_with_units(model)]
    trunk = responses_of(model, layers, size=(shape[0], shape[1]))

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.float32)], autograph=False)
    def respond(images: Any) -> Any:
        return tf.concat([responses for responses, _ in trunk(images).values()], axis=1)

    with LOCK:
        respond.get_concrete_function()

    def of(images: Reals) -> Reals:
        parts = []
        for at in range(0, len(images), _BATCH):
            stop.look()
            parts.append(np.asarray(respond(images[at : at + _BATCH])))
        return np.concatenate(parts)

    return of
