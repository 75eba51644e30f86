"""Which of a unit's results are shown, and which unit is refined first."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.session.session import Session
from tasks.sweep.context import SweepContext
from tasks.sweep.oips import make_oips
from tasks.sweep.shown import is_better, need_of, replaces


def oips(
    verdict: str = "responded",
    *,
    response: float = 1.0,
    moved: float | None = None,
    ratio: float | None = 1.0,
    style: str = "natural",
    constraint: str = "box",
) -> Any:
    """A record of OIPs in style natural, or in another that took its place; `moved`: the response as it is moved."""
    curve = [0.0, 0.1, *([response if moved is None else moved] * 8)]
    about: dict[str, Any] = {
        "verdict": verdict,
        "response": response,
        "response_ratio": ratio,
        "constraint": constraint,
        "oips": [{"curve": curve}],
    }
    if style != "natural":
        about["style"] = style
    return SimpleNamespace(
        parameters={"style": "natural", "margin": True}, output=lambda role: SimpleNamespace(attributes=about)
    )


def test_the_stronger_is_shown_and_of_equals_the_later_one() -> None:
    assert replaces(oips(response=2), oips(response=1), "strong")
    assert not replaces(oips(response=1), oips(response=2), "strong")
    assert replaces(oips(), oips(), "strong")


def test_where_an_image_counts_as_it_is_moved_that_decides() -> None:
    firm, brittle = oips(response=2, moved=1.8), oips(response=3, moved=0.3)
    assert replaces(firm, brittle, "natural")
    assert not replaces(brittle, firm, "natural")
    assert replaces(brittle, firm, "strong")


@pytest.mark.parametrize("verdict", ["unreached", "silent", "dead"])
def test_what_responded_stands_before_all_else_and_a_later_verdict_before_a_drafts(verdict: str) -> None:
    weak = oips("responded", response=0.1)
    assert not replaces(oips(verdict, response=9), weak, "natural")
    assert replaces(weak, oips(verdict, response=9), "natural")
    assert replaces(oips(verdict, response=0), oips("unreached", response=0.5), "natural")


def test_a_draft_in_the_style_that_was_asked_for_stands_before_a_stronger_one_in_another() -> None:
    assert not replaces(oips(response=9, style="strong"), oips(response=1), "natural")
    assert replaces(oips(response=1), oips(response=9, style="strong"), "natural")


def test_in_which_order_two_are_looked_at_is_no_matter() -> None:
    draft, refined = oips(), oips()
    draft.parameters["quality"] = "draft"
    assert is_better(refined, draft, "natural")
    assert not is_better(draft, refined, "natural")


def test_what_is_unreached_needs_a_better_picture_most_and_then_what_keeps_the_least() -> None:
    firm, brittle, unreached = oips(moved=0.9), oips(moved=0.2), oips("unreached", moved=0.9)
    unknown = oips("unreached", response=0.0, ratio=None)  # a search that may end with "silent"
    order = sorted([unknown, firm, brittle, unreached], key=lambda one: need_of(one, "natural"))
    assert order == [unreached, brittle, firm, unknown]


def test_where_images_are_not_moved_what_is_furthest_below_its_exemplars_needs_it_most() -> None:
    low, high = oips(ratio=0.5), oips(ratio=3.0)
    assert need_of(low, "strong") < need_of(high, "strong")


def test_an_attempt_that_succeeds_after_one_that_failed_leaves_no_failure_where_it_is_no_better(
    open_session: Session, sweep_context_in: Callable[..., SweepContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sweep_context_in(open_session)
    unit, other = "Conv2D_1/0", "Conv2D_1/1"
    make_oips.fn("both", [unit, other], open_session.run.id)
    shown, worse = (open_session.store.record(context.tally.key_of(name)) for name in (unit, other))
    monkeypatch.setattr("tasks.sweep.context.is_better", lambda *_: False)
    context.fail_oips(unit, "standard", "the disk was full")
    assert context.tally.has_failed(unit)
    context.note_oips(unit, context.growth, worse, "computed")
    assert not context.tally.has_failed(unit)
    assert context.tally.key_of(unit) == shown.key
