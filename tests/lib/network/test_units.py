"""Units, and how a user names them and their layers."""

from typing import Any

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers as kl

from lib.errors import BadInput
from lib.network.graph import graph_of
from lib.network.units import Unit, check_patterns, select_layers, select_units
from lib.training.reference import build
from tests.lib.keras_zoo import ZOO


@pytest.fixture(scope="module")
def reference() -> Any:
    return build((28, 28, 1), 10)


def names(model: Any, patterns: list[str] | None = None) -> list[str]:
    return [layer.name for layer in select_layers(model, patterns)]


@given(st.text(min_size=1).filter(lambda text: not text.endswith("/")), st.integers(0, 10**6))
def test_a_unit_reads_as_it_is_written(layer: str, index: int) -> None:
    assert Unit.parse(str(Unit(layer, index))) == Unit(layer, index)


def test_a_unit_of_a_nested_layer_is_cut_at_the_last_slash() -> None:
    assert Unit.parse("backbone/conv1/17") == Unit("backbone/conv1", 17)


@pytest.mark.parametrize("text", ["Conv2D_2", "Conv2D_2/", "/17", "Conv2D_2/-1", "Conv2D_2/x", "Conv2D_2/²", ""])
def test_text_that_names_no_unit_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="names no unit"):
        Unit.parse(text)


def test_units_sort_by_number() -> None:
    assert sorted([Unit("a", 10), Unit("a", 9)]) == [Unit("a", 9), Unit("a", 10)]


def test_all_convolutions_are_the_default(reference: Any) -> None:
    layers = select_layers(reference, None)
    assert [(layer.name, layer.kind, layer.units, layer.shape) for layer in layers] == [
        ("Conv2D_1", "map", 32, (26, 26, 32)),
        ("Conv2D_2", "map", 64, (11, 11, 64)),
        ("Conv2D_3", "map", 128, (3, 3, 128)),
    ]
    assert select_layers(reference, []) == layers


def test_patterns_choose_layers_in_the_networks_order(reference: Any) -> None:
    assert names(reference, ["dense_*", "Conv2D_[13]", "Conv2D_1"]) == ["Conv2D_1", "Conv2D_3", "dense_1", "dense_2"]


def test_some_units_of_a_layer_can_be_chosen(reference: Any) -> None:
    chosen = select_units(reference, ["Conv2D_2/17", "Conv2D_2/3-5", "Conv2D_2/4-6", "dense_2"])
    assert {layer.name: units for layer, units in chosen.items()} == {
        "Conv2D_2": (3, 4, 5, 6, 17),
        "dense_2": tuple(range(10)),
    }


@pytest.mark.parametrize("pattern", ["Conv2D_2/64", "Conv2D_2/60-64", "Conv2D_*/40"])
def test_a_unit_that_a_layer_does_not_have_is_refused(reference: Any, pattern: str) -> None:
    with pytest.raises(BadInput, match=r"has .* units, 0 to"):
        select_units(reference, [pattern])


def test_a_range_that_runs_backwards_is_refused_whatever_the_layer_has(reference: Any) -> None:
    for refuse in (lambda: select_units(reference, ["Conv2D_2/9-3"]), lambda: check_patterns(["x/9-3"], {"x": None})):
        with pytest.raises(BadInput, match="9-3' runs backwards: write the lower number first, as 3-9"):
            refuse()


@pytest.mark.parametrize(
    ("pattern", "nearest"), [("conv2d_2", "Conv2D_2"), ("Cnov2D_3/5", "Conv2D_3"), ("dense", "dense_1")]
)
def test_an_unknown_layer_is_refused_with_the_nearest_names(reference: Any, pattern: str, nearest: str) -> None:
    with pytest.raises(BadInput, match=f"did you mean .*{nearest}"):
        select_layers(reference, [pattern])


def test_an_unknown_layer_unlike_any_is_refused_with_five_names_and_where_the_others_are(reference: Any) -> None:
    with pytest.raises(
        BadInput, match=r"the model has Conv2D_1, [^,]*, [^,]*, [^,]*, Conv2D_3 and 3 more: `dreamsweep"
    ):
        select_layers(reference, ["qqqq*"])


def test_a_model_without_convolution_is_refused_unless_other_layers_are_chosen() -> None:
    model = keras.Sequential([kl.Input((4, 4, 1)), kl.Flatten(), kl.Dense(3, name="nodes")])
    with pytest.raises(BadInput, match=r"no convolution.*nodes"):
        select_layers(model, None)
    assert names(model, ["nodes"]) == ["nodes"]


def test_layers_of_nested_models_are_named_by_their_path() -> None:
    model = ZOO["nested"]().model
    assert names(model) == ["conv", "middle/block/conv"]
    assert names(model, ["*conv"]) == ["conv", "middle/block/conv"]
    (layer, units), *rest = select_units(model, ["middle/block/conv/1-2"]).items()
    assert (layer.name, units, rest) == ("middle/block/conv", (1, 2), [])


def test_a_layer_may_be_called_by_a_number() -> None:
    inner = keras.Sequential([kl.Input((8, 8, 1)), kl.Conv2D(2, 3, name="7")], name="inner")
    model = keras.Sequential([kl.Input((8, 8, 1)), inner])
    assert {layer.name: units for layer, units in select_units(model, ["inner/7"]).items()} == {"inner/7": (0, 1)}
    assert {layer.name: units for layer, units in select_units(model, ["inner/7/1"]).items()} == {"inner/7": (1,)}


class Subclassed(keras.Model):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs


def two_inputs() -> Any:
    one, two = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    return keras.Model([one, two], kl.Conv2D(1, 3)(one + two))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (two_inputs, "2 inputs"),
        (Subclassed, "no graph"),
        (lambda: keras.Sequential([kl.Conv2D(1, 3)]), "no graph"),
        (lambda: keras.Sequential([kl.Input((5,)), kl.Dense(1)]), "not images"),
        (lambda: keras.Sequential([kl.Input((1, 8, 8)), kl.Conv2D(1, 3, data_format="channels_first")]), "channels_fi"),
    ],
)
def test_a_model_that_cannot_be_swept_is_refused(model: Any, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        select_layers(model(), None)


def test_a_subclassed_model_inside_a_model_is_one_layer_of_it() -> None:
    entry = keras.Input((8, 8, 1))
    model = keras.Model(entry, kl.Conv2D(2, 3, name="conv")(Subclassed()(entry)))
    assert names(model) == ["conv"]


def test_a_model_is_read_once_and_not_kept_alive() -> None:
    import gc
    import weakref

    model = build((28, 28, 1), 10)
    assert graph_of(model) is graph_of(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
