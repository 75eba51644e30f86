"""Mode octaves: the picture at several resolutions, by the network's convolutions."""

from lib.arrays import Floats
from lib.dream.mode import Curve, DreamedPlanes, Mode, Progress, Setup, Target
from lib.dream.octaves import octave_sizes, through_octaves
from lib.dream.picture_ascent import PictureAscent
from lib.dream.whole_gradient import picture_gradient


class Octaves:
    """See `lib.dream.octaves`."""

    def __init__(self, setup: Setup) -> None:
        gradient = picture_gradient(setup.model, setup.objective)
        self._settings = setup.settings
        self._least = gradient.least
        self._ascent = PictureAscent(gradient, setup)

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def dream(self, planes: Floats, target: Target, progress: Progress) -> DreamedPlanes:
        settings = self._settings
        height, width = planes.shape[:2]
        sizes = octave_sizes(height, width, settings.octaves, settings.octave_scale, self._least)
        names = [f"octave {at + 1} of {len(sizes)}, {wide}x{high}" for at, (high, wide) in enumerate(sizes)]

        def optimise(at: int, pixels: Floats) -> tuple[Floats, Floats]:
            return self._ascent.optimise(pixels, target, names[at], progress, jitter=settings.jitter, number=at)

        planes, curves = through_octaves(planes, sizes, optimise)
        return DreamedPlanes(planes, tuple(Curve(*curve) for curve in zip(names, curves, strict=True)))


MODE = Mode(
    name="octaves",
    text="the whole picture is dreamed at several resolutions",
    step=0.005,  # what is dreamed in four octaves is dreamed four times
    step_text="in octaves",
    prepare=Octaves,
    reads=frozenset({"octaves", "octave_scale", "jitter", "seed"}),
)
