"""What the tasks of one dream flow share in this process: the network, the pictures, and how they are dreamed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lib.arrays import Pixels
from lib.dream.dreamer import Dreamer
from lib.dream.settings import DreamSettings
from lib.errors import BadInput
from lib.network.units import Unit
from lib.pictures.files import decode
from lib.pictures.names import parse_name, show_name
from storage.store import Input
from tasks.dream.unreadable import Unreadable
from tasks.model.context import RunContext
from tasks.session import originals
from tasks.session.pixel_budget import PixelBudget
from tasks.session.progress import wait_for
from tasks.session.session import Session

AT_ONCE = 4
"""Pictures in the making: while one is dreamed, others are decoded and encoded."""
PIXELS_AT_ONCE = 12_000_000
"""Of all pictures in the making; a larger one is made by itself."""


@dataclass(frozen=True)
class Guide:
    """A picture that dreams go towards: its pixels [H, W, C], and the digest of its file."""

    pixels: Pixels
    digest: str


@dataclass
class DreamContext(RunContext):
    """One dream flow's; its tally is by the titles of pieces.

    `pictures`: files by the names of the pictures. `masks`: one file for all, or a folder with one for each.
    `unreadable`: which pictures cannot be read.
    """

    settings: DreamSettings
    pictures: Mapping[str, Path]
    passes: int = 1
    zoom: float = 1.0
    rotation: float = 0.0
    guide: Guide | None = None
    masks: Path | None = None
    unreadable: Unreadable = field(default_factory=Unreadable)
    pixel_budget: PixelBudget = field(default_factory=lambda: PixelBudget(PIXELS_AT_ONCE))
    _masks_in: dict[Path, dict[str, Path]] = field(default_factory=dict)
    _dreamers: dict[str, Dreamer] = field(default_factory=dict)

    def dreamer(self, unit: Unit | None = None) -> Dreamer:
        """Whoever dreams the objective, or one unit in its place. Raises BadInput for one that this network has not."""
        objective = unit.layer if unit is not None else self.settings.objective
        with self._lock:
            if objective not in self._dreamers:
                self._dreamers[objective] = wait_for(
                    f"tracing {objective or 'the network'}",
                    Dreamer,
                    self.network.model,
                    replace(self.settings, objective=objective),
                    guide=None if self.guide is None else self.guide.pixels,
                )
            found = self._dreamers[objective]
        return found if unit is None else found.towards(str(unit))

    def mask_of(self, picture: str) -> Path | None:
        """The file of a picture's mask; None where all of it is dreamed. Raises BadInput where its own is missing."""
        if self.masks is None or not self.masks.is_dir():
            return self.masks
        wanted = self.masks / parse_name(picture)
        if wanted.is_file():
            return wanted
        with self._lock:
            if wanted.parent not in self._masks_in:
                self._masks_in[wanted.parent] = {path.stem: path for path in reversed(_list(wanted.parent))}
            alike = self._masks_in[wanted.parent].get(wanted.stem)  # a mask is seldom a file of the same kind
        if alike is not None and alike.is_file():
            return alike
        raise BadInput(f"{picture} has no mask in {show_name(str(self.masks))}: add one of the same name")

    def recipe_inputs(self) -> dict[str, str]:
        """What decides about every dream of this context, besides parameters."""
        return {"model": self.network.identity} | ({"guide": self.guide.digest} if self.guide else {})

    def lineage_inputs(self) -> list[Input]:
        """The blobs that every dream of this context is made from."""
        inputs = [Input("model", self.network.digest)]
        return [*inputs, Input("guide", self.guide.digest)] if self.guide else inputs


def guide_in(session: Session, path: Path) -> Guide:
    """The guide in a file, whose bytes are kept. Raises BadInput, with its name."""
    try:
        data = originals.read_original(path)
        pixels = decode(data).frames[0]
    except BadInput as problem:
        raise BadInput(f"the guide {show_name(str(path))} {problem}") from problem
    originals.keep_original(session, data, "/guide")
    return Guide(pixels, originals.digest(data))


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
