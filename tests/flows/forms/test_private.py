"""The data folder is its owner's alone; what is written elsewhere is the user's, with the user's own umask."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from flows.forms.private import keep_private
from storage.files import UMASK, users_umask
from storage.store import Store

WORK = """
import json, os, sys
from flows.cli import main
from flows.forms.private import keep_private, open_store
from storage.store import NewOutput, Provenance, Recipe

for umask, place, out in json.loads(sys.argv[1]):
    os.umask(umask)
    with keep_private():  # as every command and flow run has it
        store = open_store(place)
        outputs = [NewOutput("note", b"{}", "note", "application/json")]
        ran = Provenance(None, None, None, 1, {}, store.put(b"{}"), "here")
        record = store.commit(Recipe("note", 1, {}, {}), outputs, inputs=[], provenance=ran, started="2026-11-22")
        store.set_ref("note/latest", f"record:{record.key}")
        store.open_run("sweep", {}).close("completed", {})
    code = main(["gallery", "--out", f"{out}/gallery", "--store", place])
    code = code or main(["export", "note/latest", "--out", f"{out}/export", "--store", place])
    assert code == 0, (umask, place, code)
    assert os.umask(umask) == umask  # as it was
"""
UMASKS = {"nearly everybody's": 0o022, "a group's": 0o002, "a careful user's": 0o077}


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """The permissions of a folder and all folders in it, and of all files in it."""
    within = [folder, *folder.rglob("*")]
    folders = {path.stat().st_mode & 0o7777 for path in within if path.is_dir()}
    return folders, {path.stat().st_mode & 0o7777 for path in within if path.is_file()}


def python(code: str, *words: object, umask: int, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run code with a umask and a data folder."""
    environment = {name: value for name, value in os.environ.items() if name not in (UMASK, "DREAMSWEEP_STORE")}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env=environment | {"DREAMSWEEP_HOME": str(home), "XDG_CACHE_HOME": str(home.with_name("cache"))},
        umask=umask,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one process has kept stores, and written what it was asked for, as users of all sorts do."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "of a group/store").mkdir(parents=True)
    (folder / "of a group/store").chmod(0o2770)
    cases: list[tuple[int, Path, Path]] = [
        *((umask, folder / whose / "store", folder / whose) for whose, umask in UMASKS.items()),
        (0o022, folder / "data/store", folder / "data"),
        (0o007, folder / "of a group/store", folder / "of a group/out"),
    ]
    told = json.dumps([[umask, str(store), str(out)] for umask, store, out in cases])
    done = python(WORK, told, umask=0o022, home=folder / "data")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("whose", UMASKS)
def test_what_users_keep_and_ask_for_elsewhere_gets_their_umask(places: Path, whose: str) -> None:
    assert Store.open(places / whose / "store").refs()
    assert (places / whose / "store/index.sqlite").is_file()
    for name in ("store", "gallery", "export"):
        assert modes(places / whose / name) == ({0o777 & ~UMASKS[whose]}, {0o666 & ~UMASKS[whose]}), name


def test_what_is_kept_in_the_data_folder_is_for_nobody_else(places: Path) -> None:
    assert Store.open(places / "data/store").refs()
    assert modes(places / "data") == ({0o700}, {0o600})


def test_a_store_in_a_folder_of_a_group_stays_its_groups(places: Path) -> None:
    assert modes(places / "of a group/store") == ({0o2770}, {0o660})


RUNS = "import sys; from flows.cli import main; sys.exit(main(['runs']))"


def test_a_data_folder_from_before_is_closed_at_first_use_and_that_is_said_once(small: Any, tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    small.root.rename(home / "store")
    (home / "prefect/living").mkdir(parents=True)
    for name in ("prefect/prefect.db", "prefect/up.log", "prefect/living/1.json"):
        (home / name).write_bytes(b"secret")
    (tmp_path / "elsewhere").write_bytes(b"not ours")
    (home / "prefect/link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "cache/dreamsweep", home, *home.iterdir()):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    (tmp_path / "elsewhere").chmod(0o644)
    first, second = (python(RUNS, umask=0o022, home=home) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"the folder {home} was open to other accounts of this machine, and is yours alone now" in first.stderr
    assert f"the folder {tmp_path}/cache/dreamsweep was open" in first.stderr
    assert "was open" not in second.stderr
    folders = [home, home / "store", home / "prefect", tmp_path / "cache/dreamsweep"]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert modes(home / "prefect/living") == ({0o700}, {0o600})
    assert {path.stat().st_mode & 0o777 for path in (home / "prefect").glob("*.*")} == {0o600}
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_everybodys_stays_so_but_for_what_is_ours_in_it(small: Any, tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    small.root.rename(home / "store")
    (home / "of others").mkdir()
    for path, mode in ((home, 0o1777), (home / "of others", 0o755), (home / "store", 0o755)):
        path.chmod(mode)
    first, second = (python(RUNS, umask=0o022, home=home) for _ in range(2))
    assert "was open" in first.stderr
    assert "was open" not in second.stderr
    found = {path.name: path.stat().st_mode & 0o7777 for path in (home, *home.iterdir())}
    assert found == {"data": 0o1777, "of others": 0o755, "store": 0o700}


def test_the_umask_is_as_it_was_when_the_last_of_several_has_ended() -> None:
    before = os.umask(0o027)
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with keep_private():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    try:
        with keep_private():
            thread.start()
            entered.wait(60)
        assert users_umask() == 0o027
        assert current_umask() == 0o077
        leave.set()
        thread.join()
        assert users_umask() is None
        assert current_umask() == 0o027
    finally:
        leave.set()
        os.umask(before)


def current_umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found
