"""Numbers, times and parameters as people read them: the templates' filters."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

_SIZES = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def number(value: float | None, digits: int = 3) -> str:
    """A number in so many significant digits; a dash where there is none."""
    if value is None:
        return "–"
    # with the zeros in the end, so that columns of numbers have one length
    return f"{value:#.{digits}g}".removesuffix(".").replace("-", "−")


def count(value: int) -> str:
    """A whole number, with its thousands apart."""
    return f"{value:,}"


def percent(value: float | None, digits: int = 2) -> str:
    """A share in percent; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def moment(stamp: str | None) -> str:
    """A time of the store (ISO 8601), to the minute, in UTC: a page is the same wherever it is made."""
    return f"{datetime.fromisoformat(stamp):%Y-%m-%d %H:%M} UTC" if stamp else "–"


def size(value: int) -> str:
    """Bytes, as "512 bytes" or "3.4 kB"."""
    for name, factor in _SIZES:
        if value >= factor:
            return f"{value / factor:.3g} {name}"
    return f"{value} bytes"


def duration(seconds: float | None) -> str:
    """As "42 s", "3 min 12 s" or "2 h 5 min"; a dash where it is not known."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def parameter(value: Any) -> str:
    """A parameter as people write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, list | tuple) for item in value):
            return "; ".join(", ".join(map(parameter, item)) for item in value)
        return ", ".join(map(parameter, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {parameter(item)}" for name, item in value.items()) or "none"
    return str(value)


def space_out(name: str) -> str:
    """A parameter's name in words."""
    return name.replace("_", " ")


def shape(lengths: list[int | None] | None) -> str:
    """As "26 × 26 × 32"; what a network leaves free is "any"."""
    return " × ".join("any" if length is None else str(length) for length in lengths) if lengths else ""


def plural(many: int, one: str, more: str | None = None) -> str:
    """As "1 map", "32 maps"."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "count": count,
    "percent": percent,
    "moment": moment,
    "size": size,
    "duration": duration,
    "parameter": parameter,
    "spaced": space_out,
    "shape": shape,
    "plural": plural,
}
