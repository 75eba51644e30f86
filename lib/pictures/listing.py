"""Which pictures there are in folders and lists of files, by their names: only what has no ending is looked into."""

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lib.door.roots import lies_within
from lib.errors import BadInput
from lib.pictures.names import ENDINGS, is_nobodys, may_be_picture, show_name
from lib.pictures.signatures import begins_like_picture

PATTERNS = tuple(f"*{ending}" for ending in sorted(ENDINGS))


@dataclass(frozen=True)
class Listed:
    """A file to be read, and its `name`: its path below what all inputs have in common, as `picture_names` shows it."""

    name: str
    path: Path


@dataclass(frozen=True)
class Problem:
    """Something that cannot be listed, and why, in words that can follow its name."""

    name: str
    path: Path
    reason: str


@dataclass(frozen=True)
class PictureListing:
    """What was found, all in the order of names. No name occurs twice.

    `passed_over`: the names of files in the folders that are no pictures, where no patterns chose among them.
    """

    pictures: tuple[Listed, ...]
    problems: tuple[Problem, ...]
    passed_over: tuple[str, ...] = ()


def listing(
    inputs: Iterable[str | Path], *, patterns: Sequence[str] | None = None, excluded: Path | None = None
) -> PictureListing:
    """The pictures in folders, their sub-folders and what these link to, and files that are named themselves.

    In folders those are taken whose name matches one of the `patterns` in either case (`*.jpg`; a pattern with a slash
    is matched with the path below its input), but nothing hidden, and nothing that systems leave (`__MACOSX`). Without
    patterns those are taken whose name has the ending of a picture, or no ending, if they begin like a picture. A file
    that is an input itself is always taken. `excluded` is a folder that is passed over, where the dreams are written.

    Names are relative to the deepest folder that all inputs have in common: the input itself where it is the only
    one. So pictures of one name in different folders stay apart, in whatever order the inputs are given.

    A folder is listed once: links to folders are followed after all that is really there, and a folder that was met
    already is passed over. What cannot be listed is a problem of its own and stops nothing else: a link that leads in a
    circle or nowhere, a folder that may not be read, a pipe, an input that is not there.

    Raises:
        BadInput: there are no inputs or no patterns, or an input is the excluded folder itself.
    """
    paths = list(dict.fromkeys(map(absolute, inputs)))
    if not paths:
        raise BadInput("no pictures are named: give a folder, or files")
    if patterns is not None and not patterns:
        raise BadInput(f"there is no pattern for names of pictures: give one, as {PATTERNS[0]}")
    walk = _Walk(paths, patterns, excluded)
    return walk.listing()


def absolute(path: str | Path) -> Path:
    """The path of an input as `listing` knows it.

    Not resolve(): links are left as they are, so that names are those that the user has given.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100


class _Walk:
    """One walk through all inputs."""

    def __init__(self, inputs: Sequence[Path], patterns: Sequence[str] | None, excluded: Path | None) -> None:
        self._inputs = inputs
        self._chosen = patterns is not None
        self._patterns = [pattern.lower() for pattern in (PATTERNS if patterns is None else patterns)]
        self._passed_over: list[Path] = []
        self._excluded = _identity(excluded) if excluded is not None else None
        if self._excluded and any(_identity(path) == self._excluded for path in inputs):
            raise BadInput(f"{excluded} cannot be both read and written: name another folder for the dreams")
        self._above = Path(os.path.commonpath([path if _is_folder(path) else path.parent for path in inputs]))
        self._found: dict[Path, None] = {}
        self._problems: dict[Path, str] = {}
        self._seen: set[tuple[int, int]] = set()
        # (linked folder, its input, the folders that it lies in): looked at after all that is really there
        self._links: list[tuple[Path, Path, frozenset[tuple[int, int]]]] = []

    def listing(self) -> PictureListing:
        for path in self._inputs:
            if _is_folder(path):
                self._folder(path, path, frozenset())
            else:
                self._file(path)
        for link, top, above in self._links:  # grows while it is walked: links may lead to links
            self._folder(link, top, above)
        return PictureListing(
            tuple(sorted((Listed(self._name(path), path) for path in self._found), key=lambda listed: listed.name)),
            tuple(
                sorted(
                    (Problem(self._name(path), path, reason) for path, reason in self._problems.items()),
                    key=lambda problem: problem.name,
                )
            ),
            tuple(sorted(map(self._name, self._passed_over))),
        )

    def _name(self, path: Path) -> str:
        # The only input, if it is a folder that cannot be read, has no path below itself.
        return show_name((path.name or str(path)) if path == self._above else path.relative_to(self._above).as_posix())

    def _folder(self, folder: Path, top: Path, above: frozenset[tuple[int, int]]) -> None:
        """Take the pictures of a folder and of the folders in it; not by recursion, for they may be nested deeply."""
        waiting = [(folder, above)]
        while waiting:
            folder, above = waiting.pop()
            try:
                identity = _identity_of(folder.stat())
                if identity in above:
                    self._problems[folder] = "is a link to a folder that it lies in, and would go round in a circle"
                if identity in self._seen or identity == self._excluded:
                    continue
                self._seen.add(identity)
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                self._problems[folder] = _reason(error)
                continue
            for entry in entries:
                path = folder / entry.name
                if is_nobodys(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((path, above | {identity}))
                elif entry.is_symlink() and _is_folder(path):
                    if lies_within(path):
                        self._links.append((path, top, above | {identity}))
                    else:
                        self._problems[path] = "is a link to a place that may not be used here"
                elif self._is_wanted(path, top):
                    self._file(path)
                elif not self._chosen:
                    self._passed_over.append(path)

    def _is_wanted(self, path: Path, top: Path) -> bool:
        name, below = path.name.lower(), path.relative_to(top).as_posix().lower()
        if any(fnmatchcase(below if "/" in pattern else name, pattern) for pattern in self._patterns):
            return True
        return not self._chosen and may_be_picture(path.name) and begins_like_picture(path)

    def _file(self, path: Path) -> None:
        try:
            if stat.S_ISREG(path.stat().st_mode):
                self._found[path] = None
            else:
                self._problems[path] = "is neither a file nor a folder"
        except OSError as error:
            self._problems[path] = _reason(error)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        return _identity_of(path.stat())
    except OSError:
        return None


def _identity_of(status: os.stat_result) -> tuple[int, int]:
    """By which two paths are known to lead to one folder."""
    return status.st_dev, status.st_ino


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it lies in a folder that may not be entered: said where it is taken for a file
        return False


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ELOOP:
            return "is a link that leads in a circle"
        case errno.ENOENT:
            return "is not there, or is a link to what is not there"
        case errno.EACCES | errno.EPERM:
            return "may not be read: its permissions forbid it"
    return f"cannot be read: {error.strerror or error}"
