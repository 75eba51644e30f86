"""Curves of trainings and ascents."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.draw.plots import ascent_plot, history_plot
from lib.errors import BadInput

HISTORY = {
    "epoch": [1.0, 2.0, 3.0],
    "accuracy": [0.93, 0.98, 0.99],
    "loss": [0.3, 0.08, 0.05],
    "test_accuracy": [0.97, 0.98, 0.985],
    "test_loss": [0.1, 0.07, 0.06],
    "learning_rate": [1e-3, 5e-4, 1e-4],
}
CURVES = np.cumsum(np.random.default_rng(0).random((4, 50)), axis=1)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def has(png: bytes, colour: tuple[int, int, int]) -> bool:
    return bool((np.asarray(opened(png)) == colour).all(axis=-1).any())


def test_a_history_shows_training_and_test() -> None:
    png = history_plot(HISTORY)
    assert has(png, (0x1F, 0x5F, 0xA8))
    assert has(png, (0xC0, 0x50, 0x00))


def test_a_history_with_keras_names_is_the_same_plot() -> None:
    keras = {key.replace("test_", "val_"): values for key, values in HISTORY.items()}
    assert history_plot(keras) == history_plot(HISTORY)


def test_a_history_shows_what_there_is() -> None:
    alone = history_plot({"loss": [0.3, float("nan"), 0.2]})
    assert opened(alone).width < opened(history_plot(HISTORY)).width
    assert has(alone, (0x1F, 0x5F, 0xA8))


def test_one_epoch_and_one_step_are_seen() -> None:
    assert has(history_plot({"accuracy": [0.9]}), (0x1F, 0x5F, 0xA8))
    assert len(np.unique(np.asarray(opened(ascent_plot(CURVES[:1, :1]))), axis=0)) > 1


def test_a_layers_name_is_not_read_as_mathematics() -> None:
    assert ascent_plot(CURVES, title="a$b_{$/3") != ascent_plot(CURVES, title="")


@pytest.mark.parametrize("shape", [(1, 10), (4, 10), (40, 10)])
def test_any_number_of_ascents_is_drawn(shape: tuple[int, int]) -> None:
    assert opened(ascent_plot(np.random.default_rng(0).random(shape), title="Conv2D_2/17" * 30)).size == (704, 418)


def test_plots_drawn_in_threads_under_any_settings_have_the_same_bytes_and_nothing_but_pixels() -> None:
    import matplotlib

    alone = [ascent_plot(CURVES, title="Conv2D_2/17"), history_plot(HISTORY)]
    assert all(opened(png).info == {} for png in alone)
    before: dict[str, Any] = dict(matplotlib.rcParams)
    with (
        matplotlib.rc_context({"font.size": 22, "axes.facecolor": "red", "savefig.dpi": 20}),
        ThreadPoolExecutor(4) as t,
    ):
        again = list(
            t.map(lambda n: history_plot(HISTORY) if n % 2 else ascent_plot(CURVES, title="Conv2D_2/17"), range(4))
        )
    assert again == alone * 2
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("history", [{}, {"accuracy": []}, {"other": [1.0]}])
def test_an_empty_history_is_refused(history: dict[str, list[float]]) -> None:
    with pytest.raises(BadInput, match="at least one epoch"):
        history_plot(history)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (5,), (1, 2, 3)])
def test_what_is_no_set_of_ascents_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=r"OIPs, steps"):
        ascent_plot(np.zeros(shape))
