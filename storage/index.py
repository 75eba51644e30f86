"""The index: what the records say, in SQLite, for questions only.

It is made of the records and of nothing else, so it can be deleted at any time and `reindex` brings an equal one back.
It belongs to one machine. Write transactions are `BEGIN IMMEDIATE`: SQLite's own `BEGIN` takes the write lock only at
the first write, where it can no longer wait for it (measured: 420 of 480 writes by 8 processes failed, with this none).
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.pool import StaticPool

from storage.document import decode, encode
from storage.record import Record

# Counted up with every change below. There are no migrations: an index of another version is emptied and filled again.
SCHEMA = 1
PATIENCE = 60.0  # seconds to wait for another process's write
_AT_ONCE = 500  # records held in memory where all are asked for; SQLite takes that many in one question

_tables = sql.MetaData()
_records = sql.Table(
    "records",
    _tables,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("recipe", sql.Text, nullable=False, index=True),
    sql.Column("task", sql.Text, nullable=False, index=True),
    sql.Column("ended", sql.Text, nullable=False),
    sql.Column("document", sql.LargeBinary, nullable=False),
)
_outputs = sql.Table(
    "outputs",
    _tables,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("role", sql.Text, primary_key=True),
    sql.Column("digest", sql.Text, nullable=False, index=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("identity", sql.Text, index=True),
    sql.Column("unit", sql.Text, index=True),
)
_inputs = sql.Table(
    "inputs",
    _tables,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("position", sql.Integer, primary_key=True),
    sql.Column("role", sql.Text, nullable=False),
    sql.Column("digest", sql.Text, nullable=False, index=True),
)

Artifact = tuple[Record, str]  # a record and a role of its outputs, or of its inputs
# What can go wrong with the file of an index; none of it may stop a commit.
FAILURES = (sql.exc.SQLAlchemyError, OSError)


def reason(error: Exception) -> str:
    """What went wrong, in one line; SQLAlchemy's own messages have several."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


