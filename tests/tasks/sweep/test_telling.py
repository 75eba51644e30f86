"""Whether units respond otherwise to some images than to others, from what was counted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lib.responses.statistics import Survey
from tasks.sweep.telling import tell_apart


def counted(responses: np.ndarray) -> np.ndarray:
    labels = np.arange(len(responses)) % 3
    survey = Survey(responses.shape[1], labels, 3)
    for first in range(0, len(responses), 7):
        numbers = np.arange(first, min(first + 7, len(responses)))
        survey.add(numbers, responses[numbers])
    found = survey.found()
    return tell_apart(found.histogram, found.silent)


@given(st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
def test_units_whose_responses_are_alike_to_a_hundredth_do_not_and_those_that_vary_do(scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    still = scale * (1 + 0.01 * rng.random((60, 4)))
    lively = scale * rng.random((60, 5))
    assert counted(np.concatenate([still, lively], axis=1)).tolist() == [False] * 4 + [True] * 5


def test_a_unit_that_never_responds_does_not_and_one_that_sometimes_does_does() -> None:
    responses = np.zeros((30, 3))
    responses[::10, 1] = 2.0
    responses[:, 2] = -1.5
    assert counted(responses).tolist() == [False, True, False]
