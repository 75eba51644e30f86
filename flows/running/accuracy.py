"""How often a run's network is right on test images, and what whoever started the run should know of that."""

from typing import Any, cast

from storage.document import Json
from storage.store import Record
from tasks.model.finding import Checked, check, images_to_look_at
from tasks.model.network import Network
from tasks.session.session import Session

CHECKED = "checked"
"""Under this name the summary of a run has what is found."""


def check_accuracy(session: Session, network: Network, data: Record | None) -> Checked | None:
    """What a few hundred test images tell, or told an earlier run; None where there are no classes to be right on."""
    looked = images_to_look_at(session.store, data, network.saved)
    if looked is None or looked.labels is None:
        return None
    of: dict[str, Json] = {"model": network.identity, "pixels": str(network.pixels), **looked.digests}
    for run in reversed(session.store.runs()):
        found: Any = run.summary.get(CHECKED)
        if isinstance(found, dict) and found.get("of") == of:
            return cast(Checked, found)
    return check(network.saved, network.pixels, looked, of)
