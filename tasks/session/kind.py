"""Kinds of artifacts: what each is called, what its files are called, whether a run counts it, and its page.

A kind is declared beside its task, as `KIND` in a module of the folder `kinds` of the task's wing, and is found by
that alone. Its name is the task's, which every record and every unit of a run carries. These modules import neither
Prefect nor TensorFlow, so that `dreamsweep runs`, `lineage` and `export` answer at once.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol

from lib.errors import BadInput
from lib.network.units import Unit
from lib.pictures.names import safe
from lib.registry import Registry, module_names
from storage.record import Output, Record

if TYPE_CHECKING:
    from storage.runs import RunRecord

ROOM = "tasks"
_FOLDER = "kinds"


class Pages(Protocol):
    """Where a gallery shows things: addresses of its pages, None where there is none of that thing."""

    def network(self, identity: str) -> str | None:
        """The page of a network."""

    def layer(self, identity: str, layer: str) -> str | None:
        """The page of a layer of a network."""

    def unit(self, identity: str, layer: str, index: int) -> str | None:
        """The page of a unit of a network."""

    def dream(self, record: Record) -> str | None:
        """The page of a dream, or of the sheet of a tour."""

    def analysis(self, record: Record) -> str | None:
        """The page of how a network decides, which lists the results of its analyses."""

    def images(self, record: Record) -> str | None:
        """The page of the image, or of the images side by side, that a result of an analysis is of."""

    def result(self, record: Record) -> str | None:
        """The page that one result of an analysis has for itself."""


def _named(record: Record, output: Output, title: str | None, ending: str) -> str:
    return f"{safe(record.task)}-{record.key[:12]}/{safe(output.role)}{ending}"


def _nowhere(pages: Pages, record: Record) -> None:
    return None


def _itself(record: Record) -> str:
    return record.key


@dataclass(frozen=True)
class ArtifactKind:
    """What is to be known of the artifacts of one task, besides what their records say.

    Args:
        task: whose artifacts these are.
        caption: one of them in a line, as "exemplars of {layer}"; in braces parameters, and attributes of outputs.
        page_caption: the same on pages of the gallery, where that says it otherwise.
        noun: what many of them are called together.
        file: the path of an output inside the folder of an export, from its record, the output, what a run calls the
            record (None where it is not a run's), and what a file of this media type ends in.
        exported: whether the export of a run has it: always, alone where it has nothing that always is, or never.
        counted: as what its run counts it; None for what belongs to others, or what others are made from.
        group: under which heading `lineage --down` lists it.
        alike: equal for those of a run that differ in nothing which `lineage` tells: one of them is drawn.
        page: the address of the page that shows it.
        needed: roles of the outputs without which that page could say nothing.
    """

    task: str
    caption: str = ""
    page_caption: str = ""
    noun: str = ""
    file: Callable[[Record, Output, str | None, str], str] = _named
    exported: Literal["always", "alone", "never"] = "never"
    counted: Literal["map", "dream", "result"] | None = None
    group: Literal["OIPs", "dreams", "also"] = "also"
    alike: Callable[[Record], Hashable] = _itself
    page: Callable[[Pages, Record], str | None] = _nowhere
    needed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name is its task's."""
        return self.task

    def caption_of(self, record: Record) -> str:
        """A record of this kind in a line."""
        return self._filled(self.caption, record, {})

    def page_caption_of(self, record: Record, shown: Mapping[str, str]) -> str:
        """A record of this kind as pages call it. `shown`: what stands there in place of a parameter or attribute."""
        return self._filled(self.page_caption or self.caption, record, shown)

    @property
    def several(self) -> str:
        """What many of this kind are called together."""
        return self.noun or self.task

    def _filled(self, text: str, record: Record, shown: Mapping[str, str]) -> str:
        values: dict[str, object] = {}
        for output in record.outputs:
            values |= output.attributes
        try:
            return text.format_map({**values, **record.parameters, **shown}) or self.task
        except KeyError:  # a record of a version that did not say
            return self.several


@cache
def artifact_kinds() -> Registry[ArtifactKind]:
    """All kinds that are declared, by task."""
    folders = [f"{wing}.{_FOLDER}" for wing in module_names(ROOM)]
    return Registry(*filter(find_spec, folders), constant="KIND", kind=ArtifactKind)


def kind_of_task(task: str) -> ArtifactKind:
    """The kind of a task's artifacts; of an unknown task, one that says no more than its name."""
    return artifact_kinds().get(task) or ArtifactKind(task)


def failed_unit(run: "RunRecord", title: str) -> Unit | None:
    """The unit of the network that failed under this title; None where it was something else that failed.

    Runs of earlier versions did not say of which kind that would have been. This alone guesses it from what they called
    it: a unit, a layer as a whole, `weights`, or `negatives of LAYER`.
    """
    if run.failed_kinds is None:
        if title.startswith("negatives of "):
            return None
        try:
            return Unit.parse(title)
        except BadInput:
            return None
    return Unit.parse(title) if kind_of_task(run.failed_kinds.get(title, "")).counted == "map" else None
