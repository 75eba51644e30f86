"""Whether something is lost where writers are killed: `python -m benchmarks kills [--kills 1000] [--store folder|s3]`.

Small writers, without TensorFlow, commit and reuse what others have made; each is killed at a random moment. Beside
them `gc --grace 0` runs all the time, and is killed now and then, too. Runs of killed writers are closed as crashed, as
the watchdog does it, and some are deleted, so that there is always something to collect.

Prints one JSON object, and fails where what was promised is not there: every record whose commit had returned, or that
a run had been told is its own, of every run that was not deleted, with all blobs, unchanged. `--store s3` starts a
server of moto in a process of its own; `--store URL` takes a bucket of yours.
"""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from storage import garbage
from storage.collection import lease
from storage.errors import StoreError
from storage.names import record_path
from storage.recipe import Recipe
from storage.record import Input, NewOutput, Provenance, Record
from storage.records import keys as record_keys
from storage.store import Store
from storage.verify import verify

AT_ONCE = 6
SHARED = 20
"""So many recipes are everybody's, and so many pictures are."""
SOME = 25
"""One in so many kills is that of the collection."""
BETWEEN_SECONDS = {"folder": 0.4, "s3": 1.6}
"""The most that passes from one kill to the next."""
PAUSE_SECONDS = {"folder": 0.0, "s3": 0.6}
"""The most that a writer rests before a unit: else it is the server's pace that is tried, and whoever tidies up between
kills comes to nothing."""


def write(root: str, log: int, seed: int) -> None:
    """Commit and reuse until killed; enter in the log what has been promised: `RUN KEY`, whole lines."""
    store = Store.open(root)
    chance, pause = random.Random(seed), PAUSE_SECONDS[_kind(root)]
    while True:
        run = store.open_run("sweep", {"seed": seed})
        if chance.random() < 0.5:
            run.pin(_recipe(number).digest for number in range(SHARED))
        listing = store.listing()
        environment = store.put(b'{"python":"3.11"}')
        provenance = Provenance(run.id, None, None, 1, {"commit": "c0ffee", "changes": None}, environment, "here")
        before: Record | None = None
        for unit in range(chance.randrange(2, 12)):
            time.sleep(chance.uniform(0.0, pause))
            recipe = _recipe(chance.randrange(SHARED) if chance.random() < 0.4 else chance.randrange(1 << 60))
            record = listing.find(recipe, changes=None)
            if record is not None:
                run.add(f"Conv2D_2/{unit}", record, "reused")
                if not run.has_pinned(recipe.digest) and not store.files.exists(record_path(record.key)):
                    record = None
            if record is None:
                record = store.commit(
                    recipe,
                    [
                        NewOutput("oips", recipe.digest.encode() * 100, "oips", "application/x-npy"),
                        NewOutput("picture", b"black" * chance.randrange(1, SHARED), "picture", "image/png"),
                    ],
                    inputs=[Input("oips", before.output("oips").digest)] if before else [],
                    provenance=provenance,
                    started="2026-11-22T10:15:30+00:00",
                )
                run.add(f"Conv2D_2/{unit}", record, "computed")
            before = record
            os.write(log, f"{run.id} {record.key}\n".encode())
        run.close("completed", {})


def _recipe(number: int) -> Recipe:
    return Recipe("oip", 1, {"number": number}, {})


def collect(root: str, log: int) -> None:
    """Collect garbage without any grace until killed."""
    # So that what a killed collection has left held is taken over at once, and the next one has something to do.
    lease.RENEWED_SECONDS, lease.STALE_SECONDS, lease.LOOKED_SECONDS = 0.3, 4.0, 0.2
    store = Store.open(root)
    while True:
        done = garbage.collect(garbage.plan(store, timedelta(0)))
        os.write(log, f"collected {len(done.records)} {len(done.blobs)} {len(done.returning)}\n".encode())


