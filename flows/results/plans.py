"""What a sweep will take, as it is told: a table in words, in JSON, and as an artifact in Prefect's UI."""

from typing import TypedDict

from lib.oips.growth import QualityName
from lib.words import count, duration, plural, size
from tasks.sweep.estimate import Estimate
from tasks.sweep.timing import Timings


class QualityPlan(TypedDict):
    """What it takes to have all maps at a quality. `missing`: maps that are not there yet; `seconds`: by the clock."""

    quality: QualityName
    missing: int
    seconds: float
    cpu_seconds: float
    bytes: int


class PlanSummary(TypedDict):
    """What a sweep takes on this machine.

    `images`: how many layers have images of each size, as "128x128" for height and width. `quality`: that is asked for;
    `qualities`: what each takes, the cheapest first; `memory`: bytes that the process
    needs at least at this `batch`. `time`: seconds that the sweep has, None without a deadline, and `fits`: how many
    maps each pass makes in them, by quality. `timed`: the layers that were timed, and `timed_now`: those of them just
    now.
    """

    model: str
    style: str
    maps: int
    layers: int
    images: dict[str, int]
    batch: int
    quality: QualityName
    qualities: list[QualityPlan]
    memory: int
    time: float | None
    fits: dict[QualityName, int] | None
    timed: list[str]
    timed_now: list[str]


def quality_plan(quality: QualityName, estimate: Estimate) -> QualityPlan:
    """Of one quality."""
    cost = estimate.cost
    return QualityPlan(
        quality=quality,
        missing=cost.missing,
        seconds=round(cost.wall, 1),
        cpu_seconds=round(cost.cpu, 1),
        bytes=round(cost.size),
    )


def memory_of(timings: Timings) -> int:
    """Bytes that the process needs for the layer that needs most."""
    return max(timing.memory for timing in timings.layers.values())


def asked(plan: PlanSummary) -> QualityPlan:
    """What the quality that is asked for takes."""
    return next(one for one in plan["qualities"] if one["quality"] == plan["quality"])


def plan_line(plan: PlanSummary) -> str:
    """In one line, as a sweep says it when it begins."""
    one = asked(plan)
    said = f"{plural(one['missing'], 'map')} in {plan['quality']} quality: about {about(one['seconds'])}"
    line = f"{said} and {size(one['bytes'])} on this machine"
    return f"{line}; {fits_line(plan)}" if plan["fits"] is not None else line


def fits_line(plan: PlanSummary) -> str:
    """What is made in the time that there is."""
    fits, time = plan["fits"], plan["time"]
    if fits is None or time is None:
        return ""
    made = [f"{count(maps)} in {quality} quality" for quality, maps in fits.items() if maps]
    return f"in {about(time)} there is time for {' and '.join(made) or 'none of them'}"


def shorter(plan: PlanSummary) -> str:
    """What would take less, in words; empty where nothing does."""
    one = asked(plan)
    less = [other for other in plan["qualities"] if other["seconds"] < 0.8 * one["seconds"]]
    return "; ".join(f"--quality {other['quality']} takes about {about(other['seconds'])}" for other in less)


def question(plan: PlanSummary) -> str:
    """What is asked before a long sweep."""
    instead = [shorter(plan), "--budget or --finish-by end it earlier, and the next one goes on"]
    return f"This takes about {about(asked(plan)['seconds'])} ({'; '.join(filter(None, instead))}). Begin?"


def about(seconds: float) -> str:
    """A time that is not known exactly: no seconds where there are minutes."""
    if seconds < 100:
        return duration(max(seconds, 1.0) if seconds else 0.0)
    if seconds < 5400:
        return duration(60 * round(seconds / 60))
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{count(round(hours))} h" if hours < 72 else f"{hours / 24:.1f} days"


def plan_rows(plan: PlanSummary) -> list[list[str]]:
    """The table: quality, maps that are missing, time by the clock, CPU time, bytes."""
    return [
        [
            one["quality"] + (" (asked)" if one["quality"] == plan["quality"] else ""),
            count(one["missing"]),
            about(one["seconds"]),
            about(one["cpu_seconds"]),
            size(one["bytes"]),
        ]
        for one in plan["qualities"]
    ]


COLUMNS = ("quality", "maps to make", "time", "CPU time", "on disk")


def plan_notes(plan: PlanSummary) -> list[str]:
    """What else is known, a line each."""
    layers = f"{plural(plan['maps'], 'map')} in {plural(plan['layers'], 'layer')}, style {plan['style']}"
    kept = len(plan["timed"]) - len(plan["timed_now"])
    timed = f"{plural(len(plan['timed']), 'layer')} timed, {kept} of them earlier"
    images = (f"{size} ({plural(number, 'layer')})" for size, number in plan["images"].items())
    return [
        layers,
        f"Images: {', '.join(images)}",
        f"Memory: at least {size(plan['memory'])} at a batch of {plan['batch']} images ({timed})",
        *([fits_line(plan)[:1].upper() + fits_line(plan)[1:]] if plan["fits"] is not None else []),
    ]
