"""runs.log: what flow runs say, and what runs them, of all processes of one `dreamsweep up`.

What libraries print by themselves, as TensorFlow's C++ code, goes to the standard error of these processes and from
there to a file of its own (`flows.serving.runner_process`). Prefect sets `RunsLog` up in each process by
`settings_for`, before anything is said. Prefect's server has every line of a flow run as well.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import IO


class RunsLog(WatchedFileHandler):
    """Appends to the file, and goes on in the new one where that was put aside; in the place of Prefect's console.

    `stream` and `styles` are what Prefect configures its console with: here the path of the file, and nothing.
    """

    def __init__(self, stream: str, styles: object = None) -> None:
        super().__init__(stream, encoding="utf-8", errors="replace")

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line; what keeps it from that, as a full disk, stops nobody."""
        if record.name == "prefect.runner" and record.levelno < logging.WARNING:
            return  # every two seconds, that it is busy
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)


def settings_for(file: Path) -> dict[str, str]:
    """The environment variables with which a process logs to this file all that Prefect would show on a terminal."""
    return {
        "PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS": f"{RunsLog.__module__}.{RunsLog.__name__}",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_STREAM": str(file),
        "PREFECT_LOGGING_FORMATTERS_STANDARD_DATEFMT": "%Y-%m-%d %H:%M:%S",
    }


@contextmanager
def open_log() -> Iterator[IO[str]]:
    """Where the last words of this process go: to its log if it has one, else to standard error."""
    for handler in logging.root.handlers:
        if isinstance(handler, RunsLog):
            with Path(handler.baseFilename).open("a", encoding="utf-8", errors="replace") as file:
                yield file
            return
    yield sys.__stderr__ or sys.stderr
