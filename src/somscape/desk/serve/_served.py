"""Read the rows of requests, score them with a map file, and load a changed file again."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from somscape._files import shown
from somscape._types import Float64s, Ints
from somscape.desk.jobs._target import predictions_of
from somscape.desk.web._gate import Limit, Refusal
from somscape.errors import InputError
from somscape.outliers import Detector, Reasons
from somscape.outliers._listing import Ruling
from somscape.outliers.alerts import with_rules
from somscape.outliers.reasons import reasons_of
from somscape.outliers.scoring import explained_rows
from somscape.recognize.predictor import Predictor
from somscape.recognize.recognizer import Recognizer
from somscape.save._load import load_model
from somscape.tables._cells import MISSING_WORDS
from somscape.tables._features import ROW_COUNT
from somscape.tables._messages import free_name, listed, suggestion
from somscape.tables._write import column_of_numbers, column_of_texts, table_from_wire
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.column import Column
from somscape.tables.encoding import UNUSED_KINDS, Encoding
from somscape.tables.ordered import DateCode, OrdinalCode
from somscape.tables.rules import RULE_KINDS, rules_of
from somscape.tables.table import Table, table_from_columns


@dataclass(frozen=True)
class RequestLimits:
    """Limits on the size of a request.

    Parameters
    ----------
    max_body : int
        Maximum bytes of the body of a request, whose rows need up to 40 times as much memory.
    max_rows : int
    """

    max_body: int
    max_rows: int

    @property
    def in_words(self) -> str:
        """Phrase with both limits, for the response to a request that is too large."""
        return f"{self.max_body / 1e6:g} MB (--max-body) and {self.max_rows:,} rows (--max-rows)"

    @property
    def of_body(self) -> Limit:
        """Limit on the body, with its message."""
        size = f"{self.max_body / 1e6:g} MB (--max-body)"
        return Limit(self.max_body, f"The body is larger than {size}. Send the rows in parts.")


Cells: TypeAlias = list[list[Any]]
"""The values of rows. Each inner list contains the values of one column of the map."""

KINDS = {str: "text", bool: "true or false", type(None): "null", list: "a list", dict: "an object"}
MAX_NAMED = 5


def kind_found(value: object) -> str:
    """Return a phrase for the kind of a JSON value. The phrase does not contain the value."""
    return KINDS.get(type(value), "a number")


class Columns:
    """The columns of a map, with functions that read these columns from JSON rows.

    Parameters
    ----------
    encoding : Encoding

    Attributes
    ----------
    names : list of str
        Required columns of each row.  Rules may need columns that the map does not use.
    known : frozenset of str
        Columns that a row may have, including the id and columns that the map does not use.
    id : str or None
        Name of the column with the ids of the rows, or None.
    """

    def __init__(self, encoding: Encoding) -> None:
        needed = {name for rule in rules_of(encoding.roles.rules) for name in rule.columns}
        codes = [*encoding.used, *(c for c in encoding.columns if c.kind in UNUSED_KINDS)]
        codes = [code for code in codes if code.kind not in UNUSED_KINDS or code.name in needed]
        self.names = [code.name for code in codes]
        self.known = frozenset(code.name for code in encoding.columns)
        self.id = encoding.named("id")
        words = encoding.roles.missing_values
        may_miss = encoding.missing != "error"
        self._readers = [_reader_of(code, words, may_miss=may_miss) for code in codes]

    def cells(self, rows: Sequence[Any]) -> Cells:
        """Return the values of JSON rows by column. If a row is not valid, refuse the request."""
        for number, row in enumerate(rows, 1):
            if type(row) is not dict:
                raise Refusal(422, f"Row {number} must be an object, but is {kind_found(row)}.")
            if not self.known.issuperset(row):
                self._check_names(row, f"Row {number}")
        try:
            by_column = [[row[name] for row in rows] for name in self.names]
        except KeyError:
            for number, row in enumerate(rows, 1):
                self._check_names(row, f"Row {number}")
            raise
        return [read.cells(values) for read, values in zip(self._readers, by_column, strict=True)]

    def table(self, cells: Cells) -> Table:
        """Return a table of the row values from one or several requests."""
        columns = (read.column(each) for read, each in zip(self._readers, cells, strict=True))
        return Table(tuple(columns), "the request")

    def with_ids(self, table: Table, ids: Sequence[Any] | None) -> Table:
        """If the map has an id column that a table lacks, add the ids of the rows to the table."""
        if ids is None or self.id is None or self.id in table.names:
            return table
        texts = [None if each is None else str(each) for each in ids]
        return replace(table, columns=(*table.columns, column_of_texts(self.id, texts)))

    def check_table(self, table: Table) -> None:
        """Refuse a table that lacks columns of the map or has unknown columns."""
        if self.known.isdisjoint(table.names):
            raise Refusal(
                422,
                f"None of the {len(table.names)} columns is in the map, which needs "
                f"{listed(self.names, MAX_NAMED)}. The first line of a CSV must contain the names "
                "of the columns.",
            )
        self._check_names(table.names, "The table")

    def _check_names(self, given: Sequence[str] | Mapping[str, Any], what: str) -> None:
        """Refuse a row or a table that lacks columns of the map or has unknown columns."""
        lacking = [name for name in self.names if name not in given]
        others = [name for name in given if name not in self.known]
        if lacking:
            close = suggestion(lacking[0], others)
            meant = f" ({close})" if close else ""
            names = listed(lacking, MAX_NAMED)
            raise Refusal(422, f"{what} lacks columns of this map: {names}{meant}.")
        if others:
            raise Refusal(
                422,
                f"{what} has columns that are not in this map ({listed(others, MAX_NAMED)}). Leave "
                "these columns out.",
            )


def _reader_of(code: Any, words: Sequence[str] | None, *, may_miss: bool) -> "_Numbers | _Texts":
    if isinstance(code, NumberCode):
        return _Numbers(code.name, words, may_miss=may_miss)
    levels = code.levels if isinstance(code, CategoryCode | OrdinalCode) else ()
    return _Texts(code.name, words, levels, may_miss=may_miss)


class _Reader:
    """Reader of the values of one column. It checks their types."""

    types: frozenset[type] = frozenset()
    needs = ""

    def __init__(self, name: str, *, may_miss: bool) -> None:
        self._name = name
        self._may_miss = may_miss

    def check(self, values: Sequence[Any]) -> None:
        """Refuse the request if a value in this column has a wrong type."""
        allowed = self.types | {type(None)} if self._may_miss else self.types
        if allowed.issuperset(map(type, values)):
            return
        row = next(i for i, value in enumerate(values) if type(value) not in allowed)
        self.refuse(row, kind_found(values[row]))

    def refuse(self, row: int, found: str) -> None:
        """Refuse a request because the value in one row has a wrong kind for this column."""
        or_null = " or null" if self._may_miss else ""
        raise Refusal(
            422,
            f"Row {row + 1}, column '{self._name}', must contain {self.needs}{or_null}, but "
            f"contains {found}.",
        )


class _Numbers(_Reader):
    types = frozenset({int, float})
    needs = "a number"

    def __init__(self, name: str, words: Sequence[str] | None, *, may_miss: bool) -> None:
        super().__init__(name, may_miss=may_miss)
        self._missing = _numbers_among(words or ())

    def cells(self, values: list[Any]) -> list[Any]:
        """Return the values of a number column, with None for missing values."""
        self.check(values)
        if self._missing:
            values = [None if value in self._missing else value for value in values]
        if not all(map(_is_finite, values)):
            far = next(i for i, value in enumerate(values) if not _is_finite(value))
            self.refuse(far, "a number that is too large for a float")
        return values

    def column(self, cells: list[Any]) -> Column:
        """Return the numbers as a column."""
        return column_of_numbers(self._name, cells)


class _Texts(_Reader):
    types = frozenset({str, int, float, bool})
    needs = "text, a number, true, false"

    def __init__(
        self, name: str, words: Sequence[str] | None, levels: Sequence[str], *, may_miss: bool
    ) -> None:
        super().__init__(name, may_miss=may_miss)
        self._levels = {level: level for level in levels}
        self._as_level = {level.casefold(): level for level in levels}
        self._missing = {
            word.strip().casefold() for word in (MISSING_WORDS if words is None else words)
        } | {""}

    def cells(self, values: list[Any]) -> list[Any]:
        """Return the values of a text column, with None for missing values."""
        try:
            return [self._levels[value] for value in values]  # the usual case
        except (KeyError, TypeError):
            self.check(values)
        return [self._cell(value) for value in values]

    def column(self, cells: list[Any]) -> Column:
        """Return the texts as a column."""
        return column_of_texts(self._name, cells)

    def _cell(self, value: Any) -> str | None:
        if value is None:
            return None
        if type(value) is bool:  # in the form of the map's own table
            return self._as_level.get(str(value).casefold(), str(value))
        text = str(value).removesuffix(".0") if type(value) is float else str(value).strip()
        if text in self._levels:
            return text
        return None if text.casefold() in self._missing else text


def _is_finite(value: Any) -> bool:
    try:
        return value is None or isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


def _numbers_among(words: Sequence[str]) -> set[float]:
    found = set()
    for word in words:
        with suppress(ValueError):
            found.add(float(word))
    return found


JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
WIRES = {CSV: "csv", ARROW: "arrow"}
"""Kind of table that `table_from_wire` reads, by the media type of the body."""

TYPES = f"{JSON}, {CSV} or {ARROW}"

NO_TABLE = {
    "csv": "The body cannot be read as CSV. It must be text in UTF-8 with a line of column names "
    "and at least one row. For details, use `somscape score` with the same text in a file.",
    "arrow": "The body cannot be read as an Arrow stream of numbers, text and dates, or the "
    "uncompressed data are too large.",
}
"""Messages for bodies that cannot be read. These messages do not quote values."""


def media_type(header: str | None) -> str:
    """Return the media type in a header without its parameters, for example "application/json"."""
    return (header or "").partition(";")[0].strip().lower()


def rows_of_json(body: bytes, limits: RequestLimits) -> list[Any]:
    """Return the rows in a JSON body, which is one row, a list of rows, or {"rows": [...]}."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:  # its text names a position and quotes no value
        said = f"The body is not JSON: {error}. Send null for a missing value."
        raise Refusal(400, said) from None
    except RecursionError:
        raise Refusal(400, "The JSON is nested too deeply. Send rows as flat objects.") from None
    if isinstance(found, dict):
        found = found["rows"] if found.keys() == {"rows"} else [found]
    if not isinstance(found, list):
        raise Refusal(
            422,
            'The body must be a row, a list of rows, or {"rows": [...]}, but is '
            f"{kind_found(found)}.",
        )
    _check_length(len(found), limits)
    return found


