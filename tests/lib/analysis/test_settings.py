"""How an analysis is asked for."""

import pytest

from lib.analysis.settings import AnalysisSettings
from lib.errors import BadInput


def test_a_pair_is_two_classes_by_their_names() -> None:
    assert AnalysisSettings().named_pair is None
    assert AnalysisSettings(pair="4, 9").named_pair == ("4", "9")
    assert AnalysisSettings(pair="T-shirt/top,Shirt").named_pair == ("T-shirt/top", "Shirt")


@pytest.mark.parametrize("pair", ["4", "4,", ",9", "4,4", "4,9,7"])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(BadInput, match="two classes, as 4,9"):
        AnalysisSettings(pair=pair)


def test_a_threshold_is_a_share() -> None:
    for threshold in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(BadInput, match="threshold"):
            AnalysisSettings(threshold=threshold)
