"""What the weights alone say of a layer, as an artifact: which units are alike, and how much of an image each sees."""

import functools
from collections.abc import Sequence

from prefect.client.schemas.objects import State
from prefect.states import Completed

from lib.arrays import Array
from lib.network.receptive_field import receptive_field
from lib.responses.similar_units import nearest_by_weights
from storage.document import Json
from storage.store import Input, NewOutput, Recipe
from storage.tensors import NPY, npy_bytes
from tasks.session.open_runs import find_shared
from tasks.session.recorded import stored_task
from tasks.sweep.context import SweepContext
from tasks.sweep.kinds.weights import KIND

VERSION = 1


def find_or_compare(layers: Sequence[str], run: str) -> State[dict[str, str]]:
    """The key of the record of each layer's weights.

    Outputs: `nearest` int64 and `nearest_likeness` float32, [units, 8] each, as in
    `lib.responses.similar_units.Nearest`; among their attributes `receptive_field`, as `lib.network.receptive_field`
    gives it.
    """
    context = find_shared(run, SweepContext)
    made, reused = {}, True
    for layer in layers:
        compute = functools.partial(_artifacts, context, layer)
        record, there = context.session.obtain(weights_recipe(context, layer), compute, unit=f"weights of {layer}")
        made[layer] = record.key
        reused = reused and there
    return Completed(name="Reused" if reused else "Completed", data=made)


compare_weights = stored_task(find_or_compare, "weights", run_name="weights")


def weights_recipe(context: SweepContext, layer: str) -> Recipe:
    """What comparing the weights of a layer's units will compute."""
    parameters: dict[str, Json] = {"layer": layer, **context.size_parameters(layer)}
    return Recipe(KIND.task, VERSION, parameters, {"model": context.network.identity})


def _artifacts(context: SweepContext, layer: str) -> tuple[list[NewOutput], list[Input]]:
    model = context.network.model
    found = nearest_by_weights(model, layer)
    about = {"layer": layer, "receptive_field": receptive_field(model, layer, context.size_of(layer))}
    arrays: dict[str, Array] = {"nearest": found.units, "nearest_likeness": found.likeness}
    outputs = [
        NewOutput(role, npy_bytes(array), "weights", NPY, str(array.dtype), array.shape, attributes=about)
        for role, array in arrays.items()
    ]
    return outputs, [Input("model", context.network.digest)]
