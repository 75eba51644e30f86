"""Processes that hang, and are ended by their watchdog. Each is a real one, with a real hang."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HANG = "import ctypes; ctypes.PyDLL(None).sleep(600)"  # native code, which holds the interpreter's lock


def ended(tmp_path: Path, body: str) -> tuple[int, float, str]:
    """Run `body` in a process of its own, with `watchdog` at hand; gives status, seconds, and what the dog wrote."""
    log = tmp_path / "log"
    code = f"import time\nfrom flows.running.watchdog import watchdog\nfile = open({str(log)!r}, 'w')\n{body}"
    begun = time.monotonic()
    status = subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode
    return status, time.monotonic() - begun, log.read_text()


def test_a_process_that_hangs_in_native_code_is_ended_and_says_where_it_was(tmp_path: Path) -> None:
    status, seconds, wrote = ended(tmp_path, f"with watchdog(1, None, file):\n    {HANG}")
    assert status == 1
    assert seconds < 15
    assert "Timeout" in wrote
    assert 'File "<string>"' in wrote


def test_a_hang_in_another_thread_is_one_too(tmp_path: Path) -> None:
    body = (
        "import threading\n"
        f"def hang():\n    {HANG}\n"
        "with watchdog(1, None, file):\n    threading.Thread(target=hang).start()\n    time.sleep(600)"
    )
    status, _, wrote = ended(tmp_path, body)
    assert status == 1
    assert "in hang" in wrote


def test_whoever_gives_signs_of_life_is_left_alone(tmp_path: Path) -> None:
    body = "with watchdog(1, None, file) as dog:\n    for _ in range(25):\n        time.sleep(0.1); dog.alive()"
    assert ended(tmp_path, body)[::2] == (0, "")


def test_whoever_waits_for_a_store_is_left_alone_until_that_is_given_up(tmp_path: Path) -> None:
    body = (
        "from storage.mishaps.patience import Patience, in_company, patient_for\n"
        "def refuse():\n    raise ConnectionRefusedError()\n"
        "with watchdog(1, None, file) as dog, in_company(print, dog.alive), patient_for(4):\n"
        "    try:\n        Patience('store', lambda _: True, known=True).ask(refuse)\n"
        "    except ConnectionRefusedError as error:\n        file.write(*error.__notes__)\n"
    )
    status, _, wrote = ended(tmp_path, body)
    assert status == 0
    assert wrote.endswith(" s of waiting")


def test_the_hard_limit_stands_whatever_signs_of_life_there_are(tmp_path: Path) -> None:
    body = "with watchdog(600, 2, file) as dog:\n    while True:\n        time.sleep(0.05); dog.alive()"
    status, _, wrote = ended(tmp_path, body)
    assert status == 1
    assert "Timeout" in wrote


def test_nobody_watches_once_the_work_is_done_or_has_failed(tmp_path: Path) -> None:
    body = (
        "with watchdog(1, 1, file):\n    pass\n"
        "try:\n    with watchdog(1, 1, file):\n        1 / 0\nexcept ZeroDivisionError:\n    pass\n"
        "time.sleep(2)"
    )
    assert ended(tmp_path, body)[::2] == (0, "")


def test_a_dog_within_another_speaks_for_both_and_leaves_the_other_watching(tmp_path: Path) -> None:
    body = (
        "with watchdog(1, None, file):\n"
        "    with watchdog(600, None, file) as inner:\n"
        "        for _ in range(40):\n            time.sleep(0.1); inner.alive()\n"
        "    file.write('inner is over'); file.flush()\n"
        f"    {HANG}"
    )
    status, _, wrote = ended(tmp_path, body)
    assert status == 1
    assert wrote.startswith("inner is over")


@pytest.mark.slow
def test_a_flow_that_outstays_its_deadline_is_ended_with_its_process(prefect_server: str, tmp_path: Path) -> None:
    late = """
import sys, time
import flows.running.work
from flows.forms.parameters import TrainParameters
from prefect import flow

flows.running.work.OVERTIME_MINUTES = 0.02

@flow
def late(parameters: TrainParameters):
    with flows.running.work.alive(parameters):
        print("at work", flush=True)
        time.sleep(float(sys.argv[2]))
    print("ended by itself", flush=True)

late(TrainParameters(store=sys.argv[1], budget=float(sys.argv[3])))
"""

    def run(seconds: float, budget: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", late, str(tmp_path / "store"), str(seconds), str(budget)],
            env=os.environ | {"PREFECT_API_URL": prefect_server},
            capture_output=True,
            text=True,
            timeout=120,
        )

    in_time, too_long = run(0.1, budget=100), run(100, budget=0.02)
    assert (in_time.returncode, in_time.stdout) == (0, "at work\nended by itself\n")
    assert too_long.returncode == 1
    assert "ended by itself" not in too_long.stdout
    assert "Timeout" in too_long.stderr
