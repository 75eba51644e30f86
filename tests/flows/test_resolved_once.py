"""What a run's parameters name is looked for once, and they are handed from few to few until the first image climbs."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pydantic import BaseModel

import flows
from flows.forms.parameters import RegisterParameters
from lib.oips.settings import GrowthSettings
from lib.training.settings import TrainSettings
from tests.flows.tiny import saved, small_cnn, write_photograph, write_pictures

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

CLI = Callable[..., tuple[int, str, str]]
HOUSE = Path(flows.__file__).parents[1]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store that has the tiny model and its data set, the model's file, and a photograph."""
    from flows.register import register

    file = saved(small_cnn(), tmp_path / "small.keras")
    data = write_pictures(tmp_path / "pictures")
    register(RegisterParameters(store=str(tmp_path / "store"), file=file, data=data, data_dir=None, pixels="0..1"))
    write_photograph(tmp_path / "rose.png")
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    monkeypatch.setattr("flows.cli.at_work._served", nullcontext)
    return tmp_path


@pytest.fixture
def sought(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of models that the store was searched for."""
    import tasks.model.stored

    names: list[str] = []
    resolve = tasks.model.stored.resolve

    def counting(store: Any, text: str) -> Any:
        names.append(text)
        return resolve(store, text)

    monkeypatch.setattr("tasks.model.stored.resolve", counting)
    return names


SWEEP = ("sweep", "--layers", "Conv2D_1/0", "--starts", "4", "--steps", "8")
DREAM = ("dream", "rose.png", "--octaves", "1", "--steps", "1", "--out", "dreams")
ANALYSE = ("analyse", "test/0", "--classifier-images", "0")


@pytest.mark.parametrize("command", [SWEEP, DREAM, ANALYSE], ids=lambda command: command[0])
def test_the_name_of_a_model_is_resolved_once_a_run(
    cli: CLI, place: Path, sought: list[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(place)
    code, out, err = cli(*command, "--model", "model/latest", "--json")
    assert code == 0, err
    assert json.loads(out)["computed"] > 0
    assert sought == ["model/latest"]


def test_a_flow_that_nothing_was_handed_to_finds_the_model_itself(place: Path, sought: list[str]) -> None:
    from flows.forms.parameters import SweepParameters
    from flows.forms.resolve import hand_on
    from flows.sweep import oip_sweep

    growth = GrowthSettings(oips=2, starts=4, steps=8)
    asked = SweepParameters(store=str(place / "store"), data_dir=None, layers=["Conv2D_1/0"], growth=growth)
    with hand_on(asked.model_copy(update={"layers": ["Conv2D_1/1"]})):
        assert oip_sweep(asked)["computed"] == 1
    assert sought == ["model/latest"] * 2


def test_the_parameters_of_a_sweep_pass_through_at_most_27_functions_to_the_first_image(cli: CLI, place: Path) -> None:
    with walk() as steps:
        code, _, err = cli(*SWEEP, "--json")
    assert code == 0, err
    assert "flows/sweep.py oip_sweep" in steps
    assert len(steps) <= 27, "\n".join(steps)


@contextmanager
def walk() -> Iterator[list[str]]:
    """The functions of flows and tasks that are called with parameters, or settings in them, until the first search."""
    steps: dict[str, None] = {}
    found: list[str] = []
    begun = threading.Event()

    def see(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or begun.is_set() or not Path(code.co_filename).is_relative_to(HOUSE):
            return
        file = Path(code.co_filename).relative_to(HOUSE)
        if code.co_name == "search_unit":
            begun.set()
        elif file.parts[0] in ("flows", "tasks"):
            given = frame.f_locals
            several = [*given.get("args", ()), *given.get("kwargs", {}).values()] if code.co_flags & 12 else []
            named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            if any(map(is_part, [*map(given.get, named), *several])):
                steps[f"{file} {code.co_qualname}"] = None

    threading.setprofile(see)
    sys.setprofile(see)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        found.extend(steps)


def is_part(value: object) -> bool:
    """Whether this is what was filled in, or settings within it."""
    if isinstance(value, BaseModel):
        return type(value).__module__.startswith("flows.")
    return isinstance(value, GrowthSettings | TrainSettings)
