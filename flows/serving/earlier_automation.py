"""The automation by which Prefect's server called a webhook for earlier versions of dreamsweep.

The server's scheduler emits no event for the flow runs that it creates, so what followed them waited in memory for
a quarter of an hour, or for ever: no scheduled night was told. `dreamsweep up` calls instead, and the automation is
removed wherever it is found, so that nothing is told twice.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from prefect.exceptions import ObjectNotFound

from flows.serving.notify_settings import read_settings, turn_on

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

NAME = "dreamsweep notify"
"""What the automation was called."""
BLOCK = "dreamsweep"
"""What the block was called, of the type `webhook`, that had the address."""


def take_over(client: "SyncPrefectClient", folder: Path) -> bool:
    """Replace what an earlier version set up at this server by settings in Prefect's folder; True where it called.

    Settings that are there already stay as they are, and so does an automation that somebody has paused: it calls
    nobody. Raises BadInput where its address can be called no more; the automation stays then.
    """
    automations = client.read_automations_by_name(NAME)
    if not any(automation.enabled for automation in automations):
        return False
    if read_settings(folder) is None:
        try:
            block = client.read_block_document_by_name(BLOCK, "webhook")
        except ObjectNotFound:
            pass  # the server could call nothing either
        else:
            turn_on(folder, str(block.data["url"]), None)
    remove(client)
    return read_settings(folder) is not None


def remove(client: "SyncPrefectClient") -> None:
    """Remove the automation, and the block with its address."""
    for automation in client.read_automations_by_name(NAME):
        client.delete_automation(automation.id)
    try:
        block = client.read_block_document_by_name(BLOCK, "webhook", include_secrets=False)
        client.delete_block_document(block.id)
    except ObjectNotFound:
        pass
