"""What this machine's processor is good at, where that decides how something is computed."""

import os
import platform
from pathlib import Path

_FAST = {"avx512_bf16", "amx_bf16"}


def is_fast_at_bfloat16() -> bool:
    """Whether TensorFlow multiplies bfloat16 here by the processor's own instructions for it.

    Where a GPU computes, the processor does not matter. Without its oneDNN kernels, TensorFlow knows no such
    instructions; and elsewhere than on Linux, nothing here knows whether there are any.
    """
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU") or os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1").lower() in ("0", "false"):
        return False
    return any(not _FAST.isdisjoint(line.split()) for line in _about() if line.startswith("flags"))


def processor_name() -> str:
    """As the processor calls itself, for example `AMD EPYC 9B14`; on other systems than Linux as Python knows it."""
    names = (line.partition(":")[2].strip() for line in _about() if line.startswith("model name"))
    return next(names, platform.processor())


def _about() -> list[str]:
    """What Linux knows of the processors; nothing elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
