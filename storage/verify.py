"""Reading everything again: which blobs and records still are what they were. Sets aside, never deletes."""

import hashlib
import logging
from dataclasses import dataclass
from functools import partial

from storage.document import digest_of
from storage.errors import StoreError
from storage.files import Files
from storage.mishaps.quarantine import Quarantine
from storage.names import digest_of_path, key_of_path, ref_of_path, run_of_path
from storage.record import Record
from storage.records import RecordDamaged, parse_record
from storage.refs import parse_ref, target_path
from storage.reindex import unindexed
from storage.runs import RunRecord
from storage.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    `checked` blobs were hashed. `corrupt` names blobs by digest, and `record:KEY`, `run:RUN`, `ref:NAME`, whose bytes
    are not what was written; they now lie in the trash folder `quarantine` (None where nothing was moved). `missing`
    names blobs that a record needs, and what refs point at, that are not there. `orphans` counts blobs that no record
    names (garbage collection takes them), `unindexed` records that `reindex` would add to the index.
    """

    checked: int
    corrupt: list[str]
    missing: list[str]
    orphans: int
    unindexed: int
    quarantine: str | None = None

    @property
    def clean(self) -> bool:
        """Whether everything that was promised is there and whole."""
        return not self.corrupt and not self.missing


def verify(store: Store) -> Report:
    """Read every blob, record, run and ref again; set aside those that were changed. Works on a read-only store too."""
    files = store.files
    quarantine = Quarantine(files)
    records = _records(files, quarantine)
    missing = _runs_and_refs(files, quarantine, records)
    # Blobs after records: a record that was listed has its blobs by now.
    blobs = {digest: path for path in files.listing("blobs") if (digest := digest_of_path(path)) is not None}
    checked = 0
    for digest, path in sorted(blobs.items()):
        try:
            good = _digest(files, path) == digest
        except FileNotFoundError:
            continue
        checked += 1
        if not good:
            quarantine.put(digest, path, partial(_check_blob, digest))
    needed = {digest for record in records.values() for digest in record.own_blobs()}
    named = {digest for record in records.values() for digest in record.named_blobs()}
    return Report(
        checked=checked,
        corrupt=quarantine.names,
        missing=sorted(needed - set(blobs)) + missing,
        orphans=len(set(blobs) - named),
        unindexed=len(unindexed(files, store.index)),
        quarantine=quarantine.folder if quarantine.moved else None,
    )


def _records(files: Files, quarantine: Quarantine) -> dict[str, Record]:
    paths = {path: key for path in files.listing("records") if (key := key_of_path(path)) is not None}
    records = {}
    for path, data in _read_all(files, sorted(paths)):
        key = paths[path]
        try:
            records[key] = parse_record(key, data)
        except RecordDamaged:
            quarantine.put(f"record:{key}", path, partial(parse_record, key))
    return records


def _runs_and_refs(files: Files, quarantine: Quarantine, records: dict[str, Record]) -> list[str]:
    """Check them, and return what refs point at that is not there."""
    runs = {path: run for path in files.listing("runs") if (run := run_of_path(path)) is not None}
    for path, data in _read_all(files, sorted(runs)):
        try:
            RunRecord.from_bytes(data)
        except ValueError:
            quarantine.put(f"run:{runs[path]}", path, RunRecord.from_bytes)
    refs = {path: ref for path in files.listing("refs") if (ref := ref_of_path(path)) is not None}
    missing = set()
    for path, data in _read_all(files, sorted(refs)):
        name = refs[path]
        try:
            target = parse_ref(name, data)
        except StoreError:
            quarantine.put(f"ref:{name}", path, partial(parse_ref, name))
            continue
        known = target.removeprefix("record:") in records or target_path(target) in runs
        if not known and not files.exists(target_path(target)):
            missing.add(target)
    return sorted(missing)


def _read_all(files: Files, paths: list[str]) -> list[tuple[str, bytes]]:
    return sorted(files.read_many(paths).items())


def _check_blob(digest: str, data: bytes) -> None:
    if digest_of(data) != digest:
        raise ValueError("its bytes do not match its digest")


def _digest(files: Files, path: str) -> str:
    """The digest of a file's bytes; of what cannot be read, none that a blob could have. Raises FileNotFoundError."""
    if files.folder is None:
        return digest_of(files.read(path))
    try:
        with (files.folder / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error)
        return ""
