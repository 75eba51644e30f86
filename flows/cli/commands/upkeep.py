"""`dreamsweep verify`, `gc` and `reindex`: the upkeep of a store."""

import re
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import AsJson, StorePlace
from flows.forms.places import store_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from flows.cli.losses import Told
    from storage.checks.losses import Report
    from storage.garbage import Plan

GRACE = "1d"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def verify(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            metavar="",
            help="Mend what the store itself can mend, and queue the runs that make the rest again for dreamsweep "
            "rerun.",
        ),
    ] = False,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> int:
    """Check every file of the store, and everything that one names; exit with 1 where something is damaged or missing.

    What is damaged is set aside in the store's trash, and nothing is deleted. Each line says what is lost, and the
    command that makes it again.
    """
    from flows.cli.losses import queue, tell
    from flows.cli.terminal import err, out, print_json
    from storage.store import Store
    from storage.verify import verify as check

    opened = Store.open(store_place(store), create=False)
    with err().status("reading everything again"):
        report = check(opened, repair=repair)
    told = tell(opened, report.losses)
    queued = queue(opened, [told[loss.label] for loss in report.lost]) if repair else []
    well = not report.lost if repair else report.clean
    if as_json:
        losses = [
            {**asdict(loss), "what": told[loss.label].what, "again": told[loss.label].again} for loss in report.losses
        ]
        print_json({**asdict(report), "losses": losses, "queued": queued, "clean": well})
    else:
        _tell(out(), opened.root, report, told, repair)
        _conclude(out(), report, queued, repair, well)
    return 0 if well else 1


def _tell(console: "Console", root: str, report: "Report", told: "Mapping[str, Told]", repair: bool) -> None:
    """What was found."""
    from lib.words import plural

    console.print(f"{plural(report.checked, 'blob')} checked", markup=False)
    for loss in report.losses:
        one = told[loss.label]
        again = "it is back from the trash" if loss.label in report.returned else one.again
        console.print(f"{loss.state}: {one.what}: {again}", markup=False, soft_wrap=True)
    if report.quarantine:
        console.print(f"What is damaged lies in {root}/{report.quarantine} now.", markup=False, soft_wrap=True)
    if report.index and not repair:
        console.print(
            f"The index: {report.index}. The next question makes it anew, or dreamsweep reindex.", markup=False
        )
    elif report.reindexed is not None:
        console.print(f"The index was made anew: it holds {plural(report.reindexed, 'record')}.", markup=False)
    elif report.unindexed:
        console.print(f"{plural(report.unindexed, 'record')} not in the index: dreamsweep reindex", markup=False)
    if report.remade:
        console.print(f"{plural(report.remade, 'result')} made again since, under other records", markup=False)
    if report.orphans:
        console.print(f"{plural(report.orphans, 'blob')} of no record: dreamsweep gc takes them", markup=False)
    if report.unsealed:
        many = plural(len(report.unsealed), "ref")
        console.print(f"{many} of earlier versions without a seal: each gets one when it is set again", markup=False)
    if report.unlisted:
        many = plural(len(report.unlisted), "run")
        console.print(
            f"{many} made records and are not listed: they were deleted, or their files are lost", markup=False
        )


def _conclude(console: "Console", report: "Report", queued: list[str], repair: bool, well: bool) -> None:
    """What is to be done."""
    from lib.words import plural

    if queued:
        console.print(f"{plural(len(queued), 'run')} queued: dreamsweep rerun", markup=False)
    if well:
        console.print("The store is clean." if report.clean else "The store is mended.", style="green")
    elif repair:
        console.print("The store is not clean: what is lost is to be made again, or given again.", style="red")
    else:
        console.print("The store is not clean: dreamsweep verify --repair mends what it can.", style="red")


def gc(
    grace: Annotated[
        str, typer.Option("--grace", metavar="TIME", help="Leave alone what is younger than this, as 30m, 12h or 7d.")
    ] = GRACE,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Move it to the trash without asking.")] = False,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Show what no ref and no run needs any more, and move it to the trash once you agree.

    Runs may be under way: what they have made or reused stays, whatever the grace period. What has been in the trash
    for longer than that is deleted for good. With --json nothing is asked, and nothing done without --yes.
    """
    from flows.cli.terminal import out, print_json, say
    from storage.garbage import collect, plan
    from storage.store import Store

    shown = plan(Store.open(store_place(store), create=False), grace_of(grace))
    if as_json:
        done = collect(shown) if yes else shown
        print_json({**_document(done), "done": yes})
        return
    _show(shown)
    if shown.empty:
        return
    if not yes and not sys.stdin.isatty():
        say("Nothing was done: --yes does it.")
    elif yes or typer.confirm("Do it?", err=True):
        done = collect(shown)
        out().print(f"done: {len(done.records)} records and {len(done.blobs)} blobs are in the trash", markup=False)
    else:
        say("Nothing was done.")


def reindex(store: StorePlace = None, as_json: AsJson = False) -> None:
    """Rebuild the index from the records."""
    from flows.cli.terminal import err, out, print_json
    from lib.words import plural
    from storage.store import Store

    opened = Store.open(store_place(store), create=False)
    with err().status("reading the records"):
        count = opened.reindex()
    if as_json:
        print_json({"records": count})
    else:
        out().print(f"The index holds {plural(count, 'record')} now.", markup=False)


def grace_of(text: str) -> timedelta:
    """A time as `30m`, `12h` or `7d`; a bare 0 is none. Raises BadInput."""
    from lib.errors import BadInput

    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if text != "0" and not match:
        raise BadInput(f"--grace is {text!r}; it must be a number and one of s, m, h, d, as 12h")
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]]) if match else timedelta()
    except OverflowError:
        raise BadInput(f"--grace is {text!r}, which is too long; 3650d is ten years") from None


def _document(shown: "Plan") -> dict[str, object]:
    return {
        "records": list(shown.records),
        "blobs": list(shown.blobs),
        "temporary": list(shown.temporary),
        "expired": list(shown.expired),
        "returning": list(shown.returning),
        "bytes": shown.size,
    }


def _show(shown: "Plan") -> None:
    from flows.cli.terminal import out
    from lib.words import count, size

    console = out()
    if shown.empty:
        console.print("There is nothing to collect.")
        return
    for many, what in (
        (len(shown.records), "records that nothing needs: to the trash"),
        (len(shown.blobs), "blobs that nothing needs: to the trash"),
        (len(shown.temporary), "temporary files of processes that were killed: deleted"),
        (len(shown.expired), "files in the trash for longer than the grace period: deleted"),
        (len(shown.returning), "files that a gc took which was killed, and that are needed: back from the trash"),
    ):
        if many:
            console.print(f"{count(many):>8}  {what}", markup=False)
    console.print(f"{size(shown.size):>8}  in all", markup=False)
