"""A store and a data folder of commit d371d4e: all of it is found again, and nothing is computed twice.

What fails here would make everybody's nights be computed again, or their pages go. A recipe that changes on purpose
belongs to a new version of its task: then `made.json` keeps the old one, and the task is taken out below. What is new
since, settings with defaults and tasks of their own, is not looked at here.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from flows.forms import parameters as forms
from flows.forms.arguments import read_arguments
from lib.oips.settings import GrowthSettings
from lib.oips.style import is_small, usual_style
from storage.store import Store
from tests.compatibility.conftest import Ask
from tests.compatibility.make_store import MADE
from tests.compatibility.old_runs import DEFAULTS, FLOWS, defaults, parameters
from tests.compatibility.old_runs import RUNS as OLD_RUNS

pytestmark = [pytest.mark.heavy, pytest.mark.usefixtures("prefect_server")]

WRITTEN_DOWN: dict[str, Any] = json.loads(MADE.read_text())
RUNS: dict[str, dict[str, Any]] = WRITTEN_DOWN["runs"]
REGISTERED = "a model of one's own"
COMPUTED_AGAIN = {"linear"}
"""Tasks whose version was raised since, and why the changelog says."""

TASKS = sorted({task for run in RUNS.values() for task, _ in run["made"].values()} - COMPUTED_AGAIN)
NOT_ASKED_FOR = {"epoch", "original"}
"""Tasks whose records nobody looks for where there is what was made of them."""


@pytest.fixture(scope="module")
def again() -> dict[str, str]:
    """The runs that were run again, by what they are: the new run of each."""
    return {}


def without_constraint(parameters: Any) -> Any:
    """A sweep's parameters but for the default of its constraint: that is chosen by the network now.

    The recipes below show that whatever was swept before is swept as before.
    """
    growth = {name: value for name, value in parameters.get("growth", {}).items() if name != "constraint"}
    return parameters | ({"growth": growth} if growth else {})


def settled(parameters: dict[str, Any]) -> dict[str, Any]:
    """A form's parameters as a sweep of a small grey network has them, which is the one that earlier versions had
    defaults for: style and growth may be left open now."""
    if "growth" not in parameters:
        return parameters
    style = parameters["style"] or usual_style(small=is_small((None, 28, 28, 1), None))
    growth = asdict(TypeAdapter(GrowthSettings).validate_python(parameters["growth"]).in_style(style))
    return dict(json.loads(json.dumps(parameters | {"style": style, "growth": growth})))


def of_before(now: Any, before: Any) -> Any:
    """What there is now of the entries that there were before, at any depth."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {name: of_before(now[name], before[name]) for name in before if name in now}
    return now


@pytest.mark.parametrize("flow", DEFAULTS)
def test_the_defaults_of_a_flow_are_those_that_were_written_down(monkeypatch: pytest.MonkeyPatch, flow: str) -> None:
    monkeypatch.delenv("DREAMSWEEP_MNIST", raising=False)
    now, before = settled(defaults(forms)[flow]), without_constraint(WRITTEN_DOWN["defaults"][flow])
    if flow == "nightly":  # None meant the usual pictures in the argument that held all fields, and does so yet
        assert read_arguments(forms.NightlyParameters, before, {}).dreams == forms.NightlyParameters().dreams
        del before["dreams"]
    assert of_before(now, before) == before


