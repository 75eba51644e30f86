"""A store's files behind an fsspec URL, such as `s3://bucket/store`.

A PUT is atomic there, so nothing is written twice or renamed, and writers hold no lock. Garbage collection holds a
lease, which is an object that only whoever knows what it was can replace (`storage.collection.lease`).
"""

import atexit
import hashlib
import os
import shutil
import tempfile
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from time import time
from typing import Any, TypeVar

from storage.document import digest_of
from storage.errors import StoreError, StoreUnusable
from storage.files import PIECE, Entry, Kept, without_password
from storage.mishaps.passing import passes_on_network
from storage.mishaps.patience import Patience, get_on, reason_of

# Between the threads of this process; where a file system has nothing better, that is all there is.
_swapping = threading.Lock()
# What the file systems of fsspec call the time of the last write.
TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
"""A server that says nothing for so long has hung."""
SENDING_SECONDS = 30.0
"""So long, and a second for every 100 kB, sending may take: a server may hang before it takes anything, too."""
FIRST_SECONDS = 8.0
"""The very first answer may take so long: a store that is not there is said to be so, before anybody goes away."""

R = TypeVar("R")


class RemoteFiles:
    """Files behind an fsspec URL (see `storage.files.Files`). Many threads and machines may share them.

    Addresses and credentials come from where the file system looks for them (for S3: `AWS_ENDPOINT_URL`,
    `AWS_ACCESS_KEY_ID`, `~/.aws` and so on). Where it does not answer it is asked again, as `storage.mishaps.patience`
    has it. Raises StoreUnusable where it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.folder: Path | None = None
        self._url = url.rstrip("/")
        self.root = without_password(self._url)
        self.local = _local(self._url)
        self._process: int | None = None
        self._patience = Patience(self.root, passes_on_network)
        with suppress(FileNotFoundError):
            self._ask(self._look)

    @property
    def _fs(self) -> Any:
        # The asynchronous file systems do not survive a fork.
        if self._process != os.getpid():
            import fsspec

            self._made, self._base = fsspec.core.url_to_fs(
                self._url,
                use_listings_cache=False,
                skip_instance_cache=self._process is not None,
                **_options(self._url),
            )
            if hasattr(self._made, "retries"):
                self._made.retries = 1  # it is we who ask again
            self._process = os.getpid()
        return self._made

    @property
    def _has_loop(self) -> bool:
        """Whether the file system works in a loop of its own, and a PUT is either whole or nothing."""
        return isinstance(getattr(self._fs, "loop", None), AbstractEventLoop)

    @property
    def _in_one_go(self) -> dict[str, int]:
        """How to ask for a file by one request. In pieces, side by side, s3fs would ask for its size first: twice the
        requests for the many small files, for a gain with the few that are larger than 50 MB."""
        return {"max_concurrency": 1} if hasattr(self._fs, "call_s3") else {}

    def _full(self, path: str) -> str:
        return f"{self._base}/{path}"

    def _look(self) -> None:
        """Ask whether anything is there at all."""
        fs = self._fs  # which says what the base is
        del fs
        self._call("ls", self._base, detail=False, seconds=FIRST_SECONDS if self._patience.is_first else None)

    def _call(self, method: str, *given: Any, seconds: float | None, **named: Any) -> Any:
        """Call a method of the file system, which must have ended in so many seconds where that can be told to it."""
        fs = self._fs
        if seconds is None or not self._has_loop:
            return getattr(fs, method)(*given, **named)
        from fsspec.asyn import sync

        return sync(fs.loop, getattr(fs, f"_{method}"), *given, timeout=seconds, **named)

    def _ask(self, question: Callable[[], R]) -> R:
        with self._failures():
            return self._patience.ask(question)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError."""
        return self._ask(lambda: bytes(self._fs.cat_file(self._full(path), **self._in_one_go)))

    def read_range(self, path: str, first: int, last: int) -> bytes:
        """The bytes of a file from one place to before another, by one request. Raises FileNotFoundError."""
        return self._ask(lambda: bytes(self._fs.cat_file(self._full(path), start=first, end=last, **self._in_one_go)))

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The bytes of those files that are there, fetched side by side."""
        wanted = {self._full(path): path for path in paths}
        found: dict[str, bytes] = {}

        def fetch() -> None:
            """Those that have not come yet; what came before something failed is kept."""
            failed: BaseException | None = None
            for full, data in (
                self._fs.cat(list(wanted), on_error="return", **self._in_one_go).items() if wanted else ()
            ):
                if isinstance(data, bytes):
                    found[wanted.pop(full)] = data
                elif isinstance(data, FileNotFoundError):
                    wanted.pop(full)
                else:
                    failed = data
            if failed is not None:
                raise failed

        self._ask(fetch)
        return found

    def write(self, path: str, data: bytes) -> None:
        """Put these bytes there, in place of what was."""
        try:
            seconds = _seconds_to_send(len(data))
            self._ask(lambda: self._call("pipe_file", self._full(path), data, seconds=seconds))
        except FileNotFoundError:
            raise self._no_bucket() from None

    def keep(self, path: str, data: bytes) -> None:
        """Put these bytes there: one request, as asking first would be, and it renews the file's time."""
        self.write(path, data)

    def keep_file(self, source: Path, place: Callable[[str], str]) -> Kept:
        """Put a copy of a file at `place(its SHA-256)`, sent in pieces.

        It is read twice, because its name must be known first. Raises FileNotFoundError, and StoreError where the file
        changes meanwhile.
        """
        found = hashlib.sha256()
        with source.open("rb") as file:
            while piece := file.read(PIECE):
                get_on()
                found.update(piece)
            before = os.fstat(file.fileno())
        digest = found.hexdigest()
        path = place(digest)
        try:
            self._ask(lambda: self._send(source, path, _seconds_to_send(before.st_size)))
        except FileNotFoundError:
            raise self._no_bucket() from None
        after = source.stat()
        if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
            self.delete(path)
            raise StoreError(f"{source} changed while it was stored: store it again when nobody writes to it")
        return Kept(digest, before.st_size)

    def _send(self, source: Path, path: str, seconds: float) -> None:
        """Put a copy of a file there. Where that is done piece by piece, whoever is in company hears of each.

        File systems without a loop are not told to end: they would leave what they have written so far as the file.
        """
        from fsspec.callbacks import Callback

        ended: list[BaseException] = []

        class EachPiece(Callback):  # type: ignore[misc]  # fsspec has no types
            """Called in the thread of the file system, where a BaseException would be lost."""

            def relative_update(self, inc: int = 1) -> None:
                try:
                    get_on()
                except BaseException as error:
                    ended.append(error)
                    raise RuntimeError("told to end") from error

        told = {"callback": EachPiece()} if self._has_loop else {}
        try:
            self._call("put_file", str(source), self._full(path), seconds=seconds, **told)
        except RuntimeError:
            if ended:
                raise ended[0] from None
            raise

    def _no_bucket(self) -> StoreUnusable:
        return StoreUnusable(f"the store {self.root} has no bucket: create it, or name another with --store")

    def exists(self, path: str) -> bool:
        """Whether there is a file at this path."""
        return self.size(path) is not None

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None where there is none."""
        try:
            found = self._ask(lambda: self._fs.info(self._full(path)))
        except FileNotFoundError:
            return None
        return int(found["size"] or 0) if found["type"] == "file" else None

    def listing(self, folder: str) -> dict[str, Entry]:
        """Every file under a folder, by path; one listing."""

        def find() -> dict[str, Entry]:
            fs = self._fs
            fs.invalidate_cache()
            if hasattr(fs, "call_s3"):
                # By a prefix: of a folder alone it would ask twice more, where there is none, whether it is a file.
                above, _, name = self._full(folder).rpartition("/")
                found = fs.find(above, prefix=f"{name}/", detail=True, withdirs=False)
            else:
                found = fs.find(self._full(folder), detail=True, withdirs=False)
            start = len(self._base) + 1
            return {
                name[start:]: Entry(int(entry["size"] or 0), _modified(entry))
                for name, entry in found.items()
                if entry["type"] == "file"
            }

        return self._ask(find)

    def move(self, path: str, to: str) -> None:
        """Copy a file, then remove it. Raises FileNotFoundError."""
        self._ask(lambda: self._fs.cp_file(self._full(path), self._full(to)))
        self.delete(path)

    def delete(self, path: str) -> None:
        """Remove a file, if it is there."""

        def remove() -> None:
            with suppress(FileNotFoundError, KeyError):
                self._fs.rm_file(self._full(path))

        self._ask(remove)

    @property
    def swaps(self) -> bool:
        """Whether `swap` is one step for everybody, and not for this process alone."""
        return hasattr(self._fs, "call_s3") or self.root.startswith("memory:")

    def tag(self, path: str) -> str | None:
        """What tells a file from what was there before and will be; None where there is none."""

        def ask() -> str | None:
            try:
                if hasattr(self._fs, "call_s3"):
                    return str(self._fs.info(self._full(path), refresh=True)["ETag"])
                return digest_of(self._fs.cat_file(self._full(path)))
            except FileNotFoundError:
                return None

        return self._ask(ask)

    def swap(self, path: str, data: bytes, tag: str | None) -> str | None:
        """Put these bytes there if what is there is of this `tag`, or nothing is and that is None.

        Returns the new tag; None where something else was there, and nothing was done.
        """
        if not hasattr(self._fs, "call_s3"):
            with _swapping:
                if self.tag(path) != tag:
                    return None
                self._ask(lambda: self._fs.pipe_file(self._full(path), data))
                return digest_of(data)
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}

        def put() -> str | None:
            """The new tag; None where the server refused."""
            bucket, key, _ = self._fs.split_path(self._full(path))
            try:
                return str(self._fs.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)["ETag"])
            except FileNotFoundError:
                if tag is None:
                    raise self._no_bucket() from None
                return None
            except OSError as error:
                if not _is_refused(error):
                    raise
                return None

        if (new := self._ask(put)) is not None:
            return new
        # An answer that was lost may have been sent again: then what refused it is what was put.
        now = self.tag(path)
        return now if now is not None and self.read(path) == data else None

    def writing(self) -> AbstractContextManager[None]:
        """Nothing to hold: see above."""
        return nullcontext()

    def collecting(self) -> AbstractContextManager[None]:
        """Nothing to hold: see above."""
        return nullcontext()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, StoreUnusable):
            raise
        except Exception as error:  # each file system has errors of its own
            reason = without_password(reason_of(error))
            raise StoreUnusable(
                f"the store {self.root} cannot be used ({reason}): check its address, the credentials and the network"
            ) from error


def _seconds_to_send(size: int) -> float:
    return SENDING_SECONDS + size / 1e5


def _options(url: str) -> dict[str, Any]:
    """For S3, after how many seconds an answer has failed to come; and that it is we who ask again and who check.

    What the user has set for fsspec stays.
    """
    if not url.startswith(("s3:", "s3a:")):
        return {}
    from fsspec.config import conf

    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "response_checksum_validation": "when_required",  # whatever is read carries a digest of ours
    }
    return {"config_kwargs": ours | conf.get(url.partition(":")[0], {}).get("config_kwargs", {})}


def _is_refused(error: OSError) -> bool:
    """Whether a server refused a request because its condition did not hold."""
    response = getattr(error.__cause__, "response", None) or {}
    refused = response.get("Error", {}).get("Code") in {"PreconditionFailed", "ConditionalRequestConflict"}
    return refused or isinstance(error, FileExistsError)


def _modified(entry: dict[str, Any]) -> float:
    for name in TIMES:
        if entry.get(name) is not None:
            return float(entry[name].timestamp() if hasattr(entry[name], "timestamp") else entry[name])
    return time()  # never old enough to be collected


def _local(url: str) -> Path:
    """Where this machine keeps the index of a remote store and copies of its blobs."""
    name = digest_of(url.encode())[:16]
    if url.startswith("memory:"):
        return _passing() / name
    return cache_folder() / name


def cache_folder() -> Path:
    """Where this machine keeps what it has of all remote stores."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "dreamsweep"


@cache
def _passing() -> Path:
    """A store in memory ends with its process, and so must what is kept of it."""
    folder = Path(tempfile.mkdtemp(prefix="dreamsweep-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
