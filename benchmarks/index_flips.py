"""What a store's index answers under flipped bits: `python -m benchmarks index_flips [COUNT [RECORDS]]`.

Flips one bit at a time, in `index.sqlite` and in the write-ahead log that a killed process left beside it, and compares
every answer of the index with the right one: records and their order, what made and what read each blob, units,
recipes, identities, tasks, keys, and digests by their beginning. Prints one JSON object: flips, wrong answers,
exceptions, and how often the damage was said.
"""

import json
import logging
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.store import sweep
from storage.store import Store

MAIN, WAL = "index.sqlite", "index.sqlite-wal"
"""The file of an index that was closed; and the log beside it, where it was not."""
COUNT, RECORDS = 150, 60


@dataclass
class Asked:
    """A store, its index as it was closed and as a killed process would have left it, and what it answers."""

    folder: Path
    closed: bytes
    open_: dict[str, bytes]
    right: Any = None

    @staticmethod
    def of_new_store(folder: Path, records: int) -> "Asked":
        """A new store with as many records, in which blobs have several readers."""
        store = Store.open(folder)
        sweep(store, 1, range(records))
        # As a killed process leaves it: what was written last is in the log alone.
        open_ = {name: (folder / name).read_bytes() for name in (MAIN, WAL)}
        store.index.close()
        asked = Asked(folder, (folder / MAIN).read_bytes(), open_)
        asked.right = asked.answers()
        return asked

    @property
    def file(self) -> Path:
        """The file of the index."""
        return self.folder / MAIN

    def put_back(self, which: str = MAIN) -> None:
        """Put the index back as it was closed, or as a killed process left it."""
        for left in self.folder.glob(f"{MAIN}*"):
            left.unlink()
        for name, data in ({MAIN: self.closed} if which == MAIN else self.open_).items():
            (self.folder / name).write_bytes(data)

    def change(self, which: str, place: int, how: Callable[[int], int]) -> None:
        """Change one byte of a file."""
        data = bytearray((self.folder / which).read_bytes())
        data[place] = how(data[place])
        (self.folder / which).write_bytes(data)

    def answers(self) -> Any:
        """All that the index answers, as a process that has just begun is told."""
        store = Store.open(self.folder)
        index = store.questions()
        records = list(index.records())
        made = {output.digest for record in records for output in record.outputs}
        digests = sorted(made | {item.digest for record in records for item in record.inputs})
        units = sorted({str(output.attributes.get("unit")) for record in records for output in record.outputs})
        recipes = sorted({record.recipe for record in records})

        def keys(found: list[Any]) -> list[Any]:
            return [(one[0].key, one[1]) if isinstance(one, tuple) else one.key for one in found]

        try:
            return {
                "keys": index.keys(),
                "tasks": index.tasks(),
                "records": records,
                "record": [index.record(record.key) for record in records],
                "producers": {digest: keys(index.producers(digest)) for digest in digests},
                "consumers": {digest: keys(index.consumers(digest)) for digest in digests},
                "units": {unit: keys(index.of_unit(unit)) for unit in units},
                "recipes": {recipe: keys(index.of_recipe(recipe)) for recipe in recipes},
                "identities": keys(index.of_identity("b" * 64)),
                "beginning": {prefix: index.beginning(prefix) for prefix in "0123456789abcdef"},
            }
        finally:
            index.close()
            store.index.close()


@dataclass
class Flips:
    """What came of them: which gave a wrong answer, which an exception, and how often the damage was said."""

    count: int = 0
    wrong: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)
    said: int = 0


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += "is damaged" in record.getMessage()


def flip_bits(asked: Asked, counts: Mapping[str, int], seed: int) -> Flips:
    """Flip single bits, as many in each of the files, and ask everything after each."""
    chosen, found, heard = random.Random(seed), Flips(), _Heard()
    logger = logging.getLogger("storage")
    logger.addHandler(heard)
    try:
        for which, count in counts.items():
            for _ in range(count):
                asked.put_back(which)
                place, bit = chosen.randrange((asked.folder / which).stat().st_size), chosen.randrange(8)
                asked.change(which, place, lambda byte, bit=bit: byte ^ 1 << bit)  # type: ignore[misc]
                before, found.count = heard.lines, found.count + 1
                try:
                    if asked.answers() != asked.right:
                        found.wrong.append(f"bit {bit} of byte {place} of {which}")
                except Exception as error:
                    found.raised.append(f"bit {bit} of byte {place} of {which}: {error!r}")
                found.said += heard.lines > before
    finally:
        logger.removeHandler(heard)
    return found


def main(arguments: list[str]) -> None:
    """Print what came of it; the arguments are how many bits are flipped, and how many records there are."""
    given = [int(argument) for argument in arguments]
    count, records = [*given, *(COUNT, RECORDS)[len(given) :]]
    logging.getLogger("storage").propagate = False
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked.of_new_store(Path(folder), records)
        found = flip_bits(asked, {MAIN: count - count // 3, WAL: count // 3}, seed=14)
        shutil.rmtree(Path(folder) / "blobs")
    print(
        json.dumps(
            {"flips": found.count, "wrong": found.wrong, "raised": found.raised, "damage said": found.said}, indent=2
        )
    )
