"""A picture dreamed by a network: the modes behind one door."""

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lib.arrays import Floats, Pixels
from lib.dream.blend import blend
from lib.dream.mixture import mixture_of
from lib.dream.mode import MODES, Curve, Progress, Setup, Target, channels_of
from lib.dream.objective import DreamObjective
from lib.dream.settings import DreamSettings
from lib.errors import BadInput
from lib.pictures.colours import check_channels, planes_of
from lib.pictures.resample import resize


@dataclass(frozen=True)
class Dream:
    """A result: `pixels` have the source's shape and type (`lib.dream.blend.blend`); `strip` is a PNG, of carving."""

    pixels: Pixels
    curves: tuple[Curve, ...]
    strip: bytes | None


class Dreamer:
    """One network that dreams in one way, into pictures of any size, which threads may hand over at the same time.

    The same picture, settings and seed give the same bytes, whatever other threads do.

    Attributes:
        objective: what is optimised, in its canonical form.
        natural: whether its steps are as photographs differ (`lib.dream.natural`).
    """

    def __init__(self, model: Any, settings: DreamSettings, *, guide: Pixels | None = None) -> None:
        """Everything is traced here.

        Args:
            model: Keras model with one image input.
            guide: uint8 or uint16 [H, W, C]: a picture towards whose activations the objective's layers dream.

        Raises:
            BadInput: an objective that the model does not have; a network that cannot dream pictures, or in this mode.
        """
        self._model, self._settings, self._guide = model, settings, guide
        self._channels = channels_of(model)
        check_channels(self._channels)
        if settings.colours == "dreamed" and self._channels == 1:
            raise BadInput("the network sees no colours, so it dreams none: choose kept or grey")
        shown = None if guide is None else planes_of(guide, self._channels, settings.colours)
        mixture = mixture_of(model, settings.objective)
        self.objective = str(mixture)
        self._objective = DreamObjective(model, mixture, guide=shown)
        self._weights = self._objective.weights_of(mixture)
        setup = Setup(model, self._objective, settings.without_idle())
        self.natural = setup.natural
        self._mode = MODES[settings.mode].prepare(setup)

    def towards(self, objective: str) -> "Dreamer":
        """Whoever dreams another objective in the same way; nothing is traced where it is of the same layers, and with
        a guide of as many terms.

        Raises:
            BadInput: as the constructor.
        """
        mixture = mixture_of(self._model, objective)
        if not self._objective.fits(mixture):
            settings = replace(self._settings, objective=objective)
            return Dreamer(self._model, settings, guide=self._guide)
        other = copy.copy(self)
        other.objective, other._weights = str(mixture), self._objective.weights_of(mixture)
        return other

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the loop of steps: once a dreamer, however many pictures it dreams."""
        return self._mode.traces

    def dream(self, source: Pixels, *, mask: Floats | None = None, progress: Progress | None = None) -> Dream:
        """Dreams into one picture.

        Args:
            source: uint8 or uint16 [H, W, C], sRGB or grey.
            mask: float32 [H, W] in [0, 1]: white dreams, black stays. One of another size is resized bicubically.
            progress: called about once a second.

        Raises:
            BadInput: a picture that this network cannot dream in this mode.
        """
        if source.dtype not in (np.uint8, np.uint16) or source.ndim != 3 or source.shape[2] not in (1, 3):
            raise BadInput(f"a picture is uint8 or uint16 [H, W, 1 or 3], not {source.dtype} {list(source.shape)}")
        settings = self._settings
        if mask is not None:
            mask = np.clip(resize(mask[:, :, None], *source.shape[:2])[:, :, 0], 0, 1)
        planes = planes_of(source, self._channels, settings.colours)
        found = self._mode.dream(planes, Target(self.objective, self._weights), progress or (lambda *_: None))
        pixels = blend(source, found.planes, colours=settings.colours, strength=settings.strength, mask=mask)
        return Dream(pixels, found.curves, found.strip)
