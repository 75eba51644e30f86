"""An S3 server whose objects are files of a folder: rclone, which `make faults` installs into build/s3."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.blocks import CHECKOUT

RCLONE = CHECKOUT / "build" / "s3" / "rclone_api" / "bin" / "rclone"
KEY = "testing"


@contextmanager
def s3_on_disk(folder: Path) -> Iterator[str]:
    """While inside, the address of a server whose buckets are the folders of this one."""
    if not RCLONE.exists():
        pytest.skip(f"there is no {RCLONE}: run `make faults`, which installs it")
    RCLONE.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    with (folder.parent / "rclone.log").open("wb") as log:
        server = subprocess.Popen(
            [RCLONE, "serve", "s3", "--addr", address, "--auth-key", f"{KEY},{KEY}", "--config", os.devnull, folder],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < give_up, (folder.parent / "rclone.log").read_text()
                time.sleep(0.1)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(30)
