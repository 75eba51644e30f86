"""Whether, where and of which flow runs `dreamsweep up` tells how they ended: a file in the data folder.

Its owner alone can read it: whoever has the address can write to where it leads.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from flows.forms.private import write_private
from lib.errors import BadInput

Which = Literal["trouble", "all"]
"""The flow runs that are told of: those that did not end well, or all."""


@dataclass(frozen=True)
class NotifySettings:
    """`since`: when it was turned on (ISO 8601, UTC). What ended before is not told."""

    address: str
    which: Which
    since: str


def read_settings(folder: Path) -> NotifySettings | None:
    """The settings in Prefect's folder of a data folder; None where it is off. Raises BadInput."""
    path = _file(folder)
    try:
        return NotifySettings(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as problem:
        raise BadInput(f"{path} cannot be used ({problem}): turn notifications on again, or off") from problem


def turn_on(folder: Path, address: str | None, which: Which | None) -> NotifySettings:
    """Tell from now on; what is None stays as it is. Raises BadInput for what is no address."""
    from flows.serving.delivery import check_address

    before = None
    with suppress(BadInput):  # what cannot be used is replaced
        before = read_settings(folder)
    if address is not None:
        check_address(address)
        before = replace(before, address=address) if before else NotifySettings(address, "trouble", _now())
    if before is None:
        raise BadInput("notifications are off: give an address to turn them on, as dreamsweep notify - does")
    settings = before if which is None else replace(before, which=which)
    write_private(_file(folder), json.dumps(asdict(settings)).encode())
    return settings


def turn_off(folder: Path) -> None:
    """Tell no more, and forget the address."""
    _file(folder).unlink(missing_ok=True)


def _file(folder: Path) -> Path:
    return folder / "notify.json"


def _now() -> str:
    return datetime.now(UTC).isoformat()
