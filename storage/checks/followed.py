"""Every pointer of a store, followed: from runs and refs to records, and from records to their blobs.

Others are at work meanwhile. What seems to be missing is looked for again, and so is who needed it: a collection takes
records before their blobs, and a commit writes blobs before their record.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage.checks.losses import Loss, Need, Thing, needs_of_records, needs_of_refs, needs_of_runs
from storage.document import digest_of
from storage.errors import StoreError
from storage.files import Files
from storage.names import blob_path, record_path, ref_path, run_path
from storage.record import Record
from storage.records import parse_record
from storage.refs import parse_ref
from storage.runs import RunRecord

PATIENCE = 60.0
"""Seconds that are waited for what a collection on a remote store has moved and may bring back."""
_PAUSE = 1.0

Named = tuple[Thing, str]


@dataclass
class Found:
    """What was read of a store: whole records, runs and refs, and which blobs are there and whole."""

    records: dict[str, Record] = field(default_factory=dict)
    runs: dict[str, RunRecord] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)


def follow(files: Files, found: Found, damaged: Iterable[Named]) -> tuple[list[Loss], int]:
    """What is damaged, and what is needed and not there; and how much more was made again since, and counts as there.

    `damaged`: what was set aside.
    """
    bad = dict.fromkeys(damaged)
    wanted: dict[Named, list[Need]] = defaultdict(list)
    for digest, need in needs_of_records(found.records.values()):
        if digest not in found.blobs:
            wanted["blob", digest].append(need)
    for key, need in needs_of_runs(found.runs.values()):
        if key not in found.records:
            wanted["record", key].append(need)
    for named, need in needs_of_refs(found.refs):
        if named[1] not in (found.records if named[0] == "record" else found.runs):
            wanted[named].append(need)
    missing = {named: needs for named, needs in wanted.items() if named not in bad}
    confirmed = _confirm(files, missing) if missing else {}
    whole = {record.recipe for record in found.records.values() if _has_outputs(found, record)}
    runs = _Runs(found)
    trash = Trash(files) if confirmed else None
    losses, remade = [], 0
    for named in [*bad, *sorted(confirmed)]:
        thing, name = named
        needs = wanted.get(named, []) if named in bad else confirmed[named]
        makers = [name] if thing == "record" else [need.name for need in needs if need.by == "output"]
        if named not in bad and makers and all(key.partition("/")[0] in whole for key in makers):
            remade += 1
            continue
        losses.append(
            Loss(
                thing,
                name,
                "damaged" if named in bad else "missing",
                tuple(needs),
                tuple(makers),
                runs.of(needs, makers),
                None if named in bad or trash is None else trash.whole_copy(named),
            )
        )
    return losses, remade


def check_bytes(named: Named, data: bytes) -> None:
    """Raise ValueError or StoreError where these are not the bytes of what is named."""
    thing, name = named
    if thing == "blob":
        if digest_of(data) != name:
            raise ValueError("its bytes do not match its digest")
    elif thing == "record":
        parse_record(name, data)
    elif thing == "run":
        RunRecord.from_bytes(data)
    else:
        parse_ref(name, data)


def path_of(named: Named) -> str:
    """Where it lies."""
    thing, name = named
    return {"blob": blob_path, "record": record_path, "run": run_path, "ref": ref_path}[thing](name)


def _confirm(files: Files, missing: Mapping[Named, list[Need]]) -> dict[Named, list[Need]]:
    """What is missing still, and who needs it still."""
    left = dict(missing)
    deadline = time.monotonic() + PATIENCE
    while True:
        with _quiet(files):
            left = dict(_still(files, left))
        # A collection on a remote store moves first, and brings back what it finds to be in use.
        if files.folder is not None or not left or time.monotonic() > deadline:
            return left
        trash = Trash(files)
        if not any(trash.may_return(named) for named in left):
            return left
        time.sleep(_PAUSE)


@contextmanager
def _quiet(files: Files) -> Iterator[None]:
    """Where there is a lock, nobody commits or collects while inside."""
    if files.folder is None:
        yield
        return
    with files.collecting():
        yield


def _still(files: Files, missing: Mapping[Named, list[Need]]) -> Iterator[tuple[Named, list[Need]]]:
    # In this order: what needs a thing goes before it, so whoever is there after it was not has lost it.
    gone = {named: needs for named, needs in missing.items() if not files.exists(path_of(named))}
    needing: dict[str, bytes] = files.read_many({_path_of_needing(need) for needs in gone.values() for need in needs})
    for named, needs in gone.items():
        if left := [need for need in needs if _needs(need, named[1], needing.get(_path_of_needing(need)))]:
            yield named, left


def _path_of_needing(need: Need) -> str:
    if need.by == "run":
        return run_path(need.name)
    return ref_path(need.name) if need.by == "ref" else record_path(need.name)


def _needs(need: Need, name: str, data: bytes | None) -> bool:
    """Whether who was seen to need something still does, by its bytes now."""
    if data is None:
        return False
    try:
        if need.by == "run":
            result = RunRecord.from_bytes(data).units.get(need.role)
            return result is not None and result.record == name
        if need.by == "ref":
            return parse_ref(need.name, data).partition(":")[2] == name
    except (ValueError, StoreError):
        return False
    return True  # a record is never changed


def _has_outputs(found: Found, record: Record) -> bool:
    return all(output.digest in found.blobs for output in record.outputs)


class _Runs:
    """Which runs have a record, or made it."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._having: dict[str, list[str]] = defaultdict(list)
        for run in found.runs.values():
            for result in run.units.values():
                self._having[result.record].append(run.id)

    def of(self, needs: Iterable[Need], makers: Iterable[str]) -> tuple[str, ...]:
        """The latest first."""
        runs = {need.name for need in needs if need.by == "run"}
        for key in makers:
            runs.update(self._having[key])
            record = self._found.records.get(key)
            if record is not None and record.provenance.run in self._found.runs:
                runs.add(record.provenance.run)
        return tuple(sorted(runs, key=lambda run: (self._found.runs[run].opened, run), reverse=True))


class Trash:
    """What lies in the trash, by the path that it had."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._places: dict[str, list[str]] = defaultdict(list)
        for place in sorted(files.listing("trash"), reverse=True):
            self._places[place.partition("/")[2].partition("/")[2]].append(place)

    def may_return(self, named: Named) -> bool:
        """Whether a collection has moved it."""
        return any("-garbage/" in place for place in self._places[path_of(named)])

    def whole_copy(self, named: Named) -> str | None:
        """Where a copy lies that is what it was; None where there is none."""
        for place in self._places[path_of(named)]:
            try:
                check_bytes(named, self._files.read(place))
            except (FileNotFoundError, ValueError, StoreError):
                continue
            return place
        return None

    def bring_back(self, named: Named) -> bool:
        """Whether it is in its place again: it lay here, whole. A record comes with the blobs that it names."""
        place, path = self.whole_copy(named), path_of(named)
        if place is None or self._files.exists(path):
            return self._files.exists(path)
        blobs: set[str] = set()
        if named[0] == "record":
            blobs = parse_record(named[1], self._files.read(place)).named_blobs()
        for digest in sorted(blobs):  # before their record, as in a commit
            self.bring_back(("blob", digest))
        self._files.move(place, path)
        return True
