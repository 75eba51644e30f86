"""`dreamsweep models`: registering, listing, showing, renaming and removing, in a real store."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.garbage import collect, plan
from storage.store import Store
from tests.flows.tiny import saved, small_cnn, write_pictures

CLI = Callable[..., tuple[int, str, str]]
MODEL = "model/digits-1de27171"
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


# ---- without TensorFlow: names in a store that was made before -------------------------------------------------------


@pytest.fixture
def store(small: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The small store, named by the environment; no Prefect server was ever started in its data folder."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    monkeypatch.setattr("flows.cli.commands.models.DATA_FOLDER", tmp_path / "data")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return small


@pytest.fixture
def brought(store: Any, committing: Callable[..., Any]) -> Any:
    """The record of a model that was registered last, by a run of its own, and that nothing uses."""
    from storage.record import NewOutput

    run = store.store.open_run("register", {"file": "net.keras"})
    about = {"file": "net.keras", "parameters": 12, "data": None, "data_record": None}
    output = NewOutput("model", b"net", "model", "application/x-keras", attributes=about, identity="ab" * 32)
    record = committing(store.store, "register", {"file": "net.keras"}, [output], run=run.id)
    run.add("model", record, "computed")
    run.close("completed", {"model": "model/net-abababab"})
    for ref in ("model/net-abababab", "model/latest"):
        store.store.set_ref(ref, f"record:{record.key}")
    return record


def refused(cli: CLI, *words: str) -> str:
    """What a command says that is refused in one line."""
    code, out, err = cli(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    return err


def names(cli: CLI) -> dict[str, str]:
    """The models as they are listed: the record of each by its name."""
    code, out, _ = cli("models", "--json")
    assert code == 0
    return {model["ref"]: model["record"] for model in json.loads(out)["models"]}


def test_a_model_of_which_nobody_said_the_pixels_is_listed_as_undeclared(cli: CLI, brought: Any) -> None:
    net, digits = json.loads(cli("models", "--json")[1])["models"]
    assert (net["pixels"], net["pixels_from"], net["accuracy"]) == (None, None, None)
    assert (digits["pixels"], digits["pixels_from"]) == ("0..1", "it was trained here")
    assert (digits["test_accuracy"], digits["accuracy"], digits["accuracy_on"]) == (0.9934, 0.9934, "digits")
    code, out, _ = cli("models")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if line.startswith("model/net")] == ["undeclared"]


def test_a_registered_model_has_the_accuracy_of_its_latest_analysis(cli: CLI, store: Any, brought: Any) -> None:
    for accuracy in (0.25, 0.875):
        run = store.store.open_run("analyse", {})
        run.close("completed", {"model": "model/net-abababab", "data": "flowers", "accuracy": accuracy})
    assert cli("models", "rename", "net-abababab", "net")[0] == 0  # runs have the name of that time
    (net, _) = json.loads(cli("models", "--json")[1])["models"]
    assert (net["test_accuracy"], net["accuracy"], net["accuracy_on"]) == (None, 0.875, "flowers")
    assert "87.50 %" in cli("models")[1]


def test_a_renamed_model_is_found_by_both_names_and_nothing_else_can_get_the_old_one(
    cli: CLI, store: Any, brought: Any
) -> None:
    code, out, _ = cli("models", "rename", "digits-1de27171", "handwriting")
    assert (code, out.strip()) == (0, f"{MODEL} is model/handwriting now")
    assert set(names(cli)) == {"model/handwriting", "model/net-abababab"}
    for name in (MODEL, "model/handwriting"):
        assert json.loads(cli("show", name, "--json")[1])["key"] == store.model.key
    assert "model/digits-1de27171 was a name of model/handwriting" in refused(
        cli, "models", "rename", "net-abababab", "digits-1de27171"
    )
    assert cli("models", "rename", MODEL, "digits-1de27171")[0] == 0  # back again
    assert set(names(cli)) == {MODEL, "model/net-abababab"}
    assert [ref for ref in store.store.refs() if ref.startswith("renamed/")] == ["renamed/model/handwriting"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rename", "digts-1de27171", "x"), f"there is no model 'digts-1de27171': did you mean {MODEL}?"),
        (("rename", "zzz", "x"), f"there is no model 'zzz': there is {MODEL}"),
        (("rename", MODEL, "net-abababab"), "there is a model model/net-abababab already"),
        (("rename", MODEL, "two words"), "NEW is 'two words'; it must be of letters"),
        (("rename", MODEL, "../escape"), "NEW is '../escape'; it must be of letters"),
        (("rename", MODEL, "digits@3"), "NEW is 'digits@3'; it must be of letters"),
        (("rename", MODEL, "latest"), "NEW is 'latest'; it must be another"),
        (("rename", "model/latest", "x"), "model/latest is always the newest model"),
        (("remove", "model/latest"), "model/latest is always the newest model"),
        (("remove", "net-abababa"), "did you mean model/net-abababab?"),
        (("remove", "net-abababab"), "add --yes"),
        (("show", "net-abababa"), "did you mean model/net-abababab?"),
        (("show", "sweep/latest"), "there is no model 'sweep/latest'"),
        (("swho",), "Did you mean 'show'?"),
        (("add",), "Missing argument"),
        (("add", "none.keras"), "there is no file none.keras"),
        (("add", "none.keras", "--name", "a b"), "--name is 'a b'; it must be of letters"),
        (("--name", "x"), "--name belongs to a new model"),
        (("--json", "show"), "options stand behind the command: dreamsweep models show"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_with_a_model_is_said_in_one_line_and_changes_nothing(
    cli: CLI, store: Any, brought: Any, words: tuple[str, ...], said: str
) -> None:
    before = store.store.refs()
    assert said in refused(cli, "models", *words)
    assert store.store.refs() == before


def test_a_model_that_nothing_uses_goes_with_the_run_that_made_it_and_gc_takes_the_rest(
    cli: CLI, store: Any, brought: Any
) -> None:
    code, out, _ = cli("models", "remove", "net-abababab", "--yes")
    assert (code, out.strip()) == (0, "model/net-abababab is removed; dreamsweep gc takes its files")
    assert set(names(cli)) == {MODEL}
    assert store.store.ref("model/latest") == f"record:{store.model.key}"
    assert [run.flow for run in store.store.runs()] == ["train", "oip-sweep"]
    done = collect(plan(store.store, timedelta()))
    assert done.records == (brought.key,)
    assert brought.output("model").digest in done.blobs
    assert cli("verify")[0] == 0


def test_latest_goes_with_the_last_model(cli: CLI, store: Any, brought: Any) -> None:
    for ref in (MODEL, "sweep/latest"):
        store.store.delete_ref(ref)
    assert cli("models", "remove", "net-abababab", "--yes")[0] == 0
    assert store.store.refs() == {}


@pytest.mark.parametrize("renamed", [False, True])
def test_a_model_that_runs_used_is_not_removed_and_they_are_named(
    cli: CLI, store: Any, brought: Any, renamed: bool
) -> None:
    name = MODEL
    if renamed:
        name = "model/handwriting"
        assert cli("models", "rename", MODEL, name)[0] == 0
    before = store.store.refs()
    said = refused(cli, "models", "remove", name, "--yes")
    assert f"{name} is used by the run {store.sweep} (oip-sweep): it stays as long as they do" in said
    assert store.store.refs() == before
    assert len(store.store.runs()) == 3


def test_a_model_that_another_ref_names_is_not_removed(cli: CLI, store: Any, brought: Any) -> None:
    store.store.set_ref("best", f"record:{brought.key}")
    assert "is used by the ref best" in refused(cli, "models", "remove", "net-abababab", "--yes")


def test_a_run_that_is_open_keeps_the_latest_model(cli: CLI, store: Any, brought: Any) -> None:
    run = store.store.open_run("dream", {"model": None})
    assert run.id in refused(cli, "models", "remove", "net-abababab", "--yes")
    run.close("failed", {})
    assert cli("models", "remove", "net-abababab", "--yes")[0] == 0


def test_of_two_names_of_a_model_one_goes_and_still_means_it(cli: CLI, store: Any, brought: Any) -> None:
    store.store.set_ref("model/again", f"record:{store.model.key}")
    code, out, _ = cli("models", "remove", MODEL, "--yes")
    assert (code, out.strip()) == (0, f"{MODEL} is removed; the model stays as model/again")
    assert json.loads(cli("show", MODEL, "--json")[1])["key"] == store.model.key
    assert set(names(cli)) == {"model/again", "model/net-abababab"}


class Terminal(io.StringIO):
    """Somebody who sits at one and has typed this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("n", 2), ("y", 1)])
