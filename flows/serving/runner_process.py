"""Looking after the process that runs flows (`flows.serving.runner`): starting it, starting it again, and ending it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

RUNS_LOG = "runs.log"
"""What flow runs say (`flows.running.runs_log`)."""
NOISE_LOG = "libraries.log"
"""What libraries print, as TensorFlow's C++ code; and how a process ended that could say nothing any more."""
SERVER_LOG = "server.log"
"""What Prefect's server prints (`flows.serving.server_process`)."""
LOG_BYTES = 10_000_000
"""Of each, so much is kept, and as much of what was before."""
END_SECONDS = 60.0
"""How long it may take to end, with all its flow runs."""
AGAIN_SECONDS = 5.0
READY = "ready"


class CannotServe(Exception):
    """Flow runs cannot be served. The message says why and where the log is."""


class ServingProcess:
    """Starts with the first `see_to_it`. What it says is handed to `say`; logs are in `folder`."""

    def __init__(self, folder: Path, at_once: int, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._folder, self._at_once, self._environment, self._say = folder, at_once, environment, say
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._is_ready = threading.Event()
        self._told = False

    def see_to_it(self) -> bool:
        """Start it where it does not run. True once: when flow runs can be started for the first time.

        Raises CannotServe where it ended before that.
        """
        if self._process is None:
            self._start()
        elif self._process.poll() is not None and time.monotonic() - self._started > AGAIN_SECONDS:
            if not self._told:
                raise CannotServe(f"flow runs cannot be served ({self._last_word()}): see {self._log}")
            self._say(
                f"what runs flows has ended ({self._process.returncode}; its log: {self._log}): starting it again"
            )
            self._start()
        if self._is_ready.is_set() and not self._told:
            self._told = True
            return True
        return False

    def end(self) -> None:
        """Cancel all flow runs, and wait until everything has ended."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._say("flow runs do not end by themselves: they are killed")
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def keep_logs_small(self) -> None:
        """Put logs aside that have become large, in the place of those that were put aside before."""
        runs = self._folder / RUNS_LOG
        with contextlib.suppress(OSError):  # `up` goes on with large logs too
            if _is_large(runs):
                runs.replace(runs.with_suffix(".log.1"))  # whoever logs to it looks where it is before each line
            for noise in (self._log, self._folder / SERVER_LOG):
                if _is_large(noise):  # it is the standard error of processes, which know it by no name
                    with contextlib.suppress(OSError):  # on a full disk it is more important that it ends
                        shutil.copyfile(noise, noise.with_suffix(".log.1"))
                    os.truncate(noise, 0)

    @property
    def _log(self) -> Path:
        return self._folder / NOISE_LOG

    def _last_word(self) -> str:
        lines = self._log.read_bytes()[self._log_begins :].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"

    def _start(self) -> None:
        self.keep_logs_small()
        self._started = time.monotonic()
        with self._log.open("ab") as file:
            self._log_begins = file.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "flows.serving.runner", str(self._folder), str(self._at_once)],
                cwd=self._folder.parent,  # relative paths in parameters are in the data folder, which is always allowed
                env=dict(self._environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        threading.Thread(target=self._relay, args=(self._process,), daemon=True).start()

    def _relay(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if (text := line.decode(errors="replace").rstrip()) == READY:
                self._is_ready.set()
            else:
                self._say(text)


def _is_large(log: Path) -> bool:
    return log.exists() and log.stat().st_size > LOG_BYTES
