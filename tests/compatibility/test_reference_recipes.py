"""Small grey networks are swept as they were before there were styles: their recipes have not changed."""

import json

import pytest

from tests.compatibility.reference_recipes import HOW, WRITTEN, recipes

BEFORE: dict[str, dict[str, str]] = json.loads(WRITTEN.read_text())


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The recipes of the same sweeps by the present code."""
    return recipes(tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("what", HOW)
def test_a_default_sweep_of_the_reference_network_has_the_recipes_that_it_had(
    what: str, now: dict[str, dict[str, str]]
) -> None:
    assert now[what] == BEFORE[what]
