"""What tests of `dreamsweep up` have in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.being_up import Up, processes_of


@pytest.fixture(scope="module")
def ups(home: Path) -> Iterator[list[Up]]:
    """Every `up` of a module's `home`, which ends with it. One that finds its database starts three times as fast."""
    started: list[Up] = []
    yield started
    for running in started:
        running.end()
    assert not processes_of(home)
