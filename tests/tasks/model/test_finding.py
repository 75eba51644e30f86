"""What is found of the pixels that a model takes, and what is asked."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from lib.analysis.chance import Order, Worth
from lib.errors import Question
from lib.network.found_pixels import Found
from lib.network.pixels import Pixels
from tasks.model import finding
from tasks.model.finding import Looked, check, find_what_it_takes, warnings_of
from tests.lib.analysis.test_pixel_trials import TEST, trained

CLASSES = ["red", "green", "blue", "yellow"]


def looked(labels: Any = TEST[1], classes: Any = CLASSES, count: int = 200) -> Looked:
    return Looked(TEST[0][:count], None if labels is None else labels[:count], classes, {})


def rescaled(inner: Any, scale: float) -> Any:
    return keras.Sequential([kl.Input((12, 12, 3)), kl.Rescaling(scale), *inner.layers])


def test_what_the_layers_say_is_believed_and_so_are_pictures() -> None:
    found = find_what_it_takes("mine", rescaled(trained("0..1"), 1 / 255), looked())
    assert found is not None
    assert str(found.pixels) == "0..255"
    assert "turns 0..255 into 0..1" in found.because
    found = find_what_it_takes("mine", trained("0..255"), looked())
    assert found is not None
    assert str(found.pixels) == "0..255"
    assert "on 200 test images" in found.because


def test_layers_that_pictures_clearly_speak_against_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "find_pixels", lambda _: Found(Pixels.parse("200/1"), "its layer says so"))
    with pytest.raises(Question, match=r"clear which pixels mine takes: its layer says so, but accuracy on 200 test"):
        find_what_it_takes("mine", trained("0..255"), looked())
    # pictures that say nothing speak against nothing
    found = find_what_it_takes("mine", trained("0..255"), looked(labels=None))
    assert found is not None
    assert found.because == "its layer says so"


def test_what_was_used_before_goes_on_unless_pictures_speak_against_it() -> None:
    assert find_what_it_takes("mine", trained("0..1"), None, used_as_plain=True) is None
    assert find_what_it_takes("mine", trained("0..1", "own"), looked(), used_as_plain=True) is None
    found = find_what_it_takes("mine", trained("0..255"), looked(), used_as_plain=True)
    assert found is not None
    assert str(found.pixels) == "0..255"


def test_the_question_has_the_name_of_whoever_asks() -> None:
    with pytest.raises(Question) as asked:
        find_what_it_takes("mine", trained("0..1"), None)
    assert str(asked.value).endswith("; say it with Pixels")
    assert asked.value.said_with("--pixels").endswith("; say it with --pixels")
    with pytest.raises(Question, match="the classes seem to be in another order"):
        find_what_it_takes("mine", trained("0..255"), looked((TEST[1] + 1) % 4))


def test_a_check_says_what_is_doubtful_and_nothing_of_what_is_well() -> None:
    model, well = trained("0..255"), Pixels.parse("0..255")
    for pixels, labels, warned in (
        (well, TEST[1], None),
        (Pixels.parse("200/1"), TEST[1], "near chance"),
        (well, (TEST[1] + 1) % 4, "in another order"),
        (Pixels((0.0,), (1 / 255,), bgr=True), TEST[1], "with red for blue: the network may take 0..255."),
    ):
        checked = check(model, pixels, looked(labels), {"model": "x"})
        assert checked is not None
        assert checked["images"] == 200
        assert checked["of"] == {"model": "x"}
        if warned is None:
            assert checked["warnings"] == []
        else:
            assert len(checked["warnings"]) == 1
            assert warned in checked["warnings"][0]
    assert check(model, well, looked(classes=["a", "b"]), {}) is None


def test_an_order_names_the_classes_that_moved() -> None:
    order = Order((1, 2, 0, 3), 0.97)
    (said,) = warnings_of(Worth(5, 200, 4, 50), order, CLASSES)
    assert "2.5 % as they stand, and 97.0 % with output 1 for red, output 2 for green, output 0 for blue." in said
    assert warnings_of(Worth(190, 200, 4, 50), None, CLASSES) == []
    np.testing.assert_equal(len(warnings_of(Worth(50, 200, 4, 50), None, CLASSES)), 1)
