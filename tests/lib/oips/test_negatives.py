"""Negative OIPs: that they silence, are grown as the settings say, and do not depend on who else grows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lib.oips.ascent import Ascent
from lib.oips.constraint import CONSTRAINTS, Constraint, ConstraintName
from lib.oips.negatives import Negatives, grow_negatives
from lib.oips.search import Ground
from lib.oips.settings import GrowthSettings
from lib.oips.start_images import length_scales, start_image, start_seed
from lib.training.reference import build
from tests.lib.numpy_reference import objective_of, weights_of

LAYER = "Conv2D_2"
SETTINGS = GrowthSettings(starts=6, steps=40, seed=5).in_style("strong")
UNITS = (3, 17, 40)


@pytest.fixture(scope="module")
def model() -> Any:
    return build((28, 28, 1), 10, seed=1)


@pytest.fixture(scope="module", params=CONSTRAINTS)
def ground(model: Any, request: pytest.FixtureRequest) -> Iterator[tuple[Ground, ConstraintName]]:
    name: ConstraintName = request.param
    ascent = Ascent(model, LAYER, Constraint(name, 0.0, 1.0), objectives=["negative"], batch=12)
    yield Ground(ascent, ascent.starts, ascent.measure, ascent.parameterisation), name
    assert ascent.traces == 1


def grown(ground: tuple[Ground, ConstraintName], units: Any = UNITS, **changes: Any) -> Negatives:
    return grow_negatives(LAYER, units, replace(SETTINGS, constraint=ground[1], **changes), ground[0])


def test_a_negative_oip_lies_far_below_its_start_images_and_below_an_oip(
    model: Any, ground: tuple[Ground, ConstraintName]
) -> None:
    found = grown(ground)
    weights = weights_of(model)
    for unit, image, response, before in zip(UNITS, found.images, found.responses, found.pre_activations, strict=True):
        exact = objective_of(weights, image.astype(np.float64), LAYER, unit, 0.0)
        assert (response, before) == pytest.approx((exact.response, exact.pre_activation), abs=1e-4)
        noise = np.stack(
            [
                start_image(
                    start_seed(SETTINGS.seed, f"{LAYER}/{unit}", number),
                    length_scales(number, SETTINGS.length_scales),
                    (28, 28, 1),
                )
                for number in range(4)
            ]
        )
        starts = ground[0].starts(noise)
        below = [objective_of(weights, start.astype(np.float64), LAYER, unit, 0.0) for start in starts]
        assert before < min(start.pre_activation for start in below)
        assert response <= min(start.response for start in below)


def test_images_keep_the_constraint(ground: tuple[Ground, ConstraintName]) -> None:
    images = grown(ground).images
    assert images.dtype == np.float32
    kept = Constraint(ground[1], 0.0, 1.0).image(tf.constant(images)).numpy()
    np.testing.assert_allclose(images, kept, atol=1e-5)


def test_a_unit_alone_and_among_others_has_the_same_image(ground: tuple[Ground, ConstraintName]) -> None:
    together = grown(ground)
    for row, unit in enumerate(UNITS):
        np.testing.assert_array_equal(grown(ground, [unit]).images[0], together.images[row])


def test_the_seed_decides_and_shared_starts_are_shared(ground: tuple[Ground, ConstraintName]) -> None:
    first = grown(ground).images
    np.testing.assert_array_equal(grown(ground).images, first)
    assert not np.array_equal(grown(ground, seed=6).images, first)
    # two steps leave much of a start image
    twins = grown(ground, [3, 3], shared_starts=True, steps=4).images
    np.testing.assert_array_equal(twins[0], twins[1])


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_hardly_any_step_is_taken_too(ground: tuple[Ground, ConstraintName], steps: int) -> None:
    found = grown(ground, steps=steps, starts=2, oips=1)
    assert np.isfinite(found.pre_activations).all()
