"""Networks as Keras ships them, with random weights: registered, listed, and swept in part, in layers of every kind."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from flows.forms.parameters import RegisterParameters, SweepParameters
from flows.register import register
from flows.sweep import oip_sweep
from lib.errors import Question
from lib.network.layer_list import list_layers
from lib.oips.settings import GrowthSettings
from storage.store import Store
from tasks.model.stored import find_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

SIDE = 64
GROWTH = GrowthSettings(oips=1, starts=2, steps=4, jitter=0)
"""Few steps: what is tried is whether these networks can be read, traced and swept at all."""

# of each network units of two convolutions and of two other layers
NETWORKS = {
    "MobileNetV2": ["Conv1/0", "block_6_expand/1", "block_4_add/2", "out_relu/3"],
    "MobileNetV3Small": ["conv/0", "expanded_conv_3_expand/1", "expanded_conv_3_squeeze_excite_mul/2", "activation/3"],
    "EfficientNetB0": ["stem_conv/0", "block3a_expand_conv/1", "block3a_se_excite/2", "block3b_add/3"],
    "ResNet50": ["conv1_conv/0", "conv2_block1_3_conv/1", "conv2_block1_out/2", "pool1_pool/3"],
    "DenseNet121": ["conv1_conv/0", "conv2_block2_1_conv/1", "conv2_block3_concat/130", "pool2_pool/3"],
    "ConvNeXtTiny": [
        "convnext_tiny_stem/convnext_tiny_stem_conv/0",
        "convnext_tiny_stage_0_block_1_depthwise_conv/1",
        "convnext_tiny_stage_0_block_1_gelu/2",
        "convnext_tiny_stage_0_block_1_layer_scale/3",
    ],
}

PIXELS = {"MobileNetV2": "-1..1", "ResNet50": "caffe", "DenseNet121": "torch"}
"""What the sweep has to be told. The others carry what they do with pixels in their first layers, and it is found."""


def outputs_of(model: Any, within: str = "") -> dict[str, tuple[int | None, ...]]:
    """The shape of what each layer puts out, by its name, those of models within the model too."""
    found: dict[str, tuple[int | None, ...]] = {}
    for step in getattr(model, "operations", model.layers):
        if isinstance(step, keras.Model):
            found |= outputs_of(step, f"{within}{step.name}/")
        elif not isinstance(step, keras.layers.InputLayer):
            found[within + step.name] = step.output.shape
    return found


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """One large network after another: what Keras keeps of each goes."""
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_of_keras_is_registered_listed_and_swept_in_layers_of_every_kind(
    network: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, network)(weights=None, classes=4, input_shape=(SIDE, SIDE, 3))
    file = tmp_path / f"{network}.keras"
    model.save(file)
    times = [time.process_time()]
    registered = register(RegisterParameters(store=str(tmp_path / "store"), file=file))
    times.append(time.process_time())
    listed = {one.name: one for one in list_layers(model)}
    times.append(time.process_time())
    listing = times[2] - times[1]
    made = outputs_of(model)
    assert set(listed) == {name for name, shape in made.items() if len(shape) in (2, 4)}
    assert all(listed[unit.rpartition("/")[0]].default == (at < 2) for at, unit in enumerate(NETWORKS[network]))
    for one in listed.values():
        assert one.units == made[one.name][-1]
    found = find_model(Store.open(tmp_path / "store"), registered["model"]).pixels
    asked: dict[str, Any] = {
        "store": str(tmp_path / "store"), "model": registered["model"], "layers": NETWORKS[network], "growth": GROWTH,
        "batch": 4,
    }  # fmt: skip
    if network in PIXELS:
        assert found is None
        with pytest.raises(Question, match=r"choose from 0\.\.1, -1\.\.1, 0\.\.255, caffe, torch"):
            oip_sweep(SweepParameters(**asked))
    else:
        assert str(found) == "0..255"
    times[-1] = time.process_time()
    summary = oip_sweep(SweepParameters(**asked, pixels=PIXELS.get(network)))
    times.append(time.process_time())
    registering, sweeping = times[1] - times[0], times[3] - times[2]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{network}: registered in {registering:.1f} s of CPU time, listed in {listing:.1f}, swept in {sweeping:.1f}, "
        f"{memory:.0f} MB"
    )
    assert {unit["unit"] for unit in summary["units"]} == set(NETWORKS[network])
    assert not summary["failures"]
    assert {unit["verdict"] for unit in summary["units"]} <= {"responded", "silent"}
