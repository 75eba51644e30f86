"""Settings of training: one place of defaults, and what is refused."""

import math

import pytest

from lib.errors import BadInput
from lib.training.settings import RECIPES, TrainSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimiser": "adagrad"}, "choose from adam, rmsprop, sgd"),
        ({"schedule": "linear"}, "choose from constant, cosine, inverse-time"),
        ({"learning_rate": 0}, "above 0"),
        ({"learning_rate": math.nan}, "above 0"),
        ({"momentum": 1.0, "optimiser": "sgd"}, "below 1"),
        ({"momentum": 0.5}, "momentum of its own"),
        ({"l2": -1}, "0 or more"),
        ({"decay": 1}, "inverse-time"),
        ({"batch": 0}, "1 or more"),
        ({"epochs": 0}, "1 or more"),
        ({"seed": -1}, "0 or more"),
    ],
)
def test_what_cannot_be_trained_with_is_refused_in_one_line(wrong, message):
    with pytest.raises(BadInput, match=message) as caught:
        TrainSettings(**wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("images", "epochs"), [(60_000, 8), (100_000, 8), (1442, 42), (7500, 8), (6000, 10)])
def test_epochs_not_given_are_8_or_enough_for_a_small_data_set(images, epochs):
    assert TrainSettings().for_images(images).epochs == epochs


def test_epochs_given_stand():
    assert TrainSettings(epochs=3).for_images(10).epochs == 3


def test_the_blogs_recipe_is_of_its_kind():
    blog = RECIPES["classic"]
    assert blog.optimiser in {"rmsprop", "sgd"}
    assert blog.schedule == "inverse-time"
    assert min(blog.decay, blog.momentum, blog.l2) > 0
