"""Reading everything again, and following every pointer: what is still what it was, and there.

Sets aside, never deletes. With `repair` it makes the index anew and brings back what lies whole in the trash.
"""

import hashlib
import logging
from functools import partial

from storage.checks.followed import Found, Named, Trash, check_bytes, follow, path_of
from storage.checks.losses import Loss, Report
from storage.errors import StoreError
from storage.files import Files
from storage.index import FAILURES, is_damage, reason
from storage.mishaps.quarantine import Quarantine
from storage.names import digest_of_path, key_of_path, ref_of_path, run_of_path
from storage.records import RecordDamaged, parse_record
from storage.refs import is_sealed, parse_ref
from storage.reindex import unindexed
from storage.runs import RunRecord
from storage.store import Store

log = logging.getLogger(__name__)

__all__ = ["Loss", "Report", "verify"]


def verify(store: Store, *, repair: bool = False) -> Report:
    """Read every blob, record, run and ref again; set aside those that were changed, and look for what they name.

    Works on a read-only store too, but for `repair`. Raises StoreUnusable.
    """
    files = store.files
    aside = _Aside(files)
    found = Found()
    # Blobs after records, and records before runs: what was listed has by now what it names.
    _read_records(files, aside, found)
    unsealed = _read_runs_and_refs(files, aside, found)
    checked = _read_blobs(files, aside, found)
    losses, remade = follow(files, found, aside.named)
    missing = [loss for loss in losses if loss.state == "missing"]
    index, unknown = _compare_index(store, found)
    trash = Trash(files) if repair else None
    returned = [loss.label for loss in missing if trash is not None and trash.bring_back((loss.thing, loss.name))]
    mend = repair and (index is not None or unknown or returned)
    named = {digest for record in found.records.values() for digest in record.named_blobs()}
    return Report(
        checked=checked,
        corrupt=[loss.label for loss in losses if loss.state == "damaged"],
        missing=[loss.label for loss in missing],
        orphans=len(found.blobs - named),
        unindexed=unknown,
        quarantine=aside.quarantine.folder if aside.quarantine.moved else None,
        losses=losses,
        index=index,
        remade=remade,
        unsealed=unsealed,
        unlisted=_unlisted(files, found),
        reindexed=store.reindex() if mend else None,
        returned=returned,
    )


class _Aside:
    """What was found changed and set aside."""

    def __init__(self, files: Files) -> None:
        self.quarantine = Quarantine(files)
        self.named: list[Named] = []

    def put(self, named: Named) -> bool:
        """Set it aside, unless it was mended meanwhile, or has gone; whether it counts as damaged."""
        before = len(self.quarantine.names)
        self.quarantine.put(":".join(named), path_of(named), partial(check_bytes, named))
        if damaged := len(self.quarantine.names) > before:
            self.named.append(named)
        return damaged


def _read_records(files: Files, aside: _Aside, found: Found) -> None:
    paths = {path: key for path in files.listing("records") if (key := key_of_path(path)) is not None}
    for path, data in _read_all(files, sorted(paths)):
        key = paths[path]
        try:
            found.records[key] = parse_record(key, data)
        except RecordDamaged:
            aside.put(("record", key))


def _read_runs_and_refs(files: Files, aside: _Aside, found: Found) -> list[str]:
    """Read them; return the names of refs without a seal."""
    runs = {path: run for path in files.listing("runs") if (run := run_of_path(path)) is not None}
    for path, data in _read_all(files, sorted(runs)):
        try:
            found.runs[runs[path]] = RunRecord.from_bytes(data)
        except ValueError:
            aside.put(("run", runs[path]))
    refs = {path: ref for path in files.listing("refs") if (ref := ref_of_path(path)) is not None}
    unsealed = []
    for path, data in _read_all(files, sorted(refs)):
        name = refs[path]
        try:
            found.refs[name] = parse_ref(name, data)
        except StoreError:
            aside.put(("ref", name))
        else:
            unsealed += [] if is_sealed(data) else [name]
    return unsealed


def _read_blobs(files: Files, aside: _Aside, found: Found) -> int:
    """Hash them; return how many there were."""
    checked = 0
    for path in sorted(files.listing("blobs")):
        digest = digest_of_path(path)
        if digest is None:
            continue
        try:
            whole = _digest(files, path) == digest
        except FileNotFoundError:
            continue
        checked += 1
        if whole or not aside.put(("blob", digest)):
            found.blobs.add(digest)
    return checked


def _read_all(files: Files, paths: list[str]) -> list[tuple[str, bytes]]:
    return sorted(files.read_many(paths).items())


def _digest(files: Files, path: str) -> str:
    """The digest of a file's bytes; of what cannot be read, none that a blob could have. Raises FileNotFoundError."""
    if files.folder is None:
        return hashlib.sha256(files.read(path)).hexdigest()
    try:
        with (files.folder / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error)
        return ""


def _compare_index(store: Store, found: Found) -> tuple[str | None, int]:
    """What is wrong with the index of this machine, and how many records it does not have."""
    unknown = unindexed(store.files, store.index)
    if not (store.files.local / "index.sqlite").exists():
        return None, len(unknown)
    try:
        otherwise = store.index.compare(found.records)
    except FAILURES as error:
        return (f"it is damaged ({reason(error)})" if is_damage(error) else None), len(unknown)
    return (f"it does not hold {otherwise[0]} as its file does" if otherwise else None), len(unknown)


def _unlisted(files: Files, found: Found) -> list[str]:
    """Runs that made records, and are neither there nor in the trash."""
    made_by = {record.provenance.run for record in found.records.values()} - {None} - set(found.runs)
    gone = {run for run in made_by if run is not None and not files.exists(path_of(("run", run)))}
    if gone:
        gone -= {run for path in files.listing("trash") if (run := run_of_path("/".join(path.split("/")[2:])))}
    return sorted(gone)
