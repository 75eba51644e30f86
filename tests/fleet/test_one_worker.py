"""A pool with one worker: at the deadline nothing more is begun, and a coordinator that is served does not block it."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from tests.fleet.fleet import Fleet
from tests.fleet.hosts import Host
from tests.fleet.pool import Pool
from tests.fleet.subject import MAPS, UNITS, Subject
from tests.flows.being_up import free_port, wait_until
from tests.flows.tiny import GROWTH

FIRST = next(iter(MAPS))
BUDGET = 1.5
"""Minutes, until well after the first shard has begun."""


@pytest.fixture(scope="module")
def pool(fleet: Fleet, ada: Host, cora: Host) -> Iterator[Pool]:
    made = Pool(fleet, "single", cora)
    made.work(ada)
    yield made
    made.rest()


def test_at_the_deadline_no_shard_is_begun_and_the_next_run_goes_on(pool: Pool, cora: Host) -> None:
    faults = pool.fleet.faults
    faults.forget()
    faults.set(**{f"{FIRST}__3": {"do": "wait"}})
    sweep = pool.sweep(Subject(cora, 31), "--maps-per-shard", MAPS[FIRST], "--budget", BUDGET)
    wait_until(lambda: faults.happened(f"{FIRST}/3 waits") or sweep.ended, 180)
    asked = next(shard["parameters"] for shard in pool.shards() if shard["parameters"]["layer"] == FIRST)
    time.sleep(max(0, (datetime.fromisoformat(asked["ends_at"]) - datetime.now(UTC)).total_seconds()) + 1)
    faults.mend()
    summary = sweep.answer()
    made = set(pool.made(summary["run"]))  # less than begun: long searches come last, and there was no time for them
    assert made
    assert made <= set(UNITS[: MAPS[FIRST]])
    assert (summary["state"], summary["computed"], summary["left"]) == ("partial", len(made), len(UNITS) - len(made))
    assert [unit for unit in UNITS if faults.happened(f"{unit} begins")] == UNITS[: MAPS[FIRST]]
    begun = [shard for shard in pool.shards(summary["run"]) if shard["state"]["name"] != "Cancelled"]
    assert {shard["parameters"]["layer"] for shard in begun} == {FIRST}
    pool.is_at_rest()
    again = pool.rerun(summary["run"]).answer()
    assert (again["state"], again["computed"], again["reused"]) == ("completed", summary["left"], len(made))
    assert set(pool.made(again["run"])) == set(UNITS)


def test_a_coordinator_that_is_served_leaves_the_only_worker_to_its_shards(pool: Pool, cora: Host) -> None:
    subject, ask = Subject(cora, 32), pool.fleet.server.ask
    ports = ["--port", free_port(), "--pictures-port", free_port()]
    up = cora.dreamsweep("up", "--json", "--allow", cora.folder, *ports)
    try:
        wait_until(lambda: up.printed.endswith("}\n") or up.ended, 120)
        deployment = ask("GET", "/deployments/name/oip-sweep/dreamsweep")["id"]
        parameters = {
            "model": str(subject.model),
            "data": subject.data,
            "pixels": "0..1",
            "growth": asdict(GROWTH),
            "pool": pool.name,
            "maps_per_shard": 16,
        }
        run = ask("POST", f"/deployments/{deployment}/create_flow_run", json={"parameters": parameters})["id"]
        wait_until(lambda: ask("GET", f"/flow_runs/{run}")["state_type"] in ("COMPLETED", "FAILED", "CRASHED"), 300)
        state = ask("GET", f"/flow_runs/{run}")["state"]
        assert state["type"] == "COMPLETED", (state, up.said)
    finally:
        up.end()
    latest = pool.fleet.store.ref("sweep/latest").removeprefix("run:")
    assert set(pool.made(latest)) == set(UNITS)
    assert {record.provenance.host for record in pool.made(latest).values()} == {"ada"}
    pool.is_at_rest()
