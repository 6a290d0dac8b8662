"""HTTP as uvicorn speaks it, without waiting for ever for a request to arrive."""

import asyncio
import signal
import socket
import ssl
import traceback
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from somscape.desk.web._connections import CONNECTION, Connection, Door

PERIOD, MIN_BYTES = 30.0, 16 << 10
"""Seconds, and the bytes of a request, or all that is left of it, that must come in them."""

DRAIN = 2.0
"""Seconds after SIGTERM in which clients may still come."""

SETTLE = 0.5
"""Seconds after that in which those are taken that had begun to come."""


class Protocol(H11Protocol):
    """A connection that is closed where a request stops, or nearly stops, arriving.

    Who waits for an answer is left alone, and so is who must wait until the server reads on.

    Parameters
    ----------
    connection : Connection
    **settings
        Of uvicorn.
    """

    _timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def __init__(self, connection: Connection, **settings: Any) -> None:
        super().__init__(**settings)
        self._connection = connection
        self.app_state = {**self.app_state, CONNECTION: connection}

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._connection.talk = self
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


class Server(uvicorn.Server):
    """A server that takes its connections from a door.

    Parameters
    ----------
    config : uvicorn.Config
    door : Door
    tls : SSLContext or None
    """

    def __init__(self, config: uvicorn.Config, door: Door, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._door, self._tls = door, tls

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer requests until Ctrl-C, SIGTERM or SIGHUP, and finish those that have come."""
        asyncio.run(self.serve())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then open the door."""
        await super().startup(sockets=[])
        self._door.open_to(self._take)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, then finish requests."""
        await self._door.close()
        await super().shutdown(sockets=[])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM, have clients go away before the server does; else end."""
        if sig != signal.SIGTERM or self._door.is_ending:
            super().handle_exit(sig, frame)
            return
        self._door.is_ending = True
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, DRAIN, self._door.refuse)
        loop.call_soon_threadsafe(loop.call_later, DRAIN + SETTLE, super().handle_exit, sig, frame)

    async def _take(self, connection: Connection) -> None:
        protocol = partial(
            Protocol,
            connection,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(protocol, connection, ssl=self._tls)
        except OSError as error:  # no TLS came of it
            traceback.clear_frames(error.__traceback__)  # or they would keep 300 kB for a while
