"""The command line on a store that is there: what it answers, what it prints where, and its exit codes."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CLI = Callable[..., tuple[int, str, str]]
HEAVY = (
    *("tensorflow", "keras", "prefect", "sqlalchemy", "numpy", "scipy", "sklearn", "PIL", "h5py", "matplotlib"),
    *("fsspec", "httpx", "fastapi"),
)


@pytest.fixture
def store(small: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small store, named by the environment."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    return small


def answer(cli: CLI, *arguments: object) -> Any:
    """The JSON that a command answers with."""
    code, out, err = cli(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize("command", [[], ["runs"], ["lineage"], ["verify"], ["export"]])
def test_help_imports_nothing_that_takes_long(command: list[str]) -> None:
    heavy = HEAVY if command else (*HEAVY, "pydantic")  # a command's options may come from a form
    script = (
        "import sys; from flows.cli import main\n"
        f"code = main({[*command, '--help']!r})\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Usage: dreamsweep" in done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_help_of_the_flows_imports_neither_tensorflow_nor_prefect(command: str) -> None:
    script = (
        "import sys; from flows.cli import main\n"
        f"main([{command!r}, '--help'])\n"
        "print([name for name in ('tensorflow', 'keras', 'prefect', 'sqlalchemy') if name in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "--seed" in done.stdout
    assert done.stderr == "[]\n"


def test_help_lists_every_command_and_every_exit_code(cli: CLI) -> None:
    code, out, _ = cli("--help")
    assert code == 0
    for name in ["train", "sweep", "models", "runs", "show", "lineage", "verify", "gc", "reindex", "export"]:
        assert f"│ {name} " in out
    for number in ("0  all is well", "1  some maps or pictures failed", "2  bad input", "130  interrupted"):
        assert number in out


def test_settings_are_explained_with_the_defaults_of_their_dataclass(cli: CLI, monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.oips.style import STYLES

    monkeypatch.setenv("COLUMNS", "300")
    _, out, _ = cli("sweep", "--help")
    starts = ", ".join(f"{style.defaults['starts']} in {style.name}" for style in STYLES.values())
    assert f"0: {starts}. Default: 0." in " ".join(out.replace("│", " ").split())
    _, out, _ = cli("train", "--help")
    assert "Default: adam; classic: rmsprop." in out


def test_models_are_listed_with_what_is_known_of_them(cli: CLI, store: Any) -> None:
    (model,) = answer(cli, "models")["models"]
    assert model["ref"] == "model/digits-1de27171"
    assert model["latest"]
    assert (model["data"], model["test_accuracy"], model["parameters"]) == ("digits", 0.9934, 208_982)
    code, out, _ = cli("models")
    assert code == 0
    assert "99.34 %" in out


def test_runs_are_listed_newest_first_with_their_verdicts(cli: CLI, store: Any) -> None:
    sweep, training = answer(cli, "runs")["runs"]
    assert sweep["run"] == store.sweep
    assert sweep["state"] == "failed"
    assert sweep["verdicts"] == {"responded": 2, "dead": 1, "failed": 1}
    assert (sweep["computed"], sweep["reused"], sweep["failed"]) == (3, 0, 1)
    assert training["run"] == store.training
    assert "2 responded, 1 dead, 1 failed" in cli("runs")[1]


def test_what_no_image_makes_respond_is_counted_beside_the_verdicts(cli: CLI, store: Any) -> None:
    _, out, _ = cli("show", store.sweep)
    table = out[out.index("layer  ") :].splitlines()
    assert table[0].split()[-3:] == ["never", "on", "data"]
    last = {row.split()[0]: row.split()[-1] for row in table[1:] if row.startswith(("Conv2D", "all"))}
    assert last == {"Conv2D_1": "1", "Conv2D_2": "·", "all": "1"}
    (dead,) = (unit for unit, record in store.oips.items() if record.output("oips").attributes["verdict"] == "dead")
    _, out, _ = cli("show", dead)
    assert "never on data: no image of the data set makes it respond" in out
    assert "best exemplars" not in out
    assert "never on data" not in cli("show", "Conv2D_2/17")[1]


def test_an_open_run_that_has_been_silent_for_long_is_shown_as_died(cli: CLI, store: Any) -> None:
    open_run = store.store.open_run("oip-sweep", {})
    assert answer(cli, "runs")["runs"][0]["state"] == "open"
    long_ago = time.time() - 3600
    os.utime(store.root / "runs" / f"{open_run.id}.json", (long_ago, long_ago))
    assert answer(cli, "runs")["runs"][0]["state"] == "died"


def test_show_takes_a_ref_a_run_a_unit_a_digest_and_an_exported_file(cli: CLI, store: Any, tmp_path: Path) -> None:
    picture = store.oips["Conv2D_2/17"].output("picture")
    exported = tmp_path / "somewhere.png"
    exported.write_bytes(store.store.get(picture.digest))
    assert answer(cli, "show", "model/latest")["key"] == store.model.key
    assert answer(cli, "show", "sweep/latest")["run"] == store.sweep
    assert answer(cli, "show", store.sweep)["verdicts_by_layer"]["Conv2D_1"] == {"responded": 1, "dead": 1}
    assert answer(cli, "show", store.sweep)["on_data_by_layer"]["Conv2D_1"] == {"active": 1, "never": 1}
    assert answer(cli, "show", "Conv2D_2/17")["on_data"] == "active"
    assert answer(cli, "show", "Conv2D_2/17")["key"] == store.oips["Conv2D_2/17"].key
    for text in (picture.digest[:10], exported):
        shown = answer(cli, "show", text)
        assert shown["digest"] == picture.digest
        assert shown["artifacts"] == [{"record": store.oips["Conv2D_2/17"].key, "role": "picture", "task": "oip"}]
    for text in ("model/latest", "sweep/latest", "Conv2D_2/17", picture.digest[:10]):
        assert cli("show", text)[0] == 0


def test_show_says_which_outputs_are_damaged_or_missing_and_gives_no_path_to_them(cli: CLI, store: Any) -> None:
    unit = store.oips["Conv2D_2/17"]
    store.blob(unit.output("oips").digest).write_bytes(b"changed")
    store.blob(unit.output("picture").digest).unlink()
    shown = {output["role"]: output for output in answer(cli, "show", "Conv2D_2/17")["outputs"]}
    assert (shown["oips"]["path"], shown["oips"]["state"]) == (None, "damaged")
    assert (shown["picture"]["path"], shown["picture"]["state"]) == (None, "missing")


def test_lineage_of_a_unit_names_checkpoint_data_parameters_code_and_environment(cli: CLI, store: Any) -> None:
    lineage = answer(cli, "lineage", "Conv2D_2/17")
    records = lineage["records"]
    unit = records[lineage["roots"][0]]
    assert unit["parameters"]["constraint"] == "standardised"
    assert unit["provenance"]["code"]["commit"] == "c0ffee00" * 5
    assert lineage["environments"][unit["provenance"]["environment"]]["libraries"] == {"tensorflow": "2.21.0"}
    model = records[next(item for item in unit["inputs"] if item["role"] == "model")["made_by"][0]]
    data = records[next(item for item in unit["inputs"] if item["role"] == "train_imgs")["made_by"][0]]
    assert model["key"] == store.model.key
    assert {output["role"]: output["digest"] for output in data["outputs"]} == {
        output.role: output.digest for output in store.data.outputs
    }
    assert {record["task"] for record in records.values()} == {"oip", "model", "epoch", "data"}


def test_lineage_reads_the_same_on_a_screen_of_any_width(cli: CLI, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in ("80", "120", "200"):
        monkeypatch.setenv("COLUMNS", width)
        code, out, _ = cli("lineage", "Conv2D_2/17")
        assert code == 0
        assert all(len(line) <= int(width) for line in out.splitlines())
        for output in store.data.outputs:
            assert output.digest in out  # whole, on one line: it can be copied and compared
        for words in ("c0ffee00" * 5, "tensorflow 2.21.0", "steps 96", "trained model", "2 others of this task"):
            assert words in " ".join(out.replace("│", " ").split())


def test_lineage_names_everything_that_made_the_same_bytes(
    cli: CLI, store: Any, committing: Callable[..., Any]
) -> None:
    same = [output_of(store.store, store.model, "model")]
    committing(store.store, "register", {"file": "mine.keras"}, same)  # a copy of the trained model, registered
    _, out, _ = cli("lineage", "Conv2D_2/17")
    assert "model: trained model" in out
    assert "model: model from the file mine.keras" in out


def output_of(store: Any, record: Any, role: str) -> Any:
    """An output of a record, as it would be stored anew."""
    from storage.record import NewOutput

    output = record.output(role)
    return NewOutput(role, store.get(output.digest), output.kind, output.media_type, identity=output.identity)


def test_lineage_down_of_a_checkpoint_lists_every_picture_that_depends_on_it(cli: CLI, store: Any) -> None:
    expected = {record.output("picture").digest for record in store.oips.values()}
    expected |= {record.output("sheet").digest for record in store.layers.values()}
    pictures = answer(cli, "lineage", "--down", "model/latest")["pictures"]
    assert {picture["digest"] for picture in pictures} == expected
    # The checkpoint that training ended with made the model's plot, too.
    plot = store.model.output("history_plot").digest
    checkpoint = store.epochs[-1].output("checkpoint").digest
    pictures = answer(cli, "lineage", "--down", checkpoint[:12])["pictures"]
    assert {picture["digest"] for picture in pictures} == expected | {plot}
    _, out, _ = cli("lineage", "--down", "model/latest")
    assert all(unit in out for unit in store.oips)
    assert "5 pictures depend on it" in out


def test_lineage_of_a_run_draws_one_unit_of_each_layer(cli: CLI, store: Any) -> None:
    code, out, _ = cli("lineage", "sweep/latest")
    assert code == 0
    assert "Conv2D_1/0, and 1 more alike" in out
    assert "Conv2D_1/1" not in out
    assert out.count("commit c0ffee00") == 1  # what is the same is said once


def test_verify_of_a_clean_store_exits_with_0(cli: CLI, store: Any) -> None:
    report = answer(cli, "verify")
    blobs = sum(1 for path in (store.root / "blobs").rglob("*") if path.is_file())
    assert {name: report[name] for name in ("checked", "corrupt", "missing", "orphans", "unindexed")} == {
        "checked": blobs,
        "corrupt": [],
        "missing": [],
        "orphans": 0,
        "unindexed": 0,
    }
    assert "The store is clean." in cli("verify")[1]


def test_verify_of_a_damaged_store_exits_with_1_and_names_the_blob(cli: CLI, store: Any) -> None:
    digest = store.oips["Conv2D_1/0"].output("oips").digest
    store.blob(digest).write_bytes(b"changed")
    code, out, _ = cli("verify", "--json")
    assert code == 1
    assert json.loads(out)["corrupt"] == [digest]
    code, out, _ = cli("verify")
    assert code == 1
    assert f"missing: OIPs of Conv2D_1/0: its oips ({digest[:12]}), of run " in out


def test_gc_shows_before_it_does_and_does_nothing_unasked(cli: CLI, store: Any) -> None:
    orphan = store.store.put(b"nobody's")
    code, out, err = cli("gc", "--grace", "0")
    assert code == 0
    assert "1  blobs that nothing needs" in out
    assert "Nothing was done: --yes does it." in err
    assert answer(cli, "gc", "--grace", "0")["done"] is False
    assert store.blob(orphan).exists()
    assert answer(cli, "gc", "--grace", "0", "--yes")["blobs"] == [orphan]
    assert not store.blob(orphan).exists()
    assert "nothing to collect" in cli("gc")[1]


class Terminal(io.StringIO):
    """Somebody who sits at one and has typed this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("said", "left"), [("n", 1), ("y", 0)])
