"""Exemplars against a full sort of every image of a small set."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.network.trunk import responses_of
from lib.oips.constraint import CONSTRAINTS, Constraint, ConstraintName
from lib.responses.exemplars import BEST, Exemplars, find_exemplars, join_exemplars
from lib.responses.peaks import find_peaks
from tests.lib.small_networks import two_convolutions

LAYERS = ("one", "two", "nodes")


@pytest.fixture(scope="module")
def model() -> Any:
    model = two_convolutions(8, 8)
    one = model.get_layer("one")
    kernel, bias = one.get_weights()
    bias[2] = -100  # responds to nothing: pre-activations decide
    bias[3] = -1.2  # responds to few
    one.set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """60 of them, 20 of which are there twice, so that responses tie."""
    pictures = np.random.default_rng(1).random((60, 8, 8, 1)).astype(np.float32)
    pictures[40:] = pictures[:20]
    return pictures


def by_a_full_sort(model: Any, layer: str, pictures: np.ndarray, constraint: Constraint) -> Exemplars:
    """One image after another, all of them, then Python's sort."""
    trunk = responses_of(model, [layer])
    answers = [
        [np.asarray(part)[0] for part in trunk(constraint.image(pictures[[at]]))[layer]] for at in range(len(pictures))
    ]
    responses, before = (np.stack([answer[part] for answer in answers]) for part in (0, 1))
    numbers = np.array(
        [
            sorted(
                range(len(pictures)),
                key=lambda at: (
                    -responses[at, unit] if responses[at, unit] > 0 else -min(before[at, unit], 0),
                    at,
                ),
            )[:BEST]
            for unit in range(responses.shape[1])
        ]
    )
    units = np.arange(len(numbers))[:, None]
    return Exemplars(numbers, responses[numbers, units], before[numbers, units])


def assert_same(found: Exemplars, expected: Exemplars) -> None:
    np.testing.assert_allclose(found.responses, expected.responses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.pre_activations, expected.pre_activations, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.numbers, expected.numbers)


@pytest.mark.parametrize("batch", [60, 20, 7])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_exemplars_are_the_first_of_a_full_sort(
    model: Any, pictures: np.ndarray, name: ConstraintName, batch: int
) -> None:
    constraint = Constraint(name, 0.2, 0.8)
    found = find_exemplars(model, LAYERS, pictures, constraint, batch=batch)
    assert list(found) == list(LAYERS)
    for layer in LAYERS:
        assert_same(found[layer], by_a_full_sort(model, layer, pictures, constraint))


def test_of_equal_images_the_lower_number_comes_first(model: Any) -> None:
    same = np.repeat(np.random.default_rng(2).random((1, 8, 8, 1)), 30, axis=0).astype(np.float32)
    found = find_exemplars(model, ["one"], same, Constraint("standardised", 0.0, 1.0), batch=10)["one"]
    np.testing.assert_array_equal(found.numbers, np.repeat(np.arange(BEST)[None], 5, axis=0))


@pytest.mark.parametrize("count", [1, 5, 9, 10])
def test_a_set_of_fewer_images_gives_as_many_as_it_has(model: Any, pictures: np.ndarray, count: int) -> None:
    constraint = Constraint("standardised", 0.0, 1.0)
    found = find_exemplars(model, ["two"], pictures[:count], constraint, batch=4)["two"]
    assert found.numbers.shape == found.responses.shape == found.pre_activations.shape == (4, min(count, BEST))
    assert_same(found, by_a_full_sort(model, "two", pictures[:count], constraint))


def test_where_nothing_responds_the_nearest_come_first(model: Any, pictures: np.ndarray) -> None:
    found = find_exemplars(model, ["one"], pictures, Constraint("standardised", 0.0, 1.0))["one"]
    assert not found.responses[2].any()
    assert (found.pre_activations[2] < -50).all()
    assert (np.diff(found.pre_activations[2]) <= 0).all()


def test_one_pass_serves_all_layers_and_tells_how_far_it_is(model: Any, pictures: np.ndarray) -> None:
    class Counted:
        """Counts the images that are read."""

        def __init__(self) -> None:
            self.read = 0

        def __len__(self) -> int:
            return len(pictures)

        def __getitem__(self, part: slice) -> np.ndarray:
            self.read += len(pictures[part])
            return pictures[part]

    counted, told = Counted(), list[int]()
    constraint = Constraint("standardised", 0.0, 1.0)
    find_exemplars(model, LAYERS, counted, constraint, batch=25, progress=told.append)  # type: ignore[arg-type]
    assert counted.read == len(pictures)
    assert told == [25, 50, 60]


def test_images_of_other_kinds_of_numbers_and_of_a_file_are_taken(
    model: Any, pictures: np.ndarray, tmp_path: Any
) -> None:
    constraint = Constraint("box", 0.0, 255.0)
    whole = (pictures * 255).astype(np.uint8)
    np.save(tmp_path / "images.npy", whole)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    expected = find_exemplars(model, ["two"], whole.astype(np.float32), constraint)["two"]
    assert_same(find_exemplars(model, ["two"], mapped, constraint)["two"], expected)


def test_a_network_of_free_size_takes_the_images_as_they_are() -> None:
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            kl.Input((None, None, 1)),
            kl.Conv2D(3, 3, padding="same", activation="relu"),
            kl.MaxPooling2D(),
            kl.Conv2D(4, 3, activation="relu", name="two"),
        ]
    )
    pictures = np.random.default_rng(3).random((15, 11, 9, 1)).astype(np.float32)
    constraint = Constraint("standardised", 0.0, 1.0)
    found = find_exemplars(model, ["two"], pictures, constraint, batch=6)["two"]
    assert_same(found, by_a_full_sort(model, "two", pictures, constraint))


def test_those_of_parts_of_the_images_come_to_those_of_all_with_ties_and_peaks(
    model: Any, pictures: np.ndarray
) -> None:
    box = Constraint("box", 0.0, 1.0)
    whole = find_exemplars(model, LAYERS, pictures, box, batch=8)
    peaks = find_peaks(model, {layer: whole[layer].numbers for layer in LAYERS}, pictures, box, batch=8)
    parts = [range(0, 8), range(8, 40), range(40, 60)]  # the first has fewer images than are kept
    found = [find_exemplars(model, LAYERS, pictures, box, batch=8, within=part) for part in parts]
    places = [
        find_peaks(model, {layer: some[layer].numbers for layer in LAYERS}, pictures, box, batch=8) for some in found
    ]
    for layer in LAYERS:
        known = [some[layer] for some in places if layer in some]
        exemplars, joined = join_exemplars([some[layer] for some in found], known)
        assert_same(exemplars, whole[layer])
        if layer in peaks:
            np.testing.assert_array_equal(joined, peaks[layer])
        else:
            assert joined is None
