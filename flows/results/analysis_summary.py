"""What an analysis came to, from the store's records alone: so a run of last week can be summed up too."""

import json
from collections.abc import Iterable
from typing import Any

from flows.results.runs import is_counted
from flows.results.summaries import (
    AnalysisSummary,
    ClassifierTable,
    FcpSummary,
    MarginSummary,
    OutputLine,
    ResultSummary,
)
from storage.errors import StoreError
from storage.store import Record, Store
from tasks.analysis.kinds.fcps import KIND as FCPS
from tasks.analysis.kinds.linear import KIND as LINEAR
from tasks.analysis.kinds.outputs import KIND as OUTPUTS
from tasks.analysis.kinds.predictions import KIND as PREDICTIONS
from tasks.session.json_output import JSON
from tasks.session.kind import ArtifactKind


def analysis_summary(store: Store, run: str) -> AnalysisSummary:
    """The summary of an analysis's run, as plain JSON values.

    `run`, `state`, `model`, `data`; `warnings`: what whoever trusts the network should know; `accuracy` on the test set
    and `confusion` [label][called]; `notes`: what is to be
    known of its outputs, and what was left out and why; `outputs`: of each that has something else than the classes
    that are predicted, what it is and how good; `pair`: the names of
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
    made = {title: store.record(result.record) for title, result in record.units.items() if is_counted(result)}
    predictions = _told(store, made.values(), PREDICTIONS, "summary")
    classifiers: list[ClassifierTable] = _told(store, made.values(), LINEAR, "table")
    fcps = _told(store, made.values(), FCPS, "summary")
    outputs = _told(store, made.values(), OUTPUTS, "summary")
    return AnalysisSummary(
        run=run,
        state=record.state,
        model=summary.get("model"),
        data=summary.get("data"),
        warnings=summary.get("warnings", []),
        accuracy=summary.get("accuracy"),
        notes=list(summary.get("notes") or []),
        outputs=[
            OutputLine(output=one["output"], text=one["text"], accuracy=one["accuracy"], labels=one["labels"])
            for one in outputs
        ],
        pair=summary.get("pair"),
        results=summary.get("results"),
        computed=summary.get("computed"),
        reused=summary.get("reused"),
        left=summary.get("left"),
        seconds=summary.get("seconds"),
        confusion=predictions[-1]["confusion"] if predictions else None,
        margins=_margins(predictions[-1], summary.get("pair")) if predictions else [],
        classifiers=classifiers[-1] if classifiers else None,
        fcps={said["layer"]: FcpSummary(counts=said["counts"], accuracy=said["accuracy"]) for said in fcps},
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


def _told(store: Store, made: Iterable[Record], kind: ArtifactKind, role: str) -> list[Any]:
    """What the records of a kind say as JSON."""
    outputs = [record.output(role) for record in made if record.task == kind.task]
    assert all(output.media_type == JSON for output in outputs)
    return [json.loads(store.get(output.digest)) for output in outputs]


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
