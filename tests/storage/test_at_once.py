"""What every store promises while writers, `gc`, `verify` and `reindex` are at work at once, wherever its files lie."""

import pytest

from tests.storage.at_once import AtOnce


@pytest.mark.heavy
def test_nothing_is_lost_where_runs_write_and_gc_verify_and_reindex_are_at_work(root):
    at_once = AtOnce(root)
    at_once.go(seconds=4)
    at_once.check()
    assert at_once.kept
    assert min(at_once.done[work] for work in ("_collect", "_verify", "_reindex")) > 0
