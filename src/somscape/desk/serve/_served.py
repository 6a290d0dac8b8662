"""A map file in service: what it contains, its answers, and a new file in its place."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.desk.jobs._target import predictions_of
from somscape.desk.serve._bodies import Cells, Columns
from somscape.desk.web._connections import Refusal
from somscape.errors import InputError
from somscape.outliers.detector import Detector, Reasons, explained_rows, reasons_of
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer
from somscape.save._load import load
from somscape.tables._messages import free_name, listed
from somscape.tables.customers import ROW_COUNT
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import DateCode
from somscape.tables.table import Table, table_from_columns

FLAGGED, ALL, NONE = "flagged", "all", "none"
EXPLAINED = (FLAGGED, ALL, NONE)
"""Which rows get reasons."""

RESULTS = ("row", "score", "p_value", "flagged", "unit", "reasons")


@dataclass(frozen=True, eq=False)
class Answers:
    """What is said of some rows, in their order.

    Attributes
    ----------
    scores, p_values : ndarray of shape (n_rows,)
    is_flagged : ndarray of shape (n_rows,), bool
    units : ndarray of shape (n_rows,)
    reasons : list of Reasons or None
        None where nobody asked for any.
    """

    scores: Float64s
    p_values: Float64s
    is_flagged: NDArray[np.bool_]
    units: Ints
    reasons: list[Reasons | None]

    def part(self, some: slice) -> "Answers":
        """Return the answers of some rows."""
        return Answers(**{name: values[some] for name, values in vars(self).items()})

    def to_json(self, ids: Sequence[Any] | None) -> list[dict[str, Any]]:
        """Return an object for each row, with its id where there are ids."""
        columns = zip(
            self.scores.tolist(),
            self.p_values.tolist(),
            self.is_flagged.tolist(),
            self.units.tolist(),
            self.reasons,
            strict=True,
        )
        return [
            {
                "row": row,
                **({} if ids is None else {"id": ids[row - 1]}),
                "score": score,
                "p_value": p_value,
                "flagged": is_flagged,
                "unit": unit,
                **({} if reasons is None else _in_json(reasons)),
            }
            for row, (score, p_value, is_flagged, unit, reasons) in enumerate(columns, 1)
        ]

    def to_table(self, ids: Sequence[Any] | None, id_name: str | None) -> Table:
        """Return a line for each row, with reasons as text."""
        columns: dict[str, Any] = {
            "row": np.arange(1, len(self.scores) + 1),
            "score": self.scores,
            "p_value": self.p_values,
            "flagged": np.where(self.is_flagged, "yes", "no").tolist(),
            "unit": self.units,
            "reasons": ["" if each is None else str(each) for each in self.reasons],
        }
        if ids is not None and id_name is not None:
            columns = {"row": columns.pop("row"), free_name(id_name, RESULTS): ids, **columns}
        return table_from_columns(columns)


def answers_of(detector: Detector, table: Table, explained: Sequence[str]) -> Answers:
    """Score the rows of a table, as `somscape score` does."""
    rows, asked = detector.map_.rows_of(table), np.array(explained)
    units = detector.map_.winners_of_rows(rows)
    by_column = None
    if (asked == ALL).all():
        scores, by_column = explained_rows(detector, rows, units)
    else:
        scores = detector.scores_of_rows(rows, units)
    p_values = detector.calibration.p_values(scores, units)
    is_flagged = scores > detector.threshold
    which = np.flatnonzero((asked == ALL) | ((asked == FLAGGED) & is_flagged))
    reasons: list[Reasons | None] = [None] * len(rows)
    if by_column is not None:
        reasons[:] = reasons_of(detector, table, rows, by_column)
    elif len(which):
        found = reasons_of(detector, table.take(which), np.ascontiguousarray(rows[which]))
        for row, one in zip(which.tolist(), found, strict=True):
            reasons[row] = one
    return Answers(scores, p_values, is_flagged, units, reasons)


def _in_json(reasons: Reasons) -> dict[str, Any]:
    return {
        "why": reasons.sentence(),
        "reasons": [
            {
                "column": reason.column,
                "value": reason.value,
                "usual": reason.usual,
                "share": round(reason.share, 4),
                "sentence": reason.sentence(),
            }
            for reason in reasons
        ],
    }


FARTHEST = 1e100
"""As in `encode`: beyond, distances overflow."""


def refusal_of(encoding: Encoding, table: Table) -> Refusal:
    """Return the answer to rows that were refused; the encoding's own message quotes a cell."""
    for code in encoding.used:
        try:
            source = code.read(table.column(code.name))
            problem = code.problem(source)  # type: ignore[arg-type]
            if problem is not None:
                row, needed = problem
                return Refusal(422, f"Row {row + 1}: column '{code.name}' {needed}.")
            if encoding.missing == "error" and source.missing.any():
                row = int(source.missing.argmax())
                return Refusal(422, f"Row {row + 1}: column '{code.name}' has no value.")
            is_near = (np.abs(code.encode(source)) <= FARTHEST).all(axis=1)  # type: ignore[arg-type]
        except InputError:
            return Refusal(422, f"Column '{code.name}' cannot be read as a {code.kind}.")
        if not is_near.all():
            row = int(is_near.argmin())
            return Refusal(
                422,
                f"Row {row + 1}: the number in column '{code.name}' is too far from those that "
                "the map was made from.",
            )
    return Refusal(422, "The rows cannot be encoded as this map's columns.")


ROUTES = {"detector": "/score", "recognizer": "/predict", "predictor": "/predict"}


