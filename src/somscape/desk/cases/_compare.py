"""Compare a run with the previous run by their lists, row moves, drift, and unseen levels."""

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.desk.cases._watch import MAX_SAMPLE, columns_of_cells
from somscape.desk.cases.records import (
    CLEARED,
    CONFIRMED,
    NEW,
    RETURNED,
    RISEN,
    STILL,
    UNREPORTED,
    Decision,
    Listed,
)
from somscape.errors import InputError
from somscape.outliers.detector import Detector
from somscape.outliers.drift import DriftMonitor
from somscape.tables._messages import counted
from somscape.tables._recoded import words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode, level_texts, number_text
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table, table_from_columns

MIN_SHARED = 20
"""Minimum number of keys in both runs for measuring moves of rows by key instead of by unit."""

QUANTILE = 0.95
"""Share of the compared rows whose moves count as usual."""

LEAST_MOVE = 0.01
"""Minimum distance of a far move, relative to the usual range of a number column."""

MAX_NAMED, MIN_NAMED = 3, 0.05
"""Maximum number of columns to name for a move, and minimum share of the move in a named column."""


@dataclass(frozen=True)
class UsualMoves:
    """The largest changes of a row's position and score that count as usual.

    Attributes
    ----------
    far : float
        Largest usual distance between the positions of a row in two runs, in the map's metric.
    rise : float
        Largest usual change of a score.
    n : int
        Number of compared pairs of rows.
    by : str
        "keys" if the compared rows have the same key, "units" if they are only in the same unit.
    """

    far: float
    rise: float
    n: int
    by: str


def usual_moves(
    detector: Detector, before: Float64s, now: Float64s, others: Float64s
) -> UsualMoves:
    """Return the changes between two runs that 95 % of the rows do not exceed. If the runs have few
    keys in common, rows of the same unit are compared instead."""
    by = "keys"
    if np.count_nonzero(~np.isnan(before).any(axis=1)) < MIN_SHARED:
        by = "units"
        before, now = _pairs_of_units(detector, others)
    far = rises = np.zeros(1)
    is_known = ~np.isnan(before).any(axis=1)
    before, now = before[is_known], now[is_known]
    if len(now):
        far = detector.map_.metric.between(before, now)
        rises = np.abs(detector._scores_of_rows(now) - detector._scores_of_rows(before))
    highest = [float(np.quantile(each, QUANTILE, method="higher")) for each in (far, rises)]
    return UsualMoves(max(highest[0], LEAST_MOVE), highest[1], len(now), by)


