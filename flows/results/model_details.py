"""All that is known of one model: what `dreamsweep models show` shows."""

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from flows.results.models import ModelNote, describe_model
from tasks.model.model_names import uses_of_record
from tasks.sweep.image_steps import milliseconds_of

if TYPE_CHECKING:
    from storage.store import Record, Store
    from tasks.model.layers import LayerRow, LayerTable, Tensor


class UsedBy(TypedDict):
    """A run that used a model."""

    run: str
    flow: str
    state: str
    opened: str


class ModelDetails(ModelNote):
    """A model with its layers, the names and shapes of what goes in and comes out, and the runs that used it.

    `milliseconds`: of an image-step in the latest sweep, by layer; only of layers that were swept.
    """

    layers: "list[LayerRow]"
    inputs: "list[Tensor]"
    outputs: "list[Tensor]"
    milliseconds: dict[str, float]
    runs: list[UsedBy]


def model_details(store: "Store", record: "Record", table: "LayerTable") -> ModelDetails:
    """All that is known of the model of a record, whose layers are in `table`. Raises StoreError as `list_models`."""
    note = describe_model(store, record)
    runs: list[UsedBy] = [
        {"run": run.id, "flow": run.flow, "state": run.state, "opened": run.opened}
        for run in reversed(uses_of_record(store, record).runs)
    ]
    return {**note, **table, "milliseconds": milliseconds_of(store, note["digest"]), "runs": runs}
