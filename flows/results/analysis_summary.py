"""What an analysis came to, from the store's records alone: so a run of last week can be summed up too."""

import json
from typing import Any

from flows.results.summaries import AnalysisSummary, MarginSummary, ResultSummary
from storage.errors import StoreError
from storage.store import Record, Store
from tasks.analysis.titles import is_result
from tasks.session.json_output import JSON


def analysis_summary(store: Store, run: str) -> AnalysisSummary:
    """The summary of an analysis's run, as plain JSON values.

    `run`, `state`, `model`, `data`; `accuracy` on the test set and `confusion` [label][called]; `pair`: the names of
    the two classes that are told apart; `margins`: the images between them with the smallest margins; `classifiers`:
    the table of linear classifiers by layer; `fcps`: by layer, how many there are and how well they tell the pair
    apart; how many results there were to be (`results`), and how many are `computed`, `reused` and `left`; `seconds`;
    `made`: one entry for each result, by title, with its `record` and `files` (paths of verified local files by role);
    `failures`: {title: message}. Raises StoreError where there is no such run.
    """
    record = store.run(run)
    if record.flow != "analyse":
        raise StoreError(f"run {run} is a {record.flow}, no analysis: `dreamsweep runs` lists them")
    summary: dict[str, Any] = record.summary
    made = {title: store.record(result.record) for title, result in record.units.items() if is_result(title)}
    told: dict[str, Any] = {"confusion": None, "margins": [], "classifiers": None, "fcps": {}}
    for one in made.values():
        match one.task:
            case "predictions":
                said = _said(store, one, "summary")
                told["confusion"] = said["confusion"]
                told["margins"] = _margins(said, summary.get("pair"))
            case "linear":
                told["classifiers"] = _said(store, one, "table")
            case "fcps":
                said = _said(store, one, "summary")
                told["fcps"][said["layer"]] = {name: said[name] for name in ("counts", "accuracy")}
    return AnalysisSummary(
        run=run,
        state=record.state,
        model=summary.get("model"),
        data=summary.get("data"),
        accuracy=summary.get("accuracy"),
        pair=summary.get("pair"),
        results=summary.get("results"),
        computed=summary.get("computed"),
        reused=summary.get("reused"),
        left=summary.get("left"),
        seconds=summary.get("seconds"),
        confusion=told["confusion"],
        margins=told["margins"],
        classifiers=told["classifiers"],
        fcps=told["fcps"],
        made=[
            ResultSummary(
                title=title,
                how=record.units[title].how,
                record=one.key,
                files={output.role: str(store.path(output.digest)) for output in one.outputs},
            )
            for title, one in made.items()
            if title not in record.failures
        ],
        failures=dict(record.failures),
    )


def _said(store: Store, record: Record, role: str) -> dict[str, Any]:
    output = record.output(role)
    assert output.media_type == JSON
    said: dict[str, Any] = json.loads(store.get(output.digest))
    return said


def _margins(said: dict[str, Any], pair: list[str] | None) -> list[MarginSummary]:
    """The least sure images between the classes of the pair, with the names of their classes."""
    if pair is None:
        return []
    classes: list[str] = said["classes"]
    low, high = sorted(classes.index(name) for name in pair)
    return [
        MarginSummary(
            image=f"{said['set']}/{one['image']}",
            label=classes[one["label"]],
            called=classes[one["called"]],
            margin=one["margin"],
        )
        for one in said["margins"].get(f"{low}/{high}", [])
    ]
