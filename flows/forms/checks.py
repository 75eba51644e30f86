"""What can be known at once to be wrong with parameters, before TensorFlow is imported, which takes many seconds.

Nothing is accepted here: what passes is looked at again, and more closely, where it is used.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.forms import allowed_places
from flows.forms.fields import is_model_file
from flows.forms.form import path_of
from flows.forms.parameters import (
    AnalyseParameters,
    Analysing,
    Dreaming,
    DreamParameters,
    InStore,
    NightlyParameters,
    RegisterParameters,
    SweepParameters,
    TrainParameters,
)
from lib.data import datasets
from lib.data.image_names import ImageName
from lib.draw.activation_tones import colours_of
from lib.dream.mixture import Mixture
from lib.errors import BadInput
from lib.network import model_config, model_file
from lib.network.units import check_patterns
from lib.pictures.animation import check_kind
from lib.pictures.names import show_name
from lib.training import reference
from storage.store import Store
from tasks.model.checkpoints import ALL, checkpoints_of, choose
from tasks.model.models import find_model


def check_early(parameters: InStore) -> None:
    """Raise BadInput or StoreError for what names a place that is not allowed, or a thing that there is not."""
    allowed_places.check(parameters)
    match parameters:
        case TrainParameters(data=data) | RegisterParameters(data=data) if data is not None:
            datasets.check(data, parameters.data_dir)
        case SweepParameters() | NightlyParameters():
            _check_sweep(parameters)
        case DreamParameters():
            _check_dreams(parameters, model_config.units(_config(parameters)))
        case AnalyseParameters():
            if parameters.data is not None:
                datasets.check(parameters.data, parameters.data_dir)
            _check_analysis(parameters, model_config.units(_config(parameters)))


def _check_sweep(parameters: SweepParameters | NightlyParameters) -> None:
    training = parameters.train_parameters()
    if training is not None and parameters.model is not None:
        raise BadInput("a model to sweep and one to train first are both given: leave one of them out")
    if training is not None or parameters.data is not None:
        datasets.check(training.data if training else str(parameters.data), parameters.data_dir)
    units = reference.UNITS if training is not None else model_config.units(_config(parameters))
    check_patterns(parameters.layers, units)
    if parameters.checkpoints is not None:
        _check_checkpoints(parameters, parameters.checkpoints, training.settings.epochs if training else None)
    if isinstance(parameters, NightlyParameters):
        if (dreaming := parameters.dreaming) is not None:
            _check_dreams(dreaming, units)
        if parameters.analysis is not None:
            _check_analysis(parameters.analysis, units)


def _check_checkpoints(parameters: SweepParameters | NightlyParameters, wanted: str, epochs: int | None) -> None:
    """`epochs`: how many will be trained, where that is known already."""
    if parameters.train_parameters() is not None:
        beyond = [epoch for epoch in wanted.split(",") if epochs is not None and wanted != ALL and int(epoch) > epochs]
        if beyond:
            raise BadInput(f"there will be no checkpoint of epoch {beyond[0]}: {epochs} epochs are trained")
    elif parameters.model and is_model_file(parameters.model):
        choose({}, wanted, parameters.model)
    else:
        store = Store.open(parameters.store)
        found = find_model(store, parameters.model)
        choose(checkpoints_of(store, found.record), wanted, found.name)


def _check_dreams(dreams: Dreaming, units: Mapping[str, int | None]) -> None:
    pictures = [("picture", path_of(place)) for place in dreams.pictures]
    for what, place in (*pictures, ("guide", dreams.guide), ("mask", dreams.mask)):
        if place is not None and not os.path.lexists(place):
            raise BadInput(f"there is no {what} {show_name(str(place))}: name one that there is")
    if dreams.animation:
        check_kind(dreams.animation)
    if dreams.settings.objective.strip():
        Mixture.parse(dreams.settings.objective, units).check(units)
    check_patterns([dreams.tour] if dreams.tour else None, units)


def _check_analysis(analysis: Analysing, units: Mapping[str, int | None]) -> None:
    for place in analysis.images or ():
        if ImageName.parse(place) is None and not os.path.lexists(path_of(place)):
            raise BadInput(f"there is no image {show_name(str(path_of(place)))}: name a file, or one as test/1302")
    colours_of(analysis.settings.colour_map)
    check_patterns(analysis.layers, units)


def _config(parameters: SweepParameters | NightlyParameters | DreamParameters | AnalyseParameters) -> Any:
    """What the model says of its layers."""
    name = parameters.model
    if name is not None and is_model_file(name):
        return model_file.config_of(Path(name))
    store = Store.open(parameters.store)
    found = find_model(store, name)
    return model_file.config_of(store.get(found.digest), name=found.name)
