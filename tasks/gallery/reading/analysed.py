"""What analyses have found out about one model, from the store's records: the newest of everything."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from lib.gallery.addresses import INDEX, segment
from storage.errors import BlobCorrupt, BlobMissing
from storage.record import Record
from storage.store import Store

HOME = f"analysis/{INDEX}"
"""The list of all networks that were analysed."""
TASKS = ("predictions", "activations", "fcps", "linear", "attribution", "tensors")

_PICTURE = "picture:"
_NEEDED = {
    "predictions": ("summary", "probabilities"),
    "activations": ("about",),
    "fcps": ("summary",),
    "linear": ("table",),
}


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


@dataclass
class Analysis:
    """Of one network or checkpoint. `folder`: of its pages; `model`: what commands call it.

    `predictions` by the set; `images` by the image, of the views of one; `together`: of the views of several;
    `attributions` by the image; `fcps`, `classifiers` and `tensors`: the newest first.
    """

    folder: str
    title: str
    model: str
    predictions: dict[Meant, Record] = field(default_factory=dict)
    images: dict[Meant, Record] = field(default_factory=dict)
    together: list[Record] = field(default_factory=list)
    attributions: dict[Meant, list[Record]] = field(default_factory=dict)
    fcps: list[Record] = field(default_factory=list)
    classifiers: list[Record] = field(default_factory=list)
    tensors: list[Record] = field(default_factory=list)

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

    def fcp(self, record: Record) -> str:
        """The folder of the page of the FCPs of one layer."""
        return f"{self.folder}/fcps/{record.recipe[:16]}"

    def page_of(self, record: Record) -> str | None:
        """Where one of the analysis's records is shown; None where it is nowhere."""
        parameters: Any = record.parameters
        match record.task:
            case "activations" if len(parameters["images"]) == 1:
                return self.image(meant(record, parameters["images"][0]))
            case "activations":
                there = any(record.recipe == one.recipe for one in self.together)
                return f"{self.view(record)}/{INDEX}" if there else None
            case "attribution":
                return self.image(meant(record, parameters["image"]))
            case "fcps":
                there = any(record.recipe == one.recipe for one in self.fcps)
                return f"{self.fcp(record)}/{INDEX}" if there else None
            case _:
                return self.address

    def _older(self, one: Meant) -> str:
        """What the folder of a set or an image has behind its name where a later one has the same name."""
        # no segment of a name has `~~` and so few characters behind it
        return "" if self._latest.get(one.name, one) == one else f"~~{_beginning(one)}"

    @cached_property
    def _latest(self) -> dict[str, Meant]:
        return {one.name: one for one in (*self.predictions, *self.images)}


def analysis_of(folder: str, title: str, model: str, records: Iterable[Record]) -> Analysis:
    """What these records, all of one model, come to; of records of one recipe the newest counts."""
    found = Analysis(folder, title, model)
    newest = {record.recipe: record for record in sorted(records, key=lambda record: (record.ended, record.key))}
    for record in sorted(newest.values(), key=lambda record: (record.ended, record.key)):
        parameters: Any = record.parameters
        match record.task:
            case "predictions":
                _put_last(found.predictions, meant(record, parameters["set"]), record)
            case "activations" if len(parameters["images"]) == 1:
                _put_last(found.images, meant(record, parameters["images"][0]), record)
            case "activations":
                found.together.insert(0, record)
            case "attribution":
                found.attributions.setdefault(meant(record, parameters["image"]), []).insert(0, record)
            case "fcps":
                found.fcps.insert(0, record)
            case "linear":
                found.classifiers.insert(0, record)
            case "tensors":
                found.tensors.insert(0, record)
    return found


def _put_last(known: dict[Meant, Record], key: Meant, record: Record) -> None:
    known.pop(key, None)
    known[key] = record


def _beginning(one: Meant) -> str:
    return (one.blob or "unknown")[:8]


def can_be_shown(store: Store, record: Record) -> bool:
    """Whether what its pages say is still in the store, and as it was; pictures may be gone, and are left out."""
    try:
        for role in _NEEDED.get(record.task, ()):
            store.path(record.output(role).digest)
    except (BlobMissing, BlobCorrupt):
        return False
    return True


def read_json_output(store: Store, record: Record, role: str) -> Any:
    """The JSON of one of a record's outputs. Raises StoreError where it is gone or damaged.

    A number that is none (NaN) is None, whichever of the two was written.
    """
    return json.loads(store.get(record.output(role).digest), parse_constant=lambda _: None)
