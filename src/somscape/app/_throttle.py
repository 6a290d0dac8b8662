"""Attempts that must wait: after some failures each next one waits twice as long."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

FORGIVEN = 60.0
"""Seconds after which one failure is forgotten."""

MAX_KNOWN = 10_000
"""Keys that are remembered; the one that was tried longest ago is forgotten first."""


class Throttle:
    """Counts attempts by key.

    An attempt counts as failed from its beginning, so that many at once are no way around.

    Parameters
    ----------
    clock : callable, default=time.monotonic
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, keys: Mapping[str, int]) -> float:
        """Return the seconds that an attempt must wait, or 0 and count it."""
        now = self._clock()
        rest = max((self._rest(key, free, now) for key, free in keys.items()), default=0.0)
        if rest > 0:
            return rest
        for key in keys:
            self._known[key] = (self._count(key, now) + 1, now)
            self._known.move_to_end(key)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return 0.0

    def succeeded(self, keys: Mapping[str, int]) -> None:
        """Take back an attempt that was counted: it did not fail."""
        now = self._clock()
        for key in keys:
            if key in self._known:
                self._known[key] = (max(0.0, self._count(key, now) - 1), self._known[key][1])

    def _count(self, key: str, now: float) -> float:
        count, last = self._known.get(key, (0.0, now))
        return max(0.0, count - (now - last) / FORGIVEN)

    def _rest(self, key: str, free: int, now: float) -> float:
        if key not in self._known:
            return 0.0
        count, last = self._known[key]
        return 0.0 if count < free else last + 2.0 ** min(count - free, 30) - now
