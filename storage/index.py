"""The index: what the records say, in SQLite, for questions only.

It is made of the records and of nothing else, so it can be deleted at any time and `reindex` brings an equal one back.
It belongs to one machine. It answers nothing that it has not checked: see `storage.database.tables`.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sql

from storage.database import tables
from storage.database.opening import FAILURES, check_header, is_damage, open_engine, reason, remove_damaged
from storage.database.tables import DOCUMENTS, NAMES, RECORDS, IndexDamaged
from storage.record import Record

__all__ = ["FAILURES", "Artifact", "Index", "IndexDamaged", "Refill", "is_damage", "reason"]

log = logging.getLogger(__name__)

_AT_ONCE = 500  # records held in memory where all are asked for; SQLite takes that many in one question

# Built once, as that takes longer than to ask. Not by inner joins: a name without its record is damage, and no answer.
_ARTIFACTS = (
    sql.select(NAMES, RECORDS, DOCUMENTS.c.document)
    .join_from(NAMES, RECORDS, NAMES.c.key == RECORDS.c.key, isouter=True)
    .join(DOCUMENTS, RECORDS.c.key == DOCUMENTS.c.key, isouter=True)
    .where(NAMES.c.what == sql.bindparam("of"), NAMES.c.term == sql.bindparam("named"))
    .order_by(RECORDS.c.ended, RECORDS.c.key, NAMES.c.role, NAMES.c.position)
)
_WIDTH = len(NAMES.columns)

Artifact = tuple[Record, str]  # a record and a role of its outputs, or of its inputs
Answer = TypeVar("Answer")
# Of the file and of what SQLite keeps beside it: size, and time of the last write in ns.
_Stamp = tuple[tuple[int, int] | None, ...]


class Entry(NamedTuple):
    """What stands for a record: `digest` is of all that it says, so a record of the same digest says the same."""

    key: str
    task: str
    ended: str
    digest: bytes


class Index:
    """An index in a file, or in memory where `path` is None. One connection a process, shared by its threads.

    `mend`, where it is set, is called when a question meets damage: it makes the index anew, and the question is asked
    again.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._engine: sql.Engine | None = None
        self._opened: tuple[int, int, int] | None = None
        # In which state of the file its records were found whole, and whether what names them was as well.
        self._whole: tuple[_Stamp, int] | None = None
        self._names_whole = False
        self._keys: set[str] = set()
        self.mend: Callable[[Exception], None] | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Enter records; those that are in it already stay."""
        new = list(records)
        try:
            with self._transaction("BEGIN IMMEDIATE") as connection:
                tables.insert(connection, new)
        except FAILURES as error:
            if self._path is None or not is_damage(error):
                raise
            self.discard(error)
            with self._transaction("BEGIN IMMEDIATE") as connection:
                tables.insert(connection, new)

    def remove(self, keys: Iterable[str]) -> None:
        """Forget the records of these keys."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            tables.delete(connection, keys)

    @contextmanager
    def refilling(self) -> Iterator["Refill"]:
        """Hold the write lock while the contents are replaced: no other process's record can be lost in between."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield Refill(connection)

    def check(self) -> set[str]:
        """The keys of all records in it, once they are known to be all that were entered.

        Raises IndexDamaged where they are not. Nothing is read again of a file that has not changed since.
        """
        with self._transaction() as connection:
            state = self._stamp(), _version(connection)
            if self._whole != state:
                self._whole, self._names_whole = None, False
                if self._path is not None:
                    check_header(self._path)
                    tables.check_schema(connection)
                self._keys = {row[0] for row in tables.checked(connection, RECORDS)}
                self._whole = state
            return set(self._keys)

    def compare(self, records: Mapping[str, Record]) -> list[str]:
        """The keys of those of these records that it holds otherwise, byte for byte.

        Everything in it is read. Raises IndexDamaged where it is not what was entered.
        """
        with self._transaction() as connection:
            if self._path is not None:
                check_header(self._path)
            tables.check_all(connection)
            otherwise, names = [], 0
            for row in connection.execute(tables.whole_records()):
                record = tables.record_of(row)
                names += sum(int.from_bytes(name["seal"]) for name in tables.name_rows(record))
                wanted = records.get(row.key)
                if wanted is not None:
                    document = tables.document_row(wanted)["document"]
                    if (*tables.record_row(wanted, document).values(), document) != tuple(row):
                        otherwise.append(row.key)
            if names != sum(int.from_bytes(row[-1]) for row in tables.checked(connection, NAMES)):
                raise IndexDamaged("the names in it are not those that its records have")
            return otherwise

    def keys(self) -> set[str]:
        """The keys of all records in it."""
        return self._ask(lambda connection: {row[0] for row in tables.checked(connection, RECORDS)})

    def tasks(self) -> dict[str, str]:
        """The tasks of all records in it, by key."""
        return self._ask(lambda connection: {row[0]: row[1] for row in tables.checked(connection, RECORDS)})

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, sorted: equal indexes have equal contents."""
        with self._transaction() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(sql.select(table))), key=repr)
                for table in tables.TABLES.sorted_tables
            }

    def records(self) -> Iterator[Record]:
        """Every record in it, the oldest first; never all of them in memory at once."""
        rows = self._rows()
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            yield from self._ask(partial(tables.records_of, rows=part))

    def entries(self) -> list[Entry]:
        """What stands for every record in it, the oldest first: who knows what a digest says need not read it again."""
        return [Entry(*row[:4]) for row in self._rows()]

    def records_of(self, keys: Sequence[str]) -> dict[str, Record]:
        """The records of these keys, by key, without those that are not in it."""
        found: dict[str, Record] = {}
        for start in range(0, len(keys), _AT_ONCE):
            wanted = RECORDS.c.key.in_(keys[start : start + _AT_ONCE])
            found |= {record.key: record for record in self._records(wanted)}
        return found

    def record(self, key: str) -> Record | None:
        """The record of this key; None where there is none."""
        return next(iter(self._records(RECORDS.c.key == key)), None)

    def producers(self, digest: str) -> list[Artifact]:
        """The artifacts whose blob this is, the oldest first: several executions may have made the same bytes."""
        return self._artifacts("output", digest)

    def consumers(self, digest: str) -> list[Artifact]:
        """The records that read this blob, and as what, the oldest first."""
        return self._artifacts("input", digest)

    def of_unit(self, unit: str) -> list[Record]:
        """The records with an output whose attribute `unit` is this one, the oldest first."""
        return list({record.key: record for record, _ in self._artifacts("unit", unit)}.values())

    def of_identity(self, identity: str) -> list[Artifact]:
        """The artifacts of this identity, the oldest first."""
        return self._artifacts("identity", identity)

    def of_recipe(self, recipe: str) -> list[Record]:
        """The records of this recipe, the oldest first."""
        return sorted(self._records(_begins(RECORDS.c.key, f"{recipe}/")), key=lambda made: (made.ended, made.key))

    def beginning(self, prefix: str) -> dict[str, set[str]]:
        """Whole digests that begin like this, under what they are: "blob", "recipe", "identity"."""
        recipes = {record.recipe for record in self._records(_begins(RECORDS.c.key, prefix))}
        return {"blob": self._terms("output", prefix), "recipe": recipes, "identity": self._terms("identity", prefix)}

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose(close=self._opened is None or self._opened[0] == os.getpid())
            self._engine = self._whole = None

    def discard(self, error: BaseException) -> None:
        """Say that the file is damaged, and remove it if it still is, so that the next to write makes a new one.

        Raises OSError.
        """
        with self._lock:
            self.close()
            if self._path is not None:
                log.warning("%s", f"the index in {self._path.parent} is damaged ({reason(error)}) and is made anew")
                remove_damaged(self._path)

    def _rows(self) -> list[Sequence[Any]]:
        """The rows of all records, the oldest first."""
        rows = self._ask(lambda connection: list(tables.checked(connection, RECORDS)))
        rows.sort(key=lambda row: (row[2], row[0]))
        return rows

    def _records(self, condition: "sql.ColumnElement[bool]") -> list[Record]:
        chosen = tables.whole_records().where(condition)
        return self._ask(lambda connection: [tables.record_of(row) for row in connection.execute(chosen)])

    def _terms(self, what: str, prefix: str) -> set[str]:
        chosen = sql.select(NAMES).where(NAMES.c.what == what, _begins(NAMES.c.term, prefix))
        return self._ask_names(lambda connection: {tables.check_name(row)[1] for row in connection.execute(chosen)})

    def _artifacts(self, what: str, term: str) -> list[Artifact]:
        def ask(connection: sql.Connection) -> list[Artifact]:
            rows = connection.execute(_ARTIFACTS, {"of": what, "named": term}).all()
            return [(tables.record_of(row[_WIDTH:]), tables.check_name(row[:_WIDTH])[3]) for row in rows]

        return self._ask_names(ask)

    def _ask_names(self, question: Callable[[sql.Connection], Answer]) -> Answer:
        """Ask what goes by names, once none of them is known to be missing."""

        def ask(connection: sql.Connection) -> Answer:
            if not self._names_whole:
                for _ in tables.checked(connection, NAMES):
                    pass
                self._names_whole = True
            return question(connection)

        return self._ask(ask)

    def _ask(self, question: Callable[[sql.Connection], Answer]) -> Answer:
        try:
            with self._transaction() as connection:
                return question(connection)
        except FAILURES as error:
            if self.mend is None or not is_damage(error):
                raise
            self.mend(error)
        with self._transaction() as connection:
            return question(connection)

    @contextmanager
    def _transaction(self, begin: str = "BEGIN") -> Iterator[sql.Connection]:
        with self._lock, self._current().connect() as connection:
            connection.exec_driver_sql(begin)
            if begin != "BEGIN":
                self._whole = None
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
        self._engine, self._opened = open_engine(self._path), self._identity()
        return self._engine

    def _identity(self) -> tuple[int, int, int]:
        if self._path is None:
            return os.getpid(), 0, 0
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return os.getpid(), 0, 0
        return os.getpid(), status.st_dev, status.st_ino

    def _stamp(self) -> _Stamp:
        """What tells the file as it is now from itself after somebody has written to it, by SQLite or past it."""
        if self._path is None:
            return ()
        return _stamp_of(self._path), _stamp_of(self._path.with_name(f"{self._path.name}-wal"))


class Refill:
    """The contents of an index while they are being replaced."""

    def __init__(self, connection: sql.Connection) -> None:
        self._connection = connection

    def replace(self, records: Sequence[Record]) -> None:
        """Let the index hold these records and no others."""
        tables.clear(self._connection)
        tables.insert(self._connection, records)


def _begins(column: "sql.ColumnElement[str]", prefix: str) -> "sql.ColumnElement[bool]":
    """Whether a key or a digest begins like this: no character of theirs comes after g."""
    return sql.and_(column >= prefix, column < f"{prefix}g")


def _version(connection: sql.Connection) -> int:
    """Another number whenever another connection has written since."""
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar() or 0)


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
