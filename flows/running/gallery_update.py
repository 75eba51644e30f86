"""The gallery, kept up to date by the flows: made again after each, which rewrites only what changed."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from flows.forms.places import gallery_of
from storage.store import Store
from tasks.gallery.gallery import make_gallery
from tasks.session.progress import report


def refresh_gallery(place: str) -> None:
    """Make the gallery again, as a task run within a flow run.

    Not for stores that have none (`flows.forms.places.gallery_of`). What goes wrong with it is said in
    Prefect's UI, and fails nothing else: the results are in the store, and the next run makes the gallery again.
    """
    folder = gallery_of(place)
    if folder is None:
        return
    state = _refresh(place, folder, return_state=True)
    if not state.is_completed():
        get_run_logger().warning("the gallery is not up to date: %s", state.message)


@task(name="gallery", task_run_name="gallery", persist_result=False, cache_policy=NO_CACHE)
def _refresh(place: str, folder: Path) -> None:
    made = make_gallery(Store.open(place, create=False), folder, progress=report)
    get_run_logger().info("gallery: %s written, %s as they were, %s removed", made.written, made.same, made.removed)
