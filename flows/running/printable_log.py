"""Log lines without anything that steers a terminal, whoever writes them: names in them may be a stranger's."""

import logging
from typing import Any

from lib.errors import BadInput
from lib.printable import printable_lines


class _Record(logging.LogRecord):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and isinstance(self.exc_info[1], BadInput):
            self.exc_info = None  # its one line says what to change, and stands in the state of its run

    def getMessage(self) -> str:  # noqa: N802 - the name that logging gives it
        return printable_lines(super().getMessage())


def keep_log_printable() -> None:
    """From now on, every line that this process logs: in files, on the terminal and to Prefect's server."""
    logging.setLogRecordFactory(_Record)
