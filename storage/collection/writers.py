"""Names of temporary files, which say whose they are: one of a process that lives is never collected."""

import os
import re
import secrets
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

_NAME = re.compile(r"(?P<machine>[0-9a-f]{12})-(?P<process>\d+)-(?P<started>\d+)-[0-9a-f]{16}")


def temporary_name(ending: str = "") -> str:
    """A new name for a file that this process is making."""
    process = os.getpid()
    return f"{_machine() or '0' * 12}-{process}-{_started(process) or 0}-{secrets.token_hex(8)}{ending}"


def has_died(name: str) -> bool | None:
    """Whether the process that made a file of this name has ended; None where that cannot be known here.

    It cannot for files of other machines, of containers that do not see each other's processes, and of versions that
    named them otherwise.
    """
    found = _NAME.match(name)
    machine = _machine()
    if found is None or machine is None or found["machine"] != machine:
        return None
    # Numbers of processes are used again, so the moment at which it started has to be the same as well.
    return _started(int(found["process"])) != int(found["started"])


@cache
def _machine() -> str | None:
    """What tells this machine, since it was started, and its view of processes and their times, from any other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        view = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return None
    clock = Path()
    with suppress(OSError):  # older kernels have one for all
        clock = Path("/proc/self/ns/time").readlink()
    return sha256(f"{boot} {view} {clock}".encode()).hexdigest()[:12]


def _started(process: int) -> int | None:
    """When a process started, in ticks since the machine did; None where there is none, or it has ended."""
    with suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        if words[0] not in "ZX":
            return int(words[19])
    return None
