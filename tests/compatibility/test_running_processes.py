"""Processes of commit d371d4e that still run after a pull are recognised, and nothing is started beside them.

They are known by the locks that they hold and by what they wrote into them, not by what their command lines say: those
ran `flows.keeper` and `flows.serving` as modules, which they are no more.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.serving.server import local_server
from tests.flows.being_up import dreamsweep, environment

Begin = Callable[..., "subprocess.Popen[str]"]

UP = """
import fcntl, json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open(os.path.join(sys.argv[3], "up.lock"), "a+b") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    note = {"pid": os.getpid(), "started": "2026-11-27 21:00:00", "ui": "http://127.0.0.1:4200"}
    file.write(json.dumps(note).encode())
    file.flush()
    print("holds it", flush=True)
    signal.pause()
"""
SERVER = """
import fcntl, http.server, json, os, sys, threading, time
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")
folder = sys.argv[3]
users, lock = open(os.path.join(folder, "users.lock"), "ab"), open(os.path.join(folder, "server.lock"), "r+b")
fcntl.flock(lock, fcntl.LOCK_EX)
server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
port = server.server_address[1]
lock.write(json.dumps({"url": f"http://127.0.0.1:{port}/api", "host": "127.0.0.1", "port": port}).encode())
lock.flush()
threading.Thread(target=server.serve_forever, daemon=True).start()
print(port, flush=True)
sys.stdin.readline()
fcntl.flock(users, fcntl.LOCK_EX)
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begin a process that holds locks as one of d371d4e does, and is called as that was; waits until it holds them."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    (folder / "server.lock").touch()
    begun: list[subprocess.Popen[str]] = []

    def start(script: str, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", script, *words, str(folder)]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_an_old_up_is_known_and_can_be_ended(begin: Begin, tmp_path: Path) -> None:
    up = begin(UP, "-m", "flows.cli")
    assert up.stdout is not None
    up.stdout.readline()
    second = dreamsweep(tmp_path, "up")
    assert second.returncode == 1
    assert f"process {up.pid}, since 2026-11-27 21:00:00, UI at http://127.0.0.1:4200" in second.stderr
    done = dreamsweep(tmp_path, "down", "--json")
    assert json.loads(done.stdout) == {"ended": True, "pid": up.pid}
    assert up.wait(10) == 0


def test_an_old_server_is_used_and_none_is_started_beside_it(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    old = begin(SERVER, "-m", "flows.keeper")
    assert old.stdout is not None
    assert old.stdin is not None
    port = int(old.stdout.readline())
    server = local_server(tmp_path)
    try:
        assert server.ready() == f"http://127.0.0.1:{port}/api"
        assert not server.revive()
        # it goes on as it is, and whoever meets it is told to end it
        assert "older version of dreamsweep, which protects it less: end it with `dreamsweep down`" in server.warning
        for command in ("up", "link"):
            said = dreamsweep(tmp_path, command)
            assert (said.returncode, said.stderr.splitlines()[-1]) == (1, f"dreamsweep: {server.warning}")
    finally:
        old.stdin.write("\n")  # it ends with its last user
        old.stdin.flush()
        server.stop()
    assert old.wait(10) == 0
    assert not (tmp_path / "prefect" / "prefect.db").exists()


def test_an_up_from_before_passwords_that_starts_its_server_again_is_told_to_be_restarted(tmp_path: Path) -> None:
    (tmp_path / "server.lock").touch()
    command = [sys.executable, "-m", "flows.serving.server_process", str(tmp_path)]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "restart that with dreamsweep down and dreamsweep up" in done.stderr.splitlines()[-1]
