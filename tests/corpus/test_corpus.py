"""No hostile input runs anything, takes much memory or raises what is no answer; each is told in one line, or used."""

from pathlib import Path

import pytest

from tests.corpus.harness import KINDS, answers, faults

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("kind", KINDS)
def test_every_hostile_input_is_answered_in_one_line_and_takes_little(kind: str, tmp_path: Path) -> None:
    found = list(answers(kind, tmp_path))
    assert [fault for one in found for fault in faults(kind, one)] == []
    assert len(found) >= 20
