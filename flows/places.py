"""Where things are, unless the user says otherwise: the data folder of this checkout, and the store in it."""

import os
from pathlib import Path

DATA_FOLDER = Path(__file__).resolve().parent.parent / "data"
"""Ignored by git: the store, Prefect's database, exported pictures."""


def store_place(given: str | None = None) -> str:
    """The store's path or URL: the one given, else `DREAMSWEEP_STORE`, else the data folder's."""
    return given or os.environ.get("DREAMSWEEP_STORE") or str(DATA_FOLDER / "store")


def data_place(given: Path | None = None) -> Path | None:
    """Where IDX files are: the folder given, else `DREAMSWEEP_MNIST`, else nowhere."""
    named = os.environ.get("DREAMSWEEP_MNIST")
    return given or (Path(named) if named else None)
