"""The reference that the site has: it is written from the code, whole, and as it would be anywhere else."""

import importlib.util
import re
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from flows.cli.app import application
from flows.forms.entries import entries_of
from flows.forms.places import DATA_FOLDER
from flows.serving.deployments import FLOWS
from tests.docs.blocks import CHECKOUT


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The program docs/reference.py."""
    spec = importlib.util.spec_from_file_location("reference", CHECKOUT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> dict[str, Any]:
    """Every command, with its options."""
    names = [command.name for command in get_command(application(())).commands.values()]  # type: ignore[attr-defined]
    return dict(get_command(application(names)).commands)  # type: ignore[attr-defined]


def form_of(flow: str) -> Any:
    """The form that a deployed flow is called with."""
    module, _, function = FLOWS[flow].rpartition(".")
    hints = getattr(importlib.import_module(module), function).fn.__annotations__
    return next(iter(hints.values()))


def test_every_option_of_every_command_is_on_the_page_under_its_command(reference: ModuleType) -> None:
    page = reference.commands()
    parts = dict(re.findall(r"^## (\S+)$(.*?)(?=^## |\Z)", page, flags=re.M | re.S))
    assert set(commands()) == set(parts)
    inner = dict(re.findall(r"^### (\S+ \S+)$(.*?)(?=^##|\Z)", page, flags=re.M | re.S))
    within = {
        f"{name} {one}": command.commands[one]
        for name, command in commands().items()
        for one in getattr(command, "commands", ())
    }
    assert set(within) == set(inner)
    assert "models add" in inner
    for name, command in (commands() | within).items():
        shown = [one for one in command.params if one.name != "help" and not one.hidden]
        options = {option for one in shown for option in one.opts if option[0] == "-"}
        said = inner[name] if name in inner else parts[name]
        assert {option for option in options if not re.search(rf"^`.*{option}\b", said, re.M)} == set()


def test_every_value_of_every_form_is_on_the_page(reference: ModuleType) -> None:
    page = reference.settings()
    for flow in FLOWS:
        for entry in entries_of(form_of(flow)):
            assert f"`{'.'.join(entry.path)}` (" in page, flow


def test_a_changed_explanation_changes_the_page(reference: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.forms.every_run import Limits

    before = reference.settings()
    monkeypatch.setattr(Limits.model_fields["finish_by"], "description", "Said anew.")
    assert "Said anew." not in before
    assert "Said anew." in reference.settings()


def test_the_pages_name_no_place_of_this_machine(reference: ModuleType) -> None:
    for page in (reference.commands(), reference.settings()):
        assert str(DATA_FOLDER) not in page
        assert str(CHECKOUT) not in page
