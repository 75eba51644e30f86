"""Models that a flow obtains: trained or registered within it, or found in the store."""

from flows.forms.parameters import RegisterParameters, TrainParameters
from lib.data.dataset import Dataset
from lib.network import model_file
from lib.training import reference
from tasks.model.data import store_data
from tasks.model.models import check_images, name_model, register_model
from tasks.model.stored import StoredModel
from tasks.model.training import train_model
from tasks.session.recorded import key_of
from tasks.session.session import Session


def obtain_trained_model(open_session: Session, parameters: TrainParameters) -> StoredModel:
    """The trained model, under its ref; within a flow run.

    Raises BadInput before anything is stored for images that the network cannot take.
    """

    def suits(data: Dataset) -> None:
        reference.build(data.input_shape, len(data.classes))

    run = open_session.run.id
    data_key = key_of(store_data(parameters.data, parameters.data_dir, run, suits=suits, return_state=True))
    model_key = key_of(train_model(data_key, parameters.settings, run, return_state=True))
    record = open_session.store.record(model_key)
    return StoredModel(record, name_model(open_session.store, record, parameters.data.partition(":")[0]))


def obtain_registered_model(
    open_session: Session, parameters: RegisterParameters, size: tuple[int, int] | None = None
) -> StoredModel:
    """The registered model, under its ref; within a flow run. `size`: of the images it will be given."""
    run = open_session.run.id
    data_key = None
    if parameters.data:
        model = model_file.load(parameters.file)
        data_key = key_of(
            store_data(
                parameters.data,
                parameters.data_dir,
                run,
                suits=lambda data: check_images(model, data.input_shape, size),
                return_state=True,
            )
        )
    record = open_session.store.record(key_of(register_model(parameters.file, data_key, run, return_state=True)))
    return StoredModel(record, name_model(open_session.store, record, parameters.file.stem))
