"""A bucket on an S3 server that hosts reach: it counts what each asks, and may be killed and started again."""

from contextlib import ExitStack
from pathlib import Path

from tests.storage.s3_on_disk import S3OnDisk, s3_environment
from tests.storage.weather import Asked, bad_weather

BUCKET = "fleet"


class Bucket:
    """An S3 server behind a proxy at `url`, with one bucket; `asked` are the requests that were answered."""

    def __init__(self, folder: Path, address: str) -> None:
        (folder / "buckets" / BUCKET).mkdir(parents=True)
        self._server = S3OnDisk(folder / "buckets")
        self._address, self._port = address, 0
        self._open = ExitStack()
        self.ended = True
        """Whether it has been killed."""
        self._earlier: list[Asked] = []
        self.start()

    def start(self) -> None:
        """Serve, until it is killed."""
        self._open.enter_context(self._server)
        self._proxy = self._open.enter_context(bad_weather(self._server.url, self._address, self._port))
        self.url = self._proxy.url
        self.ended = False
        self._port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """From now on connections are refused."""
        self._earlier = self.asked
        self._open.close()
        self.ended = True
        self._proxy.asked.clear()

    @property
    def asked(self) -> list[Asked]:
        """All requests up to now."""
        return [*self._earlier, *self._proxy.asked]

    @property
    def environment(self) -> dict[str, str]:
        """Of whoever uses it."""
        return s3_environment(self.url)
