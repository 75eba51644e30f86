"""Reading records from their files."""

from collections.abc import Iterable, Iterator

from storage.errors import StoreError
from storage.files import Files
from storage.names import key_of_path, record_path
from storage.record import Record


class RecordDamaged(StoreError):
    """A record's bytes are torn or were changed; nothing in it is used."""


def keys(files: Files) -> list[str]:
    """The keys of all records, by one listing, sorted."""
    return sorted(key for key in map(key_of_path, files.listing("records")) if key is not None)


def read_record(files: Files, key: str) -> Record:
    """The record of this key. Raises StoreError where there is none, RecordDamaged where it was changed."""
    try:
        try:
            return parse_record(key, files.read(record_path(key)))
        except RecordDamaged:  # or on its way here
            return parse_record(key, files.read(record_path(key)))
    except FileNotFoundError:
        raise StoreError(f"the store {files.root} has no record {key}: see `dreamsweep runs`") from None


def read_records(files: Files, keys: Iterable[str]) -> Iterator[Record | RecordDamaged]:
    """The records of these keys, in their order, without those that have gone meanwhile.

    What is damaged is handed out as the error, so that one bad record hides no other.
    """
    wanted = list(keys)
    for start in range(0, len(wanted), 500):
        batch = wanted[start : start + 500]
        found = files.read_many(map(record_path, batch))
        for key in batch:
            if record_path(key) in found:
                try:
                    yield parse_record(key, found[record_path(key)])
                except RecordDamaged:
                    try:
                        yield read_record(files, key)
                    except StoreError as error:
                        if isinstance(error, RecordDamaged):
                            yield error


def parse_record(key: str, data: bytes) -> Record:
    """The record in these bytes. Raises RecordDamaged where they are not the record of this key."""
    try:
        record = Record.from_bytes(data)
        if record.key != key:
            raise ValueError(f"it is the record {record.key}")
    except ValueError as error:
        raise RecordDamaged(
            f"record {key} is damaged ({error}) and was not used: run `dreamsweep verify` to set it aside"
        ) from error
    return record
