"""Whether a run's rows still resemble those that the map learned, in a sentence with columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.cases._unseen import Unseen
from somscape.encode import (
    CategoryCode,
    Encoding,
    NumberCode,
    number_text,
    words_of_column,
    words_of_level,
)
from somscape.outliers import Detector, DriftMonitor
from somscape.tables import Table, counted

MIN_WINDOW, MAX_WINDOW = 50, 1_000
"""Rows after which drift is looked for: those of the table, within these bounds."""

SURE = 3.0
"""Standard deviations above the number expected, from which too many rows are flagged."""

FAR_SHARE = 0.01
"""Share of the rows of a map's first run that count as far from it."""

MANY_TIMES = 2.0
"""Times the share expected of rows that are far or flagged, from which a map may be worn."""

MAX_NAMED, MIN_PART = 3, 0.25
"""Most columns that are named, and how much of the first one's part they have at least."""

MAX_LOOKED_AT = 2_000
"""Rows, evenly spaced, that tell which columns moved."""

TIMES = 1.5
"""Times that a median grew, from which the sentence says how many times larger it is."""


@dataclass(frozen=True)
class Drift:
    """What a run's rows are beside those that the map learned.

    Attributes
    ----------
    n_rows, n_above : int
        Rows, and those that score above the map's threshold.
    expected : float
        How many would, by chance, of rows like those that the map learned.
    columns : tuple of str
        Those that changed most; none without drift.
    changes : tuple of str
        How each of them did, in words.
    lasting : tuple of str
        The same, but "" where the words have a median or a level, which are cells of rows.
    alarms : tuple of str
        Kinds of the alarms of a `somscape.outliers.DriftMonitor`.
    far : float
        Distance from the map beyond which rows are far.
    share_far : float
        Share of the rows beyond it; 0.01 of the map's first run were.
    is_first : bool
        Whether this is the first run by this map, which shows no drift.
    unseen : mapping of str to int
        By column, cells with a level that the map never saw.
    """

    n_rows: int
    n_above: int
    expected: float
    columns: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    far: float = 0.0
    share_far: float = FAR_SHARE
    is_first: bool = False
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_more(self) -> bool:
        """Whether more rows than by chance score above the threshold."""
        return self.n_above - self.expected > SURE * max(1.0, self.expected) ** 0.5

    @property
    def is_found(self) -> bool:
        """Whether the rows differ from those that the map learned."""
        return not self.is_first and (self.is_more or bool(self.alarms))

    @property
    def sentence(self) -> str:
        """What is to be said of drift, in one sentence; "" in a map's first run."""
        if self.is_first:
            return ""
        were = f"{self.n_above:,} flagged where {round(self.expected):,} were expected"
        if not self.is_found:
            return f"No drift: {were}."
        return f"Drift: {'; '.join([were, *self.changes])}."

    @property
    def train_anew(self) -> str:
        """Why to train anew, in a sentence; "" where there is no reason."""
        is_worn = self.is_more and self.n_above > MANY_TIMES * self.expected
        is_far = self.share_far > MANY_TIMES * FAR_SHARE and bool(self.alarms)
        if self.is_first or not (is_worn or is_far or "hits" in self.alarms):
            return ""
        n = max(1, self.n_rows)
        above, expected = (_percent(each / n) for each in (self.n_above, self.expected))
        far, at_first = (_percent(each) for each in (self.share_far, FAR_SHARE))
        return (
            f"{above} of the rows are flagged where {expected} were expected, "
            f"{far} lie farther from the map than {at_first} did at first, and there are "
            f"{counted(len(self.alarms), 'drift alarm')}: if the data are right, train anew."
        )

    def facts(self) -> dict[str, Any]:
        """Return it as JSON data, without cells."""
        return {
            "n_above": self.n_above,
            "expected": round(self.expected, 1),
            "is_found": self.is_found,
            "columns": list(self.columns),
            "changes": list(self.lasting),
            "alarms": list(self.alarms),
            "far": self.far,
            "share_far": self.share_far,
            "is_first": self.is_first,
            "unseen": dict(self.unseen),
        }