def table_of_wire(
    kind: str, body: bytes, limits: RequestLimits, words: tuple[str, ...] | None
) -> Table:
    """Return the table that a body contains as CSV or Arrow."""
    try:
        table = table_from_wire(kind, body, "the body", words)
    except InputError:
        raise Refusal(422, NO_TABLE[kind]) from None
    _check_length(table.n_rows, limits)
    return table


def _check_length(n_rows: int, limits: RequestLimits) -> None:
    if not n_rows:
        raise Refusal(422, "The body does not contain a row. Send at least one row.")
    if n_rows > limits.max_rows:
        raise Refusal(
            413,
            f"The request has {n_rows:,} rows, but at most {limits.max_rows:,} are allowed "
            "(--max-rows). Send the rows in parts.",
        )


FLAGGED, ALL, NONE = "flagged", "all", "none"
EXPLAINED = (FLAGGED, ALL, NONE)
"""Values of the parameter that chooses for which rows a response contains reasons."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Scores and other results for some rows, in the order of these rows.

    Attributes
    ----------
    scores, p_values : ndarray of shape (n_rows,)
    is_flagged : ndarray of shape (n_rows,), bool
    units : ndarray of shape (n_rows,)
    reasons : list of Reasons or None
        Reasons for the score of each row; None for a row without requested reasons.
    rules : list of str or None
        Kind and name of the rule that lists or hides each row, or "".  None for a map without
        rules.
    """

    scores: Float64s
    p_values: Float64s
    is_flagged: NDArray[np.bool_]
    units: Ints
    reasons: list[Reasons | None]
    rules: list[str | None]

    def part(self, some: slice) -> "Answers":
        """Return the results for a slice of the rows."""
        return Answers(**{name: values[some] for name, values in vars(self).items()})

    def to_json(self, ids: Sequence[Any] | None) -> list[dict[str, Any]]:
        """Return the results for each row as a dict, with the id of the row if it is known."""
        columns = zip(
            self.scores.tolist(),
            self.p_values.tolist(),
            self.is_flagged.tolist(),
            self.units.tolist(),
            self.reasons,
            self.rules,
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
                **({} if rule is None else {"rule": rule}),
                **({} if reasons is None else _in_json(reasons)),
            }
            for row, (score, p_value, is_flagged, unit, reasons, rule) in enumerate(columns, 1)
        ]

    def to_table(self, ids: Sequence[Any] | None, id_name: str | None) -> Table:
        """Return a table with the results for each row. Reasons are text."""
        columns: dict[str, Any] = {
            "row": np.arange(1, len(self.scores) + 1),
            "score": self.scores,
            "p_value": self.p_values,
            "flagged": np.where(self.is_flagged, "yes", "no").tolist(),
            "unit": self.units,
            **({} if None in self.rules else {"rule": self.rules}),
            "reasons": ["" if each is None else str(each) for each in self.reasons],
        }
        if ids is not None and id_name is not None:
            columns = {"row": columns["row"], free_name(id_name, columns): ids, **columns}
        return table_from_columns(columns)


