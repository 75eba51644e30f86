"""`dreamsweep verify`: what is lost is said in words, with what makes it again, and queued for `dreamsweep rerun`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from flows.cli.commands.rerun import _FORMS, _next
from flows.cli.losses import RERUN, queued, take_from_queue
from storage.names import record_path

CLI = Callable[..., tuple[int, str, str]]


def verify(cli: CLI, store: Any, *arguments: str) -> tuple[int, str]:
    code, out, _ = cli("verify", *arguments, "--store", store.root)
    return code, out


def test_a_damaged_picture_is_said_with_its_run_and_the_command_that_makes_it_again(cli: CLI, small: Any) -> None:
    digest = small.oips["Conv2D_2/17"].output("picture").digest
    small.blob(digest).write_bytes(b"changed")
    code, out = verify(cli, small)
    what = f"OIPs of Conv2D_2/17: its picture ({digest[:12]}), of run {small.sweep}"
    assert code == 1
    assert f"damaged: {what}: dreamsweep rerun {small.sweep} makes it again\n" in out
    assert f"missing: {what}: dreamsweep rerun {small.sweep} makes it again\n" in verify(cli, small)[1]


def test_what_can_be_made_again_is_queued_the_training_first_and_what_cannot_is_named(cli: CLI, small: Any) -> None:
    small.blob(small.oips["Conv2D_1/0"].output("oips").digest).unlink()
    small.blob(small.model.output("model").digest).unlink()
    small.blob(small.data.output("train_imgs").digest).unlink()
    code, out = verify(cli, small, "--repair")
    assert code == 1
    assert "missing: data set digits: its train_imgs" in out
    assert "it came from outside of the store: give the data set again, with --data digits\n" in out
    assert f"dreamsweep rerun {small.training} makes it again" in out
    assert "2 runs queued: dreamsweep rerun\n" in out
    assert queued(small.store) == [small.training, small.sweep]
    assert _next(small.store).id == small.training
    take_from_queue(small.store, small.training)
    assert _next(small.store).id == small.sweep


def test_the_queue_holds_no_run_of_which_nothing_is_lost_any_more(cli: CLI, small: Any) -> None:
    blob = small.blob(small.oips["Conv2D_1/0"].output("oips").digest)
    whole = blob.read_bytes()
    blob.unlink()
    assert verify(cli, small, "--repair")[0] == 1
    assert queued(small.store) == [small.sweep]
    blob.write_bytes(whole)
    code, out = verify(cli, small, "--repair")
    assert (code, queued(small.store)) == (0, [])
    assert "The store is clean." in out


def test_without_repair_nothing_is_queued_and_no_index_made(cli: CLI, small: Any) -> None:
    small.blob(small.oips["Conv2D_1/0"].output("oips").digest).unlink()
    small.store.index.close()
    index = small.root / "index.sqlite"
    index.write_bytes(damaged := index.read_bytes()[:-4096] + bytes(4096))
    code, out = verify(cli, small)
    assert code == 1
    assert "The index: it is damaged" in out
    assert "dreamsweep verify --repair mends what it can" in out
    assert (queued(small.store), index.read_bytes() == damaged) == ([], True)


def test_a_damaged_index_is_mended_and_all_is_well(cli: CLI, small: Any) -> None:
    small.store.index.close()
    index = small.root / "index.sqlite"
    index.write_bytes(index.read_bytes()[:-4096] + bytes(4096))
    code, out = verify(cli, small, "--repair")
    assert code == 0
    assert "The index was made anew: it holds " in out
    assert "The store is mended." in out
    assert verify(cli, small)[0] == 0


@pytest.mark.parametrize("state", ["damaged", "missing"])
def test_a_record_is_called_as_its_run_called_it(cli: CLI, small: Any, state: str) -> None:
    key = small.oips["Conv2D_2/17"].key
    file = small.root / record_path(key)
    file.write_bytes(b"{}") if state == "damaged" else file.unlink()
    code, out = verify(cli, small)
    assert code == 1
    assert f"{state}: the record of Conv2D_2/17 ({key[:12]}/" in out
    assert f"of run {small.sweep}: dreamsweep rerun {small.sweep} makes it again\n" in out


def test_an_environment_is_said_to_be_one(cli: CLI, small: Any) -> None:
    small.blob(small.model.provenance.environment).unlink()
    _, out = verify(cli, small)
    assert "what 10 records say of the machine and the libraries that made them" in out
    assert "nothing in the store makes it again" in out


def test_the_json_has_the_facts_and_the_words(cli: CLI, small: Any) -> None:
    digest = small.oips["Conv2D_1/0"].output("oips").digest
    small.blob(digest).unlink()
    code, out, _ = cli("verify", "--repair", "--json", "--store", small.root)
    report = json.loads(out)
    (loss,) = report["losses"]
    assert code == 1
    assert (report["missing"], report["clean"], report["queued"]) == ([digest], False, [small.sweep])
    assert loss["what"] == f"OIPs of Conv2D_1/0: its oips ({digest[:12]}), of run {small.sweep}"
    assert loss["again"] == f"dreamsweep rerun {small.sweep} makes it again"
    assert {need["by"] for need in loss["needs"]} == {"output", "input"}


def test_what_is_queued_is_what_can_be_run_again() -> None:
    assert set(RERUN) == set(_FORMS)
