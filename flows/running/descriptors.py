"""How many files a process may have open: as many as its user may allow it, since a large sweep maps thousands."""

import resource
from contextlib import suppress

_ENOUGH = 65_536


def allow_many_files() -> None:
    """Raise the soft limit, which many systems set at 1024 for programs of long ago, towards the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # it stays as it is, and waits where it is short of them
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
