"""Numbers, times and parameters as people read them, everywhere: the pages' filters, the commands, the reports.

A number that is not known, or not finite, is a dash. Numbers are rounded, never cut, and rounding never shows what a
person would not write: no 60 s, no 1,000 kB, no exponent in a size or a share.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

UNKNOWN = "–"

_MINUS = "−"
_SIZES = ("kB", "MB", "GB", "TB", "PB")
_PLAIN = range(-5, 6)  # powers of ten for which numbers are written out
_DECIMALS = 6  # at most, of an axis


def number(value: float | None, digits: int = 3) -> str:
    """A number in so many significant digits, as "3.60" or "1.23e7"; all digits before the point are there up to 10^6.

    Zeros in the end stay, so that columns of numbers have one length.
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    shown = f"{abs(value):.{digits - 1}e}"
    if (power := int(shown.partition("e")[2])) in _PLAIN:
        return _signed(value, f"{abs(value):,.{max(0, digits - 1 - power)}f}")
    return _signed(value, _with_exponent(shown))


def count(value: int) -> str:
    """A whole number, with its thousands apart."""
    return f"{value:,}".replace("-", _MINUS)


def plural(many: int, one: str, more: str | None = None) -> str:
    """As "1 map", "32 maps"."""
    return f"{count(many)} {one if many == 1 else more or one + 's'}"


def percent(value: float | None, digits: int = 2, *, unknown: str = UNKNOWN) -> str:
    """A share in percent with so many decimals; one that is above 0 and rounds to 0 is "<0.01 %"."""
    if value is None or not math.isfinite(value):
        return unknown
    shown = f"{abs(100 * Decimal(float(value))):,.{digits}f}"  # which no share is too great for
    if value > 0 and not float(shown.replace(",", "")):
        return f"<{10.0**-digits:.{digits}f} %"
    return f"{_signed(value, shown)} %"


def accuracy(value: float | None, interval: Sequence[float | None] | None, *, unknown: str = UNKNOWN) -> str:
    """An accuracy with its interval, where there is one, as "92.50 % (91.2 to 93.6 %)"."""
    shown = percent(value, unknown=unknown)
    if interval is None or None in interval or value is None or not math.isfinite(value):
        return shown
    low, high = (percent(end, 1) for end in interval)
    return f"{shown} ({low.removesuffix(' %')} to {high})"


def labels(ticks: Sequence[float], *, share: bool = False) -> list[str]:
    """The ticks of an axis, rising; `share` in percent: with as many decimals as tell them apart, and no more."""
    shown = [100 * tick if share else tick for tick in ticks]
    apart = min((after - before for before, after in pairwise(shown)), default=1.0)
    wide = max(map(abs, shown), default=0.0)
    if not share and not 1e-4 <= apart <= wide < 1e5:  # they would be longer than a chart has room for
        return [_with_exponent(f"{tick:g}") for tick in ticks]
    rounded = (digits for digits in range(_DECIMALS) if all(abs(round(at, digits) - at) <= apart / 100 for at in shown))
    digits = next(rounded, _DECIMALS)
    return [_signed(at, f"{abs(at):,.{digits}f}") + (" %" if share else "") for at in shown]


def moment(stamp: str | None) -> str:
    """A time of the store (ISO 8601), to the minute, in UTC: a page is the same wherever it is made."""
    return f"{datetime.fromisoformat(stamp):%Y-%m-%d %H:%M} UTC" if stamp else UNKNOWN


def local_moment(stamp: str | None) -> str:
    """A time of the store (ISO 8601), to the second, in this machine's time zone; empty where there is none."""
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M:%S}" if stamp else ""


def size(value: float | None) -> str:
    """Bytes, as "512 bytes", "3.4 kB" or "1.23 GB"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    whole = round(abs(value))
    if whole < 1000:
        return _signed(value, f"{whole} byte{'' if whole == 1 else 's'}")
    scaled, at = whole / 1000, 0
    while scaled >= 999.5 and at + 1 < len(_SIZES):
        scaled, at = scaled / 1000, at + 1
    shown = f"{scaled:,.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}"
    return _signed(value, f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown} {_SIZES[at]}")


def seconds_between(started: str, ended: str) -> float:
    """Seconds between two times of the store."""
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def duration(seconds: float | None) -> str:
    """As "0.4 s", "42 s", "3 min 12 s" or "2 h 5 min"; a part that is 0 is left out."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if abs(seconds) < 9.95:
        return _signed(seconds, f"{abs(seconds):.1f} s")
    whole = round(abs(seconds))
    if whole < 3600:
        return _signed(seconds, _parts((whole // 60, "min"), (whole % 60, "s")))
    minutes = round(abs(seconds) / 60)
    return _signed(seconds, _parts((minutes // 60, "h"), (minutes % 60, "min")))


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
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {parameter(item)}" for name, item in value.items()) or "none"
    return str(value)


def space_out(name: str) -> str:
    """A parameter's name in words."""
    return name.replace("_", " ")


def shape(lengths: list[int | None] | None) -> str:
    """As "26 × 26 × 32"; what a network leaves free is "any"."""
    return " × ".join("any" if length is None else str(length) for length in lengths) if lengths else ""


def in_order(name: str) -> list[tuple[str, int]]:
    """A key to sort names by, so that number 10 comes after number 2."""
    return [(words, int(number or 0)) for words, number in re.findall(r"(\D*)(\d*)", name)]


def _signed(value: float, shown: str) -> str:
    """`shown`, with a minus where `value` is negative and what is shown is not 0."""
    return _MINUS + shown if value < 0 and any(digit in shown for digit in "123456789") else shown


def _with_exponent(shown: str) -> str:
    """As "1.5e−7" what Python writes as "1.5e-07"."""
    mantissa, _, power = shown.partition("e")
    return (f"{mantissa}e{int(power)}" if power else mantissa).replace("-", _MINUS)


def _parts(*parts: tuple[int, str]) -> str:
    return " ".join(f"{amount:,} {name}" for amount, name in parts if amount)


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "count": count,
    "percent": percent,
    "accuracy": accuracy,
    "moment": moment,
    "size": size,
    "duration": duration,
    "parameter": parameter,
    "spaced": space_out,
    "shape": shape,
    "plural": plural,
}
