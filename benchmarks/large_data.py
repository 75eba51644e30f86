"""What storing a folder of pictures takes: `python -m benchmarks large_data [--pictures N] [--folder FOLDER]`.

Prints one JSON object: of N pictures of noise, 128x128 in colours, how many bytes they are as float32, and the seconds,
peaks of memory and of room on the disk of a process that stores them. `resident` is all that the process has in memory,
files that are mapped too, `anonymous` what nobody else can have the room of meanwhile.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 128
CLASSES = 10
STORE = """
import sys
from pathlib import Path
from tasks.model.data import store_data
from tasks.session.session import session
with session(sys.argv[2], "benchmark", {}) as opened:
    store_data("folder:" + sys.argv[1], None, opened.run.id)
"""


def write_pictures(folder: Path, count: int) -> None:
    """Noise, in classes."""
    rng = np.random.default_rng(0)
    for number in range(CLASSES):
        (folder / f"class {number}").mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"class {number % CLASSES}" / f"{number}.jpg")


class Peaks:
    """What was the most of a process, looked up ten times a second."""

    def __init__(self, process: int, disk: Path) -> None:
        self._status, self._disk = Path(f"/proc/{process}/status"), disk
        self._free = self._free_bytes()
        self.resident = self.anonymous = self.disk = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            try:
                status = self._status.read_text()
            except OSError:  # it has ended
                return
            found = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE))
            self.resident = max(self.resident, 1024 * int(found.get("VmHWM", 0)))
            self.anonymous = max(self.anonymous, 1024 * int(found.get("RssAnon", 0)))
            self.disk = max(self.disk, self._free - self._free_bytes())

    def _free_bytes(self) -> int:
        status = os.statvfs(self._disk)
        return status.f_bavail * status.f_frsize


def main(arguments: list[str] | None = None) -> None:
    """Print what it takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=16_000)
    parser.add_argument("--folder", type=Path, help="where pictures and store are, until it ends")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        pictures, store = Path(name, "pictures"), Path(name, "store")
        write_pictures(pictures, chosen.pictures)
        begun = time.perf_counter()
        command = [sys.executable, "-c", STORE, str(pictures), str(store)]
        with subprocess.Popen(command) as process:
            peaks = Peaks(process.pid, Path(name))
            process.wait()
            peaks.end()
        if process.returncode:
            sys.exit(f"storing failed with {process.returncode}")
        found = {
            "pictures": chosen.pictures,
            "float32 MB": round(4 * chosen.pictures * SIDE * SIDE * 3 / 1e6),
            "seconds": round(time.perf_counter() - begun, 1),
            **{f"{what} MB": round(getattr(peaks, what) / 1e6) for what in ("resident", "anonymous", "disk")},
            "store MB": round(sum(file.stat().st_size for file in store.rglob("*") if file.is_file()) / 1e6),
        }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
