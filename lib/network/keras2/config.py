"""What Keras 2 wrote of a model, in the words of Keras 3: before Keras reads it, in memory; the file stays as it is.

Layers are mended by `lib.network.keras2.layers`, operators between layers by `lib.network.keras2.operations`. Here are
the graphs: how calls of layers are counted and written down.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lib.errors import BadInput
from lib.network.keras2.layers import Description, layer, split_activation
from lib.network.keras2.operations import NoSuchOperation, Operation, constant, operation, raw_operation

_OPERATORS = {"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"}


def is_keras2(version: str | bytes | None) -> bool:
    """Whether a file says that a Keras before the third wrote it. The very first said nothing."""
    text = version.decode("utf-8", "replace") if isinstance(version, bytes) else version
    return text is None or text.split(".")[0] in ("0", "1", "2")


def mend(config: Any, file: str) -> Any:
    """The configuration of a model of Keras 2, for Keras 3: that of `model_config` (`.h5`) or `config.json` (`.keras`).

    Raises:
        BadInput: it holds what Keras 3 has not, or no graph of layers.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise BadInput(f"{file} describes no Keras model: save it again from Keras")
    try:
        return _model(config, file)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, ArithmeticError) as problem:
        raise BadInput(f"{file} is damaged: what it says of its layers is not how Keras 2 writes them") from problem


def layers_of(config: Any) -> list[Description]:
    """The layers of a model as Keras 2 describes it, in its order; none for what is no model."""
    inner = config.get("config") if isinstance(config, dict) else None
    found = (
        inner.get("layers") if isinstance(inner, dict) else inner
    )  # a Sequential of Keras 2.0 is the list of its layers
    return found if isinstance(found, list) else []


def names_of(layers: Sequence[Description]) -> dict[str, str]:
    """The name of each layer in Keras 3, by that in the file: Keras 3 allows no slash."""
    taken = {name for name in map(name_of, layers) if "/" not in name}
    names: dict[str, str] = {}
    for name in map(name_of, layers):
        plain = name.replace("/", "_")
        while "/" in name and plain in taken:
            plain += "_"
        taken.add(plain)
        names[name] = plain
    return names


def name_of(description: Description) -> str:
    """What the layer is called in the file."""
    settings = description.get("config")
    name = description.get("name") or (settings.get("name") if isinstance(settings, dict) else None)
    return str(name or description["class_name"].lower())


def is_sequential(description: Description) -> bool:
    """Whether it describes a Sequential model."""
    return description.get("class_name") == "Sequential"


def is_model(description: Description) -> bool:
    """Whether it describes a model of layers, and no single layer."""
    return is_sequential(description) or bool(layers_of(description))


def _model(description: Description, file: str) -> Description:
    if is_sequential(description):
        return _sequential(description, file)
    if not layers_of(description):
        raise BadInput(
            f"{file} holds the subclassed model {description['class_name']}, whose code is not in the file: "
            "build it as a Sequential or functional model of Keras, give that the weights, and save it whole"
        )
    return _functional(description, file)


def _any_layer(description: Description, file: str) -> Description:
    """A layer or a model within a model."""
    if is_model(description):
        return _model(description, file)
    return layer(description, file, lambda inner: _model(inner, file))


def _sequential(description: Description, file: str) -> Description:
    inner = description["config"]
    layers = layers_of(description)
    name = inner.get("name") if isinstance(inner, dict) else None
    names = names_of(layers)
    mended: list[Description] = []
    if layers and layers[0]["class_name"] != "InputLayer" and (entry := _entry(description)) is not None:
        mended.append(entry)
    for one in layers:
        found = _any_layer(one, file)
        mended += split_activation(_called(found, names[name_of(one)]))
    config = {"name": name or description.get("name") or "sequential", "layers": mended}
    if isinstance(inner, dict) and "trainable" in inner:
        config["trainable"] = inner["trainable"]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": config,
        "registered_name": None,
        "name": config["name"],
    }


