"""A picture dreamed by a network: the modes behind one door."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from lib.arrays import Floats, Pixels
from lib.dream.ascent import DreamAscent, Gradient
from lib.dream.blend import blend
from lib.dream.carve import carve
from lib.dream.gradients import Aimed, LuminanceGradient
from lib.dream.mixture import mixture_of
from lib.dream.objective import DreamObjective
from lib.dream.octaves import octave_sizes, through_octaves
from lib.dream.settings import DreamSettings, Mode
from lib.dream.strip import strip
from lib.dream.tiled_gradient import Tiles
from lib.dream.whole_gradient import picture_gradient
from lib.errors import BadInput
from lib.network.graph import graph_of
from lib.pictures.colours import check_channels, planes_of
from lib.pictures.resample import resize

Told = Callable[[str, int, int], None]
"""Is told of progress: what is done, as "round 2 of 4", and how many steps of it, of how many."""


@dataclass(frozen=True)
class Curve:
    """How the objective rose: `values` [steps + 1] before each step and after the last, of an octave, round or tiling.

    Those in between are of the picture as it was rolled at that step.
    """

    name: str
    values: Floats


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
    """

    def __init__(
        self,
        model: Any,
        settings: DreamSettings,
        *,
        pixel_range: tuple[float, float] = (0.0, 1.0),
        guide: Pixels | None = None,
    ) -> None:
        """Everything is traced here.

        Args:
            model: Keras model with one image input.
            pixel_range: what black and white were when the model was trained.
            guide: uint8 or uint16 [H, W, C]: a picture towards whose activations the objective's layers dream.

        Raises:
            BadInput: an objective that the model does not have; a network that cannot dream pictures, or in this mode.
        """
        self._model, self._settings, self._pixel_range, self._guide = model, settings, pixel_range, guide
        self._channels = _channels(model)
        check_channels(self._channels)
        if settings.colours == "dreamed" and self._channels == 1:
            raise BadInput("the network sees no colours, so it dreams none: choose kept or grey")
        shown = None if guide is None else planes_of(guide, self._channels, settings.colours)
        mixture = mixture_of(model, settings.objective)
        self.objective = str(mixture)
        self._objective = DreamObjective(model, mixture, pixel_range=pixel_range, guide=shown)
        self._aim = self._objective.aim(mixture)
        self._way = _WAYS[settings.mode](model, self._objective, settings, pixel_range)

    def towards(self, objective: str) -> "Dreamer":
        """Whoever dreams another objective in the same way; nothing is traced where it is of the same layers, and with
        a guide of as many terms.

        Raises:
            BadInput: as the constructor.
        """
        mixture = mixture_of(self._model, objective)
        if not self._objective.fits(mixture):
            settings = replace(self._settings, objective=objective)
            return Dreamer(self._model, settings, pixel_range=self._pixel_range, guide=self._guide)
        other = copy.copy(self)
        other.objective, other._aim = str(mixture), self._objective.aim(mixture)
        return other

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the loop of steps: once a dreamer, however many pictures it dreams."""
        return self._way.traces

    def dream(self, source: Pixels, *, mask: Floats | None = None, told: Told | None = None) -> Dream:
        """Dreams into one picture.

        Args:
            source: uint8 or uint16 [H, W, C], sRGB or grey.
            mask: float32 [H, W] in [0, 1]: white dreams, black stays. One of another size is resized bicubically.
            told: called about once a second.

        Raises:
            BadInput: a picture that this network cannot dream in this mode.
        """
        if source.dtype not in (np.uint8, np.uint16) or source.ndim != 3 or source.shape[2] not in (1, 3):
            raise BadInput(f"a picture is uint8 or uint16 [H, W, 1 or 3], not {source.dtype} {list(source.shape)}")
        settings = self._settings
        if mask is not None:
            mask = np.clip(resize(mask[:, :, None], *source.shape[:2])[:, :, 0], 0, 1)
        planes = planes_of(source, self._channels, settings.colours)
        dreamt = self._way(planes, _Aim(self.objective, self._aim), told or (lambda *_: None))
        pixels = blend(source, dreamt.planes, colours=settings.colours, strength=settings.strength, mask=mask)
        return Dream(pixels, dreamt.curves, dreamt.strip)


@dataclass(frozen=True)
class _Aim:
    """The objective of one picture: as it is called, and as the ascent is handed it."""

    title: str
    tensors: tuple[Floats, ...]


@dataclass(frozen=True)
class _Dreamt:
    planes: Floats
    curves: tuple[Curve, ...]
    strip: bytes | None = None


class _Way(Protocol):
    """A mode, made ready for one network and its settings."""

    @property
    def traces(self) -> int: ...

    def __call__(self, planes: Floats, aim: _Aim, told: Told) -> _Dreamt: ...


class _ByOctaves:
    """The picture at several resolutions, by the network's convolutions."""

    def __init__(
        self, model: Any, objective: DreamObjective, settings: DreamSettings, pixel_range: tuple[float, float]
    ) -> None:
        self._settings = settings
        gradient = picture_gradient(model, objective, pixel_range=pixel_range)
        self._least = gradient.least
        self._ascent = _PictureAscent(gradient, objective, model, settings)

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def __call__(self, planes: Floats, aim: _Aim, told: Told) -> _Dreamt:
        settings = self._settings
        height, width = planes.shape[:2]
        sizes = octave_sizes(height, width, settings.octaves, settings.octave_scale, self._least)
        names = [f"octave {at + 1} of {len(sizes)}, {wide}x{high}" for at, (high, wide) in enumerate(sizes)]
        planes, found = through_octaves(
            planes,
            sizes,
            lambda at, pixels: self._ascent(pixels, aim, names[at], told, jitter=settings.jitter, number=at),
        )
        return _Dreamt(planes, tuple(Curve(*curve) for curve in zip(names, found, strict=True)))


