"""Start images depend on seed, unit and number alone, and fluctuate over the lengths that they were asked for."""

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.oips.settings import MIXTURES
from lib.oips.start_images import length_scales, start_image, start_seed

SHAPE = (28, 28, 1)


def autocorrelation_width(images: np.ndarray) -> float:
    """The distance in pixels at which the mean autocorrelation along the rows of images falls to a half."""
    spectrum = np.abs(np.fft.fft(images, axis=1)) ** 2
    profile = np.fft.ifft(spectrum, axis=1).real.mean(axis=(0, 2))
    profile = profile[: len(profile) // 2] / profile[0]
    below = int(np.argmax(profile < 0.5))
    return below - 1 + (profile[below - 1] - 0.5) / (profile[below - 1] - profile[below])


@given(
    seed=st.integers(0, 2**63 - 1),
    scales=st.sampled_from([*MIXTURES, (0.5,), (9.0, 2.0)]),
    shape=st.sampled_from([(28, 28, 1), (7, 9, 3), (1, 5, 2), (2, 2, 1)]),
)
def test_a_start_image_has_zero_mean_and_unit_variance(
    seed: int, scales: tuple[float, ...], shape: tuple[int, int, int]
) -> None:
    image = start_image(seed, scales, shape)
    assert image.shape == shape
    assert image.dtype == np.float32
    assert abs(float(image.mean(dtype=np.float64))) < 1e-5
    assert float(image.std(dtype=np.float64)) == pytest.approx(1, abs=1e-5)


def test_start_images_are_the_same_in_whatever_order_they_are_made() -> None:
    keys = [(unit, number) for unit in ("Conv2D_1/0", "Conv2D_2/17", None) for number in range(5)]

    def make(key: tuple[str | None, int]) -> bytes:
        return start_image(start_seed(3, *key), length_scales(key[1], MIXTURES), SHAPE).tobytes()

    first = {key: make(key) for key in keys}
    np.random.seed(1)  # the old global state must not matter
    np.random.standard_normal(10)
    random.Random(0).shuffle(keys)
    assert {key: make(key) for key in keys} == first
    assert len(set(first.values())) == len(keys)


def test_another_process_makes_the_same_start_image() -> None:
    script = (
        "import hashlib\nfrom lib.oips.start_images import start_image, start_seed\n"
        "print(hashlib.sha256(start_image(start_seed(3, 'Conv2D_2/17', 4), (1.0, 3.0), (28, 28, 1)).tobytes())"
        ".hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in "12"]
    assert runs[0].stdout == runs[1].stdout


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**40), st.none() | st.sampled_from(["a/1", "a/11", "a/2", "b/1"]), st.integers(0, 400)
        ),
        unique=True,
        min_size=2,
        max_size=40,
    )
)
def test_seeds_differ_for_other_sweeps_units_and_numbers(keys: list[tuple[int, str | None, int]]) -> None:
    seeds = [start_seed(*key) for key in keys]
    assert len(set(seeds)) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_start_seed_never_changes() -> None:
    # written into every record: a start image can be made again years later
    assert start_seed(0, "Conv2D_2/17", 0) == 8610630958578268476
    assert start_seed(0, None, 0) == 1897313871698051303


@pytest.mark.parametrize("channels", [1, 3])
def test_fluctuations_grow_with_the_length_scale(channels: int) -> None:
    widths = {}
    for scale in (1.0, 2.0, 4.0, 8.0):
        images = np.stack([start_image(seed, (scale,), (64, 64, channels))[..., 0] for seed in range(12)])
        widths[scale] = autocorrelation_width(images[..., None].transpose(0, 2, 1, 3).reshape(-1, 64, 1))
    assert list(widths.values()) == sorted(widths.values())
    # noise blurred by a Gaussian of deviation s is correlated by a half at 2 s sqrt(ln 2), and s is half the scale
    for scale in (2.0, 4.0, 8.0):
        assert widths[scale] == pytest.approx(scale * np.sqrt(np.log(2)), rel=0.15)


def test_a_mixture_holds_as_much_of_each_length_scale() -> None:
    """Coarse and fine noise of equal weight: half of the power lies below the cut, half above."""
    images = np.stack([start_image(seed, (0.1, 16.0), (64, 64, 1)) for seed in range(20)])
    power = (np.abs(np.fft.fft2(images, axes=(1, 2))) ** 2).mean(axis=(0, 3))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    assert power[frequency < 0.05].sum() / power.sum() == pytest.approx(0.5, abs=0.08)


def test_numbers_take_the_mixtures_in_turn() -> None:
    mixtures = ((1.0,), (2.0, 5.0))
    assert [length_scales(number, mixtures) for number in range(4)] == [(1.0,), (2.0, 5.0), (1.0,), (2.0, 5.0)]
