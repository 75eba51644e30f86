"""`dreamsweep gallery` on a small store: what is made where, what is refused, and that it is served."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.forms.places import DATA_FOLDER
from flows.web.access import authorization, server_password

CLI = Callable[..., tuple[int, str, str]]


def test_it_is_made_and_then_only_what_changed_is_written(cli: CLI, small: Any, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    code, out, err = cli("gallery", "--store", small.root, "--out", folder)
    assert code == 0, err
    assert out.splitlines()[0] == str(folder / "index.html")
    assert (folder / "digits-1de27171" / "index.html").is_file()
    code, out, _ = cli("gallery", "--store", small.root, "--out", folder, "--json")
    said = json.loads(out)
    assert (code, said["gallery"], said["written"], said["removed"]) == (0, str(folder / "index.html"), 0, 0)
    assert said["same"] > 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "is another store's gallery: name a folder for this one with --out"),
        (("--out", "{folder}", "--port", "4300"), "--port has no effect without --serve"),
        (("--out", "{folder}", "--compare", "20261122-101530-001122"), "it must be two runs"),
        (("--out", "{folder}", "--compare", "20261122-101530-001122,20261122-101530-001123"), "20261122-101530-001122"),
        (("--out", "s3://bucket/gallery"), "is a URL: name a folder"),
        (("--out", "{full}"), "holds other things than a gallery"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(
    cli: CLI, small: Any, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    named = [text.format(folder=tmp_path / "gallery", full=tmp_path / "full") for text in arguments]
    code, out, err = cli("gallery", "--store", small.root, *named)
    assert (code, out) == (2, "")
    assert words in err.splitlines()[-1]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


@pytest.mark.heavy
def test_it_is_served_until_a_signal_ends_it(small: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "flows.cli", "gallery", "--store", str(small.root), "--out", str(tmp_path / "out")]
    serving = subprocess.Popen([*command, "--serve", "--port", str(port)], stderr=subprocess.PIPE, env=os.environ)
    try:
        address, give_up = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"{address}/index.html", trust_env=False).status_code == 401
                break
            except httpx.TransportError:
                assert time.monotonic() < give_up
                time.sleep(0.2)
        says = {"Authorization": authorization(server_password(DATA_FOLDER / "prefect"))}
        answer = httpx.get(f"{address}/index.html", headers=says, trust_env=False)
        assert "digits-1de27171" in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert httpx.get(f"{address}/.gallery/manifest.json", headers=says, trust_env=False).status_code == 404
        assert httpx.get(address, headers={"Host": "elsewhere.example"}, trust_env=False).status_code == 403
    finally:
        serving.send_signal(signal.SIGINT)
        _, err = serving.communicate()
    assert serving.returncode == 0
    assert f"{address}/?token=" in err.decode()
    said = err.decode().splitlines()[-1]
    assert said == f"The gallery is served no longer; its files are in {tmp_path / 'out'}"
