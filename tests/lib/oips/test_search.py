"""The search and its verdicts on a made-up landscape, without TensorFlow, in which every answer is known.

A unit's pre-activation is how much of its pattern an image holds, and a bias: at most 1 + bias under `standardised`,
about 2.4 + bias under `box`, whose pixels go from -3 to 3. Each step adds some of the pattern.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deadline import Deadline, OutOfTime
from lib.network.units import Unit
from lib.oips.ascent import AscentState
from lib.oips.constraint import Constraint, ConstraintName
from lib.oips.growth import Growth
from lib.oips.parameterisation import Parameterisation
from lib.oips.quality import draft_of
from lib.oips.search import AGREEING, LONGER, SLOW, Ground, Search, _search, search_unit, stages_of
from lib.oips.settings import GrowthSettings
from lib.oips.similarity import correlation
from lib.oips.start_images import start_image, start_seed
from lib.oips.verdict import Verdict

SHAPE = (6, 5, 1)
PATTERN = np.random.default_rng(5).normal(size=SHAPE)
PATTERN = (PATTERN - PATTERN.mean()) / PATTERN.std()
SMALL = GrowthSettings(constraint="standardised", oips=2, starts=8, steps=8, seed=3).in_style("strong")
UNIT = Unit("layer", 4)


@dataclass
class Land:
    """What all grounds share. `calls`: constraint, objective, images and steps of each curve."""

    bias: float = 0.0
    pace: float = 0.4
    calls: list[tuple[ConstraintName, str, int, int]] = field(default_factory=list)
    shifts: list[np.ndarray] = field(default_factory=list)
    noise: list[np.ndarray] = field(default_factory=list)
    asked: list[ConstraintName] = field(default_factory=list)
    jitter: int = 0

    def ground(self, style: str, constraint: ConstraintName, objective: str) -> Ground:
        parameterisation = Parameterisation(Constraint(constraint, 0.0, 1.0), SHAPE, jitter=self.jitter)
        return Ground(Optimise(self, constraint, objective), self.starts, self.measure, parameterisation)

    def starts(self, noise: np.ndarray) -> np.ndarray:
        self.noise.extend(noise)
        return noise

    def measure(self, images: np.ndarray, units: Any) -> tuple[np.ndarray, np.ndarray]:
        before = ((images * PATTERN).mean((1, 2, 3)) + self.bias).astype(np.float32)
        return np.maximum(before, 0), before

    def steps(self, constraint: ConstraintName) -> int:
        return sum(images * steps for name, _, images, steps in self.calls if name == constraint)

    def search(
        self,
        growth: Growth = SMALL,
        exemplars: dict[ConstraintName, float] | None = None,
        *,
        unit: Unit = UNIT,
        dead: bool = False,
    ) -> tuple[Search, Verdict, float | None]:
        def best_exemplar(constraint: ConstraintName) -> float | None:
            self.asked.append(constraint)
            return None if exemplars is None else exemplars.get(constraint, 0.0)

        found = search_unit(unit, growth, self.ground, best_exemplar, dead=dead)
        assert found[0].image_steps == sum(images * steps for _, _, images, steps in self.calls)
        return found


@dataclass
class Optimise:
    land: Land
    constraint: ConstraintName
    objective: str

    def optimise(self, state: AscentState, units: Any, rates: Any, shifts: Any = None) -> AscentState:
        assert (np.asarray(units) == UNIT.index).all()
        self.land.calls.append((self.constraint, self.objective, len(state), len(rates)))
        self.land.shifts.append(shifts)
        images, best, score = state.images, state.best, state.score
        curve = [state.curve]
        for rate in [*rates, None]:
            response, before = self.land.measure(images, units)
            now = np.where(response > 0, response, np.minimum(before, 0))
            best = np.where((now > score)[:, None, None, None], images, best)
            score = np.maximum(score, now)
            if rate is not None:
                curve.append(response[:, None])
                images = images + self.land.pace * rate[:, None, None, None] * PATTERN
                images = (
                    np.clip(images, -3, 3)
                    if self.constraint == "box"
                    else images / images.std((1, 2, 3), keepdims=True)
                )
                images = images.astype(np.float32)
        response, before = self.land.measure(best, units)
        return AscentState(images, state.velocity, best, score, response, before, np.concatenate(curve, axis=1))


def test_a_unit_that_responds_has_responded() -> None:
    land = Land()
    search, verdict, ratio = land.search()
    assert verdict == "responded"
    assert ratio is None
    assert search.constraint == "standardised"
    assert search.response > 0
    assert {call[:2] for call in land.calls} == {("standardised", "response")}


def test_an_exemplar_that_is_reached_gives_the_ratio() -> None:
    land = Land()
    search, verdict, ratio = land.search(exemplars={"standardised": 0.25})
    assert verdict == "responded"
    assert ratio == search.response / 0.25
    assert land.asked == ["standardised"]


def test_the_constraint_and_objective_of_the_settings_are_maximised() -> None:
    land = Land()
    search, verdict, _ = land.search(replace(SMALL, constraint="box", objective="peak"))
    assert (search.constraint, verdict) == ("box", "responded")
    assert {call[:2] for call in land.calls} == {("box", "peak")}


def test_an_exemplar_that_is_not_reached_is_searched_for_longer_until_it_is() -> None:
    land = Land(pace=0.02)
    first = Land(pace=0.02).search()[0]
    search, verdict, ratio = land.search(exemplars={"standardised": first.response + 0.1})
    assert verdict == "responded"
    assert ratio is not None
    assert ratio >= 1
    assert search.image_steps > first.image_steps


def test_an_exemplar_that_is_never_reached_leaves_the_unit_unreached_after_longer_and_longer_searches() -> None:
    land = Land(pace=0.02)
    search, verdict, ratio = land.search(exemplars={"standardised": 0.9999999})
    assert verdict == "unreached"
    assert ratio is not None
    assert ratio < 1
    assert {call[:2] for call in land.calls} == {("standardised", "response")}
    searched: list[int] = []
    for _, _, images, steps in land.calls:
        if images >= SMALL.starts:  # the first stage of a search
            searched.append(0)
        searched[-1] += images * steps
    assert len(searched) >= 3
    assert searched == sorted(searched)
    assert sum(searched) >= LONGER * searched[0]
    assert len({noise.tobytes() for noise in land.noise}) == len(land.noise), "a start image was optimised twice"
    assert search.response == max(land.measure(np.stack([search.oips[0].image]), None)[0])


def test_an_exemplar_that_responds_where_no_oip_does_leaves_the_unit_unreached() -> None:
    land = Land(bias=-2)
    _, verdict, ratio = land.search(exemplars={"standardised": 0.1, "box": 0.0})
    assert (verdict, ratio) == ("unreached", 0.0)
    assert land.steps("box") == 0


@settings(max_examples=12)
@given(
    oips=st.integers(1, 3),
    more=st.integers(0, 12),
    steps=st.integers(1, 20),
    constraint=st.sampled_from(["standardised", "box"]),
    data=st.booleans(),
)
def test_a_silent_unit_was_searched_twenty_times_as_long_under_every_constraint(
    oips: int, more: int, steps: int, constraint: ConstraintName, data: bool
) -> None:
    growth = GrowthSettings(constraint=constraint, oips=oips, starts=oips + more, steps=steps).in_style("strong")
    plain = Land()
    plain.search(growth, dead=True)
    once = plain.steps(constraint)
    land = Land(bias=-10)
    search, verdict, ratio = land.search(growth, {} if data else None)
    assert (verdict, ratio) == ("silent", None)
    assert search.constraint == constraint
    for name in ("standardised", "box"):
        longer = land.steps(name) - (once if name == constraint else 0)
        assert LONGER * once <= longer <= 1.5 * LONGER * once + 4 * once
    assert all(objective == "peak" for _, objective, _, _ in land.calls[len(plain.calls) :])
    # from new start images each time; the same ones under either constraint
    assert len({noise.tobytes() for noise in land.noise}) == (len(land.noise) + growth.starts) / 2


def test_a_silent_unit_reports_the_best_pre_activation_that_was_seen_under_its_constraint() -> None:
    first = Land(bias=-10).search(dead=True)[0]
    search, _, _ = Land(bias=-10).search()
    assert search.response == 0
    assert first.oips[0].pre_activation < search.oips[0].pre_activation <= -9


def test_a_dead_unit_is_searched_once() -> None:
    land, plain = Land(bias=-10), Land()
    plain.search(dead=True)
    search, verdict, ratio = land.search(exemplars={}, dead=True)
    assert (verdict, ratio) == ("dead", None)
    assert search.image_steps == plain.steps("standardised")


def test_a_unit_that_responds_only_after_a_longer_search_is_found_and_grown_on() -> None:
    land = Land(bias=-0.75, pace=0.08)
    assert Land(bias=-0.75, pace=0.08).search(dead=True)[0].response == 0
    search, verdict, _ = land.search()
    assert (verdict, search.constraint) == ("responded", "standardised")
    assert land.steps("box") == 0
    assert land.calls[-1][:2] == ("standardised", "response")


def test_a_unit_that_responds_only_under_the_other_constraint_is_held_against_its_exemplars() -> None:
    land = Land(bias=-1.5)
    search, verdict, ratio = land.search(exemplars={"standardised": 0.0, "box": 0.2})
    assert (verdict, search.constraint) == ("responded", "box")
    assert ratio == search.response / 0.2
    assert land.steps("standardised") > LONGER * SMALL.steps
    assert set(land.asked) == {"standardised", "box"}


def test_an_exemplar_under_the_other_constraint_that_is_not_reached_leaves_the_unit_unreached() -> None:
    land = Land(bias=-1.5)
    search, verdict, ratio = land.search(exemplars={"standardised": 0.0, "box": 5.0})
    assert (verdict, search.constraint) == ("unreached", "box")
    assert ratio == search.response / 5
    land = Land(bias=-10)
    search, verdict, ratio = land.search(exemplars={"standardised": 0.0, "box": 0.2})
    assert (verdict, search.constraint, ratio) == ("unreached", "box", 0.0)


def same(first: Search, second: Search) -> bool:
    pairs = list(zip(first.oips, second.oips, strict=False))
    return len(first.oips) == len(second.oips) and all(
        a.image.tobytes() == b.image.tobytes() and a.curve.tobytes() == b.curve.tobytes() and a.seed == b.seed
        for a, b in pairs
    )


@pytest.mark.parametrize("bias", [0.0, -1.5, -10.0])
def test_a_search_gives_the_same_again_and_another_for_another_seed_or_unit(bias: float) -> None:
    first = Land(bias).search()[0]
    assert same(first, Land(bias).search()[0])
    assert not same(first, Land(bias).search(replace(SMALL, seed=4))[0])
    assert not same(first, Land(bias).search(unit=Unit("other", 4))[0])


@pytest.mark.parametrize("shared", [False, True])
def test_an_oip_says_what_it_grew_from(shared: bool) -> None:
    land = Land(pace=0.05)
    growth = replace(SMALL, shared_starts=shared, length_scales=((1.0,), (2.0, 4.0), (3.0,)))
    search, _, _ = land.search(growth)
    for oip in search.oips:
        assert oip.seed == start_seed(growth.seed, None if shared else str(UNIT), oip.start)
        assert oip.length_scales == growth.length_scales[oip.start % 3]
        np.testing.assert_array_equal(start_image(oip.seed, oip.length_scales, SHAPE), land.noise[oip.start])
        start = land.measure(land.noise[oip.start][None], None)[0]
        assert oip.curve[0] == start[0]
        assert len(oip.curve) in (growth.steps, SLOW * growth.steps)


def test_shared_starts_are_the_same_for_every_unit() -> None:
    growth = replace(SMALL, shared_starts=True)
    lands = Land(), Land()
    for land, layer in zip(lands, ("one", "other"), strict=True):
        land.search(growth, unit=Unit(layer, 4))
    np.testing.assert_array_equal(*(np.stack(land.noise) for land in lands))


@pytest.mark.parametrize("pace", [0.02, 4.0])
def test_oips_come_best_first_with_their_recomputed_responses_and_differ(pace: float) -> None:
    search, _, _ = Land(pace=pace).search(replace(SMALL, oips=4))
    assert [oip.response for oip in search.oips] == sorted((oip.response for oip in search.oips), reverse=True)
    for oip in search.oips:
        response, before = Land().measure(oip.image[None], None)
        assert (oip.response, oip.pre_activation) == (response[0], before[0])
        assert oip.response >= oip.curve.max() - 1e-6
        assert sum(correlation(oip.image, other.image) >= 0.8 for other in search.oips) == 1
    # quickly, all starts come to show the one pattern that there is
    assert len(search.oips) == (1 if pace == 4.0 else 4)


def test_the_weakest_are_given_up_and_the_best_go_to_the_end() -> None:
    land = Land(pace=0.05)
    growth = GrowthSettings(constraint="standardised", oips=2, starts=40, steps=16).in_style("strong")
    search, _, _ = land.search(growth, dead=True)  # so that there is one search
    images = [call[2] for call in land.calls]
    assert images == sorted(images, reverse=True)
    assert images[0] == 40
    assert images[-1] < 10
    assert sum(call[3] for call in land.calls) == growth.steps
    responses, _ = land.measure(np.stack(land.noise), None)
    # here whoever starts best ends best
    assert search.oips[0].start == responses.argmax()


def test_where_starts_disagree_three_times_as_many_are_added() -> None:
    growth = GrowthSettings(constraint="standardised", oips=2, starts=20, steps=16).in_style("strong")
    agreeing, disagreeing = Land(pace=4.0), Land(pace=0.2)
    assert agreeing.search(growth)[0].agreement >= AGREEING
    assert 0 < disagreeing.search(growth)[0].agreement < AGREEING
    assert [len(land.noise) for land in (agreeing, disagreeing)] == [20, 80]


def test_where_most_starts_are_still_below_the_threshold_others_take_more_steps() -> None:
    growth = GrowthSettings(constraint="standardised", oips=2, starts=20, steps=16).in_style("strong")
    land = Land(pace=0.05)
    found, verdict, _ = land.search(growth)
    assert verdict == "responded"
    assert len(land.noise) == 40
    images = [call[2] for call in land.calls]
    second = images.index(20, 1)
    assert sum(call[3] for call in land.calls[second:]) == SLOW * growth.steps
    assert {len(oip.curve) for oip in found.oips} <= {growth.steps, SLOW * growth.steps}


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 96])
def test_any_number_of_steps_is_taken_to_its_end(steps: int) -> None:
    land = Land()
    search, _, _ = land.search(replace(SMALL, steps=steps), dead=True)  # so that there is one search
    assert sum(call[3] for call in land.calls) == steps
    assert all(len(oip.curve) == steps for oip in search.oips)


def test_shifts_are_as_wide_as_the_jitter_and_end_before_the_last_third() -> None:
    def shifts(growth: Growth) -> np.ndarray:
        land = Land(jitter=growth.jitter)
        land.search(growth)
        return np.concatenate([part[:, :1] for part in land.shifts])[:, 0]

    growth = replace(SMALL, starts=2, steps=90, jitter=2)
    found = shifts(growth)
    assert found.shape == (90, 2)
    assert set(found[:60].ravel()) == {-2, -1, 0, 1, 2}
    assert not found[60:].any()
    np.testing.assert_array_equal(shifts(growth), found)
    assert (shifts(replace(growth, seed=9)) != found).any()
    assert not shifts(replace(growth, jitter=0)).any()


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_a_unit_that_answers_with_no_number_fails_and_gets_no_verdict(answer: float) -> None:
    class Broken(Land):
        def measure(self, images: np.ndarray, units: Any) -> tuple[np.ndarray, np.ndarray]:
            return (np.full(len(images), answer, np.float32),) * 2

    with pytest.raises(ArithmeticError, match="layer/4"):
        Broken().search()


def planted() -> Any:
    """The reference network, in which Conv2D_2/3 cannot respond and Conv2D_2/5 is far below its threshold."""
    from lib.training.reference import build

    model = build((18, 18, 1), 10, seed=2)
    layer = model.get_layer("Conv2D_2")
    kernel, bias = layer.get_weights()
    kernel[..., 3], bias[3] = -np.abs(kernel[..., 3]), -0.01
    bias[5] = -1e4
    layer.set_weights([kernel, bias])
    return model


def test_planted_maps_are_dead_or_silent_and_none_unreached() -> None:
    from lib.bounds.proof import prove_dead
    from lib.oips.ascent import Ascent
    from lib.oips.constraint import CONSTRAINTS, Constraint
    from lib.responses.exemplars import find_exemplars

    model, layer = planted(), "Conv2D_2"
    pictures = np.random.default_rng(1).random((40, 18, 18, 1)).astype(np.float32)
    made: dict[Any, Ascent] = {}

    def ground_of(style: str, constraint: ConstraintName, objective: str) -> Ground:
        key = (constraint, objective)
        if key not in made:
            made[key] = Ascent(model, layer, Constraint(constraint, 0.0, 1.0), objectives=[objective], batch=4)
        ascent = made[key]
        return Ground(ascent, ascent.starts, ascent.measure, ascent.parameterisation)

    exemplars = {
        name: find_exemplars(model, [layer], pictures, Constraint(name, 0.0, 1.0))[layer] for name in CONSTRAINTS
    }
    reach = max(high for _, high in (Constraint(name, 0.0, 1.0).pixel_bounds(18 * 18) for name in CONSTRAINTS))
    dead = prove_dead(model, layer, -reach, reach)
    growth = GrowthSettings(constraint="standardised", oips=1, starts=2, steps=4).in_style("strong")
    verdicts: dict[int, Verdict] = {}
    for index in (3, 5, 0):
        best: Callable[[ConstraintName], float] = lambda name, at=index: float(exemplars[name].responses[at, 0])  # noqa: E731
        search, verdicts[index], _ = search_unit(Unit(layer, index), growth, ground_of, best, dead=bool(dead[index]))
        assert (search.response > 0) == (index == 0)
    assert verdicts[3] == "dead"
    assert verdicts[5] in ("silent", "dead")
    assert verdicts[0] in ("responded", "unreached")  # with 4 steps: only that it is alive


class TimeGoesBy(Deadline):
    """A deadline that has passed once it was looked at so many times."""

    def __init__(self, looks: int) -> None:
        object.__setattr__(self, "at", None)
        object.__setattr__(self, "looks", [looks])

    @property
    def passed(self) -> bool:
        self.looks[0] -= 1  # type: ignore[attr-defined]
        return bool(self.looks[0] < 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("looks", [0, 1, 4])
def test_a_search_that_may_end_with_silent_gives_no_verdict_when_time_is_over(looks: int) -> None:
    land = Land(bias=-10.0)
    with pytest.raises(OutOfTime, match="layer/4 is not at its end"):
        search_unit(UNIT, SMALL, land.ground, lambda _: 0.0, deadline=TimeGoesBy(looks))
    assert land.calls, "its first search was finished"
    whole = Land(bias=-10.0)
    assert search_unit(UNIT, SMALL, whole.ground, lambda _: 0.0)[1] == "silent"
    assert len(land.calls) < len(whole.calls)


def test_what_responds_at_once_is_a_result_also_when_time_is_over() -> None:
    growth = replace(SMALL, style="natural")
    assert search_unit(UNIT, growth, Land().ground, lambda _: 0.0, deadline=TimeGoesBy(0))[1] == "responded"


def test_a_search_that_would_not_end_in_time_is_not_begun() -> None:
    land, asked = Land(), []

    def turned_away(image_steps: int) -> Any:
        asked.append(image_steps)
        raise OutOfTime("it takes too long")

    def ground(*names: Any) -> Ground:
        return replace(land.ground(*names), let_in=turned_away)

    with pytest.raises(OutOfTime):
        search_unit(UNIT, SMALL, ground, lambda _: 0.0)
    assert not land.calls
    made = Land().search(replace(SMALL, style="natural"))[0]
    with pytest.raises(OutOfTime):
        search_unit(UNIT, replace(SMALL, style="natural"), ground, lambda _: 0.0)
    assert asked[-1] == made.image_steps, "it is asked for as long as it takes"


def test_long_searches_wait_for_their_turn_and_others_do_not() -> None:
    turns: list[str] = []

    @contextmanager
    def turn() -> Iterator[None]:
        turns.append("begun")
        yield
        turns.append("ended")

    search_unit(UNIT, replace(SMALL, style="natural"), Land().ground, lambda _: 0.0, turn=turn())
    search_unit(UNIT, SMALL, Land().ground, lambda _: 0.0, turn=turn())
    assert turns == []
    search_unit(UNIT, SMALL, Land(bias=-10.0).ground, lambda _: 0.0, turn=turn())
    assert turns == ["begun", "ended"]


def test_a_draft_is_one_search_and_says_silent_of_nothing() -> None:
    growth = draft_of(SMALL)
    land = Land(bias=-10.0)
    search, verdict, ratio = search_unit(UNIT, growth, land.ground, lambda _: 0.0)
    assert (verdict, ratio, search.image_steps) == ("unreached", None, growth.starts * growth.steps)
    assert search_unit(UNIT, growth, Land(bias=-10.0).ground, lambda _: 0.0, dead=True)[1] == "dead"
    assert search_unit(UNIT, growth, Land().ground, lambda _: 0.0)[1] == "responded"


@pytest.mark.parametrize(("oips", "starts", "steps"), [(4, 64, 96), (1, 1, 48), (2, 8, 8), (4, 5, 3), (1, 40, 17)])
def test_how_long_a_search_is_can_be_told_before(oips: int, starts: int, steps: int) -> None:
    growth = replace(SMALL, oips=oips, starts=starts, steps=steps)
    land = Land()
    _search(UNIT, growth, land.ground("strong", "standardised", "response"))
    assert stages_of(growth) == [(steps, images) for _, _, images, steps in land.calls]
