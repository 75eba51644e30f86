"""What can be known at once to be wrong with parameters, before TensorFlow is imported, which takes many seconds.

Nothing is accepted here: what passes is looked at again, and more closely, where it is used.
"""

from pathlib import Path
from typing import Any

from flows import allowed
from flows.parameters import (
    InStore,
    NightlyParameters,
    RegisterParameters,
    SweepParameters,
    TrainParameters,
    is_model_file,
)
from lib import datasets, model_config, model_file, reference
from lib.errors import BadInput
from lib.units import check_patterns
from storage.store import Store
from tasks.models import find_model


def check_early(parameters: InStore) -> None:
    """Raise BadInput or StoreError for what names a place that is not allowed, or a thing that there is not."""
    allowed.check(parameters)
    match parameters:
        case TrainParameters(data=data) | RegisterParameters(data=data) if data is not None:
            datasets.check(data, parameters.data_dir)
        case SweepParameters() | NightlyParameters():
            _check_sweep(parameters)


def _check_sweep(parameters: SweepParameters | NightlyParameters) -> None:
    training = parameters.train_parameters()
    if training is not None and parameters.model is not None:
        raise BadInput("a model to sweep and one to train first are both given: leave one of them out")
    if training is not None or parameters.data is not None:
        datasets.check(training.data if training else str(parameters.data), parameters.data_dir)
    units = reference.UNITS if training is not None else model_config.units(_config(parameters))
    check_patterns(parameters.layers, units)


def _config(parameters: SweepParameters | NightlyParameters) -> Any:
    """What the model to be swept says of its layers."""
    name = parameters.model
    if name is not None and is_model_file(name):
        return model_file.config_of(Path(name))
    store = Store.open(parameters.store)
    found = find_model(store, name)
    return model_file.config_of(store.get(found.record.output("model").digest), name=found.name)
