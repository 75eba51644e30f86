"""One data folder for all faults: what one of them leaves is in the way of the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.house import Disk, Faults, House
from tests.flows.tiny import saved, small_cnn, write_pictures


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An `up`, which each test may kill and leaves up."""
    folder = tmp_path_factory.mktemp("faults")
    faults = Faults(folder / "faults")
    faults.folder.mkdir()
    faults.mend()
    faults.forget()
    model, data = saved(small_cnn(), folder / "small.keras"), write_pictures(folder / "pictures")
    house = House(folder, faults, model, data)
    yield house
    house.end()
    assert not list((house.home / "prefect" / "living").glob("*"))


@pytest.fixture
def store(house: House) -> Path:
    """A store of the test's own, in a folder that flow runs may use."""
    return house.folder / f"store-{len(list(house.folder.glob('store-*')))}"


@pytest.fixture
def disk(house: House) -> Iterator[Disk]:
    """A disk for a store, in such a folder."""
    found = Disk(house.folder / "disk", house.faults)
    yield found
    found.close()
