"""What exemplars have in common: their statistics, which layers are matched, and what ascents come to."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as kl

from lib.errors import BadInput
from lib.network.units import Unit
from lib.oips.ascent import Ascent, AscentState, cosine_rates
from lib.oips.constraint import Constraint
from lib.oips.matching import EXEMPLARS, Matching, least_alike, matched_layers, matches_exemplars, matching_of
from lib.oips.parameterisation import Parameterisation
from lib.oips.photographs import measure_pictures
from lib.oips.search import Ground, search_unit
from lib.oips.settings import GrowthSettings
from lib.oips.style import STYLES

pytestmark = pytest.mark.heavy

BOX = Constraint("box", 0.0, 1.0)
SHAPE = (16, 16, 3)
PROTOTYPE = GrowthSettings().in_style("prototype")
SEVERAL = GrowthSettings(oips=3).in_style("natural")


@pytest.fixture(scope="module")
def network() -> Any:
    keras.utils.set_random_seed(2)
    inputs = kl.Input(SHAPE)
    x = inputs
    for number in range(1, 7):
        x = kl.Conv2D(6, 3, padding="same", activation="relu", name=f"conv{number}")(x)
    aside = kl.Conv2D(4, 1, name="aside")(x)
    x = kl.Dense(5, activation="relu", name="dense")(kl.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(inputs, [x, aside])


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).random((7, *SHAPE)).astype(np.float32)


def features(network: Any, layer: str, images: np.ndarray) -> np.ndarray:
    """Means and deviations by NumPy, of what Keras itself gives for a layer."""
    maps = np.asarray(keras.Model(network.inputs, network.get_layer(layer).output)(images), np.float64)
    return np.concatenate([maps.mean((1, 2)), maps.std((1, 2))], axis=1)


def matching(network: Any, layer: str, images: np.ndarray) -> tuple[Matching, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    units = network.get_layer(layer).output.shape[-1]
    numbers = np.stack([rng.permutation(7)[:6] for _ in range(units)])
    responses = -np.sort(-rng.random((units, 6)))
    return matching_of(network, layer, images, numbers, responses, PROTOTYPE, BOX, batch=4), numbers, responses


def test_a_few_layers_on_the_way_are_matched_up_to_the_unit_s_own(network: Any) -> None:
    assert matched_layers(network, "conv6") == ("conv1", "conv3", "conv4", "conv6")
    assert matched_layers(network, "conv2") == ("conv1", "conv2")
    assert matched_layers(network, "conv1") == ("conv1",)
    assert matched_layers(network, "dense") == ("conv1", "conv3", "conv4", "conv6")


def test_prototypes_match_exemplars_and_so_do_several_oips_in_a_style_that_would_grow_one_again(network: Any) -> None:
    assert matches_exemplars(network, "conv4", PROTOTYPE)
    assert matches_exemplars(network, "conv4", SEVERAL)
    assert not matches_exemplars(network, "conv4", GrowthSettings().in_style("natural"))
    assert not matches_exemplars(network, "conv4", GrowthSettings(oips=3).in_style("strong"))


def test_nodes_behind_no_maps_have_nothing_to_match() -> None:
    network = keras.Sequential([kl.Input((4, 4, 1)), kl.Flatten(), kl.Dense(3, name="nodes")])
    assert matched_layers(network, "nodes") == ()
    with pytest.raises(BadInput, match="no layer with maps leads to nodes"):
        matching_of(
            network, "nodes", np.zeros((2, 4, 4, 1)), np.zeros((3, 1), int), np.ones((3, 1)), PROTOTYPE, BOX, batch=2
        )


@pytest.mark.parametrize("layer", ["conv4", "dense"])
def test_the_statistics_are_those_of_the_best_exemplars_weighted_by_their_responses(
    network: Any, images: np.ndarray, layer: str
) -> None:
    found, numbers, responses = matching(network, layer, images)
    for name in found.layers:
        each = features(network, name, images)
        weights = responses[:, :EXEMPLARS] / responses[:, :EXEMPLARS].sum(1, keepdims=True)
        expected = np.einsum("ue,ues->us", weights, each[numbers[:, :EXEMPLARS]])
        np.testing.assert_allclose(found.statistics[name], expected, atol=2e-3)
    np.testing.assert_allclose(found.responses, responses[:, 0], rtol=1e-6)


def grow(network: Any, matching: Matching | None, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ascent = Ascent(network, "conv4", BOX, parameterise=Parameterisation, matching=matching, batch=6)
    state = ascent.optimise(
        AscentState.from_starts(start), np.arange(6), np.repeat(cosine_rates(60, 0.2)[:, None], 6, axis=1)
    )
    np.testing.assert_allclose(state.response, ascent.measure(state.best, np.arange(6))[0], rtol=1e-5)
    return state.best, state.response


def test_an_ascent_comes_closer_to_the_exemplars_and_still_responds_more_than_they_do(
    network: Any, images: np.ndarray
) -> None:
    ascent = Ascent(network, "conv4", BOX, batch=6)
    responses = np.stack([ascent.measure(images, np.full(7, unit))[0] for unit in range(6)])
    order = np.argsort(-responses, axis=1)
    wanted = matching_of(
        network, "conv4", images, order, np.take_along_axis(responses, order, 1), PROTOTYPE, BOX, batch=4
    )
    start = np.random.default_rng(5).random((6, *SHAPE)).astype(np.float32)
    matched, response = grow(network, wanted, start)
    free, most = grow(network, None, start)
    best = responses.max(1)
    some = (best > 0) & (most > 3 * best)
    assert some.any()
    assert (response[some] > best[some]).all()
    assert (response[some] < most[some]).all()

    def distance(grown: np.ndarray) -> np.ndarray:
        off = [((features(network, name, grown) - wanted.statistics[name]) ** 2).sum(1) for name in wanted.layers]
        return np.sum(off, axis=0)

    assert (distance(matched)[some] < distance(free)[some]).all()


def test_where_no_exemplar_responds_an_ascent_is_as_without_matching(network: Any, images: np.ndarray) -> None:
    found, _, _ = matching(network, "conv4", images)
    nothing = Matching(1, found.layers, found.statistics, np.zeros(6, np.float32))
    start = np.random.default_rng(6).random((6, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(grow(network, nothing, start)[0], grow(network, None, start)[0])


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_best_comes_first_and_each_further_one_is_least_like_those_before(n: int, most: int, seed: int) -> None:
    profiles = np.random.default_rng(seed).random((n, 5))
    chosen = least_alike(profiles, most)
    assert chosen[0] == 0
    assert len(set(chosen)) == len(chosen) == min(n, most)
    long = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    for at in range(1, len(chosen)):
        likeness = (long @ long[chosen[:at]].T).max(axis=1)
        others = [row for row in range(n) if row not in chosen[:at]]
        assert likeness[chosen[at]] == pytest.approx(likeness[others].min())


def test_each_further_facet_is_another_exemplar_and_the_first_one_may_be_free(network: Any, images: np.ndarray) -> None:
    numbers = np.array([[5, 3, 1, 6], [0, 1, 2, 3]])
    responses = np.array([[4.0, 3.0, 2.0, 1.0], [2.0, 1.0, 1.0, 1.0]])
    found = matching_of(network, "conv2", images, numbers, responses, SEVERAL, BOX, batch=4)
    np.testing.assert_array_equal(found.responses, [0, 4, 4, 0, 2, 2])
    each = features(network, "conv2", images)
    for unit, own in enumerate(numbers):
        chosen = least_alike(each[own], 3)
        np.testing.assert_allclose(found.statistics["conv2"][3 * unit + 1], each[own[chosen[1]]], atol=2e-3)
        np.testing.assert_allclose(found.statistics["conv2"][3 * unit + 2], each[own[chosen[2]]], atol=2e-3)


def test_several_oips_of_a_unit_show_different_things_to_another_network(network: Any) -> None:
    rng = np.random.default_rng(8)
    coarse = rng.random((40, 4, 4, 3)).repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)
    fine = rng.random((40, *SHAPE)).astype(np.float32)
    images = np.concatenate([coarse * rng.random((40, 1, 1, 3)), fine * rng.random((40, 1, 1, 3))]).astype(np.float32)
    growth = GrowthSettings(oips=3, steps=32).in_style("natural")
    parameterise = STYLES["natural"].parameterise(growth, measure_pictures(images))
    measure = Ascent(network, "conv4", BOX, batch=6).measure
    responses = np.stack([measure(images, np.full(80, unit))[0] for unit in range(6)])
    order = np.argsort(-responses, axis=1)[:, :9]
    best = np.take_along_axis(responses, order, 1)
    matched = matching_of(network, "conv4", images, order, best, growth, BOX, batch=4)
    keras.utils.set_random_seed(77)
    judge = keras.Sequential(
        [kl.Input(SHAPE), kl.Conv2D(16, 5, activation="relu"), kl.Conv2D(16, 5, activation="relu")]
    )

    def apart(matching: Matching | None) -> np.ndarray:
        """One less the mean cosine of a unit's OIPs in the other network's profile."""
        ascent = Ascent(network, "conv4", BOX, parameterise=parameterise, matching=matching, batch=6)
        facets = 1 if matching is None else matching.facets
        ground = Ground(ascent, ascent.starts, ascent.measure, ascent.parameterisation, facets=facets)
        found = []
        for unit in np.flatnonzero(best[:, 0] > 0):
            search, _, _ = search_unit(Unit("conv4", int(unit)), growth, lambda *_: ground, lambda _: None)
            profile = np.asarray(judge(np.stack([oip.image for oip in search.oips]))).mean((1, 2))
            profile = profile / np.linalg.norm(profile, axis=1, keepdims=True)
            pairs = [profile[i] @ profile[j] for i in range(len(profile)) for j in range(i)]
            found.append(1 - np.mean(pairs) if pairs else 0.0)
        return np.array(found)

    assert np.median(apart(matched)) > 2 * np.median(apart(None))


def test_no_facet_is_an_image_that_the_unit_does_not_respond_to(network: Any, images: np.ndarray) -> None:
    numbers, responses = np.array([[5, 3, 1, 6]]), np.array([[4.0, 3.0, 0.0, 0.0]])
    found = matching_of(network, "conv2", images, numbers, responses, SEVERAL, BOX, batch=4)
    each, rows = features(network, "conv2", images), found.statistics["conv2"]
    np.testing.assert_allclose(rows[1], each[3], atol=2e-3)
    np.testing.assert_allclose(rows[2], rows[0], atol=1e-6)  # there is no third one
