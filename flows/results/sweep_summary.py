"""What a sweep came to, from the store's records alone: so a run of last week can be summed up too."""

from collections import Counter
from typing import Any

from flows.results.summaries import SweepSummary, UnitSummary
from lib.oips.verdict import VERDICTS
from storage.errors import StoreError
from storage.store import Record, Store
from tasks.sweep.kinds.layer import layer_title
from tasks.sweep.measures import TASKS, LayerMeasures
from tasks.sweep.on_data import OnData, on_data
from tasks.sweep.style_of import quality_of, style_of

COLUMNS = (*VERDICTS, "failed", "left")
"""`left`: not made when the run's time was over."""


def sweep_summary(store: Store, run: str) -> SweepSummary:
    """The summary of a sweep's run, as plain JSON values.

    `run`, `model`, `data`; `warnings`: what whoever trusts the network should know; `verdicts`: {layer: {verdict: how
    many}}; `on_data`: the same of "active" and "never", by whether any image of the data set makes them respond; how
    many units were `computed` and `reused`, and how many are `left`; what else is `waiting` for the next run;
    `checkpoints`: what came of each; `seconds`; `units`: one entry each, in the network's order, with `png` and `npy`
    as paths of verified local files, and how good their pictures are under `measures`; `sheets` and `tensors`: {layer:
    path}; `failures`: {unit: message}. Of a remote store there are no paths: no picture is fetched to sum a sweep up.
    Raises StoreError where there is no such sweep.
    """
    record = store.run(run)
    if record.flow != "oip-sweep":
        raise StoreError(f"run {run} is a {record.flow}, no sweep: `dreamsweep runs` lists them")
    # pairs, because a record's mappings are sorted, and the network's order is to be kept
    layers: dict[str, list[int]] = dict(record.summary.get("layers") or ())  # type: ignore[arg-type]
    verdicts = {layer: dict.fromkeys(COLUMNS, 0) for layer in layers}
    active: dict[str, Counter[OnData]] = {}
    units: list[UnitSummary] = []
    hows = []
    sheets: dict[str, str] = {}
    tensors: dict[str, str] = {}
    told: dict[str, Any] = record.summary
    measured = list(store.read_records(result.record for result in record.units.values() if result.kind in TASKS))
    for layer, indices in layers.items():
        there = [unit for unit in (f"{layer}/{index}" for index in indices) if unit in record.units]
        made = store.read_records(record.units[unit].record for unit in there if unit not in record.failures)
        measures = LayerMeasures(store, [one for one in measured if one.parameters["layer"] == layer])
        for index in indices:
            unit = f"{layer}/{index}"
            result = record.units.get(unit)
            if result is None or unit in record.failures:
                missing = "failed" if unit in record.failures else "left"
                verdicts[layer][missing] += 1
                units.append({"unit": unit, "verdict": missing, "error": record.failures.get(unit)})
                continue
            entry = _unit(store, next(made), measures)
            verdicts[layer][entry["verdict"]] += 1
            if (known := entry["on_data"]) is not None:
                active.setdefault(layer, Counter())[known] += 1
            units.append(entry)
            hows.append(result.how)
        if gathered := record.units.get(layer_title(layer)):
            outputs = {output.role: output.digest for output in store.record(gathered.record).outputs}
            sheets |= _paths(store, {layer: outputs["sheet"]})
            if "tensors" in outputs:
                tensors |= _paths(store, {layer: outputs["tensors"]})
    return SweepSummary(
        run=run,
        model=told.get("model"),
        data=told.get("data"),
        warnings=told.get("warnings", []),
        state=record.state,
        verdicts=verdicts,
        on_data={layer: dict(counts) for layer, counts in active.items()},
        computed=hows.count("computed"),
        reused=hows.count("reused"),
        left=sum(counts["left"] for counts in verdicts.values()),
        waiting=told.get("waiting", []),
        checkpoints=told.get("checkpoints", []),
        seconds=told.get("seconds"),
        units=units,
        sheets=sheets,
        tensors=tensors,
        failures=dict(record.failures),
    )


def units_made_before(store: Store, model: str) -> set[str]:
    """The units of which an earlier sweep has pictures, of this model or an older one of the same name.

    A model's name ends in its identity (`model/digits-1de27171`), which training anew changes.
    """
    label = model.rpartition("-")[0]
    return {
        unit
        for run in store.runs()
        if run.flow == "oip-sweep" and str(run.summary.get("model")).rpartition("-")[0] == label
        for unit in run.units
    }


def _paths(store: Store, digests: dict[str, str]) -> dict[str, str]:
    """The paths of these blobs; none of a remote store's, each of which would have to be fetched."""
    if store.files.folder is None:
        return {}
    return {name: str(store.path(digest)) for name, digest in digests.items()}


def _unit(store: Store, record: Record, measures: LayerMeasures) -> UnitSummary:
    oips = record.output("oips")
    about: dict[str, Any] = oips.attributes
    paths = _paths(store, {"png": record.output("picture").digest, "npy": oips.digest})
    summary = UnitSummary(
        unit=about["unit"],
        verdict=about["verdict"],
        on_data=on_data(about),
        response=about["response"],
        pre_activation=about["pre_activation"],
        response_ratio=about["response_ratio"],
        style=style_of(record.parameters, about),
        quality=quality_of(record.parameters),
        constraint=about["constraint"],
        only_one_pattern=about["only_one_pattern"],
        record=record.key,
        oips=[{name: value for name, value in oip.items() if name != "curve"} for oip in about["oips"]],
        exemplars=about["exemplars"],
        exemplar_responses=about["exemplar_responses"],
        measures=measures.of(about["unit"], oips.digest),
    )
    if paths:
        summary["png"], summary["npy"] = paths["png"], paths["npy"]
    return summary
