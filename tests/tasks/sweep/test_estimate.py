"""What a sweep is said to take, against what it has to compute: no clock is looked at."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lib.network.units import Unit, select_units
from lib.oips.quality import passes_to
from lib.oips.search import stages_of
from tasks.session.session import Session
from tasks.sweep.estimate import FURTHER, PIXEL_SECONDS, UNIT_SECONDS, Cost, Estimate, Pass, estimate, left_to_make
from tasks.sweep.oips import make_oips
from tasks.sweep.timing import Timing
from tests.flows.tiny import GROWN, GROWTH, MAPS

NOTHING = Timing(0.0, 0.0, 0.0, 0.0, 0.0, 0)
A_STEP = Timing(1.0, 0.5, 0.0, 0.0, 0.0, 0)
"""As if an image-step took a second, half a second by the clock, and nothing else any time."""
NUMBERS = 12 * 12


def told(context: Any, growths: Any = (GROWN,), timing: Timing = A_STEP, **options: Any) -> Estimate:
    units = {layer: [Unit(layer.name, at) for at in indices] for layer, indices in units_of(context).items()}
    return estimate(context, units, growths, dict.fromkeys(MAPS, timing), **options)


def padded(images: int) -> int:
    """How many images are computed: at least sixteen, eight more at a time."""
    return max(16, -(-images // 8) * 8)


def units_of(context: Any) -> Any:
    return select_units(context.network.model, None)


def of_units(cost: Cost, growth: Any = GROWN) -> float:
    """What units take besides their image-steps."""
    return cost.missing * (UNIT_SECONDS + PIXEL_SECONDS * NUMBERS * growth.oips)


def test_batches_cost_what_they_are_padded_to(open_session: Session, sweep_context_in: Callable[..., Any]) -> None:
    context = sweep_context_in(open_session)
    (whole,) = told(context).passes
    for layer, units in MAPS.items():
        computed = sum(steps * padded(units * images) for steps, images in stages_of(GROWN))
        assert whole.layers[layer].missing == units
        assert whole.layers[layer].cpu == pytest.approx(FURTHER["strong"] * computed + of_units(whole.layers[layer]))
        assert whole.layers[layer].wall == pytest.approx(whole.layers[layer].cpu / 2)
    one_by_one = told(context, maps_per_task=100).passes[0].cost
    assert one_by_one.cpu > whole.cost.cpu  # a task run's maps come one after the other, and leave batches emptier


def test_a_draft_is_one_search_and_costs_less(open_session: Session, sweep_context_in: Callable[..., Any]) -> None:
    context = sweep_context_in(open_session)
    growths = passes_to("standard", replace(GROWTH, starts=0, steps=0, oips=0), "strong")
    draft, standard = told(context, growths).passes
    assert (draft.quality, standard.quality) == ("draft", "standard")
    steps = sum(steps * padded(units * images) for units in MAPS.values() for steps, images in stages_of(growths[0]))
    assert draft.cost.cpu == pytest.approx(steps + of_units(draft.cost, growths[0]))
    assert draft.cost.size < standard.cost.size
    both, alone = told(context, growths).cost, told(context, growths[1:]).cost
    assert both.cpu == pytest.approx(alone.cpu + draft.cost.cpu)
    assert both.missing == alone.missing == sum(MAPS.values())


def test_what_is_refined_in_rounds_leaves_batches_emptier(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    growths = passes_to("standard", replace(GROWTH, starts=0, steps=0, oips=0), "strong")
    whole, parted = (told(context, growths, rounds=lambda _, rounds=rounds: rounds).passes for rounds in (1, 4))
    assert parted[0] == whole[0]  # drafts come layer by layer
    assert parted[1].cost.missing == whole[1].cost.missing
    assert parted[1].cost.cpu > whole[1].cost.cpu


def test_an_ascent_is_built_once_for_all_passes_and_once_for_negatives(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    growths = (replace(GROWN, quality="draft", starts=2, steps=8), GROWN)
    built = told(context, growths, timing=replace(NOTHING, ready=1.0)).cost.cpu
    assert built - told(context, growths, timing=NOTHING).cost.cpu == pytest.approx(2 * len(MAPS))


def test_what_is_there_costs_nothing_and_needs_no_draft(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    growths = (replace(GROWN, quality="draft", starts=2, steps=8), GROWN)
    units = {layer: [Unit(layer.name, at) for at in indices] for layer, indices in units_of(context).items()}
    assert left_to_make(context, GROWN, units) == 10
    before = told(context, growths)
    made = [f"Conv2D_1/{index}" for index in range(MAPS["Conv2D_1"])]
    make_oips.fn("Conv2D_1", made, open_session.run.id)
    assert left_to_make(context, GROWN, units) == 6
    after = told(context, growths)
    for one in after.passes:
        assert one.layers["Conv2D_1"] == Cost()
        assert one.layers["Conv2D_2"].missing == MAPS["Conv2D_2"]
    assert after.cost.missing == before.cost.missing - 4
    assert context.growth == GROWN


def test_how_much_longer_searches_are_is_told_by_those_that_are_there(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)
    made = ["Conv2D_1/0", "Conv2D_1/1"]
    records = [open_session.store.record(key) for key in make_oips.fn("two", made, open_session.run.id).data]
    taken = [record.output("oips").attributes["image_steps"] for record in records]
    first = sum(steps * images for steps, images in stages_of(GROWN))
    computed = sum(steps * padded(2 * images) for steps, images in stages_of(GROWN))
    cost = told(context).passes[0].layers["Conv2D_1"]
    assert cost.cpu == pytest.approx(sum(taken) / 2 / first * computed + of_units(cost))


def test_the_pass_over_the_data_set_is_told_until_it_is_there(
    open_session: Session, sweep_context_in: Callable[..., Any]
) -> None:
    context = sweep_context_in(open_session)  # with those of the first layer
    forwards = replace(NOTHING, measured=1.0)
    images = len(context.natural.images)
    assert told(context, timing=forwards).before.cpu == pytest.approx(2 * images, abs=0.1)  # and once to see where
    context.natural = None
    assert told(context, timing=forwards).before == Cost()


def test_what_fits_are_drafts_of_all_before_anything_better() -> None:
    draft = Pass("draft", {"a": Cost(10, 20.0, 10.0), "b": Cost(10, 60.0, 30.0)})
    standard = Pass("standard", {"a": Cost(10, 200.0, 100.0), "b": Cost(10, 600.0, 300.0)})
    whole = Estimate(Cost(0, 4.0, 2.0), (draft, standard), Cost())
    assert whole.fits(0) == {"draft": 0, "standard": 0}
    assert whole.fits(12) == {"draft": 10, "standard": 0}
    assert whole.fits(2 + 10 + 15) == {"draft": 15, "standard": 0}
    assert whole.fits(2 + 40 + 100 + 31) == {"draft": 20, "standard": 11}
    assert whole.fits(10**6) == {"draft": 20, "standard": 20}
    assert whole.cost == Cost(20, 884.0, 442.0)
