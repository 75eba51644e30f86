"""Permissions of what is written for others to read, by a process that makes everything else for itself alone.

`umask` is always the one that files and folders are to be made with; None: that of the process, as usual.
"""

import os
import stat
from pathlib import Path


def make_folders(folder: Path, umask: int | None) -> None:
    """Make a folder, and those around it, where they are missing. Raises OSError."""
    if umask is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        give(one, umask)
    if not folder.is_dir():
        raise NotADirectoryError(20, os.strerror(20), str(folder))


def give(made: Path | int, umask: int | None) -> None:
    """Give a file or folder that was just made (its path, or descriptor) the permissions that it has by this umask."""
    if umask is None:
        return
    mode = os.stat(made).st_mode  # noqa: PTH116 - it may be a descriptor
    # a folder's group may be handed on to what is made in it, which is said by this bit
    wanted = 0o777 | mode & stat.S_ISGID if stat.S_ISDIR(mode) else 0o666
    os.chmod(made, wanted & ~umask)  # noqa: PTH101
