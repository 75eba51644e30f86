"""A store, its models and its runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from flows.forms.places import store_place
from flows.results.models import list_models
from flows.results.runs import list_runs
from storage.store import Store
from tasks.model.stored import find_model

if TYPE_CHECKING:
    from lib.network.keras_model import KerasModel

__all__ = ["Store", "list_models", "list_runs", "load_model", "open_store"]


def open_store(place: str | Path | None = None) -> Store:
    """Open a store; by default the one that the commands use.

    Args:
        place: a folder, or an fsspec URL such as `s3://bucket/store`. By default what `DREAMSWEEP_STORE` names, else
            the folder `store` in what `DREAMSWEEP_HOME` names, else in `data/` of the checkout. `DREAMSWEEP_HOME` is
            read when `dreamsweep` is imported.

    Raises:
        StoreError: there is no store at this place. None is created.

    >>> import dreamsweep
    >>> store = dreamsweep.open_store()
    >>> sorted(store.refs())  # the names in it
    ['analysis/latest', 'dream/latest', 'model/folder-df2f13f9', 'model/latest', 'model/small-f9494d33', 'sweep/latest']
    """
    return Store.open(store_place(None if place is None else str(place)), create=False)


def load_model(store: Store, name: str | None = None) -> "KerasModel":
    """Load a model of the store with Keras. This imports TensorFlow; no code of the model's file is run.

    Args:
        store: an open store.
        name: as `list_models` has it in `ref`, or the beginning of a digest; with `@3` behind it, the checkpoint of its
            third epoch. By default the latest model.

    Raises:
        BadInput: there is no such model, or its file cannot be loaded.
        StoreError: its file is missing from the store, or damaged.

    >>> import dreamsweep
    >>> model = dreamsweep.load_model(dreamsweep.open_store(), "model/small-f9494d33")
    >>> model.input_shape  # without a size: it takes images of any
    (None, 12, 12, 1)
    """
    from lib.network import model_file

    found = find_model(store, name)
    return model_file.load(store.get(found.digest), name=found.name)
