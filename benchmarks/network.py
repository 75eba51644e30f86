"""The network that is measured: the reference network, trained once and kept in the benchmarks' own store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flows.forms.places import DATA_FOLDER

STORE = str(DATA_FOLDER / "bench-store")


def data_name() -> str:
    """MNIST where DREAMSWEEP_MNIST names its folder; else the embedded digits, and figures are of those."""
    return "mnist" if os.environ.get("DREAMSWEEP_MNIST") else "digits"


def read_or_trained(file: Path | None) -> Any:
    """The Keras model of a file; without one, that of `trained`, with a Prefect server of its own."""
    from lib.network import model_file

    if file is not None:
        return model_file.load(file.read_bytes())
    from flows.serving.server import local_server

    with local_server(DATA_FOLDER):
        return trained()[0]


def trained(seed: int = 0) -> tuple[Any, Any]:
    """The Keras model of the default recipe with this training seed, and its data set; within a Prefect server."""
    from flows.forms.parameters import TrainParameters
    from flows.train import train
    from lib.network import model_file
    from lib.training.settings import TrainSettings
    from storage.store import Store
    from tasks.model.data import load_data
    from tasks.model.stored import data_of, find_model

    folder = os.environ.get("DREAMSWEEP_MNIST")
    parameters = TrainParameters(
        store=STORE,
        data=data_name(),
        data_dir=Path(folder) if folder else None,
        settings=TrainSettings(seed=seed),
    )
    name = train(parameters)["model"]
    store = Store.open(STORE)
    found = find_model(store, name)
    data = data_of(store, found.record)
    assert data is not None
    return model_file.load(store.get(found.record.output("model").digest)), load_data(store, data)