def _entry(description: Description) -> Description | None:
    """The input that a Sequential model of Keras 2 leaves to its first layer to say; None where nothing says it."""
    shape, dtype = _input_of(description)
    if shape is None and isinstance(description["config"], dict):
        shape = description["config"].get("build_input_shape")
    if shape is None:
        return None
    config = {
        "batch_shape": shape,
        "dtype": dtype,
        "name": f"{name_of(layers_of(description)[0])}_input".replace("/", "_"),
    }
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}


def _input_of(description: Description) -> tuple[Any, Any]:
    """The shape, with batch, and the type that a layer or model says it takes, where it does."""
    if layers := layers_of(description):
        return _input_of(layers[0])
    settings = description["config"]
    shape = settings.get("batch_input_shape") or settings.get("batch_shape")
    dtype = settings.get("dtype")
    return shape, dtype if isinstance(dtype, str) and description["class_name"] == "InputLayer" else "float32"


def _called(description: Description, name: str) -> Description:
    return description | {"config": description["config"] | {"name": name}, "name": name}


def _functional(description: Description, file: str) -> Description:
    inner = description["config"]
    return _Functional(layers_of(description), file).mended(inner)


class _Functional:
    """A functional model while its calls are written anew."""

    def __init__(self, layers: Sequence[Description], file: str) -> None:
        self.file = file
        self.layers = [one for one in layers if one["class_name"] not in ("AddLoss", "AddMetric")]
        self.names = names_of(self.layers)
        # Keras 2 counts a nested model's own graph as its first call
        self.nested = {name_of(one): is_sequential(one) for one in self.layers if is_model(one)}
        self.last: dict[str, str] = {}  # what holds a layer's output, where other layers follow it now

    def mended(self, inner: Mapping[str, Any]) -> Description:
        # operators last: what they call may have other layers behind it by then
        operators = {name_of(one): one for one in self.layers if one["class_name"] in _OPERATORS}
        others = {name_of(one): self._layer(one) for one in self.layers if name_of(one) not in operators}
        layers: list[Description] = []
        for one in self.layers:
            name = name_of(one)
            layers += [self._operator(one, self.names[name])] if name in operators else others[name]
        config = {
            "name": inner.get("name") or "model",
            "layers": [self._with_nodes(one) for one in layers],
            "input_layers": self._ends(inner["input_layers"]),
            "output_layers": self._ends(inner["output_layers"]),
        }
        if "trainable" in inner:
            config["trainable"] = inner["trainable"]
        return {
            "module": "keras.src.models.functional",
            "class_name": "Functional",
            "config": config,
            "registered_name": "Functional",
            "name": config["name"],
        }

    def _layer(self, one: Description) -> list[Description]:
        """The layer with, as `inbound_nodes`, what writes its calls: all layers must be known before."""
        name = self.names[name_of(one)]
        calls = one.get("inbound_nodes", [])
        found = _called(_any_layer(one, self.file), name)
        nodes = [lambda call=call: self._call(call) for call in calls]
        if is_model(one):
            return [found | {"inbound_nodes": nodes}]
        first, *behind = split_activation(found)
        parts, before = [first | {"inbound_nodes": nodes}], name
        for part in behind:
            history = [[before, number, 0] for number in range(max(len(calls), 1))]
            parts.append(
                part | {"inbound_nodes": [lambda place=place: _node([_tensor(place)], {}) for place in history]}
            )
            before = part["name"]
        self.last[name] = before
        return parts

    def _with_nodes(self, one: Description) -> Description:
        return one | {"inbound_nodes": [write() for write in one["inbound_nodes"]]}

    def _call(self, call: Any) -> Description:
        args, kwargs = self._arguments(call)
        if isinstance(args, list) and len(args) == 1:
            args = args[0]
        return _node([args], {name: value for name, value in kwargs.items() if value is not None})

    def _arguments(self, call: Any) -> tuple[Any, dict[str, Any]]:
        """What a layer is called with: a tensor, a list or a dictionary of them, and the rest by name."""
        if isinstance(call, dict):
            named = {name: self._arguments(part) for name, part in call.items()}
            return {name: part[0] for name, part in named.items()}, next(iter(named.values()))[1]
        if isinstance(call[0], str):
            rest = call[3] if len(call) > 3 else {}
            first = call[2] if call[0] == "_CONSTANT_VALUE" else self._found(call[:3])
            return first, {name: self._value(value) for name, value in rest.items()}
        parts = [self._arguments(part) for part in call]
        return [part[0] for part in parts], parts[0][1]

    def _value(self, value: Any) -> Any:
        """An argument by name: a tensor where it names one, else what it is."""
        if isinstance(value, list):
            if (
                len(value) >= 3
                and isinstance(value[0], str)
                and (value[0] in self.names or value[0] == "_CONSTANT_VALUE")
            ):
                return value[2] if value[0] == "_CONSTANT_VALUE" else self._found(value[:3])
            return [self._value(part) for part in value]
        if isinstance(value, dict) and "class_name" not in value:
            return {name: self._value(part) for name, part in value.items()}
        return value

    def _found(self, place: Sequence[Any]) -> Description:
        return _tensor(self._place(place, as_end=False))

    def _place(self, place: Sequence[Any], *, as_end: bool) -> list[Any]:
        name, node, tensor = place[:3]
        sequential = self.nested.get(name)
        # where a model ends, Keras 3 counts as Keras 2 did, but for a Sequential
        if sequential is not None and not (as_end and not sequential):
            node -= 1
        new = self.names[name]
        return [self.last.get(new, new), max(node, 0), tensor]

    def _ends(self, ends: Any) -> Any:
        if isinstance(ends, dict):
            return {name: self._ends(end) for name, end in ends.items()}
        if isinstance(ends, list) and ends and isinstance(ends[0], str):
            return self._place(ends, as_end=True)
        found = [self._ends(end) for end in ends]
        return found[0] if len(found) == 1 else found  # Keras 3 gives a list of one where it is told so

    def _operator(self, one: Description, name: str) -> Description:
        """An operator layer: its settings stand in its calls."""
        config: Description | None = None
        nodes: list[Callable[[], Description]] = []
        for call in one.get("inbound_nodes", []):
            try:
                found = self._operation(one, call)
            except NoSuchOperation as problem:
                raise BadInput(
                    f"{self.file} computes {problem} ({name!r}), for which there is no layer or operation of Keras 3: "
                    "rebuild the model with Keras's own layers and save it again"
                ) from problem
            written = found.config(name)
            if config is not None and config != written:
                raise BadInput(f"{self.file} calls {name!r} with differing settings: give each call a layer of its own")
            config = written
            nodes.append(partial(_node, list(found.called_with), dict(found.by_name)))
        if config is None:
            raise BadInput(f"{self.file} is damaged: nothing calls {name!r}")
        return config | {"inbound_nodes": nodes}

    def _operation(self, one: Description, call: Any) -> Operation:
        settings = one["config"]
        first, rest = self._arguments(call)
        if one["class_name"] == "TensorFlowOpLayer":
            about = settings["node_def"]
            if not isinstance(about, dict):
                raise NoSuchOperation("an operation of TensorFlow's graph")
            inputs = list(first) if isinstance(first, list) else [first]
            for place, value in sorted((int(place), value) for place, value in settings.get("constants", {}).items()):
                inputs.insert(place, constant(value))
            return raw_operation(str(about.get("op")), inputs)
        return operation(str(settings.get("function")), {"": first, **rest})


def _node(args: list[Any], kwargs: Mapping[str, Any]) -> Description:
    return {"args": args, "kwargs": dict(kwargs)}


def _tensor(place: Sequence[Any]) -> Description:
    """A tensor of the graph; its shape and type are found when the graph is built."""
    about = {"shape": [None], "dtype": "float32", "keras_history": list(place)}
    return {"class_name": "__keras_tensor__", "config": about}
