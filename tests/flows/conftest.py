"""A small store as a sweep leaves it, made with the storage API alone: no TensorFlow, no Prefect."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance, Record
from storage.store import Store

ENVIRONMENT = {"python": "3.11.2", "libraries": {"tensorflow": "2.21.0"}, "devices": [{"type": "CPU"}]}
CODE = {"commit": "c0ffee00" * 5, "changes": None, "sources": "5e" * 32}
GROWTH = {"constraint": "standardised", "steps": 96, "length_scales": [[1.0], [1.0, 3.0]], "seed": 0}
KERAS, NPY, H5, PNG = "application/x-keras", "application/x-npy", "application/x-hdf5", "image/png"
IDENTITY = "1de27171" * 8


@dataclass
class SmallStore:
    """The store, and its records by what they are: data, epochs, model, oips by unit, layers by name; and its runs."""

    store: Store
    root: Path
    data: Record
    epochs: list[Record]
    model: Record
    oips: dict[str, Record]
    layers: dict[str, Record]
    training: str
    sweep: str

    def blob(self, digest: str) -> Path:
        """The file of a blob, unverified."""
        return self.root / "blobs" / digest[:2] / digest


def committed(
    store: Store,
    task: str,
    parameters: Mapping[str, Any],
    outputs: Sequence[NewOutput],
    inputs: Sequence[Input] = (),
    run: str | None = None,
) -> Record:
    """Commit an execution of a task."""
    environment = store.put(json.dumps(ENVIRONMENT).encode())
    return store.commit(
        Recipe(task, 1, parameters, {item.role: item.digest for item in inputs}),
        outputs,
        inputs=inputs,
        provenance=Provenance(run, None, None, 1, CODE, environment, "here"),
        started="2026-11-22T10:15:30.000000+00:00",
    )


def swept(
    store: Store, model: Record, data: Record, verdicts: Mapping[str, str], layers: Sequence[str], **growth: Any
) -> tuple[str, dict[str, Record], dict[str, Record]]:
    """What a sweep leaves: a closed run, with a record a unit, and one a layer; those of verdict "failed" have none."""
    run = store.open_run("oip-sweep", {"model": "model/digits-1de27171", "growth": GROWTH | growth})
    read = [
        Input("model", model.output("model").digest),
        Input("train_imgs", data.output("train_imgs").digest),
    ]
    oips: dict[str, Record] = {}
    for unit, verdict in verdicts.items():
        if verdict == "failed":
            run.fail(unit, "ResourceExhaustedError: no memory", "oip")
            continue
        layer, _, index = unit.rpartition("/")
        oip = {
            "response": 3.25,
            "pre_activation": 3.5,
            "seed": 17,
            "start": 3,
            "length_scales": [1.0, 3.0],
            "curve": [],
        }
        about = {
            "unit": unit,
            "layer": layer,
            "index": int(index),
            "verdict": verdict,
            "response": 3.25,
            "pre_activation": 3.5,
            "response_ratio": 1.8,
            "constraint": "standardised",
            "only_one_pattern": False,
            "oips": [{**oip, "curve": [0.5, 3.25]}],
            "exemplars": [4, 2],
            "exemplar_responses": [1.8, 1.7] if verdict in ("responded", "unreached") else [0.0, 0.0],
        }
        record = committed(
            store,
            "oip",
            {"unit": unit, **GROWTH, **growth},
            [
                NewOutput("oips", f"oips of {unit} {growth}".encode(), "oips", NPY, "float32", (1, 28, 28, 1), about),
                NewOutput("picture", f"picture of {unit} {growth}".encode(), "picture", PNG, attributes={"unit": unit}),
            ],
            read,
            run.id,
        )
        run.add(unit, record, "computed")
        oips[unit] = record
    sheets: dict[str, Record] = {}
    for layer in layers:
        own = {unit: record for unit, record in oips.items() if unit.rpartition("/")[0] == layer}
        sheets[layer] = committed(
            store,
            "layer",
            {"layer": layer, "units": len(own), **growth},
            [
                NewOutput("sheet", f"sheet of {layer} {growth}".encode(), "sheet", PNG, attributes={"layer": layer}),
                NewOutput("tensors", f"tensors of {layer} {growth}".encode(), "tensors", H5),
            ],
            [*(Input(unit, record.output("oips").digest) for unit, record in own.items()), *read],
            run.id,
        )
        run.add(f"layer {layer}", sheets[layer], "computed")
    state = "failed" if "failed" in verdicts.values() else "completed"
    indices = {
        layer: [int(unit.rpartition("/")[2]) for unit in verdicts if unit.rpartition("/")[0] == layer]
        for layer in layers
    }
    run.close(
        state, {"model": "model/digits-1de27171", "data": "digits", "layers": list(indices.items()), "seconds": 12.5}
    )
    return run.id, oips, sheets


@pytest.fixture
def small(tmp_path: Path) -> SmallStore:
    """A data set, a training of three epochs, and a sweep of four units, one of which failed."""
    root = tmp_path / "store"
    store = Store.open(root)
    training = store.open_run("train", {"data": "digits"})
    data = committed(
        store,
        "data",
        {"data": "digits", "classes": ["0", "1"], "attributes": {"pixel_range": [-0.4, 2.8]}},
        [
            NewOutput(role, role.encode(), "images", NPY, "float32", (2, 28, 28, 1))
            for role in ("train_imgs", "train_labels", "y_train", "test_imgs", "test_labels", "y_test")
        ]
        + [NewOutput("dataset", b"dataset", "dataset", H5)],
        run=training.id,
    )
    training.add("data", data, "computed")
    read = [Input("train_imgs", data.output("train_imgs").digest)]
    epochs: list[Record] = []
    for number in (1, 2, 3):
        before = [Input("checkpoint", epochs[-1].output("checkpoint").digest)] if epochs else []
        checkpoint = NewOutput(
            "checkpoint", f"epoch {number}".encode(), "checkpoint", KERAS, identity=f"{number}e" * 32
        )
        metrics = NewOutput("metrics", f"[{number}]".encode(), "metrics", "application/json")
        epochs.append(
            committed(
                store, "epoch", {"epoch": number, "batch": 128}, [checkpoint, metrics], read + before, training.id
            )
        )
        training.add(f"epoch {number}", epochs[-1], "computed")
    said = {"data": "digits", "test_accuracy": 0.9934, "test_loss": 0.02, "epochs": 3, "parameters": 208_982}
    model = committed(
        store,
        "model",
        {"optimiser": "adam", "batch": 128, "epochs": 3, "seed": 0},
        [
            NewOutput("model", b"model", "model", KERAS, attributes=said, identity=IDENTITY),
            NewOutput("model_h5", b"model.h5", "model", H5, attributes=said, identity=IDENTITY),
            NewOutput("history", b"[]", "history", "application/json"),
            NewOutput("history_plot", b"plot", "plot", PNG),
        ],
        [*read, Input("checkpoint", epochs[-1].output("checkpoint").digest)],
        training.id,
    )
    training.add("model", model, "computed")
    training.close("completed", {"model": "model/digits-1de27171", "test_accuracy": 0.9934})
    for ref in ("model/digits-1de27171", "model/latest"):
        store.set_ref(ref, f"record:{model.key}")
    verdicts = {
        "Conv2D_1/0": "responded",
        "Conv2D_1/1": "dead",
        "Conv2D_2/17": "responded",
        "Conv2D_2/18": "failed",
    }
    sweep, oips, layers = swept(store, model, data, verdicts, ["Conv2D_1", "Conv2D_2"])
    store.set_ref("sweep/latest", f"run:{sweep}")
    return SmallStore(store, root, data, epochs, model, oips, layers, training.id, sweep)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> "Callable[..., tuple[int, str, str]]":
    """Run a command line in this process; gives exit code, standard output and standard error."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        from flows.cli import main

        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def sweeping() -> "Callable[..., tuple[str, dict[str, Record], dict[str, Record]]]":
    """The function `swept` above, for another sweep in the same store."""
    return swept


@pytest.fixture
def committing() -> "Callable[..., Record]":
    """The function `committed` above."""
    return committed
