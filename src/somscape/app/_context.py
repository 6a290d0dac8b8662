"""What all answers share: the runs, the watches, the jobs, and how pages and problems are said."""

import html
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from somscape.app._access import account_line
from somscape.app._marks import Marks
from somscape.app._queue import Queue
from somscape.app._safety import Refused, template
from somscape.app._store import Run, Store
from somscape.app._uploads import ENDINGS
from somscape.cases import State

ONLY_SHOWN = "is on a disk or in a folder that is read-only, so the app only shows it."
NO_RUN = "There is no such run; it may have been deleted."


@dataclass(frozen=True)
class Context:
    """What answers are made from.

    Attributes
    ----------
    store : Store
    queue : Queue
    marks : Marks
    max_upload : int
        Bytes; the page says so before a file is sent.
    """

    store: Store
    queue: Queue
    marks: Marks
    max_upload: int

    @property
    def cases(self) -> State:
        """What is remembered of watches; it is called from threads."""
        return self.store.cases

    def run(self, request: Request) -> Run:
        """Return the run that a request is about, or refuse it."""
        run = self.store.run(request.path_params["run"])
        if run is None:
            raise Refused(404, NO_RUN)
        return run

    async def before_change(self) -> None:
        """Refuse what changes something that is read-only, or that another program has locked."""
        if self.store.is_read_only:
            raise Refused(403, f"{self.store.folder} {ONLY_SHOWN} Nothing was saved.")
        await self.store.when_free()

    def added(self, run: Run) -> Response:
        """Put a run in line, and say which it is."""
        self.queue.add(run)
        return JSONResponse({"run": run.id})

    def summary(self, run: Run) -> dict[str, Any]:
        """Return what lists say of a run."""
        return {
            "run": run.id,
            "name": run.title,
            "file": run.name,
            "watch": run.watch,
            "made": run.made,
            "n_decisions": run.n_decisions,
            "facts": run.facts,
            "uses_marks": bool((run.settings or {}).get("uses_marks")),
            **(self.queue.state_of(run.id) or {}),
        }

    def page(self, request: Request, name: str) -> Response:
        """Return a page of the app."""
        page = template(name).substitute(
            csrf=html.escape(request.state.csrf),
            role=request.state.role or "",
            account=account_line(request),
            max_upload=self.max_upload,
            endings=",".join(ENDINGS),
        )
        return HTMLResponse(page)


def author_of(request: Request) -> str:
    """Return who asks: a user by name, or whoever runs the app."""
    return str(request.state.user)


async def json_of(request: Request) -> dict[str, Any]:
    """Return the object that a request holds, or refuse it."""
    try:
        given = json.loads(await request.body() or b"{}")
        json.dumps(given, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise Refused(422, "The request is not JSON.") from error
    if not isinstance(given, dict):
        raise Refused(422, "The request is not a JSON object.")
    return given
