"""Names inside a store, and the paths they stand for; what is not a safe name never becomes a path."""

import re

from storage.errors import StoreError

DIGEST = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"([0-9a-f]{64})/([0-9a-f]{32})")
RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
# No segment begins with a dot, so there is neither `..` nor a hidden file.
REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@=-]*(/[A-Za-z0-9_][A-Za-z0-9_.+@=-]*)*")
LONGEST_SEGMENT = 200

FOLDERS = ("blobs", "records", "runs", "refs", "tmp", "trash")


def blob_path(digest: str) -> str:
    """Where the blob of this digest lies. Raises StoreError for what is not a whole digest."""
    if not DIGEST.fullmatch(digest):
        raise StoreError(f"{digest!r} is not a digest: a digest is 64 of the characters 0-9 and a-f")
    return f"blobs/{digest[:2]}/{digest}"


def digest_of_path(path: str) -> str | None:
    """The digest of the blob at this path; None for a path that is no blob's."""
    digest = path.rpartition("/")[2]
    return digest if DIGEST.fullmatch(digest) and path == blob_path(digest) else None


def record_path(key: str) -> str:
    """Where the record of this key (`RECIPE/EXECUTION`) lies. Raises StoreError for what is not a key."""
    if not KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not a record's key, which reads RECIPE/EXECUTION")
    return f"records/{key}.json"


def key_of_path(path: str) -> str | None:
    """The key of the record at this path; None for a path that is no record's."""
    key = path.removeprefix("records/").removesuffix(".json")
    return key if KEY.fullmatch(key) and path == record_path(key) else None


def run_path(run: str) -> str:
    """Where the record of this run lies. Raises StoreError for what is not a run's id."""
    if not RUN.fullmatch(run):
        raise StoreError(f"{run!r} is not a run's id, which reads like 20261122-101530-a1b2c3: see `dreamsweep runs`")
    return f"runs/{run}.json"


def run_of_path(path: str) -> str | None:
    """The id of the run whose record is at this path; None for a path that is no run's."""
    run = path.removeprefix("runs/").removesuffix(".json")
    return run if RUN.fullmatch(run) and path == run_path(run) else None


def ref_path(name: str) -> str:
    """Where the ref of this name (`model/mnist`) lies. Raises StoreError for a name that is not safe as a path."""
    if not is_ref(name):
        raise StoreError(
            f"{name!r} cannot name a ref: use letters, digits and _ . + @ = - between single slashes, as in model/mnist"
        )
    return f"refs/{name}.json"


def is_ref(name: str) -> bool:
    """Whether this can name a ref. A segment in `.json` cannot: `a.json/b` would need a folder where ref `a` lies."""
    return (
        bool(REF.fullmatch(name))
        and not any(segment.endswith(".json") for segment in name.split("/"))
        and max(map(len, name.split("/"))) <= LONGEST_SEGMENT
    )


def ref_of_path(path: str) -> str | None:
    """The name of the ref at this path; None for a path that is no ref's."""
    name = path.removeprefix("refs/").removesuffix(".json")
    return name if is_ref(name) and path == ref_path(name) else None
