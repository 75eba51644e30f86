"""Flow runs that make a shard: what they have in common, whatever is made."""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.forms.shard import Shard
from flows.running.work import alive
from lib.errors import BadInput
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


@contextmanager
def join_run(shard: Shard) -> Iterator[tuple[Session, Network]]:
    """The run that asks for a shard, joined while inside, with signs of life; and its network. Raises StoreError."""
    with (
        alive(shard) as (_, deadline, _),
        joined_session(shard.store, shard.run, shard.code, deadline) as joined,
    ):
        stored = StoredModel(joined.store.record(shard.model_record), shard.model)
        yield joined, Network.of(load_model(joined.store, stored), stored)
