"""The store: blobs, records, runs and refs as files, which are the truth; an index beside them, for questions only."""

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import records, refs
from storage.blobs import Blobs
from storage.clock import now
from storage.collection.writers import temporary_name
from storage.document import plain_mapping
from storage.errors import StoreError, StoreUnusable
from storage.files import Files, Kept
from storage.finding.finder import Finder
from storage.finding.known_records import KnownRecords
from storage.finding.listing import Listing
from storage.finding.lookup import LookUp
from storage.local_files import LocalFiles
from storage.names import FOLDERS, blob_path, record_path, run_of_path, run_path
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Output, Provenance, Record
from storage.runs import JoinedRun, Run, RunRecord
from storage.trash import new_trash, trash_path

if TYPE_CHECKING:
    import numpy as np

    from storage.collection.witness import Witness
    from storage.index import Index
    from storage.rows import Rows

__all__ = [
    "Finder",
    "Input",
    "Listing",
    "LookUp",
    "NewOutput",
    "Output",
    "Provenance",
    "Recipe",
    "Record",
    "Run",
    "RunRecord",
    "Store",
]

log = logging.getLogger(__name__)


class Store:
    """One store. Any number of threads, processes and machines may share it.

    What `commit` has returned is on disk whole: a killed process leaves no torn blob and no record without its blobs.
    No bytes that do not match their digest are ever handed out.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.blobs = Blobs(files)
        self._known = KnownRecords(files)

    @staticmethod
    def open(root: str | Path, *, create: bool = True) -> "Store":
        """The store at a path, or at an fsspec URL such as `s3://bucket/store`.

        Raises StoreUnusable where the path is a file, cannot be created, or holds no store and `create` is False.
        """
        text = str(root)
        if "://" in text and not text.startswith("file://"):
            from storage.remote_files import RemoteFiles

            return Store(RemoteFiles(text))
        if not text:
            raise StoreUnusable("the store's path is empty: name a folder with --store or DREAMSWEEP_STORE")
        try:
            path = Path(text.removeprefix("file://")).expanduser().absolute()
            if path.exists() and not path.is_dir():
                raise StoreUnusable(f"the store {path} is a file: name a folder with --store or DREAMSWEEP_STORE")
            is_there = (path / "records").is_dir()
        except (OSError, ValueError, RuntimeError) as error:  # it is too long, is no text, or somebody's who is nobody
            reason = getattr(error, "strerror", None) or error
            raise StoreUnusable(
                f"the store {text} is no usable path ({reason}): name a folder with --store or DREAMSWEEP_STORE"
            ) from error
        folder = LocalFiles(path)
        if not is_there:
            if not create:
                raise StoreUnusable(f"there is no store at {path}: name one with --store or DREAMSWEEP_STORE")
            folder.make(FOLDERS)
        return Store(folder)

    @property
    def root(self) -> str:
        """The path or URL of this store."""
        return self.files.root

    def check_writable(self) -> None:
        """Raise StoreUnusable where nothing can be written, as on a full or read-only disk, before work begins."""
        probe = f"tmp/{temporary_name()}"
        self.files.write(probe, bytes(4096))
        self.files.delete(probe)

    def put(self, data: bytes) -> str:
        """Store these bytes; return their digest."""
        with self.files.writing():
            return self.blobs.put(data)

    def get(self, digest: str) -> bytes:
        """The bytes of this digest, verified. Raises BlobMissing, BlobCorrupt."""
        return self.blobs.get(digest)

    def path(self, digest: str) -> Path:
        """A verified file that holds these bytes; never write to it. Raises BlobMissing, BlobCorrupt."""
        return self.blobs.path(digest)

    def array(self, digest: str) -> "np.ndarray[Any, Any]":
        """The array of an `.npy` blob, verified and memory-mapped. Raises StoreError for pickled objects."""
        return self.blobs.array(digest)

    def rows(self, output: Output) -> "np.ndarray[Any, Any] | Rows":
        """The array of an `.npy` output of which some rows are needed: of a remote store only these are fetched, where
        whoever stored it has told what its pieces are. Raises as `array` does."""
        from storage.rows import Rows, has_pieces

        if self.files.folder is not None or not has_pieces(output) or self.blobs.is_here(output.digest):
            return self.array(output.digest)
        return Rows(self.files, output, self.blobs.cache())

    def listing(self) -> Listing:
        """What the store holds now, by one listing of records and blobs: what a run asks."""
        return Listing(self.files, self._known)

    def lookup(self) -> LookUp:
        """What finds as `listing` does, by a listing for each recipe: for whoever needs a few of a large store."""
        return LookUp(self.files, self._known)

    def commit(
        self,
        recipe: Recipe,
        outputs: Sequence[NewOutput],
        *,
        inputs: Sequence[Input],
        provenance: Provenance,
        started: str,
    ) -> Record:
        """Store all outputs of an execution, then its record: blobs first, the record, then the index.

        `started` is ISO 8601 in UTC. An index that cannot be written is logged and never fatal. Raises StoreError for
        roles given twice and for NaN in attributes, before anything is written, and for an output's file that cannot be
        read; and StoreUnusable.
        """
        roles = [output.role for output in outputs]
        if len(set(roles)) != len(roles):
            raise StoreError(f"an output's role is given twice to {recipe.task}: {', '.join(sorted(roles))}")
        for digest in [item.digest for item in inputs] + [provenance.environment]:
            blob_path(digest)  # raises for what is not a digest
        described = [
            (output.data, plain_mapping(output.attributes, f"attributes of {recipe.task}'s {output.role}"))
            for output in outputs
        ]
        code = plain_mapping(provenance.code, f"code of {recipe.task}")
        # In a folder a lock keeps collections out meanwhile.
        before = None if self.files.folder is not None else self._witness.before()
        with self.files.writing():
            kept = [self._keep(data) for data, _ in described]
            stored = tuple(
                Output(
                    role=output.role,
                    digest=blob.digest,
                    kind=output.kind,
                    media_type=output.media_type,
                    size=blob.size,
                    dtype=output.dtype,
                    shape=None if output.shape is None else tuple(int(length) for length in output.shape),
                    attributes=attributes,
                    identity=output.identity,
                )
                for output, blob, (_, attributes) in zip(outputs, kept, described, strict=True)
            )
            record = Record(
                recipe=recipe.digest,
                execution=secrets.token_hex(16),
                task=recipe.task,
                version=recipe.version,
                parameters=dict(recipe.parameters),
                recipe_inputs=dict(recipe.inputs),
                inputs=tuple(inputs),
                outputs=stored,
                provenance=Provenance(**{**vars(provenance), "code": code}),
                started=started,
                ended=now(),
            )
            self.files.write(record_path(record.key), record.to_bytes())
        if before is not None and not self._witness.was_alone(before):
            self._hold_in_place(record, {blob.digest: data for blob, (data, _) in zip(kept, described, strict=True)})
        self._enter(record)
        return record

    def _hold_in_place(self, record: Record, made: Mapping[str, bytes | Path]) -> None:
        """Bring back what a collection has taken of a record while it was committed."""
        from storage.collection.trashed import recover

        for digest in sorted(record.own_blobs()):
            if self.files.exists(blob_path(digest)):
                continue
            if digest in made:
                self._keep(made[digest])
            elif not recover(self.files, blob_path(digest)):
                raise StoreError(
                    f"blob {digest}, which record {record.key} names, was collected before the record was written: "
                    "run again"
                )

    @cached_property
    def _witness(self) -> "Witness":
        from storage.collection.witness import Witness

        return Witness(self.files)

    def _keep(self, data: bytes | Path) -> Kept:
        if isinstance(data, Path):
            return self.blobs.put_file(data)
        return Kept(self.blobs.put(data), len(data))

    def _enter(self, record: Record) -> None:
        from storage.index import FAILURES, reason

        try:
            self.index.add([record])
        except FAILURES as error:
            log.warning("record %s is not in the index (%s): run `dreamsweep reindex`", record.key, reason(error))

    @cached_property
    def index(self) -> "Index":
        """The index of this store on this machine, as it is; `questions` gives one that is up to date."""
        from storage.index import Index

        with suppress(OSError):  # whoever writes to the index will say
            self.files.local.mkdir(parents=True, exist_ok=True)
        return Index(self.files.local / "index.sqlite")

    def questions(self) -> "Index":
        """An index that holds the records that are there now, whatever became of its file: ask this one."""
        from storage.reindex import up_to_date

        return up_to_date(self.files, self.index, self._known.whole)

    def reindex(self) -> int:
        """Make the index again from the records; return how many there are. Raises StoreUnusable."""
        from storage.reindex import reindex

        return reindex(self.files, self.index)

    def record(self, key: str) -> Record:
        """The record of this key (`RECIPE/EXECUTION`). Raises StoreError where there is none, or it is damaged.

        One that a `listing` or `lookup` of this object has found, or was told of, is not read again.
        """
        return self._known.get(key) or records.read_record(self.files, key)

    def read_records(self, keys: Iterable[str]) -> Iterator[Record]:
        """`record` for many keys, in their order: those that are not known are read side by side, and known then."""
        return self._known.read_many(keys)

    def records(self) -> Iterator[Record]:
        """Every record, by key. Damaged ones are logged and left out."""
        for record in records.read_records(self.files, records.keys(self.files)):
            if isinstance(record, Record):
                yield record
            else:
                log.warning("%s", record)

    def open_run(
        self, flow: str, parameters: Mapping[str, Any], pins: Sequence[str] = (), *, flow_run: str | None = None
    ) -> Run:
        """Open a run; its record is written at once. `pins` are digests of recipes whose records it may reuse;
        `flow_run` is Prefect's id of the flow run that opens it.

        Open it before the listing that it looks things up in: what it pins is safe from garbage collection.
        """
        return Run(self.files, flow, parameters, pins, flow_run)

    def join_run(self, run: str) -> JoinedRun:
        """A run that another process has open, to make records in its name. Raises StoreError where there is none."""
        if not self.files.exists(run_path(run)):
            raise StoreError(
                f"the store {self.root} has no run {run}, for which this is to be made: on every machine, "
                "DREAMSWEEP_STORE must name the store of the sweep"
            )
        return JoinedRun(run)

    def run(self, run: str) -> RunRecord:
        """The run of this id. Raises StoreError where there is none, or its record is damaged."""
        try:
            return RunRecord.from_bytes(self.files.read(run_path(run))).with_kinds(self._tasks)
        except FileNotFoundError:
            raise StoreError(f"the store {self.root} has no run {run}: see `dreamsweep runs`") from None
        except ValueError as error:
            raise StoreError(f"run {run} is damaged ({error}): run `dreamsweep verify` to set it aside") from None

    def runs(self) -> list[RunRecord]:
        """Every run, the oldest first. Damaged ones are logged and left out."""
        found = []
        paths = {path: run for path in self.files.listing("runs") if (run := run_of_path(path)) is not None}
        for path, data in self.files.read_many(paths).items():
            try:
                found.append(RunRecord.from_bytes(data))
            except ValueError as error:
                log.warning("run %s is damaged (%s): run `dreamsweep verify`", paths[path], error)
        tasks = cache(self._tasks)  # asked once, for runs of earlier versions alone
        return sorted((run.with_kinds(tasks) for run in found), key=lambda run: (run.opened, run.id))

    def _tasks(self) -> dict[str, str]:
        return self.questions().tasks()

    def close_crashed(self, run: str, message: str) -> bool:
        """Close a run whose process is known to have died, so that it pins nothing more; False where it was closed.

        Records that it committed and had no time to write down stay as safe as those that it did. Raises StoreError.
        """
        found = self.run(run)
        if found.state != "open":
            return False
        closed = replace(found, state="crashed", closed=now(), summary={"error": message})
        with self.files.writing():
            self.files.write(run_path(run), closed.to_bytes())
        return True

    def delete_run(self, run: str) -> None:
        """Move a run's record to the trash, so that garbage collection may take what only this run used.

        Raises StoreError where there is no such run, or a ref points at it.
        """
        names = [name for name, target in self.refs().items() if target == f"run:{run}"]
        if names:
            raise StoreError(f"run {run} is kept by the ref {names[0]}: delete that first")
        try:
            with self.files.collecting():
                self.files.move(run_path(run), trash_path(new_trash("deleted"), run_path(run)))
        except FileNotFoundError:
            raise StoreError(f"the store {self.root} has no run {run}: see `dreamsweep runs`") from None

    def set_ref(self, name: str, target: str) -> None:
        """Point a name at `record:RECIPE/EXECUTION` or `run:RUN`. Raises StoreError where there is no such thing."""
        refs.set_ref(self.files, name, target)

    def ref(self, name: str) -> str:
        """What a name points at. Raises StoreError where there is no such ref."""
        return refs.read_ref(self.files, name)

    def refs(self) -> dict[str, str]:
        """Every ref and what it points at, by name."""
        return refs.read_refs(self.files)

    def rename_ref(self, old: str, new: str) -> None:
        """Give what a ref points at another name; it is found by the old one as well.

        Raises StoreError where there is no such ref, or the new name is, or was, that of something else.
        """
        refs.rename_ref(self.files, old, new)

    def delete_ref(self, name: str) -> None:
        """Forget a name; what it points at stays. Raises StoreError where there is no such ref."""
        refs.delete_ref(self.files, name)
