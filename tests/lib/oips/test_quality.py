"""In which passes a network comes to OIPs of a quality."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.oips.growth import QUALITIES, Growth
from lib.oips.quality import draft_of, passes_to
from lib.oips.settings import GrowthSettings
from lib.oips.style import STYLES, in_style

some_settings = st.builds(
    GrowthSettings,
    oips=st.just(0),
    starts=st.sampled_from([0, 1, 2, 64, 1000]),
    steps=st.sampled_from([0, 1, 48, 96, 5000]),
)
some_styles = st.sampled_from(list(STYLES))


def cost(growth: Growth) -> int:
    return growth.starts * growth.steps


@given(some_settings, some_styles)
def test_each_pass_is_dearer_than_the_one_before(settings: GrowthSettings, style: str) -> None:
    costs = [cost(growth) for growth in passes_to("best", settings, style)]
    assert costs == sorted(set(costs))


@given(some_settings, some_styles)
def test_the_standard_is_what_the_settings_say_and_comes_last_where_it_is_asked_for(
    settings: GrowthSettings, style: str
) -> None:
    assert passes_to("standard", settings, style)[-1] == settings.in_style(style)


@given(some_settings, some_styles, st.sampled_from(QUALITIES))
def test_what_was_asked_for_is_no_less_at_the_best_quality_and_no_more_in_a_draft(
    settings: GrowthSettings, style: str, quality: str
) -> None:
    draft, best = (passes_to(name, settings, style)[-1] for name in ("draft", "best"))
    for name in ("starts", "steps"):
        if asked := getattr(settings, name):
            assert getattr(draft, name) <= asked == getattr(best, name)


@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_has_a_draft_that_is_cheaper_and_a_best_that_is_dearer(style: str) -> None:
    draft, standard, best = passes_to("best", GrowthSettings(), style)
    assert [growth.quality for growth in (draft, standard, best)] == list(QUALITIES)
    assert cost(draft) < cost(standard) < cost(best)


def test_a_draft_that_would_cost_no_less_is_no_draft() -> None:
    growth = GrowthSettings(starts=1, steps=8).in_style("natural")
    assert draft_of(growth) == growth
    assert passes_to("draft", GrowthSettings(starts=1, steps=8), "natural") == (growth,)


def test_small_images_have_no_drafts_on_the_way_but_where_drafts_are_what_is_wanted() -> None:
    assert [one.quality for one in passes_to("standard", GrowthSettings(), "strong", small=True)] == ["standard"]
    assert [one.quality for one in passes_to("best", GrowthSettings(), "strong", small=True)] == ["standard", "best"]
    assert [one.quality for one in passes_to("draft", GrowthSettings(), "strong", small=True)] == ["draft"]


def test_a_search_that_goes_on_in_another_style_has_what_that_has_at_the_same_quality() -> None:
    best = passes_to("best", GrowthSettings(), "natural")[-1]
    assert in_style(best, "strong") == replace(
        passes_to("best", GrowthSettings(), "strong")[-1], constraint="box", quality="best"
    )
    asked = passes_to("best", GrowthSettings(steps=77), "natural")[-1]
    assert in_style(asked, "strong").steps == 77


def test_where_the_best_changes_nothing_it_is_the_standard() -> None:
    settings = GrowthSettings(starts=4, steps=256)
    assert passes_to("best", settings, "natural")[-1] == settings.in_style("natural")
    assert asdict(settings.in_style("natural", quality="best"))["quality"] == "standard"
