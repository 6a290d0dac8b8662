"""Rows that wait at the same time are scored at once: one costs nearly as much as ten."""

import asyncio
from dataclasses import dataclass
from itertools import chain

from somscape.serve._answers import Answers
from somscape.serve._columns import Cells
from somscape.serve._refused import Refused
from somscape.serve._served import Served

MOMENT = 0.001
"""Seconds that a request may wait for others."""


@dataclass(eq=False)
class _Waiting:
    """The rows of one request, and where answers go; None: to be asked alone."""

    served: Served
    cells: Cells
    explained: list[str]
    answers: "asyncio.Future[Answers | None]"


class Together:
    """Scores the few rows of each request, with those of requests that come with it.

    All runs in the event loop.  What is ready there at the same time is answered at the same time.
    Where several requests came together the last time, the first to come waits a moment for as
    many, as clients that ask again and again do; who comes alone never waits twice.
    """

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._expected = 1
        self._timer: asyncio.Handle | None = None

    async def score(self, served: Served, cells: Cells, explained: list[str]) -> Answers:
        """Return the answers for the rows of one request, or refuse them."""
        loop = asyncio.get_running_loop()
        one = _Waiting(served, cells, explained, loop.create_future())
        self._waiting.append(one)
        if len(self._waiting) == self._expected:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_soon(self._answer)
        elif self._timer is None:
            self._timer = loop.call_later(MOMENT, self._answer)
        found = await one.answers
        # Here, so that whoever asked is told of a fault, too.
        return served.score(served.columns.table(cells), explained) if found is None else found

    def _answer(self) -> None:
        waiting, self._waiting, self._timer = self._waiting, [], None
        self._expected = len(waiting)
        served = waiting[-1].served
        may_join = served.reads_rows_alone
        joined = [one for one in waiting if may_join and one.served is served]
        try:
            if len(joined) > 1:
                _answer_joined(served, joined)
        finally:  # nobody is to wait for ever
            for one in waiting:
                if not one.answers.done():
                    one.answers.set_result(None)


def _answer_joined(served: Served, joined: list[_Waiting]) -> None:
    """Answer several requests at once, or none, to be asked again alone."""
    try:
        cells = [list(chain(*each)) for each in zip(*(one.cells for one in joined), strict=True)]
        explained = list(chain(*(one.explained for one in joined)))
        found = served.score(served.columns.table(cells), explained)
    except (Refused, MemoryError, ArithmeticError, LookupError, TypeError, ValueError):
        return
    begin = 0
    for one in joined:
        end = begin + len(one.explained)
        if not one.answers.done():
            one.answers.set_result(found.part(slice(begin, end)))
        begin = end
