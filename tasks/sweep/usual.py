"""What holds of a network's OIPs where nobody chose: what an earlier version did with the same network goes on, else
all that there is of it would be computed anew.

What is swept now changes nothing about any of these, so that the same sweep again is the same.
"""

from collections.abc import Container, Iterable, Iterator, Mapping

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
    grown = _grown_in(store, model, store.runs(), smaller) if smaller else ()
    # a size that somebody gives is said in what is made
    return {} if any(made.parameters.get("size") is None for made in grown) else smaller


def _of_earlier_versions(store: Store, model: StoredModel, setting: str) -> Iterator[Record]:
    """OIPs of this network of runs that did not know a setting of sweeps yet."""
    return _grown_in(store, model, [run for run in store.runs() if setting not in run.parameters])


def _grown_in(
    store: Store, model: StoredModel, runs: Iterable[RunRecord], layers: Container[str] | None = None
) -> Iterator[Record]:
    """A record of OIPs of this network of each of some runs, each once; `layers`: of one of these."""
    seen: dict[str, bool] = {}  # nights find the same ones
    for run in runs:
        for key in _oips_in(run, layers):
            if key in seen:
                if seen[key]:
                    break
                continue
            try:
                made = store.record(key)  # what a run grows is of one network, under one constraint
            except StoreError:  # collected since, or damaged: another one of the run tells the same
                seen[key] = False
                continue
            seen[key] = True
            if made.recipe_inputs.get("model") == model.identity:
                yield made
            break


def _oips_in(run: RunRecord, layers: Container[str] | None) -> Iterator[str]:
    """The records of the OIPs of a run."""
    for unit, made in run.units.items():
        if made.kind == OIP.task and (layers is None or unit.rpartition("/")[0] in layers):
            yield made.record
