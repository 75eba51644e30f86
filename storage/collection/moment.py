"""What the time is by the clock that dates the store's files, and whether ages can be trusted.

Nothing is collected by a clock that is wrong. The clock of a bucket's server, or a file server, is compared with this
machine's. Where both are one, a jump shows by the clock that counts since the machine was started: the store keeps what
both said, from each run that was opened and from each collection.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.collection.writers import temporary_name
from storage.errors import StoreError, StoreUnusable
from storage.files import Files, share

CLOCKS_APART = 3600.0
"""So many seconds clocks may differ, of this machine, of others that write, and of the store."""
_NOTE = "clock.json"
_MACHINES = 8


@dataclass(frozen=True)
class Moment:
    """Now, in seconds since 1970, by the clock that dates the store's files.

    `steady_since`: the clock has jumped, and has run evenly since then; None where no jump is known.
    """

    now: float
    steady_since: float | None = None

    def check_ages(self, grace: float) -> None:
        """Raise StoreError where what looks older than the grace period may be young, as the clock has jumped."""
        if self.steady_since is not None and self.now - self.steady_since < grace:
            raise StoreError(
                f"nothing was collected: the clock of this machine has jumped, which was noticed at "
                f"{_text(self.steady_since)}, so it is not known how old files are: set the clock, if it is wrong, and "
                "wait for as long as the grace period from then"
            )


def moment_of(files: Files) -> Moment:
    """What the time is. Raises StoreError where this machine's clock and the store's are more than an hour apart."""
    before = time.time()
    probe = f"tmp/{temporary_name()}"
    try:
        files.write(probe, b"")
        found = files.listing("tmp").get(probe)
        files.delete(probe)
    except StoreUnusable:
        return Moment(before)  # full, where collecting makes room, or read-only, where it will fail by itself
    if found is None:
        raise StoreError(f"nothing was collected: the store {files.root} does not list what was just written to it")
    if not before - CLOCKS_APART <= found.modified <= time.time() + CLOCKS_APART:
        raise StoreError(
            f"nothing was collected: the clock of this machine says {_text(before)} and that of the store "
            f"{files.root} says {_text(found.modified)}: set the clock that is wrong"
        )
    if files.folder is None:
        return Moment(found.modified)
    return Moment(found.modified, note_clock(files.folder, found.modified))


def note_clock(folder: Path, now: float) -> float | None:
    """Note what the clocks say in a store's folder; return since when its clock has run evenly, if it has jumped.

    `now`: as a file is dated that was just written. What cannot be read or written is as if it were not there.
    """
    boot, since_boot = _boot()
    if boot is None:
        return None
    note = _read(folder)
    machines = note["machines"]
    steady_since: float | None = note["steady_since"]
    if boot in machines:
        then, then_since_boot = machines.pop(boot)
        if abs((now - then) - (since_boot - then_since_boot)) > CLOCKS_APART:
            steady_since = now
    if machines and max(then for then, _ in machines.values()) > now + CLOCKS_APART:
        steady_since, machines = now, {}  # it was later already
    machines[boot] = (now, since_boot)
    latest = dict(sorted(machines.items(), key=lambda item: item[1][0])[-_MACHINES:])
    temporary = folder / "tmp" / temporary_name()
    try:
        temporary.write_text(json.dumps({"steady_since": steady_since, "machines": latest}))
        share(temporary, folder, 0o666)
        temporary.replace(folder / _NOTE)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
    return steady_since


def _read(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        found = json.loads((folder / _NOTE).read_bytes())
        since = found["steady_since"]
        return {
            "steady_since": None if since is None else float(since),
            "machines": {str(boot): (float(then), float(ran)) for boot, (then, ran) in found["machines"].items()},
        }
    return {"steady_since": None, "machines": {}}


def _boot() -> tuple[str | None, float]:
    """Which start of the machine this is, and how many seconds ago that was, sleep included; None where not told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return boot, time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return None, 0.0


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
