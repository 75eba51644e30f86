"""Whether the processor is fast at bfloat16, and when that is of no use."""

from pathlib import Path

import pytest
import tensorflow as tf

from lib.processor import is_fast_at_bfloat16

LISTED = "processor\t: 0\nmodel name\t: avx512_bf16 in name only\nflags\t\t: fpu avx512f {}\n"


@pytest.fixture
def cpuinfo(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Linux says of the processor: the last of these."""
    texts = [LISTED.format("avx512_bf16")]
    monkeypatch.setattr(Path, "read_text", lambda _path: texts[-1])
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _kind: [])
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    return texts


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_instructions_for_it_is(cpuinfo: list[str], flag: str) -> None:
    cpuinfo.append(LISTED.format(flag))
    assert is_fast_at_bfloat16()


def test_another_one_is_not(cpuinfo: list[str]) -> None:
    cpuinfo.append(LISTED.format("avx512_vnni"))
    assert not is_fast_at_bfloat16()


def test_where_nothing_is_said_of_the_processor_it_is_not(monkeypatch: pytest.MonkeyPatch, cpuinfo: list[str]) -> None:
    def missing(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", missing)
    assert not is_fast_at_bfloat16()


def test_it_does_not_matter_beside_a_gpu(monkeypatch: pytest.MonkeyPatch, cpuinfo: list[str]) -> None:
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert not is_fast_at_bfloat16()


def test_without_onednn_nobody_uses_its_instructions(monkeypatch: pytest.MonkeyPatch, cpuinfo: list[str]) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert not is_fast_at_bfloat16()
