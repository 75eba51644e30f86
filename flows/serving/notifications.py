"""Whether a webhook is called when a run goes wrong: Prefect's server does it, by an automation that we put there."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import yaml
from prefect.blocks.webhook import Webhook
from prefect.events.schemas.automations import AutomationCore
from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from lib.errors import BadInput

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.schemas.automations import Automation

FILE = Path(__file__).resolve().parents[2] / "deploy" / "notify.yaml"
WEBHOOK = "dreamsweep"
"""What the block is called that has the webhook's address, which the server keeps encrypted."""


class _Wanted(TypedDict):
    """What the file says, as far as it is used here."""

    name: str
    actions: list[dict[str, str]]


class Notifications:
    """The automation on a server; called within that server's settings."""

    def __init__(self, client: "SyncPrefectClient") -> None:
        self._client = client
        self._wanted: _Wanted = yaml.safe_load(FILE.read_text())

    @property
    def on(self) -> bool:
        """Whether the webhook is called."""
        return any(automation.enabled for automation in self._there())

    def turn_on(self, url: str) -> None:
        """Call this address from now on, as the file says. Raises BadInput for what is no address of a webhook."""
        try:
            TypeAdapter(AnyHttpUrl).validate_python(url)
        except ValidationError as problem:
            raise BadInput(
                "that is not the address of a webhook: give one such as https://hooks.example.com/abc"
            ) from problem
        block = Webhook(url=url).save(WEBHOOK, overwrite=True)
        actions = [action | {"block_document_id": str(block)} for action in self._wanted["actions"]]
        wanted = AutomationCore.model_validate(self._wanted | {"actions": actions})
        before = self._there()
        self._client.create_automation(wanted)
        self._delete(before)

    def turn_off(self) -> None:
        """Call it no more, and forget its address."""
        self._delete(self._there())
        for block in self._client.read_block_documents():
            if block.name == WEBHOOK:
                self._client.delete_block_document(block.id)

    def _there(self) -> "list[Automation]":
        return list(self._client.read_automations_by_name(self._wanted["name"]))

    def _delete(self, automations: "list[Automation]") -> None:
        for automation in automations:
            self._client.delete_automation(automation.id)
