"""A map file in service: what it holds, and what it answers."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from somscape.encode import DateCode, Encoding
from somscape.errors import InputError
from somscape.jobs import predictions_of
from somscape.outliers import Detector
from somscape.recognize import Predictor, Recognizer
from somscape.save import load
from somscape.serve._answers import Answers, answers_of
from somscape.serve._columns import Columns
from somscape.serve._faults import refusal_of
from somscape.serve._refused import Refused
from somscape.tables import ROW_COUNT, Table

PIECE = 1 << 20
"""Bytes that are hashed at a time."""

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
            raise Refused(404, "This file predicts a column: ask /predict, not /score.")
        try:
            return answers_of(self.thing, table, explained)
        except InputError:
            raise refusal_of(self.encoding, table) from None

    def predict(self, table: Table) -> Table:
        """Return what a model predicts for rows, or refuse them."""
        if isinstance(self.thing, Detector):
            raise Refused(404, "This file is a detector: ask /score, not /predict.")
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
    served = Served(thing, sha256, datetime.now(UTC).isoformat(timespec="seconds"))
    try:
        _try(served)
    except Refused as refused:
        raise InputError(
            f"{path} holds a map that refuses even an empty row ({refused.problem}) Save it again."
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
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                found.update(piece)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error
    return found.hexdigest()


def _try(served: Served) -> None:
    """Ask once, so that what is made late is there before the first request."""
    empty: Any = served.columns.table([[None]] * len(served.columns.names))
    if served.encoding.missing != "error":
        if isinstance(served.thing, Detector):
            served.score(empty, ["all"])
        else:
            served.predict(empty)
