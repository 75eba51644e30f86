"""What a sweep takes is told before it begins: by the flow `sweep-plan`, and by the sweep itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flows.sweeping.plan as running
from flows.plan import sweep_plan
from flows.results.plans import PlanSummary
from lib.oips.settings import GrowthSettings
from tasks.session.asking import Declined, agreed, answer_by
from tasks.session.progress import listen
from tests.flows.tiny import MAPS, Bench, saved, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

LONGER = GrowthSettings(constraint="standardised", oips=1, starts=8, steps=96)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A store of its own with nothing in it yet, on a machine that has timed nothing."""
    monkeypatch.setattr(running, "TIMINGS", tmp_path / "timings")
    model = saved(small_cnn(), tmp_path / "small.keras")
    return Bench(tmp_path / "store", model, write_pictures(tmp_path / "pictures"))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sweep is worth a timing, and long."""
    monkeypatch.setattr("tasks.sweep.estimate.WORTH_TIMING", 1)
    monkeypatch.setattr(running, "LONG_SECONDS", 0.0)


def heard(work: Callable[[], object]) -> list[str]:
    """What is said meanwhile."""
    said: list[str] = []
    with listen(lambda *_: None, said.append):
        work()
    return said


def by_quality(plan: PlanSummary) -> dict[str, Any]:
    return {one["quality"]: one for one in plan["qualities"]}


def test_a_plan_tells_what_each_quality_takes_and_grows_nothing(bench: Bench) -> None:
    plan = sweep_plan(bench.parameters(growth=LONGER))
    assert (plan["maps"], plan["layers"], plan["quality"], plan["style"]) == (10, 2, "standard", "strong")
    assert plan["images"] == {"12x12": 2}
    assert plan["timed"] == plan["timed_now"] == list(MAPS)
    told = by_quality(plan)
    assert list(told) == ["draft", "standard", "best"]
    assert [one["missing"] for one in told.values()] == [10, 10, 10]
    assert 0 < told["draft"]["cpu_seconds"] < told["standard"]["cpu_seconds"]
    assert 0 < told["draft"]["bytes"] <= told["standard"]["bytes"]
    assert plan["memory"] > 10**8
    assert (plan["time"], plan["fits"]) == (None, None)
    assert not any(record.task == "oip" for record in bench.store.records())


def test_a_second_plan_times_nothing_and_leaves_no_run_behind(bench: Bench) -> None:
    first = sweep_plan(bench.parameters())
    runs = {run.id for run in bench.store.runs()}
    second = sweep_plan(bench.parameters(model=first["model"]))
    assert second["timed_now"] == []
    assert second["qualities"] == first["qualities"]
    assert {run.id for run in bench.store.runs()} == runs


def test_what_is_there_costs_nothing(bench: Bench) -> None:
    model = bench.sweep(layers=["Conv2D_1"])["model"]
    before = by_quality(sweep_plan(bench.parameters(model=model)))["standard"]
    assert before["missing"] == MAPS["Conv2D_2"]
    bench.sweep(model=model)
    after = by_quality(sweep_plan(bench.parameters(model=model)))["standard"]
    assert (after["missing"], after["seconds"], after["bytes"]) == (0, 0.0, 0)


def test_with_a_deadline_it_tells_what_fits(bench: Bench) -> None:
    plan = sweep_plan(bench.parameters(budget=600.0))
    assert plan["fits"] is not None
    assert plan["time"] == pytest.approx(36000, rel=0.1)
    assert plan["fits"]["standard"] == 10


@pytest.mark.usefixtures("soon")
def test_a_sweep_says_it_in_a_line_and_as_an_artifact_where_it_is_worth_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("flows.results.reports._publish", lambda key, lines, _: shown.append((key, lines)))
    lines = heard(bench.sweep)
    (line,) = [line for line in lines if "quality" in line]
    assert line.startswith("10 maps in standard quality: about ")
    ((_, page),) = [one for one in shown if one[0] == "plan"]
    assert "| quality | maps to make | time | CPU time | on disk |" in page[1]
    assert "standard (asked)" in page[1]
    assert not [line for line in heard(bench.sweep) if "quality" in line]  # nothing is missing any more


def test_a_small_sweep_is_not_timed(bench: Bench) -> None:
    assert not [line for line in heard(bench.sweep) if "quality" in line]
    assert not running.TIMINGS.exists()


def test_few_maps_of_a_heavy_network_are_timed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sweep.estimate._OPERATIONS_A_SECOND", 1e3)  # what is heavy for such a machine
    assert [line for line in heard(bench.sweep) if line.startswith("10 maps in standard quality: about ")]


@pytest.mark.usefixtures("soon")
def test_a_plan_that_cannot_be_told_stops_no_sweep(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise RuntimeError("no gradient")

    monkeypatch.setattr("tasks.sweep.timing.time_layer", faulty)
    summaries: list[dict[str, Any]] = []
    lines = heard(lambda: summaries.append(bench.sweep(layers=["Conv2D_1"])))
    assert "how long this takes cannot be told (RuntimeError: no gradient)" in lines
    assert summaries[0]["computed"] == MAPS["Conv2D_1"]


@pytest.mark.usefixtures("soon")
def test_a_long_sweep_asks_and_a_no_leaves_nothing_grown(bench: Bench) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with answer_by(no), pytest.raises(Declined, match="the sweep was not begun"):
        bench.sweep()
    assert len(asked) == 1
    assert asked[0].startswith("This takes about ")
    assert asked[0].endswith("Begin?")
    assert not any(record.task == "oip" for record in bench.store.records())


@pytest.mark.usefixtures("soon")
def test_one_with_a_deadline_and_one_that_nobody_started_by_hand_ask_nobody(bench: Bench) -> None:
    def never(question: str) -> bool:
        pytest.fail(f"asked: {question}")

    with answer_by(never):
        assert bench.sweep(budget=600.0, layers=["Conv2D_1"])["computed"] == MAPS["Conv2D_1"]
    assert bench.sweep()["computed"] == MAPS["Conv2D_2"]


def test_one_yes_is_enough_for_all_runs_that_are_started_together() -> None:
    asked: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    with answer_by(yes):
        assert agreed("first?")
        assert agreed("second?")
    assert asked == ["first?"]
    assert agreed("nobody is there")


def test_one_no_is_enough_as_well() -> None:
    asked: list[str] = []
    with answer_by(lambda question: bool(asked.append(question))):
        assert not agreed("first?")
        assert not agreed("second?")
    assert asked == ["first?"]
