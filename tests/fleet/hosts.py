"""Hosts of one machine: each has its own network, name, process ids, home and cache, and sees no file of another.

They are namespaces of Linux, joined by a bridge at which this machine has the first address. A host can be cut off, and
can be killed like a machine that loses its power.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import CHECKOUT
from tests.fleet.processes import BOUND, Process, children
from tests.flows.being_up import wait_until

PROGRAMS = ("ip", "nsenter", "unshare", "setpriv")
WHY = "hosts are network namespaces, which only root can make: run `make fleet` as root, as .ci/run does"

# Of the folder of all hosts, a host sees its own alone. What is process 1 there ends with the tests, and all with it.
_BOOT = """
set -e
hostname "$1"
cd "$2"
mount -t tmpfs tmpfs "$(dirname "$2")"
mkdir "$2"
mount --no-canonicalize --bind . "$2"
ip link set lo up
echo ready
read -r _ || true
"""


class Network:
    """A bridge, with an address of this machine's."""

    def __init__(self) -> None:
        if os.geteuid():
            pytest.skip(WHY)
        if missing := [program for program in PROGRAMS if not shutil.which(program)]:
            pytest.skip(f"no {missing[0]} is here: apt-get install iproute2 util-linux")
        number = next(number for number in range(1, 255) if _add_bridge(f"fleet{number}"))
        self.bridge = f"fleet{number}"
        self._prefix = f"198.18.{number}"  # 198.18.0.0/15 is for benchmarks of networks: nobody has hosts there
        self.address = f"{self._prefix}.1"
        self._given = 1
        # Else it takes the lowest one of its hosts', and hosts that knew an earlier one do not reach it for a minute.
        ip("link", "set", self.bridge, "address", f"02:00:c6:12:{number:02x}:01")
        ip("address", "add", f"{self.address}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")

    def next_address(self) -> str:
        """One that no host has."""
        self._given += 1
        return f"{self._prefix}.{self._given}"

    def close(self) -> None:
        """Take the bridge away."""
        ip("link", "delete", self.bridge)


def _add_bridge(name: str) -> bool:
    """Whether there was none of this name, so that it is ours: other tests have their own."""
    return subprocess.run(["ip", "link", "add", name, "type", "bridge"], capture_output=True).returncode == 0


class Host:
    """A machine. `settings` are environment variables that all of its processes get, beside its own."""

    def __init__(self, name: str, network: Network, hosts: Path, settings: Mapping[str, str]) -> None:
        self.name, self.folder = name, hosts / name
        self.address = network.next_address()
        self.settings = dict(settings)
        self._bridge = network.bridge
        self._link = f"{network.bridge}-{self.address.rpartition('.')[2]}"
        self._started = 0
        self._machine: subprocess.Popen[str] | None = None
        for folder in ("data", "tmp"):
            (self.folder / folder).mkdir(mode=0o700, parents=True)
        self.boot()

    @property
    def environment(self) -> dict[str, str]:
        """Of its processes: nothing of that of the tests."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "DO_NOT_TRACK": "1",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "DREAMSWEEP_HOME": str(self.folder / "data"),
            **self.settings,
        }

    @property
    def is_up(self) -> bool:
        """Whether it has been started, and not killed since."""
        return self._machine is not None

    def boot(self) -> None:
        """Start it, with the files that it had."""
        machine = self._machine = subprocess.Popen(
            [
                *(*BOUND, "unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"),
                *("bash", "-c", _BOOT, "boot", self.name, str(self.folder)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert machine.stdout is not None
        assert machine.stdout.readline() == "ready\n", "the host did not start: see above"
        (self._first,) = children(machine.pid)
        ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", str(self._first))
        ip("link", "set", self._link, "master", self._bridge)
        for words in (["address", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            subprocess.run(["nsenter", "--target", str(self._first), "--net", "ip", *words], check=True)
        self.mend()

    def start(self, *command: object, **more: str) -> "Command":
        """Begin to run a command."""
        self._started += 1
        log = self.folder / "said" / f"{self._started:03}"
        within = ["nsenter", "--target", self._first, "--net", "--uts", "--pid", "--mount"]
        return Command([*within, "env", f"--chdir={self.folder}", *command], log, self.environment | more)

    def run(self, *command: object, code: int = 0, **more: str) -> str:
        """Run a command to its end, which is with this exit code; returns what it printed."""
        done = self.start(*command, **more)
        assert done.wait() == code, done.said
        return done.printed

    def dreamsweep(self, *arguments: object, **more: str) -> "Command":
        """Begin to run a command of dreamsweep's."""
        return self.start(sys.executable, "-m", "flows.cli", *arguments, **more)

    def cut(self) -> None:
        """Nothing that it says is heard from now on, and it hears nothing."""
        ip("link", "set", self._link, "down")

    def mend(self) -> None:
        """It is connected again."""
        ip("link", "set", self._link, "up")

    def kill(self) -> None:
        """It loses its power: all of its processes end at once, and nobody is told."""
        assert self._machine is not None
        self.cut()
        self._machine.kill()
        self._machine.communicate()
        self._machine = None
        # Sockets that still want to say good-bye keep the network for minutes; without any it goes by itself.
        subprocess.run(["ip", "link", "delete", self._link], capture_output=True, check=False)


class Command(Process):
    """A command on a host."""

    @property
    def pid(self) -> int:
        """Of the command, as this machine knows it; it has another one on its host."""
        return int(wait_until(lambda: children(self.process.pid))[0])

    def answer(self, code: int = 0) -> dict[str, Any]:
        """The JSON that it prints, once it has ended with this exit code."""
        assert self.wait() == code, self.said
        return dict(json.loads(self.printed))


def ip(*words: str) -> None:
    """Change the network."""
    subprocess.run(["ip", *words], check=True)
