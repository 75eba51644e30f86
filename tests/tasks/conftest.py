"""Tasks without Prefect's engine: an open run in a store of its own, and the tiny network's context in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tasks.session.session import Session, session
from tests.flows.tiny import GROWN, small_cnn, write_pictures


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data set of 24 grey pictures of 12x12."""
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def open_session(store: Store) -> Iterator[Session]:
    """An open run."""
    with session(store.root, "test", {}) as opened:
        yield opened


@pytest.fixture
def sweep_context_in(pictures: str) -> Iterator[Callable[..., Any]]:
    """Open the tiny network's context in a session, with its data set, exemplars found, until the test ends."""
    from lib.network import model_file
    from tasks.model.context import open_context
    from tasks.model.model_tasks import store_data
    from tasks.model.network import Network, natural_of
    from tasks.sweep.context import SweepContext
    from tasks.sweep.exemplars import make_exemplars

    with ExitStack() as open_until_the_end:

        def prepare(
            open_session: Session, growth: Any = GROWN, layers: tuple[str, ...] = ("Conv2D_1",), **settings: Any
        ) -> SweepContext:
            run, store = open_session.run.id, open_session.store
            data = store.record(store_data.fn(pictures, None, run).data)
            model = small_cnn()
            network = Network(
                model, "model/small", store.put(model_file.keras_bytes(model)), model_file.identity(model)
            )
            natural = natural_of(store, data)
            made = SweepContext(open_session, network, growth, natural, **settings)
            open_until_the_end.enter_context(open_context(made))
            make_exemplars.fn(layers, run)
            return made

        yield prepare
