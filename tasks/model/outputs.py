"""A model as artifacts: the outputs that every record of one has, whether it was trained here or registered."""

from typing_extensions import TypedDict

from lib.network import model_file
from lib.network.keras_model import KerasModel
from storage.store import NewOutput
from tasks.model.layers import ROLE, layer_table
from tasks.session.json_output import json_output

KERAS = "application/x-keras"
H5 = "application/x-hdf5"


class ModelAttributes(TypedDict):
    """What the outputs of every model say of it. `parameters`: how many weights; `data_record`: a key."""

    data: str | None
    data_record: str | None
    parameters: int


def model_outputs(model: KerasModel, about: ModelAttributes) -> list[NewOutput]:
    """A model as artifacts: roles `model` (`.keras`) and `model_h5`, each with the model's identity, and `layers`.

    `layers` is a `LayerTable` as JSON.
    """
    identity = model_file.identity(model)
    return [
        NewOutput("model", model_file.keras_bytes(model), "model", KERAS, attributes=about, identity=identity),
        NewOutput("model_h5", model_file.h5_bytes(model), "model", H5, attributes=about, identity=identity),
        json_output(ROLE, layer_table(model), {}),
    ]
