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
    from storage.garbage import Plan

GRACE = "1d"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def verify(store: StorePlace = None, as_json: AsJson = False) -> int:
    """Check every file of the store; exit with 1 where something is damaged or missing.

    What is damaged is set aside in the store's trash, and nothing is deleted.
    """
    from flows.cli.terminal import err, out, print_json
    from lib.words import plural
    from storage.store import Store
    from storage.verify import verify as check

    opened = Store.open(store_place(store), create=False)
    with err().status("reading everything again"):
        report = check(opened)
    if as_json:
        print_json(asdict(report))
        return 0 if report.clean else 1
    console = out()
    console.print(f"{plural(report.checked, 'blob')} checked", markup=False)
    for what, names in (("damaged", report.corrupt), ("missing", report.missing)):
        for name in names:
            console.print(f"{what}: {name}", markup=False)
    if report.quarantine:
        console.print(f"What is damaged lies in {opened.root}/{report.quarantine} now.", markup=False)
    if report.orphans:
        console.print(f"{plural(report.orphans, 'blob')} of no record: dreamsweep gc takes them", markup=False)
    if report.unindexed:
        console.print(f"{plural(report.unindexed, 'record')} not in the index: dreamsweep reindex", markup=False)
    console.print(
        "The store is clean." if report.clean else "The store is not clean: run again what made what is gone.",
        style="green" if report.clean else "red",
    )
    return 0 if report.clean else 1


def gc(
    grace: Annotated[
        str, typer.Option("--grace", metavar="TIME", help="Leave alone what is younger than this, as 30m, 12h or 7d.")
    ] = GRACE,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Move it to the trash without asking.")] = False,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Show what no ref and no run needs any more, and move it to the trash once you agree.

    What has been in the trash for longer than the grace period is deleted for good. With --json nothing is asked, and
    nothing done without --yes.
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
    ):
        if many:
            console.print(f"{count(many):>8}  {what}", markup=False)
    console.print(f"{size(shown.size):>8}  in all", markup=False)
