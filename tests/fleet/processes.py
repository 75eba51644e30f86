"""Processes that the bench starts: each ends with the tests, however those end."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

BOUND = ("setpriv", "--pdeathsig", "KILL", "env", "--default-signal=INT")
"""Before a command: it is killed as soon as the process that started it has gone, and hears Ctrl-C, which it would not
where a shell runs the tests in the background."""


class Process:
    """A command that was started; `log` begins the names of the files with what it prints and says."""

    def __init__(self, command: Sequence[object], log: Path, environment: Mapping[str, str], **more: Any) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._out, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._begins = err.tell()
            self.process = subprocess.Popen(
                [*BOUND, *map(str, command)],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                **more,
            )

    @property
    def pid(self) -> int:
        """Of what the command has become."""
        return self.process.pid

    @property
    def printed(self) -> str:
        """On standard output, up to now."""
        return self._out.read_text()

    @property
    def said(self) -> str:
        """On standard error, up to now."""
        return self._err.read_bytes()[self._begins :].decode(errors="replace")

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.process.poll() is not None

    def signal(self, number: int) -> None:
        """Send it a signal, and to nobody else."""
        os.kill(self.pid, number)

    def end(self) -> int:
        """End it as a user does; returns its exit code."""
        if not self.ended:
            self.signal(signal.SIGTERM)
        return self.wait(120)

    def kill(self) -> None:
        """SIGKILL it and all that it has started, at once."""
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, seconds: float = 600) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(seconds)


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    with suppress(OSError):  # it has gone
        for thread in Path(f"/proc/{process}/task").glob("*"):
            with suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = children(process)
    return [*found, *(pid for child in found for pid in descendants(child))]
