"""Dreams in a row become a moving picture that every viewer can show, and that tells how it was made."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from lib.errors import BadInput
from lib.pictures.about import read_about
from lib.pictures.animation import MOST_SIDE, Kind, animation, check_kind
from lib.pictures.files import decode

ABOUT = {"recipe": "cd" * 32, "role": "animation"}


def waves(count: int = 5, height: int = 60, width: int = 81, channels: int = 3) -> np.ndarray[Any, Any]:
    y, x, c = np.mgrid[:height, :width, :channels]
    tones = [np.sin(x / 9 + number + c) + np.cos(y / 7 - number * c / 3) for number in range(count)]
    return np.rint(127.5 + 60 * np.stack(tones)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_frame_is_seen_for_its_time_and_then_all_again(kind: Kind, channels: int) -> None:
    frames = waves(channels=channels)
    picture = decode(animation(frames, kind, about=ABOUT, seconds=0.25))
    assert (picture.durations, picture.loops) == ((250,) * 5, 0)
    for frame, seen in zip(frames, picture.frames, strict=True):
        # As the eye does, which does not see single dots.
        difference = gaussian_filter(seen.astype(float) - frame, (1.5, 1.5, 0))
        assert np.sqrt((difference**2).mean()) < 4


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_tells_how_it_was_made(kind: Kind) -> None:
    assert read_about(animation(waves(), kind, about=ABOUT)) == ABOUT
    assert read_about(animation(waves(), kind)) is None


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_the_same_frames_have_the_same_bytes(kind: Kind) -> None:
    assert animation(waves(), kind, about=ABOUT) == animation(iter(waves()), kind, about=dict(ABOUT))


def test_a_single_frame_is_an_animation_too() -> None:
    assert len(decode(animation(waves(1), "gif")).frames) == 1


def test_times_that_a_gif_cannot_say_or_browsers_do_not_keep_are_those_next_to_them() -> None:
    assert decode(animation(waves(2), "gif", seconds=0.123)).durations == (120, 120)
    assert decode(animation(waves(2), "gif", seconds=0.001)).durations == (20, 20)


def test_large_frames_are_scaled_down_together() -> None:
    image = Image.open(io.BytesIO(animation(waves(2, 2000, 1000, 1), "webp")))
    assert image.size == (MOST_SIDE // 2, MOST_SIDE)


def test_of_sixteen_bits_eight_are_shown() -> None:
    deep = waves(2, channels=1).astype(np.uint16) * 257
    assert animation(deep, "webp") == animation(waves(2, channels=1), "webp")


def test_no_frames_and_frames_of_different_sizes_are_refused() -> None:
    with pytest.raises(BadInput, match="at least one frame"):
        animation([], "gif")
    with pytest.raises(BadInput, match="81x60 and 80x60"):
        animation([waves()[0], waves()[0, :, :80]], "gif")


def test_an_unknown_kind_is_refused_with_the_kinds_there_are() -> None:
    with pytest.raises(BadInput, match="choose from gif, webp, mp4"):
        check_kind("avi")


def test_without_ffmpeg_an_mp4_is_refused_before_any_frame_is_asked_for(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    def frames() -> Iterator[Any]:
        raise AssertionError("asked for")
        yield

    for refused in (lambda: check_kind("mp4"), lambda: animation(frames(), "mp4")):
        with pytest.raises(BadInput, match="install it, or choose gif or webp"):
            refused()


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: Any) -> Path:
    """A program of that name that writes down what it was given, and fails where a file `fail` is beside it."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "if (here / 'fail').exists(): sys.exit('Unknown encoder libx264\\nand more')\n"
        "given = sys.stdin.buffer.read()\n"
        "(here / 'given.json').write_text(json.dumps([sys.argv, len(given)]))\n"
        "comment = sys.argv[sys.argv.index('-metadata') + 1].partition('=')[2]\n"
        "pathlib.Path(sys.argv[-1]).write_bytes(b'\\0\\0\\0\\x20ftypisom' + comment.encode())\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_ffmpeg_is_given_every_frame_and_what_there_is_to_say(ffmpeg: Path) -> None:
    assert read_about(animation(waves(channels=1), "mp4", about=ABOUT, seconds=0.5)) == ABOUT
    arguments, size = json.loads((ffmpeg / "given.json").read_text())
    assert size == 5 * 60 * 82 * 3
    assert "82x60" in arguments  # even sides, which many players want
    assert "1000/500" in arguments


def test_what_ffmpeg_fails_at_is_said_in_one_line(ffmpeg: Path) -> None:
    (ffmpeg / "fail").touch()
    with pytest.raises(BadInput, match=r"\(Unknown encoder libx264\): choose gif or webp$"):
        animation(waves(50, 200, 300), "mp4", about=ABOUT)


def test_an_error_in_the_frames_ends_ffmpeg_and_is_raised(ffmpeg: Path) -> None:
    def frames() -> Iterator[Any]:
        yield waves()[0]
        raise RuntimeError("the second frame is missing")

    with pytest.raises(RuntimeError, match="the second frame is missing"):
        animation(frames(), "mp4", about=ABOUT)
