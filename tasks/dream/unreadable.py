"""Pictures that cannot be read: a night says so once of each, and passes it over until its file changes.

What an earlier run has said stands in its summary: the path of each file that it could not read, and what that was.
A run takes over what the latest dream before it knew, so that it is known in whichever folder the next one dreams.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from lib.errors import BadInput
from lib.pictures.files import decode
from lib.pictures.names import parse_name, show_name
from storage.document import Json
from storage.errors import StoreError
from storage.store import Store
from tasks.session import originals

NOTED = "unreadable"
"""What the entry in the summary of a run is called: what each file was, by its path."""
_MOST_NAMED = 8

_passing_over: ContextVar[bool] = ContextVar("passing_over", default=False)


class UnreadablePicture(BadInput):
    """What a picture's own file says of itself, or that there is none, is why it cannot be dreamed."""


@contextmanager
def pass_over_unreadable() -> Iterator[None]:
    """Within, a dream flow does not fail because of pictures that cannot be read."""
    token = _passing_over.set(True)
    try:
        yield
    finally:
        _passing_over.reset(token)


def is_passing_over() -> bool:
    """Whether that is so here."""
    return _passing_over.get()


@contextmanager
def tell_unreadable() -> Iterator[None]:
    """Within, what goes wrong goes wrong because of the picture's file: BadInput becomes UnreadablePicture."""
    try:
        yield
    except BadInput as problem:
        raise UnreadablePicture(str(problem)) from problem


class Unreadable:
    """Those of one run. Any number of threads may share it."""

    def __init__(self, paths: Mapping[str, Path] | None = None, known: Mapping[str, Json] | None = None) -> None:
        """`paths`: everything that was listed, by its name. `known`: what earlier runs have said (`noted_before`)."""
        self._paths, self._known = paths or {}, known or {}
        self._pictures: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, title: str, picture: str) -> None:
        """Note that what is called `title` failed because this picture cannot be read."""
        with self._lock:
            self._pictures[title] = picture

    def forget(self, title: str) -> None:
        """Another attempt could read it."""
        with self._lock:
            self._pictures.pop(title, None)

    @property
    def titles(self) -> set[str]:
        """What failed so."""
        with self._lock:
            return set(self._pictures)

    @property
    def pictures(self) -> list[str]:
        """The names of the pictures, in their order."""
        with self._lock:
            return sorted(set(self._pictures.values()))

    def was_told(self, picture: str) -> bool:
        """Whether an earlier run has said that it cannot be read, and its file is what it was then."""
        path = self._paths[picture]
        was = self._known.get(show_name(str(path)))
        return was is not None and was == _state(path)

    def cannot_be_read_still(self, picture: str) -> bool:
        """Whether that is so, and it is read again in vain: another version may read what one could not."""
        if not self.was_told(picture):
            return False
        try:
            decode(originals.read_original(self._paths[picture]))
        except BadInput:
            return True
        return False

    def noted(self) -> dict[str, str]:
        """What the summary of the run keeps for the next ones, with what earlier runs have said and is still so."""
        now = {show_name(str(self._paths[name])): _state(self._paths[name]) for name in self.pictures}
        before = {
            name: str(was)
            for name, was in self._known.items()
            if name not in now and _state(Path(parse_name(name))) == was
        }
        return before | now


def noted_before(store: Store, latest: str) -> Mapping[str, Json]:
    """What the run of this ref, and those before it, have said of files that cannot be read."""
    try:
        noted = store.run(store.ref(latest).removeprefix("run:")).summary.get(NOTED)
    except StoreError:  # there is none yet, or it is gone
        return {}
    return noted if isinstance(noted, dict) else {}


def say_passed_over(pictures: list[str]) -> str:
    """That these pictures cannot be read, in words; empty for none."""
    if not pictures:
        return ""
    more = f" and {len(pictures) - _MOST_NAMED} more" if len(pictures) > _MOST_NAMED else ""
    one = len(pictures) == 1
    what = "1 picture cannot be read, and is" if one else f"{len(pictures)} pictures cannot be read, and are"
    until = "its file changes" if one else "their files change"
    return f"{what} passed over until {until}: {', '.join(pictures[:_MOST_NAMED])}{more}"


def _state(path: Path) -> str:
    """What a file is: the digest of its bytes, or why there are none."""
    try:
        return originals.digest_of(path)
    except BadInput as problem:
        return str(problem)
