"""Pixels that are asked for, held against what can be declared of a model."""

from lib.errors import BadInput
from lib.network.pixels import Pixels
from tasks.model.stored import StoredModel


def refuse_for_trained(stored: StoredModel | None, asked: str | None) -> None:
    """Raise BadInput for pixels of a network that is trained here (None: of one that will be): these take 0..1."""
    if asked is None or Pixels.parse(asked).plain or (stored is not None and not stored.trained_here):
        return
    name = "a network that is trained here" if stored is None else stored.name
    raise BadInput(f"{name} takes pixels 0..1, as it was trained on them, and not {asked}: leave pixels out")
