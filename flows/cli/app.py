"""The command line: `dreamsweep COMMAND`.

This module and those that hold the commands import nothing that takes long; commands do so when they are called.
"""

import functools
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from flows.cli.commands.deploy import deploy
from flows.cli.commands.export import export
from flows.cli.commands.fleet import fleet
from flows.cli.commands.gallery import gallery
from flows.cli.commands.lineage import lineage
from flows.cli.commands.link import link
from flows.cli.commands.notify import notify
from flows.cli.commands.prefect import AS_GIVEN, prefect
from flows.cli.commands.runs import runs
from flows.cli.commands.schedule import schedule
from flows.cli.commands.show import show
from flows.cli.commands.up import down, up
from flows.cli.commands.upkeep import gc, reindex, verify
from flows.cli.commands.worker import worker
from flows.cli.plain_help import PlainCommand, PlainGroup
from flows.cli.shortage import shortage
from flows.cli.terminal import only_results_on_stdout, say
from flows.forms.private import close_to_others, keep_private
from flows.running.printable_log import keep_log_printable
from lib import stop
from lib.errors import BadInput, Question
from lib.printable import printable
from storage.errors import StoreError
from storage.files import without_password
from storage.mishaps.patience import in_company

ALL_WELL, NOT_ALL_WELL, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_EXIT_CODES = """\
[bold]Exit codes[/bold]
  0  all is well
  1  some maps or pictures failed, the store is not clean, or something unexpected happened
  2  bad input: one line says what to change, and nothing was recorded
130  interrupted by Ctrl-C: the same command goes on from what was finished
143  the same, by SIGTERM\
"""

_TRAIN = "Train the reference CNN on a data set, or go on with a training that was interrupted."
_SWEEP = """\
Optimise feature visualisations (OIPs) for every map of a model, or finish a sweep that was interrupted.

What is in the store already, made by the same code from the same model, data and settings, is not made again.\
"""

_DREAM = """\
Run DeepDream on pictures: on folders of them, or on files.

Dreams go to a folder that mirrors that of the pictures. What is in the store already is not dreamed again, so the same
command goes on with what failed, is new or was interrupted.\
"""

_ANALYSE = """\
Analyse how a model decides: confusion matrix, FCPs, linear probes by layer, and attribution of predictions.

FCPs are the activations that images of one class have in common in a layer. Images are named by their number in the
data set, as test/1302, or are picture files. The gallery shows all results.\
"""

_RERUN = """\
Finish a sweep, a dream, an analysis or a training that failed, crashed or was partial: only what is missing is made.

By default this takes the latest such run, with its own parameters and model, and without its time limits. Runs that
dreamsweep verify --repair has queued, as they make again what was lost, come before it.\
"""


MODELS = "List the models of the store; add a model file of your own, or show, rename or remove a model."

_RUN_FLOWS = {"train": _TRAIN, "sweep": _SWEEP, "dream": _DREAM, "analyse": _ANALYSE, "rerun": _RERUN}


_FIRST = [*_RUN_FLOWS, "gallery", "models"]


