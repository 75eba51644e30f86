"""Files for people: the blobs of a store under names that say what they are, and their records beside them.

    OUT/Conv2D_2.png  .h5                      a layer's contact sheet and tensors
    OUT/Conv2D_2/Conv2D_2-017.png  .npy        a unit's OIPs
    OUT/model.keras  .h5, history.json  .png   a model
    OUT/data/train_imgs.npy ...  digits.h5     a data set
    OUT/epochs/epoch-07.keras  .json           a checkpoint
    OUT/dreams/garden/rose.jpg.png             a dream, under the name of its picture
    OUT/analysis/fcps of Conv2D_3/picture.png  a result of an analysis
    OUT/records/...json                        for each file or pair of files, what made it

The files are the blobs' own bytes, so that a file's digest leads back to its record.
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from flows.forms.private import umask_for
from flows.results.documents import environment
from lib.errors import BadInput
from lib.permissions import give, make_folders
from storage.collection.writers import has_died, temporary_name
from storage.errors import StoreError
from storage.record import Output, Record
from storage.resolve import Found
from storage.store import Store
from tasks.session.kind import kind_of_task
from tasks.sweep.kinds.layer import KIND as LAYER
from tasks.sweep.kinds.oip import NOT_SHOWN

RECORDS = "records"
_LARGEST = 2**26  # bytes of a record that is looked into
_UNFINISHED = ".part"
ENDINGS = {
    "image/png": ".png",
    "application/x-npy": ".npy",
    "application/x-hdf5": ".h5",
    "application/x-keras": ".keras",
    "application/json": ".json",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
}
"""What files end in, by their media type."""


@dataclass
class Done:
    """What was exported: how many files were written, how many were there already, their paths, and bytes written."""

    written: int = 0
    same: int = 0
    size: int = 0
    files: list[str] = field(default_factory=list)

    def tops(self) -> Mapping[str, int]:
        """How many files there are under each first name inside the folder."""
        return Counter(name.partition("/")[0] for name in self.files)


def plan_export(store: Store, found: Iterable[Found]) -> dict[str, str | bytes]:
    """Which file, by its path inside the folder, is to hold which blob (its digest), or which bytes (a record's).

    Raises StoreError where there is nothing to export, or two different things would have one name: two runs of
    different settings want a folder each.
    """
    plan: dict[str, str | bytes] = {}
    for one in found:
        for record, role, unit in _artifacts(store, one):
            for name, content in _files(store, record, role, unit):
                if plan.setdefault(name, content) != content:
                    raise StoreError(f"two different files would have the name {name}: export them to a folder each")
    if not plan:
        raise StoreError("this holds nothing to export: name a run, a unit, a model, a picture or a record")
    return plan


def sheets(store: Store, run: str) -> dict[str, tuple[str, str]]:
    """The contact sheets of a run by layer: the file's path inside the folder, and the blob's digest."""
    found = {}
    for result in store.run(run).units.values():
        if result.kind == LAYER.task:
            record = store.record(result.record)
            sheet = record.output("sheet")
            found[str(record.parameters["layer"])] = name_of(record, sheet), sheet.digest
    return found


def write_export(store: Store, plan: Mapping[str, str | bytes], folder: Path) -> Done:
    """Write what was planned into a folder. All blobs are verified; what is there already with these bytes stays.

    Raises BadInput, before anything is written, where a file is there with other bytes, and where the folder cannot be
    written to; StoreError where a blob is missing or damaged.
    """
    done = Done()
    try:
        for place in {(folder / name).parent for name in plan}:
            remove_unfinished(place)
        there = {name: _holds(folder / name, content) for name, content in plan.items()}
        for name, content in plan.items():
            if there[name]:
                done.same += 1
            else:
                done.size += write(store, folder / name, content)
                done.written += 1
            done.files.append(name)
    except OSError as error:
        raise BadInput(
            f"{error.filename or folder} cannot be written ({error.strerror}): name another folder with --out"
        ) from error
    return done


def name_of(record: Record, output: Output, unit: str | None = None) -> str:
    """The path of an output inside the folder, readable and safe on any file system.

    `unit` is what a run calls the record.
    """
    ending = ENDINGS.get(output.media_type, "")
    return kind_of_task(record.task).file(record, output, unit, ending)


def _artifacts(store: Store, found: Found) -> Iterator[tuple[Record, str | None, str | None]]:
    """Records, the role of the output that is meant, and what a run calls it, where it is a run's."""
    if found.run is None:
        yield from ((record, role, None) for record, role in found.artifacts)
        return
    shown = {unit: result for unit, result in found.run.units.items() if result.kind != NOT_SHOWN}
    records = [(store.record(result.record), unit) for unit, result in shown.items()]
    # A sweep or a dream is asked for its pictures; a training, which has none of those, for its model.
    wanted = _exported(records, "always") or _exported(records, "alone")
    yield from ((record, None, unit) for record, unit in wanted)


def _exported(records: Sequence[tuple[Record, str]], how: str) -> list[tuple[Record, str]]:
    return [one for one in records if kind_of_task(one[0].task).exported == how]


def _files(store: Store, record: Record, role: str | None, unit: str | None) -> Iterator[tuple[str, str | bytes]]:
    outputs = [output for output in record.outputs if role in (None, output.role)]
    for output in outputs:
        yield name_of(record, output, unit), output.digest
    document = without_places({"key": record.key, **asdict(record), "environment": environment(store, record)})
    name = name_of(record, outputs[0], unit)
    if not name.startswith("dreams/"):  # a dream and a film of it differ in nothing but their endings
        name = str(PurePosixPath(name).with_suffix(""))
    yield f"{RECORDS}/{name}.json", _text(document)


def without_places(document: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it is given away: without the machine's name, and of paths and addresses the last part alone.

    What a run calls a thing (`title`) may begin with a slash, and is no path.
    """

    def shown(name: str, value: Any) -> Any:
        match value:
            case dict():
                kept = {key: item for key, item in value.items() if (name, key) != ("provenance", "host")}
                return {_without_place(key): shown(key, item) for key, item in kept.items()}
            case list() | tuple():
                return [shown(name, item) for item in value]
            case str() if name not in _NO_PLACES:
                return _without_place(value)
        return value

    return {key: shown(key, value) for key, value in document.items()}


_NO_PLACES = ("title", "unit", "layer", "media_type")
_BEGINS = r"(?:[a-zA-Z][\w+.-]*://|~?/)"
# Of a path (/home/me/cats, ~/cats), also behind what says how it is meant (folder:/home/me/cats, input=/home/cat.npy),
# and of an address (s3://user:password@host/cats). Where a text is nothing else, spaces are the path's.
_PLACE = re.compile(rf"^(?P<before>(?:folder:|[\w.]+=)?)(?P<place>{_BEGINS}.*)$", re.DOTALL)
_WITHIN = re.compile(rf"(?<![\w./~%])(?P<before>)(?P<place>{_BEGINS}[^\s\"'<>|,;]+)")


def _without_place(text: str) -> str:
    def last(found: re.Match[str]) -> str:
        way = found["place"].partition("://")[2] or found["place"]
        return found["before"] + way.rstrip("/").rpartition("/")[2].rpartition("@")[2]

    return _PLACE.sub(last, text) if _PLACE.match(text) else _WITHIN.sub(last, text)


def _text(document: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)}\n".encode()


def _is_earlier(data: bytes, content: str | bytes) -> bool:
    """Whether these bytes are the same record as an earlier version exported it, with host and paths."""
    try:
        return isinstance(content, bytes) and _text(without_places(json.loads(data))) == content
    except (ValueError, AttributeError, RecursionError):
        return False


def _holds(path: Path, content: str | bytes) -> bool:
    """Whether the file is there with these bytes. Raises BadInput where it is there with others."""
    if not path.exists():
        return False
    if path.is_file():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest == (content if isinstance(content, str) else hashlib.sha256(content).hexdigest()):
            return True
        if isinstance(content, bytes) and path.stat().st_size < _LARGEST and _is_earlier(path.read_bytes(), content):
            return False
    raise BadInput(f"{path} is there already and holds something else: name another folder with --out")


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left in a folder. Raises OSError."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        if has_died(path.name.removeprefix(".")):
            path.unlink(missing_ok=True)


def write(store: Store, path: Path, content: str | bytes) -> int:
    """Write a file so that it is there whole or not at all, with the user's own umask; return its size in bytes."""
    umask = umask_for(path)
    make_folders(path.parent, umask)
    temporary = path.with_name(f".{temporary_name(_UNFINISHED)}")
    try:
        if isinstance(content, str):
            shutil.copyfile(store.path(content), temporary)
        else:
            temporary.write_bytes(content)
        give(temporary, umask)
        size = temporary.stat().st_size
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return size
