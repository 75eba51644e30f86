"""What shards have in common, whatever is made: what they are told of the run, and how they join it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flows.forms.shard import Shard
from flows.running.labels import label_made
from flows.running.work import alive
from lib.errors import BadInput
from storage.runs import JoinedRun
from tasks.model.network import Network, load_model
from tasks.model.stored import StoredModel
from tasks.session.provenance import code_version
from tasks.session.session import Session, joined_session


def check_code(shard: Shard) -> None:
    """Raise BadInput where a run of other code asks: what the two make must not be mixed."""
    here = code_version()["sources"]
    if here != shard.sources:
        raise BadInput(
            f"this worker runs other code ({here[:8]}) than the run that asks for this ({shard.sources[:8]}): "
            "bring both to the same version"
        )


def about_run(session: Session, network: Network, stalled_after: float) -> dict[str, Any]:
    """What every shard of an open run is told: the fields of `Shard`, but for the store."""
    assert network.record is not None
    code = session.code
    return {
        "run": session.run.id,
        "model": network.name,
        "model_record": network.record,
        "ends_at": session.deadline.at,
        "stalled_after": stalled_after,
        "sources": code["sources"],
        "commit": code["commit"],
        "changed": code["changes"] is not None,
    }


@contextmanager
def join_run(shard: Shard) -> Iterator[tuple[Session, Network]]:
    """The run that asks for a shard, joined while inside, with signs of life; and its network.

    Whoever asks is told which records there are then, unless what is inside was broken off. Raises StoreError.
    """
    with (
        alive(shard) as live,
        joined_session(shard.store, shard.run, shard.code, live.deadline) as joined,
    ):
        stored = StoredModel(joined.store.record(shard.model_record), shard.model)
        yield joined, Network.of(load_model(joined.store, stored), stored)
        assert isinstance(joined.run, JoinedRun)
        label_made(joined.tell(joined.run.records.values()))
