"""A user's own models and pictures: what comes of them, and what is refused without a trace."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.errors import BadInput
from lib.oips.settings import GrowthSettings
from lib.oips.similarity import correlation
from lib.training.settings import TrainSettings
from storage.store import Store
from tests.flows.tiny import GROWTH, MAPS, SIDE, Bench, saved, small_cnn, with_weights, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pictures of 12x12, grey."""
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that can be swept."""
    return saved(small_cnn(), tmp_path_factory.mktemp("model") / "small.keras")


def registered(store: Path, file: Path, data: str | None = None) -> dict[str, Any]:
    from flows.forms.parameters import RegisterParameters
    from flows.register import register

    return register(RegisterParameters(store=str(store), file=file, data=data, data_dir=None))


def test_a_model_is_the_same_whether_it_comes_as_keras_or_as_h5(tmp_path: Path, data: str, good: Path) -> None:
    first = registered(tmp_path / "store", good, data)
    second = registered(tmp_path / "store", saved(small_cnn(), tmp_path / "small.h5"), data)
    store = Store.open(tmp_path / "store")
    assert first["model"] == second["model"] == f"model/small-{first['model'][-8:]}"
    assert first["parameters"] == small_cnn().count_params()
    assert store.ref("model/latest") == store.ref(second["model"])
    one, other = (run.units["model"].record for run in store.runs())
    outputs = [store.record(key).output("model") for key in (one, other)]
    assert one != other
    assert outputs[0].digest == outputs[1].digest
    assert outputs[0].identity == outputs[1].identity

    bench = Bench(tmp_path / "store", str(second["model"]), None)
    assert bench.sweep(layers=["Conv2D_1"])["computed"] == 4
    again = bench.sweep(model=str(good), data=data, layers=["Conv2D_1"])
    assert (again["computed"], again["reused"]) == (0, 4)


def planted() -> Any:
    """The tiny network whose second layer has a map that cannot respond, and one that would need a wonder."""
    model = small_cnn()
    kernel, bias = (np.array(part) for part in model.get_layer("Conv2D_2").get_weights())
    kernel[..., 1] = -np.abs(kernel[..., 1])
    bias[1] = -0.1
    bias[4] = -1e6
    model.get_layer("Conv2D_2").set_weights([kernel, bias])
    return model


@pytest.mark.parametrize("exemplars", [True, False])
def test_maps_that_cannot_respond_are_dead_or_silent_and_none_is_unreached(
    tmp_path: Path, data: str, exemplars: bool
) -> None:
    bench = Bench(tmp_path / "store", saved(planted(), tmp_path / "planted.keras"), data if exemplars else None)
    units = {unit["unit"]: unit for unit in bench.sweep(layers=["Conv2D_2"])["units"]}
    assert units["Conv2D_2/1"]["verdict"] == "dead"
    assert units["Conv2D_2/4"]["verdict"] in ("silent", "dead")
    for name, unit in units.items():
        if name not in ("Conv2D_2/1", "Conv2D_2/4"):
            assert unit["verdict"] == "responded"
            assert unit["response"] > 0
        assert len(unit["exemplars"]) == len(unit["exemplar_responses"]) == (9 if exemplars else 0)
        assert (unit["response_ratio"] is None) == (not exemplars or unit["response"] == 0)
    assert units["Conv2D_2/4"]["response"] == 0
    assert units["Conv2D_2/4"]["pre_activation"] < -1e5


def colours() -> Any:
    """A residual network for pictures of any size in colours, with every kind of convolution."""
    import keras
    from keras import layers

    image = keras.Input((None, None, 3))
    x = layers.Conv2D(5, 3, padding="same", use_bias=False, name="first")(image)
    x = short = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(5, 3, padding="same", name="separable")(x)
    x = layers.ReLU()(layers.Add()([x, short]))
    x = layers.Conv2DTranspose(3, 3, strides=2, activation="relu", name="transposed")(x)
    return with_weights(keras.Model(image, x), 2)


def test_any_convolution_in_colours_is_swept_at_the_size_that_is_asked_for(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "pictures", side=10, channels=3, each=4)
    model = saved(colours(), tmp_path / "colours.keras")
    bench = Bench(tmp_path / "store", model, data)
    summary = bench.sweep()  # pictures decide where nobody chose a size
    assert {layer: sum(counts.values()) for layer, counts in summary["verdicts"].items()} == {
        "first": 5,
        "depthwise": 5,
        "separable": 5,
        "transposed": 3,
    }
    assert not any(counts["failed"] or counts["unreached"] for counts in summary["verdicts"].values())
    assert np.load(summary["units"][0]["npy"]).shape[1:] == (10, 10, 3)

    for growth in (GROWTH, dataclasses.replace(GROWTH, constraint="box")):
        bare = Bench(tmp_path / "bare", model, None).sweep(size=(9, 14), layers=["separable/0-1"], growth=growth)
        images = np.load(bare["units"][0]["npy"])
        assert images.shape[1:] == (9, 14, 3)
        if growth.constraint == "box":
            assert images.min() >= 0
            assert images.max() <= 1
        else:
            np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 0, atol=1e-5)
            np.testing.assert_allclose(images.std(axis=(1, 2, 3)), 1, atol=1e-4)


def test_nodes_and_class_units_are_swept_where_they_are_chosen(tmp_path: Path, data: str, good: Path) -> None:
    import keras

    bench = Bench(tmp_path / "store", good, data)
    summary = bench.sweep(layers=["classes"])
    assert summary["verdicts"]["classes"]["responded"] == 3
    model = small_cnn()
    before_softmax = keras.Model(
        model.inputs, model.get_layer("flatten").output
    )  # a class unit ascends before the softmax
    kernel, bias = model.get_layer("classes").get_weights()
    for number, unit in enumerate(summary["units"]):
        images = np.load(unit["npy"])
        logits = np.asarray(before_softmax([images])) @ kernel + bias
        np.testing.assert_allclose(logits[:, number], [oip["response"] for oip in unit["oips"]], rtol=1e-4)


def test_stored_images_respond_as_they_are_said_to_and_differ(tmp_path: Path, data: str, good: Path) -> None:
    """Responses, exemplars and ratios again, with Keras's own layers and NumPy alone."""
    import keras

    bench = Bench(tmp_path / "store", good, data)
    growth = GrowthSettings(constraint="standardised", oips=3, starts=8, steps=16, seed=1)
    summary = bench.sweep(growth=growth)
    model = small_cnn()
    record = next(record for record in bench.store.records() if record.task == "data")
    natural = np.array(bench.store.array(record.output("train_imgs").digest))
    standardised = natural - natural.mean(axis=(1, 2, 3), keepdims=True)
    standardised /= standardised.std(axis=(1, 2, 3), keepdims=True)
    several = 0
    for layer in MAPS:
        part = keras.Model(model.inputs, model.get_layer(layer).output)
        natural_responses = np.asarray(part([standardised]), np.float64).mean(axis=(1, 2))
        for unit in (unit for unit in summary["units"] if unit["unit"].startswith(f"{layer}/")):
            index = int(unit["unit"].split("/")[1])
            images = np.load(unit["npy"])
            responses = np.asarray(part([images]), np.float64).mean(axis=(1, 2))[:, index]
            np.testing.assert_allclose([oip["response"] for oip in unit["oips"]], responses, rtol=1e-4)
            best = np.argsort(-natural_responses[:, index], kind="stable")[:9]
            np.testing.assert_allclose(unit["exemplar_responses"], natural_responses[best, index], rtol=1e-4)
            np.testing.assert_allclose(natural_responses[unit["exemplars"], index], natural_responses[best, index],
                                       rtol=1e-4)  # fmt: skip
            assert unit["response_ratio"] == pytest.approx(responses[0] / natural_responses[best[0], index], rel=1e-4)
            assert all(
                correlation(first, second) < 0.8
                for at, first in enumerate(images)
                for second in images[:at]
            )  # fmt: skip
            assert unit["only_one_pattern"] == (len(images) == 1)
            several += len(images) > 1
    assert several >= 3


