"""Calling a flow from the command line: the server, TensorFlow, and a terminal that only shows progress."""

import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.progress import Display, choose_display, step
from flows.cli.terminal import hold_back_stderr
from flows.forms.places import DATA_FOLDER
from lib.importing import KERAS_EXTRAS, quick_import

if TYPE_CHECKING:
    from flows.forms.every_run import InStore
    from flows.forms.parameters import RegisterParameters
    from flows.forms.resolve import Resolved
    from flows.results.summaries import RegisterSummary
    from lib.network.keras_model import KerasModel
    from storage.store import Record, Store


@contextmanager
def at_work(parameters: "InStore") -> Iterator[Display]:
    """While inside, a flow may be called with these parameters: TensorFlow is imported, a server is up.

    Ctrl-C and SIGTERM end it, and then the process, within seconds (`flows.running.stopping`).

    Raises BadInput and StoreError at once for what the parameters name and there is not, and StoreUnusable where their
    store cannot be written to. A file that holds no model is refused before the server is started.
    """
    from flows.forms.every_run import Pooled
    from flows.forms.private import open_store
    from flows.forms.resolve import hand_on
    from flows.running.stopping import stops_when_told

    if isinstance(parameters, Pooled) and parameters.pool is not None:
        from flows.fleet.settings import client_environment

        os.environ.update(client_environment())
    with stops_when_told(hard=True), hand_on(parameters) as found:
        open_store(parameters.store).check_writable()
        with _served(found) as progress:
            yield progress


@contextmanager
def _served(found: "Resolved") -> Iterator[Display]:
    """While inside, there are TensorFlow, Prefect and a server of ours, and progress is shown.

    `found`: what the parameters name; a file in it will be registered first.
    """
    _keep_libraries_quiet()
    if url := os.environ.get("PREFECT_API_URL"):
        from flows.serving.given_server import check_that_it_answers

        check_that_it_answers(url)  # before what takes long
    with choose_display() as progress:
        if found.file is not None:
            _import_tensorflow(progress)
            _check_file(progress, found.file, found)
        from flows.serving.server import local_server

        # The server starts while TensorFlow is imported: both take several seconds.
        server = local_server(DATA_FOLDER, progress=lambda text: _of_the_server(progress, text))
        try:
            _import_tensorflow(progress)
            with step(progress, "importing Prefect"), quick_import("prefect"):
                import prefect
            del prefect
        except BaseException:
            server.stop()
            raise
        from tasks.session.progress import listen

        with server, listen(progress.update, _say_once(progress)):
            _keep_prefect_off()
            yield progress


def _say_once(progress: Display) -> Callable[[str], None]:
    """What shows a line that stays, but none twice: a run that registers a model first reads its data set again."""
    said: set[str] = set()

    def say(line: str) -> None:
        if line not in said:
            said.add(line)
            progress.say(line)

    return say


def register_here(parameters: "RegisterParameters") -> "RegisterSummary":
    """Register a model without a flow run, so that nobody waits for a server; the result of the flow `register`."""
    from flows.forms.private import open_store
    from flows.forms.resolve import hand_on

    with hand_on(parameters):
        open_store(parameters.store).check_writable()
        _keep_libraries_quiet()
        with choose_display() as progress:
            _import_tensorflow(progress)
            from flows.running.models import register_in
            from tasks.session.progress import listen
            from tasks.session.session import session

            asked = parameters.model_dump(mode="json")
            with (
                step(progress, f"registering {parameters.file.name}"),
                listen(progress.update, _say_once(progress)),
                session(parameters.store, "register", asked) as open_session,
            ):
                return register_in(open_session, parameters)


def load_here(store: "Store", record: "Record") -> "KerasModel":
    """The network of a record, loaded by Keras. Raises BadInput and StoreError as `open_network`."""
    _keep_libraries_quiet()
    with choose_display() as progress:
        _import_tensorflow(progress)
        from lib.network import model_file
        from tasks.model.checkpoints import network_output

        with step(progress, "loading the network"):
            return model_file.load(store.get(network_output(record).digest), name="the model")


def _import_tensorflow(progress: Display) -> None:
    if "tensorflow" in sys.modules:
        return
    with step(progress, "importing TensorFlow"), hold_back_stderr(), quick_import("tensorflow", without=KERAS_EXTRAS):
        import tensorflow
    del tensorflow


def _check_file(progress: Display, file: Path, found: "Resolved") -> None:
    """Raise BadInput for a file that will not be registered."""
    from tasks.model.models import load_with_units

    with step(progress, f"reading {file.name}"):
        load_with_units(file, found.part, found.pixels)


def _of_the_server(progress: Display, text: str) -> None:
    recorded = re.search(r"recorded (\d+) of (\d+)", text)
    if recorded:
        progress.update("Prefect's server is recording", int(recorded[1]), int(recorded[2]), of="task runs")
    else:
        progress.say(text)


def _keep_libraries_quiet() -> None:
    """TensorFlow's C++ code says which processors and GPUs it could have used, and Prefect what is raised here too."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    for name in ("tensorflow", "absl"):  # Keras warns by the latter that .h5 is an old format
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def _keep_prefect_off() -> None:
    """What goes wrong in a flow is raised here as well, and said once; Prefect's server has every line."""
    from flows.running.prefect_internals import set_console_level

    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    set_console_level([logging.root, *loggers], logging.CRITICAL)
