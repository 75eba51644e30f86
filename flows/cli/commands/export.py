"""`dreamsweep export`: pictures, models and data with readable names, in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson, OfRun, StorePlace
from flows.forms.places import store_place


def export(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="What to write: runs with all their pictures, units, models, data sets or records, in any form that "
            "dreamsweep show takes.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The folder to write to; nothing else in it is touched.")
    ],
    run: OfRun = None,
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Write pictures, tensors and models with readable names to a folder, and their records beside them.

    The files are the store's own bytes, so that lineage FILE recognises them. A file with other content is never
    overwritten.
    """
    from flows.cli.terminal import err, out, print_json
    from flows.results.export import plan_export, write_export
    from lib.words import count, plural, size
    from storage.resolve import resolve
    from storage.store import Store

    opened = Store.open(store_place(store), create=False)
    plan = plan_export(opened, [resolve(opened, text, run=run) for text in what])
    with err().status("writing files"):
        done = write_export(opened, plan, folder)
    if as_json:
        print_json({"folder": str(folder.absolute()), "written": done.written, "same": done.same, "files": done.files})
        return
    console = out()
    for top, files in done.tops().items():
        console.print(f"{folder / top}" + (f"  {plural(files, 'file')}" if files > 1 else ""), markup=False)
    there = f", {count(done.same)} were there already" if done.same else ""
    console.print(f"{plural(done.written, 'file')} written ({size(done.size)}){there}", markup=False)
