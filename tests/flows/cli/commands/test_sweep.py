"""What `dreamsweep sweep` makes of what its flow comes to. The flow itself is tested elsewhere."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

CLI = Callable[..., tuple[int, str, str]]
VERDICTS = {"Conv2D_1/0": "responded", "Conv2D_1/1": "unreached", "Conv2D_1/2": "failed"}


@pytest.fixture
def swept(small: Any, sweeping: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the flow come to these verdicts; it raises where a map failed, as flow runs that end `Failed` do."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    import flows.sweep
    from flows.results.sweep_summary import sweep_summary
    from flows.sweep import MapsFailed

    def prepare(verdicts: dict[str, str]) -> None:
        def flow(parameters: Any) -> Any:
            run, _, _ = sweeping(small.store, small.model, small.data, verdicts, ["Conv2D_1"], seed=7)
            if "failed" in verdicts.values():
                raise MapsFailed("1 of 3 maps failed", run)
            return sweep_summary(small.store, run)

        monkeypatch.setattr(flows.sweep, "oip_sweep", flow)

    return prepare


def test_a_sweep_in_which_a_map_failed_shows_its_table_and_exits_with_1(
    cli: CLI, swept: Callable[..., None], tmp_path: Path
) -> None:
    swept(VERDICTS)
    code, out, err = cli("sweep", "--out", tmp_path / "pictures")
    assert code == 1, err
    assert out.splitlines()[1].split() == ["Conv2D_1", "3", "1", "1", "·", "·", "1", "·"]
    assert "failed: Conv2D_1/2: ResourceExhaustedError: no memory" in out
    assert "unreached: Conv2D_1/1" in out
    (sheet,) = (tmp_path / "pictures").rglob("*.png")
    assert sheet.name == "Conv2D_1.png"
    assert str(sheet) in out


def test_the_json_of_a_sweep_has_what_other_programs_count_on(
    cli: CLI, swept: Callable[..., None], tmp_path: Path
) -> None:
    swept(VERDICTS)
    code, out, _ = cli("sweep", "--out", tmp_path, "--json")
    answer = json.loads(out)
    assert code == 1
    assert {"run", "model", "verdicts", "computed", "reused", "seconds", "units"} <= set(answer)
    assert answer["verdicts"] == {
        "Conv2D_1": {"responded": 1, "unreached": 1, "silent": 0, "dead": 0, "failed": 1, "left": 0},
    }
    unit = answer["units"][0]
    assert answer["on_data"] == {"Conv2D_1": {"active": 2}}
    assert {"unit", "verdict", "on_data", "response", "response_ratio", "png", "npy", "oips"} <= set(unit)
    assert {"response", "seed", "length_scales"} <= set(unit["oips"][0])
    assert Path(unit["png"]).is_file()


def test_an_error_that_is_no_failed_map_is_not_taken_for_one(
    cli: CLI, swept: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.sweep
    from lib.errors import BadInput

    def flow(parameters: Any) -> Any:
        raise BadInput("no layer 'Conv2D_9': did you mean Conv2D_3?")

    monkeypatch.setattr(flows.sweep, "oip_sweep", flow)
    assert cli("sweep", "--layers", "Conv2D_9") == (2, "", "dreamsweep: no layer 'Conv2D_9': did you mean Conv2D_3?\n")


def test_options_become_the_settings_of_the_flow(
    cli: CLI, swept: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.sweep
    from lib.errors import BadInput
    from lib.oips.settings import GrowthSettings

    seen: list[Any] = []

    def flow(parameters: Any) -> Any:
        seen.append(parameters)
        raise BadInput("enough")

    monkeypatch.setattr(flows.sweep, "oip_sweep", flow)
    cli("sweep")
    assert seen[-1].growth == GrowthSettings()
    assert (seen[-1].train, seen[-1].layers, seen[-1].size) == (None, None, None)
    cli("sweep", "--train", "--data", "mnist", "--style", "clean", "--jitter", "2", "--length-scales", "1,3",
        "--length-scales", "5", "--size", "32x40", "--layers", "Conv2D_*", "--layers", "dense/3")  # fmt: skip
    assert seen[-1].style == "clean"
    assert seen[-1].growth == GrowthSettings(jitter=2, length_scales=((1.0, 3.0), (5.0,)))
    assert seen[-1].train_parameters().data == "mnist"
    assert (seen[-1].layers, seen[-1].size) == (["Conv2D_*", "dense/3"], (32, 40))


PLAN: Any = {
    "model": "model/small-1de27171",
    "style": "natural",
    "maps": 17056,
    "layers": 35,
    "images": {"128x128": 34, "224x224": 1},
    "batch": 64,
    "quality": "standard",
    "qualities": [
        {"quality": "draft", "missing": 17056, "seconds": 9000.0, "cpu_seconds": 17000.0, "bytes": 5 * 10**9},
        {"quality": "standard", "missing": 17056, "seconds": 50400.0, "cpu_seconds": 95000.0, "bytes": 10**10},
        {"quality": "best", "missing": 17056, "seconds": 900000.0, "cpu_seconds": 1.7e6, "bytes": 1.5e10},
    ],
    "memory": 1_500_000_000,
    "time": 27000.0,
    "fits": {"draft": 17056, "standard": 3210},
    "timed": ["a", "b", "c"],
    "timed_now": ["a"],
}


@pytest.fixture
def planned(small: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let the plan's flow come to that; gives what it is called with. The sweep's is not to be called."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    seen: list[Any] = []

    def flow(parameters: Any) -> Any:
        seen.append(parameters)
        return PLAN

    monkeypatch.setattr("flows.plan.sweep_plan", flow)
    monkeypatch.setattr("flows.sweep.oip_sweep", lambda _: pytest.fail("nothing is to be swept"))
    return seen


def test_a_plan_shows_what_each_quality_takes_and_sweeps_nothing(cli: CLI, planned: list[Any]) -> None:
    code, out, err = cli("sweep", "--plan", "--layers", "Conv2D_1", "--budget", "450")
    assert (code, err) == (0, "")
    assert (planned[0].layers, planned[0].budget) == (["Conv2D_1"], 450.0)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[1:5] == [
        "quality maps to make time CPU time on disk",
        "draft 17,056 2.5 h 4.7 h 5 GB",
        "standard (asked) 17,056 14 h 26 h 10 GB",
        "best 17,056 10.4 days 19.7 days 15 GB",
    ]
    assert lines[5:] == [
        "17,056 maps in 35 layers, style natural",
        "Images: 128x128 (34 layers), 224x224 (1 layer)",
        "Memory: at least 1.5 GB at a batch of 64 images (3 layers timed, 2 of them earlier)",
        "In 7.5 h there is time for 17,056 in draft quality and 3,210 in standard quality",
    ]


def test_a_plan_is_one_json_object_too(cli: CLI, planned: list[Any]) -> None:
    code, out, _ = cli("sweep", "--plan", "--json")
    assert (code, json.loads(out)) == (0, PLAN)


def test_what_is_asked_before_a_long_sweep_says_what_takes_less() -> None:
    from flows.results.plans import plan_line, question

    assert question(PLAN) == (
        "This takes about 14 h (--quality draft takes about 2.5 h; --budget or --finish-by end it earlier, and the "
        "next one goes on). Begin?"
    )
    assert plan_line(PLAN) == (
        "17,056 maps in standard quality: about 14 h and 10 GB on this machine; in 7.5 h there is time for 17,056 in "
        "draft quality and 3,210 in standard quality"
    )
    assert plan_line(PLAN | {"time": None, "fits": None}).endswith("10 GB on this machine")


@pytest.mark.parametrize(("options", "asks"), [((), True), (("--yes",), False), (("-y",), False)])
def test_a_sweep_asks_unless_it_is_told_not_to(
    options: tuple[str, ...],
    asks: bool,
    cli: CLI,
    swept: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def asking(progress: Any) -> Any:
        asked.append(progress)
        return nullcontext()

    monkeypatch.setattr("flows.cli.asking.asking", asking)
    swept({"Conv2D_1/0": "responded"})
    assert cli("sweep", "--out", tmp_path, *options)[0] == 0
    assert bool(asked) is asks
