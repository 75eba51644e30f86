"""Models as files: the same again, and never code."""

import io
import json
import time
import zipfile

import h5py
import numpy as np
import pytest

from lib.errors import BadInput
from lib.network import model_file
from lib.training import reference

pytestmark = pytest.mark.heavy

keras = pytest.importorskip("keras")


def small():
    return reference.build((18, 18, 1), 3, seed=5)


def compiled():
    model = small()
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, 10)), "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    for number, variable in enumerate(model.optimizer.variables):
        variable.assign(np.full(variable.shape, number + 7))  # as if it had made 7 steps
    return model


def everything():
    """Convolutions of all kinds, batch normalisation, a shared layer, additions, nesting, dropout, shared dtype."""
    layers = keras.layers
    inner_in = keras.Input((None, None, 4), name="inner_in")
    inner = keras.Model(inner_in, layers.DepthwiseConv2D(3, padding="same", name="deep")(inner_in), name="inner")
    policy = keras.DTypePolicy("float32")
    shared = layers.Conv2D(4, 3, padding="same", activation="gelu", name="shared", dtype=policy)
    image = keras.Input((None, None, 3), name="image")
    x = layers.SeparableConv2D(4, 3, padding="same", name="separable", dtype=policy)(image)
    y = layers.LeakyReLU(negative_slope=0.1, name="leaky")(layers.BatchNormalization(name="norm")(shared(shared(x))))
    z = layers.Dropout(0.5, seed=3, name="drop")(layers.Add(name="first")([inner(y), x]))
    z = layers.Conv2DTranspose(2, 3, kernel_regularizer="l2", name="up")(layers.Add(name="sum")([z, y]))
    return keras.Model(image, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D(name="pool")(z)), name="all")


def images(model):
    shape = [side or 12 for side in model.input_shape[1:]]
    return np.random.default_rng(0).random((5, *shape), dtype=np.float32)


FORMATS = {"keras": model_file.keras_bytes, "h5": model_file.h5_bytes}


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("build", [small, compiled, everything])
def test_a_model_reloads_to_the_same_predictions_and_identity(build, written, tmp_path):
    model = build()
    data = written(model)
    again = model_file.load(data)
    np.testing.assert_array_equal(again(images(model)), model(images(model)))
    assert model_file.identity(again) == model_file.identity(model)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    (tmp_path / "file").write_bytes(data)
    assert model_file.identity(model_file.load(tmp_path / "file")) == model_file.identity(model)


def with_the_same_weights(build):
    """Not by Keras's seed: threads of Prefect's draw from the same generator of Python's."""
    keras.backend.clear_session()
    model = build()
    for number, variable in enumerate(model.trainable_variables):
        variable.assign(np.random.default_rng(number).normal(size=variable.shape))
    return model


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("build", [compiled, everything])
def test_the_same_model_is_written_as_the_same_bytes(build, written):
    first = written(with_the_same_weights(build))
    # beyond the two seconds that a zip's clock tells apart
    time.sleep(2.1)
    assert written(with_the_same_weights(build)) == first


def test_arithmetic_written_with_operators_reloads():
    # as .keras only: Keras itself does not read its own .h5 of such a model
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.ops.relu(keras.layers.Conv2D(2, 3)(image) * 2 + 1))
    again = model_file.load(model_file.keras_bytes(model))
    np.testing.assert_array_equal(again(images(model)), model(images(model)))
    assert model_file.identity(again) == model_file.identity(model)


def test_the_bytes_of_a_reloaded_checkpoint_are_its_bytes():
    data = model_file.keras_bytes(compiled())
    assert model_file.keras_bytes(model_file.load(data, compiled=True)) == data


def test_the_optimisers_state_comes_back_when_asked_for():
    model = compiled()
    data = model_file.keras_bytes(model)
    again = model_file.load(data, compiled=True)
    assert int(again.optimizer.iterations) == 7
    for ours, theirs in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert not model_file.load(data).compiled


def test_identity_is_of_weights_and_architecture_and_not_of_training():
    model = small()
    identity = model_file.identity(model)
    assert identity == model_file.identity(small())
    model.compile("sgd", "categorical_crossentropy")
    model.layers[0].trainable = False
    assert model_file.identity(model) == identity
    penalised = reference.build((18, 18, 1), 3, seed=5, l2=0.1)
    assert model_file.identity(penalised) == identity
    assert model_file.identity(reference.build((18, 18, 1), 3, seed=6)) != identity
    kernel = model.layers[0].kernel
    changed = kernel.numpy()
    changed[0, 0, 0, 0] = np.nextafter(changed[0, 0, 0, 0], np.float32(9))
    kernel.assign(changed)
    assert model_file.identity(model) != identity


