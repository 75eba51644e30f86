"""What a network makes of a whole set: the matrix, its cells with their images, and the images it is least sure of."""

import math
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np

from lib.gallery.rendering import Page
from storage.record import Record
from tasks.gallery.folder.site import Site
from tasks.gallery.pages.previews import image_png, preview_address
from tasks.gallery.reading.analysed import HOME, Analysis, Meant, meant, read_json_output
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.natural import data_title

MOST_IN_MATRIX = 40
"""Classes of a matrix: above, a matrix is no longer readable, and its fullest cells are listed instead."""
MOST_CELLS = 200
MOST_PAIRS = 60
MOST_IMAGES = 300
"""Images of one cell that are shown."""
HOTTEST = 9
"""The number of the class that the fullest cells off the diagonal have."""

ConfusionCell = tuple[int, int]


class PredictedSet:
    """One set of one network, as the newest record of its predictions says."""

    def __init__(self, catalogue: Catalogue, site: Site, analysis: Analysis, record: Record) -> None:
        self._site = site
        self._analysis = analysis
        self._record = record
        self._store = catalogue.store
        self._said: dict[str, Any] = read_json_output(catalogue.store, record, "summary")
        self.classes: list[str] = self._said["classes"]
        self._meant = meant(record, self.set)
        self._data = analysis.title_of(self._meant, data_title(self._said["data"]))
        self._numbers: list[int] = list(record.output("thumbnails").attributes["numbers"])  # type: ignore[arg-type]
        self._places = {number: at for at, number in enumerate(self._numbers)}

    @property
    def set(self) -> str:
        """`train` or `test`."""
        return str(self._said["set"])

    def card(self, number: int) -> dict[str, Any]:
        """An image of the set, as the templates show it; what is not known of it is None."""
        name = f"{self.set}/{number}"
        label, called, margin = self._known.get(number, (None, None, None))
        picture = None
        if (at := self._places.get(number)) is not None:
            digest = self._record.output("thumbnails").digest
            pixels = partial(self._store.array, digest)
            picture = preview_address(
                self._site, f"image {at} of {digest}", lambda: image_png(np.asarray(pixels()[at]))
            )
        return {
            "name": name,
            "picture": picture,
            "label": None if label is None else self.classes[label],
            "called": None if called is None else self.classes[called],
            "wrong": None not in (label, called) and label != called,
            "margin": margin,
            "address": self._analysis.image(Meant(name, self._meant.blob)),
        }

    def cell_of(self, label: int | None, called: int | None) -> dict[str, Any] | None:
        """The page of the cell of an image with this label that is called so, if there is one."""
        if label is None or called is None or (label, called) not in self._cells:
            return None
        return {
            "label": self.classes[label],
            "called": self.classes[called],
            "address": self._analysis.cell(self._meant, label, called),
        }

    def put_cells(self) -> None:
        """Put the page of every cell of which images are known."""
        for (label, called), numbers in self._cells.items():
            mirrored = (called, label) in self._cells and label != called
            self._site.put(
                Page(
                    self._analysis.cell(self._meant, label, called),
                    "confusion.html.j2",
                    {
                        "crumbs": [
                            ("Decisions", HOME),
                            (self._analysis.title, self._analysis.address),
                            (f"{self.classes[label]} predicted as {self.classes[called]}", None),
                        ],
                        "label": self.classes[label],
                        "called": self.classes[called],
                        "set": self.set,
                        "data": self._data,
                        "total": self._said["confusion"][label][called],
                        "shown": [self.card(number) for number in numbers[:MOST_IMAGES]],
                        "home": self._analysis.address,
                        "mirrored": self._analysis.cell(self._meant, called, label) if mirrored else None,
                        "example": f"{self.set}/{numbers[0]}",
                        "model": self._analysis.model,
                    },
                )
            )

    def told(self, compared: Collection[frozenset[str]] = ()) -> dict[str, Any]:
        """What the first page of the analysis shows of it. `compared`: pairs of classes by name, which come first."""
        said = self._said
        matrix: list[list[int]] = said["confusion"]
        return {
            "set": self.set,
            "data": self._data,
            "images": said["images"],
            "accuracy": said["accuracy"],
            "errors": said["images"] - sum(matrix[at][at] for at in range(len(matrix))),
            "classes": self.classes,
            "confusion": self._matrix(matrix) if len(matrix) <= MOST_IN_MATRIX else None,
            "worst": self._worst(matrix) if len(matrix) > MOST_IN_MATRIX else [],
            "margins": self._margins(said["margins"], said["pair"], compared),
            "clearest": [
                {"name": self.classes[int(label)], "images": [self.card(one["image"]) for one in images]}
                for label, images in sorted(said["clear"].items(), key=lambda item: int(item[0]))
                if images and len(matrix) <= MOST_IN_MATRIX
            ],
        }

    def _matrix(self, matrix: list[list[int]]) -> list[list[dict[str, Any]]]:
        most = max((many for i, row in enumerate(matrix) for j, many in enumerate(row) if i != j), default=0)
        return [
            [
                {
                    "images": many,
                    "right": label == called,
                    # by the root: a few errors are to be seen beside many
                    "heat": 0 if label == called or not many else max(1, round(HOTTEST * (many / most) ** 0.5)),
                    "address": self._address(label, called),
                }
                for called, many in enumerate(row)
            ]
            for label, row in enumerate(matrix)
        ]

    def _worst(self, matrix: list[list[int]]) -> list[dict[str, Any]]:
        counts = np.array(matrix)
        np.fill_diagonal(counts, 0)
        order = np.argsort(-counts, axis=None, kind="stable")[:MOST_CELLS]
        cells = [divmod(int(place), len(matrix)) for place in order]
        return [
            {
                "label": self.classes[label],
                "called": self.classes[called],
                "images": matrix[label][called],
                "address": self._address(label, called),
            }
            for label, called in cells
            if counts[label, called]
        ]

    def _address(self, label: int, called: int) -> str | None:
        return self._analysis.cell(self._meant, label, called) if (label, called) in self._cells else None

    def _margins(
        self,
        margins: Mapping[str, list[dict[str, Any]]],
        confused: list[int],
        compared: Collection[frozenset[str]],
    ) -> list[dict[str, Any]]:
        """Pairs of classes: those that are compared, the one that is confused most, then by the smallest margin."""
        pairs = []
        for name, images in margins.items():
            low, high = (int(part) for part in name.split("/"))
            if images:
                rank = 0 if {self.classes[low], self.classes[high]} in compared else 1 if [low, high] == confused else 2
                pairs.append((rank, _first(images[0]["margin"]), low, high, images))
        return [
            {
                "low": self.classes[low],
                "high": self.classes[high],
                "least": images[0]["margin"],
                "open": rank < 2,
                "images": [self.card(one["image"]) for one in images],
            }
            for rank, _, low, high, images in sorted(pairs, key=lambda pair: pair[:4])[:MOST_PAIRS]
        ]

    @cached_property
    def _cells(self) -> dict[ConfusionCell, list[int]]:
        """Images by label and what they are called; on the diagonal those that the summary names for another reason."""
        found: dict[ConfusionCell, list[int]] = {}
        for name, numbers in self._said["cells"].items():
            row, column = (int(part) for part in name.split("/"))
            found[row, column] = list(numbers)
        for number, (label, called, _) in sorted(self._known.items(), key=lambda item: (_first(item[1][2]), item[0])):
            if label == called and number not in (cell := found.setdefault((label, label), [])):
                cell.append(number)
        return found

    @cached_property
    def _known(self) -> dict[int, tuple[int, int | None, float | None]]:
        """Label, class and margin of every image that the summary names."""
        said = self._said
        lists: Iterable[list[dict[str, Any]]] = [*said["margins"].values(), *said["clear"].values()]
        found: dict[int, tuple[int, int | None, float | None]] = {
            one["image"]: (one["label"], one["called"], one["margin"]) for some in lists for one in some
        }
        probabilities = self._store.array(self._record.output("probabilities").digest)
        for name, numbers in said["cells"].items():
            row, column = (int(part) for part in name.split("/"))
            for number in numbers:
                second, first = np.sort(np.asarray(probabilities[number], np.float64))[-2:]
                margin = float(first - second)
                found.setdefault(number, (row, column, margin if math.isfinite(margin) else None))
        return found


def _first(margin: float | None) -> float:
    """What margins are sorted by: the smallest first, what is no number last."""
    return math.inf if margin is None else margin
