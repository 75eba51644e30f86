"""Mode carve: down to the network's own size, some steps, and up again, several times."""

from lib.arrays import Floats
from lib.dream.carve import carve
from lib.dream.mode import Curve, DreamedPlanes, Mode, Progress, Target
from lib.dream.picture_ascent import TileAscent
from lib.dream.strip import strip


class Carving:
    """See `lib.dream.carve`."""

    def __init__(self, ascent: TileAscent, rounds: int) -> None:
        self._ascent = ascent
        self._rounds = rounds

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def dream(self, planes: Floats, target: Target, progress: Progress) -> DreamedPlanes:
        names = [f"round {number + 1} of {self._rounds}" for number in range(self._rounds)]

        def optimise(at: int, small: Floats) -> tuple[Floats, Floats]:
            # the small picture is a single tile: there is no grid that a shift would hide
            return self._ascent.optimise(small, target, names[at], progress, jitter=0, number=at)

        carved = carve(planes, self._ascent.size, optimise, self._rounds)
        curves = tuple(Curve(*curve) for curve in zip(names, carved.values, strict=True))
        return DreamedPlanes(carved.adjusted, curves, strip(carved, title=target.title))


MODE = Mode(
    name="carve",
    text="the picture is scaled down to the network's input size, dreamed, and scaled up again",
    step=0.01,  # what is carved has its old width of values in the end
    step_text="in carve",
    prepare=lambda setup: Carving(TileAscent(setup), setup.settings.rounds),
    reads=frozenset({"rounds"}),
)
