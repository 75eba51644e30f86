"""What the way to a layer costs: only ratios count."""

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.errors import BadInput
from lib.network.work import EACH_NUMBER, structure_of, work_to


def plain() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            kl.Conv2D(4, 3, name="first"),
            kl.Conv2D(8, 3, name="second"),
            kl.Flatten(),
            kl.Dense(5, name="nodes"),
        ]
    )


def test_multiply_adds_and_numbers_of_all_steps_on_the_way_are_counted() -> None:
    found = work_to(plain(), ["first", "second", "nodes"])
    first = 64 * 9 * 4 + EACH_NUMBER * 64 * 4
    second = first + 36 * 9 * 4 * 8 + EACH_NUMBER * 36 * 8
    assert found["first"].operations == first
    assert found["second"].operations == second
    assert found["nodes"].operations == second + EACH_NUMBER * 36 * 8 + 36 * 8 * 5 + EACH_NUMBER * 5
    assert [found[layer].steps for layer in ("first", "second", "nodes")] == [1, 2, 4]


def test_a_branch_that_does_not_lead_to_the_layer_costs_it_nothing() -> None:
    entry = keras.Input((8, 8, 3))
    one, other = kl.Conv2D(4, 1, name="one")(entry), kl.Conv2D(16, 3, padding="same", name="other")(entry)
    model = keras.Model(entry, kl.Concatenate(name="both")([one, other]))
    found = work_to(model, ["one", "other", "both"])
    joined = EACH_NUMBER * 64 * 20
    assert found["both"].operations == found["one"].operations + found["other"].operations + joined


def test_four_times_the_pixels_are_about_four_times_the_work() -> None:
    entry = keras.Input((None, None, 3))
    model = keras.Model(entry, kl.Conv2D(4, 3, padding="same", activation="relu", name="maps")(entry))
    small, large = (work_to(model, ["maps"], size=(side, side))["maps"].operations for side in (16, 32))
    np.testing.assert_allclose(large / small, 4)


def test_another_training_has_the_same_structure_and_another_kernel_has_not() -> None:
    assert structure_of(plain()) == structure_of(plain())
    other = keras.Sequential([keras.Input((10, 10, 1)), kl.Conv2D(4, 3, padding="same", name="first")])
    same = keras.Sequential([keras.Input((10, 10, 1)), kl.Conv2D(4, 5, padding="same", name="first")])
    assert structure_of(other) != structure_of(same)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(BadInput, match="no layer 'frist'"):
        work_to(plain(), ["frist"])
