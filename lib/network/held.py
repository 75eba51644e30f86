"""Networks with several inputs or outputs, as networks with one image input.

One image input is grown, and dreams; the others are held at what they are told. A held input becomes a constant within
the model's own graph, made of operations of Keras, so that what is stored is a whole model that anything can read. The
layers keep their names, and their weights.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import Array
from lib.door import limits
from lib.door.files import read_file
from lib.door.npy_header import read_header
from lib.errors import BadInput, BadValue
from lib.network.graph import LOCK
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels

FORMS = "NAME=zeros, NAME=mean, NAME=VALUE or NAME=FILE (a .npy file or a picture)"
"""How it is said at what an input is held."""


@dataclass(frozen=True)
class Part:
    """What of a network with several inputs or outputs is looked at: at what inputs are held, and the name of an
    output."""

    hold: tuple[str, ...] = ()
    output: str | None = None

    def of(
        self, model: KerasModel, pixels: Pixels | None = None, read_picture: "ReadPicture | None" = None
    ) -> KerasModel:
        """The model with one image input. Raises as `with_one_input`, and BadValue for a `hold` that says nothing."""
        return with_one_input(model, parse_hold(self.hold), self.output, pixels, read_picture)


WHOLE = Part()
"""A network as it is."""
ReadPicture = Callable[[bytes, tuple[int | None, ...]], Array]
"""Gives a picture file's picture within 0..1, in the height, width and channels that are asked for."""


def parse_hold(said: Sequence[str]) -> dict[str, str]:
    """What each input is held at, by the input's name.

    Raises:
        BadValue: what is said is none of `FORMS`, or names an input twice.
    """
    found: dict[str, str] = {}
    for one in said:
        name, mark, what = (part.strip() for part in one.rpartition("="))
        if not mark or not name or not what or name in found:
            raise BadValue("hold", one, f"write {FORMS}, each input once")
        found[name] = what
    return found


def with_one_input(
    model: KerasModel,
    hold: Mapping[str, str] | None = None,
    output: str | None = None,
    pixels: Pixels | None = None,
    read_picture: ReadPicture | None = None,
) -> KerasModel:
    """The model with one image input, and one of its outputs where that is named; itself where nothing is to be done.

    Args:
        model: functional or sequential.
        hold: by the names of inputs, at what they are held (`FORMS`).
        output: the name of an output (`outputs_of`).
        pixels: what the network takes for a picture, where that is known: a picture that an input is held at is turned
        into it.
        read_picture: what reads picture files; without it there are none.

    Raises:
        BadInput: it has no such input or output, or what is left is not one image input; it cannot be held so.
    """
    hold = hold or {}
    inputs = getattr(model, "inputs", None)
    if not inputs or (len(inputs) == 1 and not hold and output is None):
        return model
    entries = inputs_of(model)
    for name in hold:
        if name not in entries:
            raise BadInput(f"model {model.name!r} has no input {name!r}: it has {_listed(entries)}")
    left = [name for name in entries if name not in hold]
    if len(left) != 1:
        raise BadInput(_too_many(model.name, entries, hold))
    if len(entries[left[0]].shape) != 4:
        raise BadInput(f"input {left[0]!r} of model {model.name!r} is no image: hold it, and leave an image free")
    ends = outputs_of(model)
    if output is not None and output not in ends:
        raise BadInput(f"model {model.name!r} has no output {output!r}: it has {_listed(ends)}")
    if not hold and (output is None or len(ends) == 1):
        return model
    values = {name: _value(name, entries[name], what, model, pixels, read_picture) for name, what in hold.items()}
    return _rebuilt(model, entries, left[0], values, ends if output is None else {output: ends[output]})


def inputs_of(model: Any) -> dict[str, Any]:
    """The inputs of a model by their names, in its order."""
    return {tensor._keras_history.operation.name: tensor for tensor in model.inputs}


def outputs_of(model: Any) -> dict[str, Any]:
    """The outputs of a model by their names: those of its dictionary, else of the layer that makes each.

    A layer that makes several outputs is followed by their numbers: `head`, `head:1`.
    """
    struct = _struct(model)
    if isinstance(struct, dict) and all(hasattr(tensor, "shape") for tensor in struct.values()):
        return dict(struct)
    found: dict[str, Any] = {}
    for tensor in model.outputs:
        name = base = tensor._keras_history.operation.name
        number = 0
        while name in found:
            number += 1
            name = f"{base}:{number}"
        found[name] = tensor
    return found


def _struct(model: Any) -> Any:
    """How a model's outputs are arranged."""
    return getattr(getattr(model, "_functional", None) or model, "_outputs_struct", None)


def _too_many(model: str, entries: Mapping[str, Any], hold: Mapping[str, str]) -> str:
    """The question which input is the image, with the option that answers it."""
    left = [name for name in entries if name not in hold]
    if not left:
        return f"model {model!r} has no input left: hold all but the image that is to be grown"
    images = [name for name in left if len(entries[name].shape) == 4]
    image = images[0] if images else left[0]
    example = " ".join(f"--hold {_shell(name)}=zeros" for name in left if name != image)
    return f"model {model!r} has the inputs {_listed(entries)}: hold all but one image, as {example}"


def _shell(name: str) -> str:
    return name if name.isidentifier() else f"'{name}'"