def drift_of(
    detector: Detector,
    table: Table,
    rows: Float64s,
    scores: Float64s,
    first_far: float | None,
    unseen: Sequence[Unseen] = (),
) -> Drift:
    """Compare a run's rows with those that the map learned."""
    map_, calibration = detector.map_, detector.calibration
    is_above = calibration.scores > detector.threshold
    share = float(np.average(is_above, weights=calibration.weights)) if len(is_above) else 0.0
    distances = map_.nearest(rows)[1][:, 0]
    n_above = int((scores > detector.threshold).sum())
    if first_far is None:
        far = float(np.quantile(distances, 1 - FAR_SHARE, method="higher")) if len(rows) else 0.0
        return Drift(len(rows), n_above, share * len(rows), far=far, is_first=True)
    window = min(max(len(rows), MIN_WINDOW), MAX_WINDOW)
    monitor = DriftMonitor(detector, window)
    alarms = tuple(dict.fromkeys(alarm.kind for alarm in monitor.update(rows)))
    found = Drift(
        len(rows),
        n_above,
        share * len(rows),
        alarms=alarms,
        far=first_far,
        share_far=float((distances > first_far).mean()) if len(rows) else 0.0,
        unseen={each.column: each.n for each in unseen},
    )
    if not found.is_found:
        return found
    changed = _columns_that_changed(detector, rows)
    names = tuple(map_.encoding.features[j].name for j in changed)
    said = [_change(detector, j, table, rows) for j in changed]
    changes = tuple(words for words, _ in said)
    lasting = tuple(words if is_lasting else "" for words, is_lasting in said)
    return replace(found, columns=names, changes=changes, lasting=lasting)


def _columns_that_changed(detector: Detector, rows: Float64s) -> list[int]:
    """Return the numbers of the columns that add more to scores than they did in training."""
    some = np.ascontiguousarray(rows[:: -(-len(rows) // MAX_LOOKED_AT)])
    usual = detector.mean_contributions
    more = detector.contributions_of_rows(some).mean(axis=0) - (0.0 if usual is None else usual)
    order = np.argsort(-more, kind="stable")[:MAX_NAMED]
    least = max(MIN_PART * more[order[0]], 0.0)
    return [j for j in order.tolist() if more[j] > least]


def _change(detector: Detector, j: int, table: Table, rows: Float64s) -> tuple[str, bool]:
    """Say how a column changed, and whether the words have no cell of the table."""
    map_ = detector.map_
    code, place = map_.encoding.features[j], map_.encoding.slices[j]
    name = words_of_column(map_.encoding, code.name)
    if isinstance(code, CategoryCode):
        before = np.average(map_.codebook[:, place], axis=0, weights=map_.hits)
        return _of_levels(map_.encoding, code, before, rows[:, place].mean(axis=0)), False
    if isinstance(code, NumberCode):
        numbers = code.read(table.column(code.name)).numbers
        present = numbers[~np.isnan(numbers)] if numbers is not None else np.empty(0)
        if len(present):
            return _of_numbers(name, code.fill, float(np.median(present)))
    before = np.average(map_.codebook[:, place], axis=0, weights=map_.hits)
    now = np.median(rows[:, place], axis=0)
    return f"{name} is {code.usual(now[None])} where it was {code.usual(before[None])}", False


def _of_numbers(name: str, before: float, now: float) -> tuple[str, bool]:
    times = now / before if before else 0.0
    if times >= TIMES:
        return f"{name} is {_times(times)} times larger", True
    if 0 < times <= 1 / TIMES:
        return f"{name} is {_times(1 / times)} times smaller", True
    texts = [number_text(value) for value in (before, now)]
    if texts[0] == texts[1]:
        return f"{name} lies farther out, around a median of {texts[1]} as before", False
    return f"the median of {name} is {texts[1]} where it was {texts[0]}", False


def _times(value: float) -> str:
    return number_text(value, is_whole=value >= 10, digits=2)


def _of_levels(encoding: Encoding, code: CategoryCode, before: Float64s, now: Float64s) -> str:
    before, now = (each / max(float(each.sum()), 1e-12) for each in (before, now))
    level = int(np.argmax(now - before))
    text = code.feature_names[level].removeprefix(f"{code.name}=")
    words = words_of_level(encoding, code.name, text)
    name = words_of_column(encoding, code.name)
    shares = [_percent(float(each[level])) for each in (now, before)]
    return f"{name} is {words} in {shares[0]} of the rows where {shares[1]} had it"


def _percent(share: float) -> str:
    return f"{number_text(100 * share, digits=2)} %"
