"""Verdicts as the design defines them, over every kind of answer that a search can give."""

import itertools

import pytest

from lib.oips.verdict import VERDICTS, Verdict, response_ratio, verdict_of

RESPONSES = (-1.5, 0.0, 1e-6, 1.0, 2.0)
EXEMPLARS = (None, -1.5, 0.0, 1e-6, 1.0, 2.0)


@pytest.mark.parametrize(
    ("response", "exemplar", "dead", "expected"),
    [
        (1.0, None, False, "responded"),
        (1.0, 0.0, False, "responded"),
        (1.0, -2.0, False, "responded"),
        (1.0, 1.0, False, "responded"),
        (1.0, 1.5, False, "unreached"),
        (0.0, 1.5, False, "unreached"),
        (-1.0, 1e-9, False, "unreached"),
        (0.0, None, False, "silent"),
        (0.0, 0.0, False, "silent"),
        (-1.0, -2.0, False, "silent"),
        (0.0, None, True, "dead"),
        (0.0, 0.0, True, "dead"),
        (-1.0, -2.0, True, "dead"),
    ],
)
def test_a_verdict_is_the_one_that_is_written(
    response: float, exemplar: float | None, dead: bool, expected: Verdict
) -> None:
    assert verdict_of(response, exemplar, dead=dead) == expected


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize(("response", "exemplar"), itertools.product(RESPONSES, EXEMPLARS))
def test_every_verdict_means_what_it_says(response: float, exemplar: float | None, dead: bool) -> None:
    verdict = verdict_of(response, exemplar, dead=dead)
    exemplar_responds = exemplar is not None and exemplar > 0
    assert verdict in VERDICTS
    assert (verdict == "responded") == (response > 0 and (exemplar is None or response >= exemplar))
    assert (verdict == "unreached") == (exemplar_responds and exemplar is not None and response < exemplar)
    assert (verdict in ("silent", "dead")) == (response <= 0 and not exemplar_responds)
    if verdict in ("silent", "dead"):
        assert (verdict == "dead") == dead


def test_what_was_seen_to_respond_is_not_dead_whatever_a_bound_says() -> None:
    assert verdict_of(0.5, None, dead=True) == "responded"
    assert verdict_of(0.0, 0.5, dead=True) == "unreached"


def test_the_response_ratio_is_over_an_exemplar_that_responds() -> None:
    assert response_ratio(3.0, 2.0) == 1.5
    assert response_ratio(0.0, 2.0) == 0.0
    assert response_ratio(3.0, None) is None
    assert response_ratio(3.0, 0.0) is None
    assert response_ratio(3.0, -1.0) is None
