"""The ascent of a picture's planes, with the settings that all modes have: of any gradient, and of tiles."""

import numpy as np

from lib.arrays import Floats
from lib.dream.ascent import DreamAscent, Gradient
from lib.dream.gradients import LuminanceGradient, WeightedGradient
from lib.dream.mode import Progress, Setup, Target
from lib.dream.natural import natural_step
from lib.dream.tiled_gradient import Tiles


class PictureAscent:
    """The ascent of one gradient."""

    def __init__(self, gradient: Gradient, setup: Setup) -> None:
        self._settings = setup.settings
        optimised = LuminanceGradient(gradient) if setup.luminance_only else gradient
        self._ascent = DreamAscent(
            WeightedGradient(optimised, setup.objective), setup.channels, towards=natural_step(setup)
        )

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the loop of steps."""
        return self._ascent.traces

    def optimise(
        self, planes: Floats, target: Target, name: str, progress: Progress, *, jitter: int, number: int
    ) -> tuple[Floats, Floats]:
        """As `DreamAscent.optimise`.

        Args:
            name: of the octave, round or tiling, for whoever is called with progress.
            jitter: greatest shift, in pixels, by which the picture is rolled before a step.
            number: of the octave or round, each of which is shifted otherwise.
        """
        settings = self._settings
        return self._ascent.optimise(
            planes,
            steps=settings.steps,
            step_size=settings.step,
            smoothing=settings.smoothing,
            jitter=jitter,
            seed=int(np.random.SeedSequence((settings.seed, number)).generate_state(1)[0]),
            objective_weights=target.weights,
            progress=lambda done, steps: progress(name, done, steps),
        )


class TileAscent(PictureAscent):
    """The ascent by tiles: the network sees windows of its own size.

    Attributes:
        size: (height, width) of a tile.
        stride: by how many rows and columns neighbours are apart, on average.
    """

    def __init__(self, setup: Setup) -> None:
        objective = setup.objective
        tiles = Tiles(setup.model, objective.layers, objective.value, setup.settings.overlap)
        self.size, self.stride = tiles.size, tiles.stride
        super().__init__(tiles, setup)
