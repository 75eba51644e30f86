"""What a dream optimises: one number for each position of the layers, from a mixture and, perhaps, a guide.

- All maps of a layer: the mean of their squared activations, as in DeepDream: what is strong grows strongest.
- A unit or a direction: the product of the activations with it.
- With a guide, another picture: the greatest product of the activations with those at any position of the guide, which
  have length 1 (else all would be drawn to the guide's most vivid place). Of a unit or a direction only its own part.

A hundredth of the pre-activation is added, as in `lib.oips.objective`, so that a picture to which nothing responds does
not stay grey. Class units count before the softmax.

Terms are made comparable: each is divided by the root mean square of its gradient on the same noise. Else a map of a
late layer would drown one of an early layer whatever their weights; so weights say how much of a step is whose.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lib.arrays import Floats, Tensor
from lib.dream.mixture import Mixture, Term
from lib.errors import BadInput
from lib.network.graph import LOCK, graph_of
from lib.network.trunk import responses_of
from lib.network.units import layers_with_units
from lib.oips.objective import LEAK
from lib.oips.start_images import start_image
from lib.pictures.resample import resize

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

    def __init__(self, model: Any, mixture: Mixture, *, guide: Floats | None = None) -> None:
        """The objective for one model.

        Args:
            mixture: of layers and units that the model has.
            guide: [H, W, C] in [0, 1], C as the model takes it; it is made smaller where a side is above 160 pixels.

        Raises:
            BadInput: an unknown layer, or a guide to which nothing responds.
        """
        self.mixture = mixture
        self.layers = mixture.layers
        self._model = model
        trunk = responses_of(model, self.layers)
        self._signed, self._units = trunk.signed, trunk.units
        self._guide = {} if guide is None else self._features(model, guide)
        self._weights: Sequence[Tensor] = self.weights_of(mixture)

    @property
    def signature(self) -> tuple[Any, ...]:
        """The `tf.TensorSpec`s of the weights."""
        import tensorflow as tf

        specs = ((tf.TensorSpec(()), tf.TensorSpec((self._units[layer],))) for layer in self._layers_of_weights)
        return tuple(spec for pair in specs for spec in pair)

    @property
    def _layers_of_weights(self) -> tuple[str, ...]:
        """Of each pair of weights: with a guide each term has one, as it has a greatest product of its own."""
        return _layers_of_terms(self.mixture) if self._guide else self.layers

    def weights_of(self, mixture: Mixture) -> tuple[Floats, ...]:
        """A mixture of the same layers, in numbers: for each layer the weight of all its maps together, and of each,
        [units]. With a guide for each term its weight, and which part of the guide it is about, [units].

        Raises:
            BadInput: a mixture that `fits` not.
        """
        if not self.fits(mixture):
            raise BadInput(f"{mixture} is another objective than {self.mixture}: it needs a computation of its own")
        if self._guide:
            pairs = (
                (np.float32(term.weight / scale), self._part(term))
                for term, scale in zip(mixture.terms, self._scales_of(mixture), strict=True)
            )
            return tuple(np.asarray(part) for pair in pairs for part in pair)
        whole = {layer: np.zeros((), np.float32) for layer in self.layers}
        each = {layer: np.zeros(self._units[layer], np.float32) for layer in self.layers}
        for term, scale in zip(mixture.terms, self._scales_of(mixture), strict=True):
            if (vector := self._vector(term)) is None:
                whole[term.layer] += np.float32(term.weight / scale)
            else:
                each[term.layer] += np.float32(term.weight / scale) * vector
        return tuple(part for layer in self.layers for part in (whole[layer], each[layer]))

    def fits(self, mixture: Mixture) -> bool:
        """Whether a mixture can be optimised by the same computation: of the same layers, with a guide term by term."""
        if self._guide:
            return _layers_of_terms(mixture) == _layers_of_terms(self.mixture)
        return mixture.layers == self.layers

    @contextmanager
    def with_weights(self, weights: Sequence[Tensor]) -> Iterator[None]:
        """While inside, which is while tracing, the objective is what these say: see `weights_of`."""
        before = self._weights
        self._weights = weights
        try:
            yield
        finally:
            self._weights = before

    def positions(self, layer: str, after: Tensor, before: Tensor) -> Tensor:
        """The value of each position of a layer, [B, ...], from all its maps' activations and pre-activations there,
        [B, ..., units]. A dense layer has one position."""
        import tensorflow as tf

        # a network of mixed precision answers in half, whose steps are too coarse to add up
        after, before = tf.cast(after, tf.float32), tf.cast(before, tf.float32)
        pairs = [
            pair for name, pair in zip(self._layers_of_weights, _pairs(self._weights), strict=True) if name == layer
        ]
        if self._guide:
            return tf.add_n([weight * self._similarity(layer, part, after, before) for weight, part in pairs])
        ((whole, each),) = pairs
        return whole * self._strength(layer, after, before) + tf.tensordot(
            self._activation(layer, after, before), each, [[-1], [0]]
        )

    def value(self, maps: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """The value of each image, [B]: the sum over layers of the mean over positions. `maps` as of `Trunk.maps`."""
        import tensorflow as tf

        found = []
        for layer in self.layers:
            values = self.positions(layer, *maps[layer])
            found.append(tf.reduce_mean(values, list(range(1, len(values.shape)))))
        return tf.add_n(found)

    def _strength(self, layer: str, after: Tensor, before: Tensor) -> Tensor:
        """Of all maps together."""
        import tensorflow as tf

        squared = tf.reduce_mean(tf.square(after), -1)
        return squared if self._signed[layer] else squared + LEAK * tf.reduce_mean(before, -1)

    def _activation(self, layer: str, after: Tensor, before: Tensor) -> Tensor:
        return before if self._signed[layer] else after + LEAK * before

    def _similarity(self, layer: str, part: Tensor, after: Tensor, before: Tensor) -> Tensor:
        """To what is alike most in the guide, of which this part, [units], is wanted."""
        import tensorflow as tf

        activation = self._activation(layer, after, before)
        return tf.reduce_max(tf.tensordot(activation, self._guide[layer] * part, [[-1], [-1]]), -1)

    def _value(self, term: Term, after: Tensor, before: Tensor) -> Tensor:
        """Of one term, with weight 1."""
        import tensorflow as tf

        if self._guide:
            return self._similarity(term.layer, self._part(term), after, before)
        vector = self._vector(term)
        if vector is None:
            return self._strength(term.layer, after, before)
        return tf.tensordot(self._activation(term.layer, after, before), vector, [[-1], [0]])

    def _part(self, term: Term) -> Floats:
        """Of a guide's features: those of a term's direction, or all, [units]."""
        vector = self._vector(term)
        return np.ones(self._units[term.layer], np.float32) if vector is None else vector

    def _vector(self, term: Term) -> Floats | None:
        """The direction of a term, [units], of length 1; None where it is of all units."""
        if term.direction is None:
            return None
        vector: Floats = np.zeros(self._units[term.layer], np.float32)
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
            height, width = _fit_size(guide, _GUIDE_SIDE) if kinds[layer] == "map" else _input_size(model)
            trunk = responses_of(model, [layer], size=(height, width))
            with LOCK:
                after, _ = trunk.maps(tf.constant(resize(guide, height, width)[None], tf.float32))[layer]
                features = tf.reshape(tf.cast(after, tf.float32), (-1, self._units[layer])).numpy()
            some = np.linspace(0, len(features) - 1, min(len(features), _GUIDE_POSITIONS)).round().astype(int)
            lengths = np.linalg.norm(features[some], axis=-1, keepdims=True)
            if not lengths.any():
                raise BadInput(f"nothing in {layer} responds to the guide: choose another picture or an earlier layer")
            found[layer] = (features[some] / np.maximum(lengths, 1e-12))[lengths[:, 0] > 0]
        return found

    def _scales_of(self, mixture: Mixture) -> list[float]:
        """What the terms are divided by: for each the root mean square of its gradient on noise."""
        import tensorflow as tf

        if len(mixture.terms) == 1:
            return [1.0]
        size = _input_size(self._model)
        trunk = responses_of(self._model, self.layers, size=size)
        noise = start_image(0, _NOISE_SCALES, (*size, trunk.input_shape[2]))
        found = []
        with LOCK, tf.GradientTape(persistent=True) as tape:
            image = tf.constant(np.clip(0.5 + 0.2 * noise, 0, 1)[None])
            tape.watch(image)
            maps = trunk.maps(image)
            values = [
                tf.reduce_mean(self._value(term, *(tf.cast(part, tf.float32) for part in maps[term.layer])))
                for term in mixture.terms
            ]
        for value in values:
            found.append(float(tf.sqrt(tf.reduce_mean(tf.square(tape.gradient(value, image))))))
        return [length if length > 0 else 1.0 for length in found]


def _pairs(parts: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(parts[::2], parts[1::2], strict=True))


def _layers_of_terms(mixture: Mixture) -> tuple[str, ...]:
    return tuple(term.layer for term in mixture.terms)


def _input_size(model: Any) -> tuple[int, int]:
    """Height and width of a model's images; where they are free, enough for most."""
    graph = graph_of(model)
    _, height, width, _ = graph.shapes[graph.input]
    return height or _FREE_SIDE, width or _FREE_SIDE


def _fit_size(picture: Floats, side: int) -> tuple[int, int]:
    """Height and width of a picture, made smaller where one is above a side."""
    height, width = picture.shape[:2]
    share = min(1.0, side / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))
