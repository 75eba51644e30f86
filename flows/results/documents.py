"""Records, runs and blobs as JSON for other programs: what they hold, and where their bytes lie."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from storage.document import Json
from storage.errors import BlobCorrupt, BlobMissing, StoreError
from storage.record import Output, Record
from tasks.sweep.kinds.oip import KIND as OIP
from tasks.sweep.measures import measures_of
from tasks.sweep.on_data import on_data

if TYPE_CHECKING:
    from storage.store import Store


def record_document(store: "Store", record: Record) -> dict[str, Json]:
    """Everything that a record says, its key, and the environment that it names.

    That of a unit says `on_data` as well: whether any image of the data set makes it respond; and how good its picture
    is under `measures`, by the names of `tasks.sweep.measures.MEASURES`.
    Each output has a `path`: the verified file of its blob, None where that is `missing`, `damaged` or `remote`
    (`state` says which, else "whole").
    """
    document = {"kind": "record", "key": record.key, **asdict(record)}
    document["outputs"] = [output_document(store, output) for output in record.outputs]
    document["environment"] = environment(store, record)
    if record.task == OIP.task:
        document["on_data"] = on_data(record.output("oips").attributes)
        document["measures"] = {name: {**told} for name, told in measures_of(store, record).items()}
    return document


def output_document(store: "Store", output: Output) -> dict[str, Json]:
    """What a record says of one output, and where its bytes are."""
    path, state = None, "whole"
    try:
        if store.files.folder is None:
            state = "remote"  # looking at a record fetches nothing
        else:
            path = str(store.path(output.digest))
    except BlobMissing:
        state = "missing"
    except BlobCorrupt:
        state = "damaged"
    return {**asdict(output), "path": path, "state": state}


def environment(store: "Store", record: Record) -> dict[str, Json]:
    """The environment that a record ran in; empty where its blob is gone or is no JSON object."""
    try:
        found = json.loads(store.get(record.provenance.environment))
    except (StoreError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
