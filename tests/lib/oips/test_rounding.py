"""Which images may be computed with other roundings than before: small grey ones keep their bytes."""

from dataclasses import replace

import pytest

from lib.network.kernels import fast_kernels
from lib.network.plan import Kernels
from lib.oips.growth import Growth
from lib.oips.rounding import kernels_for
from lib.oips.settings import GrowthSettings

SMALL = GrowthSettings(steps=8).in_style("strong")
SIZED = GrowthSettings(steps=8).in_style("natural", margin=True)


@pytest.mark.parametrize("growth", [SMALL, replace(SMALL, style="natural")], ids=["small", "in another style"])
def test_images_without_a_margin_are_computed_as_ever(growth: Growth) -> None:
    assert kernels_for(growth) is fast_kernels


@pytest.mark.parametrize("fast", [False, True], ids=["a slow processor", "a fast one"])
@pytest.mark.parametrize("allowed", [False, True], ids=["ruled out", "allowed"])
@pytest.mark.parametrize("growth", [SIZED, replace(SIZED, quality="draft")], ids=["images with a margin", "drafts"])
def test_others_are_rounded_and_to_bfloat16_where_that_is_fast_and_allowed(
    monkeypatch: pytest.MonkeyPatch, growth: Growth, allowed: bool, fast: bool
) -> None:
    asked: list[bool] = []

    def kernels(*, bfloat16: bool) -> Kernels:
        asked.append(bfloat16)
        return fast_kernels

    monkeypatch.setattr("lib.oips.rounding.is_fast_at_bfloat16", lambda: fast)
    monkeypatch.setattr("lib.oips.rounding.rounding_kernels", kernels)
    kernels_for(growth, bfloat16=allowed)
    assert asked == [fast and allowed]
