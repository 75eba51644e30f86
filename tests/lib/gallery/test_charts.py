"""Charts: what is drawn is where its value is, and can be read without seeing it."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.gallery.charts import histogram, lines, shares, spreads, stack

NUMBERS = st.integers(-(10**6), 10**6).map(lambda number: number / 64)
VALUES = st.lists(st.one_of(st.none(), NUMBERS), min_size=2, max_size=40).filter(
    lambda values: any(value is not None for value in values)
)


def points(svg: str, kind: str) -> list[tuple[float, float]]:
    (path,) = re.findall(rf'<path class="line {kind}" d="M([^"]*)"', svg.split("</svg>")[0])
    return [tuple(map(float, point.split())) for point in path.split("L")]  # type: ignore[misc]


@given(VALUES)
def test_a_line_has_a_point_for_each_value_and_greater_ones_are_higher(values: list[float | None]) -> None:
    known = np.array([value for value in values if value is not None])
    drawn = points(lines("curve", {"one": values}, across="step", up="response"), "s1")
    assert len(drawn) == len(known)
    heights = np.array([y for _, y in drawn])
    # in proportion, to a tenth of a pixel
    if (spread := known.max() - known.min()) > 0:
        rise = heights[known.argmin()] - heights[known.argmax()]
        assert rise > 0
        np.testing.assert_allclose(heights[known.argmin()] - heights, rise * (known - known.min()) / spread, atol=0.21)
    assert ((heights >= 20) & (heights <= 170)).all()
    assert [x for x, _ in drawn] == sorted(x for x, _ in drawn)


def test_a_chart_says_in_words_and_in_a_table_what_it_shows() -> None:
    made = lines(
        "Accuracy", {"training": [0.5, 0.75], "test": [0.4, 0.7]}, across="epoch", up="share", first=1, share=True
    )
    assert 'role="img" aria-label="Accuracy. training: 50.00 % to 75.00 %; test: 40.00 % to 70.00 %"' in made
    assert "<th scope=col>epoch</th><th scope=col>training</th><th scope=col>test</th>" in made
    assert "<tr><td>2</td><td>75.00 %</td><td>70.00 %</td></tr>" in made


def test_a_long_curve_has_a_short_table_with_its_last_value() -> None:
    made = lines("Curve", {"one": [float(step) for step in range(1000)]}, across="step", up="response")
    assert made.count("<tr>") <= 14
    assert "<td>999</td><td>999</td>" in made


@pytest.mark.parametrize("values", [[0.0, 5e-324], [1e308, -1e308], [1.0, 1.0 + 1e-16], [0.0, 0.0], [1e-12, 3e-12]])
def test_values_of_any_size_have_a_chart(values: list[float]) -> None:
    assert "nan" not in lines("Curve", {"one": values}, across="step", up="response").split("<desc>")[0]


def test_nothing_known_is_no_chart() -> None:
    assert lines("Curve", {"one": [None, float("nan")]}, across="step", up="response") == ""
    assert lines("Curve", {}, across="step", up="response") == ""


def test_names_from_a_model_are_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    made = lines(evil, {evil: [0.0, 1.0], "b": [1.0]}, across=evil, up=evil)
    made += histogram(evil, [[1, 2]], [0.0, 1.0, 2.0], [evil], [5], [2], [1.0])
    made += shares({evil: 3})
    made += spreads(evil, [{"title": evil, "shares": [0.5], "data": None}])
    assert "<script" not in made
    assert 'label="">' not in made


def rows_of(svg: str) -> list[str]:
    return re.findall(r'<text class="name"[^>]*>([^<]*)</text>', svg)


def test_classes_stand_in_the_order_of_their_mean_responses() -> None:
    counts = [[1, 0, 0], [0, 0, 9], [0, 5, 0]]
    made = histogram("Responses", counts, [0, 1, 2, 3], ["a", "b", "c"], [10, 10, 0], [9, 1, 0], [0.5, 2.5, 1.5])
    assert rows_of(made) == ["b", "c", "a"]
    assert ">90 %</text>" in made  # of class a, nine of ten give no response
    assert "strongest on average for b, 2.50" in made


def test_a_bin_is_as_high_as_its_share_of_the_classs_fullest() -> None:
    made = histogram("Responses", [[4, 0, 2, 4]], [0, 1, 2, 3, 4], ["a"], [10], [0], [2.0])
    (hill,) = re.findall(r'<path class="hill" d="M\S+ (\S+?)V([^"]*)V', made)
    base, tops = float(hill[0]), [float(part.split("h")[0]) for part in hill[1].split("V")]
    heights = [base - top for top in tops]
    np.testing.assert_allclose(np.divide(heights, heights[0]), [1, 0, 0.5, 1])


def test_of_many_classes_a_dozen_are_drawn_and_all_are_in_the_table() -> None:
    count = 40
    names = [f"class {number}" for number in range(count)]
    made = histogram("R", [[1]] * count, [0, 1], names, [1] * count, [0] * count, list(np.linspace(0, 1, count)))
    assert len(rows_of(made)) == 12
    assert made.count("<tr>") == count + 1


@pytest.mark.parametrize("shape", [None, (10,), (1,), (26, 26, 32), (None, None, 2048), (1, 1, 1), (3, 300, 4)])
def test_a_layer_of_any_shape_fits_its_drawing(shape: tuple[int | None, ...] | None) -> None:
    drawn = re.findall(r'x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"', stack(shape, 300))
    assert drawn
    for x, y, width, height in (map(float, rectangle) for rectangle in drawn):
        assert x >= 0
        assert y >= 0
        assert x + width <= 84.1
        assert y + height <= 64.1


def test_the_bar_of_verdicts_is_filled_by_their_shares() -> None:
    widths = re.findall(
        r'class="(\w+)" x="([\d.]+)" width="([\d.]+)"', shares({"responded": 3, "dead": 0, "failed": 1})
    )
    assert widths == [("responded", "0.000", "75.000"), ("failed", "75.000", "25.000")]


def test_shares_are_counted_in_bins_of_a_twentieth_and_what_lies_beyond_is_in_the_outermost() -> None:
    found = [-0.5, 0.0, 0.049, 0.5, 0.999, 1.0, 2.0, None]
    made = spreads("Kept", [{"title": "kept", "shares": found, "data": None}])
    (hill,) = re.findall(r'<path class="hill" d="M\S+ (\S+?)V([^"]*)V', made)
    base, tops = float(hill[0]), [float(part.split("h")[0]) for part in hill[1].split("V")]
    counts = np.zeros(25)  # to 125 %
    counts[[0, 10, 19, 20, 24]] = [3, 1, 1, 1, 1]
    np.testing.assert_allclose(np.subtract(base, tops) / (base - tops[0]) * 3, counts, atol=0.02)
    assert "<td>kept</td><td>7</td><td>−50 %</td><td>50 %</td><td>200 %</td><td>–</td>" in made
    assert ">50 %</text>" in made.split("</svg>")[0]


def test_of_shares_up_to_all_the_axis_ends_there_and_the_data_sets_is_a_line() -> None:
    rows = [
        {"title": "fine detail", "shares": [0.25, 1.000001], "data": 0.5},
        {"title": "nothing", "shares": [None], "data": None},
    ]
    made = spreads("How good", rows)
    (line,) = re.findall(r'<path class="mean" d="M(\S+) ', made)
    (axis, _) = re.findall(r'<path class="axis" d="M(\S+) \S+h(\S+)"', made)
    assert float(line) == pytest.approx(float(axis[0]) + float(axis[1]) / 2, abs=0.1)
    assert "fine detail: 63 %; nothing: –" in made
    assert rows_of(made) == ["fine detail", "nothing"]