def _listed(tensors: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} ({'x'.join('any' if side is None else str(side) for side in tensor.shape[1:])})"
        for name, tensor in tensors.items()
    )


def _value(
    name: str, tensor: Any, what: str, model: Any, pixels: Pixels | None, read_picture: ReadPicture | None
) -> Array:
    """What an input is held at, without batch, in the input's type."""
    shape = tuple(tensor.shape[1:])
    dtype = np.dtype("int32" if "int" in str(tensor.dtype) or str(tensor.dtype) == "bool" else "float32")
    if is_file(what):
        found = _from_file(name, shape, Path(what), pixels, read_picture)
        return np.asarray(found, dtype)
    if any(side is None for side in shape):
        raise BadInput(f"input {name!r} takes any size: hold it at a .npy file, as --hold {_shell(name)}=FILE.npy")
    if what == "mean":
        return np.asarray(np.broadcast_to(_mean(name, tensor, shape, model, pixels), shape), dtype)
    if what != "zeros" and not _number(what):
        raise BadValue("hold", f"{name}={what}", f"write {FORMS}")
    return np.full(shape, 0.0 if what == "zeros" else float(what), dtype)


def is_file(what: str) -> bool:
    """Whether an input is held at what is in a file."""
    return bool(Path(what).suffix) and not _number(what)


def _number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _mean(name: str, tensor: Any, shape: Sequence[int], model: Any, pixels: Pixels | None) -> Array:
    """The mean of an input: what its own Normalization was adapted to, or grey for a picture."""
    import keras

    plain = keras.Model(model.inputs, model.outputs)
    for layer in plain.layers:
        for node in layer._inbound_nodes:
            if isinstance(layer, keras.layers.Normalization) and any(one is tensor for one in node.input_tensors):
                return np.asarray(layer.mean)[0]
    if len(shape) == 3 and pixels is not None:
        return pixels.to_network(np.full(shape, 0.5, np.float32))
    raise BadInput(
        f"nothing tells the mean of input {name!r}: hold it at a number or a file, as --hold {_shell(name)}=0.5"
    )


def _from_file(
    name: str, shape: tuple[int | None, ...], path: Path, pixels: Pixels | None, read_picture: ReadPicture | None
) -> Array:
    """An array of a `.npy` file as it stands, or a picture in the size and the pixels of the input."""
    data = read_file(path, most=limits.GB)
    if path.suffix.lower() == ".npy":
        header = io.BytesIO(data)
        sides, kind = read_header(header, str(path))
        if math.prod(sides) * kind.itemsize > len(data) - header.tell():
            raise BadInput(f"{path} promises more than it holds: it is damaged; write it again with numpy.save")
        try:
            found = np.load(io.BytesIO(data), allow_pickle=False)
        except ValueError as problem:
            raise BadInput(f"{path} is no array of NumPy, or is damaged: write it with numpy.save") from problem
    else:
        if len(shape) != 3 or pixels is None or read_picture is None:
            why = "is no image" if len(shape) != 3 else "is a picture whose pixels nobody has said: add --pixels"
            raise BadInput(f"input {name!r} {why}, or hold it at a .npy file")
        found = pixels.to_network(read_picture(data, shape))
    found = found[0] if found.ndim == len(shape) + 1 and found.shape[0] == 1 else found
    if found.ndim != len(shape) or any(side not in (None, own) for side, own in zip(shape, found.shape, strict=True)):
        wanted = "x".join("any" if side is None else str(side) for side in shape)
        raise BadInput(f"{path} holds {'x'.join(map(str, found.shape))}, and input {name!r} takes {wanted}")
    if not np.isfinite(found).all():
        raise BadInput(f"{path} holds infinities or NaN: hold input {name!r} at finite numbers")
    return np.asarray(found)


def _rebuilt(
    model: Any, entries: Mapping[str, Any], image: str, values: Mapping[str, Array], ends: Mapping[str, Any]
) -> KerasModel:
    """The model's own layers, called with constants where inputs are held."""
    import keras

    with LOCK:
        plain = keras.Model(list(entries.values()), list(ends.values()))
        tensor = entries[image]
        entry = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=image)
        given = [entry if name == image else _constant(entry, name, values[name]) for name in entries]
        found = keras.Function.call(plain, given)  # layer by layer: a model called as one is one layer
        outputs = dict(zip(ends, keras.tree.flatten(found), strict=True))
        # as the model gave them: one, a list, or a dictionary
        struct = next(iter(outputs.values())) if len(outputs) == 1 else list(outputs.values())
        if len(outputs) > 1 and isinstance(_struct(model), dict):
            struct = outputs
        built: KerasModel = keras.Model(entry, struct, name=model.name)
        return built


def _constant(image: Any, name: str, value: Array) -> Any:
    """A tensor that holds a value for each image of a batch: what is added to nothing of the image itself."""
    from keras.src.ops import core, numpy

    first = numpy.GetItem(name=f"{name}_of_batch")(image, (slice(None), *[0] * (len(image.shape) - 1)))
    nothing = numpy.Multiply(name=f"{name}_nothing")(first, 0.0)
    if value.dtype.kind == "i":
        nothing = core.Cast("int32", name=f"{name}_numbers")(nothing)
    spread = numpy.Reshape((-1, *[1] * value.ndim), name=f"{name}_spread")(nothing)
    return numpy.Add(name=name)(spread, value[None])
