"""One gallery of a synthetic store for all tests that only look at it."""

import pytest

from tests.tasks.gallery.everything import everything
from tests.tasks.gallery.made import Made


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """With a little of everything that a gallery shows."""
    folder = tmp_path_factory.mktemp("gallery")
    return Made(everything(folder / "store").store, folder / "gallery")
