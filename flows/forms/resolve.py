"""What the parameters of a run name, found and checked once, before TensorFlow and Prefect, whose imports take seconds.

The command line resolves what it is given before it starts anything, and hands on what it found to the flow that it
calls; a flow that is started elsewhere resolves its parameters at its beginning. What only the network itself can tell
is found out when that is loaded.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows.forms import allowed_places
from flows.forms.every_run import InStore
from flows.forms.field_types import is_model_file
from flows.forms.form import path_of
from flows.forms.judges import find_judge, need_images
from flows.forms.parameters import (
    AnalyseParameters,
    Analysing,
    Dreaming,
    DreamParameters,
    NightlyParameters,
    RegisterParameters,
    SweepParameters,
    TrainParameters,
)
from flows.forms.pixels import refuse_for_trained
from flows.forms.private import open_store
from lib.data import datasets
from lib.data.image_names import ImageName
from lib.data.wanted_images import FIT
from lib.draw.activation_tones import colours_of
from lib.dream.mixture import Mixture
from lib.errors import BadInput, BadValue
from lib.network import model_config, model_file
from lib.network.held import WHOLE, Part
from lib.network.pixels import Pixels
from lib.network.units import check_patterns
from lib.pictures.animation import check_kind
from lib.pictures.names import show_name
from lib.training import reference
from storage.errors import BlobGone
from storage.store import Record, Store
from tasks.model.checkpoints import ALL, checkpoints_of, choose
from tasks.model.stored import StoredModel, classes_of, data_of, find_model

Units = Mapping[str, int | None]
"""How many units each layer has, as far as the model's configuration says so."""


@dataclass(frozen=True)
class Resolved:
    """What the parameters of a run name.

    Attributes:
        training: what is trained first, if anything.
        file: that of a model which is registered first, if one is named by its file.
        part: of its inputs and outputs, what is looked at.
        pixels: what it takes, where that is said.
        model: a model of the store, where it is neither trained nor registered first.
        data: the data set of that model, where there is one and an analysis is to be made on it.
        checkpoints: of that model, those that are asked for by their epochs, the first first.
        units: of the model, whichever of the three it is; None where its file is damaged, and the run will see to that.
    """

    training: TrainParameters | None = None
    file: Path | None = None
    part: Part = WHOLE
    pixels: Pixels | None = None
    model: StoredModel | None = None
    data: Record | None = None
    checkpoints: Mapping[int, Record] = field(default_factory=dict)
    units: Units | None = field(default_factory=dict)


_handed: ContextVar[tuple[InStore, Resolved] | None] = ContextVar("handed", default=None)


@contextmanager
def hand_on(parameters: InStore) -> Iterator[Resolved]:
    """While inside, a flow that is called with these parameters takes over what they name. Raises as `resolve`."""
    found = resolve(parameters)
    token = _handed.set((parameters, found))
    try:
        yield found
    finally:
        _handed.reset(token)


def take_over(parameters: InStore) -> Resolved:
    """What the caller found for the same parameters, or else what they name now. Raises as `resolve`."""
    handed = _handed.get()
    return handed[1] if handed is not None and handed[0] == parameters else resolve(parameters)


def resolve(parameters: InStore) -> Resolved:
    """What the parameters name. Raises BadInput and StoreError for places not allowed, and for what there is not."""
    allowed_places.check(parameters)
    _check_fit(parameters)
    match parameters:
        case TrainParameters():
            datasets.check(parameters.data, parameters.data_dir)
            _count_classes(parameters.data)
            return Resolved(training=parameters)
        case RegisterParameters():
            if parameters.data is not None:
                datasets.check(parameters.data, parameters.data_dir)
            return _of_file(parameters.file)
        case SweepParameters() | NightlyParameters():
            return _resolve_sweep(parameters)
        case DreamParameters():
            part = part_of(parameters)
            found = _of_model(parameters.store, parameters.model, pixels=parameters.pixels, part=part)
            _check_dreams(parameters, found.units)
            return found
        case AnalyseParameters():
            if parameters.data is not None:
                datasets.check(parameters.data, parameters.data_dir)
            wants_data = parameters.data is None
            found = _of_model(
                parameters.store,
                parameters.model,
                wants_data=wants_data,
                pixels=parameters.pixels,
                part=part_of(parameters),
            )
            _check_analysis(parameters, found, parameters.data)
            return found
    return Resolved()


def _check_fit(parameters: InStore) -> None:
    """Raise BadValue where no pictures are read that could be fitted, or where the network is made for them."""
    if not isinstance(parameters, RegisterParameters | SweepParameters | NightlyParameters | AnalyseParameters):
        return
    trains = isinstance(parameters, SweepParameters | NightlyParameters) and parameters.train_parameters() is not None
    if parameters.fit != FIT and (parameters.data is None or trains):
        raise BadValue(
            "fit", parameters.fit, "it is for a data set that is named for a network which there is: name both, or none"
        )


