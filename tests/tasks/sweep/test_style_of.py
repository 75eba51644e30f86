"""In which style a unit's OIPs are: what is recorded of it, and what is told from a record of whichever version."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h5py
import pytest

from lib.oips.search import search_unit
from lib.oips.settings import GrowthSettings
from lib.oips.style import STYLES
from storage.store import Record
from tasks.session.session import Session
from tasks.sweep.context import SweepContext
from tasks.sweep.layers import gather_layer
from tasks.sweep.oips import make_oips
from tasks.sweep.style_of import asked_style, style_of
from tests.flows.tiny import GROWN

SOFT = GrowthSettings(steps=8).in_style("natural")


def grown(open_session: Session, unit: str) -> tuple[Record, dict[str, Any]]:
    """The record of a unit's OIPs, and what it says of them."""
    (key,) = make_oips.fn(unit, [unit], open_session.run.id).data
    record = open_session.store.record(key)
    return record, dict(record.output("oips").attributes)


def test_records_of_versions_without_styles_are_in_the_styles_that_there_were() -> None:
    """Their recipes held smoothing and jitter, of which "strong" has none."""
    assert style_of({"smoothing": 0.0, "jitter": 0}, {}) == style_of({}, {}) == "strong"
    assert style_of({"smoothing": 1.0, "jitter": 1}, {}) == "clean"


@pytest.mark.parametrize("margin", [False, True], ids=["small", "with a margin"])
@pytest.mark.parametrize("style", STYLES)
def test_what_a_sweep_asks_for_is_told_from_its_recipes(
    open_session: Session, sweep_context_in: Callable[..., SweepContext], style: str, margin: bool
) -> None:
    """With a margin every style shifts its images."""
    context = sweep_context_in(open_session, GrowthSettings().in_style(style, margin=margin))
    assert asked_style(context.recipe_parameters("Conv2D_1")) == style


def test_oips_that_are_as_they_were_to_be_say_no_more_than_before(
    open_session: Session, sweep_context_in: Callable[..., SweepContext]
) -> None:
    sweep_context_in(open_session)
    record, about = grown(open_session, "Conv2D_1/0")
    assert ("style" in about, "style" in record.parameters) == (False, False)
    assert style_of(record.parameters, about) == "strong"


def test_where_a_search_went_on_in_another_style_the_record_and_the_layer_say_so(
    open_session: Session, sweep_context_in: Callable[..., SweepContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best exemplar of one unit responds more than any OIP does, that of the other less."""
    context = sweep_context_in(open_session, replace(SOFT, oips=1))

    def search(unit: Any, growth: Any, ground_of: Any, best_exemplar: Any, **named: Any) -> Any:
        best = 1e6 if unit.index == 1 else 1e-6
        return search_unit(unit, growth, ground_of, lambda constraint: best, **named)

    monkeypatch.setattr("tasks.sweep.oips.search_unit", search)
    monkeypatch.setattr("lib.oips.search.LONGER", 2)
    settled, about = grown(open_session, "Conv2D_1/1")
    assert (about["style"], about["verdict"], settled.parameters["style"]) == ("strong", "unreached", "natural")
    assert style_of(settled.parameters, about) == "strong"
    plain, about = grown(open_session, "Conv2D_1/3")
    assert "style" not in about
    assert style_of(plain.parameters, about) == "natural"
    gathered = gather_layer.fn("Conv2D_1", (1, 2, 3), (2,), False, context.session.run.id).data
    with h5py.File(open_session.store.path(open_session.store.record(gathered).output("tensors").digest)) as file:
        assert file["style"][()].tolist() == [b"strong", b"", b"natural"]
        assert file["quality"][()].tolist() == [b"standard", b"", b"standard"]


def test_the_arrays_of_a_layer_of_plain_pixels_are_those_that_they_were(
    open_session: Session, sweep_context_in: Callable[..., SweepContext]
) -> None:
    sweep_context_in(open_session, GROWN)
    grown(open_session, "Conv2D_1/0")
    gathered = gather_layer.fn("Conv2D_1", (0,), (), False, open_session.run.id).data
    with h5py.File(open_session.store.path(open_session.store.record(gathered).output("tensors").digest)) as file:
        assert "style" not in file
