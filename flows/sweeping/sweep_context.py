"""From the parameters of a sweep to the context in which it takes place, and what it may find there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flows.forms.parameters import RegisterParameters, SweepParameters
from flows.forms.resolve import Resolved
from flows.running.accuracy import check_accuracy
from flows.running.judges import obtain_judge
from flows.running.models import load_part, obtain_registered_model, obtain_trained_model, obtain_whole
from flows.running.pixels import settle_pixels
from flows.sweeping.sweep_order import Units
from lib.data.wanted_images import WantedImages
from lib.errors import BadInput
from lib.network.keras_model import KerasModel
from lib.network.trunk import responses_of
from lib.network.units import Unit, select_units
from lib.oips.growth import QUALITIES
from lib.oips.image_size import smaller_sizes
from lib.oips.matching import check_matched
from lib.oips.quality import passes_to
from lib.oips.style import STYLES, is_small, needs_data, usual_style
from lib.words import plural
from storage.store import Recipe, Record
from tasks.model.context import open_context
from tasks.model.model_tasks import store_data
from tasks.model.models import check_images
from tasks.model.network import Natural, Network, load_model, natural_of
from tasks.model.stored import StoredModel, data_of
from tasks.session.progress import say
from tasks.session.recorded import key_of
from tasks.session.session import Session
from tasks.sweep.context import SweepContext
from tasks.sweep.exemplars import pass_recipes
from tasks.sweep.interpretability import interpretability_recipes
from tasks.sweep.naturalness import naturalness_recipe
from tasks.sweep.negatives import negatives_recipes
from tasks.sweep.oips import oip_recipe
from tasks.sweep.usual import usual_constraint, usual_margin, usual_sizes
from tasks.sweep.weights import weights_recipe


@contextmanager
def open_sweep(
    open_session: Session, parameters: SweepParameters, stored: StoredModel
) -> Iterator[tuple[SweepContext, Units]]:
    """The context for what is to be swept of a model, open while inside, and the units. Raises BadInput."""
    model = load_model(open_session.store, stored)
    units = _units(model, parameters.layers, parameters.size)
    data = _data(open_session, parameters, stored.record, model)
    stored = settle_pixels(open_session, stored, model, parameters.pixels, data)
    network = Network.of(model, stored)
    natural = None if data is None else natural_of(open_session.store, data)
    if natural is not None:
        assert natural.images is not None  # damaged ones are met now, and not by some thread
    size = _size(model, parameters.size, natural)
    smaller = {} if size is not None else usual_sizes(open_session.store, stored, smaller_sizes(model))
    small = is_small(model.input_shape, size)
    style = parameters.style or usual_style(small=small)
    if STYLES[style].matches:
        if natural is None:
            raise BadInput(needs_data(style))
        for layer in units:
            check_matched(model, layer.name)
    constraint = usual_constraint(open_session.store, stored, network.pixels)
    margin = usual_margin(open_session.store, stored, style, small=small)
    ways = {
        name: passes_to(name, parameters.growth, style, constraint=constraint, margin=margin, small=small)
        for name in QUALITIES
    }
    *lesser, growth = ways[parameters.quality]
    higher = QUALITIES[QUALITIES.index(parameters.quality) + 1 :]
    context = SweepContext(
        open_session,
        network,
        growth,
        natural,
        size,
        parameters.batch,
        tuple(lesser),
        tuple(one for one in ways[QUALITIES[-1]] if one.quality in higher and one != growth),
        ways,
        checked=None if stored.trained_here else check_accuracy(open_session, network, data),
        judge=obtain_judge(open_session, parameters.judge, stored, natural, data),
        smaller=smaller,
        images_per_part=parameters.images_per_part,
    )
    with open_context(context):
        _say_size(context, units)
        yield context, units


def obtain_sweep_model(open_session: Session, parameters: SweepParameters, found: Resolved) -> StoredModel:
    """The model to sweep: the one that was found, or one that is trained or registered here. Raises BadInput."""
    if found.model is not None:
        return obtain_whole(open_session, found.model)
    if found.training is not None:
        return obtain_trained_model(open_session, found.training)
    assert found.file is not None
    file = RegisterParameters(
        store=parameters.store,
        file=found.file,
        data=parameters.data,
        data_dir=parameters.data_dir,
        pixels=parameters.pixels,
        fit=parameters.fit,
        hold=parameters.hold,
        output=parameters.output,
    )
    model = load_part(file)
    _units(model, parameters.layers, parameters.size)  # what only the network can tell leaves no record either
    if file.data is None:
        _size(model, parameters.size, None)
    return obtain_registered_model(open_session, file, parameters.size)


def _units(model: KerasModel, layers: Sequence[str] | None, size: tuple[int, int] | None) -> Units:
    """The units to sweep, by layer. Raises BadInput where there are none, or images of the size do not suit them."""
    chosen = select_units(model, layers)
    if size is not None:
        responses_of(model, [layer.name for layer in chosen], size=size)
    return {layer: [Unit(layer.name, index) for index in indices] for layer, indices in chosen.items()}


def _data(open_session: Session, parameters: SweepParameters, record: Record, model: KerasModel) -> Record | None:
    """The record of the data set whose images are the exemplars. Raises BadInput where the network takes others."""
    if parameters.data is None or parameters.train is not None:
        data = data_of(open_session.store, record)
        if data is not None:
            check_images(model, (data.output("train_imgs").shape or ())[1:], parameters.size)
        return data
    made = store_data(
        parameters.data,
        parameters.data_dir,
        open_session.run.id,
        suits=lambda data: check_images(model, data.input_shape, parameters.size),
        wanted=WantedImages.of_network(model.input_shape, parameters.size, parameters.fit),
        return_state=True,
    )
    return open_session.store.record(key_of(made))


def _size(model: KerasModel, size: tuple[int, int] | None, natural: Natural | None) -> tuple[int, int] | None:
    """The images' (height, width) where it is not the network's own; a network of a free size takes the data set's."""
    if size is not None or None not in model.input_shape[1:3]:
        return size
    if natural is None:
        raise BadInput("the network takes images of any size: choose one with --size, as 64x64")
    height, width = natural.images.shape[1:3]
    return int(height), int(width)


