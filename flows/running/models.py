"""Models that a run obtains: trained or registered within it.

A file is registered within a flow run or without one. Nothing here imports Prefect where there is none, as that takes
seconds that somebody waits for.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from flows.forms.parameters import RegisterParameters, TrainParameters
from flows.forms.resolve import part_of
from flows.results.summaries import RegisterSummary
from flows.running.pixels import say_found, settle_if_clear
from lib.data.dataset import Dataset
from lib.data.datasets import check_trainable
from lib.data.wanted_images import WantedImages
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels
from lib.training import reference
from lib.training.settings import TrainSettings
from storage.errors import StoreError
from storage.store import Record, Store
from tasks.model.checkpoints import checkpoints_of, identity_of
from tasks.model.data import store_data
from tasks.model.declaration import declare_pixels
from tasks.model.kinds.epoch import KIND as EPOCH
from tasks.model.models import check_images, check_name, label_of, load_model_file, name_model, register_model
from tasks.model.outputs import ModelAttributes
from tasks.model.pixels import DECLARED
from tasks.model.stored import StoredModel, data_of
from tasks.session.attributes import read_as
from tasks.session.session import Session, flow_run_here


def obtain_trained_model(open_session: Session, parameters: TrainParameters) -> StoredModel:
    """The trained model, under its ref; within a flow run.

    Raises BadInput before anything is stored for images that the network cannot take.
    """

    from tasks.model.training import train_model
    from tasks.session.recorded import key_of

    def suits(data: Dataset) -> None:
        check_trainable(data.name, data.classes)
        reference.build(data.input_shape, len(data.classes))

    run = open_session.run.id
    data_key = _key(store_data, parameters.data, parameters.data_dir, run, suits=suits)
    model_key = key_of(train_model(data_key, parameters.settings, run, return_state=True))
    record = open_session.store.record(model_key)
    return StoredModel(record, name_model(open_session.store, record, label_of(parameters.data)))


def obtain_whole(open_session: Session, stored: StoredModel) -> StoredModel:
    """The model, whose file is trained again where it is damaged; within a flow run.

    It keeps its names, if it has come out the same. One that somebody brought is left as it is.
    """
    if not stored.trained_here or open_session.store.blobs.is_whole(stored.digest):
        return stored
    from tasks.model.training import train_model
    from tasks.session.recorded import key_of

    store, before = open_session.store, stored.record
    open_session.set_aside(stored.digest, stored.name, "it is trained again")
    data = data_of(store, before)
    if data is None:
        return stored
    about = {name: value for name, value in before.parameters.items() if name != "epoch"}
    settings = TypeAdapter(TrainSettings).validate_python(about)
    model = store.record(key_of(train_model(data.key, settings, open_session.run.id, return_state=True)))
    if before.task == EPOCH.task:
        model = checkpoints_of(store, model)[int(str(before.parameters["epoch"]))]
    if identity_of(model) != stored.identity:
        return stored  # it is another model, and whoever reads this one is told that it is gone
    for name, target in store.refs().items():
        if target == f"record:{before.key}":
            store.set_ref(name, f"record:{model.key}")
    return StoredModel(model, stored.name)


def obtain_registered_model(
    open_session: Session, parameters: RegisterParameters, size: tuple[int, int] | None = None
) -> StoredModel:
    """The registered model, under its ref; within a flow run or without one. `size`: of the images it will be given."""
    run = open_session.run.id
    pixels = _declared(parameters)
    if parameters.name is not None:
        check_name(open_session.store, parameters.name, parameters.file, part_of(parameters), pixels)
    data_key = None
    if parameters.data:
        model = load_part(parameters)
        data_key = _key(
            store_data,
            parameters.data,
            parameters.data_dir,
            run,
            suits=lambda data: check_images(model, data.input_shape, size),
            wanted=WantedImages.of_network(model.input_shape, size, parameters.fit),
        )
    store = open_session.store
    record = store.record(_key(register_model, parameters.file, data_key, run, pixels, part_of(parameters)))
    names = store.refs()
    stored = StoredModel(record, name_model(store, record, parameters.file.stem, parameters.name))
    if pixels is not None:
        return stored
    before = _named_before(store, names, stored)
    if before is not None and before.pixels is not None:  # to name the file again takes nothing back
        return declare_pixels(open_session, stored, before.pixels, before.pixels_from or DECLARED)
    if stored.pixels is not None:
        say_found(stored)
    return stored


def _named_before(store: Store, names: Mapping[str, str], stored: StoredModel) -> StoredModel | None:
    """The same model, as the names said before that it is called."""
    target = names.get(stored.name)
    if target is None:
        return None
    try:
        before = StoredModel(store.record(target.removeprefix("record:")), stored.name)
        return before if before.identity == stored.identity else None
    except StoreError:  # it is damaged
        return None


def load_part(parameters: RegisterParameters) -> KerasModel:
    """What is looked at of the model in a file. Raises BadInput."""
    return load_model_file(parameters.file, part_of(parameters), _declared(parameters))


def _declared(parameters: RegisterParameters) -> Pixels | None:
    return None if parameters.pixels is None else Pixels.parse(parameters.pixels)


def register_in(open_session: Session, parameters: RegisterParameters) -> RegisterSummary:
    """Register a model in an open run, and close that; what the flow `register` and the command line come to."""
    stored = settle_if_clear(open_session, obtain_registered_model(open_session, parameters))
    count = read_as(ModelAttributes, stored.record.output("model").attributes)["parameters"]
    closed = open_session.run.close("completed", {"model": stored.name, "parameters": count})
    return RegisterSummary(run=closed.id, model=stored.name, parameters=count)


def _key(function: Callable[..., tuple[Record, bool]], *args: Any, **kwargs: Any) -> str:
    """The key of the record that a function comes to: by its task, where a flow run is under way to show that in."""
    if flow_run_here() is None:
        return function(*args, **kwargs)[0].key
    from tasks.model import model_tasks
    from tasks.session.recorded import key_of

    return key_of(getattr(model_tasks, function.__name__)(*args, **kwargs, return_state=True))
