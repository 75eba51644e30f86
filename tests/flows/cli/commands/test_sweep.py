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
