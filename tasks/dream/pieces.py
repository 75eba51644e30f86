"""What a dream flow makes, and what each is called: in a run, in Prefect's UI, and in the folder of the dreams.

A picture's name is its path below what was named, as `lib.pictures.names` shows it. No file is called `garden/rose.jpg`
and has something below it, and no picture's name begins with a slash: so every name stays unique.

    garden/rose.jpg                 the dream, or the last pass          OUT/garden/rose.jpg.png  .strip.png
    garden/rose.jpg/pass 1          an earlier pass                      OUT/garden/rose.jpg.pass-1.png
    garden/rose.jpg/Conv2D_3/56     one map's, of a tour                 OUT/garden/rose.jpg.Conv2D_3/56.png
    /original/garden/rose.jpg       the file's own bytes                 (they are there already)
    /mask/garden/rose.jpg           its mask's own bytes
    /animation/garden/rose.jpg      the passes as a film                 OUT/garden/rose.jpg.webp
    /tour/Conv2D_3/garden/rose.jpg  the sheet of a tour                  OUT/garden/rose.jpg.Conv2D_3.png
"""

from dataclasses import dataclass, replace

from typing_extensions import TypedDict

from lib.network.units import Unit
from lib.pictures.names import show_name
from storage.record import Record
from tasks.session.attributes import read_as


@dataclass(frozen=True)
class Piece:
    """One dream to be made, by one task run: of a picture, in one of so many passes, or by one unit of a tour."""

    picture: str
    number: int = 1
    passes: int = 1
    unit: Unit | None = None

    def __str__(self) -> str:
        """What its last pass is called: a picture, by a unit of a tour or none."""
        return replace(self, number=self.passes).title

    @property
    def title(self) -> str:
        """What it is called in its run, and its task run in Prefect."""
        if self.unit is not None:
            return f"{self.picture}/{self.unit}"
        return self.picture if self.number == self.passes else f"{self.picture}/pass {self.number}"

    @property
    def file(self) -> str:
        """Its path in the folder of the dreams, but for the ending."""
        if self.unit is not None:
            return f"{tour_file(self.unit.layer, self.picture)}/{self.unit.index}"
        return self.picture if self.number == self.passes else f"{self.picture}.pass-{self.number}"

    @property
    def before(self) -> "Piece":
        """The pass whose dream this one begins with."""
        return replace(self, number=self.number - 1)


class CurveAttributes(TypedDict):
    """How the objective rose in an octave, round or tiling: before each step and after the last."""

    name: str
    values: list[float]


class DreamCurves(TypedDict):
    """A list of curves for each frame of a dream."""

    climbs: list[list[CurveAttributes]]


class DreamAttributes(DreamCurves):
    """What the picture of a dream says of itself; `title`: what its run calls it."""

    title: str


def mask_title(picture: str) -> str:
    """What the file of a picture's mask is called in a run."""
    return f"/mask/{picture}"


def animation_title(picture: str) -> str:
    """What the film of a picture's passes is called in a run."""
    return f"/animation/{picture}"


def tour_title(layer: str, picture: str) -> str:
    """What the sheet of a tour through a layer is called in a run."""
    return f"/tour/{layer}/{picture}"


def tour_file(layer: str, picture: str) -> str:
    """The path of the sheet of a tour in the folder of the dreams, but for the ending; as shown, as all names are.

    A model's author names layers, nested ones too: none leads out of the folder.
    """
    parts = ("%2E" * len(part) if not part.strip(".") else part for part in layer.split("/"))
    return f"{picture}.{show_name('/'.join(parts))}"


def gain_of(record: Record) -> float:
    """How much the objective rose in a dream of the first frame, all its octaves, rounds and tilings together."""
    climbs = read_as(DreamCurves, record.output("picture").attributes)["climbs"]
    return float(sum(curve["values"][-1] - curve["values"][0] for curve in climbs[0]))
