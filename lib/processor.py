"""What this machine's processor is good at, where that decides how something is computed."""

import os
from pathlib import Path

_FAST = {"avx512_bf16", "amx_bf16"}


def is_fast_at_bfloat16() -> bool:
    """Whether TensorFlow multiplies bfloat16 here by the processor's own instructions for it.

    Where a GPU computes, the processor does not matter. Without its oneDNN kernels, TensorFlow knows no such
    instructions; and elsewhere than on Linux, nothing here knows whether there are any.
    """
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU") or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    return any(not _FAST.isdisjoint(line.split()) for line in lines if line.startswith("flags"))