class _ByTiles:
    """The modes in which the network sees windows of its own size."""

    def __init__(
        self, model: Any, objective: DreamObjective, settings: DreamSettings, pixel_range: tuple[float, float]
    ) -> None:
        self._settings = settings
        self._tiles = Tiles(model, objective.layers, objective.value, settings.overlap, pixel_range=pixel_range)
        self._ascent = _PictureAscent(self._tiles, objective, model, settings)

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def __call__(self, planes: Floats, aim: _Aim, told: Told) -> _Dreamt:
        settings = self._settings
        curves, drawn = [], None
        if settings.mode != "tiles":
            names = [f"round {number + 1} of {settings.rounds}" for number in range(settings.rounds)]
            found = carve(
                planes,
                self._tiles.size,
                # the small picture is a single tile: there is no grid that a shift would hide
                lambda at, small: self._ascent(small, aim, names[at], told, jitter=0, number=at),
                settings.rounds,
            )
            curves = [Curve(*curve) for curve in zip(names, found.values, strict=True)]
            drawn, planes = strip(found, title=aim.title), found.adjusted
        if settings.mode != "carve":
            # as far as neighbours are apart, so that all of the picture meets every part of a tile
            planes, values = self._ascent(planes, aim, "tiles", told, jitter=max(self._tiles.stride) // 2, number=0)
            curves.append(Curve("tiles", values))
        return _Dreamt(planes, tuple(curves), drawn)


class _PictureAscent:
    """The ascent of one gradient with the settings that all modes have."""

    def __init__(self, gradient: Gradient, objective: DreamObjective, model: Any, settings: DreamSettings) -> None:
        self._settings = settings
        channels = _channels(model)
        # where the picture's chroma returns in the end, only its luminance is to dream
        luminance_only = channels == 3 and settings.colours != "dreamed"
        optimised = LuminanceGradient(gradient) if luminance_only else gradient
        self._ascent = DreamAscent(Aimed(optimised, objective), channels)

    @property
    def traces(self) -> int:
        return self._ascent.traces

    def __call__(
        self, planes: Floats, aim: _Aim, name: str, told: Told, *, jitter: int, number: int
    ) -> tuple[Floats, Floats]:
        """`number`: of the octave or round, each of which is shifted otherwise."""
        settings = self._settings
        return self._ascent.optimise(
            planes,
            steps=settings.steps,
            step_size=settings.step,
            smoothing=settings.smoothing,
            jitter=jitter,
            seed=int(np.random.SeedSequence((settings.seed, number)).generate_state(1)[0]),
            aim=aim.tensors,
            told=lambda done, steps: told(name, done, steps),
        )


def _channels(model: Any) -> int:
    graph = graph_of(model)
    channels = graph.shapes[graph.input][-1]
    assert channels is not None
    return channels


_WAYS: dict[Mode, Callable[[Any, DreamObjective, DreamSettings, tuple[float, float]], _Way]] = {
    "octaves": _ByOctaves,
    "carve": _ByTiles,
    "tiles": _ByTiles,
    "carve+tiles": _ByTiles,
}
