"""Exported files: their names, their bytes, and that nothing is ever overwritten."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.pictures.names import safe
from storage.collection.writers import temporary_name
from storage.store import NewOutput, Recipe, Store

CLI = Callable[..., tuple[int, str, str]]


def files_under(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def store(small: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small store, named by the environment."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(small.root))
    return small


def test_a_run_is_exported_under_readable_names_with_records(cli: CLI, store: Any, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    code, out, _ = cli("export", store.sweep, "--out", folder, "--json")
    assert code == 0
    answer = json.loads(out)
    expected = {"Conv2D_1.png", "Conv2D_1.h5", "Conv2D_2.png", "Conv2D_2.h5"}
    for unit in ("Conv2D_1/Conv2D_1-000", "Conv2D_1/Conv2D_1-001", "Conv2D_2/Conv2D_2-017"):
        expected |= {f"{unit}.png", f"{unit}.npy", f"records/{unit}.json"}
    expected |= {"records/Conv2D_1.json", "records/Conv2D_2.json"}
    assert set(files_under(folder)) == expected == set(answer["files"])
    assert (answer["written"], answer["same"]) == (len(expected), 0)


def test_an_exported_file_has_the_blobs_bytes_so_that_lineage_finds_it(cli: CLI, store: Any, tmp_path: Path) -> None:
    cli("export", "Conv2D_2/17", "--out", tmp_path / "out")
    picture = tmp_path / "out/Conv2D_2/Conv2D_2-017.png"
    assert picture.read_bytes() == store.store.get(store.oips["Conv2D_2/17"].output("picture").digest)
    code, out, _ = cli("lineage", picture, "--json")
    assert code == 0
    assert json.loads(out)["roots"] == [store.oips["Conv2D_2/17"].key]


def test_a_record_beside_a_file_says_what_made_it_and_on_what_it_ran(cli: CLI, store: Any, tmp_path: Path) -> None:
    cli("export", "Conv2D_2/17", "--out", tmp_path)
    record = json.loads((tmp_path / "records/Conv2D_2/Conv2D_2-017.json").read_text())
    assert record["key"] == store.oips["Conv2D_2/17"].key
    assert record["parameters"]["steps"] == 96
    assert record["environment"]["libraries"] == {"tensorflow": "2.21.0"}
    assert {output["role"] for output in record["outputs"]} == {"oips", "picture"}


PLACES = {
    "folder:/home/me/secret club/cats/": "folder:cats",
    "/home/me/cats.npz": "cats.npz",
    "~/me/cats.npz": "cats.npz",
    "input=/home/me/cat.npy": "input=cat.npy",
    "s3://me:password@host/club/cats": "cats",
    "2 files (/home/me/a.png, file:///home/me/b.png) are left out": "2 files (a.png, b.png) are left out",
    "image/png of Conv2D_2/17": "image/png of Conv2D_2/17",
    "mnist": "mnist",
}
"""What a record may say, and what of that is given away."""


def test_an_exported_record_tells_neither_the_host_nor_where_anything_was(cli: CLI, store: Any, tmp_path: Path) -> None:
    made = store.store.commit(
        Recipe("note", 1, {"places": list(PLACES), "of": {place: place for place in PLACES}}, {}),
        [
            NewOutput(
                "note", b"{}", "note", "application/json", attributes={"title": "/mask/rose.jpg", "at": "/home/me/x"}
            )
        ],
        inputs=[],
        provenance=store.oips["Conv2D_2/17"].provenance,
        started="2026-11-22T10:00:00+00:00",
    )
    assert made.provenance.host
    assert cli("export", made.key, "--out", tmp_path / "out")[0] == 0
    (file,) = (tmp_path / "out").rglob("records/**/*.json")
    text, record = file.read_text(), json.loads(file.read_bytes())
    assert record["parameters"]["places"] == list(PLACES.values())
    assert set(record["parameters"]["of"].values()) == set(PLACES.values())
    assert record["outputs"][0]["attributes"] == {"title": "/mask/rose.jpg", "at": "x"}
    assert "host" not in record["provenance"]
    assert record["provenance"]["run"] == made.provenance.run
    for told in ("/home", "secret", "password", "club", made.provenance.host):
        assert told not in text


def test_what_an_earlier_version_exported_gives_way_to_the_same_record(cli: CLI, store: Any, tmp_path: Path) -> None:
    cli("export", "Conv2D_2/17", "--out", tmp_path)
    file = tmp_path / "records/Conv2D_2/Conv2D_2-017.json"
    now = file.read_bytes()
    record = json.loads(now)
    record["provenance"]["host"] = "workstation"
    file.write_text(json.dumps(record))
    assert cli("export", "Conv2D_2/17", "--out", tmp_path)[0] == 0
    assert file.read_bytes() == now
    record["parameters"]["steps"] = 1
    file.write_text(json.dumps(record))
    code, _, err = cli("export", "Conv2D_2/17", "--out", tmp_path)
    assert (code, "holds something else" in err) == (2, True)


def test_models_and_data_are_exported_under_the_names_that_people_use(cli: CLI, store: Any, tmp_path: Path) -> None:
    assert cli("export", "model/latest", store.data.key, "--out", tmp_path)[0] == 0
    files = files_under(tmp_path)
    assert files["model.keras"] == b"model"
    assert files["model.h5"] == b"model.h5"
    assert {"history.json", "history.png", "data/train_imgs.npy", "data/y_test.npy", "data/dataset.h5"} <= set(files)


def test_exporting_again_writes_nothing(cli: CLI, store: Any, tmp_path: Path) -> None:
    cli("export", store.sweep, "--out", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    _, out, _ = cli("export", store.sweep, "--out", tmp_path, "--json")
    assert json.loads(out)["written"] == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_a_killed_export_left_unfinished_is_removed_by_the_next_and_what_another_writes_now_is_not(
    cli: CLI, store: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "out" / "Conv2D_2"
    folder.mkdir(parents=True)
    living = folder / f".{temporary_name('.part')}"
    machine, process, _, rest = living.name.split("-")
    dead = folder / f"{machine}-{process}-17-{rest}"
    theirs = folder / ".mine.part"
    for path in (living, dead, theirs):
        path.write_bytes(b"half")
    assert cli("export", "Conv2D_2/17", "--out", tmp_path / "out")[0] == 0
    assert (living.exists(), dead.exists(), theirs.exists()) == (True, False, True)


def test_a_file_of_another_content_is_never_overwritten_and_nothing_is_written_beside_it(
    cli: CLI, store: Any, tmp_path: Path
) -> None:
    mine = tmp_path / "out/Conv2D_2.png"
    mine.parent.mkdir()
    mine.write_bytes(b"my own picture")
    code, _, err = cli("export", store.sweep, "--out", tmp_path / "out")
    assert code == 2
    assert f"{mine} is there already" in err
    assert files_under(tmp_path / "out") == {"Conv2D_2.png": b"my own picture"}


def test_two_sweeps_of_different_settings_do_not_go_into_one_folder(
    cli: CLI, store: Any, tmp_path: Path, sweeping: Callable[..., Any]
) -> None:
    other, _, _ = sweeping(store.store, store.model, store.data, {"Conv2D_1/0": "responded"}, ["Conv2D_1"], seed=7)
    code, _, err = cli("export", store.sweep, other, "--out", tmp_path / "out")
    assert code == 2
    assert "two different files would have the name" in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to_is_bad_input(cli: CLI, store: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = cli("export", store.sweep, "--out", tmp_path / "file")
    assert code == 2
    assert "name another folder with --out" in err


def test_a_layer_with_slashes_and_odd_characters_stays_inside_the_folder(
    cli: CLI, store: Any, tmp_path: Path, sweeping: Callable[..., Any]
) -> None:
    verdicts = {"../../nested/block 1/conv:2/3": "responded"}
    run, _, _ = sweeping(store.store, store.model, store.data, verdicts, ["../../nested/block 1/conv:2"])
    assert cli("export", run, "--out", tmp_path / "a/b/c")[0] == 0
    names = set(files_under(tmp_path / "a"))
    assert all(name.startswith("b/c/") for name in names)
    assert "b/c/%2E%2E/%2E%2E/nested/block 1/conv%3A2/conv%3A2-003.png" in names


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_layers_have_different_names_that_lead_nowhere_else(one: str, other: str) -> None:
    assert (safe(one) == safe(other)) == (one == other)
    parts = safe(one).split("/")
    assert not {"", ".", ".."} & set(parts)


def test_remote_blobs_are_exported_too(cli: CLI, small: Any, tmp_path: Path) -> None:
    from storage.recipe import Recipe
    from storage.record import NewOutput, Provenance

    place = f"memory://{tmp_path.name}/store"
    store = Store.open(place)
    provenance = Provenance(None, None, None, 1, {"commit": None, "changes": None}, store.put(b"{}"), "here")
    store.commit(
        Recipe("oip", 1, {"unit": "Conv2D_1/5"}, {}),
        [NewOutput("picture", b"pixels", "picture", "image/png", attributes={"unit": "Conv2D_1/5"})],
        inputs=[],
        provenance=provenance,
        started="2026-11-22T10:15:30+00:00",
    )
    assert cli("export", "Conv2D_1/5", "--out", tmp_path / "out", "--store", place)[0] == 0
    assert (tmp_path / "out/Conv2D_1/Conv2D_1-005.png").read_bytes() == b"pixels"
