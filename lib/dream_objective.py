"""What a dream climbs: one number for each position of the layers, from a mixture and, perhaps, a guide.

- All maps of a layer: the mean of their squared activations, as in DeepDream: what is strong grows strongest.
- A unit or a direction: the product of the activations with it.
- With a guide, another picture: the greatest product of the activations with those at any position of the guide, which
  have length 1 (else all would be drawn to the guide's most vivid place). Of a unit or a direction only its own part.

A hundredth of the pre-activation is added, as in `lib.objective`, so that a picture to which nothing responds does not
stay grey. Class units count before the softmax.

Terms are made comparable: each is divided by the root mean square of its gradient on the same noise. Else a map of a
late layer would drown one of an early layer whatever their weights; so weights say how much of a step is whose.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lib.errors import BadInput
from lib.graph import LOCK, graph_of
from lib.mixture import Mixture, Term
from lib.objective import LEAK
from lib.resample import resized
from lib.start import start_image
from lib.trunk import responses_of
from lib.units import layers_with_units

Floats = npt.NDArray[np.float32]
Tensor = Any

_GUIDE_SIDE = 160
_GUIDE_POSITIONS = 1024
_FREE_SIDE = 128
_NOISE_SCALES = (1.0, 3.0, 7.0)


class DreamObjective:
    """The mixture as a computation.

    Attributes:
        mixture: what it is of.
        layers: whose activations it reads.
    """

    def __init__(
        self,
        model: Any,
        mixture: Mixture,
        *,
        pixel_range: tuple[float, float] = (0.0, 1.0),
        guide: Floats | None = None,
    ) -> None:
        """The objective for one model.

        Args:
            mixture: of layers and units that the model has.
            pixel_range: what black and white were when the model was trained.
            guide: [H, W, C] in [0, 1], C as the model takes it; it is made smaller where a side is above 160 pixels.

        Raises:
            BadInput: an unknown layer, or a guide to which nothing responds.
        """
        self.mixture = mixture
        self.layers = mixture.layers
        trunk = responses_of(model, self.layers)
        self._signed, self._units = trunk.signed, trunk.units
        self._pixel_range = pixel_range
        self._guide = {} if guide is None else self._features(model, guide)
        self._scales = [1.0] * len(mixture.terms)
        if len(mixture.terms) > 1:
            self._scales = self._gradients(model)

    def positions(self, layer: str, after: Tensor, before: Tensor) -> Tensor:
        """The value of each position of a layer, [B, ...], from all its maps' activations and pre-activations there,
        [B, ..., units]. A dense layer has one position."""
        import tensorflow as tf

        # a network of mixed precision answers in half, whose steps are too coarse to add up
        after, before = tf.cast(after, tf.float32), tf.cast(before, tf.float32)
        return tf.add_n(
            [
                term.weight / scale * self._value(term, after, before)
                for term, scale in zip(self.mixture.terms, self._scales, strict=True)
                if term.layer == layer
            ]
        )

    def value(self, maps: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """The value of each image, [B]: the sum over layers of the mean over positions. `maps` as of `Trunk.maps`."""
        import tensorflow as tf

        found = []
        for layer in self.layers:
            values = self.positions(layer, *maps[layer])
            found.append(tf.reduce_mean(values, list(range(1, len(values.shape)))))
        return tf.add_n(found)

    def _value(self, term: Term, after: Tensor, before: Tensor) -> Tensor:
        import tensorflow as tf

        live = before if self._signed[term.layer] else after + LEAK * before
        if self._guide:
            direction = self._vector(term)
            features = self._guide[term.layer] * direction if direction is not None else self._guide[term.layer]
            return tf.reduce_max(tf.tensordot(live, features, [[-1], [-1]]), -1)
        if term.direction is None:
            squared = tf.reduce_mean(tf.square(after), -1)
            return squared if self._signed[term.layer] else squared + LEAK * tf.reduce_mean(before, -1)
        units = [unit for unit, _ in term.direction]
        return tf.tensordot(tf.gather(live, units, axis=-1), self._vector(term)[units], [[-1], [0]])

    def _vector(self, term: Term) -> Any:
        """The direction of a term, [units], of length 1."""
        if term.direction is None:
            return None
        vector = np.zeros(self._units[term.layer], np.float32)
        for unit, part in term.direction:
            vector[unit] = part
        return vector / np.linalg.norm(vector)

    def _features(self, model: Any, guide: Floats) -> dict[str, Floats]:
        """By layer, activations at positions of the guide, [M, units], each of length 1, at most 1,024."""
        import tensorflow as tf

        kinds = {layer.name: layer.kind for layer in layers_with_units(model)}
        found = {}
        for layer in self.layers:
            # maps are there at any size; nodes at the network's own
            height, width = _within(guide, _GUIDE_SIDE) if kinds[layer] == "map" else _own_size(model)
            trunk = responses_of(model, [layer], size=(height, width))
            with LOCK:
                after, _ = trunk.maps(self._seen(resized(guide, height, width)[None]))[layer]
                features = tf.reshape(tf.cast(after, tf.float32), (-1, self._units[layer])).numpy()
            some = np.linspace(0, len(features) - 1, min(len(features), _GUIDE_POSITIONS)).round().astype(int)
            lengths = np.linalg.norm(features[some], axis=-1, keepdims=True)
            if not lengths.any():
                raise BadInput(f"nothing in {layer} responds to the guide: choose another picture or an earlier layer")
            found[layer] = (features[some] / np.maximum(lengths, 1e-12))[lengths[:, 0] > 0]
        return found

    def _gradients(self, model: Any) -> list[float]:
        """For each term the root mean square of its gradient on noise."""
        import tensorflow as tf

        size = _own_size(model)
        trunk = responses_of(model, self.layers, size=size)
        noise = start_image(0, _NOISE_SCALES, (*size, trunk.input_shape[2]))
        found = []
        with LOCK, tf.GradientTape(persistent=True) as tape:
            image = tf.constant(np.clip(0.5 + 0.2 * noise, 0, 1)[None])
            tape.watch(image)
            maps = trunk.maps(self._seen(image))
            values = [
                tf.reduce_mean(self._value(term, *(tf.cast(part, tf.float32) for part in maps[term.layer])))
                for term in self.mixture.terms
            ]
        for value in values:
            found.append(float(tf.sqrt(tf.reduce_mean(tf.square(tape.gradient(value, image))))))
        return [length if length > 0 else 1.0 for length in found]

    def _seen(self, image: Any) -> Any:
        low, high = self._pixel_range
        return low + image * (high - low)


def _own_size(model: Any) -> tuple[int, int]:
    """Height and width of a model's images; where they are free, enough for most."""
    graph = graph_of(model)
    _, height, width, _ = graph.shapes[graph.input]
    return height or _FREE_SIDE, width or _FREE_SIDE


def _within(picture: Floats, side: int) -> tuple[int, int]:
    """Height and width of a picture, made smaller where one is above a side."""
    height, width = picture.shape[:2]
    share = min(1.0, side / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))
