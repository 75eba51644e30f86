"""DeepDream at several resolutions of a picture, from coarse to fine: the original algorithm.

What was dreamed at one resolution, and nothing else of it, is brought to the next (Mordvintsev, Olah and Tyka 2015): each
octave begins from the picture itself at its size plus the change so far, enlarged. So no detail of the picture is lost by
having been small.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lib.dream_ascent import DreamAscent
from lib.resample import resized

Floats = npt.NDArray[np.float32]
Told = Callable[[str, int, int], None]
"""Is told of progress: what is being done, how many steps are done of it, of how many."""


@dataclass(frozen=True)
class Climb:
    """One octave's ascent: its name, and the objective before each step and after the last, [steps + 1]."""

    name: str
    values: Floats
