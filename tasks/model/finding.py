"""What a model takes of which nothing is declared: its own layers say it, or pictures of its data set do, or nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from typing_extensions import TypedDict

from lib.analysis.chance import Order, Worth, find_order, worth_of
from lib.analysis.pixel_trials import Choice, Trial, find_by_trial, how_many, pick_evenly, try_pixels, try_turned
from lib.analysis.predictions import Predictions
from lib.arrays import Floats, Integers
from lib.errors import Question
from lib.network.found_pixels import Found, find_pixels
from lib.network.keras_model import KerasModel
from lib.network.pixels import FORMS, Pixels
from lib.words import percent
from storage.document import Json
from storage.store import Record, Store
from tasks.model.data import DataParameters
from tasks.session.attributes import read_as
from tasks.session.progress import report

_PROGRESS = "trying pixels"


@dataclass(frozen=True)
class Looked:
    """Test images of a data set that a network is looked at with, [N, H, W, C] within 0..1, and what they are of."""

    images: Floats
    labels: Integers | None
    classes: Sequence[str]
    digests: dict[str, Json]


def images_to_look_at(store: Store, data: Record | None, model: KerasModel) -> Looked | None:
    """A few hundred test images, the same ones for ever; None where there are none that the network takes."""
    if data is None:
        return None
    images, labels = data.output("test_imgs"), data.output("test_labels")
    shape = tuple(images.shape or ())
    wanted = model.input_shape[1:]
    if not shape or not shape[0] or any(w not in (None, h) for w, h in zip(wanted, shape[1:], strict=True)):
        return None
    parameters = read_as(DataParameters, data.parameters)
    numbers = np.asarray(store.array(labels.digest))
    classes = parameters["classes"]
    labelled = len(classes) > 1 and len(numbers) == shape[0]
    picked = pick_evenly(numbers if labelled else None, shape[0], how_many(*shape[1:3], labelled=labelled))
    digests: dict[str, Json] = {"test_imgs": images.digest, "test_labels": labels.digest}
    return Looked(
        np.asarray(store.array(images.digest)[picked], np.float32),
        numbers[picked] if labelled else None,
        classes,
        digests,
    )


def find_what_it_takes(
    name: str, model: KerasModel, looked: Looked | None, *, used_as_plain: bool = False
) -> Found | None:
    """What the model takes, and why; None where it goes on as before, as taking 0..1.

    What its layers say is held against its accuracy: only where that is no better than chance, and pictures clearly say
    something else, they are not believed.

    Args:
        name: of the model, for messages.
        model: as it was saved.
        looked: what it is tried with.
        used_as_plain: an earlier version used it as taking 0..1. Where nothing speaks against that, it stays so.

    Raises:
        Question: nothing says it clearly.
    """
    found = find_pixels(model)
    if found is not None and (looked is None or not _doubtful(model, found, looked)):
        return found
    if looked is None:
        if used_as_plain:
            return None
        raise Question(
            "Pixels", f"it is not known which pixels {name} takes, and there are no images to try: {_CHOOSE}"
        )
    choice = _try_all(model, looked)
    chosen = choice.chosen
    if chosen is not None and (found is None or str(chosen.pixels) == str(found.pixels)):
        return Found(chosen.pixels, _because(choice, chosen))
    if found is not None:
        if chosen is None:  # nothing clear speaks against it: the accuracy is warned of
            return found
        raise Question("Pixels", f"it is not clear which pixels {name} takes: {found.because}, but {choice}: {_CHOOSE}")
    if used_as_plain and not _against(choice):
        return None
    order = "" if choice.order is None else f"; {_SHUFFLED}"
    raise Question("Pixels", f"it is not clear which pixels {name} takes; {choice}{order}: {_CHOOSE}")


_CHOOSE = f"choose from {FORMS}"
_SHUFFLED = "the classes seem to be in another order than the outputs"


def _doubtful(model: KerasModel, found: Found, looked: Looked) -> bool:
    trial = _tried(model, found.pixels, looked)
    return trial is not None and trial.worth.near_chance


def _tried(model: KerasModel, pixels: Pixels, looked: Looked) -> Trial | None:
    if looked.labels is None:
        return None
    return try_pixels(model, pixels, looked.images, looked.labels, len(looked.classes))


def _try_all(model: KerasModel, looked: Looked) -> Choice:
    tried: list[str] = []

    def told(name: str) -> None:
        report(_PROGRESS, len(tried), len(tried) + 1, name, of="kinds")
        tried.append(name)

    choice = find_by_trial(model, looked.images, looked.labels, len(looked.classes), told)
    report(_PROGRESS, len(tried), len(tried), of="kinds")
    return choice


def _because(choice: Choice, chosen: Trial) -> str:
    """As "its accuracy on 256 test images is 97.3 % with them, and 41.0 % at most with others"."""
    if chosen.predictions is None:
        share = percent(chosen.spread, 1)
        return f"{share} of its units respond otherwise to other images with them, and nearly none with any other"
    others = max((float(one.right.mean()) for one in choice.trials if one is not chosen), default=0.0)
    accuracy = chosen.predictions.accuracy
    return (
        f"its accuracy on {len(chosen.right)} test images is {percent(accuracy, 1)} with them, and "
        f"{percent(others, 1)} at most with others"
    )


def _against(choice: Choice) -> bool:
    """Whether the trials speak against 0..1: another does better than chance explains."""
    plain = next((one for one in choice.trials if one.pixels.plain), None)
    return plain is None or any(one.beats(plain) for one in choice.trials if one is not plain)


class Checked(TypedDict):
    """How often a network is right on a few hundred test images, as a run's summary has it.

    `of`: which network, pixels and images; `warnings`: what whoever trusts the network should know.
    """

    of: dict[str, Json]
    images: int
    accuracy: float
    warnings: list[str]


def check(model: KerasModel, pixels: Pixels, looked: Looked, of: dict[str, Json]) -> Checked | None:
    """None where the network's outputs are no classes, or others by number."""
    trial = _tried(model, pixels, looked)
    if trial is None or trial.predictions is None:
        return None
    predictions = trial.predictions
    return Checked(
        of=of,
        images=len(predictions.labels),
        accuracy=predictions.accuracy,
        warnings=doubts_of(model, pixels, predictions, looked),
    )


