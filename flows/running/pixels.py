"""What pixels a run's network takes: settled before anything is computed."""

from flows.forms.pixels import refuse_for_trained
from lib.network.adapt import adapt
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels
from storage.store import Record
from tasks.model.declaration import declare_pixels
from tasks.model.pixels import DECLARED
from tasks.model.stored import StoredModel
from tasks.session.progress import say
from tasks.session.session import Session


def settle_pixels(
    open_session: Session, stored: StoredModel, model: KerasModel, asked: str | None, data: Record | None
) -> StoredModel:
    """The model, with what it takes: what is asked for, or else what is declared with it.

    What is asked for is declared from now on. A model of which nothing is declared is taken to take pictures as they
    are, and that is said.

    Args:
        model: the same, loaded, as it was saved.
        data: the data set that the run is on, if any.

    Raises:
        BadInput: pixels that do not suit the network, or any for one that was trained here.
    """
    refuse_for_trained(stored, asked)
    if asked is None:
        if stored.pixels is None:
            say(f"It is not known which pixels {stored.name} takes: 0..1 is assumed; --pixels says otherwise")
        return stored
    wanted = Pixels.parse(asked)
    if stored.trained_here or (stored.pixels is not None and str(stored.pixels) == str(wanted)):
        return stored
    adapt(model, wanted)
    if stored.pixels is not None:
        say(f"{stored.name} takes {wanted} from now on, where {stored.pixels} was declared before")
    return declare_pixels(open_session, stored, wanted, DECLARED)
