"""What people call things: a line for a record, a digest's beginning, a time, a size, a duration."""

from datetime import UTC, datetime
from typing import Any

from storage.record import Record

_SIZES = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
DIGITS = 12  # of a digest, where nothing is decided by it


def title(record: Record) -> str:
    """A record in a few words, as "Conv2D_2/17" or "data set digits"."""
    parameters: dict[str, Any] = record.parameters
    match record.task:
        case "oip":
            return str(parameters.get("unit", "oip"))
        case "layer":
            return f"contact sheet of {parameters.get('layer', '?')}"
        case "exemplars" | "responses" | "weights" | "negatives":
            return f"{record.task} of {parameters.get('layer', '?')}"
        case "data":
            return f"data set {parameters.get('data', '?')}"
        case "epoch":
            return f"epoch {parameters.get('epoch', '?')} of the training"
        case "model":
            return "trained model"
        case "register":
            return f"model from the file {parameters.get('file', '?')}"
        case "dream":
            return f"dream {attributes(record).get('title', '?')}"
        case "original":
            return "file as it was given"
        case "animation":
            return f"animation of {attributes(record).get('title', '?')}"
        case "predictions" | "activations" | "tensors" | "fcps" | "linear" | "attribution":
            return str(attributes(record).get("title", record.task))
        case "tour":
            return f"map tour {attributes(record).get('title', '?')}"
    return record.task


def outcome(record: Record) -> str:
    """What came of it, in a few words; empty where there is nothing to say."""
    about = attributes(record)
    if "verdict" in about:
        return " ".join(filter(None, [str(about["verdict"]), response(about.get("response"), about["response_ratio"])]))
    if "test_accuracy" in about:
        return f"{percent(about['test_accuracy'])} on the test set"
    return ""


def attributes(record: Record) -> dict[str, Any]:
    """What the outputs of a record say of themselves, together."""
    found: dict[str, Any] = {"response_ratio": None}
    for output in record.outputs:
        found |= output.attributes
    return found


def response(value: Any, ratio: Any = None) -> str:
    """A response, and how many times that of the best exemplar it is."""
    if not isinstance(value, int | float):
        return ""
    return f"{value:.4g}" + (f", {ratio:.3g} × its best exemplar" if isinstance(ratio, int | float) else "")


def percent(value: Any) -> str:
    """A share in percent with two decimals; empty for what is no number."""
    return f"{100 * value:.2f} %" if isinstance(value, int | float) else ""


def short(digest: str) -> str:
    """The beginning of a digest, long enough for every command to find it."""
    return digest[:DIGITS]


def short_key(key: str) -> str:
    """The beginning of a record's key, long enough for every command to find it."""
    recipe, _, execution = key.partition("/")
    return f"{short(recipe)}/{execution[:8]}"


def when(stamp: str | None) -> str:
    """A time of the store (ISO 8601) to the second, in this machine's time zone."""
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S") if stamp else ""


def stamp_of(seconds: float) -> str:
    """Seconds since 1970 as the store writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def seconds_between(started: str, ended: str) -> float:
    """Seconds between two times of the store."""
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def duration(seconds: float) -> str:
    """As "0.4 s", "42 s", "3 min 12 s" or "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def size(count: int) -> str:
    """Bytes as "512 bytes", "3.4 kB" or "1.2 GB"."""
    if count < 1000:
        return f"{count} bytes"
    unit, factor = next((unit, factor) for unit, factor in _SIZES if count >= factor)
    return f"{count / factor:.3g} {unit}"


def number_of(count: int, one: str, many: str | None = None) -> str:
    """As "1 blob", "2 blobs"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def value(of: Any) -> str:
    """A parameter as people write it."""
    if of is None:
        return "none"
    if isinstance(of, bool):
        return "yes" if of else "no"
    if isinstance(of, float):
        return f"{of:g}"
    if isinstance(of, list | tuple):
        if of and all(isinstance(item, list | tuple) for item in of):
            return " ".join(",".join(map(value, item)) for item in of)
        return ", ".join(value(item) for item in of) or "none"
    if isinstance(of, dict):
        return ", ".join(f"{name} {value(item)}" for name, item in of.items()) or "none"
    return str(of)