class Index:
    """An index in a file, or in memory where `path` is None. One connection a process, shared by its threads."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._engine: sql.Engine | None = None
        self._opened: tuple[int, int, int] | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Enter records; those that are in it already stay."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            _insert(connection, list(records))

    def remove(self, keys: Iterable[str]) -> None:
        """Forget the records of these keys."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            _delete(connection, list(keys))

    @contextmanager
    def refilling(self) -> Iterator["Refill"]:
        """Hold the write lock while the contents are replaced: no other process's record can be lost in between."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield Refill(connection)

    def keys(self) -> set[str]:
        """The keys of all records in it."""
        with self._transaction() as connection:
            return set(connection.scalars(sql.select(_records.c.key)))

    def tasks(self) -> dict[str, str]:
        """The tasks of all records in it, by key."""
        with self._transaction() as connection:
            return dict(connection.execute(sql.select(_records.c.key, _records.c.task)).tuples().all())

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, sorted: equal indexes have equal contents."""
        with self._transaction() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(sql.select(table))), key=repr)
                for table in _tables.sorted_tables
            }

    def records(self) -> Iterator[Record]:
        """Every record in it, the oldest first; never all of them in memory at once."""
        with self._transaction() as connection:
            keys = list(connection.scalars(sql.select(_records.c.key).order_by(_records.c.ended, _records.c.key)))
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            with self._transaction() as connection:
                chosen = sql.select(_records.c.key, _records.c.document).where(_records.c.key.in_(part))
                documents = dict(connection.execute(chosen).tuples().all())
            for key in part:
                if key in documents:
                    yield Record.from_document(decode(documents[key]))

    def record(self, key: str) -> Record | None:
        """The record of this key; None where there is none."""
        with self._transaction() as connection:
            document = connection.scalar(sql.select(_records.c.document).where(_records.c.key == key))
        return None if document is None else Record.from_document(decode(document))

    def producers(self, digest: str) -> list[Artifact]:
        """The artifacts whose blob this is, the oldest first: several executions may have made the same bytes."""
        return self._artifacts(_outputs, _outputs.c.digest == digest)

    def consumers(self, digest: str) -> list[Artifact]:
        """The records that read this blob, and as what, the oldest first."""
        return self._artifacts(_inputs, _inputs.c.digest == digest)

    def of_unit(self, unit: str) -> list[Record]:
        """The records with an output whose attribute `unit` is this one, the oldest first."""
        found = {record.key: record for record, _ in self._artifacts(_outputs, _outputs.c.unit == unit)}
        return list(found.values())

    def of_identity(self, identity: str) -> list[Artifact]:
        """The artifacts of this identity, the oldest first."""
        return self._artifacts(_outputs, _outputs.c.identity == identity)

    def of_recipe(self, recipe: str) -> list[Record]:
        """The records of this recipe, the oldest first."""
        with self._transaction() as connection:
            chosen = sql.select(_records.c.document).where(_records.c.recipe == recipe)
            rows = connection.scalars(chosen.order_by(_records.c.ended, _records.c.key))
            return [Record.from_document(decode(document)) for document in rows]

    def beginning(self, prefix: str) -> dict[str, set[str]]:
        """Whole digests that begin like this, under what they are: "blob", "recipe", "identity"."""
        columns = {"blob": _outputs.c.digest, "recipe": _records.c.recipe, "identity": _outputs.c.identity}
        with self._transaction() as connection:
            return {
                what: set(connection.scalars(sql.select(column).where(column >= prefix, column < prefix + "g")))
                for what, column in columns.items()
            }

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose(close=self._opened is None or self._opened[0] == os.getpid())
            self._engine = None

    def _artifacts(self, table: sql.Table, condition: "sql.ColumnElement[bool]") -> list[Artifact]:
        chosen = (
            sql.select(_records.c.document, table.c.role)
            .join_from(table, _records, table.c.key == _records.c.key)
            .where(condition)
            .order_by(_records.c.ended, _records.c.key, table.c.role)
        )
        with self._transaction() as connection:
            return [(Record.from_document(decode(document)), role) for document, role in connection.execute(chosen)]

    @contextmanager
    def _transaction(self, begin: str = "BEGIN") -> Iterator[sql.Connection]:
        with self._lock, self._current().connect() as connection:
            connection.exec_driver_sql(begin)
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                if connection.connection.in_transaction:
                    connection.exec_driver_sql("ROLLBACK")
                raise

    def _current(self) -> sql.Engine:
        """The engine of this process, for the file that is there now: another may have deleted and made it again."""
        if self._engine is not None and self._opened == self._identity():
            return self._engine
        self.close()
        engine = _connect(self._path)
        try:
            _prepare(engine)
        except BaseException:
            engine.dispose()
            raise
        self._engine, self._opened = engine, self._identity()
        return engine

    def _identity(self) -> tuple[int, int, int]:
        if self._path is None:
            return os.getpid(), 0, 0
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return os.getpid(), 0, 0
        return os.getpid(), status.st_dev, status.st_ino


class Refill:
    """The contents of an index while they are being replaced."""

    def __init__(self, connection: sql.Connection) -> None:
        self._connection = connection

    def replace(self, records: Sequence[Record]) -> None:
        """Let the index hold these records and no others."""
        for table in _tables.sorted_tables:
            self._connection.execute(sql.delete(table))
        _insert(self._connection, records)


def _connect(path: Path | None) -> sql.Engine:
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
            _tables.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
        connection.exec_driver_sql("COMMIT")


def _insert(connection: sql.Connection, records: Sequence[Record]) -> None:
    rows: dict[sql.Table, list[dict[str, Any]]] = {_records: [], _outputs: [], _inputs: []}
    for record in records:
        key = record.key
        rows[_records].append(
            {
                "key": key,
                "recipe": record.recipe,
                "task": record.task,
                "ended": record.ended,
                "document": encode(asdict(record)),
            }
        )
        for output in record.outputs:
            unit = output.attributes.get("unit")
            rows[_outputs].append(
                {
                    "key": key,
                    "role": output.role,
                    "digest": output.digest,
                    "kind": output.kind,
                    "identity": output.identity,
                    "unit": unit if isinstance(unit, str) else None,
                }
            )
        for position, item in enumerate(record.inputs):
            rows[_inputs].append({"key": key, "position": position, "role": item.role, "digest": item.digest})
    for table, values in rows.items():
        if values:
            connection.execute(sql.insert(table).prefix_with("OR IGNORE"), values)


def _delete(connection: sql.Connection, keys: Sequence[str]) -> None:
    if keys:
        for table in _tables.sorted_tables:
            connection.execute(
                sql.delete(table).where(table.c.key == sql.bindparam("gone")), [{"gone": key} for key in keys]
            )