def child() -> None:
    """Fork a process for each line `SEED` of standard input, a collection for `gc`; say its id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    root, path = sys.argv[2:]
    import storage.index  # noqa: F401, so that no process of ours has to

    if root.startswith("s3:"):
        import aiobotocore.session  # noqa: F401
        import s3fs  # noqa: F401

    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                if line.strip() == "gc":
                    collect(root, log)
                else:
                    write(root, log, int(line))
            except BaseException as error:
                os.write(log, f"FAILED {line.strip()} {type(error).__name__} {error}\n".encode())
            os._exit(0)
        print(process, flush=True)


@dataclass
class Kills:
    """Who is alive, what has been promised, and who was killed."""

    root: str
    log: Path
    chance: random.Random
    process: subprocess.Popen[str]
    killed: int = 0
    collections_killed: int = 0
    deleted: set[str] = field(default_factory=set)
    runs_closed: int = 0
    kept: int = 0

    def start(self, what: str) -> int:
        """Start a writer or a collection."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def go(self, kills: int) -> None:
        """Kill so many."""
        store = Store.open(self.root)
        collection = self.start("gc")
        alive = [(self.start(str(seed)), time.monotonic()) for seed in range(AT_ONCE)]
        began = time.monotonic()
        while self.killed < kills:
            time.sleep(self.chance.uniform(0.0, BETWEEN_SECONDS[_kind(self.root)]))
            if self.chance.randrange(SOME) == 0:
                _kill(collection)
                collection = self.start("gc")
                self.collections_killed += 1
            else:
                place = self.chance.randrange(AT_ONCE)
                _kill(alive[place][0])
                alive[place] = self.start(str(AT_ONCE + self.killed)), time.monotonic()
            self.killed += 1
            if self.killed % 20 == 0:
                self._tidy(store, [process for process, _ in alive])
            if self.killed % 50 == 0:
                print(f"{self.killed} killed after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        for process in (collection, *(process for process, _ in alive)):
            _kill(process)

    def _tidy(self, store: Store, alive: list[int]) -> None:
        """Close as crashed what killed writers have left open, and delete most of what is old."""
        runs = store.runs()
        # A writer that lives has one open run: the newest of them are left alone.
        left = [run for run in runs if run.state == "open"][: -3 * len(alive)]
        for run in left:
            self.runs_closed += store.close_crashed(run.id, "its process was killed")
        old = [run.id for run in runs[:-60] if run.state != "open" and self.chance.random() < 0.8]
        there = set(record_keys(store.files))
        promised = self._promised()
        for run in old:
            # What is lost stays on record, so that it is counted in the end.
            if promised.get(run, set()) <= there:
                self.kept += len(promised.get(run, ()))
                self.deleted.add(run)  # before: what is being deleted is promised no more
                with suppress(StoreError):
                    store.delete_run(run)

    def _promised(self) -> dict[str, set[str]]:
        """The keys that were promised, by run."""
        found: dict[str, set[str]] = {}
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        for line in lines:
            if not line.startswith(("FAILED", "collected")):
                run, key = line.split()
                found.setdefault(run, set()).add(key)
        return found

    def check(self) -> dict[str, object]:
        """What was found; raises SystemExit where something is lost."""
        store = Store.open(self.root)
        lines = self.log.read_text().splitlines()
        failed = [line for line in lines if line.startswith("FAILED")]
        collected = [line.split()[1:] for line in lines if line.startswith("collected")]
        promised = {key for run, keys in self._promised().items() if run not in self.deleted for key in keys}
        before = self._lost(store, promised)
        # What a collection took that was killed, the next one brings back.
        time.sleep(lease.RENEWED_SECONDS)
        with _no_patience():
            garbage.collect(garbage.plan(store, timedelta(0)))
        lost = self._lost(store, promised)
        report = verify(store)
        found: dict[str, object] = {
            "killed": self.killed,
            "of them collections": self.collections_killed,
            "collections that ended": len(collected),
            "records collected": sum(int(records) for records, _, _ in collected),
            "blobs collected": sum(int(blobs) for _, blobs, _ in collected),
            "brought back": sum(int(back) for _, _, back in collected),
            "runs closed as crashed": self.runs_closed,
            "runs deleted": len(self.deleted),
            "promised, and there until its run was deleted": self.kept,
            "promised, of runs that are there": len(promised),
            "lost, until the collection after the last kill": len(before),
            "lost": len(lost),
            "damaged": len(report.corrupt),
            "missing": len(report.missing),
            "writers that failed": len(failed),
        }
        if lost or report.corrupt or report.missing or failed:
            print(json.dumps(found, indent=2), *failed[:20], *lost[:20], sep="\n")
            sys.exit("something was lost")
        return found

    def _lost(self, store: Store, promised: set[str]) -> list[str]:
        records = {record.key: record for record in store.records()}
        lost = sorted(promised - set(records))
        for key in sorted(promised & set(records)):
            for digest in sorted(records[key].own_blobs()):
                try:
                    store.get(digest)
                except StoreError as error:
                    lost.append(f"{key}: {error}")
        return lost


@contextmanager
def _no_patience() -> Iterator[None]:
    """While inside, the lease of a collection that was killed is soon taken over."""
    usual = lease.RENEWED_SECONDS, lease.STALE_SECONDS, lease.LOOKED_SECONDS
    lease.RENEWED_SECONDS, lease.STALE_SECONDS, lease.LOOKED_SECONDS = 0.5, 8.0, 0.2
    try:
        yield
    finally:
        lease.RENEWED_SECONDS, lease.STALE_SECONDS, lease.LOOKED_SECONDS = usual


def _kind(root: str) -> str:
    return "s3" if "://" in root else "folder"


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@contextmanager
def s3_server() -> Iterator[str]:
    """A bucket on an S3 server in a process of its own."""
    serve = (
        "import logging, sys, time; from moto.server import ThreadedMotoServer; "
        "logging.getLogger('werkzeug').setLevel(logging.ERROR); "
        "s = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); s.start(); "
        "print(s.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", serve],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin
    assert server.stdout
    before = dict(os.environ)
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{int(server.stdout.readline())}",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        NO_PROXY="127.0.0.1,localhost",
    )
    import boto3
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()  # one that knows another server may be there
    boto3.client("s3").create_bucket(Bucket="sweeps")
    try:
        yield f"s3://sweeps/{secrets.token_hex(8)}"
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.stdin.close()
        server.wait(30)


def run(root: str, folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Kill so many on the store at this root; what was found. `folder`: for the log."""
    log = folder / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kills", "--child", root, str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    all_of_them = Kills(root, log, random.Random(seed), process)
    try:
        all_of_them.go(kills)
        time.sleep(1)
        return all_of_them.check()
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(30)


def main(arguments: list[str]) -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks kills")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--store", default="folder", help="folder, s3, or an address")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        if asked.store == "s3":
            with s3_server() as root:
                found = run(root, Path(folder), asked.kills, asked.seed)
        else:
            root = f"{folder}/store" if asked.store == "folder" else asked.store
            found = run(root, Path(folder), asked.kills, asked.seed)
        print(json.dumps({"store": asked.store, **found}, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child()
    else:
        main(sys.argv[1:])
