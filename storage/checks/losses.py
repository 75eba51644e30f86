"""What is damaged or missing in a store, and who needs it: the facts, for others to put into words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from storage.record import Record
from storage.runs import RunRecord

Thing = Literal["blob", "record", "run", "ref"]


@dataclass(frozen=True)
class Need:
    """Who needs something, and as what.

    A record (`name` is its key) needs its outputs and inputs, as their role, and its environment. A run (`name` is its
    id) needs the records that it has, as what it calls them. A ref needs what it points at.
    """

    by: Literal["output", "input", "environment", "run", "ref"]
    name: str
    role: str = ""


@dataclass(frozen=True)
class Loss:
    """Something that is not what it was, or not there; `name` is a digest, a key, a run's id or the name of a ref.

    `makers`: keys of the records whose output it is, the record itself where it is one. `runs`: ids of runs that are
    there and have, or made, one of these, the latest first. `trashed`: the path in the trash of a whole copy.
    """

    thing: Thing
    name: str
    state: Literal["damaged", "missing"]
    needs: tuple[Need, ...] = ()
    makers: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    trashed: str | None = None

    @property
    def label(self) -> str:
        """`record:KEY`, `run:RUN` or `ref:NAME`; of a blob its digest alone."""
        return self.name if self.thing == "blob" else f"{self.thing}:{self.name}"


@dataclass(frozen=True)
class Report:
    """What `verify` found, and mended where it was told to.

    Of `losses`, `corrupt` names what was damaged and `missing` what is not there, by their labels. What is damaged now
    lies in the trash folder `quarantine` (None where nothing was moved). `checked` blobs were hashed. `orphans` counts
    blobs that no record names (garbage collection takes them).

    `index` says what is wrong with the index, None where nothing is; `unindexed` counts records that it does not have.
    `remade` counts what is missing in itself, and was made again since under another record of the same recipe.
    `unsealed` names refs of earlier versions, which carry no seal. `unlisted` are runs that made records and are not
    there: they were deleted, or their files are lost.

    `reindexed`: how many records the index was made anew from; `returned`: labels of what was whole in the trash and is
    back in its place.
    """

    checked: int
    corrupt: list[str]
    missing: list[str]
    orphans: int
    unindexed: int
    quarantine: str | None = None
    losses: list[Loss] = field(default_factory=list)
    index: str | None = None
    remade: int = 0
    unsealed: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    reindexed: int | None = None
    returned: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether everything that was promised was there and whole."""
        return not self.corrupt and not self.missing and self.index is None

    @property
    def lost(self) -> list[Loss]:
        """What somebody needs and has not, now that what could be mended is."""
        return [loss for loss in self.losses if loss.needs and loss.label not in self.returned]


def needs_of_records(records: Iterable[Record]) -> Iterator[tuple[str, Need]]:
    """The blobs that records need, and who needs each."""
    for record in records:
        for output in record.outputs:
            yield output.digest, Need("output", record.key, output.role)
        for item in record.inputs:
            yield item.digest, Need("input", record.key, item.role)
        yield record.provenance.environment, Need("environment", record.key)


def needs_of_runs(runs: Iterable[RunRecord]) -> Iterator[tuple[str, Need]]:
    """The records that runs need, and who needs each."""
    for run in runs:
        for unit, result in run.units.items():
            yield result.record, Need("run", run.id, unit)


def needs_of_refs(refs: Mapping[str, str]) -> Iterator[tuple[tuple[Thing, str], Need]]:
    """What refs need: records and runs."""
    for name, target in refs.items():
        kind, _, named = target.partition(":")
        yield ("record" if kind == "record" else "run", named), Need("ref", name)
