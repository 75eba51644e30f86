"""A folder that holds a gallery: only what changed is written, and only what is the gallery's own is removed.

`.gallery/` in it holds what makes that possible: a manifest, which says of every file what it was made from, and of
every part of the gallery, as a layer, which facts it shows and which files it has; a journal of what the generation
under way writes, which is what is left of one that was killed; and a lock, because generations take turns.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock

from lib import stop
from lib.errors import BadInput
from lib.gallery.addresses import is_address
from lib.gallery.rendering import Page, templates_digest
from lib.gallery.style import static_files
from lib.permissions import give, make_folders
from tasks.gallery.folder.writer import NEW, OWN, Content, Late, SecondWriter, StoredFile, Writer

ALONE = 4_000
"""Files that one process writes; for more, a second one is worth the second that it takes to start."""
# Counted up when the manifest changes its form; one of another form counts for nothing but
# the names of its files, and what a generation has kept for the next.
_FORM = 2
_DIGITS = 32
_UNKNOWN = "-" * _DIGITS + "-1"

_Entry = str
"""What the manifest says of a file: a digest of what it was made from, and behind it how many bytes it has. A text, for
hundreds of thousands of small lists would keep the garbage collector busy."""
_Part = Sequence[Any]
"""What it says of a part: a digest of its facts, and the addresses of its files."""


@dataclass(frozen=True)
class Written:
    """What a generation did: how many files it wrote, left as they were, and removed."""

    written: int
    same: int
    removed: int


class Site:
    """One generation of a gallery, inside a `with`. What it does not make before `finish` is removed by that.

    Args:
        out: the gallery's folder; made if need be.
        sections: what the head of every page leads to, as (title, address).
        code: a digest of the code that the pages depend on.
        umask: that of its files and folders; None: this process's.

    Raises BadInput where the folder holds other things than a gallery, or cannot be written to.
    """

    def __init__(
        self, out: Path, *, sections: Sequence[tuple[str, str]] = (), code: str = "", umask: int | None = None
    ) -> None:
        self.out = out.expanduser().absolute()
        self.memory: dict[str, Any] = {}
        """What one generation keeps for the next: plain JSON, saved by `finish`."""
        self._own = self.out / OWN
        self._sections = list(sections)
        self._umask = umask
        self._writer = Writer(self.out, sections, umask=umask)
        self._second: SecondWriter | None = None
        self._code = hashlib.sha256(json.dumps([templates_digest(), code, list(sections)]).encode()).hexdigest()
        # whoever may write to the folder may take a turn
        lock = self._own / "lock"
        self._lock = FileLock(lock) if umask is None else FileLock(lock, mode=0o666 & ~umask)
        self._before: Mapping[str, _Entry] = {}
        self._now: dict[str, _Entry] = {}
        self._parts_before: Mapping[str, _Part] = {}
        self._parts: dict[str, _Part] = {}
        self._of_part: dict[str, None] | None = None
        self._part_whole = True
        self._written = 0
        self._memory = ""
        self._there: dict[str, int] = {}
        self._journal = -1

    def __enter__(self) -> "Site":
        try:
            self._begin()
        except OSError as problem:
            raise BadInput(f"no gallery can be written to {self.out}: {problem.strerror}") from problem
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if self._second is not None:
                self._second.close()
        finally:
            if self._journal >= 0:
                os.close(self._journal)
            self._lock.release()

    def put(self, page: Page) -> None:
        """Put a page into the gallery; it is rendered where it would not be what it was."""
        self._put(page.address, lambda: replace(page, context=page.values(), key=None), page.digest())

    def file(self, address: str, make: Callable[[], bytes | Late | StoredFile], key: str) -> str:
        """Put a file into the gallery and return its address. `key` stands for its bytes: the same, the same bytes.

        `make` gives the bytes, or where they take long what makes them, perhaps in another process; or a file of the
        store that holds them.
        """
        self._put(address, make, key)
        return address

    def picture(self, key: str, make: Callable[[], bytes | StoredFile], ending: str = ".png") -> str:
        """The address of a picture that pages share, made once however many show it. `key` says what is on it."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.file(f"media/{digest[:2]}/{digest[2:26]}{ending}", make, key)

    def handed_on(self, name: str) -> bytes | None:
        """What an earlier generation handed on under this name, for itself and not for its pages; None for nothing."""
        try:
            return (self._own / name).read_bytes()
        except FileNotFoundError:
            return None

    def hand_on(self, name: str, data: bytes) -> None:
        """Hand something on to the next generation, whatever becomes of this one."""
        self._writer.write(f"{OWN}/{name}", data)

    @contextmanager
    def part(self, name: str, facts: str) -> Iterator[bool]:
        """A part of the gallery that is decided by `facts`: whatever its files show, and which there are.

        Yields whether it is there already as these facts make it, every file of it. Then it need not be put again;
        else what is put inside the `with` belongs to it. Where something of it could not be made, or was `left_out`, it
        is put again by the next generation.
        """
        digest = self._digest(facts)
        known = self._parts_before.get(name)
        if known is not None and known[0] == digest and self._keep(known[1]):
            self._parts[name] = known
            yield True
            return
        self._of_part, self._part_whole = {}, True
        try:
            yield False
            if self._part_whole:
                self._parts[name] = (digest, list(self._of_part))
        finally:
            self._of_part = None

    def left_out(self) -> None:
        """Say that something could not be read that the part under way shows."""
        self._part_whole = False

    def _keep(self, addresses: Sequence[str]) -> bool:
        """Have these files stay, if all of them are as the last generation left them."""
        stop.look()
        before, there, now = self._before, self._there, self._now
        found = {}
        for address in addresses:
            entry = before.get(address)
            if entry is None or there.get(address) != int(entry[_DIGITS:]) or now.get(address, entry) != entry:
                return False
            found[address] = entry
        now.update(found)
        return True

    def finish(self) -> Written:
        """Remove what an earlier generation made and this one did not, and remember what this one made."""
        for name, content in static_files():
            self.file(f"static/{name}", partial(bytes, content), name)
        if self._second is not None:
            self._second.finish()
        # a manifest may name anything: whatever is no address leads elsewhere
        gone = [address for address in self._before if address not in self._now and is_address(address)]
        for address in gone:
            self._remove(self.out / address)
        same = len(self._now) - self._written
        changed = self._parts.keys() != self._parts_before.keys() or any(
            part[0] != self._parts_before[name][0] for name, part in self._parts.items()
        )
        if self._written or gone or changed or self._memory != json.dumps(self.memory, sort_keys=True):
            manifest = {"form": _FORM, "files": self._now, "parts": self._parts, "memory": self.memory}
            data = json.dumps(manifest, separators=(",", ":")).encode()
            # what a power cut leaves short of the other files has another size than this says
            self._writer.write(f"{OWN}/manifest.json", data, durable=True)
        (self._own / "journal").unlink(missing_ok=True)
        return Written(self._written, same, len(gone))

    def _begin(self) -> None:
        self._check()
        make_folders(self._own, self._umask)
        self._lock.acquire()
        for name in NEW:
            (self._own / name).unlink(missing_ok=True)
        self._there = _sizes(str(self.out))
        manifest = self._manifest()
        self._before = manifest["files"] | dict.fromkeys(self._journalled(), _UNKNOWN)
        self._parts_before = manifest.get("parts", {})
        self.memory = manifest["memory"]
        self._memory = json.dumps(self.memory, sort_keys=True)
        self._journal = os.open(self._own / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        give(self._journal, self._umask)

    def _check(self) -> None:
        """Raise BadInput for a folder with other things in it: a gallery takes the names that it wants."""
        if self.out.exists() and not self.out.is_dir():
            raise BadInput(f"{self.out} is a file: name a folder for the gallery")
        if self.out.is_dir() and not self._own.is_dir() and any(self.out.iterdir()):
            raise BadInput(f"{self.out} holds other things than a gallery: name an empty or a new folder")

    def _manifest(self) -> dict[str, Any]:
        """What the last whole generation left. One that cannot be read makes all of its files unknown, not foreign."""
        nothing: dict[str, Any] = {"files": {}, "memory": {}}
        try:
            found = json.loads((self._own / "manifest.json").read_bytes())
            if found["form"] == _FORM:
                return found
            return {"files": dict.fromkeys(found["files"], _UNKNOWN), "memory": found.get("memory", {})}
        except FileNotFoundError:
            return nothing
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{self._own / 'manifest.json'} is damaged: remove the folder {self.out}") from None

    def _journalled(self) -> list[str]:
        """What a generation that was killed may have written: its own files, whatever is in them."""
        try:
            lines = (self._own / "journal").read_text().split("\n")
        except FileNotFoundError:
            return []
        return [line for line in lines[:-1] if is_address(line)]  # the last line is empty, or torn

    def _put(self, address: str, make: Callable[[], Content], key: str) -> None:
        if not is_address(address):
            raise ValueError(f"{address!r} is no address of a gallery")
        stop.look()
        digest = self._digest(key)
        if self._of_part is not None:
            self._of_part[address] = None
        if (made := self._now.get(address)) is not None:
            if not made.startswith(digest):
                raise ValueError(f"two different files are put at {address}")
            return
        before = self._before.get(address)
        if before is not None and before == f"{digest}{self._there.get(address)}":
            self._now[address] = before
            return
        if before is None and address in self._there:
            raise BadInput(f"{self.out}/{address} is in the way, and is no file of this gallery: move it elsewhere")
        try:
            what = make()
        except Exception:
            self.left_out()
            if self._of_part is not None:
                self._of_part.pop(address, None)
            raise
        self._write(address, what, digest)

    def _digest(self, text: str) -> str:
        digest = hashlib.sha256(f"{self._code} ".encode())
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:_DIGITS]

    def _write(self, address: str, what: Content, digest: str) -> None:
        """Have a file written, now or some time before `finish` is done; the journal knows of it first."""
        os.write(self._journal, f"{address}\n".encode())
        self._now[address] = f"{digest}-1"
        self._written += 1
        if self._second is None and self._written > ALONE and (os.cpu_count() or 1) > 1:
            self._second = SecondWriter(self.out, self._sections, self._wrote, umask=self._umask)
        # what is linked is linked at once, for the store's own file may be gone later, and nothing is to be computed
        if isinstance(what, StoredFile) or self._second is None or not self._second.accept(address, what):
            self._wrote(address, self._writer.write(address, what))

    def _wrote(self, address: str, size: int) -> None:
        self._now[address] = f"{self._now[address][:_DIGITS]}{size}"

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:  # what was to be its folder is a file of somebody else's
            return
        for folder in path.parents:
            if folder == self.out:
                return
            try:
                folder.rmdir()
            except OSError:  # something is left in it
                return


def _sizes(folder: str) -> dict[str, int]:
    """Every file below a folder by its address, and its bytes: after a power cut a file can be there and be empty."""
    found = {}
    waiting = [("", folder)]
    while waiting:
        prefix, path = waiting.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{prefix}{entry.name}/", entry.path))
                else:
                    found[f"{prefix}{entry.name}"] = entry.stat(follow_symlinks=False).st_size
    return found
