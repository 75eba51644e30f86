"""How many requests a sweep on an S3 server takes: it asks for nothing that it knows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.flows.tiny import GROWTH, saved, with_weights, write_pictures
from tests.storage.weather import Weather, weather_before_s3

pytestmark = pytest.mark.usefixtures("prefect_server")

MAPS = {"Conv2D_1": 12, "Conv2D_2": 20}


@pytest.fixture
def proxy(s3: str) -> Iterator[Weather]:
    """Counts what the bucket's server is asked."""
    with weather_before_s3() as weather:
        yield weather


def cnn() -> Any:
    """Two convolutions with 32 maps in all, for images of 12x12x1."""
    import keras
    from keras import layers

    maps = [layers.Conv2D(count, 3, activation="relu", name=name) for name, count in MAPS.items()]
    return with_weights(keras.Sequential([keras.Input((12, 12, 1), name="image"), *maps]))


def test_a_sweep_on_s3_takes_few_requests_a_map_and_one_again_hardly_any(
    s3: str, proxy: Weather, tmp_path: Path
) -> None:
    from flows.forms.parameters import SweepParameters
    from flows.sweep import oip_sweep

    model, data = str(saved(cnn(), tmp_path / "small.keras")), write_pictures(tmp_path / "pictures")
    asked = SweepParameters(store=f"{s3}/few", model=model, data=data, data_dir=None, growth=GROWTH, pixels="0..1")
    maps = sum(MAPS.values())

    def requests() -> Counter[str]:
        """Of one sweep, by folder of the store."""
        proxy.asked.clear()
        summary = oip_sweep(asked)
        counted = summary["computed"], summary["reused"]
        assert counted in ((maps, 0), (0, maps))
        assert not any("png" in unit for unit in summary["units"])
        paths = (unquote(one.path).partition("/few/")[2].partition("?")[0] for one in proxy.asked)
        return Counter(path.partition("/")[0] or "listings" for path in paths)

    first = requests()
    assert first.total() < 10 * maps, first
    again = requests()
    assert again["listings"] < 12, again
    assert again.total() < 2 * maps, again