@pytest.mark.parametrize("what", OLD_RUNS)
def test_what_a_run_was_given_is_filled_in_as_before(home: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.delenv("DREAMSWEEP_MNIST", raising=False)
    flow, asked = OLD_RUNS[what]
    models = {"REGISTERED": RUNS[REGISTERED]["model"], "TRAINED": RUNS["a training"]["model"]}
    form = getattr(forms, FLOWS[flow][-1])
    now = settled(form(**parameters(flow, asked, models)).model_dump(mode="json"))
    before = Store.open(home / "store").run(RUNS[what]["run"]).parameters
    before = before if "constraint" in asked.get("growth", {}) else without_constraint(before)
    assert of_before(now, before) == before


def rerun(ask: Ask, again: dict[str, str], home: Path, what: str) -> str:
    """Run one again, unless that was done; returns the new run."""
    if what not in again:
        if what == REGISTERED:
            answer = ask("models", "--add", "small.keras", "--data", "folder:small")
            assert answer["model"] == RUNS[what]["model"]
        else:
            answer = ask("rerun", RUNS[what]["run"])
            assert answer.get("left", 0) == 0
            units = Store.open(home / "store").run(answer["run"]).units.values()
            assert {unit.kind for unit in units if unit.how == "computed"}.isdisjoint(TASKS)
        again[what] = answer["run"]
    return again[what]


def check_recipe(store: Store, task: str, what: str, recipe: str, record: str) -> None:
    """Fail, saying why, where a record is not of this recipe."""
    now = record.partition("/")[0]
    assert now == recipe, (
        f"the recipe of task {task!r} is another than in commit d371d4e, so what stores hold is computed again "
        f"({what}): {'; '.join(differing(store, recipe, now))}"
    )


def differing(store: Store, old: str, new: str) -> list[str]:
    """In which parameters and inputs two recipes differ."""
    before, after = (next(made for made in store.records() if made.recipe == recipe) for recipe in (old, new))
    found = []
    for kind in ("parameters", "recipe_inputs"):
        one, other = getattr(before, kind), getattr(after, kind)
        names = sorted({*one, *other})
        found += [
            f"{name}: {one.get(name)!r} is {other.get(name)!r}" for name in names if one.get(name) != other.get(name)
        ]
    return found + ([f"version {before.version} is {after.version}"] if before.version != after.version else [])


@pytest.mark.parametrize("what", RUNS)
def test_the_same_run_again_computes_nothing(ask: Ask, again: dict[str, str], home: Path, what: str) -> None:
    store = Store.open(home / "store")
    before = {record.key for record in store.records() if record.task in TASKS}
    closed = store.run(rerun(ask, again, home, what))
    assert closed.state == "completed"
    assert {unit.how for unit in closed.units.values() if unit.kind in TASKS} == {"reused"}
    missed = {title: task for title, (task, _) in RUNS[what]["made"].items() if title not in closed.units}
    assert set(missed.values()) <= NOT_ASKED_FOR
    assert {record.key for record in store.records() if record.task in TASKS} == before


@pytest.mark.parametrize("task", sorted({*TASKS} - {"epoch"}))
def test_the_recipes_of_a_task_are_those_that_were_written_down(
    ask: Ask, again: dict[str, str], home: Path, task: str
) -> None:
    store, compared = Store.open(home / "store"), 0
    for what, run in RUNS.items():
        wanted = {title: recipe for title, (made_by, recipe) in run["made"].items() if made_by == task}
        units = store.run(rerun(ask, again, home, what)).units if wanted else {}
        for title in wanted.keys() & units.keys():
            check_recipe(store, task, f"{what}: {title}", wanted[title], units[title].record)
            compared += 1
    assert compared


def test_nothing_is_damaged_or_missing(ask: Ask) -> None:
    report = ask("verify")
    assert report["checked"] > 100
    assert [report[problem] for problem in ("corrupt", "missing", "unindexed")] == [[], [], 0]


@pytest.mark.parametrize(
    ("what", "title"),
    [
        ("a sweep with all defaults", "Conv2D_2/3"),
        ("a sweep with all defaults", "layer Conv2D_2"),
        ("dreams by carving", "rose.png"),
        ("an animation by passes", "/animation/rose.png"),
        ("an analysis", "fcps of Conv2D_2"),
    ],
)
def test_lineage_leads_from_a_result_to_the_data_that_all_began_with(ask: Ask, what: str, title: str) -> None:
    _, recipe = RUNS[what]["made"][title]
    answer = ask("lineage", recipe)
    tasks = {record["task"] for record in answer["records"].values()}
    assert {"data"} < tasks
    assert tasks & {"model", "register"}


def test_lineage_leads_from_a_unit_by_its_name(ask: Ask) -> None:
    answer = ask("lineage", "Conv2D_2/3", "--run", RUNS["a sweep with all defaults"]["run"])
    assert {"oip", "register", "data"} <= {record["task"] for record in answer["records"].values()}


def test_lineage_leads_down_from_a_model_to_all_kinds_of_results(ask: Ask) -> None:
    answer = ask("lineage", "--down", RUNS["a training"]["model"])
    assert {"oip", "dream", "animation", "tour", "fcps", "attribution", "tensors"} <= {
        record["task"] for record in answer["records"].values()
    }


@pytest.mark.parametrize("what", RUNS)
def test_what_a_run_came_to_is_shown_and_exported(ask: Ask, tmp_path: Path, what: str) -> None:
    assert ask("show", RUNS[what]["run"])
    exported = ask("export", RUNS[what]["run"], "-o", str(tmp_path))
    assert exported["files"]


def test_a_training_goes_on_from_the_last_epoch_of_old_code(ask: Ask, home: Path) -> None:
    # the last test here: the model is made anew
    made = RUNS["a training"]["made"]
    shutil.rmtree(home / "store" / "records" / made["model"][1])
    answer = ask("rerun", RUNS["a training"]["run"])
    assert (answer["computed"], answer["model"]) == (1, RUNS["a training"]["model"])
    store = Store.open(home / "store")
    units = store.run(answer["run"]).units
    assert units["epoch 3"].how == "reused"
    for title in ("epoch 3", "model"):
        check_recipe(store, made[title][0], title, made[title][1], units[title].record)
