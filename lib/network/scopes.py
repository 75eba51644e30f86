"""Names of layers that Keras takes and TensorFlow's graphs do not: `conv (1)`, `Fläche`, `a: b`.

Keras opens a scope of TensorFlow's with the name of each layer that it calls. In a compiled function TensorFlow refuses
a scope with a blank, a bracket or a letter beyond ASCII. Here such a scope gets a plain name; the layer, its variables
and all that is written of it keep theirs.
"""

import functools
import re
from typing import Any

_ALLOWED = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_./-]*")


def scope_name(name: str) -> str:
    """The name of the scope for a layer of this name: itself where TensorFlow takes it."""
    if _ALLOWED.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_./-]", "_", name)
    return plain if _ALLOWED.fullmatch(plain) else f"layer{plain}"


@functools.cache
def allow_any_name() -> None:
    """Let every layer be called within compiled functions, from now on in this process."""
    import tensorflow as tf
    from keras.src.backend.tensorflow import core

    opened = core.name_scope.__init__

    def __init__(self: Any, name: str, **kwargs: Any) -> None:  # noqa: N807
        opened(self, name, **kwargs)
        if scope_name(name) != name:
            self._tf_name_scope = tf.name_scope(scope_name(name))

    core.name_scope.__init__ = __init__
