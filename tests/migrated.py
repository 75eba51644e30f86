"""A database of Prefect's server that is migrated already: that takes up to 15 seconds of a processor."""

import fcntl
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from functools import cache
from importlib.metadata import version
from pathlib import Path

KEPT = Path(__file__).parent.parent / "build" / "migrated"
_MIGRATE = (
    "import asyncio; from prefect.server.database import provide_database_interface as database; "
    "asyncio.run(database().create_db())"
)


def put_database(data_folder: Path) -> None:
    """Let the server of a data folder find such a database, if it has none yet."""
    folder = data_folder / "prefect"
    if (folder / "prefect.db").exists():
        return
    for made in (data_folder, folder):
        made.mkdir(mode=0o700, exist_ok=True, parents=True)
    _copy(_migrated(), folder / "prefect.db")
    (folder / "prefect.db").chmod(0o600)


@cache
def _migrated() -> Path:
    """One for all tests of this checkout and this Prefect; who comes meanwhile waits for it."""
    made = KEPT / f"prefect-{version('prefect')}.db"
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.with_suffix(".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory(prefix="dreamsweep-migrated-") as folder:
                new, whole = Path(folder) / "prefect.db", made.with_suffix(".new")
                _migrate(new)
                _copy(new, whole)
                whole.replace(made)
    return made


def _copy(database: Path, to: Path) -> None:
    """With what is not in its file yet, but beside it."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def _migrate(database: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ours = {
        "PREFECT_HOME": str(database.parent),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
    }
    subprocess.run(
        [sys.executable, "-c", _MIGRATE], env=kept | ours, cwd=database.parent, check=True, capture_output=True
    )
