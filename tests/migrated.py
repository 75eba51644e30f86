"""A database of Prefect's server that is migrated already: that takes 4 seconds of a processor each time one is new."""

import atexit
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

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
    with closing(sqlite3.connect(_migrated())) as source, closing(sqlite3.connect(folder / "prefect.db")) as copy:
        source.backup(copy)
    (folder / "prefect.db").chmod(0o600)


@cache
def _migrated() -> Path:
    """One for all tests of this process."""
    folder = Path(tempfile.mkdtemp(prefix="dreamsweep-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ours = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
    }
    subprocess.run([sys.executable, "-c", _MIGRATE], env=kept | ours, cwd=folder, check=True, capture_output=True)
    return folder / "prefect.db"
