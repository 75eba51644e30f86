"""What a person means by a text: a ref, a run, a record, a unit, an exported file, or the beginning of a digest."""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storage.document import Json
from storage.errors import NothingFound, StoreError
from storage.names import DIGEST, KEY, RUN, digest_of_path, is_ref
from storage.record import Record
from storage.refs import FORMER
from storage.runs import RunRecord
from storage.store import Store

SHORTEST = 4  # characters of a digest
PREFIX = re.compile(r"[0-9a-fA-F]+")
SHORT_KEY = re.compile(r"([0-9a-fA-F]{4,64})/([0-9a-fA-F]{4,32})")
MOST_CANDIDATES = 10


@dataclass(frozen=True)
class Found:
    """What a text means, with its `name` in full: a run's id, a record's key, or the digest of a blob.

    `artifacts` holds for a record that record and None; for a blob every record that made it, with the role of the
    output (two units can yield the same picture; none where no record did). `run` is given for a run.

    `said` is what a file says of itself, given where its bytes are not of this store. The blob is then what they were
    before they were changed; or the kind is `file`, its name its own digest, and the store knows nothing of it.
    """

    kind: Literal["run", "record", "blob", "file"]
    name: str
    artifacts: tuple[tuple[Record, str | None], ...] = ()
    run: RunRecord | None = None
    said: dict[str, Json] | None = None


Said = Callable[[Path], dict[str, Json] | None]
"""What a file says of how it was made, its `recipe` and `role`; None where it says nothing."""


def resolve(store: Store, text: str, *, run: str | None = None, said: Said | None = None) -> Found:
    """What `text` means in this store; a unit means that of the latest run that has it, or of `run`.

    Asked in this order: a ref, a run's id, a record's key, a unit, an exported file, the beginning of a digest. A file
    whose bytes the store does not know is asked what it says of itself, where `said` is given. Raises StoreError where
    the text means nothing, or several things, which it then lists.
    """
    found = _named(store, text, run) or _file(store, text, said) or _digest(store, text)
    if found is None:
        raise NothingFound(f"nothing in the store {store.root} has the name {text!r}{_nearest(store, text)}")
    return found


def _named(store: Store, text: str, run: str | None) -> Found | None:
    if run is None and is_ref(text):
        refs = store.refs()
        if target := refs.get(text) or refs.get(f"{FORMER}{text}"):
            return _target(store, target)
    if text.startswith(("record:", "run:")):
        return _target(store, text)
    if RUN.fullmatch(text):
        return _target(store, f"run:{text}")
    if KEY.fullmatch(text):
        return _record(store.record(text))
    return _short_key(store, text) or _unit(store, text, run)


def _target(store: Store, target: str) -> Found:
    kind, _, name = target.partition(":")
    if kind == "run":
        return Found("run", name, run=store.run(name))
    return _record(store.record(name))


def _record(record: Record) -> Found:
    return Found("record", record.key, ((record, None),))


def _short_key(store: Store, text: str) -> Found | None:
    """`RECIPE/EXECUTION` with only the beginnings of both."""
    match = SHORT_KEY.fullmatch(text)
    if not match:
        return None
    recipe, execution = match[1].lower(), match[2].lower()
    index = store.questions()
    found = [
        record
        for whole in index.beginning(recipe)["recipe"]
        for record in index.of_recipe(whole)
        if record.execution.startswith(execution)
    ]
    if len(found) > 1:
        raise _ambiguous(text, (f"record {record.key}" for record in found))
    return _record(found[0]) if found else None


def _unit(store: Store, text: str, run: str | None) -> Found | None:
    for candidate in [store.run(run)] if run else reversed(store.runs()):
        if text in candidate.units:
            try:
                return _record(store.record(candidate.units[text].record))
            except StoreError:
                if run:
                    raise
    if run or not _is_text(text):
        return None
    records = store.questions().of_unit(text)
    return _record(records[-1]) if records else None


def _is_text(name: str) -> bool:
    """Whether a name can be one in the store: what is no UTF-8 is a file's at best."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file(store: Store, text: str, said: Said | None) -> Found | None:
    try:
        path = Path(text).expanduser()
        if not path.is_file():
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        made = store.questions().producers(digest)
        if made:
            return Found("blob", digest, tuple(made))
        if PREFIX.fullmatch(text):
            return None  # a file that happens to be called like the beginning of a digest
        about = said(path) if said else None
    except (OSError, ValueError, RuntimeError):  # RuntimeError: the home of nobody
        return None
    if about is None:
        raise StoreError(
            f"the file {text} did not come from the store {store.root}, or was changed since: export it again"
        )
    return _copy(store, about) or Found("file", digest, said=about)


def _copy(store: Store, about: dict[str, Json]) -> Found | None:
    """The blob that a file of other bytes says it is, by its recipe and role: of several executions, the latest's."""
    recipe, role = about.get("recipe"), about.get("role")
    if not isinstance(recipe, str) or not DIGEST.fullmatch(recipe):
        return None
    index = store.questions()
    for record in reversed(index.of_recipe(recipe)):
        for output in record.outputs:
            if output.role == role:
                return Found("blob", output.digest, tuple(index.producers(output.digest)), said=about)
    return None


def _digest(store: Store, text: str) -> Found | None:
    if not PREFIX.fullmatch(text) or len(text) > 64:
        return None
    if len(text) < SHORTEST:
        raise StoreError(f"{text!r} is too short for a digest: give at least {SHORTEST} characters")
    prefix = text.lower()
    index = store.questions()
    found = index.beginning(prefix)
    if not any(found.values()):
        # Blobs that are no output: environments, and what a killed process left.
        listed = map(digest_of_path, store.files.listing(f"blobs/{prefix[:2]}"))
        found = {"blob": {digest for digest in listed if digest is not None and digest.startswith(prefix)}}
    candidates = [(kind, digest) for kind, digests in found.items() for digest in sorted(digests)]
    if not candidates:
        return None
    if len(candidates) > 1:
        raise _ambiguous(text, (f"{kind} {digest}" for kind, digest in candidates))
    kind, digest = candidates[0]
    if kind == "blob":
        return Found("blob", digest, tuple(index.producers(digest)))
    if kind == "identity":
        blobs = {record.output(role).digest for record, role in index.of_identity(digest)}
        if len(blobs) > 1:
            raise _ambiguous(text, (f"blob {blob}" for blob in sorted(blobs)))
        return Found("blob", (blob := blobs.pop()), tuple(index.producers(blob)))
    records = index.of_recipe(digest)
    if len(records) > 1:
        raise _ambiguous(text, (f"record {record.key}" for record in records))
    return _record(records[0])


def _ambiguous(text: str, candidates: Iterable[str]) -> StoreError:
    names = list(candidates)
    more = f" and {len(names) - MOST_CANDIDATES} more" if len(names) > MOST_CANDIDATES else ""
    return StoreError(f"{text!r} can mean {', '.join(names[:MOST_CANDIDATES])}{more}: give more of it")


def _nearest(store: Store, text: str) -> str:
    names = [name for name in store.refs() if not name.startswith(FORMER)]
    for run in reversed(store.runs()[-5:]):
        names += run.units
    near = list(dict.fromkeys(difflib.get_close_matches(text, names)))
    if near:
        return f"; the nearest names are {', '.join(near)}"
    return ": give a ref, a run, a unit, an exported file or the beginning of a digest"
