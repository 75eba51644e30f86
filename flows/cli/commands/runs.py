"""`dreamsweep runs`: what was run, and what came of it."""

from flows.cli.options import AsJson, StorePlace
from flows.forms.places import store_place
from flows.results.runs import RunNote, in_words, list_runs


def runs(store: StorePlace = None, as_json: AsJson = False) -> None:
    """List the runs, with their times, their models and their results."""
    from flows.cli.terminal import print_json
    from storage.store import Store

    found = list_runs(Store.open(store_place(store), create=False))
    print_json({"runs": found}) if as_json else _show(found)


def _show(found: list[RunNote]) -> None:
    from flows.cli.terminal import escape, out, say, table
    from lib.words import local_moment

    if not found:
        say("There is no run yet: dreamsweep sweep --train")
        return
    rows = table("run", "when", "state", "what")
    rows.columns[0].no_wrap = rows.columns[1].no_wrap = True
    styles = {
        "completed": "green",
        "partial": "yellow",
        "failed": "red",
        "interrupted": "yellow",
        "crashed": "red",
        "died": "red",
        "open": "yellow",
    }
    for run in found:
        of = f" of {run['model']}" if run["model"] else ""
        counted = [f"{run['computed']} computed, {run['reused']} reused"] if run["computed"] or run["reused"] else []
        in_prefect = [f"flow run {run['flow_run']}"] if run["flow_run"] else []
        rows.add_row(
            run["run"],
            local_moment(run["opened"]),
            f"[{styles[run['state']]}]{run['state']}[/]",
            escape("\n".join([run["flow"] + of, *filter(None, [in_words(run["verdicts"])]), *counted, *in_prefect])),
        )
    out().print(rows)
    if any(run["state"] == "died" for run in found):
        say("died: still open, and not heard of for 15 minutes. What it finished is reused by the same command.")
