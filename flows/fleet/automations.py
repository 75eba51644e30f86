"""What Prefect's server does by itself for shards whose worker can say nothing any more.

A shard that gives no sign of life is `Crashed`: its machine died or was cut off. The coordinator then has it done
again. One that a worker has taken and not begun waits for a worker again. Both look at the shards of one pool alone.

Any event of a shard is a sign of life, a change of its state too: one that was handed back is not crashed while it
waits.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from flows.fleet.changes import Change

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.events.schemas.automations import AutomationCore

SILENT = timedelta(seconds=90)
"""Three heartbeats (`flows.fleet.settings`)."""
PENDING = timedelta(minutes=10)
"""So long a cluster may take to make room for a shard."""
SILENT_MESSAGE = "It gave no sign of life for 90 seconds: its machine died, or was cut off."
PENDING_MESSAGE = "Its worker took it and did not begin it: it waits for a worker again."


async def make_automations(
    client: "PrefectClient",
    pool: str,
    deployments: Sequence[UUID],
    *,
    silent: timedelta = SILENT,
    pending: timedelta = PENDING,
) -> list[Change]:
    """Have the automations of a pool be there, and watch the shards of these deployments.

    Of those that are there, what they watch alone is changed: times, and whether they are on, are the user's.
    """
    changes = []
    for wanted in (_crash_silent(pool, deployments, silent), _free_pending(pool, deployments, pending)):
        there = next(iter(await client.read_automations_by_name(wanted.name)), None)
        if there is None:
            await client.create_automation(wanted)
            changes.append(Change("automation", wanted.name, "made"))
            continue
        related = getattr(wanted.trigger, "match_related", None)
        if getattr(there.trigger, "match_related", None) == related:
            changes.append(Change("automation", wanted.name, "unchanged"))
            continue
        trigger = there.trigger.model_copy(update={"match_related": related})
        kept = there.model_dump(exclude={"id", "owner_resource", "trigger"})  # the server takes neither
        await client.update_automation(there.id, type(wanted).model_validate(kept | {"trigger": trigger}))
        changes.append(Change("automation", wanted.name, "changed"))
    return changes


def _crash_silent(pool: str, deployments: Sequence[UUID], within: timedelta) -> "AutomationCore":
    """The one that Prefect documents for zombies, for these deployments alone."""
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState

    crash = ChangeFlowRunState(state=StateType.CRASHED, message=SILENT_MESSAGE)
    return _watch(f"dreamsweep {pool}: crash silent shards", deployments, ("heartbeat",), within, crash)


def _free_pending(pool: str, deployments: Sequence[UUID], within: timedelta) -> "AutomationCore":
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState

    # Forced, because only a worker may take a shard back from `Pending`.
    wait = ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=PENDING_MESSAGE, force=True)
    begun = ("Pending", "Submitting", "InfrastructurePending")
    return _watch(f"dreamsweep {pool}: free pending shards", deployments, begun, within, wait)


def _watch(
    name: str, deployments: Sequence[UUID], after: Sequence[str], within: timedelta, action: object
) -> "AutomationCore":
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    return AutomationCore.model_validate(
        {
            "name": name,
            "trigger": EventTrigger(
                match={"prefect.resource.id": "prefect.flow-run.*"},
                match_related={"prefect.resource.id": [f"prefect.deployment.{id}" for id in deployments]},
                after={f"prefect.flow-run.{event}" for event in after},
                expect={"prefect.flow-run.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=within,
            ),
            "actions": [action],
        }
    )
