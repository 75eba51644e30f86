"""Stores behind an fsspec URL: those that cannot be used, and what is large."""

import sys

import pytest

from storage.errors import StoreUnusable
from storage.files import PIECE
from storage.mishaps import patience
from storage.mishaps.patience import in_company
from storage.store import Store


def test_a_bucket_that_is_not_there_is_named(s3):
    with pytest.raises(StoreUnusable, match=r"s3://nobodys-bucket/store"):
        Store.open("s3://nobodys-bucket/store").put(b"pixels")


@pytest.mark.parametrize("url", ["nothing://bucket/store", "gs://bucket/store"])
def test_an_address_that_cannot_be_understood_is_named(url):
    with pytest.raises(StoreUnusable, match=f"{url} cannot be used"):
        Store.open(url)


def test_a_server_that_fails_is_no_traceback(s3, monkeypatch):
    store = Store.open(f"{s3}/failing")
    monkeypatch.setattr(patience, "SECONDS", 0.0)
    monkeypatch.setattr(patience, "FIRST_SECONDS", 0.0)

    def fail(*_given, **_named):
        raise ConnectionResetError("connection reset")

    for name in ("cat_file", "_pipe_file", "find"):
        monkeypatch.setattr(store.files._fs, name, fail)
    for ask in (lambda: store.get("0" * 64), lambda: store.put(b"pixels"), store.listing):
        with pytest.raises(StoreUnusable, match=r"connection reset.*the network"):
            ask()


def test_who_is_in_company_hears_of_each_piece_that_is_read_and_of_what_is_sent_and_may_end_it(s3, tmp_path):
    store = Store.open(f"{s3}/pieces")
    large = tmp_path / "large"
    large.write_bytes(bytes(4 * PIECE))
    heard = []
    with in_company(print, lambda: heard.append(None)):
        store.blobs.put_file(large)
    assert len(heard) == 4 + 1
    large.write_bytes(bytes(5 * PIECE))
    for last in (2, 6):  # while it is read, and while it is sent
        told = iter(range(1, last))
        with in_company(print, lambda told=told: next(told, None) or sys.exit(3)), pytest.raises(SystemExit, match="3"):
            store.blobs.put_file(large)


def test_a_file_system_that_writes_in_place_is_not_ended_in_the_middle_of_a_file(tmp_path):
    store = Store.open("memory://in-place")
    large = tmp_path / "large"
    large.write_bytes(bytes(12 * PIECE))  # more than one block of fsspec's
    told = iter(range(1, 14))
    with in_company(print, lambda: next(told, None) or sys.exit(3)):
        kept = store.blobs.put_file(large)
    assert store.get(kept.digest) == bytes(12 * PIECE)