def _pairs_of_units(detector: Detector, rows: Float64s) -> tuple[Float64s, Float64s]:
    """Return pairs of rows that are in the same unit, from a sample of the rows."""
    some = np.ascontiguousarray(rows[:: -(-len(rows) // MAX_SAMPLE) or 1])
    units = detector.map_._winners_of_rows(some)
    order = np.argsort(units, kind="stable")
    is_same = units[order][1:] == units[order][:-1]
    return some[order[:-1][is_same]], some[order[1:][is_same]]


def encoded_cells(encoding: Encoding, cells: Sequence[Mapping[str, Any]]) -> Float64s:
    """Encode the saved values of rows for the current map. The encoding of an unreadable row is
    NaN."""
    rows = np.full((len(cells), encoding.n_features), np.nan)
    lenient = replace(encoding, missing="fill")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the run itself warned about unseen levels
        try:
            if cells:
                rows = lenient.encode(_table_of(encoding, cells))
        except InputError:
            for i, row in enumerate(cells):
                with suppress(InputError):
                    rows[i] = lenient.encode(_table_of(encoding, [row]))[0]
    return rows


def _table_of(encoding: Encoding, cells: Sequence[Mapping[str, Any]]) -> Table:
    columns = columns_of_cells(cells, [code.name for code in encoding.used])
    return table_from_columns(columns, "an earlier run")


def what_moved(encoding: Encoding, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe in which columns the values of a row have changed, largest change first."""
    a, b = encoded_cells(encoding, [before, now])
    by_column = encoding.sum_by_used((a - b)[None] ** 2)[0]
    texts = [level_texts(column) for column in _table_of(encoding, [before, now]).columns]
    order = np.argsort(-by_column, kind="stable")[:MAX_NAMED]
    least = MIN_NAMED * by_column.sum()
    names = [words_of_column(encoding, code.name) for code in encoding.used]
    return [
        f"{names[j]} moved from {texts[j][0]} to {texts[j][1]}"
        for j in order
        if by_column[j] > 0 and by_column[j] >= least and texts[j][0] != texts[j][1]
    ]


NEWS = (NEW, RETURNED, RISEN)
"""Kinds of changes of a listed row for which a person should look at the row."""

LEAST_RISE = 0.01
"""Minimum change of a score, relative to the score, that counts as a rise or a fall."""


@dataclass(frozen=True)
class Gone:
    """A case that the list of the previous run contains, but the list of this run does not.

    Attributes
    ----------
    key : str
    place : int
        Rank of the case in the list of the previous run.
    is_there : bool
        Whether the table of this run contains the case.
    why : str
        Reason why the list of this run does not contain the case.
    """

    key: str
    place: int
    is_there: bool
    why: str


def news_of(
    key: str,
    score: float,
    last: Mapping[str, Listed],
    before: Mapping[str, float],
    usual: UsualMoves,
    back: Collection[str],
    put_away: Collection[str],
) -> str:
    """Return how a listed row has changed since the previous run, for example "new"."""
    was = last.get(key)
    if key in back and (was is None or was.news in UNREPORTED or key in put_away):
        return RETURNED
    if was is None or was.news in UNREPORTED:
        return NEW
    if key in before and score - before[key] > max(usual.rise, LEAST_RISE * abs(before[key])):
        return RISEN
    return STILL


def gone(
    last: Sequence[Listed],
    listed: set[str],
    today: Mapping[str, float],
    before: Mapping[str, float],
    *,
    is_by_number: bool,
    hidden: Mapping[str, str],
) -> tuple[Gone, ...]:
    """Return the cases that were in the list of the previous run, but are not in this list.

    `hidden` contains the rules that hide rows, by key.
    """

    def why(key: str) -> str:
        if key not in today:
            return "not in the data any more"
        if key in hidden:
            return f"hidden by a rule ({hidden[key]})"
        was = before.get(key, np.inf)  # some scores are unknown
        if not today[key] >= was - LEAST_RISE * abs(was):
            return "not unusual enough any more"
        if is_by_number:
            return "as unusual as before, but other rows are more unusual now"
        return "about as unusual as before, but below the rule's threshold now"

    return tuple(
        Gone(row.key, row.place, row.key in today, why(row.key))
        for row in last
        if row.news not in UNREPORTED and row.key not in listed
    )


OTHER = "its row cannot be compared with the earlier row"
"""Text for a changed row if the columns that have changed are unknown."""

MONTHS = 12
"""Number of months in a year."""


def returned(
    detector: Detector,
    decided: Mapping[str, Decision],
    cells: Mapping[str, Mapping[str, Any]],
    usual: UsualMoves,
    *,
    clear_for: int,
    today: str,
) -> dict[str, str]:
    """Return, by key, the reasons why cleared cases should be looked at again."""
    cleared = {k: d for k, d in decided.items() if d.state == CLEARED and k in cells}
    why = {
        key: f"{_clearing_text(decision)}, {counted(clear_for, 'month')} ago or more."
        for key, decision in cleared.items()
        if months_between(decision.made, today) >= clear_for
    }
    known = [key for key, decision in cleared.items() if decision.cells and key not in why]
    encoding = detector.map_.encoding
    before = encoded_cells(encoding, [cleared[key].cells or {} for key in known])
    now = encoded_cells(encoding, [cells[key] for key in known])
    moved = detector.map_.metric.between(before, now) if known else ()
    for key, far in zip(known, moved, strict=True):
        if not far <= usual.far:  # also if the map cannot encode the earlier row
            what = what_moved(encoding, cleared[key].cells or {}, cells[key])
            why[key] = f"{_clearing_text(cleared[key])}; since then {', '.join(what) or OTHER}."
    return why


def _clearing_text(decision: Decision) -> str:
    by = f" by {decision.author}" if decision.author else ""
    return f"Cleared on {decision.made[:10]}{by}"


def months_between(before: str, after: str) -> int:
    """Return the number of complete months between two times."""
    a, b = (datetime.fromisoformat(text).astimezone(UTC) for text in (before, after))
    months = MONTHS * (b.year - a.year) + b.month - a.month
    is_short = (b.day, b.time()) < (a.day, a.time())
    return max(0, months - is_short)


MAX_KEYS, MAX_LEVELS, MAX_COLUMNS = 20, 2, 20
"""Maximum number of keys to name, of levels to name, and of columns to describe."""


@dataclass(frozen=True)
class Unseen:
    """Levels of a column in a run that the training data do not contain.

    Attributes
    ----------
    column : str
    levels : tuple of str
        The first two unseen levels.
    n_levels : int
        Number of unseen levels.
    n : int
        Number of rows with an unseen level.
    keys : tuple of str
        Keys of rows with an unseen level, at most twenty.
    """

    column: str
    levels: tuple[str, ...]
    n_levels: int
    n: int
    keys: tuple[str, ...]

    @property
    def what(self) -> str:
        """Phrase that names the column and its unseen levels."""
        levels = ", ".join(self.levels)
        new = "that the training table does not have"
        if self.n_levels == 1:
            return f"{self.column} has a value {new}, {levels}"
        these = levels if self.n_levels == len(self.levels) else f"such as {levels}"
        return f"{self.column} has {self.n_levels:,} values {new}, {these}"

    @property
    def sentence(self) -> str:
        """Sentence that names the column, its unseen levels, and the rows with these levels."""
        if self.n_levels > 1:
            return f"{self.what} ({counted(self.n, 'row')})."
        more = f" and {self.n - len(self.keys)} more" if self.n > len(self.keys) else ""
        return f"{self.what}: {', '.join(self.keys)}{more}."


def sentences(unseen: Sequence[Unseen]) -> list[str]:
    """Return one sentence for each column that contains unseen levels. The last sentence can count
    further columns."""
    more = len(unseen) - MAX_COLUMNS
    rest = [f"The same is true for {counted(more, 'more column')}."] if more > 0 else []
    return [*(each.sentence for each in unseen[:MAX_COLUMNS]), *rest]


def unseen_levels(encoding: Encoding, table: Table, keys: Sequence[str]) -> tuple[Unseen, ...]:
    """Return, for each column, its unseen levels and the keys of the rows with these levels."""
    found = []
    for code in (each for each in encoding.used if isinstance(each, CategoryCode)):
        column = table.column(code.name)
        cells = column.coded()[0] if column.numbers is None else column.numbers
        _, firsts, places = np.unique(cells, return_index=True, return_inverse=True)
        different, seen = column.take(firsts), {*code.levels}
        levels = level_texts(different)
        is_new = np.array([level not in seen for level in levels], dtype=bool) & ~different.missing
        rows = np.flatnonzero(is_new[places])
        new = [*dict.fromkeys(levels[i] for i in np.flatnonzero(is_new))]
        if new:
            some = tuple(keys[row] for row in rows[:MAX_KEYS])
            found.append(Unseen(code.name, tuple(new[:MAX_LEVELS]), len(new), len(rows), some))
    return tuple(found)


MIN_WINDOW, MAX_WINDOW = 50, 1_000
"""Minimum and maximum number of rows between two checks of drift."""

SURE = 3.0
"""Number of standard deviations above the expected number at which too many rows are flagged."""

FAR_SHARE = 0.01
"""Share of the rows in the first run with a map that count as far from the map."""

MANY_TIMES = 2.0
"""Multiple of the expected share of far or flagged rows above which a map may be outdated."""

MAX_DRIFTED, MIN_PART = 3, 0.25
"""Maximum number of changed columns to name, and their minimum change relative to the largest."""

MAX_LOOKED_AT = 2_000
"""Maximum number of rows in which to search for changed columns."""

TIMES = 1.5
"""Minimum ratio of two medians at which a sentence gives the ratio instead of both medians."""


def drift_text(start: str, n_above: int, expected: float, changes: Iterable[str]) -> str:
    """Return a sentence on how many rows are above the map's threshold, and on changed columns."""
    rows = f"{n_above:,} row{'' if n_above == 1 else 's'}"
    above = f"{rows} above the threshold of the map ({round(expected):,} expected)"
    return f"{start}: {'; '.join([above, *filter(None, changes)])}."


@dataclass(frozen=True)
class Drift:
    """Result of comparing the rows of a run with the training data of the map.

    Attributes
    ----------
    n_rows, n_above : int
        Number of all rows of the run, and number of rows above the map's threshold.
    expected : float
        Expected number of rows above the threshold if there is no drift.
    columns : tuple of str
        The most changed columns; empty without drift.
    changes : tuple of str
        Phrases on the change of each column in `columns`.
    lasting : tuple of str
        The phrases of `changes`, but "" instead of a phrase that contains a median or a level.
    alarms : tuple of str
        Kinds of the alarms of a `somscape.outliers.DriftMonitor`.
    far : float
        Distance from the map above which a row counts as far.
    share_far : float
        Share of rows that are far from the map. This share is 0.01 in the first run of a map.
    is_first : bool
        Whether this is the map's first run.  A first run cannot show drift.
    unseen : mapping of str to int
        Number of rows that contain an unseen level, by column.
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
        """Whether significantly more rows than expected are above the threshold."""
        return self.n_above - self.expected > SURE * max(1.0, self.expected) ** 0.5

    @property
    def is_found(self) -> bool:
        """Whether the rows of the run differ from the training data."""
        return not self.is_first and (self.is_more or bool(self.alarms))

    @property
    def sentence(self) -> str:
        """A sentence on the drift, or "" in the first run with a map."""
        if self.is_first:
            return ""
        start = "Drift" if self.is_found else "No drift"
        return drift_text(start, self.n_above, self.expected, self.changes)

    @property
    def train_anew(self) -> str:
        """A sentence with the reasons to train the map again, or "" if there is no reason."""
        is_worn = self.is_more and self.n_above > MANY_TIMES * self.expected
        is_far = self.share_far > MANY_TIMES * FAR_SHARE and bool(self.alarms)
        if self.is_first or not (is_worn or is_far or "hits" in self.alarms):
            return ""
        n = max(1, self.n_rows)
        above, expected = (_percent(each / n) for each in (self.n_above, self.expected))
        far, at_first = (_percent(each) for each in (self.share_far, FAR_SHARE))
        return (
            f"{above} of the rows are flagged, but {expected} were expected. {far} of the rows are "
            f"far from the map, but {at_first} were far at first. There are "
            f"{counted(len(self.alarms), 'drift alarm')}. If the data are right, train again."
        )

    def facts(self) -> dict[str, Any]:
        """Return the drift as JSON data that do not contain values of rows."""
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


def drift_window(n_rows: int) -> int:
    """Return how many rows are between two checks of drift."""
    return min(max(n_rows, MIN_WINDOW), MAX_WINDOW)


def drift_of(
    detector: Detector,
    table: Table,
    rows: Float64s,
    scores: Float64s,
    first_far: float | None,
    unseen: Sequence[Unseen] = (),
) -> Drift:
    """Compare the rows of a run with the training data of the map."""
    map_, calibration = detector.map_, detector.calibration
    is_above = calibration.scores > detector.threshold
    share = float(np.average(is_above, weights=calibration.weights)) if len(is_above) else 0.0
    distances = map_.nearest(rows)[1][:, 0]
    n_above = int((scores > detector.threshold).sum())
    if first_far is None:
        far = float(np.quantile(distances, 1 - FAR_SHARE, method="higher")) if len(rows) else 0.0
        return Drift(len(rows), n_above, share * len(rows), far=far, is_first=True)
    monitor = DriftMonitor(detector, drift_window(len(rows)))
    alarms = tuple(dict.fromkeys(alarm.kind for alarm in monitor.update(rows)))
    found = Drift(
        *(len(rows), n_above, share * len(rows)),
        alarms=alarms,
        far=first_far,
        share_far=float((distances > first_far).mean()) if len(rows) else 0.0,
        unseen={each.column: each.n for each in unseen},
    )
    if not found.is_found:
        return found
    changed = _columns_that_changed(detector, rows)
    said = [_change(detector, j, table, rows) for j in changed]
    return replace(
        found,
        columns=tuple(map_.encoding.features[j].name for j in changed),
        changes=tuple(words for words, _ in said),
        lasting=tuple(words if is_lasting else "" for words, is_lasting in said),
    )


def _columns_that_changed(detector: Detector, rows: Float64s) -> list[int]:
    """Return the indices of columns that contribute more to the scores than in the training."""
    some = np.ascontiguousarray(rows[:: -(-len(rows) // MAX_LOOKED_AT)])
    usual = detector.mean_contributions
    more = detector._contributions_of_rows(some).mean(axis=0) - (0.0 if usual is None else usual)
    order = np.argsort(-more, kind="stable")[:MAX_DRIFTED]
    least = max(MIN_PART * more[order[0]], 0.0)
    return [j for j in order.tolist() if more[j] > least]


def _change(detector: Detector, j: int, table: Table, rows: Float64s) -> tuple[str, bool]:
    """Return a phrase on the change of a column, and whether the phrase contains no values."""
    map_ = detector.map_
    code, place = map_.encoding.features[j], map_.encoding.slices[j]
    name = words_of_column(map_.encoding, code.name)
    if isinstance(code, NumberCode):
        numbers = code.read(table.column(code.name)).numbers
        present = numbers[~np.isnan(numbers)] if numbers is not None else np.empty(0)
        if len(present):
            return _change_of_numbers(name, code.fill, float(np.median(present)))
    before = np.average(map_.codebook[:, place], axis=0, weights=map_.hits)
    if isinstance(code, CategoryCode):
        shares = rows[:, place].mean(axis=0)
        return _change_of_levels(map_.encoding, code, before, shares), False
    now = np.median(rows[:, place], axis=0)
    return f"{name} is {code.usual(now[None])} where it was {code.usual(before[None])}", False


def _change_of_numbers(name: str, before: float, now: float) -> tuple[str, bool]:
    times = now / before if before else 0.0
    if times >= TIMES:
        return f"{name} is {_times(times)} times larger", True
    if 0 < times <= 1 / TIMES:
        return f"{name} is {_times(1 / times)} times smaller", True
    texts = [number_text(value) for value in (before, now)]
    if texts[0] == texts[1]:
        return f"{name} is farther out, around the same median of {texts[1]}", False
    return f"the median of {name} is {texts[1]} instead of {texts[0]}", False


def _times(value: float) -> str:
    return number_text(value, is_whole=value >= 10, digits=2)


def _change_of_levels(
    encoding: Encoding, code: CategoryCode, before: Float64s, now: Float64s
) -> str:
    before, now = (each / max(float(each.sum()), 1e-12) for each in (before, now))
    level = int(np.argmax(now - before))
    text = code.feature_names[level].removeprefix(f"{code.name}=")
    words = words_of_level(encoding, code.name, text)
    share, had = (_percent(float(each[level])) for each in (now, before))
    name = words_of_column(encoding, code.name)
    return f"{name} is {words} in {share} of the rows instead of {had}"


def _percent(share: float) -> str:
    return f"{number_text(100 * share, digits=2)} %"


def confirmed_by_unit(detector: Detector, decided: Mapping[str, Decision]) -> dict[int, list[str]]:
    """Return the keys of confirmed cases by the unit of the values at the decision."""
    cells = {k: d.cells for k, d in decided.items() if d.state == CONFIRMED and d.cells}
    rows = encoded_cells(detector.map_.encoding, [*cells.values()])
    is_known = ~np.isnan(rows).any(axis=1)
    by_unit: dict[int, list[str]] = {}
    if is_known.any():
        units = detector.map_._winners_of_rows(np.ascontiguousarray(rows[is_known]))
        for key, unit in zip(np.array([*cells], dtype=object)[is_known], units, strict=True):
            by_unit.setdefault(int(unit), []).append(key)
    return by_unit


def near_confirmed(key: str, in_unit: Sequence[str]) -> str:
    """Return a sentence on the other confirmed cases in the unit of a row, or ""."""
    others = [other for other in in_unit if other != key]
    if not others:
        return ""
    if len(others) == 1:
        return f"The confirmed case {others[0]} is in the same unit."
    return f"{len(others)} confirmed cases are in the same unit, such as {others[0]}."
