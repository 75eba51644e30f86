"""Stores are opened where they are, and never made."""

from pathlib import Path

import pytest

import dreamsweep


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(dreamsweep.StoreError, match="there is no store at"):
        dreamsweep.open_store(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_the_usual_store_is_the_one_of_the_commands(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", str(old_store))
    assert dreamsweep.open_store().root == str(old_store)


def test_a_model_that_is_not_there_is_bad_input(store: dreamsweep.Store) -> None:
    with pytest.raises(dreamsweep.BadInput, match="model/none"):
        dreamsweep.load_model(store, "model/none")


def test_models_and_runs_say_what_the_commands_say(store: dreamsweep.Store) -> None:
    models, runs = dreamsweep.list_models(store), dreamsweep.list_runs(store)
    assert [model["latest"] for model in models].count(True) == 1
    assert {model["task"] for model in models} == {"model", "register"}
    assert [run["opened"] for run in runs] == sorted((run["opened"] for run in runs), reverse=True)
