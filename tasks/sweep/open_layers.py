"""The layers that are ready to be searched: what is traced for one takes memory, so only those that were asked for last
are kept."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from lib.oips.ascent import Ascent
from lib.oips.constraint import ConstraintName
from lib.oips.measure import Measure
from lib.oips.search import Ground

LAYERS_OPEN = 4
"""So many layers at most are kept ready."""


@dataclass
class OpenLayer:
    """What is traced of a layer. `ascents`: by style, constraint and whether they match something; `grounds`: by style,
    constraint and objective; `measure`: of images as they are stored, where that is not the grounds' own; `batchers`:
    what is to be closed."""

    ascents: dict[tuple[str, ConstraintName, bool], Ascent] = field(default_factory=dict)
    grounds: dict[tuple[str, ConstraintName, str], Ground] = field(default_factory=dict)
    measure: Measure | None = None
    batchers: ExitStack = field(default_factory=ExitStack)


class OpenLayers:
    """Layers have their turn one after the other: those that were asked for longest ago are closed."""

    def __init__(self) -> None:
        self._layers: dict[str, OpenLayer] = {}

    def open(self, layer: str) -> OpenLayer:
        """What is traced of a layer, which is now the one that was asked for last; others are closed for it."""
        opened = self._layers.pop(layer, None)
        if opened is None:
            self._close_to(LAYERS_OPEN - 1)
            opened = OpenLayer()
        self._layers[layer] = opened
        return opened

    def close(self) -> None:
        """Close all of them."""
        self._close_to(0)

    def _close_to(self, most: int) -> None:
        while len(self._layers) > most:
            self._layers.pop(next(iter(self._layers))).batchers.close()
