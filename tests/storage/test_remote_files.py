"""Stores behind an fsspec URL that cannot be used."""

import pytest

from storage.errors import StoreUnusable
from storage.mishaps import patience
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
