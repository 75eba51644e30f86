"""What arrays hold, as the code's annotations say it."""

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
"""What networks take and give, and pictures while they are computed."""

Doubles: TypeAlias = npt.NDArray[np.float64]
"""Where float32 would round too much."""

Reals: TypeAlias = npt.NDArray[np.floating[Any]]
"""Of whatever precision."""

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint16]
Pixels: TypeAlias = Bytes | Words
"""Of a picture file: 8 or 16 bits a channel."""

Integers: TypeAlias = npt.NDArray[np.int64]
ShortIntegers: TypeAlias = npt.NDArray[np.int32]
"""Which TensorFlow's own operations take."""

Complexes: TypeAlias = npt.NDArray[np.complex128]
Bools: TypeAlias = npt.NDArray[np.bool_]

Array: TypeAlias = npt.NDArray[Any]
"""Of whatever kind."""

Tensor: TypeAlias = Any
"""Of TensorFlow, which ships no types."""


class Images(Protocol):
    """Images [N, H, W, C] of which some are taken at a time: an array, or what makes them when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...
