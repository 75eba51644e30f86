"""What a machine ran out of while a command was at work, in one line: nothing is wrong with what was asked."""

from storage.mishaps.passing import causes, lacks_descriptors

MEMORY = (
    "there was not enough memory: end other programs; what was finished is in the store, and the same command goes on"
)
FILES = "too many files were open: end other programs, or allow more with `ulimit -n`; the same command goes on"


def shortage(error: BaseException) -> str | None:
    """What there was too little of, if an error came of that."""
    if any(
        isinstance(cause, MemoryError) or type(cause).__name__ == "ResourceExhaustedError" for cause in causes(error)
    ):
        return MEMORY
    return FILES if lacks_descriptors(error) else None
