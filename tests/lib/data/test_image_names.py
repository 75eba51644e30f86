"""Names of images of a data set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data.image_names import ImageName
from lib.errors import BadInput


@given(st.sampled_from(["train", "test"]), st.integers(0, 10**12 - 1))
def test_a_name_read_is_the_name_written(part: str, number: int) -> None:
    assert str(ImageName.parse(f"{part}/{number}")) == f"{part}/{number}"


@pytest.mark.parametrize(
    "text", ["", "test", "test/", "test/-1", "test/1.5", "valid/1", "a/test/1", "test/1/2", "test/٣"]
)
def test_what_names_no_image_of_a_set_is_something_else(text: str) -> None:
    assert ImageName.parse(text) is None


def test_an_image_that_the_set_has_not_is_refused_with_what_it_has() -> None:
    images = np.zeros((7, 2, 2, 1))
    assert ImageName("test", 6).of(images).shape == (2, 2, 1)
    with pytest.raises(BadInput, match="no image test/7: the set has 7, 0 to 6"):
        ImageName("test", 7).of(images)
