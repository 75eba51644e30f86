"""Stores to test on, and a short way to commit to them."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance, Record
from storage.store import Store

Commit = Callable[..., Record]


def commit(
    store: Store,
    task: str = "oip",
    parameters: Mapping[str, Any] | None = None,
    outputs: Mapping[str, bytes | Path] | None = None,
    *,
    inputs: Sequence[tuple[str, str]] = (),
    attributes: Mapping[str, Any] | None = None,
    identity: str | None = None,
    changes: str | None = None,
    run: str | None = None,
) -> Record:
    """Commit an execution whose outputs are these bytes or files by role, all with the same attributes."""
    environment = store.put(b'{"python":"3.11"}')
    return store.commit(
        Recipe(task, 1, parameters or {}, {}),
        [
            NewOutput(role, data, role, "application/octet-stream", attributes=attributes or {}, identity=identity)
            for role, data in (outputs or {"oips": b"pixels"}).items()
        ],
        inputs=[Input(role, digest) for role, digest in inputs],
        provenance=Provenance(
            run=run,
            flow_run=None,
            task_run=None,
            attempt=1,
            code={"commit": "c0ffee", "changes": changes, "sources": "beef"},
            environment=environment,
            host="here",
        ),
        started="2026-11-22T10:15:30.000000+00:00",
    )


@pytest.fixture(scope="session")
def committing() -> Commit:
    """The function `commit` above."""
    return commit


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A new store in a folder."""
    return Store.open(tmp_path / "store")


@pytest.fixture(params=["folder", "memory", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The root of a new store, of each kind in turn."""
    if request.param == "folder":
        return str(tmp_path / "store")
    if request.param == "memory":
        return f"memory://{secrets.token_hex(8)}/store"
    return f"{request.getfixturevalue('s3')}/{secrets.token_hex(8)}"


@pytest.fixture
def any_store(root: str) -> Store:
    """A new store of each kind in turn."""
    return Store.open(root)
