"""`dreamsweep rerun`: the failed and the missing maps, and those only, with the run's own parameters and model."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from flows.cli.commands.rerun import _same
from storage.runs import RunRecord
from tests.flows.tiny import Bench, saved, small_cnn, write_pictures

pytestmark = pytest.mark.usefixtures("prefect_server")

CLI = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A store in which a sweep of the second layer failed for two of its maps, and nothing fails any more."""
    import tasks.sweep.oips

    search_unit = tasks.sweep.oips.search_unit

    def faulty(unit: Any, *arguments: Any, **named: Any) -> Any:
        if str(unit) in ("Conv2D_2/1", "Conv2D_2/4"):
            raise ValueError("no luck")
        return search_unit(unit, *arguments, **named)

    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    monkeypatch.setattr(tasks.sweep.oips, "search_unit", faulty)
    made = Bench(
        tmp_path / "store", saved(small_cnn(), tmp_path / "small.keras"), write_pictures(tmp_path / "pictures")
    )
    assert made.state(layers=["Conv2D_2"], budget=600.0).is_failed()
    monkeypatch.setattr(tasks.sweep.oips, "search_unit", search_unit)
    return Bench(made.root, "model/latest", None, made.latest)


def rerun(cli: CLI, bench: Bench, *arguments: str) -> dict[str, Any]:
    code, out, err = cli("rerun", *arguments, "--store", bench.root, "--out", bench.root.parent / "out", "--json")
    assert code == 0, err
    return dict(json.loads(out))


def test_without_a_run_the_latest_that_failed_is_finished(cli: CLI, bench: Bench) -> None:
    again = rerun(cli, bench)
    assert (again["computed"], again["reused"], again["left"]) == (2, 4, 0)
    run = bench.store.run(again["run"])
    computed = [unit for unit, result in run.units.items() if result.how == "computed" and "/" in unit]
    assert sorted(computed) == ["Conv2D_2/1", "Conv2D_2/4"]
    assert run.parameters["budget"] is None  # to be finished now
    code, _, err = cli("rerun", "--store", bench.root)
    assert (code, "no sweep, dream, analysis or training is unfinished" in err) == (2, True)


def test_a_run_keeps_its_model_whichever_is_the_latest_by_now(cli: CLI, bench: Bench, tmp_path: Path) -> None:
    other = Bench(bench.root, saved(small_cnn(seed=4), tmp_path / "other.keras"), None)
    failed = Bench(bench.root, None, None).state(layers=["Conv2D_2"])  # of the latest model, which it finishes
    assert failed.is_completed()
    old = bench.store.run(bench.first)
    latest = other.sweep(layers=["Conv2D_1/0"])["model"]
    again = rerun(cli, bench, bench.first)
    assert again["model"] == old.summary["model"] != latest
    assert (again["computed"], again["reused"]) == (0, 6)


def test_a_run_is_finished_by_the_id_of_its_flow_run_too(cli: CLI, bench: Bench) -> None:
    failed = bench.store.run(bench.first)
    Bench(bench.root, None, None).sweep(layers=["Conv2D_1/0"])
    assert failed.flow_run is not None
    again = rerun(cli, bench, failed.flow_run)
    assert (again["computed"], again["reused"]) == (2, 4)
    code, out, _ = cli("runs", "--store", bench.root)
    assert (code, failed.id in out, failed.flow_run in out.replace("\n", "")) == (0, True, True)
    code, _, err = cli("rerun", "00000000-0000-0000-0000-000000000000", "--store", bench.root)
    assert (code, "has opened no run in this store" in " ".join(err.split())) == (2, True)


def test_a_run_of_before_a_setting_was_there_counts_as_finished_by_one_that_left_it_as_it_is() -> None:
    def run(**parameters: Any) -> RunRecord:
        return RunRecord("20261129-000000-abcdef", "oip-sweep", parameters, "partial", "2026-11-29T00:00:00+00:00")

    assert _same(run(layers=["a"]), run(layers=["a"], quality="standard", style=""))
    assert not _same(run(layers=["a"]), run(layers=["a"], quality="draft"))


def test_where_nothing_is_unfinished_it_says_so(cli: CLI, tmp_path: Path) -> None:
    made = Bench(tmp_path / "store", saved(small_cnn(), tmp_path / "small.keras"), None)
    made.sweep(layers=["Conv2D_1/0"])
    code, _, err = cli("rerun", "--store", made.root)
    assert (code, "no sweep, dream, analysis or training is unfinished" in err) == (2, True)


def test_what_verify_has_queued_comes_first_and_exactly_what_was_lost_is_made_again(cli: CLI, bench: Bench) -> None:
    rerun(cli, bench)
    run = bench.latest
    store, lost = bench.store, ["Conv2D_2/0", "Conv2D_2/3"]
    for unit in lost:
        digest = store.record(store.run(run).units[unit].record).output("oips").digest
        blob = bench.blob(digest)
        data = bytearray(blob.read_bytes())
        data[-1] ^= 1
        blob.write_bytes(data)
    code, out, _ = cli("verify", "--repair", "--json", "--store", bench.root)
    report = json.loads(out)
    assert (code, len(report["corrupt"]), report["queued"]) == (1, 2, [run])
    again = rerun(cli, bench)
    assert (again["computed"], again["reused"], again["left"]) == (2, 4, 0)
    assert sorted(u for u, r in bench.store.run(again["run"]).units.items() if r.how == "computed" and "/" in u) == lost
    code, out, _ = cli("verify", "--json", "--store", bench.root)
    assert (code, json.loads(out)["missing"]) == (0, [])
    code, _, err = cli("rerun", "--store", bench.root)
    assert (code, "no sweep, dream, analysis or training is unfinished" in err) == (2, True)
