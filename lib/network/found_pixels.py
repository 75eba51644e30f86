"""Which pixels a network takes, as far as its own first layers say so.

Many networks carry what turns pictures into numbers near one: a layer that rescales or normalises, or arithmetic on the
input. What such layers do is measured, whatever they are: they are run on pictures of one colour each, up to the first
layers that have weights. Where that is a straight line, it tells what goes in. 0..255 over 255 is 0..1, and nothing
else that a picture may be would be; a mean that is subtracted lies within the range that it is the mean of.

Nothing is concluded from names, nor from what says little: a network that begins with a batch normalisation, or with a
convolution, or with the identity, takes anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.arrays import Doubles
from lib.network.graph import LOCK, Graph, Slot, Step, graph_of, run_step
from lib.network.keras_model import KerasModel
from lib.network.pixels import Pixels

Range = tuple[float, float]

RANGES: Mapping[str, Range] = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
"""What pictures may be, before a network's own first layers."""
_INTO: Mapping[str, tuple[Range, ...]] = {
    "0..1": ((-1, 1), (-0.5, 0.5), (0, 255), (-127.5, 127.5)),
    "-1..1": ((0, 1), (0, 255)),
    "0..255": ((0, 1), (-1, 1), (-0.5, 0.5), (0, 2)),
}
"""What first layers make of each range, to no more than rounding, and of no other."""
_NEAR = 0.02  # 1/256 and 128 stand for 1/255 and 127.5
_MIDDLE = 0.04
"""A mean lies further than this share of the range from both of its ends."""
_LEAST_DEVIATION = 0.02
"""Of pictures, as a share of their range: what is divided by less is no deviation of that range."""
_MOST_CHANNELS = 16
_SIDE = 32  # of pictures for a network that takes any size


@dataclass(frozen=True)
class Found:
    """The pixels that a network takes, and why: half a sentence, as "its layer rescaling turns 0..255 into 0..1"."""

    pixels: Pixels
    because: str


def find_pixels(model: KerasModel) -> Found | None:
    """The pixels that the network's own first layers call for; None where they do not tell."""
    graph = graph_of(model)
    passed = _first_steps(graph)
    read = _read_by_weights(graph, passed)
    if not read or not passed:
        return None
    lines = [_line(graph, passed, slot) for slot in read]
    found: set[str] = set()
    for line in lines:
        name = None if line is None else name_range(*line)
        if name is None:
            return None
        found.add(name)
    if len(found) != 1:  # one branch sees what another does not
        return None
    (name,) = found
    assert lines[0] is not None
    return Found(Pixels.parse(name), f"{_who(passed)} {name} into {_write(_image(*lines[0], RANGES[name]))}")


def name_range(slopes: Doubles, offsets: Doubles) -> str | None:
    """The range that calls for `slope * value + offset`, channel by channel; None where that does not tell.

    Of the three, that one is right which becomes what networks are trained on: 0..1, -1..1, or numbers less a mean that
    lies well within the range, divided by a deviation that numbers of the range can have.
    """
    if not (np.isfinite(slopes).all() and np.isfinite(offsets).all() and (slopes != 0).all()):
        return None
    exact = [name for name in RANGES if _becomes(slopes, offsets, name)]
    if exact:
        return exact[0] if len(exact) == 1 else None
    means, deviations = -offsets / slopes, 1 / np.abs(slopes)
    if (np.abs(offsets) <= _NEAR).all():  # a scale that leads nowhere
        return None
    fitting = [name for name, ends in RANGES.items() if _centred(means, deviations, ends)]
    if fitting == ["-1..1"]:  # 0..1 has means above 0 too: it must be out of the question, not only less likely
        return None if _possible(means, deviations, RANGES["0..1"]) else "-1..1"
    # pictures within -1..1 could have any mean above 0 that pictures within 0..1 have, but are hardly so bright
    return fitting[0] if fitting in (["0..1"], ["0..1", "-1..1"], ["0..255"]) else None


def _becomes(slopes: Doubles, offsets: Doubles, name: str) -> bool:
    low, high = _image(slopes, offsets, RANGES[name])
    return any(
        (np.abs(low - least) <= _NEAR * (most - least)).all() and (np.abs(high - most) <= _NEAR * (most - least)).all()
        for least, most in _INTO[name]
    )


def _image(slopes: Doubles, offsets: Doubles, ends: Range) -> tuple[Doubles, Doubles]:
    """The least and the greatest number, by channel, that the range becomes."""
    first, second = slopes * ends[0] + offsets, slopes * ends[1] + offsets
    return np.minimum(first, second), np.maximum(first, second)


def _centred(means: Doubles, deviations: Doubles, ends: Range) -> bool:
    """Whether numbers of the range may have these means, and are divided by a deviation, or by nothing."""
    low, high = ends
    width = high - low
    within = (means > low + _MIDDLE * width) & (means < high - _MIDDLE * width)
    spread = (deviations >= _LEAST_DEVIATION * width) & _may_deviate(means, deviations, ends)
    lengths = width / deviations
    plain = np.zeros(means.shape, bool)
    for length in (1, 2, 255):  # a mean alone is taken off, of numbers that are scaled as in a range
        plain |= np.abs(lengths - length) <= _NEAR * length
    return bool((within & (spread | plain)).all())


