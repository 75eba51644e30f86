"""What analyses have found out about one model, from the store's records: the newest of everything."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lib.gallery.addresses import INDEX, segment
from storage.errors import BlobCorrupt, BlobMissing
from storage.record import Record
from storage.store import Store

HOME = f"analysis/{INDEX}"
"""The list of all networks that were analysed."""
TASKS = ("predictions", "activations", "fcps", "linear", "attribution", "tensors")

_NEEDED = {
    "predictions": ("summary", "probabilities"),
    "activations": ("about",),
    "fcps": ("summary",),
    "linear": ("table",),
}


@dataclass
class Analysis:
    """Of one model, whose segment is `network`.

    `predictions` by set; `images` by the image's name, of the views of one image; `together`: of the views of several;
    `attributions` by the image's name; `fcps`, `classifiers` and `tensors`: the newest first.
    """

    network: str
    predictions: dict[str, Record] = field(default_factory=dict)
    images: dict[str, Record] = field(default_factory=dict)
    together: list[Record] = field(default_factory=list)
    attributions: dict[str, list[Record]] = field(default_factory=dict)
    fcps: list[Record] = field(default_factory=list)
    classifiers: list[Record] = field(default_factory=list)
    tensors: list[Record] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of its first page."""
        return f"{self._folder}/{INDEX}"

    def cell(self, name: str, label: int, called: int) -> str:
        """The page of a cell of the confusion of a set; classes by their numbers, for their names are anybody's."""
        return f"{self._folder}/{segment(name)}/{label}-{called}/{INDEX}"

    def image(self, name: str) -> str | None:
        """The page of an image; None where nobody has looked at it."""
        return f"{self._image(name)}/{INDEX}" if name in self.images else None

    def image_folder(self, name: str) -> str:
        """Where the page of an image and its files are."""
        return self._image(name)

    def view(self, record: Record) -> str:
        """The folder of the page of several images side by side."""
        return f"{self._folder}/images/together-{record.recipe[:16]}"

    def fcp(self, record: Record) -> str:
        """The folder of the page of the FCPs of one layer."""
        return f"{self._folder}/fcps/{record.recipe[:16]}"

    @property
    def _folder(self) -> str:
        return f"analysis/{self.network}"

    def _image(self, name: str) -> str:
        kind, _, rest = name.partition("/") if not name.startswith("picture:") else ("picture", "", name[8:])
        return f"{self._folder}/images/{segment(kind)}-{segment(rest)}"


def analysis_of(network: str, records: Iterable[Record]) -> Analysis:
    """What these records, all of one model, come to; of records of one recipe the newest counts."""
    found = Analysis(network)
    newest = {record.recipe: record for record in sorted(records, key=lambda record: (record.ended, record.key))}
    for record in sorted(newest.values(), key=lambda record: (record.ended, record.key)):
        parameters: Any = record.parameters
        match record.task:
            case "predictions":
                found.predictions[parameters["set"]] = record
            case "activations" if len(parameters["images"]) == 1:
                found.images[parameters["images"][0]] = record
            case "activations":
                found.together.insert(0, record)
            case "attribution":
                found.attributions.setdefault(parameters["image"], []).insert(0, record)
            case "fcps":
                found.fcps.insert(0, record)
            case "linear":
                found.classifiers.insert(0, record)
            case "tensors":
                found.tensors.insert(0, record)
    return found


def can_be_shown(store: Store, record: Record) -> bool:
    """Whether what its pages say is still in the store, and as it was; pictures may be gone, and are left out."""
    try:
        for role in _NEEDED.get(record.task, ()):
            store.path(record.output(role).digest)
    except (BlobMissing, BlobCorrupt):
        return False
    return True


def told(store: Store, record: Record, role: str) -> Any:
    """The JSON of one of a record's outputs. Raises StoreError where it is gone or damaged.

    A number that is none (NaN) is None, whichever of the two was written.
    """
    return json.loads(store.get(record.output(role).digest), parse_constant=lambda _: None)
