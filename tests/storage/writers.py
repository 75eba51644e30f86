"""Processes that write to a store, for the tests that kill them. Run by hand: `python writers.py STORE LOG`.

Importing what a writer needs takes far longer than a write, so this process imports it once and forks a writer for each
line `SEED COUNT` on standard input (COUNT 0: until killed); it answers with the writer's process id.
A writer enters each key in LOG only after its commit has returned; a failure, or a warning logged, as `FAILED ...`.
"""

import logging
import os
import random
import signal
import sys
import traceback
from pathlib import Path

import storage.index  # noqa: F401, so that no writer has to
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance
from storage.store import Store


class Log(logging.Handler):
    """Lines that are whole whoever is killed: one `write` to a file opened for appending."""

    def __init__(self, path: str) -> None:
        super().__init__(logging.WARNING)
        self.path = path
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def line(self, text: str) -> None:
        os.write(self.file, text.replace("\n", " | ").encode() + b"\n")

    def emit(self, record: logging.LogRecord) -> None:
        self.line(f"FAILED {record.getMessage()}")


def write(root: str, log: Log, seed: int, count: int) -> None:
    """Commit `count` records, some under recipes and with bytes that other writers have as well, half from a file."""
    store = Store.open(root)
    chance = random.Random(seed)
    environment, checkpoint = store.put(b'{"python":"3.11"}'), store.put(b"weights")
    provenance = Provenance(
        None, None, None, 1, {"commit": "c0ffee", "changes": None, "sources": ""}, environment, "here"
    )
    run = store.open_run("sweep", {"seed": seed})
    file = Path(f"{log.path}-{seed}")
    done = 0
    while not count or done < count:
        # One recipe in four is everybody's, as is its picture.
        shared = chance.random() < 0.25
        number = chance.randrange(20) if shared else chance.randrange(1 << 60)
        made = random.Random(number)
        data: bytes | Path = made.randbytes(made.randrange(1, 60_000))
        if chance.random() < 0.5:
            file.write_bytes(data)
            data = file
        record = store.commit(
            Recipe("oip", 1, {"number": number}, {}),
            [
                NewOutput("oips", data, "oips", "application/x-npy"),
                NewOutput("picture", b"black" * made.randrange(1, 5), "picture", "image/png"),
            ],
            inputs=[Input("checkpoint", checkpoint)],
            provenance=provenance,
            started="2026-11-22T10:15:30+00:00",
        )
        log.line(record.key)
        run.add(f"Conv2D_2/{done}", record, "computed")
        store.set_ref(f"writers/{seed % 4}", f"record:{record.key}")
        done += 1
    run.close("completed", {})


def main() -> None:
    """Fork a writer for each line of standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    root, path = sys.argv[1:]
    for line in sys.stdin:
        seed, count = map(int, line.split())
        child = os.fork()
        if child == 0:
            log = Log(path)
            logging.getLogger().addHandler(log)
            try:
                write(root, log, seed, count)
                log.line(f"DONE {seed}")
            except BaseException:
                log.line(f"FAILED {traceback.format_exc()}")
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
