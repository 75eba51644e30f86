"""The flow `register`: a user's own model, from a `.keras` or `.h5` file, becomes one of the store's."""

from pathlib import Path
from typing import Any

from prefect import flow

from flows.forms.fields import is_model_file
from flows.forms.parameters import RegisterParameters
from flows.running.outcome import end_in_states
from flows.running.work import work
from lib.network import model_file
from storage.store import Record, Store
from tasks.model.data import store_data
from tasks.model.models import StoredModel, check_images, find_model, name_model, register_model
from tasks.session.recorded import key_of
from tasks.session.session import Session


@flow(name="register", persist_result=False)
@end_in_states
def register(parameters: RegisterParameters) -> dict[str, Any]:
    """Register a model. Returns `run`, `model` (a ref) and `parameters` (how many weights it has)."""
    with work(parameters, "register") as open_session:
        record, name = obtain_registered_model(open_session, parameters)
        summary = {"model": name, "parameters": record.output("model").attributes["parameters"]}
        return {"run": open_session.run.close("completed", summary).id, **summary}


def obtain_registered_model(
    open_session: Session, parameters: RegisterParameters, size: tuple[int, int] | None = None
) -> tuple[Record, str]:
    """The record of the registered model, and its ref; within a flow run. `size`: of the images it will be given."""
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
    return record, name_model(open_session.store, record, parameters.file.stem)


def find_or_register(store: Store, name: str | None) -> StoredModel:
    """The model of that name, or in that file: a flow run of its own makes it one of the store's.

    None: the latest. Raises BadInput as `tasks.model.models.find_model` does.
    """
    if name and is_model_file(name):
        name = register(RegisterParameters(store=store.root, file=Path(name)))["model"]
    return find_model(store, name)