def _resolve_sweep(parameters: SweepParameters | NightlyParameters) -> Resolved:
    training = parameters.train_parameters()
    if training is not None and parameters.model is not None:
        raise BadInput("a model to sweep and one to train first are both given: leave one of them out")
    data = training.data if training else parameters.data
    if data is not None:
        datasets.check(data, parameters.data_dir)
    if training is not None:
        refuse_for_trained(None, parameters.pixels)
        _refuse_part(part_of(parameters))
        found = Resolved(training=training, units=reference.units_of(_count_classes(training.data)))
        _check_epochs(parameters.checkpoints, training.settings.epochs)
    else:
        analysed = isinstance(parameters, NightlyParameters) and data is None
        found = _of_model(
            parameters.store,
            parameters.model,
            parameters.checkpoints,
            wants_data=analysed,
            pixels=parameters.pixels,
            part=part_of(parameters),
        )
    if found.units is not None:
        check_patterns(parameters.layers, found.units)
    _check_judge(parameters, found, data)
    if isinstance(parameters, NightlyParameters):
        if (dreaming := parameters.dreaming) is not None:
            _check_dreams(dreaming, found.units)
        if parameters.analysis is not None:
            _check_analysis(parameters.analysis, found, data)
    return found


def _check_judge(parameters: SweepParameters | NightlyParameters, found: Resolved, data: str | None) -> None:
    """`data`: the data set that is named, or trained on."""
    if parameters.judge is None:
        return
    store = open_store(parameters.store)
    find_judge(store, parameters.judge, found.model)
    if data is None and (found.model is None or data_of(store, found.model.record) is None):
        need_images(None)


def _of_model(
    place: str,
    name: str | None,
    checkpoints: str | None = None,
    *,
    wants_data: bool = False,
    pixels: str | None = None,
    part: Part = WHOLE,
) -> Resolved:
    """The model of this name in a store, or in this file."""
    if name is not None and is_model_file(name):
        found = replace(_of_file(Path(name)), part=part, pixels=None if pixels is None else Pixels.parse(pixels))
        if checkpoints is not None:
            choose({}, checkpoints, name)  # a file has none
        return found
    _refuse_part(part)
    store = open_store(place)
    model = find_model(store, name)
    refuse_for_trained(model, pixels)
    chosen = {} if checkpoints is None else choose(checkpoints_of(store, model.record), checkpoints, model.name)
    data = data_of(store, model.record) if wants_data else None
    return Resolved(model=model, data=data, checkpoints=chosen, units=_units_of(store, model))


def _units_of(store: Store, model: StoredModel) -> Units | None:
    try:
        file = store.get(model.digest)
    except BlobGone:
        return None
    return model_config.units(model_file.config_of(file, name=model.name))


def _refuse_part(part: Part) -> None:
    """Raise BadInput for what is said of a file's inputs and outputs where no file is named."""
    if part != WHOLE:
        raise BadInput(
            "hold and output are said when a file becomes a model of the store, and stay with it: "
            "name the .keras or .h5 file as the model, or leave them out"
        )


def part_of(
    parameters: RegisterParameters | SweepParameters | NightlyParameters | DreamParameters | AnalyseParameters,
) -> Part:
    """What of a network with several inputs or outputs the parameters choose."""
    return Part(tuple(parameters.hold or ()), parameters.output)


def _of_file(file: Path) -> Resolved:
    if not file.exists():
        raise BadInput(f"there is no file {file}: name one, or a model that dreamsweep models lists")
    return Resolved(file=file, units=model_config.units(model_file.config_of(file)))


def _count_classes(data: str) -> int:
    """How many classes a data set has to train on, before it is read. Raises BadInput for less than two."""
    classes = datasets.classes_of(data)
    datasets.check_trainable(data, classes)
    return len(classes)


def _check_epochs(wanted: str | None, trained: int | None) -> None:
    """Raise BadInput for an epoch beyond those that will be trained, where their number is known already."""
    if wanted is None or wanted == ALL or trained is None:
        return
    for epoch in wanted.split(","):
        if int(epoch) > trained:
            raise BadInput(f"there will be no checkpoint of epoch {epoch}: {trained} epochs are trained")


def _check_dreams(dreams: Dreaming, units: Units | None) -> None:
    pictures = [("picture", path_of(place)) for place in dreams.pictures]
    for what, place in (*pictures, ("guide", dreams.guide), ("mask", dreams.mask)):
        if place is not None and not os.path.lexists(place):
            raise BadInput(f"there is no {what} {show_name(str(place))}: name one that there is")
    if dreams.animation:
        check_kind(dreams.animation)
    if units is None:
        return
    if dreams.settings.objective.strip():
        Mixture.parse(dreams.settings.objective, units).check(units)
    check_patterns([dreams.tour] if dreams.tour else None, units)


def _check_analysis(analysis: Analysing, found: Resolved, data: str | None) -> None:
    """`data`: the data set that is named for it; the model's own where None."""
    for place in analysis.images or ():
        if ImageName.parse(place) is None and not os.path.lexists(path_of(place)):
            raise BadInput(f"there is no image {show_name(str(path_of(place)))}: name a file, or one as test/1302")
    colours_of(analysis.settings.colour_map)
    if found.units is not None:
        check_patterns(analysis.layers, found.units)
    if data is not None:
        analysis.settings.pair_of(datasets.classes_of(data))
    elif found.data is not None:
        analysis.settings.pair_of(classes_of(found.data))
        _check_numbers([*(analysis.images or ()), *(analysis.first or ()), *(analysis.second or ())], found.data)


def _check_numbers(images: Sequence[str], data: Record) -> None:
    """Raise BadInput for an image that a data set has not."""
    for image in filter(None, map(ImageName.parse, images)):
        if shape := data.output(f"{image.set}_imgs").shape:
            image.of(range(shape[0]))
