"""HTTP as uvicorn speaks it, without waiting for ever for a request to arrive."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

PERIOD, MIN_BYTES = 30.0, 16 << 10
"""Seconds, and the bytes of a request, or all that is left of it, that must come in them."""


class Protocol(H11Protocol):
    """A connection that is closed where a request stops, or nearly stops, arriving.

    Who waits for an answer is left alone, and so is who must wait until the server reads on.
    """

    _timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        """Count what arrives, until all of the request is there."""
        self._n_bytes += len(data)
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete:
            if self._timer is None:
                self._start()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._n_bytes = 0
        self._timer = self.loop.call_later(PERIOD, self._check)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        if self._n_bytes >= MIN_BYTES or self.flow.read_paused:
            self._start()
        else:
            self.transport.abort()
