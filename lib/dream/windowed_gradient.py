"""The gradient of a picture of any size in bounded memory: window by window, equal to the whole picture's.

Each window owns some positions of the objective's layers and reads just the part of the picture that they depend on
(`lib.network.window_plan`); where windows read the same pixels their gradients are added. So cutting a picture up
changes nothing but the order of additions.
"""

from typing import Any

import numpy as np

from lib.arrays import Array, Tensor
from lib.dream.objective import DreamObjective
from lib.errors import BadInput
from lib.network.window_plan import AXES
from lib.network.windowed_trunk import FramedTrunk

_WINDOW_SIDE = 384
"""In pixels, beside what a window reads of its neighbours'. Measured on the reference network: from 256 to 1,024 the
time is the same, below it rises; at 384 a window's tensors are some 100 MB."""


class WindowedGradient:
    """A `lib.dream.ascent.Gradient`: of an objective, by windows.

    Attributes:
        least: (height, width) of the smallest picture that has a position of each layer.
    """

    def __init__(self, model: Any, objective: DreamObjective, *, window: int | None = None) -> None:
        """The gradient for one model.

        Args:
            window: about how many pixels a window's side has, beside what it reads of its neighbours'; chosen here
                where None.

        Raises:
            BadInput: `lib.network.window_plan.Unbounded` where a layer sees more than a neighbourhood of each position.
        """
        self._objective = objective
        self._trunk = FramedTrunk(model, objective.layers)
        self.least = self._trunk.least
        # a deep network reads far: then a window is as large as what it reads of others
        self._sides = [window or max(_WINDOW_SIDE, self._trunk.halo(axis)) for axis in AXES]

    @property
    def signature(self) -> tuple[Any, ...]:
        """Plans along rows and along columns, and how many positions each layer has in the whole picture."""
        import tensorflow as tf

        windows = tf.TensorSpec((None, 1 + self._trunk.frames, 4), tf.int32)
        return windows, windows, tf.TensorSpec((len(self._objective.layers),), tf.float32)

    def plan(self, height: int, width: int) -> tuple[Array, ...]:
        """See `signature`.

        Raises:
            BadInput: a picture too small to have a position of each layer.
        """
        if height < self.least[0] or width < self.least[1]:
            raise BadInput(
                f"a picture of {width}x{height} is too small for {' and '.join(self._objective.layers)}: "
                f"give one of {self.least[1]}x{self.least[0]} or more, or choose an earlier layer"
            )
        rows = self._trunk.plan(0, height, -(-height // self._sides[0]))
        columns = self._trunk.plan(1, width, -(-width // self._sides[1]))
        positions = [self._trunk.positions(layer, height, width) for layer in self._objective.layers]
        return rows, columns, np.array(positions, np.float32)

    def value(self, picture: Tensor, rows: Tensor, columns: Tensor, positions: Tensor) -> Tensor:
        """The objective over the whole picture, a scalar."""
        import tensorflow as tf

        across = tf.shape(columns)[0]

        def window(at: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            row, column = rows[at // across], columns[at % across]
            return at + 1, value + self._own_value(_crop(picture, row, column)[None], row, column, positions)

        return tf.while_loop(
            lambda at, _: at < across * tf.shape(rows)[0], window, (0, tf.constant(0.0)), parallel_iterations=1
        )[1]

    def __call__(self, picture: Tensor, rows: Tensor, columns: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """The objective over the whole picture, and its gradient [H, W, C]."""
        import tensorflow as tf

        width, channels = tf.shape(picture)[1], picture.shape[2]

        # columns first into a band, which lies on its side: adding to rows of a tensor is quick, to columns it is not
        def across(row: Tensor, at: Tensor, band: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            column = columns[at]
            pixels = _crop(picture, row, column)[None]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(pixels)
                own = self._own_value(pixels, row, column, positions)
            gradient = tf.transpose(tape.gradient(own, pixels)[0], (1, 0, 2))
            return at + 1, _add_rows(band, column[0, 0], gradient), value + own

        def down(at: Tensor, plane: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            row = rows[at]
            _, band, value = tf.while_loop(
                lambda at, *_: at < tf.shape(columns)[0],
                lambda *state: across(row, *state),
                (0, tf.zeros((width, row[0, 1], channels)), value),
                parallel_iterations=1,
            )
            return at + 1, _add_rows(plane, row[0, 0], tf.transpose(band, (1, 0, 2))), value

        _, plane, value = tf.while_loop(
            lambda at, *_: at < tf.shape(rows)[0],
            down,
            (0, tf.zeros_like(picture), tf.constant(0.0)),
            parallel_iterations=1,
        )
        return value, plane

    def _own_value(self, pixels: Tensor, row: Tensor, column: Tensor, positions: Tensor) -> Tensor:
        """A window's share of the objective: of the positions that it owns."""
        import tensorflow as tf

        maps = self._trunk.maps(pixels, row, column)
        return tf.add_n(
            [
                tf.reduce_sum(self._objective.positions(layer, *maps[layer])) / positions[at]
                for at, layer in enumerate(self._objective.layers)
            ]
        )


def _crop(picture: Tensor, row: Tensor, column: Tensor) -> Tensor:
    (y, high), (x, wide) = (tuple(plan[0, at] for at in (0, 1)) for plan in (row, column))
    return picture[y : y + high, x : x + wide]


def _add_rows(tensor: Tensor, first: Tensor, rows: Tensor) -> Tensor:
    """`rows` added to those of a tensor from `first` on; in place, where nobody else holds the tensor."""
    import tensorflow as tf

    at = first + tf.range(tf.shape(rows)[0])
    return tf.tensor_scatter_nd_add(tensor, at[:, None], rows)