def answers_of(detector: Detector, table: Table, explained: Sequence[str]) -> Answers:
    """Score the rows of a table, with the same results as the command `somscape score`."""
    rows, asked = detector.map_.rows_of(table), np.array(explained)
    units = detector.map_._winners_of_rows(rows)
    by_column = None
    if (asked == ALL).all():
        scores, by_column = explained_rows(detector, rows)
    else:
        scores = detector._scores_of_rows(rows)
    p_values = detector.calibration.p_values(scores, units)
    is_flagged = scores > detector.threshold
    ruling, rules = None, list[str | None]([None] * len(rows))
    if detector.map_.encoding.roles.rules:
        ruling = Ruling(detector.map_.encoding, table)
        is_flagged = ruling.flagged(is_flagged)
        rules[:] = ruling.labels
    which = np.flatnonzero((asked == ALL) | ((asked == FLAGGED) & is_flagged))
    reasons: list[Reasons | None] = [None] * len(rows)
    if by_column is not None:
        found = reasons_of(detector, table, rows, by_column)
    else:
        some = table.take(which)
        found = reasons_of(detector, some, np.ascontiguousarray(rows[which])) if len(which) else []
    found = found if ruling is None else with_rules(found, ruling, which)
    for row, one in zip(which.tolist(), found, strict=True):
        reasons[row] = one
    return Answers(scores, p_values, is_flagged, units, reasons, rules)


