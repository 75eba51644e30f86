"""Charts as SVG inside a page: drawn by the style sheet in light and dark, and readable as a table without eyes.

Nothing here needs a script, and colours are classes: a page that allows no styles of its own shows them too. Lines
differ in their dashes as well as in their colours.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from statistics import median
from typing import Any

from markupsafe import Markup, escape

from lib.words import count, labels, number, percent

_WIDE, _HIGH = 440, 190  # of a chart, in its own units; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 24, 26
_STROKES = 4  # kinds of lines that the style sheet knows
_ROW = 24  # of a class in a histogram
_NAMES = 76  # room for the classes' names
_ABOVE = 6
_SHARES = 46  # and for what does not respond at all
_MOST_CLASSES = 12
_TITLES = 204  # room for the names of shares
_BIN = 0.05  # of shares
_ROUNDED = 1e-5  # by so much a share is off at most
_BEYOND = 1.25  # to which an axis goes of shares that are not all below 1
_ROWS_OF_TABLE = 12
_LEAST_SHARE = 1e-3  # from one end to the other of an axis in percent: labels with more decimals would not fit

Values = Sequence[float | None]


def lines(
    title: str,
    series: Mapping[str, Values],
    *,
    across: str,
    up: str,
    first: int = 0,
    share: bool = False,
    floor: float | None = None,
) -> Markup:
    """Curves over steps, epochs or the like.

    Args:
        title: what the chart shows, in a sentence.
        series: values by the name of their line; None where there is none.
        across, up: what the axes are.
        first: the number of the first value.
        share: values are shares, written in percent.
        floor: where the axis begins; by default a little below the least value.
    """
    known = [value for values in series.values() for value in values if value is not None and math.isfinite(value)]
    longest = max((len(values) for values in series.values()), default=0)
    if not known or longest == 0:
        return Markup("")
    bounds = min(known) if floor is None else min(floor, *known), max(known)
    ticks = _ticks(*(_spread(*bounds) if share else bounds))
    low, high = ticks[0], ticks[-1]
    wide, high_px = _WIDE - _LEFT - _RIGHT, _HIGH - _TOP - _BOTTOM
    step = wide / max(1, longest - 1)
    scale = high_px / ((high - low) or 1)
    said = percent if share else number
    parts = [f'<text x="0" y="10">{escape(up)}</text>']
    for tick, label in zip(ticks, labels(ticks, share=share), strict=True):
        at = _TOP + (high - tick) * scale
        parts.append(f'<path class="axis" d="M{_LEFT} {at:.1f}H{_WIDE - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    for at in sorted({0, (longest - 1) // 2, longest - 1}):
        anchor = "start" if at == 0 else "end" if at == longest - 1 else "middle"
        name = f"{across} {first + at}" if at == 0 else str(first + at)
        parts.append(f'<text x="{_LEFT + at * step:.1f}" y="{_HIGH - 8}" text-anchor="{anchor}">{escape(name)}</text>')
    for place, values in enumerate(series.values()):
        parts.append(f'<path class="line s{place % _STROKES + 1}" d="{_path(values, step, scale, high)}"/>')
    ends = "; ".join(f"{name}: {said(_first(values))} to {said(_last(values))}" for name, values in series.items())
    svg = _svg(_WIDE, _HIGH, title, ends, "".join(parts))
    return Markup(f"{svg}{_key(list(series)) if len(series) > 1 else ''}{_table_of(series, across, first, said)}")


def histogram(
    title: str,
    counts: Sequence[Sequence[int]],
    edges: Sequence[float],
    classes: Sequence[str],
    images: Sequence[int],
    silent: Sequence[int],
    means: Values,
) -> Markup:
    """How often a unit responds how strongly, a row a class, the strongest first; of many classes the first dozen.

    Args:
        counts: [rows, bins], of the images that it responds to at all; one row where it is for all classes together.
        edges: of the bins, [bins + 1].
        classes: the rows' names.
        images, silent: how many images a row has, and to how many of them the response is exactly 0.
        means: the mean response of each.
    """
    quiet = [count / whole if whole else None for count, whole in zip(silent, images, strict=True)]
    order = sorted(range(len(counts)), key=lambda row: (-(means[row] or 0.0), row))
    shown = order[:_MOST_CLASSES]
    used = [at for at, column in enumerate(zip(*counts, strict=True)) if any(column)]
    first, last = (used[0], used[-1] + 1) if used else (0, len(edges) - 1)
    wide = _WIDE - _NAMES - _SHARES
    step = wide / max(1, last - first)
    high = _ABOVE + _ROW * len(shown)
    parts = []
    for line, row in enumerate(shown):
        base = _ABOVE + _ROW * (line + 1) - 4
        parts.append(f'<path class="axis" d="M{_NAMES} {base}h{wide}"/>')
        parts.append(_hill(_NAMES, base, step, counts[row][first:last]))
        parts.append(f'<text class="name" x="{_NAMES - 8}" y="{base}" text-anchor="end">{_short(classes[row])}</text>')
        parts.append(f'<text x="{_WIDE}" y="{base}" text-anchor="end">{escape(percent(quiet[row], 0))}</text>')
        mean = means[row]
        if mean is not None and edges[first] <= mean <= edges[last]:
            at = _NAMES + wide * (mean - edges[first]) / ((edges[last] - edges[first]) or 1)
            parts.append(f'<path class="mean" d="M{at:.1f} {base - _ROW + 7}V{base}"/>')
    for at, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        value = edges[first] + at * (edges[last] - edges[first])
        parts.append(
            f'<text x="{_NAMES + at * wide:.1f}" y="{high + 14}" text-anchor="{anchor}">{number(value)}</text>'
        )
    parts.append(f'<text x="{_WIDE}" y="{high + 14}" text-anchor="end">at 0</text>')
    best = shown[0] if shown else None
    said = f"strongest on average for {classes[best]}, {number(means[best])}" if best is not None else ""
    rows = [
        (escape(classes[row]), count(images[row]), number(means[row]), escape(percent(quiet[row]))) for row in order
    ]
    heads = ("class", "images", "mean response", "responses of 0")
    return Markup(_svg(_WIDE, high + 20, title, said, "".join(parts)) + _table(heads, rows))


def spreads(title: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """How several shares spread over many units, a row each, in bins of 5 %; the outermost hold what lies beyond.

    Args:
        title: what the chart shows, in a sentence.
        rows: of each its `title`, `shares`, None where a unit has none, and `data`, where a line is drawn, or None.
    """
    known = [sorted(share for share in row["shares"] if share is not None) for row in rows]
    bins = round((_BEYOND if any(shares and shares[-1] > 1 + _ROUNDED for shares in known) else 1) / _BIN)
    wide, high = _WIDE - _TITLES - _SHARES, _ABOVE + _ROW * len(rows)
    step = wide / bins
    parts, cells, said = [], [], []
    for line, (row, shares) in enumerate(zip(rows, known, strict=True)):
        base = _ABOVE + _ROW * (line + 1) - 4
        counts = [0] * bins
        for share in shares:
            counts[min(max(int((share + _ROUNDED) / _BIN), 0), bins - 1)] += 1
        middle, data = median(shares) if shares else None, row["data"]
        parts.append(f'<path class="axis" d="M{_TITLES} {base}h{wide}"/>')
        parts.append(_hill(_TITLES, base, step, counts))
        name = escape(row["title"])
        parts.append(f'<text class="name" x="{_TITLES - 8}" y="{base}" text-anchor="end">{name}</text>')
        parts.append(f'<text x="{_WIDE}" y="{base}" text-anchor="end">{escape(percent(middle, 0))}</text>')
        if data is not None:
            at = _TITLES + step * min(max(data / _BIN, 0), bins)
            parts.append(f'<path class="mean" d="M{at:.1f} {base - _ROW + 7}V{base}"/>')
        ends = (shares[0], middle, shares[-1]) if shares else (None, None, None)
        cells.append((name, count(len(shares)), *(escape(percent(end, 0)) for end in (*ends, data))))
        said.append(f"{row['title']}: {percent(middle, 0)}")
    for at, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "middle" if bins * _BIN > 1 else "end")):
        place = f'x="{_TITLES + at / _BIN * step:.1f}" y="{high + 14}" text-anchor="{anchor}"'
        parts.append(f"<text {place}>{percent(at, 0)}</text>")
    parts.append(f'<text x="{_WIDE}" y="{high + 14}" text-anchor="end">median</text>')
    heads = ("share", "units", "least", "median", "most", "data set")
    return Markup(_svg(_WIDE, high + 20, title, "; ".join(said), "".join(parts)) + _table(heads, cells))


def stack(shape: Sequence[int | None] | None, largest: int) -> Markup:
    """A layer as a drawing: as many sheets as it has maps (by the logarithm), as large as its maps; nodes as a column.

    `largest` is the longest side of any map of the network. Decoration: what it says stands beside it in words.
    """
    wide, high = 84, 64
    parts = []
    if shape and len(shape) >= 3:
        side = 12 + 34 * math.sqrt(min(1.0, max(shape[0] or largest, shape[1] or largest) / max(1, largest)))
        sheets = 1 + round(math.log2(max(1, shape[-1] or 1)))
        apart = min(4.0, (wide - 6 - side) / max(1, sheets - 1), (high - 6 - side) / max(1, sheets - 1) * 2)
        left = (wide - side - apart * (sheets - 1)) / 2
        top = (high - side - apart / 2 * (sheets - 1)) / 2
        for sheet in range(sheets):
            at = sheets - 1 - sheet
            x, y = left + apart * at, top + apart / 2 * sheet
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" rx="1.5"/>')
    else:
        nodes = (shape[-1] if shape else None) or 1
        cells = min(10, 1 + round(1.4 * math.log2(max(1, nodes))))
        tall = 5.4 * cells
        for cell in range(cells):
            y = (high - tall) / 2 + 5.4 * cell
            parts.append(f'<rect x="{wide / 2 - 5:.1f}" y="{y:.1f}" width="10" height="4.4"/>')
    return Markup(f'<svg class="stack" viewBox="0 0 {wide} {high}" aria-hidden="true">{"".join(parts)}</svg>')


def shares(counts: Mapping[str, int]) -> Markup:
    """Shares of verdicts as one bar; decoration, the numbers stand beside it."""
    whole = sum(counts.values())
    parts, at = [], 0.0
    for word, many in counts.items():
        if many:
            parts.append(f'<rect class="{escape(word)}" x="{at:.3f}" width="{100 * many / whole:.3f}" height="6"/>')
            at += 100 * many / whole
    return Markup(
        f'<svg class="shares" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _svg(wide: float, high: float, title: str, said: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(title)}. {escape(said)}">'
        f"<title>{escape(title)}</title><desc>{escape(said)}</desc>{content}</svg>"
    )


def _hill(left: float, base: float, step: float, counts: Sequence[int]) -> str:
    """Counts side by side on a line, the highest as high as a row has room for."""
    most = max(counts, default=0) or 1
    tops = [base - (_ROW - 7) * count / most for count in counts]
    steps = (f"V%.1fh{step:.2f}" * len(tops)) % tuple(tops)
    return f'<path class="hill" d="M{left} {base}{steps}V{base}Z"/>'


def _path(values: Values, step: float, scale: float, high: float) -> str:
    """The way of the pen; it goes straight over what is not known."""
    places = [at for at, value in enumerate(values) if value is not None and math.isfinite(value)]
    heights = tuple([_TOP + (high - value) * scale for at in places if (value := values[at]) is not None])
    return _points(tuple(places), step) % heights


@lru_cache(maxsize=16)  # curves of one length go over the same places, and numbers take long to be written
def _points(places: tuple[int, ...], step: float) -> str:
    """A path over these places, whose heights are to be filled in."""
    return f"M{'L'.join([f'{_LEFT + at * step:.1f} %.1f' for at in places])}"


def _spread(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis of shares, far enough apart for labels that fit."""
    if high - low >= _LEAST_SHARE:
        return low, high
    low = min(max(0.0, (low + high - _LEAST_SHARE) / 2), 1 - _LEAST_SHARE)
    return low, low + _LEAST_SHARE


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers, the first not above `low`, the last not below `high`."""
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300):  # as good as equal
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    raw = high / 4 - low / 4  # the difference of two very large numbers would overflow
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(at * step, 12) for at in range(begin, end + 1)]


def _key(names: Sequence[str]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 28 8" aria-hidden="true"><path class="line s{place % _STROKES + 1}" d="M0 4H28"/></svg>'
        f"{escape(name)}</li>"
        for place, name in enumerate(names)
    )
    return f'<ul class="key">{items}</ul>'


def _table_of(series: Mapping[str, Values], across: str, first: int, said: Callable[[float | None], str]) -> str:
    longest = max(len(values) for values in series.values())
    every = -(-longest // _ROWS_OF_TABLE)
    places = [*range(0, longest - 1, every), longest - 1]
    # only shares ("<1 %") have characters that must be escaped
    shown = said if said is number else lambda value: escape(said(value))
    rows = [
        (str(first + at), *[shown(values[at]) if at < len(values) else "" for values in series.values()])
        for at in places
    ]
    return _table((across, *series), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of what needs no escape any more: cells are mostly numbers, and there are many."""
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in heads)
    body = "".join([f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows])
    return (
        "<details class=fold><summary>The numbers</summary><div class=scroll tabindex=0 role=group "
        f'aria-label="The numbers"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def _first(values: Values) -> float | None:
    return next((value for value in values if value is not None), None)


def _last(values: Values) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _short(name: str) -> Markup:
    return escape(name if len(name) <= 11 else f"{name[:10]}…")


DRAWN: dict[str, Callable[..., Markup]] = {
    "lines": lines,
    "histogram_of": histogram,
    "spreads": spreads,
    "stack": stack,
    "shares": shares,
}
"""What templates call, by name."""