class _InOrder(PlainGroup):
    """The commands in the order in which the help lists them; Typer puts those that have commands of their own last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]


def application(called: Sequence[str]) -> typer.Typer:
    """The application, for a call with these arguments.

    The options of those that run flows come from settings whose modules import NumPy: others do not wait for that.
    """
    app = typer.Typer(
        cls=_InOrder,
        name="dreamsweep",
        help="Draw what every feature map of every layer of your CNN looks for, overnight, "
        "and trace each picture back to what made it.",
        epilog=_EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_without_command)
    for name, text in _RUN_FLOWS.items():
        command = getattr(import_module(f"flows.cli.commands.{name}"), name) if name in called else lambda: None
        app.command(name, help=text, cls=PlainCommand)(_apart(command))
    _add_models(app, "models" in called)
    here = (gallery, runs, show, lineage, verify, gc, reindex, export, up, link, down, schedule, notify)
    for command in (*here, deploy, worker, fleet):
        app.command(help=_help_of(command), cls=PlainCommand)(_apart(command))
    # Its results are those of another program, which has our standard output.
    app.command(help=_help_of(prefect), cls=PlainCommand, context_settings=AS_GIVEN)(prefect)
    return app


def _help_of(command: Callable[..., int | None]) -> str:
    """Its docstring, without the line breaks in its paragraphs, which are there for us: Typer would keep them."""
    return "\n\n".join(" ".join(part.split()) for part in (command.__doc__ or "").split("\n\n"))


def _add_models(app: typer.Typer, is_called: bool) -> None:
    """The command that has commands of its own. What is needed to list it in the help alone costs nothing."""
    if is_called:
        from flows.cli.commands.models import group

        app.add_typer(group(MODELS, _apart), name="models")
    else:
        app.add_typer(typer.Typer(help=MODELS, callback=lambda: None), name="models")


def _say_version(wanted: bool) -> None:
    if wanted:
        from tasks.session.provenance import version_line  # reads every file of the code: nobody else waits for that

        print(version_line())
        raise typer.Exit


def _without_command(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_say_version,
            is_eager=True,
            help="Show the version and the commit, and exit.",
        ),
    ] = False,
) -> None:
    """The options of `dreamsweep` itself."""


def _apart(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """The command, with nothing but its results on standard output."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> int | None:
        with only_results_on_stdout():
            close_to_others(say)
            return command(*args, **kwargs)

    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as `_EXIT_CODES` has them; errors are one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every locale has a character for all that is said
    keep_log_printable()
    with keep_private():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("DO_NOT_TRACK", "1")  # Prefect's client would report that deployments are registered
    try:
        with in_company(say):  # a command that waits for its store says so
            code = application(arguments)(arguments, prog_name="dreamsweep", standalone_mode=False) or ALL_WELL
        return _interrupted() if code == INTERRUPTED else code  # Typer makes that code of Ctrl-C
    except TyperException as error:
        called = getattr(getattr(error, "ctx", None), "command_path", "dreamsweep")
        # Called with nothing at all: the help that was shown says it.
        return _fail(f"{error.format_message()} ({called} --help says more)" if str(error) else "", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:  # whoever read our results has enough of them
        return NOT_ALL_WELL
    except Exception as error:
        if stop.is_told():  # what a run came to that was told to stop is no news
            return _interrupted()
        known = next((cause for cause in _causes(error) if isinstance(cause, BadInput | StoreError)), None)
        if known is not None:
            return _fail(_said(known), BAD_INPUT)
        if (short := shortage(error)) is not None:
            return _fail(short, NOT_ALL_WELL)
        from flows.serving.delivery import NotSent
        from flows.serving.runner_process import CannotServe
        from flows.serving.server import ServerError
        from flows.web.access import AccessError
        from flows.web.listening import PortTaken  # here, because `--help` need not import them

        if isinstance(error, ServerError | PortTaken | CannotServe | AccessError | NotSent):
            return _fail(str(error), NOT_ALL_WELL)
        if (outside := _outside(error)) is not None:
            return _fail(str(outside), BAD_INPUT)
        traceback.print_exc()
        return _fail(f"unexpected: {type(error).__name__}: {error}", NOT_ALL_WELL)
    except BaseException:  # Stopped, and what Prefect has for it
        if stop.is_told():
            return _interrupted()
        raise


def _said(problem: Exception) -> str:
    """What went wrong, with the option that a field of the form is here."""
    if not isinstance(problem, Question):
        return str(problem)
    from flows.cli.options import option_of

    return problem.said_with(option_of(problem.field.lower().replace(" ", "_")))


def _outside(error: BaseException) -> BadInput | None:
    """What is said of an error that is no defect, wherever it arises: of a file, a name or a server; else None."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and isinstance(cause.filename, str | bytes) and cause.strerror:
            file = os.fsdecode(cause.filename)
            return BadInput(f"{file} cannot be read or written ({cause.strerror}): mend that, or name another")
        if isinstance(cause, UnicodeEncodeError) and cause.reason == "surrogates not allowed":
            return BadInput(
                f"{cause.object} holds bytes that are no UTF-8, and only text can be used here: name it otherwise"
            )
        if (httpx := sys.modules.get("httpx")) is not None and isinstance(cause, httpx.TransportError):
            url = os.environ.get("PREFECT_API_URL", "")
            at = without_password(url)
            return BadInput(f"Prefect's server {at} answers no more ({cause}): see to it, and give the command again")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of: Prefect wraps some."""
    while error is not None:
        yield error
        error = error.__cause__


def _interrupted() -> int:
    if not stop.is_told():  # Ctrl-C, where nothing was at work
        return _fail("interrupted; what was finished is in the store", INTERRUPTED)
    from flows.running.stopping import end_process

    end_process()


def _fail(message: str, code: int) -> int:
    if message:
        print(f"dreamsweep: {' '.join(printable(message).split())}", file=sys.stderr, flush=True)
    return code
