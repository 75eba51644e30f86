"""Imports of what is large: TensorFlow, Prefect."""

import gc
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

KERAS_EXTRAS = ("sklearn", "matplotlib")
"""Packages that Keras imports where they are there, for its wrappers and its galleries: a third of the time that the
import of TensorFlow takes."""


@contextmanager
def quick_import(module: str, *, without: Sequence[str] = ()) -> Iterator[None]:
    """While inside, where this module is to be imported, nobody looks for garbage.

    What modules hold is none, and to see that takes a fifth of the time of an import. It is left out later on too.

    Args:
        without: packages of which this thread finds no module while inside that is not imported already. What does
            without them now will do without them for ever, so this is for processes of ours alone, and for none in
            which somebody else's code may want what it makes of them.
    """
    if module in sys.modules:
        yield
        return
    gc.disable()
    hidden = _Hidden(without)
    sys.meta_path.insert(0, hidden)
    try:
        yield
        gc.freeze()
    finally:
        sys.meta_path.remove(hidden)
        gc.enable()


class _Hidden:
    """Says first of all finders that some packages are not there, to the thread that made it."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name.partition(".")[0] in self._packages and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
