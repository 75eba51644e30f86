"""Calling a flow from the command line: the server, TensorFlow, and a terminal that only shows progress."""

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.cli.progress import Display, choose_display, step
from flows.cli.terminal import hold_back_stderr
from flows.forms.places import DATA_FOLDER

if TYPE_CHECKING:
    from flows.forms.parameters import InStore, RegisterParameters
    from flows.results.summaries import RegisterSummary


@contextmanager
def at_work(parameters: "InStore") -> Iterator[Display]:
    """While inside, a flow may be called with these parameters: TensorFlow is imported, a server is up.

    Ctrl-C and SIGTERM end it, and then the process, within seconds (`flows.running.stopping`).

    Raises BadInput and StoreError at once for what the parameters name and there is not, and StoreUnusable where their
    store cannot be written to.
    """
    from flows.forms.resolve import hand_on
    from flows.running.stopping import stops_when_told
    from storage.store import Store

    with stops_when_told(hard=True), hand_on(parameters):
        Store.open(parameters.store).check_writable()
        with _served() as progress:
            yield progress


@contextmanager
def _served() -> Iterator[Display]:
    """While inside, there are TensorFlow, Prefect and a server of ours, and progress is shown."""
    from flows.serving.server import local_server

    _keep_libraries_quiet()
    with choose_display() as progress:
        # The server starts while TensorFlow is imported: both take several seconds.
        server = local_server(DATA_FOLDER, progress=lambda text: _of_the_server(progress, text))
        try:
            with step(progress, "importing TensorFlow"), hold_back_stderr():
                import tensorflow
            with step(progress, "importing Prefect"):
                import prefect
            del tensorflow, prefect
        except BaseException:
            server.stop()
            raise
        from tasks.session.progress import listen

        with server, listen(progress.update, progress.say):
            _keep_prefect_off()
            yield progress


def register_here(parameters: "RegisterParameters") -> "RegisterSummary":
    """Register a model: the result of the flow `register`."""
    with at_work(parameters):
        from flows.register import register

        return register(parameters)


def _of_the_server(progress: Display, text: str) -> None:
    recorded = re.search(r"recorded (\d+) of (\d+)", text)
    if recorded:
        progress.update("Prefect's server is recording", int(recorded[1]), int(recorded[2]))
    else:
        progress.say(text)


def _keep_libraries_quiet() -> None:
    """TensorFlow's C++ code says which processors and GPUs it could have used, and Prefect what is raised here too."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def _keep_prefect_off() -> None:
    """What goes wrong in a flow is raised here as well, and said once; Prefect's server has every line."""
    from flows.running.prefect_internals import set_console_level

    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    set_console_level([logging.root, *loggers], logging.CRITICAL)
