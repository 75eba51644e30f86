"""An S3 server whose objects are files of a folder: rclone, which make installs into build/s3 for faults and fleet."""

import os
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.blocks import CHECKOUT

RCLONE = CHECKOUT / "build" / "s3" / "rclone_api" / "bin" / "rclone"
_KEY = "testing"


def s3_environment(url: str) -> dict[str, str]:
    """The environment variables with which the server is reached at this address."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": f"127.0.0.1,localhost,{urlsplit(url).hostname}",
    }


class S3OnDisk:
    """A server at `url`, whose buckets are the folders of `folder`: it may be killed, and started again."""

    def __init__(self, folder: Path) -> None:
        if not RCLONE.exists():
            pytest.skip(f"there is no {RCLONE}: run `make faults` or `make fleet`, which install it")
        RCLONE.chmod(0o755)
        self._folder = folder
        self._log = folder.parent / "rclone.log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Serve, until it is killed."""
        address = f"127.0.0.1:{self._port}"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(RCLONE, "serve", "s3", "--addr", address),
                    *("--auth-key", f"{_KEY},{_KEY}", "--config", os.devnull, self._folder),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        give_up = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
                return
            except OSError:
                assert time.monotonic() < give_up, self._log.read_text()
                time.sleep(0.1)

    def kill(self) -> None:
        """At once, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> "S3OnDisk":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