def test_remove_asks_who_sits_at_a_terminal(
    cli: CLI, store: Any, brought: Any, monkeypatch: pytest.MonkeyPatch, typed: str, left: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    code, out, err = cli("models", "remove", "net-abababab")
    assert (code, "Remove model/net-abababab?" in out + err) == (0, True)
    assert len(names(cli)) == left


def test_a_schedule_that_names_a_model_keeps_it(
    cli: CLI, store: Any, brought: Any, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    from flows.serving.schedule import Nightly

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with get_client(sync_client=True) as client:
        Nightly(client)  # registers it
        nightly = client.read_deployment_by_name("nightly/dreamsweep")
        asked = {"model": "net-abababab@3"}
        try:
            for saved in (asked, {"parameters": asked}):  # as forms save it, and as those of earlier versions did
                client.update_deployment(nightly.id, DeploymentUpdate(parameters=saved))
                said = refused(cli, "models", "remove", "net-abababab", "--yes")
                assert "model/net-abababab is used by the deployment nightly: it stays" in said
            client.update_deployment(nightly.id, DeploymentUpdate(parameters={}))
            assert cli("models", "remove", "net-abababab", "--yes")[0] == 0
        finally:
            client.delete_deployment(nightly.id)


# ---- with Keras ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network whose layers are known, and another."""
    folder = tmp_path_factory.mktemp("tiny")
    saved(small_cnn(), folder / "small.keras")
    saved(small_cnn(1), folder / "other.keras")
    return folder


def test_a_file_is_added_under_the_name_that_is_given_and_shown_layer_by_layer(
    cli: CLI, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    code, out, err = cli("models", "add", tiny / "small.keras", "--name", "flowers")
    assert code == 0, err
    assert "registered as model/flowers" in out
    assert "A sweep takes 2 layers with 10 maps." in out
    assert "pixels: undeclared" in out
    assert "Next: dreamsweep sweep --model model/flowers" in out

    shown = json.loads(cli("models", "show", "flowers", "--json")[1])
    assert shown["ref"] == "model/flowers"
    assert [(one["name"], one["type"], one["units"], one["swept"]) for one in shown["layers"]][:3] == [
        ("Conv2D_1", "Conv2D", 4, True),
        ("pool", "MaxPooling2D", 4, False),
        ("Conv2D_2", "Conv2D", 6, True),
    ]
    assert shown["layers"][0]["receptive_field"] == [3, 3]
    assert shown["inputs"][0]["shape"] == [12, 12, 1]
    assert shown["outputs"] == [{"name": "classes", "shape": [3]}]
    assert shown["runs"] == []
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = cli("models", "show")
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines() if line.startswith(("layer", "Conv2D")))

    # the same file keeps its name, another one does not get it
    assert "registered as model/flowers" in cli("models", "--add", tiny / "small.keras")[1]
    said = cli("models", "add", tiny / "other.keras", "--name", "flowers")
    assert said[0] == 2
    assert "model/flowers is, or was, the name of another model" in said[2]
    assert list(names(cli)) == ["model/flowers"]

    # what is stored with the model says the same
    store = Store.open(tmp_path / "store")
    table = json.loads(store.get(store.record(shown["record"]).output("layers").digest))
    assert table["layers"] == shown["layers"]


def test_what_is_held_and_which_output_was_kept_is_shown_with_the_model(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    from keras import layers as kl

    monkeypatch.setenv("DREAMSWEEP_STORE", str(tmp_path / "store"))
    image, age = keras.Input((12, 12, 1), name="image"), keras.Input((1,), name="age")
    maps = kl.GlobalMaxPooling2D()(kl.Conv2D(4, 3, activation="relu", name="maps")(image))
    both = kl.Concatenate()([maps, age])
    outputs = [kl.Dense(3, activation="softmax", name="kind")(both), kl.Dense(1, name="size")(both)]
    file = saved(keras.Model([image, age], outputs), tmp_path / "two.keras")
    code, _, err = cli("models", "add", file, "--name", "two")
    assert code == 2
    assert "--hold" in err
    code, _, err = cli("models", "add", file, "--name", "two", "--hold", "age=0.5", "--output", "kind")
    assert code == 0, err
    shown = json.loads(cli("models", "show", "two", "--json")[1])
    assert (shown["hold"], shown["output"]) == (["age=0.5"], "kind")
    _, out, _ = cli("models", "show", "two")
    assert "held: age=0.5" in out
    assert "output kept: kind" in out
