"""Which failures are worth another attempt: those that a little time may mend."""

import errno
from collections.abc import Iterator

from storage.errors import StoreUnusable

# Out of reach for the moment, or too much at once. A full disk, a missing permission, a wrong value stay as they are.
_ERRNOS = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.EIO,
    errno.EINTR,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ESTALE,
    errno.ETIMEDOUT,
}
_TENSORFLOW = ("ResourceExhaustedError", "UnavailableError")
"""A batch that found no memory may find some when others have given theirs back."""


def transient(error: BaseException) -> bool:
    """Whether another attempt may succeed where this error, or what it came of, was raised."""
    return any(
        isinstance(cause, ConnectionError | TimeoutError | MemoryError)
        or (isinstance(cause, OSError) and cause.errno in _ERRNOS)
        or (type(cause).__module__.startswith("tensorflow.") and type(cause).__name__ in _TENSORFLOW)
        for cause in _causes(error)
    )


def store_unusable(error: BaseException) -> StoreUnusable | None:
    """What stops every other map as well, if this is of that kind: the store cannot be used, as on a full disk."""
    return next((cause for cause in _causes(error) if isinstance(cause, StoreUnusable)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