def broken(path: Path, source: Path) -> Path:
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    return path


def with_lambda(path: Path) -> Path:
    import keras

    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Lambda(lambda x: x * 2)])
    return saved(model, path)


def without_convolution(path: Path) -> Path:
    import keras

    layers = [keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(3, name="only")]
    return saved(keras.Sequential(layers), path)


SWEEPS: dict[str, tuple[Callable[..., dict[str, Any]], str]] = {
    "an unknown layer": (lambda **_: {"layers": ["conv2d_1"]}, "did you mean Conv2D_1"),
    "an unknown unit": (lambda **_: {"layers": ["Conv2D_1/4"]}, "0 to 3"),
    "an unknown layer of a model to train": (
        lambda **_: {"train": _training(), "model": None, "data": None, "layers": ["Conv2D_4"]},
        "did you mean Conv2D_",
    ),
    "no convolution": (lambda tmp_path, **_: {"model": str(without_convolution(tmp_path / "m.keras"))}, "only"),
    "a damaged file": (lambda tmp_path, good, **_: {"model": str(broken(tmp_path / "m.keras", good))}, "damaged"),
    "a lambda": (lambda tmp_path, **_: {"model": str(with_lambda(tmp_path / "m.keras"))}, "Lambda"),
    "no file": (lambda tmp_path, **_: {"model": str(tmp_path / "none.keras")}, "there is no file"),
    "a size that does not suit": (lambda **_: {"size": (4, 4), "data": None}, "4x4"),
    "no data set of this name": (lambda **_: {"data": "mnits"}, "mnist"),
}


