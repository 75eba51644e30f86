"""Which failures are worth another attempt."""

import errno
import os

import pytest

from lib.errors import BadInput
from storage.errors import BlobCorrupt, StoreUnusable
from tasks.session.transient import store_unusable, transient


def caused(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except Exception as raised:
        return raised


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def no_memory_for_a_batch() -> Exception:
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("peer"),
        TimeoutError(),
        MemoryError(),
        os_error(errno.EIO),
        os_error(errno.ESTALE),
        caused(StoreUnusable("out of reach"), TimeoutError()),
        caused(StoreUnusable("out of reach"), os_error(errno.EHOSTUNREACH)),
    ],
    ids=repr,
)
def test_what_time_may_mend_is_transient(error: Exception) -> None:
    assert transient(error)


def test_a_batch_without_memory_is_transient() -> None:
    assert transient(no_memory_for_a_batch())


@pytest.mark.parametrize(
    "error",
    [
        BadInput("0 starts"),
        ValueError("shape"),
        BlobCorrupt("its bytes no longer match"),
        os_error(errno.ENOSPC),
        os_error(errno.EACCES),
        caused(StoreUnusable("full"), os_error(errno.ENOSPC)),
    ],
    ids=repr,
)
def test_what_stays_as_it_is_is_not(error: Exception) -> None:
    assert not transient(error)


def test_a_store_that_cannot_be_used_stops_all_maps_and_a_damaged_blob_does_not() -> None:
    full = StoreUnusable("full")
    assert store_unusable(caused(RuntimeError("map"), full)) is full
    assert store_unusable(BlobCorrupt("its bytes no longer match")) is None
