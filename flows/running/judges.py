"""The judge of a sweep's pictures, loaded, and looked at before it may judge: what knows nothing says nothing."""

from collections.abc import Sequence

from flows.forms.judges import find_judge, need_images
from flows.running.pixels import settle_pixels
from lib.errors import BadInput, Question
from lib.network.keras_model import KerasModel
from lib.network.units import select_layers
from lib.words import percent
from storage.store import Record
from tasks.model.finding import images_to_look_at, worth_on
from tasks.model.network import Natural, Network, load_model
from tasks.model.stored import StoredModel, data_of
from tasks.session.progress import say
from tasks.session.session import Session


def obtain_judge(
    open_session: Session, name: str | None, swept: StoredModel, natural: Natural | None, data: Record | None
) -> Network | None:
    """The network of this name, ready to judge pictures of a swept network; None where none is named.

    Args:
        natural: the images that it is to judge by, and `data` their record.

    Raises:
        BadInput: there is none, or it is the swept network or of the same training; there are too few images; it takes
            others, or nobody knows which pixels it takes; it has no convolution; it knows nothing of pictures.
    """
    if name is None:
        return None
    store = open_session.store
    stored = find_judge(store, name, swept)
    need_images(None if natural is None else len(natural.images))
    assert natural is not None
    model = load_model(store, stored)
    channels, own = natural.images.shape[-1], model.input_shape[-1]
    if channels != own:
        raise BadInput(
            f"the judge {stored.name} takes images of {own} channels, and those of the data set have {channels}: name "
            "a network that takes such images"
        )
    select_layers(model)
    sets = [one for one in (data_of(store, stored.record), data) if one is not None]
    judge = Network.of(model, _with_pixels(open_session, stored, model, sets[0]))
    if not _knows_classes(open_session, judge, sets) and not stored.trained_here:
        say(f"Warning: nothing tells whether the judge {judge.name} is trained: no test images are of its classes")
    return judge


def _with_pixels(open_session: Session, stored: StoredModel, model: KerasModel, data: Record) -> StoredModel:
    try:
        return settle_pixels(open_session, stored, model, None, data)
    except Question as question:
        raise BadInput(
            f"it is not known which pixels the judge {stored.name} takes: register its file again, with --pixels"
        ) from question


def _knows_classes(open_session: Session, judge: Network, sets: Sequence[Record]) -> bool:
    """Whether it is right more often than by chance, on its own data set or else on the run's; False where nobody can
    tell, as its outputs are other classes. Raises BadInput where it is not."""
    for data in sets:
        looked = images_to_look_at(open_session.store, data, judge.saved)
        worth = None if looked is None else worth_on(judge.saved, judge.pixels, looked)
        if worth is None:
            continue
        if worth.near_chance:
            raise BadInput(
                f"the judge {judge.name} is right on {percent(worth.accuracy, 1)} of {worth.images} test images, no "
                "more than by chance: a network of random weights judges nothing; name one that is trained"
            )
        return True
    return False
