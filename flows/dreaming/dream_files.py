"""The folder of the dreams: it mirrors the folders of the pictures, and holds the store's own bytes."""

import hashlib
from pathlib import Path

from flows.results.export import ENDINGS, remove_unfinished, write
from lib.errors import BadInput
from lib.pictures.names import fitting, parse_name, show_name
from storage.store import Output, Store
from tasks.session.kinds.original import KIND as ORIGINAL


class DreamFiles:
    """Writes dreams into a folder, under the names of their pictures.

    A file that is there already gives way only where it came from this store: then nothing is lost.

    Attributes:
        written: paths of the files, as `lib.pictures.names` shows them, by the titles of what they hold.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._titles: dict[Path, str] = {}
        self.written: dict[str, list[str]] = {}

    def put(self, title: str, name: str, output: Output) -> None:
        """Write an output to FOLDER/NAME and what its kind of file ends in (`name` as `lib.pictures.names` shows it).

        Raises BadInput where something else is there, another thing of this run too, or nothing can be written.
        """
        ending = ENDINGS[output.media_type]
        path = self._folder / fitting(parse_name(name), f".strip{ending}" if output.role == "strip" else ending)
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise BadInput(
                f"{show_name(str(path))} lies outside of the folder of the dreams: remove the link that leads there"
            )
        if (other := self._titles.setdefault(path, title)) != title:
            raise BadInput(f"{show_name(str(path))} is taken by {other}: keep the two in folders apart")
        try:
            there = _digest(path)
            if there not in (None, output.digest) and not (there and self._is_ours(there)):
                raise BadInput(f"{show_name(str(path))} holds something else: name another folder with --out")
            if there != output.digest:
                remove_unfinished(path.parent)
                write(self._store, path, output.digest)
        except OSError as problem:
            raise BadInput(
                f"{show_name(str(path))} cannot be written ({problem.strerror}): name another folder with --out"
            ) from problem
        self.written.setdefault(title, []).append(show_name(str(path)))

    def _is_ours(self, digest: str) -> bool:
        """Whether the store has made this; what somebody gave is theirs, although the store has it too."""
        return any(record.task != ORIGINAL.task for record, _ in self._store.questions().producers(digest))


def _digest(path: Path) -> str | None:
    """That of a file; empty for what is no file, which would be waited for; None where there is nothing."""
    if not path.exists():
        return None
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
