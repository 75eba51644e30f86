"""Pictures dreamed in every mode."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from PIL import Image

from lib.dream.dreamer import Dream, Dreamer
from lib.dream.settings import DreamSettings
from lib.errors import BadInput

pytestmark = pytest.mark.heavy

MODES = ["octaves", "tiles", "carve", "carve+tiles"]
ALL_WAYS = ["octaves", "carve+tiles"]  # the second goes both other ways, too
SETTINGS: dict[str, Any] = {"octaves": 2, "steps": 4, "step_size": 0.6, "rounds": 2, "jitter": 3}


@cache
def network(channels: int = 1, side: int | None = 14) -> Any:
    # seeds of their own: Keras would draw them from Python's generator, which threads of Prefect's draw from too
    early, late, classes = (keras.initializers.GlorotUniform(seed=10 * channels + at) for at in range(3))
    entry = kl.Input((side, side, channels))
    x = kl.Conv2D(6, 3, activation="relu", name="early", kernel_initializer=early)(entry)
    x = kl.Conv2D(8, 3, activation="relu", name="late", kernel_initializer=late)(kl.MaxPooling2D()(x))
    x = kl.Flatten()(x) if side else kl.GlobalAveragePooling2D()(x)
    return keras.Model(entry, kl.Dense(5, activation="softmax", name="classes", kernel_initializer=classes)(x))


@cache
def dreamer(mode: str, channels: int = 1, **more: Any) -> Dreamer:
    return Dreamer(network(channels), DreamSettings(**({"mode": mode, "objective": "late"} | SETTINGS | more)))


def picture(height: int = 40, width: int = 53, channels: int = 3, dtype: Any = np.uint8) -> Any:
    """Soft shapes with a fine grain."""
    random = np.random.default_rng(height + width)
    soft = Image.fromarray(random.integers(40, 200, (6, 7, 3), np.uint8)).resize((width, height), 3)
    pixels = np.asarray(soft)[:, :, :channels] + random.normal(scale=6, size=(height, width, channels))
    top = np.iinfo(dtype).max
    return np.rint(np.clip(pixels / 255, 0, 1) * top).astype(dtype)


def differs(found: Dream, source: Any) -> float:
    return float(np.abs(found.pixels.astype(float) - source).mean() / np.iinfo(source.dtype).max)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_objective_rises_in_every_octave_round_and_tiling(mode: str, channels: int) -> None:
    source = picture()
    found = dreamer(mode, channels).dream(source)
    assert found.pixels.shape == source.shape
    assert found.pixels.dtype == source.dtype
    assert differs(found, source) > 0.005
    wanted = {
        "octaves": ["octave 1 of 2, 38x29", "octave 2 of 2, 53x40"],
        "tiles": ["tiles"],
        "carve": ["round 1 of 2", "round 2 of 2"],
        "carve+tiles": ["round 1 of 2", "round 2 of 2", "tiles"],
    }
    assert [curve.name for curve in found.curves] == wanted[mode]
    for curve in found.curves:
        assert len(curve.values) == SETTINGS["steps"] + 1
        assert curve.values[-1] > curve.values[0]
    assert (found.strip is not None) == (mode in ("carve", "carve+tiles"))
    if found.strip:
        assert Image.open(io.BytesIO(found.strip)).width > 1000


@pytest.mark.parametrize("mode", MODES)
def test_the_details_of_the_picture_survive(mode: str) -> None:
    source = picture()
    found = dreamer(mode).dream(source)

    def fine(pixels: Any) -> Any:
        grey = pixels.mean(axis=2)
        return (grey[1:, 1:] - grey[:-1, :-1]).ravel()

    assert np.corrcoef(fine(found.pixels), fine(source))[0, 1] > 0.8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", MODES)
def test_a_black_mask_gives_the_source_to_the_bit(mode: str, dtype: Any) -> None:
    source = picture(30, 31, 1 if dtype == np.uint16 else 3, dtype)
    black = np.zeros((7, 90), np.float32)
    np.testing.assert_array_equal(dreamer(mode).dream(source, mask=black).pixels, source)


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_strength_0_gives_the_source_to_the_bit(mode: str) -> None:
    source = picture(30, 31)
    np.testing.assert_array_equal(dreamer(mode, strength=0.0).dream(source).pixels, source)


def test_white_dreams_and_black_stays() -> None:
    source = picture()
    mask = np.zeros((4, 4), np.float32)
    mask[:, 2:] = 1
    found = dreamer("tiles").dream(source, mask=mask).pixels
    whole = dreamer("tiles").dream(source).pixels
    np.testing.assert_array_equal(found[:, :13], source[:, :13])
    np.testing.assert_array_equal(found[:, -13:], whole[:, -13:])


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_the_same_seed_gives_the_same_bytes_whatever_other_threads_do(mode: str) -> None:
    one, other = picture(), picture(31, 44)
    alone = dreamer(mode).dream(one).pixels.tobytes()
    again = Dreamer(network(), DreamSettings(mode=mode, objective="late", **SETTINGS))  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda at: again.dream((one, other)[at % 2]).pixels.tobytes(), range(6)))
    assert found[0] == found[2] == found[4] == alone
    assert len(set(found)) == 2


@pytest.mark.parametrize("mode", ["octaves", "tiles"])
def test_another_seed_gives_another_dream(mode: str) -> None:
    source = picture()
    assert (dreamer(mode).dream(source).pixels != dreamer(mode, seed=1).dream(source).pixels).any()


@pytest.mark.parametrize(
    ("mode", "idle"), [("octaves", {"rounds": 7, "overlap": 0.1}), ("carve", {"overlap": 0.1, "jitter": 1, "seed": 9})]
)
def test_settings_that_a_mode_does_not_look_at_change_nothing(mode: str, idle: dict[str, Any]) -> None:
    found = dreamer(mode, **idle).dream(picture()).pixels
    np.testing.assert_array_equal(found, dreamer(mode).dream(picture()).pixels)


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_one_trace_serves_pictures_of_every_size(mode: str) -> None:
    again = Dreamer(network(), DreamSettings(mode=mode, objective="early/2", **SETTINGS))  # type: ignore[arg-type]
    for at in range(8):
        again.dream(picture(12 + 5 * at, 60 - 6 * at))
    assert again.traces == 1


@pytest.mark.parametrize("mode", ["octaves", "carve+tiles"])
def test_one_trace_serves_every_objective_of_the_same_layers(mode: str) -> None:
    whole, source = dreamer(mode), picture()
    traces = whole.traces
    for objective in ("late/3", "late[0:1, 5:-2]", "late - 0.5*late/2"):
        other = whole.towards(objective)
        alone = Dreamer(network(), DreamSettings(mode=mode, objective=objective, **SETTINGS))  # type: ignore[arg-type]
        assert other.objective == alone.objective == objective
        np.testing.assert_array_equal(other.dream(source).pixels, alone.dream(source).pixels)
    assert whole.traces == traces
    assert whole.objective == "late"  # and goes on as it was
    early = whole.towards("early/1")
    assert early.objective == "early/1"
    assert differs(early.dream(source), source) > 0


@pytest.mark.parametrize("channels", [1, 3])
def test_kept_colours_are_those_of_the_picture(channels: int) -> None:
    source = picture()
    found = dreamer("tiles", channels).dream(source).pixels.astype(float)
    inside = ((found > 3) & (found < 252)).all(axis=2)
    assert inside.mean() > 0.9
    change = (found - source)[inside]
    assert np.abs(change).max() > 10
    assert np.ptp(change, axis=1).max() <= 1.01  # every channel as much, but for the rounding of each


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_can_be_taken_to_grey(channels: int) -> None:
    found = dreamer("tiles", channels, colours="grey").dream(picture()).pixels
    np.testing.assert_array_equal(np.ptp(found, axis=2), 0)


def test_a_network_that_sees_colours_dreams_them() -> None:
    source = picture()
    colourful = dreamer("octaves", 3, colours="dreamed", style="plain")
    found = colourful.dream(source).pixels.astype(float)
    assert np.ptp(found - source, axis=2).max() > 10
    grey = picture(channels=1)
    coloured = colourful.dream(grey).pixels
    assert coloured.shape == (*grey.shape[:2], 3)
    assert np.ptp(coloured, axis=2).max() > 3
    assert dreamer("octaves", 3).dream(grey).pixels.shape == grey.shape


@pytest.mark.parametrize("mode", ["octaves", "tiles"])
def test_a_guide_leads_the_dream(mode: str) -> None:
    source = picture()
    stripes = np.repeat(np.where(np.arange(30) % 6 < 3, 0, 255)[None, :, None], 30, 0).astype(np.uint8)
    settings = DreamSettings(mode=mode, objective="late", **SETTINGS)  # type: ignore[arg-type]
    across = Dreamer(network(), settings, guide=stripes).dream(source)
    down = Dreamer(network(), settings, guide=stripes.transpose(1, 0, 2)).dream(source)
    assert (across.pixels != down.pixels).any()
    assert across.curves[-1].values[-1] > across.curves[-1].values[0]


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_one_trace_serves_every_objective_of_the_same_layers_with_a_guide_too(mode: str) -> None:
    settings, source = DreamSettings(mode=mode, **SETTINGS), picture()  # type: ignore[arg-type]
    guide = picture(25, 32)
    for first, objectives in {"late": ("late/3", "late[0:1, 5:-2]"), "late + early": ("2*late/1 - early",)}.items():
        whole = Dreamer(network(), replace(settings, objective=first), guide=guide)
        traces, before = whole.traces, whole.dream(source).pixels
        for objective in objectives:
            other = whole.towards(objective)
            alone = Dreamer(network(), replace(settings, objective=objective), guide=guide)
            assert other.objective == alone.objective == objective
            np.testing.assert_array_equal(other.dream(source).pixels, alone.dream(source).pixels)
            assert (other.dream(source).pixels != before).any()
            assert other.traces == traces
        np.testing.assert_array_equal(whole.dream(source).pixels, before)
    assert whole.towards("late").objective == "late"  # of fewer terms: a computation of its own


@pytest.mark.parametrize("mode", ["tiles", "carve"])
def test_class_units_dream_where_the_whole_network_is_seen(mode: str) -> None:
    found = dreamer(mode, objective="classes/3").dream(picture())
    assert found.curves[0].values[-1] > found.curves[0].values[0]


def test_the_objective_is_told_in_its_canonical_form() -> None:
    assert dreamer("tiles", objective="0.50*early/02 - late").objective == "0.5*early/2 - late"
    assert dreamer("tiles", objective="").objective == "late"


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_progress_is_told_of_every_octave_round_and_tiling(mode: str) -> None:
    seen: list[tuple[str, int, int]] = []
    found = dreamer(mode).dream(picture(), progress=lambda *done: seen.append(done))
    assert list(dict.fromkeys(name for name, _, _ in seen)) == [curve.name for curve in found.curves]
    last = {name: (step, steps) for name, step, steps in seen}
    assert set(last.values()) == {(SETTINGS["steps"], SETTINGS["steps"])}


@pytest.mark.parametrize("pixels", [np.zeros((5, 5)), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3), np.float32)])
def test_what_is_no_picture_is_refused(pixels: Any) -> None:
    with pytest.raises(BadInput, match="a picture is uint8 or uint16"):
        dreamer("tiles").dream(pixels)


def test_a_network_of_free_size_dreams_in_octaves_alone() -> None:
    free = network(1, None)
    found = Dreamer(free, DreamSettings(mode="octaves", objective="early", **SETTINGS)).dream(picture())
    assert differs(found, picture()) > 0.005
    with pytest.raises(BadInput, match="choose mode octaves"):
        Dreamer(free, DreamSettings(mode="carve", objective="early"))


def test_a_network_that_sees_neither_one_nor_three_channels_is_refused() -> None:
    with pytest.raises(BadInput, match="sees 2 channels"):
        Dreamer(network(2), DreamSettings(mode="tiles", objective="early"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_even_picture_is_dreamed_too(mode: str, value: int) -> None:
    found = dreamer(mode).dream(np.full((30, 33, 1), value, np.uint8))
    assert np.isfinite([curve.values for curve in found.curves]).all()
    if mode in ("octaves", "tiles") and value == 128:
        assert np.ptp(found.pixels) > 0