def _in_json(reasons: Reasons) -> dict[str, Any]:
    return {
        "why": reasons.sentence(),
        "reasons": [
            {
                **{name: getattr(reason, name) for name in ("column", "value", "usual")},
                "share": round(reason.share, 4),
                "sentence": reason.sentence(),
            }
            for reason in reasons
        ],
    }


FARTHEST = 1e100
"""Largest allowed encoded value. Distances between larger values overflow."""


def refusal_of(encoding: Encoding, table: Table) -> Refusal:
    """Return the refusal of a table that a map cannot read, without quoting its values."""
    problems = (_problem_of(code, table, encoding.missing) for code in encoding.used)
    general = "The rows cannot be encoded with the columns of this map."
    return Refusal(422, next(filter(None, problems), general))


def _problem_of(code: Any, table: Table, missing: str) -> str | None:
    """Return a sentence on the first value of a column that a map cannot read, or None."""
    try:
        source = code.read(table.column(code.name))
        problem = code.problem(source)
        if problem is not None:
            row, needed = problem
            return f"In row {row + 1}, column '{code.name}' {needed}."
        if missing == "error" and source.missing.any():
            row = int(source.missing.argmax())
            return f"In row {row + 1}, column '{code.name}' does not have a value."
        is_near = (np.abs(code.encode(source)) <= FARTHEST).all(axis=1)
    except InputError:
        return f"Column '{code.name}' cannot be read as a {code.kind}."
    if is_near.all():
        return None
    far = f"In row {int(is_near.argmin()) + 1}, the number in column '{code.name}' is too far from"
    return f"{far} the training data of the map."


