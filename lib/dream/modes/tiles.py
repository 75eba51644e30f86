"""Mode tiles: all of the picture at once, by windows of the network's own size that overlap."""

from lib.arrays import Floats
from lib.dream.mode import Curve, DreamedPlanes, Mode, Progress, Target
from lib.dream.picture_ascent import TileAscent


class Tiling:
    """See `lib.dream.tiled_gradient`."""

    def __init__(self, ascent: TileAscent) -> None:
        self._ascent = ascent

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def dream(self, planes: Floats, target: Target, progress: Progress) -> DreamedPlanes:
        # as far as neighbours are apart, so that all of the picture meets every part of a tile
        jitter = max(self._ascent.stride) // 2
        planes, values = self._ascent.optimise(planes, target, "tiles", progress, jitter=jitter, number=0)
        return DreamedPlanes(planes, (Curve("tiles", values),))


MODE = Mode(
    name="tiles",
    text="windows of the network's input size are dreamed",
    step=0.01,  # all of the picture is dreamed once
    step_text="in tiles",
    prepare=lambda setup: Tiling(TileAscent(setup)),
    reads=frozenset({"overlap", "seed"}),
)
