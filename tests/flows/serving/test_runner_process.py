"""The logs of what runs flows: messages in one file, what libraries print in another, and both small."""

import logging
import os
from pathlib import Path

import pytest

from flows.running.runs_log import RunsLog, open_log, settings_for
from flows.serving import runner_process
from flows.serving.runner_process import NOISE_LOG, RUNS_LOG, SERVER_LOG, ServingProcess


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServingProcess:
    """One that was not started, whose logs are large from 1,000 bytes on."""
    monkeypatch.setattr(runner_process, "LOG_BYTES", 1_000)
    return ServingProcess(tmp_path, 1, {}, print)


def test_a_log_that_has_become_large_is_put_aside_and_no_line_is_lost(serving: ServingProcess, tmp_path: Path) -> None:
    log = RunsLog(str(tmp_path / RUNS_LOG))
    lines = [f"line {number} " + "x" * 80 for number in range(30)]
    for number, line in enumerate(lines):
        log.emit(logging.makeLogRecord({"msg": line}))
        if number == 20:
            serving.keep_logs_small()
    log.close()
    before = (tmp_path / f"{RUNS_LOG}.1").read_text().splitlines()
    assert [*before, *(tmp_path / RUNS_LOG).read_text().splitlines()] == lines
    assert len(before) == 21
    serving.keep_logs_small()
    assert (tmp_path / f"{RUNS_LOG}.1").read_text().splitlines() == before  # the new one is small yet


@pytest.mark.parametrize("name", [NOISE_LOG, SERVER_LOG])
def test_what_others_print_is_kept_small_while_they_go_on_printing(
    serving: ServingProcess, tmp_path: Path, name: str
) -> None:
    with (tmp_path / name).open("ab", buffering=0) as noise:
        os.write(noise.fileno(), b"old\n" * 500)
        serving.keep_logs_small()
        os.write(noise.fileno(), b"new\n")
    assert (tmp_path / name).read_bytes() == b"new\n"
    assert (tmp_path / f"{name}.1").read_bytes() == b"old\n" * 500


def test_the_last_words_of_a_process_are_in_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RunsLog(settings_for(tmp_path / RUNS_LOG)["PREFECT_LOGGING_HANDLERS_CONSOLE_STREAM"])
    monkeypatch.setattr(logging.root, "handlers", [log])
    with open_log() as file:
        file.write("it hung here\n")
    assert (tmp_path / RUNS_LOG).read_text() == "it hung here\n"
    log.close()
