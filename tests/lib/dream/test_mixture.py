"""What a dream is to show more of: read as written, written as read."""

from typing import Any

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers as kl

from lib.dream.mixture import Mixture, Term, mixture_of
from lib.errors import BadInput

UNITS: dict[str, int | None] = {"Conv2D_2": 64, "Conv2D_3": 128, "back/conv-1": 8, "flatten": None}


@pytest.mark.parametrize(
    ("text", "terms", "canonical"),
    [
        ("Conv2D_3", [(1, "Conv2D_3", None)], None),
        ("Conv2D_3/56", [(1, "Conv2D_3", ((56, 1.0),))], None),
        ("back/conv-1/2", [(1, "back/conv-1", ((2, 1.0),))], None),
        ("0.7*Conv2D_2 + 0.3*Conv2D_3/56", [(0.7, "Conv2D_2", None), (0.3, "Conv2D_3", ((56, 1.0),))], None),
        ("-Conv2D_2 - 2*a b", [(-1, "Conv2D_2", None), (-2, "a b", None)], None),
        ("Conv2D_3[3:1, 17:-0.5]", [(1, "Conv2D_3", ((3, 1.0), (17, -0.5)))], None),
        (" 1.50 * Conv2D_3[17:-.5,3:1e0] ", [(1.5, "Conv2D_3", ((3, 1.0), (17, -0.5)))], "1.5*Conv2D_3[3:1, 17:-0.5]"),
        ("a + -2*b", [(1, "a", None), (-2, "b", None)], "a - 2*b"),
        ("a - -b", [(1, "a", None), (1, "b", None)], "a + b"),
        ("a[4:1]", [(1, "a", ((4, 1.0),))], "a/4"),
        ("a[4:-1]", [(1, "a", ((4, -1.0),))], None),
        ("conv+relu", [(1, "conv+relu", None)], None),
    ],
)
def test_a_mixture_is_read_and_written(text: str, terms: list[Any], canonical: str | None) -> None:
    mixture = Mixture.parse(text)
    assert mixture == Mixture(tuple(Term(*term) for term in terms))
    assert str(mixture) == (canonical or text)


numbers = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6)
directions = st.none() | st.dictionaries(st.integers(0, 500), numbers, min_size=1).map(
    lambda d: tuple(sorted(d.items()))
)
names = st.sampled_from(["Conv2D_3", "back/conv-1", "a b", "x.y"])


@given(st.lists(st.builds(Term, numbers, names, directions), min_size=1, max_size=5))
def test_what_is_written_is_read_as_the_same(terms: list[Term]) -> None:
    mixture = Mixture(tuple(terms))
    assert Mixture.parse(str(mixture)) == mixture
    assert mixture.layers == tuple(dict.fromkeys(term.layer for term in terms))


# whatever Keras takes as a name, in which a slash cannot be
odd = st.text(st.sampled_from('abC1 .:*+-[]()"ä画,'), min_size=1, max_size=8).filter(str.strip)


@given(st.lists(st.tuples(numbers, odd, directions), min_size=1, max_size=4))
def test_any_name_of_a_layer_is_read_as_it_was_written(parts: list[Any]) -> None:
    mixture = Mixture(tuple(Term(*part) for part in parts))
    assert Mixture.parse(str(mixture), mixture.layers) == mixture


def test_a_name_that_could_be_read_otherwise_stands_in_quotation_marks() -> None:
    mixture = Mixture.parse('0.5*"a - b + 2*c"/1 + conv (1)/0 - "say ""x"""')
    assert [(term.weight, term.layer, term.direction) for term in mixture.terms] == [
        (0.5, "a - b + 2*c", ((1, 1.0),)),
        (1.0, "conv (1)", ((0, 1.0),)),
        (-1.0, 'say "x"', None),
    ]
    assert str(mixture) == '0.5*"a - b + 2*c"/1 + conv (1)/0 - "say ""x"""'


@pytest.mark.parametrize("name", ["odd[3:1]", "2*x", "conv/7", "-x"])
def test_the_name_of_a_layer_as_it_stands_is_that_layer(name: str) -> None:
    assert Mixture.parse(f"0.5*{name}", [name]) == Mixture((Term(0.5, name),))
    assert Mixture.parse(name, [name]) == Mixture((Term(1.0, name),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no term of an objective: write a layer"),
        ("Conv2D_3 + ", "'' is no term"),
        ("0*Conv2D_3", "'0\\*Conv2D_3' is no term"),
        ("1e999*Conv2D_3", "is no term"),
        ("Conv2D_3[]", "'Conv2D_3\\[\\]' is no direction: write each unit once"),
        ("Conv2D_3[3]", "is no direction"),
        ("Conv2D_3[3:1, 3:2]", "is no direction: write each unit once"),
        ("Conv2D_3[3:0]", "has no direction"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Mixture.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Conv2D3", "no layer 'Conv2D3': did you mean Conv2D_3, Conv2D_2\\?"),
        ("Conv2D_2 + 3*conv", "no layer 'conv'"),
        ("Conv2D_3/128", "no unit Conv2D_3/128: Conv2D_3 has 128 units, 0 to 127"),
        ("Conv2D_2[1:1, 64:1]", "no unit Conv2D_2/64"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Mixture.parse(text).check(UNITS)


def test_what_is_not_known_of_a_layer_is_not_refused() -> None:
    Mixture.parse("flatten/900 + Conv2D_3/127 - back/conv-1/7").check(UNITS)


def test_without_a_text_all_maps_of_the_last_convolution_are_meant() -> None:
    model = keras.Sequential(
        [kl.Input((8, 8, 1)), kl.Conv2D(2, 3, name="one"), kl.Conv2D(3, 3, name="two"), kl.Flatten(), kl.Dense(4)]
    )
    assert str(mixture_of(model, " ")) == "two"
    assert str(mixture_of(model, "two/2 + one")) == "two/2 + one"
    with pytest.raises(BadInput, match="no unit two/3"):
        mixture_of(model, "two/3")


def test_a_network_without_convolution_has_no_default() -> None:
    model = keras.Sequential([kl.Input((4, 4, 1)), kl.Flatten(), kl.Dense(4, name="nodes")], name="flat")
    with pytest.raises(BadInput, match="'flat' has no convolution that sees space: name as objective one of nodes"):
        mixture_of(model, "")
