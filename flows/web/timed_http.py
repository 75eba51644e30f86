"""HTTP in which nobody may keep a connection by sending half a request.

uvicorn waits for the rest of a request for ever, so that a few hundred half requests take all its descriptors, with no
password needed. A request's head has to be there within ten seconds, and its body as well, unless enough of it arrives.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HALF_SENT_SECONDS = 10.0
"""So long a request may be on its way."""
BYTES_PER_SECOND = 1000
"""For as many bytes of a body the time is a second longer: large ones arrive whole, on slow lines too."""


class TimedHttp(H11Protocol):
    """uvicorn's protocol, with a clock for what has been begun: `uvicorn.Config(http=TimedHttp)`."""

    _clock: asyncio.TimerHandle | None = None
    _phase: object = None
    _due = 0.0
    _is_anothers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._see_to_the_clock(0)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._see_to_the_clock(len(data))

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._is_anothers = True  # from now on the connection is that of another protocol
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_the_clock()
        super().connection_lost(exc)

    def _see_to_the_clock(self, received: int) -> None:
        """Begin to count where a head or a body has been begun, and stop where it is whole."""
        phase = self.conn.their_state
        if self._is_anothers or phase not in (h11.IDLE, h11.SEND_BODY) or self.transport.is_closing():
            self._stop_the_clock()
        elif self._clock is None or phase is not self._phase:
            self._stop_the_clock()
            self._phase, self._due = phase, self.loop.time() + HALF_SENT_SECONDS
            self._clock = self.loop.call_at(self._due, self._look)
        elif phase is h11.SEND_BODY:
            self._due += received / BYTES_PER_SECOND

    def _look(self) -> None:
        if self.flow.read_paused or self.conn.they_are_waiting_for_100_continue:
            self._due = self.loop.time() + HALF_SENT_SECONDS  # it is us who make them wait
        if self.loop.time() < self._due:
            self._clock = self.loop.call_at(self._due, self._look)
        else:
            self._clock = None
            self.transport.abort()

    def _stop_the_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
