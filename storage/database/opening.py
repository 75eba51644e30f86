"""Opening the file of an index, telling damage from a file that cannot be used just now, and removing a damaged one.

Write transactions are `BEGIN IMMEDIATE`: SQLite's own `BEGIN` takes the write lock only at the first write, where it
can no longer wait for it (measured: 420 of 480 writes by 8 processes failed, with this none).
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.pool import StaticPool

from storage.database.tables import SCHEMA, IndexDamaged, check_all, create
from storage.files import share

PATIENCE = 60.0  # seconds to wait for another process's write
ENDINGS = ("-wal", "-shm", "")

# What can go wrong with the file of an index; none of it may stop a commit.
FAILURES = (sql.exc.SQLAlchemyError, sqlite3.Error, OSError, IndexDamaged)

_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_IOERR,
}
"""What SQLite says of a file that it cannot use now, and that may be whole."""
_SHORT_READ = sqlite3.SQLITE_IOERR_SHORT_READ  # pages that the file should have are not there

_HEADER = 100
_CONSTANT = ((0, {b"SQLite format 3\0"}), (18, {b"\1\1", b"\2\2"}), (20, {b"\0@  "}))
"""What stands where in each file of ours. SQLite takes some of these, when changed, for a file that is read-only."""


def reason(error: BaseException) -> str:
    """What went wrong, in one line; SQLAlchemy's own messages have several."""
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]


def is_damage(error: BaseException) -> bool:
    """Whether a failure says that the file is damaged, and not that it cannot be used just now."""
    if isinstance(error, IndexDamaged):
        return True
    cause = error if isinstance(error, sqlite3.Error) else getattr(error, "orig", None)
    if not isinstance(cause, sqlite3.DatabaseError) or isinstance(cause, sqlite3.ProgrammingError):
        return False
    # Without a code it is Python's sqlite3 itself that cannot make sense of a value.
    code = getattr(cause, "sqlite_errorcode", None)
    return code is None or code == _SHORT_READ or code & 0xFF not in _NOT_NOW


def check_header(path: Path) -> None:
    """Raise IndexDamaged where a file does not begin as SQLite's do. A new, empty one may."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except (FileNotFoundError, IsADirectoryError):
        return  # whoever opens it will say
    whole = len(header) == _HEADER and all(header.startswith(tuple(known), at) for at, known in _CONSTANT)
    if header and not whole:
        raise IndexDamaged("it does not begin as a database does")


def open_engine(path: Path | None) -> sql.Engine:
    """An engine for the file, with the tables in it; for one in memory where there is no path."""
    with _opening(path.parent) if path else nullcontext():
        if path:
            _make(path)
            check_header(path)
        engine = _connect(path)
        try:
            _prepare(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine


def _make(path: Path) -> None:
    """Make an empty file where there is none; what SQLite keeps beside it gets the permissions of this one."""
    with suppress(OSError):  # it is there, or SQLite will say
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            share(handle, path.parent, 0o666)
        finally:
            os.close(handle)


def remove_damaged(path: Path) -> None:
    """Remove the file, and what SQLite keeps beside it, if it is damaged. Raises OSError.

    Another process that met the damage may have put a whole one there already.
    """
    with _removing(path.parent):
        try:
            check_header(path)
            engine = _connect(path)
            try:
                with engine.connect() as connection:
                    check_all(connection)
            finally:
                engine.dispose()
        except FAILURES as error:
            if is_damage(error):
                for ending in ENDINGS:
                    path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


@contextmanager
def _opening(folder: Path) -> Iterator[None]:
    """Many at once; keeps `removing` out: who opens a file while it is removed would make one beside half of it."""
    with _held(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def _removing(folder: Path) -> Iterator[None]:
    """One at a time, while nobody opens the index of this folder."""
    with _held(folder, fcntl.LOCK_EX):
        yield


@contextmanager
def _held(folder: Path, mode: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot lock a folder
            fcntl.flock(handle, mode)
        yield
    finally:
        os.close(handle)


def _connect(path: Path | None) -> sql.Engine:
    """An engine for this file, whatever it holds."""
    # One connection, whichever thread asks; the lock of `Index` sees to it that they take turns.
    engine = sql.create_engine(
        f"sqlite:///{path}" if path else "sqlite://",
        poolclass=StaticPool,
        connect_args={"timeout": PATIENCE, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver thinks
        deadline = time.monotonic() + PATIENCE
        while connection.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except Exception as error:
                # Going over to WAL does not wait for other processes that do the same at this moment.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cell_size_check=ON")

    return engine


def _prepare(engine: sql.Engine) -> None:
    """Make the tables, in place of those of another version."""
    with engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA user_version").scalar() == SCHEMA:
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        # Another process may have made them while this one waited.
        if connection.exec_driver_sql("PRAGMA user_version").scalar() != SCHEMA:
            old = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for name in old.scalars().all():
                connection.exec_driver_sql(f'DROP TABLE "{name}"')
            create(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
        connection.exec_driver_sql("COMMIT")
