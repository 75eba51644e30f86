"""The judge of a sweep's pictures, found by its name and held against what it is to judge, as far as records tell."""

from flows.forms.field_types import is_model_file
from lib.errors import BadInput
from lib.naturalness.judging import FEWEST
from lib.responses.exemplars import BEST
from storage.store import Store
from tasks.model.checkpoints import checkpoints_of, identity_of, network_output
from tasks.model.stored import StoredModel, find_model


def find_judge(store: Store, name: str, swept: StoredModel | None) -> StoredModel:
    """The model of the store that is to judge. Raises BadInput where there is none of this name, and for one that has
    seen no more than the swept network has: the same one, or another moment of its training.

    Args:
        swept: None where that is not known yet.
    """
    if is_model_file(name):
        raise BadInput(f"the judge is a model of the store, and {name} is a file: register it first, and give its name")
    judge = find_model(store, name)
    if swept is not None and _networks(store, judge) & _networks(store, swept):
        raise BadInput(
            f"the judge {judge.name} is the swept network itself, or of the same training, and would find what it has "
            "made: name a network of another training"
        )
    return judge


def need_images(count: int | None) -> None:
    """Raise BadInput where there are no natural images to judge by (None), or too few."""
    if count is None:
        raise BadInput("a judge needs natural images, and there is no data set: name one with --data")
    needed = FEWEST + 2 * BEST  # exemplars of a unit under two constraints, at most, are left out
    if count < needed:
        raise BadInput(
            f"a judge needs {needed} images, as those that show a unit are left out, and the data set has {count}: "
            "name a larger one with --data"
        )


def _networks(store: Store, model: StoredModel) -> set[str]:
    """What a network is known by: its own identity, and those of the checkpoints that it came from."""
    return {network_output(model.record).identity or model.digest} | {
        identity_of(one) for one in checkpoints_of(store, model.record).values()
    }