def test_gc_asks_who_sits_at_a_terminal(
    cli: CLI, store: Any, monkeypatch: pytest.MonkeyPatch, said: str, left: int
) -> None:
    store.store.put(b"nobody names me")
    terminal = Terminal(f"{said}\n")
    monkeypatch.setattr("sys.stdin", terminal)
    code, out, err = cli("gc", "--grace", "0")
    assert (code, "Do it?" in out + err) == (0, True)
    assert len(answer(cli, "gc", "--grace", "0")["blobs"]) == left


def test_gc_leaves_alone_what_is_younger_than_the_grace_period(cli: CLI, store: Any) -> None:
    orphan = store.store.put(b"nobody's")
    assert answer(cli, "gc", "--grace", "1h", "--yes")["blobs"] == []
    assert store.blob(orphan).exists()


def test_reindex_counts_the_records(cli: CLI, store: Any) -> None:
    (store.root / "index.sqlite").unlink()
    assert answer(cli, "reindex") == {"records": sum(1 for _ in store.store.records())}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command"),
        (["show"], "Missing argument"),
        (["show", "Conv2D_2/99"], "the nearest names are"),
        (["lineage", "model/lates"], "model/latest"),
        (["gc", "--grace", "soon"], "--grace is 'soon'"),
        (["models", "--data", "digits"], "--data belongs to a new model"),
        (["verify", "--store", "/nowhere/at/all"], "there is no store at"),
        (["sweep", "--starts", "-1"], "starts is -1"),
        (["sweep", "--steps", "-1"], "steps is -1"),
        (["sweep", "--steps", "many"], "--steps"),
        (["sweep", "--size", "28"], "as 224x224"),
        (["sweep", "--length-scales", "1;3"], "as 1,3,7"),
        (["sweep", "--style", "baroque"], "--style is 'baroque'; choose from natural, strong, clean"),
        (["sweep", "--train", "--model", "model/latest"], "leave one of them out"),
        (["sweep", "--model", "model/lates"], "model/latest"),
        (["sweep", "--model", "mine.keras"], "there is no file mine.keras"),
        (["sweep", "--finish-by", "25:00"], "--finish-by is '25:00'"),
        (["sweep", "--timezone", "Berlin"], "Europe/Berlin"),
        (["sweep", "--budget", "0"], "budget is 0"),
        (["sweep", "--maps-per-task", "0"], "--maps-per-task is 0"),
        (["rerun", "20200101-000000-abcdef"], "has no run"),
        (["train", "--epochs", "0"], "epochs is 0"),
        (["train", "--recipe", "grandma"], "choose from default, classic"),
        (["train", "--optimiser", "magic"], "choose from adam"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_input_is_one_line_exit_code_2_and_no_record(cli: CLI, store: Any, arguments: list[str], said: str) -> None:
    before = sorted(store.root.rglob("records/**/*.json")) + sorted(store.root.rglob("runs/*.json"))
    for options in ([], ["--json"]):
        code, out, err = cli(*arguments, *options)
        assert code == 2
        assert out == ""
        assert err.startswith("dreamsweep: ")
        assert err.count("\n") == 1
        assert said in err
    assert sorted(store.root.rglob("records/**/*.json")) + sorted(store.root.rglob("runs/*.json")) == before


def test_a_damaged_blob_is_never_handed_out(cli: CLI, store: Any, tmp_path: Path) -> None:
    digest = store.oips["Conv2D_1/0"].output("picture").digest
    store.blob(digest).write_bytes(b"changed")
    for arguments in (["show", digest[:12]], ["export", "Conv2D_1/0", "--out", tmp_path / "out"]):
        code, out, err = cli(*arguments)
        assert code == 2
        assert "is damaged" in err
        assert out == ""


def test_a_store_path_that_is_a_file_is_bad_input_for_every_command(cli: CLI, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a store")
    for command in (["train"], ["sweep"], ["models"], ["runs"], ["show", "x"], ["lineage", "x"], ["verify"], ["gc"],
                    ["reindex"], ["export", "x", "--out", tmp_path]):  # fmt: skip
        code, _, err = cli(*command, "--store", tmp_path / "file")
        assert code == 2
        assert "is a file: name a folder" in err


def test_nothing_but_json_reaches_standard_output_whoever_writes(
    cli: CLI, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage.store import Store

    runs = Store.runs

    def noisy(self: Store) -> Any:
        os.write(1, b"C++ says hello\n")
        print("so does Python")
        subprocess.run(["echo", "and a child"], check=True)
        return runs(self)

    monkeypatch.setattr(Store, "runs", noisy)
    code, out, err = cli("runs", "--json")
    assert code == 0
    assert list(json.loads(out)) == ["runs"]
    for words in ("C++ says hello", "so does Python", "and a child"):
        assert words in err


def test_ctrl_c_exits_with_130_and_one_line(cli: CLI, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.store import Store

    def interrupted(self: Store) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "runs", interrupted)
    code, out, err = cli("runs")
    assert (code, out) == (130, "")
    assert err.startswith("dreamsweep: interrupted")


def test_what_is_unexpected_exits_with_1_and_says_where(cli: CLI, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.store import Store

    def broken(self: Store) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Store, "runs", broken)
    code, _, err = cli("runs")
    assert code == 1
    assert "Traceback" in err
    assert err.endswith("dreamsweep: unexpected: RuntimeError: a bug\n")


def test_bad_input_is_found_in_what_caused_an_error(cli: CLI, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.errors import BadInput
    from storage.store import Store

    def wrapped(self: Store) -> Any:
        try:
            raise BadInput("this is wrong: do that")
        except BadInput as error:
            raise RuntimeError("Prefect says: something failed") from error

    monkeypatch.setattr(Store, "runs", wrapped)
    assert cli("runs") == (2, "", "dreamsweep: this is wrong: do that\n")
