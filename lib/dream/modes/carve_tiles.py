"""Mode carve+tiles: coarse patterns first, by carving; then fine ones into them, by tiles."""

from lib.arrays import Floats
from lib.dream.mode import DreamedPlanes, Mode, Progress, Setup, Target
from lib.dream.modes import carve, tiles
from lib.dream.picture_ascent import TileAscent


class CarvingThenTiling:
    """Both by the same ascent."""

    def __init__(self, setup: Setup) -> None:
        self._ascent = TileAscent(setup)
        self._carving = carve.Carving(self._ascent, setup.settings.rounds)
        self._tiling = tiles.Tiling(self._ascent)

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def dream(self, planes: Floats, target: Target, progress: Progress) -> DreamedPlanes:
        coarse = self._carving.dream(planes, target, progress)
        fine = self._tiling.dream(coarse.planes, target, progress)
        return DreamedPlanes(fine.planes, (*coarse.curves, *fine.curves), coarse.strip)


MODE = Mode(
    name="carve+tiles",
    text="carve makes coarse patterns first, then tiles makes fine ones",
    step=carve.MODE.step,
    step_text=carve.MODE.step_text,
    prepare=CarvingThenTiling,
    reads=carve.MODE.reads | tiles.MODE.reads,
)
