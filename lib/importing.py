"""Imports of what is large: TensorFlow, Prefect."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """While inside, nobody looks for garbage: modules are none, and to see that takes a fifth of the time of an import.

    What is there at the end is left out later on too, as it stays.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
