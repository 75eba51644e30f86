"""A model swept through its training: each checkpoint by a run of its own, the model last, and nothing twice."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.forms.resolve import resolve
from flows.serving.server_settings import api_headers
from lib.errors import BadInput
from storage.recipe import Recipe
from storage.record import Input, NewOutput
from storage.runs import RunRecord
from storage.store import Store
from tasks.model.checkpoints import identity_of
from tests.flows.tiny import Bench, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

CLI = Callable[..., tuple[int, str, str]]
LAYERS = ["Conv2D_1/0-1"]
EPOCHS = 3


def trained(root: Path, pictures: str) -> Bench:
    """A store as a training of three epochs leaves it: the tiny network's with other weights in each."""
    from lib.network import model_file
    from tasks.model.model_tasks import store_data
    from tasks.model.models import name_model
    from tasks.model.outputs import model_outputs
    from tasks.session.session import session

    with session(str(root), "train", {}) as run:
        data = run.store.record(store_data.fn(pictures, None, run.run.id).data)
        read = [Input("train_imgs", data.output("train_imgs").digest)]
        before: list[Input] = []
        for epoch in range(1, EPOCHS + 1):
            model = small_cnn(seed=epoch)
            identity = model_file.identity(model)
            output = NewOutput("checkpoint", model_file.keras_bytes(model), "checkpoint", "application/x-keras",
                               identity=identity)  # fmt: skip
            recipe = Recipe("epoch", 1, {"epoch": epoch}, {"train_imgs": read[0].digest})
            made, _ = run.obtain(recipe, partial(_both, [output], [*read, *before]))
            before = [Input("checkpoint", made.output("checkpoint").digest)]
        about = {"data_record": data.key, "parameters": 1}
        recipe = Recipe("model", 1, {}, {"train_imgs": read[0].digest})
        record, _ = run.obtain(recipe, lambda: (model_outputs(model, about), [*read, *before]))
        name = name_model(run.store, record, "tiny")
        run.run.close("completed", {})
    return Bench(root, name, None)


def _both(outputs: list[NewOutput], inputs: list[Input]) -> tuple[list[NewOutput], list[Input]]:
    return outputs, inputs


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return trained(tmp_path / "store", write_pictures(tmp_path / "pictures"))


