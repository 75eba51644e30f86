"""A record: what one execution of a recipe read, wrote and ran on. An artifact is one of its outputs, by role."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from storage.document import Json, seal, unseal
from storage.errors import StoreError
from storage.names import DIGEST


@dataclass(frozen=True)
class Input:
    """A blob that an execution read, and as what."""

    role: str
    digest: str


@dataclass(frozen=True)
class Output:
    """A blob that an execution wrote: its role and digest, what it is, its size in bytes, and of what it was made.

    `dtype` and `shape` are None for what is not one array. `identity` stands for the blob in recipes where its bytes
    hold what does not matter (a `.keras` file holds a date).
    """

    role: str
    digest: str
    kind: str
    media_type: str
    size: int
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    attributes: dict[str, Json] = field(default_factory=dict)
    identity: str | None = None


@dataclass(frozen=True)
class NewOutput:
    """An output still to be stored: its bytes, or the file that holds them, and what `Output` says of them.

    A file is copied in pieces, for what is too large for memory; it stays the caller's.
    """

    role: str
    data: bytes | Path
    kind: str
    media_type: str
    dtype: str | None = None
    shape: Sequence[int] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    identity: str | None = None


@dataclass(frozen=True)
class Provenance:
    """Who ran an execution, with which code and where.

    `run` is the store's run; `flow_run` and `task_run` are the orchestrator's ids. `code` holds `commit`,
    `changes` (the digest of uncommitted changes, None where there are none) and `sources`. `environment` is the digest
    of a blob.
    """

    run: str | None
    flow_run: str | None
    task_run: str | None
    attempt: int
    code: dict[str, Any]
    environment: str
    host: str


@dataclass(frozen=True)
class Record:
    """One execution of a recipe. `started` and `ended` are ISO 8601 in UTC."""

    recipe: str
    execution: str
    task: str
    version: int
    parameters: dict[str, Json]
    recipe_inputs: dict[str, str]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    provenance: Provenance
    started: str
    ended: str

    @cached_property
    def key(self) -> str:
        """`RECIPE/EXECUTION`, which names this record in its store."""
        return f"{self.recipe}/{self.execution}"

    def output(self, role: str) -> Output:
        """The output of this role. Raises StoreError where there is none."""
        for output in self.outputs:
            if output.role == role:
                return output
        roles = ", ".join(output.role for output in self.outputs)
        raise StoreError(f"record {self.key} has no output {role!r}; it has: {roles or 'none'}")

    @property
    def changes(self) -> str | None:
        """The digest of the uncommitted changes that it was made with; None for committed code."""
        return self.provenance.code.get("changes")

    def own_blobs(self) -> set[str]:
        """Digests that must be in the store for this record to be whole: its outputs and its environment."""
        return {output.digest for output in self.outputs} | {self.provenance.environment}

    def named_blobs(self) -> set[str]:
        """Every digest that this record names, its inputs' and its code's too: what must outlive garbage collection."""
        code = {value for value in self.provenance.code.values() if isinstance(value, str) and DIGEST.fullmatch(value)}
        return self.own_blobs() | {item.digest for item in self.inputs} | code

    def to_bytes(self) -> bytes:
        """The sealed document that is stored. Raises StoreError for NaN and what JSON cannot hold."""
        return seal(asdict(self), f"record of {self.task}")

    @staticmethod
    def from_bytes(data: bytes) -> "Record":
        """The record in a stored document. Raises ValueError where it is torn, changed or not a record."""
        return Record.from_document(unseal(data))

    @staticmethod
    def from_document(document: dict[str, Any]) -> "Record":
        """The record in a document, which is used up. Raises ValueError where it is not a record's."""
        try:
            outputs = tuple(
                Output(**{**output, "shape": None if output["shape"] is None else tuple(output["shape"])})
                for output in document.pop("outputs")
            )
            inputs = tuple(Input(**item) for item in document.pop("inputs"))
            provenance = Provenance(**document.pop("provenance"))
            return Record(inputs=inputs, outputs=outputs, provenance=provenance, **document)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a record: {error}") from error
