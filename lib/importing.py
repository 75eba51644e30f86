"""Imports of what is large: TensorFlow, Prefect."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_import(module: str) -> Iterator[None]:
    """While inside, where this module is to be imported, nobody looks for garbage.

    What modules hold is none, and to see that takes a fifth of the time of an import. It is left out later on too.
    """
    if module in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