def sweeps(store: Store) -> list[RunRecord]:
    return [run for run in store.runs() if run.flow == "oip-sweep"]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Models whose maps fail, by name."""
    import tasks.sweep.oips

    names: set[str] = set()
    obtained = tasks.sweep.oips._obtain_oips

    def faulty(context: Any, *arguments: Any) -> Any:
        if context.network.name in names:
            raise ValueError("no luck")
        return obtained(context, *arguments)

    monkeypatch.setattr(tasks.sweep.oips, "_obtain_oips", faulty)
    return names


def test_all_checkpoints_are_swept_before_the_model_and_what_exists_is_reused(
    bench: Bench, prefect_server: str
) -> None:
    bench.sweep(model=f"{bench.model}@2", layers=["Conv2D_1/0"])
    answer = bench.sweep(checkpoints="all", layers=LAYERS)
    swept = [(one["epoch"], one["computed"], one["reused"], one["left"]) for one in answer["checkpoints"]]
    assert swept == [(1, 2, 0, 0), (2, 1, 1, 0)]  # the third is the model itself
    assert (answer["model"], answer["computed"], answer["state"]) == (bench.model, 2, "completed")
    assert bench.latest == answer["run"]
    runs = {run.id: run for run in sweeps(bench.store)}
    children = [runs[one["run"]] for one in answer["checkpoints"]]
    assert [run.summary["model"] for run in children] == [f"{bench.model}@1", f"{bench.model}@2"]
    assert [run.parameters["checkpoints"] for run in [*children, runs[answer["run"]]]] == [None, None, "all"]
    store = bench.store
    for run in children:
        record = store.record(run.units["Conv2D_1/1"].record)
        read = next(item.digest for item in record.inputs if item.role == "model")
        (epoch,) = {made.parameters["epoch"] for made, _ in store.questions().producers(read)}
        assert run.summary["model"] == f"{bench.model}@{epoch}"
        assert "responses of Conv2D_1" in run.units  # a checkpoint has its training's data set
    names = [f"epoch {at}, {run.id}" for at, run in enumerate(children, 1)]
    named = {"flow_runs": {"name": {"any_": names}}, "flows": {"name": {"any_": ["oip-sweep"]}}}
    found = (
        httpx.post(f"{prefect_server}/flow_runs/filter", json=named, headers=api_headers(), trust_env=False)
        .raise_for_status()
        .json()
    )
    assert sorted(run["name"] for run in found) == names
    assert all(run["parent_task_run_id"] for run in found)
    again = bench.sweep(checkpoints="1,2", layers=LAYERS)
    assert [one["computed"] for one in again["checkpoints"]] == [0, 0]
    assert again["computed"] == 0


def test_a_checkpoint_that_fails_stops_no_other_and_a_rerun_finishes_all(
    bench: Bench, failing: set[str], cli: CLI, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing.add(f"{bench.model}@1")
    state = bench.state(checkpoints="all", layers=LAYERS)
    assert (state.is_failed(), state.message) == (True, "failed: epoch 1")
    summary = bench.summary(bench.latest)
    assert (summary["state"], summary["computed"], list(summary["failures"])) == ("failed", 2, ["epoch 1"])
    assert "2 of 2 maps failed" in summary["failures"]["epoch 1"]
    assert [one["epoch"] for one in summary["checkpoints"]] == [1, 2]
    failing.clear()
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    code, out, err = cli("rerun", "--store", bench.root, "--out", bench.root.parent / "out", "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert [(one["epoch"], one["computed"]) for one in answer["checkpoints"]] == [(1, 2), (2, 0)]
    code, _, err = cli("rerun", "--store", bench.root)
    assert (code, "is unfinished" in err) == (2, True)


def test_checkpoints_for_which_the_time_is_over_wait_for_the_next_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, cli: CLI
) -> None:
    over: list[bool] = []

    def late(record: Any) -> Any:
        over.append(True)
        return identity_of(record)

    monkeypatch.setattr("flows.checkpoints.identity_of", late)
    monkeypatch.setattr("lib.deadline.Deadline.passed", property(lambda _: bool(over)))
    state = bench.state(checkpoints="all", layers=LAYERS)
    left = "2 of 2 maps, epoch 1, epoch 2 are left; the next run goes on with them"
    assert (state.name, state.message) == ("Partial", left)
    monkeypatch.undo()
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    code, out, err = cli("rerun", "--store", bench.root, "--out", bench.root.parent / "out")
    assert code == 0, err
    assert [line.partition(";")[0] for line in out.splitlines() if line.startswith("epoch")] == [
        "epoch 1: 2 maps computed, 0 reused",
        "epoch 2: 2 maps computed, 0 reused",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"checkpoints": "1,9"}, "has no checkpoint of epoch 9: it has 1 to 3"),
        ({"model": "{model}@7"}, "has no checkpoint of epoch 7: it has 1 to 3"),
        ({"model": "{model}@1", "checkpoints": "all"}, "has no checkpoints"),
        ({"checkpoints": "some"}, "it must be all, or epochs as 1,5,10"),
    ],
)
def test_epochs_that_there_are_not_are_refused_in_one_line_and_leave_nothing(
    bench: Bench, cli: CLI, given: dict[str, str], words: str
) -> None:
    told = {name: value.format(model=bench.model) for name, value in given.items()}
    runs = len(bench.store.runs())
    if "some" not in told.values():
        with pytest.raises(BadInput, match=words):
            resolve(bench.parameters(**told))
    options = [part for name, value in told.items() for part in (f"--{name}", value)]
    code, out, err = cli("sweep", *options, "--store", bench.root)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert len(bench.store.runs()) == runs
