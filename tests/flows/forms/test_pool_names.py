"""What a work pool may be called."""

import pytest

from flows.forms.pool_names import check_pool_name
from lib.errors import BadInput


@pytest.mark.parametrize("name", ["dreamsweep", "gpu-0", "A.b_c", "4"])
def test_a_plain_name_is_taken(name: str) -> None:
    assert check_pool_name(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "a%b", "prefect-x", "-x", "a b", "a\n", "x" * 101, "é"])
def test_what_prefect_or_a_command_line_would_stumble_over_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"--pool is .*; it must be a name of letters"):
        check_pool_name(name)


def test_one_that_is_not_given_is_said_to_be_missing() -> None:
    with pytest.raises(BadInput, match="--pool is missing: give it, with the name of the work pool"):
        check_pool_name(None)
