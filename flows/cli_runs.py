"""`dreamsweep runs`: what was run, and what came of it."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.cli_options import AsJson, StorePlace
from flows.places import store_place

if TYPE_CHECKING:
    from storage.runs import RunRecord
    from storage.store import Store

SILENCE = 15 * 60.0
"""Seconds after which an open run that has written nothing counts as died: its process was killed."""

_UNIT = re.compile(r"\S+/\d+")


def runs(store: StorePlace = None, as_json: AsJson = False) -> None:
    """List the runs: when, what, and what came of them."""
    from flows.terminal import print_json
    from storage.store import Store

    found = listed(Store.open(store_place(store), create=False))
    print_json({"runs": found}) if as_json else _show(found)


def listed(store: "Store") -> list[dict[str, Any]]:
    """What is known of every run, the newest first."""
    heard = {
        path.removeprefix("runs/").removesuffix(".json"): entry.modified
        for path, entry in store.files.listing("runs").items()
    }
    return [described(run, heard.get(run.id, time.time())) for run in reversed(store.runs())]


def described(run: "RunRecord", heard: float) -> dict[str, Any]:
    """What is known of a run; `heard` is when it last wrote (seconds since 1970).

    `state` is "open", "completed" or "failed", and "died" where it is open and has been silent for too long.
    """
    from flows.captions import stamp_of

    summary: dict[str, Any] = run.summary
    how = Counter(result.how for unit, result in run.units.items() if _UNIT.fullmatch(unit))
    verdicts: Counter[str] = Counter()
    for counts in summary.get("verdicts", {}).values():
        verdicts.update(counts)
    return {
        "run": run.id,
        "flow": run.flow,
        "state": "died" if run.state == "open" and time.time() - heard > SILENCE else run.state,
        "opened": run.opened,
        "closed": run.closed,
        "heard": stamp_of(heard),
        "model": summary.get("model") or run.parameters.get("model"),
        "computed": summary.get("computed", how["computed"]),
        "reused": summary.get("reused", how["reused"]),
        "failed": len(run.failures),
        "verdicts": dict(verdicts),
    }


def in_words(verdicts: Mapping[str, int]) -> str:
    """As "220 responded, 4 dead"."""
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)


def _show(found: list[dict[str, Any]]) -> None:
    from flows.captions import when
    from flows.terminal import escape, out, say, table

    if not found:
        say("There is no run yet: dreamsweep sweep --train")
        return
    rows = table(
        "run", "when", "flow", "state", "model", "computed", "reused", "verdicts", right=("computed", "reused")
    )
    styles = {"completed": "green", "failed": "red", "died": "red", "open": "yellow"}
    for run in found:
        failed = {"failed": run["failed"]} if "failed" not in run["verdicts"] else {}
        rows.add_row(
            run["run"],
            when(run["opened"]),
            escape(run["flow"]),
            f"[{styles[run['state']]}]{run['state']}[/]",
            escape(run["model"] or ""),
            str(run["computed"]),
            str(run["reused"]),
            in_words(run["verdicts"] | failed),
        )
    out().print(rows)
    if any(run["state"] == "died" for run in found):
        say("died: still open, and not heard of for 15 minutes. What it finished is reused by the same command.")
