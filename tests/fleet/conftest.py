"""One fleet for all tests: what one of them leaves is in the way of the next."""

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
def whole_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A server, a bucket and two hosts. The tests themselves reach the bucket as hosts do."""
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
        for name in ("ada", "bea"):
            opened.callback(fleet.host(name).kill)
        yield fleet


@pytest.fixture
def fleet(whole_fleet: Fleet, request: pytest.FixtureRequest) -> Fleet:
    """The fleet, with all of it there, and a store of the test's own."""
    whole_fleet.use(request.node.name[:60].replace("[", "-").rstrip("]"))
    return whole_fleet


@pytest.fixture
def ada(fleet: Fleet) -> Host:
    """One host."""
    return fleet.host("ada")


@pytest.fixture
def bea(fleet: Fleet) -> Host:
    """Another one."""
    return fleet.host("bea")
