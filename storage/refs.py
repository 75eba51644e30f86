"""Refs: names that people use, pointing at records or runs.

What has been renamed is still found by its former name: documents that were written before have no other. Former names
are refs as well, below `renamed/`. A ref is sealed, as records and runs are.
"""

from typing import Any

from storage.clock import now
from storage.document import SEAL, decode, encode, seal, unseal
from storage.errors import StoreError
from storage.files import Files
from storage.names import record_path, ref_of_path, ref_path, run_path

FORMER = "renamed/"
"""Below this lie the names that something had before it was renamed."""


def set_ref(files: Files, name: str, target: str) -> None:
    """Point a name at `record:RECIPE/EXECUTION` or `run:RUN`. Raises StoreError where there is no such thing."""
    path = ref_path(name)
    with files.writing():
        if not files.exists(target_path(target)):
            raise StoreError(f"ref {name} cannot point at {target}: the store {files.root} has no such thing")
        files.write(path, seal({"target": target, "set": now()}, f"ref {name}"))


def read_ref(files: Files, name: str) -> str:
    """What a name points at. Raises StoreError where there is no such ref, or it is damaged."""
    try:
        data = files.read(ref_path(name))
    except FileNotFoundError:
        raise StoreError(f"the store {files.root} has no ref {name}") from None
    return parse_ref(name, data)


def parse_ref(name: str, data: bytes) -> str:
    """The target in a ref's bytes. Raises StoreError where they are damaged."""
    try:
        document = unseal(data) if is_sealed(data) else _unsealed(data)
        target = document["target"]
        target_path(target)
    except (KeyError, TypeError, AttributeError, ValueError, StoreError) as error:
        raise StoreError(f"ref {name} is damaged ({error}): run `dreamsweep verify`, then set it again") from None
    return str(target)


def is_sealed(data: bytes) -> bool:
    """Whether a ref carries a seal. Earlier versions wrote none; such a ref gets one when it is set again."""
    return SEAL in decode(data)


def read_refs(files: Files) -> dict[str, str]:
    """Every ref and what it points at, by name. Raises StoreError where one is damaged."""
    names = {path: name for path in files.listing("refs") if (name := ref_of_path(path)) is not None}
    return {names[path]: parse_ref(names[path], data) for path, data in sorted(files.read_many(names).items())}


def delete_ref(files: Files, name: str) -> None:
    """Forget a name; what it points at stays. Raises StoreError where there is no such ref."""
    path = ref_path(name)
    if not files.exists(path):
        raise StoreError(f"the store {files.root} has no ref {name}")
    files.delete(path)


def rename_ref(files: Files, old: str, new: str) -> None:
    """Give what a ref points at another name; `resolve` finds it by the old one as well.

    Raises StoreError where there is no such ref, or the new name is, or was, that of something else.
    """
    target, refs = read_ref(files, old), read_refs(files)
    former = f"{FORMER}{new}"
    if new in refs or refs.get(former, target) != target:
        raise StoreError(f"{old} cannot be renamed: {new} is, or was, the name of something else")
    set_ref(files, new, target)
    set_ref(files, f"{FORMER}{old}", target)
    delete_ref(files, old)
    if former in refs:
        delete_ref(files, former)


def target_path(target: str) -> str:
    """Where the record or run that a target names lies. Raises StoreError for what is not a target."""
    kind, _, name = target.partition(":")
    if kind == "record":
        return record_path(name)
    if kind == "run":
        return run_path(name)
    raise StoreError(f"{target!r} cannot be the target of a ref, which reads record:RECIPE/EXECUTION or run:RUN")


def _unsealed(data: bytes) -> dict[str, Any]:
    """The ref of an earlier version in these bytes. Raises ValueError for all that none of them wrote.

    A sealed one whose seal is called otherwise now is not taken for one.
    """
    document = decode(data)
    if set(document) != {"target", "set"} or encode(document) != data:
        raise ValueError("its bytes are not those of a ref")
    return document