def _say_size(context: SweepContext, units: Units) -> None:
    """Say where images are not of the network's own size, though nobody said another."""
    smaller = [context.smaller[layer.name] for layer in units if layer.name in context.smaller]
    if smaller:
        (height, width), own = smaller[0], "{}x{}".format(*context.network.model.input_shape[1:3])
        say(
            f"{len(smaller)} of {plural(len(units), 'layer')} are swept on images of {height}x{width}, not of the "
            f"network's own {own}: --size {own} sweeps all of them at that size"
        )


def sweep_recipes(context: SweepContext, units: Units) -> Iterator[Recipe]:
    """What the sweep may find in the store."""
    for layer, chosen in units.items():
        yield weights_recipe(context, layer.name)
        yield from pass_recipes(context, layer.name)
        indices = [unit.index for unit in chosen]
        yield from negatives_recipes(context, layer.name, indices, layer.units)
        # in a remote store each unit's record would be a request, for what is quickly measured anew
        here = context.session.store.files.folder is not None
        if here and (measured := naturalness_recipe(context, layer.name, indices)) is not None:
            yield measured
        if here:
            yield from interpretability_recipes(context, layer.name, indices)
        for unit in chosen:
            for growth in context.passes:
                yield oip_recipe(context, unit, growth)


def better_recipes(context: SweepContext, units: Units) -> Iterator[Recipe]:
    """What the sweep makes nothing of, and shows where it is there."""
    return (oip_recipe(context, unit, one) for one in context.better for chosen in units.values() for unit in chosen)
