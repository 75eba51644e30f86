"""A flow that is not run: what it was given is kept, and it comes to what a test says."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest


def replace_flow(flow: str, summary: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have the flow of this name come to `summary`, in `folder` with a store of its own; returns what it is given."""
    monkeypatch.setenv("DREAMSWEEP_STORE", str(folder / "store"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr("flows.cli.at_work.at_work", lambda place: nullcontext())
    seen: list[Any] = []

    def run(parameters: Any) -> Any:
        seen.append(parameters)
        return summary

    monkeypatch.setattr(f"flows.{flow}.{flow}", run)
    return seen
