"""Locks that die with the process that holds them."""

import fcntl
from typing import IO


def try_lock(file: IO[bytes], how: int) -> bool:
    """Take an flock (`how`: `fcntl.LOCK_SH` or `fcntl.LOCK_EX`) without waiting; False where somebody is in the way."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
