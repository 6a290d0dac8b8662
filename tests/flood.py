"""Connections that block a server that does not defend itself, held by processes of their own.

As a program it opens connections and sends the same few bytes over each, or none.  It opens each
one anew soon after the server has closed it.
"""

import heapq
import random
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

MAX_EACH = 800
"""Connections of a process: many systems allow it 1,024 open files."""

BREAK = 1.0
"""Seconds within which a closed connection is opened again."""

HALF_A_REQUEST = b"POST /score HTTP/1.1\r\nHost: a\r\nX-A: "


@contextmanager
def flood(port: int, n: int, begin: bytes = b"") -> Iterator[None]:
    """Hold `n` connections to a port of this computer."""
    with ExitStack() as stack:
        for first in range(0, n, MAX_EACH):
            words = [str(port), str(min(MAX_EACH, n - first)), begin.hex()]
            process = stack.enter_context(
                subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE)
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == b"open\n"
        yield


def _hold(port: int, n: int, begin: bytes) -> None:
    selector = selectors.DefaultSelector()
    waiting = [0.0] * n  # when each is opened
    n_opened = 0
    while True:
        now = time.monotonic()
        while waiting and waiting[0] <= now:
            heapq.heappop(waiting)
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            selector.register(connection, selectors.EVENT_WRITE)
            n_opened += 1
            if n_opened == n:
                sys.stdout.write("open\n")
                sys.stdout.flush()
        for key, events in selector.select(0.01):
            connection = key.fileobj  # type: ignore[assignment]
            try:
                if events & selectors.EVENT_WRITE:
                    connection.send(begin)
                    selector.modify(connection, selectors.EVENT_READ)
                    continue
                if connection.recv(4096):
                    continue
            except OSError:
                pass
            selector.unregister(connection)
            connection.close()
            heapq.heappush(waiting, now + random.uniform(0, BREAK))


if __name__ == "__main__":
    _hold(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
