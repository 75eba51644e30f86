"""What a worker needs before it starts, and what its shards find in their environment."""

import json
import os
from pathlib import Path

from flows.fleet.settings import client_environment
from flows.forms import allowed_places
from flows.forms.places import DATA_FOLDER, data_place, store_place
from lib.errors import BadValue
from storage.files import without_password
from storage.store import Store


def usable_store() -> str:
    """Where the store of this machine is, once it is known that it is there and can be written.

    A folder has to be a store already: one that is empty may be a disk that is not mounted.

    Raises BadValue for a relative path, and StoreUnusable.
    """
    place = store_place()
    path = place.removeprefix("file://")
    if "://" not in path and not Path(path).expanduser().is_absolute():
        raise BadValue(
            "DREAMSWEEP_STORE",
            without_password(place),
            "it must be a whole path or a URL, as shards run in other folders",
        )
    Store.open(place, create=False).check_writable()
    return place


def worker_environment(store: str) -> dict[str, str]:
    """The environment variables of a worker and its shards, beside those that the user has set.

    Passwords are among the user's: `PREFECT_API_AUTH_STRING`, or a profile of Prefect's, for the server; those that the
    store's file system reads.
    """
    data = data_place()
    folder = [str(data.expanduser().absolute())] if data else []
    usual = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        allowed_places.ROOTS: json.dumps([str(DATA_FOLDER), store, *folder]),
    }
    return client_environment() | {
        **{name: value for name, value in usual.items() if name not in os.environ},
        **({"DREAMSWEEP_MNIST": folder[0]} if folder else {}),
        "DO_NOT_TRACK": "1",
        "DREAMSWEEP_HOME": str(DATA_FOLDER),
        "DREAMSWEEP_STORE": store,
        "PYTHONSAFEPATH": "1",
    }
