"""What a dream flow came to, from the store's records alone: so a run of last week can be summed up too."""

from typing import Any

from flows.results.summaries import DreamsSummary, DreamSummary, ExtraSummary
from storage.errors import StoreError
from storage.store import Store
from tasks.dream.kinds.dream import KIND as DREAM
from tasks.dream.pieces import gain_of


def dreams_summary(store: Store, run: str) -> DreamsSummary:
    """The summary of a dream's run, as plain JSON values.

    `run`, `state`, `model`, `objective`, `mode`, `out` (the folder); how many dreams there were to be (`dreams`), and
    how many are `computed`, `reused` and `left`; `seconds`; `pictures`: one entry for each dream, by title, with its
    `record`, `png` (the path of a verified local file), `gain` (how much the objective rose, in its own units, from the
    first step to the last) and `files` in the folder; `extras`: the same for strips of passes and sheets of tours;
    `failures`: {title: message}; `passed_over`: pictures that a night could not read, and did not fail because of.
    Raises StoreError where there is no such run.
    """
    record = store.run(run)
    if record.flow != "dream":
        raise StoreError(f"run {run} is a {record.flow}, no dream: `dreamsweep runs` lists them")
    summary: dict[str, Any] = record.summary
    files: dict[str, list[str]] = summary.get("files") or {}
    made = {title: store.record(result.record) for title, result in record.units.items()}
    pictures = [
        DreamSummary(
            title=title,
            how=record.units[title].how,
            record=one.key,
            png=str(store.path(one.output("picture").digest)),
            gain=gain_of(one),
            files=files.get(title, []),
        )
        for title, one in made.items()
        if one.task == DREAM.task and title not in record.failures
    ]
    extras = [
        ExtraSummary(title=title, record=one.key, files=files[title])
        for title, one in made.items()
        if one.task != DREAM.task and title in files
    ]
    return DreamsSummary(
        run=run,
        state=record.state,
        model=summary.get("model"),
        objective=summary.get("objective"),
        mode=summary.get("mode"),
        out=summary.get("out"),
        dreams=summary.get("dreams"),
        computed=summary.get("computed"),
        reused=summary.get("reused"),
        left=summary.get("left"),
        passed_over=summary.get("passed_over") or [],
        seconds=summary.get("seconds"),
        pictures=sorted(pictures, key=lambda picture: picture["title"]),
        extras=extras,
        failures=dict(record.failures),
    )