def worth_on(model: KerasModel, pixels: Pixels, looked: Looked) -> Worth | None:
    """What the accuracy on test images is worth, in whichever order the outputs are; None where they are no classes,
    or others by number, and where there are no labels."""
    trial = _tried(model, pixels, looked)
    if trial is None or trial.predictions is None:
        return None
    worth, order = worth_of(trial.predictions), find_order(trial.predictions)
    return worth if order is None else replace(worth, right=round(order.accuracy * worth.images))


def doubts_of(model: KerasModel, pixels: Pixels, predictions: Predictions, looked: Looked) -> list[str]:
    """What is to be said of predictions of the data set's test images, in whole sentences, if anything."""
    worth, order = worth_of(predictions), find_order(predictions)
    if (order is not None or worth.near_chance) and looked.labels is not None:
        # red for blue looks as one class for another
        turned = try_turned(model, pixels, looked.images, looked.labels, len(looked.classes))
        good = worth.chance + (1 - worth.chance) / 2 if order is None else (worth.accuracy + order.accuracy) / 2
        if turned is not None and turned.right.mean() >= good and turned.worth.proven:
            return [
                f"The accuracy on test images, {percent(worth.accuracy, 1)}, would be "
                f"{percent(float(turned.right.mean()), 1)} with red for blue: the network may take {turned.pixels}."
            ]
    return warnings_of(worth, order, looked.classes)


def warnings_of(worth: Worth, order: Order | None, classes: Sequence[str]) -> list[str]:
    """The same, where it is known that the colours are not the reason."""
    if order is not None:
        moved = [(number, output) for number, output in enumerate(order.outputs) if number != output]
        said = ", ".join(f"output {output} for {classes[number]}" for number, output in moved[:3])
        return [
            f"The classes of the data set seem to be in another order than the network's outputs: its accuracy is "
            f"{percent(worth.accuracy, 1)} as they stand, and {percent(order.accuracy, 1)} with {said}"
            f"{' and so on' if len(moved) > 3 else ''}. Classes are taken in the order of their names."
        ]
    if worth.near_chance:
        return [
            f"The accuracy on {worth.images} test images, {percent(worth.accuracy, 1)}, is near chance or below it: "
            f"naming one class always gives {percent(worth.chance, 1)}. The network may take other pixels, or was "
            "trained on other classes."
        ]
    return []
