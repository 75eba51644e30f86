"""What every run is told, and what of that is recorded."""

import json

import pytest

from flows.forms.parameters import SweepParameters
from storage.errors import StoreError
from storage.files import without_password
from storage.store import Store

ADDRESSES = {
    "ftp://me:secret@host:21/store": "ftp://host:21/store",
    "memory://me:se@cret@store": "memory://store",
    "s3://bucket/store": "s3://bucket/store",
    "/home/me@work/store": "/home/me@work/store",
    "the store sftp://token@host/x is away": "the store sftp://host/x is away",
}


@pytest.mark.parametrize(("address", "shown"), ADDRESSES.items())
def test_no_address_is_recorded_with_its_user_and_password(address: str, shown: str) -> None:
    assert without_password(address) == shown
    parameters = SweepParameters(store=address, model="model/latest")
    assert parameters.store == address  # the run itself needs it
    assert json.loads(parameters.model_dump_json())["store"] == shown
    assert parameters.model_dump(mode="json")["store"] == shown


def test_a_store_says_its_address_without_them() -> None:
    store = Store.open("memory://me:secret@somewhere/store")
    assert store.root == "memory://somewhere/store"
    with pytest.raises(StoreError, match="memory://somewhere/store") as caught:
        store.run("20261128-101010-abcdef")
    assert "secret" not in str(caught.value)
