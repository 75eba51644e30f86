"""What `dreamsweep up --keep-nights` forgets, in Prefect's database and in the store, and what stays."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from storage.verify import verify
from tests.flows.being_up import Up, dreamsweep, let_days_pass, processes_of, wait_until
from tests.flows.tiny import saved, small_cnn, write_pictures

pytestmark = pytest.mark.slow

DAYS = 3


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir()
    yield home
    assert not processes_of(home)


def flow_runs(up: Up) -> set[str]:
    return {str(run["id"]) for run in up.ask("POST", "/flow_runs/filter", json={})}


def test_old_runs_go_and_pictures_and_the_latest_nights_stay(home: Path) -> None:
    model, data = saved(small_cnn(), home / "small.keras"), write_pictures(home / "pictures")
    sweep: dict[str, Any] = {"model": str(model), "data": data, "pixels": "0..1"}
    sweep["growth"] = {"oips": 1, "starts": 2, "steps": 4}
    up = Up(home)
    for layers in (["Conv2D_2"], ["Conv2D_1"], ["Conv2D_1"]):
        assert up.wait_for(up.start("oip-sweep", **sweep, layers=layers))["type"] == "COMPLETED"
    old = flow_runs(up)
    up.end()
    store = Store.open(home / "store")
    records = {record.key for record in store.records()}
    first, *repeated = [run.id for run in store.runs()]
    let_days_pass(home, DAYS)

    up = Up(home, "--keep-nights", 1)
    wait_until(lambda: not old & flow_runs(up))
    wait_until(lambda: not {*repeated[:-1]} & {run.id for run in store.runs()})
    new = up.start("oip-sweep", **sweep, layers=["Conv2D_1"])
    assert up.wait_for(new)["type"] == "COMPLETED"
    up.end()
    assert records <= {record.key for record in store.records()}
    assert verify(store).clean
    listed = json.loads(dreamsweep(home, "runs", "--json").stdout)["runs"]
    kept = {repeated[-1], first}  # the latest of before, and what alone names the maps of its layer
    assert {run["run"] for run in listed} - kept == {run["run"] for run in listed if run["flow_run"] == new}
    assert kept <= {run["run"] for run in listed}
