"""What holds of a network's OIPs where nobody chose: what an earlier version did with the same network goes on, else
all that there is of it would be computed anew.

What is swept now changes nothing about either, so that the same sweep again is the same.
"""

from collections.abc import Iterator

from lib.network.pixels import Pixels
from lib.oips.constraint import ConstraintName
from lib.oips.style import STYLES
from storage.errors import StoreError
from storage.store import Record, Store
from tasks.model.stored import StoredModel
from tasks.sweep.kinds.oip import KIND as OIP


def usual_constraint(store: Store, model: StoredModel, pixels: Pixels) -> ConstraintName:
    """`box`, but `standardised` for a network that was trained here, as the reference network is, and for one that an
    earlier version swept so, as taking pictures as they are."""
    if model.trained_here:
        return "standardised"
    if pixels.plain and any(
        record.parameters.get("constraint") == "standardised" for record in _of_earlier_versions(store, model, "pixels")
    ):
        return "standardised"
    return "box"


def usual_margin(store: Store, model: StoredModel, style: str, *, small: bool) -> bool:
    """Whether images grow on a canvas with a margin: those that are not small do, except in a style of before for a
    network that an earlier version swept without one."""
    if small or STYLES[style].recorded:
        return not small
    return not any(True for _ in _of_earlier_versions(store, model, "judge"))


def _of_earlier_versions(store: Store, model: StoredModel, setting: str) -> Iterator[Record]:
    """A record of OIPs of this network from each run that did not know a setting of sweeps yet."""
    for run in store.runs():
        key = next((unit.record for unit in run.units.values() if unit.kind == OIP.task), None)
        if key is None or setting in run.parameters:
            continue
        try:
            made = store.record(key)  # what a run grows is of one network, under one constraint
        except StoreError:  # collected since, or damaged
            continue
        if made.recipe_inputs.get("model") == model.identity:
            yield made
