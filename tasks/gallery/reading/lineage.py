"""What a record was made from, and what was made from it, in words and with links to their pages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypedDict

from lib.words import count
from storage.record import Record
from tasks.gallery.reading.catalogue import Catalogue
from tasks.gallery.reading.natural import data_title
from tasks.gallery.reading.record_pages import RecordPages
from tasks.gallery.reading.swept import Grown
from tasks.session.kind import kind_of_task
from tasks.sweep.kinds.exemplars import KIND as EXEMPLARS
from tasks.sweep.kinds.oip import KIND as OIP

MOST = 12
"""Readers up to which each is named; a network can have tens of thousands, which are counted."""


class Entry(TypedDict):
    """A record in a list of others: what it is, when it was made or as what it was read, and its page if it has one."""

    title: str
    what: str
    address: str | None


class Lineage(TypedDict):
    """What a record was made from, and what was made from it."""

    made_by: list[Entry]
    used_by: list[Entry]


def lineage_of(catalogue: Catalogue, record: Record) -> Lineage:
    """Both lists of a record."""
    return {"made_by": list_makers(catalogue, record), "used_by": list_users(catalogue, record)}


def list_makers(catalogue: Catalogue, record: Record) -> list[Entry]:
    """The records whose blobs a record read, and as what."""
    roles: dict[str, list[str]] = {}
    for item in record.inputs:
        # of several that made the same bytes the first stands for all
        for reader in catalogue.producers(item.digest)[:1]:
            roles.setdefault(reader.key, []).append(item.role)
    return [entry(catalogue, key, ", ".join(read)) for key, read in roles.items() if key != record.key]


def maker_keys(catalogue: Catalogue, grown: Grown) -> list[str]:
    """The keys of the records from which a unit's OIPs are told to be made: of its model, data set and exemplars."""
    made = [catalogue.producers(digest)[:1] for digest in (grown.model, grown.train_imgs) if digest]
    exemplars = catalogue.of_layer(EXEMPLARS.task, grown.identity, grown.layer)
    return [reader.key for readers in made for reader in readers] + [record.key for record in exemplars]


def list_users(catalogue: Catalogue, record: Record | Grown) -> list[Entry]:
    """The records that read what a record made, the latest first; of very many only how many of which kind."""
    return _named(catalogue, reader_keys(catalogue, record), record.key)


def reader_keys(catalogue: Catalogue, record: Record | Grown) -> list[str]:
    """The keys of the records that read what a record made, once each: units may share a blob, which a layer reads for
    each of them."""
    digests = (
        [record.oips, record.picture] if isinstance(record, Grown) else [output.digest for output in record.outputs]
    )
    return list(dict.fromkeys(reader.key for digest in digests for reader in catalogue.consumers(digest)))


def _named(catalogue: Catalogue, keys: Sequence[str], own: str) -> list[Entry]:
    readers = [key for key in reversed(keys) if key != own]
    if len(readers) <= MOST:
        return [entry(catalogue, key) for key in readers]
    tasks = Counter(OIP.task if key in catalogue.grown else catalogue.records[key].task for key in readers)
    return [
        {"title": f"{count(many)} × {kind_of_task(task).several}", "what": "", "address": None}
        for task, many in tasks.most_common()
    ]


def entry(catalogue: Catalogue, key: str, what: str = "") -> Entry:
    """A record of this key in a list; `what` by default is when it was made."""
    pages = RecordPages(catalogue)
    if (grown := catalogue.grown.get(key)) is not None:
        address = pages.unit(grown.identity, grown.layer, grown.index)
        return {
            "title": OIP.page_caption.format(unit=grown.unit),
            "what": what or grown.ended[:10],
            "address": address,
        }
    record = catalogue.records[key]
    title = kind_of_task(record.task).page_caption_of(record, _as_shown(record))
    return {"title": title, "what": what or record.ended[:10], "address": pages.of(record)}


def _as_shown(record: Record) -> Mapping[str, str]:
    """What pages say in place of what the record says: of the way to a data set, which says whose it is, the end."""
    named = (record.parameters, *(output.attributes for output in record.outputs))
    data = [str(values["data"]) for values in named if "data" in values]
    return {"data": data_title(data[-1])} if data else {}
