"""Long names in narrow places."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from lib.gallery.breaks import breakable


def test_a_long_name_may_be_broken_between_its_words() -> None:
    assert breakable("block_16_project_BN") == "block_<wbr>16_<wbr>project_<wbr>BN"
    assert breakable("backbone/DepthwiseConv2D") == "backbone/<wbr>Depthwise<wbr>Conv2D"


def test_a_short_name_stays_whole() -> None:
    assert breakable("Conv2D_1") == "Conv2D_1"


@given(st.text(max_size=40))
def test_what_is_read_and_copied_is_the_name_and_nothing_of_it_is_html(name: str) -> None:
    without = breakable(name).replace("<wbr>", "")
    assert not re.search("[<>]", without)
    assert html.unescape(without) == html.unescape(html.escape(name))
