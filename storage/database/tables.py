"""The tables of an index, and the seals by which a changed, missing or additional row is noticed.

Every row of `records` and `names` carries a seal, a digest of the rest of it, and `seals` has the sum of all seals of
each: what is added or removed changes it in the same transaction. So a row that is read is known to be what was
written, and one pass over a table tells that none is missing and none too many. `documents` need no pass: the row of a
record says which digest its document has.

Those two tables have no rowid and no further index. A question goes down the very tree that the pass has read from end
to end; a damaged index of SQLite's own, beside a whole table, could hide rows from questions alone.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sql

from storage.document import decode, encode
from storage.record import Record

# Counted up with every change below. There are no migrations: an index of another version is emptied and filled again.
SCHEMA = 2
_SEAL = 16  # bytes of a SHA-256: enough against accidents, and an index has many rows
_TOTAL = 32  # bytes of a sum of seals
_AT_ONCE = 200  # rows that are fetched in one piece; a document has some kilobytes

TABLES = sql.MetaData()
RECORDS = sql.Table(
    "records",
    TABLES,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("task", sql.Text, nullable=False),
    sql.Column("ended", sql.Text, nullable=False),
    sql.Column("digest", sql.LargeBinary, nullable=False),
    sql.Column("seal", sql.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
DOCUMENTS = sql.Table(
    "documents",
    TABLES,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("document", sql.LargeBinary, nullable=False),
)
NAMES = sql.Table(
    "names",
    TABLES,
    sql.Column("what", sql.Text, primary_key=True),
    sql.Column("term", sql.Text, primary_key=True),
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("role", sql.Text, primary_key=True),
    sql.Column("position", sql.Integer, primary_key=True),
    sql.Column("seal", sql.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""By which names a record is asked for: `what` is output, input, identity or unit, `term` the digest or the unit."""
