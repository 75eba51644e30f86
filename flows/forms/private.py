"""What is kept is the user's alone: no other account of the machine reads it, or holds a lock on it.

The data folder is 0700, and everything that we start has the umask 077. What users have written to a place of their
own, outside of the data folder, gets the permissions that their own umask gives: `UMASK` hands that on to all that we
start.
"""

import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flows.forms.places import DATA_FOLDER
from lib.permissions import make_folders
from storage.files import UMASK, users_umask
from storage.remote_files import cache_folder

if TYPE_CHECKING:
    from storage.store import Store

_OF_OTHERS = 0o077
_PLACES = ("prefect", "store", "gallery", "galleries", "pictures", "dreams")
"""What we make in the data folder."""

_lock = threading.Lock()
_within = 0
_before: list[tuple[int, bool]] = []


@contextmanager
def keep_private() -> Iterator[None]:
    """While inside, what this process and its children make is for this account alone, where nothing else is said.

    A umask is the process's, not the thread's: it is as before when the last of those that overlap has ended.
    """
    global _within
    with _lock:
        _within += 1
        if _within == 1:
            before, known = os.umask(_OF_OTHERS), UMASK in os.environ
            os.environ.setdefault(UMASK, f"{before:03o}")
            _before.append((before, known))
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                before, known = _before.pop()
                os.umask(before)
                if not known:
                    del os.environ[UMASK]


def umask_for(path: Path) -> int | None:
    """The umask for what is written at a path: outside of the data folder the user's own; None: this process's."""
    return None if path.resolve().is_relative_to(DATA_FOLDER) else users_umask()


def open_store(place: str) -> "Store":
    """The store at this place, made where there is none: in the data folder for this account alone, else as users do.

    Raises StoreUnusable.
    """
    from storage.store import Store

    make_room(place)
    return Store.open(place)


def make_room(place: str) -> None:
    """Make the folder of a store outside of the data folder, as users do. What is wrong with it, the store says."""
    text = place.removeprefix("file://")
    if text and "://" not in text:
        with suppress(OSError, RuntimeError, ValueError):
            folder = Path(text).expanduser().absolute()
            make_folders(folder, umask_for(folder))


def write_private(path: Path, data: bytes) -> None:
    """Write a file that this account alone can read, whole or not at all, and onto the disk. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def close_to_others(say: Callable[[str], None]) -> None:
    """Close to other accounts what earlier versions left open, the data folder and the cache, and say so.

    A data folder that is the home folder or lies around it, or is everybody's, as /tmp, stays as it is but for what is
    ours in it.
    """
    if _is_open(DATA_FOLDER):
        _close_all(DATA_FOLDER, _ours_in(DATA_FOLDER), say, "export what others are to see to another folder")
    if _is_open(cache := cache_folder()):
        _close_all(cache, [cache], say, "it holds copies of what remote stores hold")


def _is_open(folder: Path) -> bool:
    """Whether others than its owner have any rights, and this account may change that."""
    try:
        found = folder.stat()
    except OSError:
        return False  # there is none, or it is another account's
    return bool(found.st_mode & _OF_OTHERS) and os.geteuid() in (0, found.st_uid)


def _ours_in(folder: Path) -> list[Path]:
    """What is to be closed of a data folder, itself last: it protects what is in it, but is looked at the next time."""
    for_everybody = folder.stat().st_mode & stat.S_ISVTX or Path.home().resolve().is_relative_to(folder)
    inside = [folder / name for name in _PLACES] if for_everybody else list(folder.iterdir())
    folders = [path for path in inside if path.is_dir() and not path.is_symlink()]
    secret = [path for path in (folder / "prefect").rglob("*") if not path.is_symlink()]
    return [*secret, *folders, *([] if for_everybody else [folder])]


def _close_all(folder: Path, paths: Sequence[Path], say: Callable[[str], None], besides: str) -> None:
    changed = False
    try:
        for path in paths:
            with suppress(FileNotFoundError):  # a log that has just been put aside
                changed |= _close(path)
    except PermissionError:
        say(
            f"the folder {folder} is open to other accounts of this machine, and its file system does not let that be "
            "changed: keep it on another"
        )
        return
    if changed:
        say(f"the folder {folder} was open to other accounts of this machine, and is yours alone now: {besides}")


def _close(path: Path) -> bool:
    """Take all rights of others away; True where they had any. Raises PermissionError where they keep them."""
    mode = path.lstat().st_mode
    if not mode & _OF_OTHERS:
        return False
    path.chmod(stat.S_IMODE(mode) & ~_OF_OTHERS)
    if path.lstat().st_mode & _OF_OTHERS:
        raise PermissionError
    return True