ROUTES = {"detector": "/score", "recognizer": "/predict", "predictor": "/predict"}


@dataclass(frozen=True, eq=False)
class Served:
    """A served map file.

    Attributes
    ----------
    thing : Detector, Recognizer or Predictor
    sha256 : str
        SHA-256 of the file.
    loaded : str
        Time at which the file was loaded, in UTC.
    """

    thing: Detector | Recognizer | Predictor
    sha256: str
    loaded: str

    @property
    def kind(self) -> str:
        """The kind of the served model: "detector", "recognizer" or "predictor"."""
        return type(self.thing).__name__.lower()

    @property
    def encoding(self) -> Encoding:
        """The encoding of rows."""
        return self.thing.map_.encoding

    @cached_property
    def columns(self) -> Columns:
        """The required columns of rows."""
        return Columns(self.encoding)

    @cached_property
    def fields(self) -> dict[str, str]:
        """The kind of each column. A changed map file must have columns of the same kinds."""
        return {code.name: code.kind for code in self.encoding.columns}

    @cached_property
    def reads_rows_alone(self) -> bool:
        """Whether each row can be read alone. The format of dates is found from several rows."""
        return not any(isinstance(code, DateCode) for code in self.encoding.used)

    def score(self, table: Table, explained: list[str]) -> Answers:
        """Return the scores of the rows in a table, or refuse the table."""
        if not isinstance(self.thing, Detector):
            raise Refusal(404, "This model predicts a column. Use /predict instead of /score.")
        try:
            return answers_of(self.thing, table, explained)
        except InputError as error:
            if error.parameter in RULE_KINDS:
                said = f"cannot be applied to column '{error.column}' of these rows."
                raise Refusal(422, f"A rule of this map (--{error.parameter}) {said}") from None
            raise refusal_of(self.encoding, table) from None

    def predict(self, table: Table) -> Table:
        """Return the predictions for the rows in a table, or refuse the table."""
        if isinstance(self.thing, Detector):
            raise Refusal(404, "This model is a detector. Use /score instead of /predict.")
        try:
            return predictions_of(self.thing, table)
        except InputError:
            raise refusal_of(self.encoding, table) from None