def _training() -> TrainSettings:
    return TrainSettings(epochs=1)


@pytest.mark.parametrize("case", SWEEPS)
def test_a_sweep_that_cannot_be_leaves_one_line_and_no_trace(case: str, tmp_path: Path, data: str, good: Path) -> None:
    changes, words = SWEEPS[case]
    with pytest.raises(BadInput, match=words) as caught:
        Bench(tmp_path / "store", good, data).sweep(**changes(tmp_path=tmp_path, good=good))
    assert "\n" not in str(caught.value)
    store = Store.open(tmp_path / "store")
    assert (list(store.records()), store.runs(), store.refs()) == ([], [], {})


def test_a_typo_in_a_later_sweep_leaves_no_trace_either(tmp_path: Path, data: str, good: Path) -> None:
    bench = Bench(tmp_path / "store", registered(tmp_path / "store", good, data)["model"], None)
    before = (sorted(record.key for record in bench.store.records()), bench.store.runs(), bench.store.refs())
    for changes in ({"layers": ["Conv2D_7"]}, {"data": "mnits"}, {"size": (2, 2)}):
        with pytest.raises(BadInput):
            bench.sweep(**changes)
    with pytest.raises(BadInput, match="model/other"):
        bench.sweep(model="model/other")
    with pytest.raises(BadInput, match="both given"):
        bench.sweep(train=_training(), model=bench.model)
    assert (sorted(record.key for record in bench.store.records()), bench.store.runs(), bench.store.refs()) == before


def test_a_network_of_a_free_size_wants_one_where_there_are_no_pictures(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store", saved(colours(), tmp_path / "colours.keras"), None)
    with pytest.raises(BadInput, match="--size"):
        bench.sweep()
    assert bench.store.runs() == []


@pytest.mark.parametrize("make", [broken, with_lambda])
def test_a_file_that_is_no_model_or_carries_code_is_not_registered(tmp_path: Path, good: Path, make: Any) -> None:
    file = make(tmp_path / "model.keras", good) if make is broken else make(tmp_path / "model.keras")
    with pytest.raises(BadInput) as caught:
        registered(tmp_path / "store", file)
    assert "\n" not in str(caught.value)
    store = Store.open(tmp_path / "store")
    assert (list(store.records()), store.runs()) == ([], [])


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"starts": -1}, "starts is -1"), ({"steps": -3}, "steps is -3"), ({"oips": -2}, "oips is -2")],
)
def test_settings_that_make_no_sense_are_refused_wherever_they_come_from(settings: Any, words: str) -> None:
    from flows.forms.parameters import SweepParameters

    with pytest.raises(BadInput, match=words):
        GrowthSettings(**settings)
    (value,) = settings.values()
    with pytest.raises(BadInput, match=f" is {value};"):
        SweepParameters.model_validate({"growth": settings})
