"""Which OIPs a sweep may compute with other roundings than before: small grey images keep their bytes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lib.network.kernels import fast_kernels
from lib.network.plan import Kernels
from lib.oips.settings import GrowthSettings
from tasks.session.session import Session
from tasks.sweep.context import SweepContext

SMALL = GrowthSettings(steps=8).in_style("strong")
SIZED = GrowthSettings(steps=8).in_style("natural", margin=True)


@pytest.mark.parametrize("fast", [False, True], ids=["a slow processor", "a fast one"])
@pytest.mark.parametrize(
    ("growth", "rounded"),
    [(SMALL, False), (replace(SMALL, style="natural"), False), (SIZED, True), (replace(SIZED, quality="draft"), True)],
    ids=["small images", "small images in another style", "images with a margin", "their drafts"],
)
def test_only_images_with_a_margin_are_rounded_otherwise_and_to_bfloat16_where_that_is_fast(
    open_session: Session,
    sweep_context_in: Callable[..., SweepContext],
    monkeypatch: pytest.MonkeyPatch,
    growth: object,
    rounded: bool,
    fast: bool,
) -> None:
    asked: list[bool] = []

    def kernels(*, bfloat16: bool) -> Kernels:
        asked.append(bfloat16)
        return fast_kernels

    monkeypatch.setattr("tasks.sweep.context.is_fast_at_bfloat16", lambda: fast)
    monkeypatch.setattr("tasks.sweep.context.rounding_kernels", kernels)
    sweep_context_in(open_session, growth).usual_ground("Conv2D_2")
    assert asked == ([fast] if rounded else [])
