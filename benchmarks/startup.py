"""Processor time of `dreamsweep --help`, beside a Python that imports typer and one that does nothing.

    python -m benchmarks startup [--times N]

That it imports nothing that takes long is a test; how long it takes is measured here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

COMMANDS = {
    "dreamsweep --help": ["-m", "flows.cli", "--help"],
    "import typer": ["-c", "import typer"],
    "nothing": ["-c", ""],
}


def _processor_seconds(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def main(arguments: list[str]) -> None:
    """Print the best of N of each: what a machine that is busy with something else cannot spoil."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks startup", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args(arguments)
    for name, words in COMMANDS.items():
        seconds = min(_processor_seconds([sys.executable, *words]) for _ in range(options.times))
        print(f"{name:20} {seconds:.2f} s of processor time, best of {options.times}", flush=True)
