"""The constraint that images keep where none is chosen."""

from lib.network.pixels import Pixels
from lib.oips.constraint import ConstraintName
from storage.errors import StoreError
from storage.runs import RunRecord
from storage.store import Store
from tasks.model.stored import StoredModel
from tasks.sweep.kinds.oip import KIND as OIP


def usual_constraint(store: Store, model: StoredModel, pixels: Pixels) -> ConstraintName:
    """`box`, but `standardised` for a network that was trained here, as the reference network is, and for one that an
    earlier version swept so, as taking pictures as they are: else all that there is of it would be computed anew.

    What is swept now changes nothing about it, so that the same sweep again is the same.
    """
    if model.trained_here:
        return "standardised"
    if pixels.plain and any(_grew_standardised(store, run, model.identity) for run in store.runs()):
        return "standardised"
    return "box"


def _grew_standardised(store: Store, run: RunRecord, identity: str) -> bool:
    """Whether a run of a version for which there was nothing to declare grew this network's OIPs so."""
    key = next((unit.record for unit in run.units.values() if unit.kind == OIP.task), None)
    if key is None or "pixels" in run.parameters:
        return False
    try:
        made = store.record(key)  # what a run grows is of one network, under one constraint
    except StoreError:  # collected since, or damaged
        return False
    return made.recipe_inputs.get("model") == identity and made.parameters.get("constraint") == "standardised"
