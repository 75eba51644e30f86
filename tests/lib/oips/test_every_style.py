"""Whatever style there is: maps, nodes and classes grow in it, and its pictures are pictures up to the border."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.network.units import Unit
from lib.oips.ascent import Ascent
from lib.oips.constraint import Constraint, ConstraintName
from lib.oips.growth import Growth
from lib.oips.matching import matches_exemplars, matching_of
from lib.oips.photographs import measure_pictures
from lib.oips.search import Ground, Search, search_unit
from lib.oips.settings import GrowthSettings
from lib.oips.style import STYLES, in_style
from lib.oips.verdict import Verdict

pytestmark = pytest.mark.heavy

SHAPE = (32, 40, 3)
ASKED = GrowthSettings(starts=2, steps=24, oips=2, seed=7)


@pytest.fixture(scope="module")
def network() -> Any:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            kl.Input(SHAPE),
            kl.Conv2D(8, 5, strides=2, activation="relu", name="first"),
            kl.Conv2D(8, 3, padding="same", activation="relu", name="maps"),
            kl.GlobalAveragePooling2D(name="pool"),
            kl.Dense(6, activation="relu", name="nodes"),
            kl.Dense(4, activation="softmax", name="classes"),
        ]
    )


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Blots of colours."""
    coarse = np.random.default_rng(0).random((12, 8, 10, 3))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)


def search(network: Any, images: np.ndarray, style: str, unit: Unit) -> tuple[Search, Verdict]:
    growth = ASKED.in_style(style, margin=True)
    pictures = measure_pictures(images)

    def responses(constraint: Constraint) -> np.ndarray:
        ascent = Ascent(network, unit.layer, constraint, batch=len(images))
        shown = np.asarray(constraint.image(images))
        return np.stack([ascent.measure(shown, np.full(len(images), u))[0] for u in range(ascent.units)])

    def ground(style: str, constraint: ConstraintName, objective: str) -> Ground:
        limit = Constraint(constraint, 0.0, 1.0)
        own: Growth = growth if style == growth.style else in_style(growth, style)
        matching = None
        if matches_exemplars(network, unit.layer, own):
            found = responses(limit)
            order = np.argsort(-found, axis=1)
            matching = matching_of(
                network, unit.layer, images, order, np.take_along_axis(found, order, 1), own, limit, batch=4
            )
        ascent = Ascent(
            network,
            unit.layer,
            limit,
            objectives=[objective],
            parameterise=STYLES[style].parameterise(own, pictures),
            matching=matching,
            batch=16,
        )
        facets = 1 if matching is None else matching.facets
        return Ground(ascent, ascent.starts, ascent.measure, ascent.parameterisation, ascent.signed_units, facets)

    def best(constraint: ConstraintName) -> float:
        return float(responses(Constraint(constraint, 0.0, 1.0))[unit.index].max())

    found, verdict, _ = search_unit(unit, growth, ground, best)
    return found, verdict


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("unit", [Unit("maps", 1), Unit("nodes", 2), Unit("classes", 1)], ids=str)
def test_every_kind_of_unit_grows_in_every_style(network: Any, images: np.ndarray, style: str, unit: Unit) -> None:
    found, verdict = search(network, images, style, unit)
    assert verdict in ("responded", "silent")
    for oip in found.oips:
        assert oip.image.shape == SHAPE
        assert np.isfinite(oip.image).all()
        assert oip.image.std() > 0.01  # one class of these is best at black
    if verdict == "responded" and not STYLES[style].thorough:
        assert found.style == style


@pytest.mark.parametrize("style", STYLES)
def test_no_frame_and_no_bar_stands_at_the_border(network: Any, images: np.ndarray, style: str) -> None:
    found = [search(network, images, style, Unit("first", index)) for index in range(4)]
    oips = np.stack([result.oips[0].image for result, verdict in found if verdict == "responded"])
    edges = np.concatenate([oips[:, [0, -1]].std(2).mean((1, 2)), oips[:, :, [0, -1]].std(1).mean((1, 2))])
    inside = np.concatenate([oips[:, 8:-8].std(2).mean((1, 2)), oips[:, :, 8:-8].std(1).mean((1, 2))])
    assert np.median(edges / inside) > 0.6