def _possible(means: Doubles, deviations: Doubles, ends: Range) -> bool:
    return bool(((means >= ends[0]) & (means <= ends[1]) & _may_deviate(means, deviations, ends)).all())


def _may_deviate(means: Doubles, deviations: Doubles, ends: Range) -> Any:
    # no numbers within a range vary more about their mean than those at its two ends
    return deviations**2 <= (1 + 2 * _NEAR) * (means - ends[0]) * (ends[1] - means)


def _first_steps(graph: Graph) -> list[Step]:
    """The steps from the input on that have no weights, and those that hold statistics of pictures."""
    known, passed = {graph.input}, []
    for step in graph.steps:
        if step.inputs and known.issuperset(step.inputs) and _passes(graph, step):
            passed.append(step)
            known.update(step.outputs)
    return passed


def _passes(graph: Graph, step: Step) -> bool:
    import keras

    if isinstance(step.op, keras.layers.Normalization):
        return True
    if isinstance(step.op, keras.layers.Layer):
        return not step.op.weights and all(len(graph.shapes[slot]) == 4 for slot in step.outputs)
    return True  # an operation, which may take channels apart and put them together again


def _read_by_weights(graph: Graph, passed: Sequence[Step]) -> list[Slot]:
    """What the rest of the network reads of the input and of the first steps, in order."""
    known = {graph.input, *(slot for step in passed for slot in step.outputs)}
    rest = [step for step in graph.steps if step not in passed and step not in graph.constant]
    held = {slot for step in graph.constant for slot in step.outputs}
    return list(dict.fromkeys(slot for step in rest for slot in step.inputs if slot in known and slot not in held))


def _line(graph: Graph, passed: Sequence[Step], slot: Slot) -> tuple[Doubles, Doubles] | None:
    """Slope and offset, by channel, of what is read there over pictures of one grey; None where that is no line.

    Each channel that is read must rise, or each fall, with all that it is made of: a difference of colours says nothing
    of a range.
    """
    channels = graph.shapes[graph.input][-1]
    assert channels is not None
    if channels > _MOST_CHANNELS or len(graph.shapes[slot]) != 4:
        return None
    units = np.eye(channels)
    colours = np.random.default_rng(0).uniform(0, 1, (4, channels))
    probes = [np.zeros(channels), *(255 * units)]
    checks = [low + (high - low) * colour for low, high in RANGES.values() for colour in colours]
    try:
        seen = [_show(graph, passed, slot, colour) for colour in (*probes, *checks)]
    except Exception:  # whatever a layer of somebody's own cannot do: then it tells nothing
        return None
    if any(one is None or not np.isfinite(one).all() for one in seen):
        return None
    values = np.array(seen, np.float64)
    offsets = values[0]
    by_channel = (values[1 : channels + 1] - offsets) / 255  # [channels, read]
    expected = np.array(checks) @ by_channel + offsets
    size = np.abs(np.array(checks)) @ np.abs(by_channel) + np.abs(offsets)
    straight = np.abs(values[channels + 1 :] - expected) <= 4e-3 * size  # float16 has steps of a thousandth
    noise = np.abs(by_channel) <= 1e-3 * np.abs(by_channel).max(initial=1e-30)
    one_way = ((by_channel >= 0) | noise).all(axis=0) | ((by_channel <= 0) | noise).all(axis=0)
    return (by_channel.sum(axis=0), offsets) if straight.all() and one_way.all() else None


def _show(graph: Graph, passed: Sequence[Step], slot: Slot, colour: Doubles) -> Doubles | None:
    """What is read in the middle of a picture of one colour, [channels]; None where it is no picture any more."""
    import tensorflow as tf

    _, height, width, channels = graph.shapes[graph.input]
    picture = tf.fill((1, height or _SIDE, width or _SIDE, channels), 0.0) + tf.constant(colour, tf.float32)
    values: dict[Slot, Any] = {graph.input: picture}
    with LOCK:
        for step in passed:
            run_step(step, values)
    seen = np.asarray(tf.cast(values[slot], tf.float32))
    if seen.ndim != 4 or 0 in seen.shape:
        return None
    return np.asarray(seen[0, seen.shape[1] // 2, seen.shape[2] // 2], np.float64)


def _who(passed: Sequence[Step]) -> str:
    """Who does it, and a verb."""
    names = list(_telling(passed))
    if not names:
        return "the arithmetic on its input turns"
    return f"its layer {names[0]} turns" if len(names) == 1 else f"its layers {' and '.join(names)} turn"


def _telling(passed: Sequence[Step]) -> Iterator[str]:
    import keras

    for step in passed:
        if isinstance(step.op, keras.layers.Rescaling | keras.layers.Normalization):
            yield step.name


def _write(ends: tuple[Doubles, Doubles]) -> str:
    low, high = (f"{round(float(value), 2) + 0.0:.10g}" for value in (ends[0].min(), ends[1].max()))
    return f"{low}..{high}"
