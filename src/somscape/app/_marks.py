"""Marks of the rows of a list: of an upload's rows, or of cases where the upload has a watch."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from somscape.app._results import keys_of, listed_rows
from somscape.app._safety import Refused
from somscape.app._store import Run, Store
from somscape.cases import CLEARED, CONFIRMED, OPEN, STATES, Decision, Seen

MAX_COMMENT = 2000
"""Characters of a comment."""

BECOMES_WATCH = "This table becomes a watch just now. Mark again in a moment."

KNOWN = {CONFIRMED: 1, CLEARED: 0}
"""What a ranking learns from."""


class Marks:
    """Says and keeps what people decided about rows.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept_still: set[str] = set()

    @contextmanager
    def kept_still(self, upload: str) -> Iterator[None]:
        """Refuse marks of an upload's rows while they become decisions of a watch."""
        if upload in self._kept_still:
            raise Refused(409, "This table becomes a watch already. Load the page again.")
        self._kept_still.add(upload)
        try:
            yield
        finally:
            self._kept_still.discard(upload)

    async def of(self, run: Run) -> list[dict[str, Any]]:
        """Return the marks of a run's rows, in the order of the table."""
        if run.watch is None or not run.is_ranked:
            return self._store.decisions(run.upload)
        folder = self._store.folder_of(run.id)
        decided = await asyncio.to_thread(self._store.cases.last_decisions, run.watch)
        keys = await asyncio.to_thread(keys_of, folder)
        rows = await asyncio.to_thread(listed_rows, folder)
        found = ((number, decided.get(keys.get(number, ""))) for number in sorted(rows))
        return [_said(number, said, rows[number]) for number, said in found if said is not None]

    async def known(self, run: Run) -> dict[int, int]:
        """Return what a ranking may learn from: 1 for a confirmed row, 0 for a cleared one."""
        if run.watch is not None and not run.is_ranked:  # the run before knows which case is where
            run = self._store.run((run.settings or {}).get("regions_of") or "") or run
        marks = await self.of(run)
        return {m["number"]: KNOWN[m["decision"]] for m in marks if m["decision"] in KNOWN}

    async def key(self, run: Run) -> list[str]:
        """Return the columns that tell a run's cases apart; none without a watch."""
        if run.watch is None:
            return []
        return [*(await asyncio.to_thread(self._store.cases.watch, run.watch)).key]

    async def decide(self, run: Run, given: dict[str, Any], author: str) -> dict[str, Any]:
        """Keep what a page says of a row."""
        decision, comment = checked(given)
        token, seen = token_of(given)
        number = given.get("row")
        if not run.is_ranked:
            raise Refused(409, "This run has no ranking to mark rows in.")
        folder = self._store.folder_of(run.id)
        rows = await asyncio.to_thread(listed_rows, folder)
        if isinstance(number, bool) or not isinstance(number, int) or number not in rows:
            raise Refused(422, "The page of this run shows no such row.")
        found = self._store.run(run.id)  # meanwhile it may have been deleted, or kept as a watch
        if found is None:
            raise Refused(404, "There is no such run; it was deleted meanwhile.")
        run, row = found, rows[number]
        if run.upload in self._kept_still:
            raise Refused(409, BECOMES_WATCH)
        if run.watch is None:
            return self._store.decide(run, number, row, decision, comment, author=author, seen=seen)
        keys = await asyncio.to_thread(keys_of, folder)
        if number not in keys:  # it put rows together in another way than the watch does
            raise Refused(409, "The rows of this run are no cases of its watch. Mark them there.")
        key = keys[number]
        of_run = (run.facts or {}).get("watch_run")  # what the page shows, not what came since
        seen_as = await asyncio.to_thread(
            Seen.of, self._store.cases, run.watch, key=key, run=of_run
        )
        if seen_as.knows(key):
            new = seen_as.decision(key, decision, comment=comment, author=author)
        else:  # far down the list, so that no run keeps it
            new = Decision(run.watch, key, decision, comment, author, seen_as.run, row["score"])
        said = await self._store.decide_case(new, token=token, seen=seen)
        return _said(number, said, row)


def checked(given: dict[str, Any]) -> tuple[str, str]:
    """Return decision and comment as a page gives them, or refuse them."""
    decision, comment = given.get("decision") or OPEN, given.get("comment") or ""
    if not isinstance(decision, str) or decision not in STATES:
        raise Refused(422, "A row can be 'confirmed', 'cleared', 'later' or neither (null).")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT:
        raise Refused(422, f"A comment is text of up to {MAX_COMMENT:,} characters.")
    return decision, comment.strip()


def token_of(given: dict[str, Any]) -> tuple[str | None, int | None]:
    """Return what names a decision, and the one that its author has seen; None if not said."""
    token, seen = given.get("token"), given.get("seen")
    is_token = token is None or (isinstance(token, str) and 0 < len(token) <= 64)
    is_number = seen is None or (isinstance(seen, int) and not isinstance(seen, bool))
    if not (is_token and is_number):
        raise Refused(422, "'token' must be short text, and 'seen' the number of a decision.")
    return token, seen


def _said(number: int, said: Decision, row: Any) -> dict[str, Any]:
    return {
        "number": number,
        "id": row["id"],
        "decision": said.state,
        "comment": said.comment,
        "author": said.author,
        "made": said.made,
        "score": said.score if said.score is not None else row["score"],
        "p_value": row["p_value"],
        "seen": said.number,
        "run": said.run,
    }
