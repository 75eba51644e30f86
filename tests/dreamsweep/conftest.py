"""A small store that earlier code has written: what examples in docstrings are run against."""

import shutil
from pathlib import Path

import pytest

import dreamsweep
from tests.compatibility.make_store import DATA


@pytest.fixture(scope="session")
def old_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the store; nobody writes to it."""
    folder = tmp_path_factory.mktemp("read")
    shutil.unpack_archive(DATA, folder)  # Python 3.11.2, as in Debian 12, has no filters for archives yet
    return folder / "store"


@pytest.fixture
def store(old_store: Path) -> dreamsweep.Store:
    return dreamsweep.open_store(old_store)
