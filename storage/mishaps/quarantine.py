"""Setting aside what was found changed: it is moved to the trash, where a person may look at it, never deleted."""

import logging
from collections.abc import Callable

from storage.errors import StoreError, StoreUnusable
from storage.files import Files
from storage.trash import new_trash, trash_path

log = logging.getLogger(__name__)


class Quarantine:
    """What was found changed, moved to one folder of its own in the trash."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.folder = f"trash/{new_trash('quarantine')}"
        self.names: list[str] = []
        self.moved = False

    def put(self, name: str, path: str, check: Callable[[bytes], object]) -> bool:
        """Set a file aside, unless it passes its `check` when nobody writes: a commit may have mended it meanwhile.

        One that cannot be moved, as on a read-only disk, stays where it is, and counts as damaged all the same. Returns
        whether it was moved.
        """
        try:
            with self._files.collecting():
                try:
                    check(self._files.read(path))
                    return False
                except (ValueError, StoreError):
                    pass
                self._files.move(path, trash_path(self.folder.removeprefix("trash/"), path))
                self.moved = True
        except FileNotFoundError:
            return False
        except StoreUnusable as error:
            log.warning("%s is damaged and could not be set aside: %s", name, error)
            self.names.append(name)
            return False
        self.names.append(name)
        return True
