"""Another account of the machine gets in nowhere while `dreamsweep up` runs: no API, no picture, no file, no secret."""

import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import httpx
import pytest

from flows.forms.private import keep_private
from flows.web.access import authorization, server_password
from storage.remote_files import cache_folder
from tests.faults.doors import doors
from tests.faults.house import House, descendants, processes
from tests.flows.tiny import UNITS

WHY = "only root can act as another account: run this as root, as .ci/run does"
HANDED = Path(__file__).with_name("doors.py")


@pytest.fixture
def plan(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Where everything is, of an `up` that has swept into the store of its data folder; on the way there is no door.

    What pytest keeps is its owner's alone, and would hide whether what is in it is.
    """
    if os.geteuid():
        pytest.skip(WHY)
    home = house.home
    house.end()  # the picture server looks for its store's gallery when it starts
    with house.sweep(home / "store") as sweep:
        sweep.ends("Completed")
    (run,) = [run for run in sweep.store.runs() if UNITS[0] in run.units]
    monkeypatch.setenv("XDG_CACHE_HOME", str(house.folder / "cache"))
    with keep_private():
        cache_folder().mkdir(parents=True)
    (house.folder / "cache").chmod(0o755)
    password = server_password(home / "prefect")
    headers = {"Authorization": authorization(password)}
    found = httpx.get(f"{house.url}/deployments/name/oip-sweep/dreamsweep", headers=headers, timeout=60)
    assert house.process is not None
    ours = {pid: line for pid, line in processes().items() if pid in descendants(house.process.pid)}
    named = {word: pid for pid, line in ours.items() for word in line.split() if word.startswith("flows.serving.")}
    assert set(named) == {"flows.serving.server_process", "flows.serving.runner"}
    temporary = Path(gettempdir())
    places = {
        "home": str(home),
        "ui": f"http://127.0.0.1:{house.port}",
        "pictures": f"http://127.0.0.1:{house.pictures_port}",
        "run": run.id,
        "picture": UNITS[0],
        "deployment": found.json()["id"],
        "cache": str(cache_folder()),
        "temporary": [str(path) for path in temporary.glob("dreamsweep-tests-*") if path.is_dir()],
        "folders": [str(house.folder), f"{temporary}/dreamsweep", f"{temporary}/pymp-"],
        "processes": {"up": house.process.pid, **named},
        "secrets": [password.partition(":")[2]],
    }
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (house.folder, *house.folder.parents)}
    opened = {folder: mode for folder, mode in modes.items() if not mode & 0o001}
    try:
        for folder, mode in opened.items():
            folder.chmod(mode | 0o055)
        yield places
    finally:
        for folder, mode in opened.items():
            folder.chmod(mode)


def tried(plan: dict[str, Any], user: int, password: str = "") -> dict[str, str]:
    """What each door came to for an account."""
    told = json.dumps({**plan, "user": user, "password": password})
    done = subprocess.run([sys.executable, HANDED], input=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def test_another_account_finds_no_door_open(house: House, plan: dict[str, Any]) -> None:
    assert len(list(doors({**plan, "user": 1}))) >= 20
    owner = tried(plan, 0, server_password(house.home / "prefect"))
    assert {name: how for name, how in owner.items() if how != "open"} == {}, "tried in the wrong place"
    nobody = tried(plan, pwd.getpwnam("nobody").pw_uid)
    assert {name: how for name, how in nobody.items() if how == "open"} == {}
    assert set(nobody) == set(owner)
    assert not {name: how for name, how in nobody.items() if "FileNotFound" in how}
