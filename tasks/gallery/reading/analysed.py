"""What analyses have found out about one model, from the store's records: the newest of everything."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from lib.gallery.addresses import INDEX, segment
from storage.errors import BlobCorrupt, BlobMissing
from storage.record import Record
from storage.store import Store
from tasks.analysis.kinds.activations import KIND as ACTIVATIONS
from tasks.analysis.kinds.attribution import KIND as ATTRIBUTION
from tasks.analysis.kinds.predictions import KIND as PREDICTIONS
from tasks.session.kind import ArtifactKind, kind_of_task

HOME = f"analysis/{INDEX}"
"""The list of all networks that were analysed."""

_PICTURE = "picture:"


class Meant(NamedTuple):
    """What the name of a set (test), or of an image (test/4, picture:rose.png), stood for when it was looked at.

    `blob`: the digest of the picture, or of all images of the set; None where that is not known. Two data sets have the
    same names, and so can pictures.
    """

    name: str
    blob: str | None


def meant(record: Record, name: str) -> Meant:
    """What a name stood for in a record."""
    role = name if name.startswith(_PICTURE) else f"{name.partition('/')[0]}_imgs"
    return Meant(name, record.recipe_inputs.get(role))


@dataclass(frozen=True)
class Analysis:
    """Of one network or checkpoint. `folder`: of its pages; `model`: what commands call it.

    `records`: its results by their task, of each task the newest first, and of one recipe the newest alone.
    """

    folder: str
    title: str
    model: str
    records: Mapping[str, Sequence[Record]]

    def of(self, kind: ArtifactKind) -> Sequence[Record]:
        """The results of a kind, the newest first."""
        return self.records.get(kind.task, ())

    @cached_property
    def predictions(self) -> dict[Meant, Record]:
        """Of each set the newest, the newest last."""
        return _latest_of((meant(record, str(record.parameters["set"])), record) for record in self.of(PREDICTIONS))

    @cached_property
    def images(self) -> dict[Meant, Record]:
        """The newest view of each image by itself, the newest last."""
        alone = (record for record in self.of(ACTIVATIONS) if len(image_names(record)) == 1)
        return _latest_of((meant(record, image_names(record)[0]), record) for record in alone)

    @cached_property
    def together(self) -> list[Record]:
        """The views of several images side by side, the newest first."""
        return [record for record in self.of(ACTIVATIONS) if len(image_names(record)) > 1]

    @cached_property
    def attributions(self) -> dict[Meant, list[Record]]:
        """Those of each image, the newest first."""
        found: dict[Meant, list[Record]] = {}
        for record in self.of(ATTRIBUTION):
            found.setdefault(meant(record, image_names(record)[0]), []).append(record)
        return found

    @property
    def address(self) -> str:
        """Of its first page."""
        return f"{self.folder}/{INDEX}"

    def cell(self, predicted: Meant, label: int, called: int) -> str:
        """The page of a cell of the confusion of a set; classes by their numbers, for their names are anybody's."""
        return f"{self.folder}/{segment(predicted.name)}{self._older(predicted)}/{label}-{called}/{INDEX}"

    def image(self, image: Meant) -> str | None:
        """The page of an image; None where nobody has looked at it."""
        return f"{self.image_folder(image)}/{INDEX}" if image in self.images else None

    def image_folder(self, image: Meant) -> str:
        """Where the page of an image that was looked at, and its files, are."""
        name = image.name
        kind, _, rest = name.partition(":" if name.startswith(_PICTURE) else "/")
        return f"{self.folder}/images/{segment(kind)}-{segment(rest)}{self._older(image)}"

    def title_of(self, one: Meant, name: str | None = None) -> str:
        """What an image or a set is called, by default by its name, so as to be told from a later one of that name."""
        title = name or one.name
        return f"{title} ({_beginning(one)})" if self._older(one) else title

    def view(self, record: Record) -> str:
        """The folder of the page of several images side by side."""
        return f"{self.folder}/images/together-{record.recipe[:16]}"

    def result(self, record: Record) -> str:
        """The folder of the page that a result has for itself."""
        return f"{self.folder}/{record.task}/{record.recipe[:16]}"

    def result_page(self, record: Record) -> str | None:
        """The page that a result has for itself; None where it has none any more."""
        there = any(record.recipe == one.recipe for one in self.records.get(record.task, ()))
        return f"{self.result(record)}/{INDEX}" if there else None

    def images_page(self, record: Record) -> str | None:
        """The page of the image, or of the images side by side, that a result is of."""
        names = image_names(record)
        if len(names) == 1:
            return self.image(meant(record, names[0]))
        there = any(record.recipe == one.recipe for one in self.together)
        return f"{self.view(record)}/{INDEX}" if there else None

    def _older(self, one: Meant) -> str:
        """What the folder of a set or an image has behind its name where a later one has the same name."""
        # no segment of a name has `~~` and so few characters behind it
        return "" if self._latest.get(one.name, one) == one else f"~~{_beginning(one)}"

    @cached_property
    def _latest(self) -> dict[str, Meant]:
        return {one.name: one for one in (*self.predictions, *self.images)}


def analysis_of(folder: str, title: str, model: str, records: Iterable[Record]) -> Analysis:
    """What these records, all of one model, come to; of records of one recipe the newest counts."""

    def when(record: Record) -> tuple[str, str]:
        return record.ended, record.key

    newest = {record.recipe: record for record in sorted(records, key=when)}
    found: dict[str, list[Record]] = {}
    for record in sorted(newest.values(), key=when, reverse=True):
        found.setdefault(record.task, []).append(record)
    return Analysis(folder, title, model, found)


def image_names(record: Record) -> list[str]:
    """The images that a result is of."""
    several = record.parameters.get("images")
    return [str(name) for name in several] if isinstance(several, list) else [str(record.parameters["image"])]


def _latest_of(newest_first: Iterable[tuple[Meant, Record]]) -> dict[Meant, Record]:
    """The newest of each, the newest last."""
    found: dict[Meant, Record] = {}
    for one, record in newest_first:
        found.setdefault(one, record)
    return dict(reversed(found.items()))


def _beginning(one: Meant) -> str:
    return (one.blob or "unknown")[:8]


def can_be_shown(store: Store, record: Record) -> bool:
    """Whether what its pages say is still in the store, and as it was; pictures may be gone, and are left out."""
    try:
        for role in kind_of_task(record.task).needed:
            store.path(record.output(role).digest)
    except (BlobMissing, BlobCorrupt):
        return False
    return True


def read_json_output(store: Store, record: Record, role: str) -> Any:
    """The JSON of one of a record's outputs. Raises StoreError where it is gone or damaged.

    A number that is none (NaN) is None, whichever of the two was written.
    """
    return json.loads(store.get(record.output(role).digest), parse_constant=lambda _: None)
