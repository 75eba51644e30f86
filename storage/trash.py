"""The trash: what was taken out of the store, under the path that it had there, until garbage collection finds it old.

To undo: move the files back from `trash/FOLDER/` to the same paths in the store, then `dreamsweep reindex`.
"""

import secrets

from storage.clock import seconds_of_stamp, stamp

COLLECTED = "garbage"
"""Why garbage collection removes something; what was removed for another reason is never brought back by itself."""


def new_trash(why: str) -> str:
    """The name of a new folder for one removal, which begins with the time: a file keeps that of its writing."""
    return f"{stamp()}-{secrets.token_hex(3)}-{why}"


def trash_path(folder: str, path: str) -> str:
    """Where a file of the store goes in the trash."""
    return f"trash/{folder}/{path}"


def trashed_at(path: str) -> float | None:
    """When the file at this path in the trash was put there, in seconds since 1970; None where that is unknown."""
    return seconds_of_stamp(path.removeprefix("trash/"))
