"""What pixels a run's network takes: settled before anything is computed."""

from pathlib import Path

from flows.forms.pixels import refuse_for_trained
from lib.errors import BadInput, Question
from lib.network.adapt import adapt
from lib.network.held import is_file, parse_hold
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels
from storage.store import Record, Store
from tasks.model.declaration import declare_pixels
from tasks.model.finding import find_what_it_takes, images_to_look_at
from tasks.model.network import load_model
from tasks.model.pixels import DECLARED, pixels_of
from tasks.model.stored import StoredModel, data_of
from tasks.session.progress import say
from tasks.session.session import Session

_OTHERWISE = "--pixels (in a form: Pixels) says otherwise"


def settle_pixels(
    open_session: Session, stored: StoredModel, model: KerasModel, asked: str | None, data: Record | None
) -> StoredModel:
    """The model, with what it takes: what is asked for, or else what is declared with it, or else what is found.

    What is asked for, or found, is declared from now on, and said. What was used as taking 0..1 before this could be
    declared goes on so, where nothing speaks against that.

    Args:
        model: the same, loaded, as it was saved.
        data: the data set that the run is on, if any.

    Raises:
        BadInput: pixels that do not suit the network, or any for one that was trained here, or one of whose inputs is
            held at a picture in other pixels.
        Question: nothing is asked for or declared, and nothing is clear.
    """
    refuse_for_trained(stored, asked)
    if asked is None:
        return stored if stored.pixels is not None else _find(open_session, stored, model, data)
    wanted = Pixels.parse(asked)
    if stored.trained_here or (stored.pixels is not None and str(stored.pixels) == str(wanted)):
        return stored
    adapt(model, wanted)
    if stored.pixels is not None:
        _check_held(stored, model, wanted)
        say(f"{stored.name} takes {wanted} from now on, where {stored.pixels} was declared before")
    return declare_pixels(open_session, stored, wanted, DECLARED)


def settle_if_clear(open_session: Session, stored: StoredModel) -> StoredModel:
    """A model that is registered, with what it takes where that is clear; that it is not clear is said.

    What its own layers say is known already: without a data set there is nothing more to look at.
    """
    if stored.pixels is not None:
        return stored
    data = data_of(open_session.store, stored.record)
    why = "there are no images to try"
    if data is not None:
        try:
            return settle_pixels(open_session, stored, load_model(open_session.store, stored), None, data)
        except Question as question:
            why = question.text
    say(f"{stored.name} is registered without its pixels ({why}): say them with --pixels when it is used")
    return stored


def say_found(stored: StoredModel, besides: str = "") -> None:
    """Say what was found, and how."""
    say(f"{stored.name} takes {stored.pixels}: {stored.pixels_from}{besides}; {_OTHERWISE}")


def _check_held(stored: StoredModel, model: KerasModel, wanted: Pixels) -> None:
    """Raise BadInput where an input is held at a picture: it is in the network as the pixels declared before."""
    for name, what in parse_hold(stored.hold).items():
        shapes = (
            [one.output.shape for one in getattr(model, "operations", ()) if one.name == name] if what == "mean" else []
        )
        if any(len(shape) == 4 for shape in shapes) or (is_file(what) and Path(what).suffix.lower() != ".npy"):
            raise BadInput(
                f"{stored.name} holds input {name!r} at {what}, as pixels {stored.pixels}: to have both as {wanted}, "
                "register its file again, under another name, with --hold and --pixels"
            )


def _find(open_session: Session, stored: StoredModel, model: KerasModel, data: Record | None) -> StoredModel:
    store = open_session.store
    before = _used_as_plain(store, stored)
    found = find_what_it_takes(stored.name, model, images_to_look_at(store, data, model), used_as_plain=before)
    if found is None:
        say(f"{stored.name} goes on as taking 0..1, as before: nothing says which pixels it takes; {_OTHERWISE}")
        return stored
    anew = ". What was made with 0..1 is made anew" if before and not found.pixels.plain else ""
    declared = declare_pixels(open_session, stored, found.pixels, found.because)
    say_found(declared, anew)
    return declared


def _used_as_plain(store: Store, stored: StoredModel) -> bool:
    """Whether an earlier version made something with it, as taking 0..1."""
    return any(pixels_of(made.parameters).plain for made, _ in store.questions().consumers(stored.digest))