def load_served(path: Path) -> Served:
    """Load a map file for the service."""
    try:
        return _load_checked(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # one broken file must not end the wait for the next file
        raise InputError(
            f"{path} contains a map that cannot be used ({type(error).__name__}). Save the map "
            "again.",
            file=path,
        ) from error


def _load_checked(path: Path) -> Served:
    before = state_of(path)
    sha256 = _sha256(path)
    thing = load_model(path)
    if not isinstance(thing, Detector | Recognizer | Predictor):
        raise InputError(
            f"{path} is only a map, which cannot score or predict rows. Give the map.som of "
            "`somscape detect` or of `somscape fit --target`.",
            file=path,
        )
    if ROW_COUNT in (code.name for code in thing.map_.encoding.columns):
        raise InputError(
            f"{path} ranks customers, whose rows are combined from a whole table (--per). `serve` "
            "supports only maps of single rows. Use `somscape score` for this map.",
            file=path,
        )
    if state_of(path) != before:
        raise InputError(
            f"{path} changed while it was being read. Write a new file under another name, then "
            "rename it.",
            file=path,
        )
    served = Served(thing, sha256, _now())
    try:
        _warm_up(served)
    except Refusal as refused:
        raise InputError(
            f"{path} contains a map that refuses even an empty row ({refused.detail.rstrip('.')}). "
            "Save the map again.",
            file=path,
        ) from None
    return served


def state_of(path: Path) -> tuple[int, int, int]:
    """Return facts about a file that change if another file takes its place."""
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


def _warm_up(served: Served) -> None:
    """Score or predict an empty row. This makes the first request faster."""
    empty: Any = served.columns.table([[None]] * len(served.columns.names))
    if served.encoding.missing != "error":
        if isinstance(served.thing, Detector):
            served.score(empty, ["all"])
        else:
            served.predict(empty)


PERIOD = 1.0
"""Seconds between two checks of the file."""

MAX_NAMED = 5


class Keeper:
    """Keeper of the served map.  It loads the map file again after the file has changed.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    current : Served
    refused : dict or None
        Time and reason of the refusal of a changed map file, or None if the last file was accepted.

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
        """Load the map file if it has changed. Return whether it was accepted, or None if it has
        not changed."""
        state: tuple[int, int, int] | None = None
        try:
            state = state_of(self.path)
            if state == self._state:
                return None
            found = load_served(self.path)
            _check_columns(self.current, found)
        except InputError as error:
            if state == self._state and state is None:
                return None  # the file is still missing
            self._state = state
            self.refused = {"when": _now(), "why": shown(str(error))}
            return False
        except MemoryError:
            return None  # try again at the next check
        self._state, self.current, self.refused = state, found, None
        return True

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Check the file at regular intervals. Requests in progress use the previous map."""
        while True:
            await asyncio.sleep(PERIOD)
            is_taken = await asyncio.to_thread(self.look)
            if is_taken is not None:
                tell(is_taken)


def _check_columns(old: Served, new: Served) -> None:
    if new.kind != old.kind:
        raise InputError(f"The new file contains a {new.kind}, but the service needs a {old.kind}.")
    names = {*old.fields, *new.fields}
    different = sorted(name for name in names if old.fields.get(name) != new.fields.get(name))
    if different:
        raise InputError(
            "The new file has different columns, or columns of different kinds ("
            f"{listed(different, MAX_NAMED)}). Restart the service for this file."
        )


MOMENT = 0.001
"""Maximum time in seconds that a request waits for other requests to be scored with it."""


@dataclass(eq=False)
class _Waiting:
    """The rows of a request to be scored, and a future that receives the results. If the future
    receives None, the request must be scored alone."""

    served: Served
    cells: Cells
    explained: list[str]
    answers: "asyncio.Future[Answers | None]"


class Together:
    """Scorer of small requests.  Simultaneous requests are scored together.

    The scorer runs in the event loop.  It scores all waiting requests at once.  After several
    requests were scored together, the next request waits up to a millisecond until the same number
    of requests is waiting.  If no other request arrives in this time, later requests do not wait.
    """

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._expected = 1
        self._timer: asyncio.Handle | None = None

    async def score(self, served: Served, cells: Cells, explained: list[str]) -> Answers:
        """Score the rows of one request, possibly together with other requests."""
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
        # Scored here, so that this client gets the error.
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
        finally:  # no request must wait for ever
            for one in waiting:
                if not one.answers.done():
                    one.answers.set_result(None)


def _answer_joined(served: Served, joined: list[_Waiting]) -> None:
    """Score several requests at once. If an error occurs, score none."""
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
