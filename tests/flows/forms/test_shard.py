"""What a shard is told of the data set's pictures is what the sweep knows of them."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flows.forms.shard import Statistics
from lib.oips.photographs import PictureStatistics

NUMBERS = st.floats(-1e6, 1e6)


@given(
    exponent=NUMBERS,
    covariance=st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=n, max_size=n)
    ),
    chroma=NUMBERS | st.just(float("inf")),
    contrast=NUMBERS,
)
def test_statistics_arrive_as_they_were_to_the_last_bit(
    exponent: float, covariance: list[list[float]], chroma: float, contrast: float
) -> None:
    known = PictureStatistics(exponent, np.array(covariance), chroma, contrast)
    told = Statistics.of(known).model_dump(mode="json", exclude_none=True)
    found = Statistics.model_validate(json.loads(json.dumps(told, allow_nan=False))).known()
    assert (found.exponent, found.chroma, found.contrast) == (exponent, chroma, contrast)
    np.testing.assert_array_equal(found.covariance, known.covariance)
