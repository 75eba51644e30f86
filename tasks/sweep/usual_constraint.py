"""The constraint that images keep where none is chosen."""

from lib.network.pixels import Pixels
from lib.oips.constraint import ConstraintName
from storage.errors import StoreError
from storage.store import Store
from tasks.model.pixels import pixels_of
from tasks.model.stored import StoredModel
from tasks.sweep.kinds.oip import KIND as OIP


def usual_constraint(store: Store, model: StoredModel, pixels: Pixels) -> ConstraintName:
    """`box`, but `standardised` for a network that was trained here, as the reference network is, and for one that was
    swept so before, as taking the same pixels: else all that there is of it would be computed anew."""
    if model.trained_here:
        return "standardised"
    for run in store.runs():
        # what a run grows is of one network, under one constraint
        key = next((unit.record for unit in run.units.values() if unit.kind == OIP.task), None)
        if key is None:
            continue
        try:
            made = store.record(key)
        except StoreError:  # collected since, or damaged
            continue
        if made.recipe_inputs.get("model") != model.identity or str(pixels_of(made.parameters)) != str(pixels):
            continue
        if made.parameters.get("constraint") == "standardised":
            return "standardised"
    return "box"
