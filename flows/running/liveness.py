"""Whether a flow is alive: said by a lock, which dies with its process however that ends.

Each flow holds an flock on a file of its own while it runs, and removes the file at its end. A file that nobody holds
is that of a flow that had no time to say how it ended (`flows.running.crashed_runs` marks it), or could not close its
run, as on a full disk. It also says which run the flow has open in which store.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from flows.running.locks import try_lock
from storage.errors import StoreUnusable


@dataclass(frozen=True)
class Life:
    """What the file of a flow says.

    `attempt` counts how often Prefect has run the flow run; `noticed`: when its death was, in seconds since 1970.
    """

    flow_run: str
    attempt: int
    host: str
    store: str | None = None
    run: str | None = None
    noticed: float | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is this machine's; another that shares the folder may not see its lock."""
        return self.host == socket.gethostname()


class AliveFile:
    """What `keep_alive_file` yields."""

    def __init__(self, file: IO[bytes], life: Life) -> None:
        self._file = file
        self._life = life
        write_life(file, life)

    def note_run(self, store: str, run: str) -> None:
        """Note the run that this flow has open in the store at this place."""
        self._life = replace(self._life, store=store, run=run)
        write_life(self._file, self._life)


@contextmanager
def keep_alive_file(folder: Path, flow_run: str, attempt: int = 1) -> Iterator[AliveFile]:
    """While inside, this flow run is known to be alive. What an attempt that died has left is kept apart.

    It also counts as a user of the project's own server, which so outlives a `dreamsweep up` that was killed.

    Args:
        folder: Prefect's, in the data folder.
        flow_run: its id.
        attempt: its run count, which a retry raises.
    """
    path = file_of(folder, flow_run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        users = stack.enter_context((folder / "users.lock").open("ab"))
        fcntl.flock(users, fcntl.LOCK_SH)
        file = stack.enter_context(_hold(path))
        try:
            yield AliveFile(file, Life(flow_run, attempt, socket.gethostname()))
        except StoreUnusable:
            raise  # its run in the store may still be open
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        path.unlink(missing_ok=True)


def file_of(folder: Path, flow_run: str) -> Path:
    """Where the file of a flow run is, if it is alive or died."""
    return folder / "living" / f"{flow_run}.json"


def dead_files(folder: Path) -> list[Path]:
    """The files that nobody holds."""
    return [path for path in sorted((folder / "living").glob("*.json")) if _is_free(path)]


@contextmanager
def hold_dead_file(path: Path) -> Iterator[IO[bytes] | None]:
    """The file of a dead flow, held while inside; None where it lives or has gone."""
    with ExitStack() as stack:
        file = None
        with suppress(FileNotFoundError):
            file = stack.enter_context(path.open("r+b"))
        yield file if file and try_lock(file, fcntl.LOCK_EX) and _is_at(path, file) else None


def read_life(file: IO[bytes]) -> Life | None:
    """What a file says; None where its flow died before it had written."""
    file.seek(0)
    try:
        return Life(**json.loads(file.read()))
    except (ValueError, TypeError):
        return None


def write_life(file: IO[bytes], life: Life) -> None:
    """Replace what a file says."""
    data = json.dumps(asdict(life)).encode()
    # in one go, and only then cut off what is left of longer words: whoever is killed in between has told the new ones
    os.pwrite(file.fileno(), data, 0)
    os.ftruncate(file.fileno(), len(data))
    os.fsync(file.fileno())


@contextmanager
def _hold(path: Path) -> Iterator[IO[bytes]]:
    """A new file at this path, locked."""
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(path, file):  # whoever held it has removed it
                continue
            if (left := read_life(file)) is None:
                yield file
                return
            path.replace(path.with_suffix(f".{left.attempt}.json"))


def _is_at(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _is_free(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open("rb") as file:
        return try_lock(file, fcntl.LOCK_SH)
    return False
