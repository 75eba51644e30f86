"""What holds of a network's OIPs where nobody chose: what an earlier version did with the same network goes on, else
all that there is of it would be computed anew.

What is swept now changes nothing about either, so that the same sweep again is the same.
"""

from collections.abc import Container, Iterator, Mapping

from lib.network.pixels import Pixels
from lib.oips.constraint import ConstraintName
from lib.oips.style import STYLES
from storage.errors import StoreError
from storage.runs import RunRecord
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


def usual_sizes(
    store: Store, model: StoredModel, smaller: Mapping[str, tuple[int, int]]
) -> Mapping[str, tuple[int, int]]:
    """The sizes of the images of layers that have `smaller` ones than the network's own: none, for a network of which
    such a layer was swept at the network's own size without being told to, as earlier versions did."""
    for run in store.runs() if smaller else ():
        made = _made_in(store, run, model, smaller)
        if made is not None and made.parameters.get("size") is None:  # a size that is given is said
            return {}
    return smaller


def _of_earlier_versions(store: Store, model: StoredModel, setting: str) -> Iterator[Record]:
    """A record of OIPs of this network from each run that did not know a setting of sweeps yet."""
    for run in store.runs():
        if setting not in run.parameters and (made := _made_in(store, run, model)) is not None:
            yield made


def _made_in(store: Store, run: RunRecord, model: StoredModel, layers: Container[str] | None = None) -> Record | None:
    """A record of OIPs of this network in a run, which grows all under one constraint; of one of some layers."""
    for unit, made in run.units.items():
        if made.kind == OIP.task and (layers is None or unit.rpartition("/")[0] in layers):
            try:
                record = store.record(made.record)
            except StoreError:  # collected since, or damaged
                return None
            return record if record.recipe_inputs.get("model") == model.identity else None
    return None
