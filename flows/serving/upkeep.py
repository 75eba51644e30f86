"""The daily upkeep of a store under `dreamsweep up --keep-nights N`, so that it does not grow by what nights repeat."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from storage.collection.superseded import superseded
from storage.errors import StoreError, StoreUnusable
from storage.garbage import collect, plan
from storage.store import Store

EVERY_SECONDS = 86_400.0
AGAIN_SECONDS = 600.0
"""So long it waits where there is no store yet, or it cannot be reached."""

log = logging.getLogger("dreamsweep.up")


class Upkeep:
    """Sees to a store once a day, in a thread of its own. Runs may be under way: their commits wait meanwhile."""

    def __init__(self, store: str, keep: int) -> None:
        self._store, self._keep = store, keep
        self._thread: threading.Thread | None = None
        self._due = time.monotonic()
        self._said = ""

    def see_to_it(self) -> None:
        """Begin, where the time has come. Call it now and then."""
        if time.monotonic() < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        self._due = time.monotonic() + AGAIN_SECONDS
        self._thread = threading.Thread(target=self._tidy, daemon=True)
        self._thread.start()

    def _tidy(self) -> None:
        try:
            tidy(self._store, self._keep)
            self._due = time.monotonic() + EVERY_SECONDS
        except StoreUnusable:
            pass  # there is none yet, or it is out of reach, which every night tells
        except (StoreError, OSError) as error:
            if str(error) != self._said:
                log.warning("the upkeep of the store waits: %s", error)
            self._said = str(error)
        except Exception:  # `up` goes on without
            log.exception("the upkeep of the store failed")


def tidy(place: str, keep: int) -> None:
    """Remove runs that ended more than `keep` days ago and that as many later ones repeat, and collect garbage.

    What was made stays, but for what no run and no ref needs. All goes to the store's trash, for a day at least. Raises
    StoreError as garbage collection does.
    """
    from lib.words import plural, size

    store = Store.open(place, create=False)
    gone = superseded(store, keep, datetime.now(UTC) - timedelta(days=keep))
    for run in gone:
        store.delete_run(run)
    done = collect(plan(store))
    if gone or not done.empty:
        log.info(
            "the store forgot %s that later ones repeat, and %s of garbage", plural(len(gone), "run"), size(done.size)
        )
