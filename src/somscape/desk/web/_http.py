"""An HTTP server with uvicorn, and with a time limit for receiving a request."""

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
"""Length of a period in seconds, and minimum number of request bytes to arrive in a period."""

DRAIN = 2.0
"""Seconds for accepting new clients after SIGTERM."""

SETTLE = 0.5
"""Additional seconds in which clients are accepted that have connected during `DRAIN`."""


class Protocol(H11Protocol):
    """HTTP protocol that closes the connection if a request arrives too slowly.

    The time limit does not apply while the client waits for a response, or while the server does
    not read from the connection.

    Parameters
    ----------
    connection : Connection
    **settings
        Settings of uvicorn.
    """

    _timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def __init__(self, connection: Connection, **settings: Any) -> None:
        super().__init__(**settings)
        self._connection = connection
        self.app_state = {**self.app_state, CONNECTION: connection}

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""
        return self.cycle is not None and not self.cycle.response_complete

    def abort(self) -> None:
        """End the connection immediately."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._connection.talk = self
        self._start()

    def data_received(self, data: bytes) -> None:
        """Count the received bytes of a request until the request is complete."""
        self._n_bytes += len(data)
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete:
            if self._timer is None:
                self._start()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting for a request."""
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
    """A uvicorn server that accepts its connections through a `Door`.

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
        """Answer requests until Ctrl-C, SIGTERM or SIGHUP. Then finish those in progress."""
        asyncio.run(self.serve())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then accept connections."""
        await super().startup(sockets=[])
        self._door.open_to(self._take)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting connections, and wait until the requests in progress have finished."""
        await self._door.close()
        await super().shutdown(sockets=[])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the server. After SIGTERM, clients have `DRAIN` seconds for one last request."""
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
        except OSError as error:  # the TLS handshake failed
            traceback.clear_frames(error.__traceback__)  # otherwise 300 kB stay in use for a while