def test_identity_tells_activations_and_names_apart():
    def one(name, activation):
        layer = keras.layers.Conv2D(2, 3, name=name, activation=activation, kernel_initializer="ones")
        return keras.Sequential([keras.Input((8, 8, 1), name="image"), layer], name="model")

    identities = {model_file.identity(one(*what)) for what in (("a", "relu"), ("b", "relu"), ("a", "elu"))}
    assert len(identities) == 3


# what a file must not carry


def lambda_model():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x * 2, name="trick")])


def rewritten(data, change):
    """The `.keras` file with its configuration changed by hand, as an attacker would."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return out.getvalue()


def rewritten_h5(data, change):
    stream = io.BytesIO(data)
    with h5py.File(stream, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs.modify("model_config", json.dumps(config))
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_a_lambda_layer_is_refused_in_both_formats(written):
    with pytest.raises(BadInput, match=r"yours holds a Lambda \('trick'\), which runs code") as caught:
        model_file.load(written(lambda_model()), name="yours")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_a_lambda_layer_deep_in_a_nested_model_is_refused(written):
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.TimeDistributed(lambda_model())(image[:, None]))
    with pytest.raises(BadInput, match="Lambda"):
        model_file.load(written(model))


def in_first_layer(**change):
    return lambda config: config["config"]["layers"][1].update(change)


TRICKS = {
    "another module": in_first_layer(module="os", class_name="system", registered_name=None),
    "a module that looks like Keras": in_first_layer(module="kerasy.layers", registered_name=None),
    "a custom class": in_first_layer(module=None, class_name="Mine", registered_name="mine>Mine"),
    "a function that loads": in_first_layer(
        module="keras.models", class_name="function", config="load_model", registered_name="function"
    ),
    "switching safe mode off": in_first_layer(
        module="keras.config", class_name="function", config="enable_unsafe_deserialization", registered_name="function"
    ),
    "a saved model": in_first_layer(module="keras.layers", class_name="TFSMLayer", config={"filepath": "/tmp/x"}),
    "a torch module": in_first_layer(module="keras.layers", class_name="TorchModuleWrapper", config={"module": "x"}),
    "a marshalled function": in_first_layer(class_name="__lambda__", config={"value": "4wEAAA=="}),
    "a vocabulary file": in_first_layer(class_name="StringLookup", config={"vocabulary": "/etc/passwd"}),
    "an activation of its own": lambda config: config["config"]["layers"][1]["config"].update(
        activation={"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"}
    ),
    "a class without a name": in_first_layer(class_name={"not": "a name"}),
    "a typespec": in_first_layer(class_name="__typespec__", spec_name="x", module="os", config=[]),
}


@pytest.mark.parametrize("change", TRICKS.values(), ids=TRICKS)
@pytest.mark.parametrize(("written", "rewritten_as"), [(FORMATS["keras"], rewritten), (FORMATS["h5"], rewritten_h5)])
def test_a_configuration_changed_by_hand_is_refused_before_keras_sees_it(written, rewritten_as, change, monkeypatch):
    data = rewritten_as(written(small()), change)
    asked = "Keras was asked for it"
    monkeypatch.setattr(keras.models, "load_model", lambda *_, **__: pytest.fail(asked))
    monkeypatch.setattr(keras.layers.Layer, "from_config", lambda *_, **__: pytest.fail(asked))
    with pytest.raises(BadInput) as caught:
        model_file.load(data, name="yours")
    assert "\n" not in str(caught.value)


def test_the_old_lambda_of_keras_2_is_refused():
    def change(config):
        config["config"]["layers"][1] = {
            "class_name": "Lambda",
            "config": {"name": "old", "function": ["4wEAAA==", None, None], "function_type": "lambda"},
        }

    with pytest.raises(BadInput, match="Lambda"):
        model_file.load(rewritten_h5(model_file.h5_bytes(small()), change))


@pytest.mark.filterwarnings("ignore")
def test_a_custom_loss_does_not_keep_a_model_from_loading():
    model = small()
    model.compile("sgd", lambda y, p: keras.ops.mean(y - p))
    for written in FORMATS.values():
        model_file.load(written(model))


# damage


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x89HDF\r\n\x1a\n torn", b"<html>"])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(BadInput, match=r"yours (is|cannot)"):
        model_file.load(content, name="yours")


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_half_a_file_is_refused(written):
    data = written(small())
    with pytest.raises(BadInput, match=r"yours .*save it again"):
        model_file.load(data[: len(data) // 2], name="yours")


def test_a_flipped_bit_in_the_weights_is_noticed():
    data = bytearray(model_file.keras_bytes(small()))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadInput, match="damaged"):
        model_file.load(bytes(data))


def test_weights_alone_are_refused(tmp_path):
    path = tmp_path / "some.weights.h5"
    small().save_weights(path)
    with pytest.raises(BadInput, match="holds weights only"):
        model_file.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"there is no file .*none\.keras"):
        model_file.load(tmp_path / "none.keras")
