"""What a work pool and a worker may be called."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from lib.errors import BadInput, BadValue

_NAME = re.compile(r"(?!prefect)[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_pool_name(name: str | None, option: str = "--pool") -> str:
    """The name, as it may stand in an address of Prefect's API. Raises BadValue, and BadInput where it is None."""
    if name is None:
        raise BadInput(f"{option} is missing: give it, with the name of the work pool")
    if not _NAME.fullmatch(name):
        raise BadValue(
            option,
            name,
            "it must be a name of letters, digits, dots, hyphens and underscores that does not begin with prefect",
        )
    return name


def _as_form(name: str) -> str:
    try:
        return check_pool_name(name)
    except BadValue as problem:
        raise ValueError(problem.wanted) from problem


PoolName = Annotated[str, Field(min_length=1), AfterValidator(_as_form)]
"""The name of a work pool in a form."""
