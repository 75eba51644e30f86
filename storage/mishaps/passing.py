"""Which failures of a place pass by themselves: it is away, has too much to do, or answers with half of an answer."""

import errno
from collections.abc import Iterator

DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
"""This process, or this machine, has as many files open as it may."""

OF_A_FOLDER = DESCRIPTORS | {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ENOBUFS, errno.ESTALE, errno.ETIMEDOUT}
"""A full disk, a missing permission, a disk that has gone stay as they are."""

OF_A_NETWORK = OF_A_FOLDER | {
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EPIPE,
}

_STATUS = {408, 425, 429, 500, 502, 503, 504}
_CODES = {
    "BadDigest",
    "IncompleteBody",
    "InternalError",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "XAmzContentSHA256Mismatch",
}
"""What S3 says where it, or the line, failed, and not what was asked."""

_SLOWLY = {429, 503}
"""A server that answers so is the right one, and there."""

# By name, so that neither needs to be imported to look at an error that is none of theirs.
_LIBRARIES = {
    "aiohttp": ("ClientConnectionError", "ClientPayloadError"),
    "botocore": (
        "ConnectionError",
        "HTTPClientError",
        "IncompleteReadError",
        "ResponseParserError",
        "FlexibleChecksumError",
    ),
    "urllib3": ("IncompleteRead", "ProtocolError", "TimeoutError"),
    "google": ("TransportError",),
    "azure": ("ServiceRequestError", "ServiceResponseError"),
}


def passes_in_folder(error: BaseException) -> bool:
    """Whether a folder may do, in a while, what it failed to do now."""
    return isinstance(error, OSError) and error.errno in OF_A_FOLDER


def passes_on_network(error: BaseException) -> bool:
    """Whether a server may answer in a while, where this was raised, or what it came of."""
    return any(map(_passes, causes(error)))


def asks_for_patience(error: BaseException) -> bool:
    """Whether a server answered that it has too much to do at the moment."""
    return any(_status(cause) in _SLOWLY for cause in causes(error))


def lacks_descriptors(error: BaseException) -> bool:
    """Whether too many files are open, in this process or on this machine."""
    return any(isinstance(cause, OSError) and cause.errno in DESCRIPTORS for cause in causes(error))


def is_bad_sector(error: BaseException | None) -> bool:
    """Whether a disk could not read a file. It may read all others: the bytes of this one are as good as changed."""
    return isinstance(error, OSError) and error.errno == errno.EIO


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__


def _passes(error: BaseException) -> bool:
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in OF_A_NETWORK:
        return True
    if _status(error) in _STATUS or _code(error) in _CODES:
        return True
    return any(
        one.__module__.partition(".")[0] == library and one.__name__ in names
        for one in type(error).__mro__
        for library, names in _LIBRARIES.items()
    )


def _code(error: BaseException) -> str | None:
    """What S3 calls it."""
    said = getattr(error, "response", None)
    code = said.get("Error", {}).get("Code") if isinstance(said, dict) else None
    return code if isinstance(code, str) else None


def _status(error: BaseException) -> int | None:
    """The status of HTTP, as botocore, gcsfs, aiohttp and Azure's client say it."""
    said = getattr(error, "response", None)
    if isinstance(said, dict):
        status = said.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = next((v for name in ("status", "status_code", "code") if (v := getattr(error, name, None))), None)
    return int(status) if isinstance(status, int) or (isinstance(status, str) and status.isdigit()) else None
