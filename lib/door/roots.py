"""The places that the operator of `dreamsweep up` allows its flow runs to use: nothing that lies elsewhere is read.

A form names a place, which is checked before the run. What lies in that place may be a link to anywhere, and may become
one after it was looked at: so a file is asked where it lies once more when it is open, which no link changes any more.
"""

import json
import os
from pathlib import Path

ROOTS = "DREAMSWEEP_ALLOWED_ROOTS"
"""The environment variable that says so: a JSON list of folders and URLs. Without it every place is allowed, as in a
user's own shell: that user can reach them all the same."""

FILE = "file://"


def allowed_roots() -> list[str] | None:
    """The folders and URLs that may be used; None where every place may be."""
    named = os.environ.get(ROOTS)
    return None if named is None else [str(root) for root in json.loads(named)]


def lies_within(path: Path) -> bool:
    """Whether a file or folder, its links resolved, lies in what may be used."""
    roots = allowed_roots()
    if roots is None:
        return True
    real = path.resolve()
    return any(
        real.is_relative_to(Path(root.removeprefix(FILE)).expanduser().resolve()) for root in roots if not is_url(root)
    )


def opened_within(handle: int) -> bool:
    """Whether the file that is open lies there, wherever it was when it was named."""
    return allowed_roots() is None or lies_within(Path(f"/proc/self/fd/{handle}"))


def is_url(place: str) -> bool:
    """As the store sees it."""
    return "://" in place and not place.startswith(FILE)
