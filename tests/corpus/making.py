"""Networks made without Keras: a description, a file of weights, and the archive that both lie in."""

from __future__ import annotations

import io
import itertools
import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Layer = dict[str, Any]


def layer(
    kind: str, name: str, before: str | None = None, module: str | None = "keras.layers", **settings: Any
) -> Layer:
    """A layer's description; `before` is the layer that it is called with, in a functional model."""
    about: Layer = {"module": module, "class_name": kind, "config": {"name": name, **settings}, "registered_name": None}
    about["name"] = name
    about["inbound_nodes"] = [] if before is None else [call(before)]
    return about


def call(*before: str) -> Layer:
    """A call of a layer with what others give."""
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None], "dtype": "float32", "keras_history": [one, 0, 0]},
        }
        for one in before
    ]
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": {}}


def image(*shape: int | None) -> Layer:
    """The input."""
    return layer("InputLayer", "image", batch_shape=[None, *(shape or (8, 8, 1))], dtype="float32")


def conv(name: str = "conv", before: str = "image", **settings: Any) -> Layer:
    """A convolution of 2 maps."""
    plain: dict[str, Any] = {"filters": 2, "kernel_size": [3, 3], "activation": "relu"}
    return layer("Conv2D", name, before, **plain | settings)


def functional(*layers: Layer, name: str = "net", outputs: str | None = None) -> Layer:
    """The description of a functional model."""
    config = {
        "name": name,
        "trainable": True,
        "layers": list(layers),
        "input_layers": [[layers[0]["name"], 0, 0]],
        "output_layers": [[outputs or layers[-1]["name"], 0, 0]],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def chain(*layers: Layer) -> Layer:
    """The description of a functional model of layers one behind the other."""
    for before, one in itertools.pairwise(layers):
        one["inbound_nodes"] = [call(before["name"])]
    return functional(*layers)


def plain() -> Layer:
    """A network that is as it should be: a convolution of 2 maps."""
    return functional(image(), conv())


def weights(change: Callable[[h5py.File], object] | None = None, **options: Any) -> bytes:
    """The file of the weights of `plain`, changed."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        own = file.create_group("layers/conv2d/vars")
        own["0"], own["1"] = np.ones((3, 3, 1, 2), "f4"), np.ones(2, "f4")
        if change is not None:
            change(file)
    return stream.getvalue()


def h5(config: Any = None, change: Callable[[h5py.File], object] | None = None) -> bytes:
    """A `.h5` file."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = json.dumps(plain() if config is None else config)
        file.attrs["keras_version"], file.attrs["backend"] = "3.15.1", "tensorflow"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"image", b"conv"]
        group.create_group("image").attrs["weight_names"] = np.array([], "S1")
        own = group.create_group("conv")
        own.attrs["weight_names"] = [b"conv/kernel", b"conv/bias"]
        own["conv/kernel"], own["conv/bias"] = np.ones((3, 3, 1, 2), "f4"), np.ones(2, "f4")
        if change is not None:
            change(file)
    return stream.getvalue()


def keras(
    config: Any = None, held: bytes | None = None, *more: tuple[str, bytes], packed: int = zipfile.ZIP_STORED
) -> bytes:
    """A `.keras` file. `config` is what JSON is made of, or the bytes themselves."""
    text = config if isinstance(config, bytes) else json.dumps(plain() if config is None else config).encode()
    members = [("metadata.json", b'{"keras_version": "3.15.1"}'), ("config.json", text), *more]
    if held != b"":
        members.append(("model.weights.h5", weights() if held is None else held))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packed) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def written(data: bytes | Callable[[], bytes]) -> Callable[[Path], object]:
    """Makes a file of these bytes."""
    return lambda path: path.write_bytes(data() if callable(data) else data)


def sparse(size: int, start: bytes = b"") -> Callable[[Path], object]:
    """Makes a file that claims to have so many bytes."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(start)
            file.truncate(size)

    return make


def pipe(path: Path) -> None:
    """Makes a named pipe that nobody writes to."""
    os.mkfifo(path)


def bound(path: Path) -> None:
    """Makes a socket, from within its folder, as its address is short."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)


def link(target: str) -> Callable[[Path], object]:
    """Makes a link."""
    return lambda path: path.symlink_to(target)
