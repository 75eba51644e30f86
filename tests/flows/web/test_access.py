"""The password of a data folder, links that can be opened once, and sessions that outlive the server."""

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from flows.web.access import PASSWORD, Access, AccessError, authorization, server_password


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Prefect's in a data folder, in which nothing is yet."""
    return tmp_path / "prefect"


def secrets_of(folder: Path) -> list[Path]:
    return [path for path in (folder / "access").rglob("*") if path.is_file()]


def test_each_data_folder_has_a_password_of_its_own_and_keeps_it(folder: Path, tmp_path: Path) -> None:
    password = server_password(folder)
    user, _, secret = password.partition(":")
    assert user == "dreamsweep"
    assert len(secret) >= 32
    assert server_password(folder) == password
    assert server_password(tmp_path / "another" / "prefect") != password


def test_all_who_ask_first_at_the_same_time_get_the_same_password(folder: Path) -> None:
    found: set[str] = set()
    begin = threading.Barrier(8)

    def ask() -> None:
        begin.wait()
        found.add(server_password(folder))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert [path.name for path in secrets_of(folder)] == ["password"]


def test_nobody_else_can_read_what_is_secret_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        Access(folder).link("http://127.0.0.1:1")
    finally:
        os.umask(before)
    paths = secrets_of(folder)
    assert len(paths) == 3
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path


def test_the_password_that_the_user_set_is_the_password(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "sam:Pass word:é")
    assert server_password(folder) == "sam:Pass word:é"
    access = Access(folder)
    assert access.is_authorization(authorization("sam:Pass word:é"))
    for wrong in ("sam:pass word:é", "sam", "", "sam:Pass word:é "):
        assert not access.is_password(wrong)
        assert not access.is_authorization(authorization(wrong))
    for said in ("", "Basic", "Basic %%%", "Bearer c2FtOlBhc3M=", "Basic /w=="):
        assert not access.is_authorization(said)


@pytest.mark.parametrize("content", ["", "short", "a damaged password of some length\n"])
def test_a_damaged_password_is_named_and_never_used(folder: Path, content: str) -> None:
    (folder / "access").mkdir(parents=True)
    path = folder / "access" / "password"
    path.write_text(content)
    with pytest.raises(AccessError, match=f"{path} is damaged.*remove the file"):
        server_password(folder)


def test_a_password_that_others_could_read_is_narrowed_and_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    password = server_password(folder)
    path = folder / "access" / "password"
    path.chmod(0o644)
    assert server_password(folder) == password
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AccessError, match=str(path)):
        server_password(folder)


def test_a_link_lets_in_once(folder: Path) -> None:
    token = Access(folder).link("http://127.0.0.1:4200").removeprefix("http://127.0.0.1:4200/?token=")
    assert not Access(folder).open_link(token[:-1])
    assert token not in "".join(str(path) for path in secrets_of(folder))
    assert Access(folder).open_link(token)  # by another process, too
    assert not Access(folder).open_link(token)


@pytest.mark.parametrize("hours", [25, -25])
def test_an_old_link_lets_nobody_in_and_is_forgotten(folder: Path, hours: int) -> None:
    access = Access(folder)
    old = [access.link("http://x").partition("=")[2] for _ in range(2)]
    for path in (folder / "access" / "links").iterdir():
        made = time.time() - hours * 3600
        os.utime(path, (made, made))
    assert not access.open_link(old[0])
    access.link("http://x")
    assert len(list((folder / "access" / "links").iterdir())) == 1


def test_a_session_outlives_the_server_and_not_a_change_of_the_password(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Access(folder).new_session()
    assert Access(folder).is_session(session)
    assert not Access(tmp_path / "another").is_session(session)
    for forged in ("", "a.b.c", session[:-1], f"x{session}"):
        assert not Access(folder).is_session(forged)
    monkeypatch.setenv(PASSWORD, "sam:another")
    assert not Access(folder).is_session(session)


def test_a_session_ends_after_thirty_days(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Access(folder).new_session()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 29 * 86_400)
    assert Access(folder).is_session(session)
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86_400)
    assert not Access(folder).is_session(session)
