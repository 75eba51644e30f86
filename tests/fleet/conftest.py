"""One fleet for all tests, and one store: the maps of each test are of a network of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from tests.fleet.bucket import Bucket
from tests.fleet.fleet import Fleet, Server
from tests.fleet.hosts import Host, Network
from tests.fleet.postgres import Postgres


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.fleet)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A server, a bucket and a store in it. The tests themselves reach the bucket as hosts do."""
    folder = tmp_path_factory.mktemp("fleet")
    with ExitStack() as opened:
        network = Network()
        opened.callback(network.close)
        database = Postgres()
        opened.callback(database.close)
        server = Server(folder, network.address, database)
        opened.callback(server.kill)
        bucket = Bucket(folder, network.address)
        opened.callback(bucket.kill)
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**bucket.environment, "XDG_CACHE_HOME": str(folder / "cache")}.items():
            patch.setenv(name, value)
        S3FileSystem.clear_instance_cache()  # one that knows another server may be there
        fleet = Fleet(folder, network, database, server, bucket)
        opened.callback(fleet.close)
        yield fleet


@pytest.fixture(autouse=True)
def whole_again(fleet: Fleet) -> Iterator[None]:
    """Each test finds all of it there."""
    yield
    fleet.mend()


@pytest.fixture(scope="session")
def ada(fleet: Fleet) -> Host:
    """A host that works."""
    return fleet.host("ada")


@pytest.fixture(scope="session")
def bea(fleet: Fleet) -> Host:
    """Another one."""
    return fleet.host("bea")


@pytest.fixture(scope="session")
def cora(fleet: Fleet) -> Host:
    """A host that has sweeps made by others."""
    return fleet.host("cora")
