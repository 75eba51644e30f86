"""Ctrl-C and SIGTERM end whatever `dreamsweep` is doing within five seconds, with what was finished kept.

The processes are real, and so are the signals. Where what they do is quick on a network that a test can afford, it is
made to compute for minutes in native code, which no signal interrupts, as a large network is traced. Elsewhere a call
that was not cut would last for tens of seconds: maps of the network are large.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.store import Store
from tests.faults.house import SITE, House, wait_until
from tests.flows.starvation import Starvation
from tests.flows.tiny import saved, with_weights, write_photograph, write_pictures

SECONDS = 5.0
LAST_WORD = "dreamsweep: stopped; what was finished is kept, and dreamsweep rerun goes on with what is missing"
SIDE = 64


@dataclass
class Told:
    """A process that was told to stop, and how it ended."""

    code: int
    seconds: float
    starved: float
    words: list[str]

    def ended_in_time(self) -> None:
        """Five seconds on a machine of its own; as many times as long as it was kept from the processors."""
        print(f"ended {self.seconds:.1f} s after the signal; everything took {self.starved:.1f} times as long as alone")
        assert self.seconds < SECONDS * self.starved, self.words


@dataclass
class Bench:
    """What is run: a network of large maps, one unit of which is silent, and pictures."""

    house: House
    folder: Path
    model: Path
    data: str
    store: Path

    @contextmanager
    def running(self, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
        """A command of dreamsweep's, in a data folder whose server is up."""
        self.house.be_up()
        self.house.faults.forget()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
            "DREAMSWEEP_HOME": str(self.house.home),
            "DREAMSWEEP_TEST_FAULTS": str(self.house.faults.folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH")])),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments, "--store", str(self.store)],
            cwd=self.folder,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # what a shell starts in the background ignores Ctrl-C, and so would its children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            try:
                yield process
            finally:
                process.kill()
                self.house.faults.mend()

    def told(self, phase: str, number: int, *arguments: str, after: float = 1.0) -> Told:
        """Run a command, and send it this signal when it has been at this phase for a while."""
        with self.running(*arguments) as process, Starvation() as starvation:
            words: list[str] = []
            assert process.stderr is not None
            listening = threading.Thread(target=lambda stderr: words.extend(stderr), args=(process.stderr,))
            listening.start()
            wait_until(lambda: self.house.faults.happened(f"{phase} begins") or process.poll() is not None)
            assert process.poll() is None, words
            time.sleep(after)
            assert process.poll() is None, words
            told = time.monotonic()
            process.send_signal(number)
            code = process.wait(60)
            seconds = time.monotonic() - told
            listening.join()
        return Told(code, seconds, starvation.factor, [line.rstrip() for line in words])

    def sweep(self, units: str, *more: str) -> list[str]:
        """The command that sweeps these units."""
        options = ["--model", str(self.model), "--data", self.data, "--layers", units, "--starts", "4", "--oips", "1"]
        return ["sweep", *options, "--pixels", "0..1", "--constraint", "box", *more]

    def state(self, flow: str = "oip-sweep") -> str:
        """How the run of this flow ended that was opened last, as the store has it."""
        return [run.state for run in Store.open(self.store).runs() if run.flow == flow][-1]

    def made(self, task: str) -> int:
        """How many records of a task there are."""
        return sum(record.task == task for record in Store.open(self.store).records())


def network() -> Any:
    """Maps as large as the image; nothing makes `second/0` respond, and no bound proves it."""
    import keras
    from keras import layers

    model = with_weights(
        keras.Sequential(
            [
                keras.Input((SIDE, SIDE, 3), name="image"),
                layers.Conv2D(32, 5, padding="same", activation="relu", name="first"),
                layers.Conv2D(32, 5, padding="same", activation="relu", name="second"),
                layers.GlobalAveragePooling2D(name="mean"),
                layers.Dense(3, activation="softmax", name="classes"),
            ],
            name="large",
        )
    )
    kernel, bias = model.get_layer("first").get_weights()
    most = np.maximum(kernel, 0).sum((0, 1, 2)) + bias
    kernel, bias = model.get_layer("second").get_weights()
    bias[0] = -0.9 * (np.maximum(kernel[..., 0], 0).sum((0, 1)) * np.maximum(most, 0)).sum()
    model.get_layer("second").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def bench(house: House) -> Iterator[Bench]:
    """A store that has a gallery, as the data folder's own has."""
    folder = house.folder / "told"
    folder.mkdir()
    data = write_pictures(folder / "pictures", side=SIDE, channels=3, each=20)
    write_photograph(folder / "photograph.png", size=(900, 1200))
    yield Bench(house, folder, saved(network(), folder / "large.keras"), data, house.home / "store")
    # what had to be ended the hard way is marked in Prefect as well, by whoever is up
    wait_until(lambda: not list((house.home / "prefect" / "living").glob("*")))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_ascent_is_left_and_a_rerun_goes_on_from_what_was_finished(bench: Bench, number: int) -> None:
    """A stage of the search, which was one call, has 512 steps here: 4 images of them take half a minute and more."""
    before = bench.made("oip")
    units = f"second/{1 if number == signal.SIGINT else 2}"
    told = bench.told("ascent", number, *bench.sweep(units, "--steps", "4096"), after=2)
    told.ended_in_time()
    assert told.code == 128 + number
    assert told.words[-1] == LAST_WORD
    assert bench.state() == "interrupted"
    assert bench.made("oip") == before
    assert bench.made("exemplars") >= 1


@pytest.mark.parametrize("phase", ["exemplars", "tracing", "gathering", "gallery", "silent search"])
def test_every_phase_of_a_sweep_is_left_and_what_was_finished_is_kept(bench: Bench, phase: str) -> None:
    if phase in ("tracing", "gathering", "gallery"):
        bench.house.faults.set(**{phase: {"do": "compute"}})
    unit = {"exemplars": "first/0", "silent search": "second/0"}.get(phase, "first/1")
    told = bench.told(
        phase, signal.SIGINT, *bench.sweep(unit, "--steps", "16"), after=0.5 if phase == "exemplars" else 2
    )
    told.ended_in_time()
    assert told.code == 130
    assert told.words[-1] == LAST_WORD
    # a gallery is made when all that the run was for is in the store
    assert bench.state() == ("completed" if phase == "gallery" else "interrupted")
    assert bench.house.cli("verify", "--store", str(bench.store)).returncode == 0


def test_a_dream_is_left(bench: Bench) -> None:
    arguments = [
        "dream",
        str(bench.folder / "photograph.png"),
        "--model",
        str(bench.model),
        "--objective",
        "second",
        "--pixels",
        "0..1",
    ]
    told = bench.told(
        "dream", signal.SIGINT, *arguments, "--out", str(bench.folder / "dreams"), "--steps", "400", after=3
    )
    told.ended_in_time()
    assert (told.code, told.words[-1], bench.state("dream")) == (130, LAST_WORD, "interrupted")


def test_a_training_is_left_with_its_finished_epochs(bench: Bench) -> None:
    arguments = ["train", "--data", "digits", "--epochs", "500"]
    told = bench.told("second epoch", signal.SIGTERM, *arguments, after=3)
    told.ended_in_time()
    assert (told.code, told.words[-1], bench.state("train")) == (143, LAST_WORD, "interrupted")
    assert bench.made("epoch") >= 1


def test_a_second_ctrl_c_ends_it_at_once(bench: Bench) -> None:
    bench.house.faults.set(tracing={"do": "compute"})
    with bench.running(*bench.sweep("first/2", "--steps", "16")) as process, Starvation() as starvation:
        wait_until(lambda: bench.house.faults.happened("tracing begins"))
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None
        told = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        seconds = time.monotonic() - told
    assert seconds < 1.5 * starvation.factor
    assert bench.state() == "interrupted"
