"""Rows that wait at the same time are scored at once: one costs nearly as much as ten."""

import asyncio
from dataclasses import dataclass
from itertools import chain

from somscape.serve._answers import Answers
from somscape.serve._columns import Cells
from somscape.serve._refused import Refused
from somscape.serve._served import Served


@dataclass(eq=False)
class _Waiting:
    """The rows of one request, and where their answers go."""

    served: Served
    cells: Cells
    explained: list[str]
    answers: "asyncio.Future[Answers]"


class Together:
    """Scores the few rows of each request, with those of requests that came with it.

    All runs in the event loop: what is ready there at the same time is answered at the same time,
    and nobody waits for others to come.
    """

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    async def score(self, served: Served, cells: Cells, explained: list[str]) -> Answers:
        """Return the answers for the rows of one request, or refuse them."""
        loop = asyncio.get_running_loop()
        one = _Waiting(served, cells, explained, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._answer)
        self._waiting.append(one)
        return await one.answers

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        served = waiting[-1].served
        may_join = served.reads_rows_alone
        joined = [one for one in waiting if may_join and one.served is served]
        if len(joined) > 1 and _answer_joined(served, joined):
            waiting = [one for one in waiting if one not in joined]
        for one in waiting:
            _answer_one(one)


def _answer_joined(served: Served, joined: list[_Waiting]) -> bool:
    """Answer several requests at once; return False if one of them is to be refused."""
    cells = [list(chain(*each)) for each in zip(*(one.cells for one in joined), strict=True)]
    explained = list(chain(*(one.explained for one in joined)))
    try:
        found = served.score(served.columns.table(cells), explained)
    except Refused:
        return False
    begin = 0
    for one in joined:
        end = begin + len(one.explained)
        if not one.answers.done():
            one.answers.set_result(found.part(slice(begin, end)))
        begin = end
    return True


def _answer_one(one: _Waiting) -> None:
    if one.answers.done():  # whoever asked is gone
        return
    try:
        one.answers.set_result(one.served.score(one.served.columns.table(one.cells), one.explained))
    except Refused as refused:
        one.answers.set_exception(refused)
