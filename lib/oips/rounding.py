"""Which implementations of layers an ascent goes by: those that keep every bit, or faster ones that round otherwise."""

from lib.network.kernels import fast_kernels, rounding_kernels
from lib.network.plan import Kernels
from lib.oips.growth import Growth
from lib.processor import is_fast_at_bfloat16


def kernels_for(growth: Growth, *, bfloat16: bool = True) -> Kernels:
    """What computes the network while images grow so.

    Images without a margin are small, or of networks that earlier versions swept: they keep their bytes. Others are
    rounded to `bfloat16`, if that is not ruled out, where the processor is fast at it. No recipe names that: it is a
    matter of the processor, and the record's environment says it.
    """
    return rounding_kernels(bfloat16=bfloat16 and is_fast_at_bfloat16()) if growth.margin else fast_kernels