SEALS = sql.Table(
    "seals",
    TABLES,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("total", sql.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Built once, as that takes longer than to ask: every commit does.
_THERE = sql.select(RECORDS.c.key).where(RECORDS.c.key == sql.bindparam("wanted"))
_SAVED = sql.select(SEALS.c.total).where(SEALS.c.name == sql.bindparam("of"))
_SAVE = sql.update(SEALS).where(SEALS.c.name == sql.bindparam("of")).values(total=sql.bindparam("new"))
_INSERT = {table.name: sql.insert(table) for table in (RECORDS, NAMES, DOCUMENTS)}

Row = dict[str, Any]


class IndexDamaged(Exception):
    """The file of an index does not hold what was written to it."""


def whole_records() -> "sql.Select[Any]":
    """The rows of records, with their documents: what `record_of` takes."""
    both = RECORDS.outerjoin(DOCUMENTS, RECORDS.c.key == DOCUMENTS.c.key)
    return sql.select(RECORDS, DOCUMENTS.c.document).select_from(both)


def document_row(record: Record) -> Row:
    """The row of a record's document."""
    return {"key": record.key, "document": encode(asdict(record))}


def record_row(record: Record, document: bytes) -> Row:
    """The row of a record that has this document."""
    digest = _short_digest(document)
    return {
        "key": record.key,
        "task": record.task,
        "ended": record.ended,
        "digest": digest,
        "seal": _seal_of_record(record.key, record.task, record.ended, digest),
    }


def name_rows(record: Record) -> list[Row]:
    """The rows by which a record is asked for."""
    names: list[tuple[str, str, str, int]] = []
    for output in record.outputs:
        unit = output.attributes.get("unit")
        names.append(("output", output.digest, output.role, 0))
        if output.identity is not None:
            names.append(("identity", output.identity, output.role, 0))
        if isinstance(unit, str):
            names.append(("unit", unit, output.role, 0))
    names += [("input", item.digest, item.role, position) for position, item in enumerate(record.inputs)]
    return [
        {
            "what": what,
            "term": term,
            "key": record.key,
            "role": role,
            "position": position,
            "seal": _seal_of_name(what, term, record.key, role, position),
        }
        for what, term, role, position in names
    ]


def record_of(row: Sequence[Any]) -> Record:
    """The record in a row of `whole_records`. Raises IndexDamaged where the row is not what was written."""
    *own, document = row
    return _read(check_record(own), document)


def records_of(connection: sql.Connection, rows: Sequence[Sequence[Any]]) -> list[Record]:
    """The records of these rows of `records`, in their order, without those that have been removed since."""
    keys = [row[0] for row in rows]
    chosen = sql.select(DOCUMENTS.c.key, DOCUMENTS.c.document).where(DOCUMENTS.c.key.in_(keys))
    documents = dict(connection.execute(chosen).tuples().all())
    left = set(keys) - set(documents)
    if left and any(_there(connection, key) for key in left):
        raise IndexDamaged("documents are missing in it")
    return [_read(row, documents[row[0]]) for row in rows if row[0] in documents]


def _read(row: Sequence[Any], document: Any) -> Record:
    if not isinstance(document, bytes) or _short_digest(document) != row[3]:
        raise IndexDamaged(f"the document of {row[0]} in it is missing or was changed")
    return Record.from_document(decode(document))


def check_record(row: Sequence[Any]) -> Sequence[Any]:
    """The same row of `records`. Raises IndexDamaged where it is not what was written."""
    key, task, ended, digest, seal = row
    if _seal_of_record(key, task, ended, digest) != seal:
        raise IndexDamaged("a record in it does not match its seal")
    return row


def check_name(row: Sequence[Any]) -> Sequence[Any]:
    """The same row of `names`. Raises IndexDamaged where it is not what was written."""
    what, term, key, role, position, seal = row
    if _seal_of_name(what, term, key, role, position) != seal:
        raise IndexDamaged("a name in it does not match its seal")
    return row


def checked(connection: sql.Connection, table: sql.Table) -> Iterator[Sequence[Any]]:
    """Every row of a table, in the order of its keys; the last is handed out once all are known to be there.

    Raises IndexDamaged where a row was changed, is missing or is one too many.
    """
    check = check_record if table is RECORDS else check_name
    keys = len(table.primary_key)
    total = 0
    last: tuple[Any, ...] = ()
    # Not by the rows of SQLAlchemy: there are many, and they are only looked at.
    rows = connection.execute(sql.select(table).order_by(*table.primary_key))
    while part := rows.cursor.fetchmany(_AT_ONCE):
        for row in part:
            total += int.from_bytes(check(row)[-1])
            if not last < row[:keys]:
                raise IndexDamaged("its rows are out of order")
            last = row[:keys]
        yield from part
    if total != _total(connection, table):
        raise IndexDamaged("rows of it are missing, or there are too many")


def check_schema(connection: sql.Connection) -> None:
    """Raise IndexDamaged where the tables are not as they were made."""
    if _saved(connection, "schema") != _schema(connection):
        raise IndexDamaged("its tables are not as they were made")


def check_all(connection: sql.Connection) -> None:
    """Raise IndexDamaged where anything is not what was written."""
    check_schema(connection)
    for table in (RECORDS, NAMES):
        for _ in checked(connection, table):
            pass
    for row in connection.execute(whole_records()):
        record_of(row)


def create(connection: sql.Connection) -> None:
    """Make the tables, empty."""
    TABLES.create_all(connection, checkfirst=False)
    empty = bytes(_TOTAL)
    values = {RECORDS.name: empty, NAMES.name: empty, "schema": _schema(connection)}
    connection.execute(sql.insert(SEALS), [{"name": name, "total": total} for name, total in values.items()])


def clear(connection: sql.Connection) -> None:
    """Remove all rows."""
    for table in (RECORDS, NAMES, DOCUMENTS):
        connection.execute(sql.delete(table))
    connection.execute(sql.update(SEALS).where(SEALS.c.name != "schema").values(total=bytes(_TOTAL)))


def insert(connection: sql.Connection, records: Iterable[Record]) -> None:
    """Add records; those that are there already stay."""
    new = {record.key: record for record in records if not _there(connection, record.key)}
    if new:
        documents = [document_row(record) for record in new.values()]
        connection.execute(_INSERT[DOCUMENTS.name], documents)
        rows = zip(new.values(), documents, strict=True)
        _add(connection, RECORDS, [record_row(record, row["document"]) for record, row in rows])
        _add(connection, NAMES, [row for record in new.values() for row in name_rows(record)])


def delete(connection: sql.Connection, keys: Iterable[str]) -> None:
    """Remove the records of these keys, if they are there. Raises IndexDamaged where what names them is not."""
    for key in keys:
        row = connection.execute(whole_records().where(RECORDS.c.key == key)).one_or_none()
        if row is not None:
            record = record_of(row)
            _remove(connection, NAMES, name_rows(record))
            _remove(connection, RECORDS, [record_row(record, row.document)])
            connection.execute(sql.delete(DOCUMENTS).where(DOCUMENTS.c.key == key))


def _add(connection: sql.Connection, table: sql.Table, rows: list[Row]) -> None:
    if rows:
        connection.execute(_INSERT[table.name], rows)
        _change_total(connection, table, sum(int.from_bytes(row["seal"]) for row in rows))


def _remove(connection: sql.Connection, table: sql.Table, rows: list[Row]) -> None:
    for row in rows:
        same = sql.and_(*(column == row[column.name] for column in table.columns))
        if connection.execute(sql.delete(table).where(same)).rowcount != 1:
            raise IndexDamaged("what it knows of a record is not all there")
    _change_total(connection, table, -sum(int.from_bytes(row["seal"]) for row in rows))


def _there(connection: sql.Connection, key: str) -> bool:
    return connection.scalar(_THERE, {"wanted": key}) is not None


def _change_total(connection: sql.Connection, table: sql.Table, by: int) -> None:
    total = _total(connection, table) + by
    if total < 0:
        raise IndexDamaged("rows of it are missing")
    connection.execute(_SAVE, {"of": table.name, "new": total.to_bytes(_TOTAL)})


def _total(connection: sql.Connection, table: sql.Table) -> int:
    return int.from_bytes(_saved(connection, table.name))


def _saved(connection: sql.Connection, name: str) -> bytes:
    found = connection.scalar(_SAVED, {"of": name})
    if not isinstance(found, bytes) or len(found) != _TOTAL:
        raise IndexDamaged("its seals are not there")
    return found


def _schema(connection: sql.Connection) -> bytes:
    made = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").all()
    return hashlib.sha256(repr([tuple(row) for row in made]).encode()).digest()


def _short_digest(document: bytes) -> bytes:
    return hashlib.sha256(document).digest()[:_SEAL]


def _seal_of_record(key: Any, task: Any, ended: Any, digest: Any) -> bytes:
    return _seal(f"{key}\0{task}\0{ended}\0{digest!r}")


def _seal_of_name(what: Any, term: Any, key: Any, role: Any, position: Any) -> bytes:
    return _seal(f"{what}\0{term}\0{key}\0{role}\0{position}")


def _seal(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:_SEAL]
