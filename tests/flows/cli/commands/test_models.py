"""`dreamsweep models`: registering, listing, showing, renaming and removing, in a real store."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.flows.tiny import saved, small_cnn, write_pictures

WITHOUT_PREFECT = """
import json, sys
for name in ("prefect", "flows.serving.server"):
    sys.modules[name] = None  # whoever imports it fails
from flows.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_prefect(folder: Path, *words: str) -> Any:
    """What a command answers in a process that can neither import Prefect nor start its server."""
    environment = {"DREAMSWEEP_STORE": str(folder / "store"), "PATH": "", "DREAMSWEEP_HOME": str(folder / "home")}
    paths = {"PYTHONPATH": str(Path(__file__).parents[4])}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_PREFECT, *words],
        cwd=folder,
        env={**environment, **paths},
        capture_output=True,
        text=True,
    )


def documents(folder: Path) -> list[Path]:
    """The records, runs and refs of the store in a folder."""
    return sorted(path for room in ("records", "runs", "refs") for path in (folder / "store" / room).rglob("*.json"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, its pictures, a network that carries code, and one that Keras cannot build."""
    import keras

    folder = tmp_path_factory.mktemp("place")
    saved(small_cnn(), folder / "small.keras")
    write_pictures(folder / "pictures")
    code = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Lambda(lambda x: x * 2)])
    saved(code, folder / "code.keras")
    return folder


def test_a_model_is_registered_with_its_data_without_prefect_and_its_server(place: Path) -> None:
    done = without_prefect(place, "models", "--add", "small.keras", "--data", "folder:pictures", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    store = Store.open(place / "store")
    assert store.ref(answer["model"]) == store.ref("model/latest")
    (run,) = store.runs()
    assert (run.id, run.flow, run.state) == (answer["run"], "register", "completed")
    assert run.summary["model"] == answer["model"]
    assert {title: unit.how for title, unit in run.units.items()} == {"data": "computed", "model": "computed"}
    record = store.record(run.units["model"].record)
    assert record.provenance.flow_run is None
    assert record.provenance.run == run.id


@pytest.mark.parametrize("command", [("models", "--add"), ("sweep", "--model"), ("analyse", "--model")], ids="-".join)
def test_a_file_that_carries_code_is_refused_before_prefect_is_imported_or_a_server_started(
    place: Path, command: tuple[str, ...]
) -> None:
    before = documents(place)
    done = without_prefect(place, *command, "code.keras")
    assert done.returncode == 2, done.stderr
    *_, last = done.stderr.splitlines()
    assert last.startswith("dreamsweep: code.keras holds a Lambda")
    assert documents(place) == before