@dataclass(frozen=True, eq=False)
class Served:
    """A map file in service.

    Attributes
    ----------
    thing : Detector, Recognizer or Predictor
    sha256 : str
        Of the file.
    loaded : str
        When, in UTC.
    """

    thing: Detector | Recognizer | Predictor
    sha256: str
    loaded: str

    @property
    def kind(self) -> str:
        """What the file holds: "detector", "recognizer" or "predictor"."""
        return type(self.thing).__name__.lower()

    @property
    def encoding(self) -> Encoding:
        """How rows are encoded."""
        return self.thing.map_.encoding

    @cached_property
    def columns(self) -> Columns:
        """The columns that rows must have."""
        return Columns(self.encoding)

    @cached_property
    def fields(self) -> dict[str, str]:
        """What each column is: what a map that takes this one's place must have, too."""
        return {code.name: code.kind for code in self.encoding.columns}

    @cached_property
    def reads_rows_alone(self) -> bool:
        """Whether rows of one table may be read apart: not so dates, which are read together."""
        return not any(isinstance(code, DateCode) for code in self.encoding.used)

    def score(self, table: Table, explained: list[str]) -> Answers:
        """Return what a detector says of rows, or refuse them."""
        if not isinstance(self.thing, Detector):
            raise Refusal(404, "This file predicts a column: ask /predict, not /score.")
        try:
            return answers_of(self.thing, table, explained)
        except InputError:
            raise refusal_of(self.encoding, table) from None

    def predict(self, table: Table) -> Table:
        """Return what a model predicts for rows, or refuse them."""
        if isinstance(self.thing, Detector):
            raise Refusal(404, "This file is a detector: ask /score, not /predict.")
        try:
            return predictions_of(self.thing, table)
        except InputError:
            raise refusal_of(self.encoding, table) from None


def load_served(path: Path) -> Served:
    """Load a map file that can be served."""
    try:
        return _loaded(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a fault at one file is not to end the watch for the next
        raise InputError(
            f"{path} holds a map that cannot be used ({type(error).__name__}). Save it again."
        ) from error


def _loaded(path: Path) -> Served:
    before = state_of(path)
    sha256 = _sha256(path)
    thing = load(path)
    if not isinstance(thing, Detector | Recognizer | Predictor):
        raise InputError(
            f"{path} is a map alone, which scores and predicts nothing. `serve` supports the "
            "map.som of a `somscape detect`, and what `somscape fit --target` writes."
        )
    if ROW_COUNT in (code.name for code in thing.map_.encoding.columns):
        raise InputError(
            f"{path} ranks customers, whose rows are put together from a whole table (--per). "
            "`serve` supports only maps of rows; use `somscape score` for this one."
        )
    if isinstance(thing, Detector):
        thing.scores_of_rows(thing.map_.codebook[:0])  # or says that its method was removed
    if state_of(path) != before:
        raise InputError(f"{path} changed while it was read. Replace it by renaming another file.")
    served = Served(thing, sha256, _now())
    try:
        _try(served)
    except Refusal as refused:
        raise InputError(
            f"{path} holds a map that refuses even an empty row ({refused.detail}) Save it again."
        ) from None
    return served


def state_of(path: Path) -> tuple[int, int, int]:
    """Return what tells one file from the next of the same name."""
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error
    return found.st_ino, found.st_size, found.st_mtime_ns


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _try(served: Served) -> None:
    """Ask once, so that what is made late is there before the first request."""
    empty: Any = served.columns.table([[None]] * len(served.columns.names))
    if served.encoding.missing != "error":
        if isinstance(served.thing, Detector):
            served.score(empty, ["all"])
        else:
            served.predict(empty)


PERIOD = 1.0
"""Seconds between two looks at the file."""

MAX_NAMED = 5


class Keeper:
    """Keeps the map that answers.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    current : Served
    refused : dict or None
        When and why the last file that came was not taken over; None once one was.

    Raises
    ------
    InputError
        If the file cannot be served.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state: tuple[int, int, int] | None = state_of(path)
        self.current = load_served(path)
        self.refused: dict[str, str] | None = None

    def look(self) -> bool | None:
        """Look at the file once."""
        state: tuple[int, int, int] | None = None
        try:
            state = state_of(self.path)
            if state == self._state:
                return None
            found = load_served(self.path)
            _check_columns(self.current, found)
        except InputError as error:
            if state == self._state and state is None:
                return None  # it is still gone
            self._state = state
            self.refused = {"when": _now(), "why": str(error)}
            return False
        except MemoryError:
            return None  # again at the next look
        self._state, self.current, self.refused = state, found, None
        return True

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Look at the file for ever; requests go on meanwhile, and each has one map to its end."""
        while True:
            await asyncio.sleep(PERIOD)
            is_taken = await asyncio.to_thread(self.look)
            if is_taken is not None:
                tell(is_taken)


def _check_columns(old: Served, new: Served) -> None:
    if new.kind != old.kind:
        raise InputError(f"the new file holds a {new.kind}, and a {old.kind} is served.")
    names = {*old.fields, *new.fields}
    different = sorted(name for name in names if old.fields.get(name) != new.fields.get(name))
    if different:
        raise InputError(
            f"the new file has other columns, or other kinds of them ("
            f"{listed(different, MAX_NAMED)}). Start the service anew for it."
        )


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
    except (Refusal, MemoryError, ArithmeticError, LookupError, TypeError, ValueError):
        return
    begin = 0
    for one in joined:
        end = begin + len(one.explained)
        if not one.answers.done():
            one.answers.set_result(found.part(slice(begin, end)))
        begin = end
