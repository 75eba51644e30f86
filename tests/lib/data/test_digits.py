"""The embedded digits, made the way MNIST was."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.data import digits
from lib.data.datasets import load


@pytest.fixture(scope="module")
def data():
    return load("digits")


def test_image_number_n_is_the_same_picture_for_ever(data):
    both = np.concatenate([data.train_imgs, data.test_imgs])
    found = hashlib.sha256(np.rint(both * 255).astype(np.uint8).tobytes()).hexdigest()
    assert found == "a610436fc817b8810296121a32cc8d69cb97136fb0eedb5dc59eb60cb367ad1f"


def test_the_split_is_stratified(data):
    assert data.train_imgs.shape == (1442, 28, 28, 1)
    assert data.test_imgs.shape == (355, 28, 28, 1)
    share = np.bincount(data.test_labels) / np.bincount(np.concatenate([data.train_labels, data.test_labels]))
    np.testing.assert_allclose(share, 0.2, atol=0.01)


def test_no_test_image_is_a_training_image(data):
    train = {image.tobytes() for image in data.train_imgs}
    assert not any(image.tobytes() in train for image in data.test_imgs)


def test_they_are_centred_by_mass_like_mnist(data):
    imgs = data.train_imgs[..., 0].astype(np.float64)
    place = np.arange(28)
    mass = imgs.sum((1, 2))
    for axis in (1, 2):
        middle = (imgs.sum(3 - axis) * place).sum(1) / mass
        assert np.abs(middle - 13.5).max() < 1.0
        assert np.abs(middle - 13.5).mean() < 0.3


@given(
    ink=arrays(np.float64, (8, 8), elements=st.sampled_from([0.0, 0.25, 1.0])).filter(lambda ink: ink.any()),
    rows=st.integers(0, 3),
    columns=st.integers(0, 3),
)
def test_a_digit_fills_a_box_of_20_wherever_it_was_written(ink, rows, columns):
    picture = digits.as_mnist(ink)
    filled = [np.ptp(np.flatnonzero(picture.any(axis=axis))) + 1 for axis in (0, 1)]
    assert max(filled) <= 20
    assert max(filled) >= 14
    moved = np.zeros((12, 12))
    moved[rows : rows + 8, columns : columns + 8] = ink
    np.testing.assert_array_equal(digits.as_mnist(moved), picture)
