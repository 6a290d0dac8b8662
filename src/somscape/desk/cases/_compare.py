"""Compare a run with the previous run by their lists and by the moves of rows."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np

from somscape._types import Float64s, Ints
from somscape.desk.cases._watch import MAX_SAMPLE, NEAR, columns_of_cells, other_spelling
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
    WatchRun,
)
from somscape.desk.cases.state import State
from somscape.errors import InputError
from somscape.outliers.detector import Detector
from somscape.outliers.drift import MAX_EXAMPLES
from somscape.outliers.findings import TIMES_SMALLER
from somscape.tables._messages import counted
from somscape.tables._recoded import words_of_column
from somscape.tables.codes import NumberCode, level_texts
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

    def times(self, factor: float) -> "UsualMoves":
        """Return larger moves."""
        return replace(self, far=factor * self.far, rise=factor * self.rise)


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


Cells: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Values of rows by key."""

TIMES_USUAL = 2.0
"""A number jumped if its change is more than this multiple of the change of 95 % of the rows."""


def jumped(
    encoding: Encoding,
    decided: Mapping[str, Decision],
    cells: Cells,
    kept: Callable[[str], Cells],
    cells_of: Callable[[Collection[str]], Cells],
) -> dict[str, set[str]]:
    """Return, by key, the columns with a number that jumped since the decision on a case.

    The change is compared with the changes of undecided rows since the same run.  `kept` returns
    the rows that a run kept, and `cells_of` the rows of the new table.
    """
    names = [code.name for code in encoding.used if isinstance(code, NumberCode)]
    usual: dict[str, dict[str, float]] = {}
    found = {}
    for key in (key for key in cells if decided[key].cells):
        run = decided[key].run or ""
        if run not in usual:
            then = kept(run)
            now = cells_of([other for other in then if other not in decided])
            pairs = [_changes(names, then[other], row) for other, row in now.items()]
            usual[run] = {
                name: TIMES_USUAL * float(np.quantile(values, QUANTILE, method="higher"))
                for name in names
                if len(values := [pair[name] for pair in pairs if name in pair]) >= MIN_SHARED
            }
        changes = _changes(names, decided[key].cells or {}, cells[key])
        most = usual[run]
        found[key] = {n for n, x in changes.items() if x > max(NEAR, most.get(n, np.inf))}
    return found


def _changes(
    names: Sequence[str], before: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, float]:
    """Return the change of each number, relative to the larger of its two sizes."""
    both = {name: (before.get(name), now.get(name)) for name in names}
    return {
        name: abs(b - a) / (max(abs(a), abs(b)) or 1.0)
        for name, (a, b) in both.items()
        if isinstance(a, int | float) and isinstance(b, int | float)
    }


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
                rows = lenient.encode(table_of(encoding, cells))
        except InputError:
            for i, row in enumerate(cells):
                with suppress(InputError):
                    rows[i] = lenient.encode(table_of(encoding, [row]))[0]
    return rows


def table_of(encoding: Encoding, cells: Sequence[Mapping[str, Any]]) -> Table:
    """Return the saved values of rows as a table."""
    columns = columns_of_cells(cells, [code.name for code in encoding.used])
    return table_from_columns(columns, "an earlier run")


def what_moved(
    encoding: Encoding,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    jumped: Collection[str] = (),
) -> list[str]:
    """Describe in which columns the values of a row have changed, the columns in `jumped` first,
    and then the largest change first."""
    a, b = encoded_cells(encoding, [before, now])
    by_column = encoding.sum_by_used((a - b)[None] ** 2)[0]
    texts = [level_texts(column) for column in table_of(encoding, [before, now]).columns]
    least = MIN_NAMED * by_column.sum()
    by_column[[code.name in jumped for code in encoding.used]] += by_column.sum()
    order = np.argsort(-by_column, kind="stable")[:MAX_NAMED]
    names = [words_of_column(encoding, code.name) for code in encoding.used]
    return [
        f"{names[j]} moved from {texts[j][0]} to {texts[j][1]}"
        for j in order
        if by_column[j] > 0 and by_column[j] >= least and texts[j][0] != texts[j][1]
    ]


def is_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a row has the same values in all columns that both runs used."""
    common = before.keys() & now.keys()
    return bool(common) and all(before[name] == now[name] for name in common)


LEAST_SHARED = 5
"""An earlier run fits a table if at least 1/5 of the cases of each are also in the other."""


def run_to_compare(
    state: State, runs: Sequence[WatchRun], now: Mapping[str, int], number: int, *, new_ids: bool
) -> tuple[WatchRun | None, str, str]:
    """Return the earlier run with which the cases `now` of the run `number` are compared, a note,
    and a question."""
    if not runs:
        return None, "", ""
    least, question = min(run.facts.get("n_rows", 0) for run in runs), ""
    ask = RIGHT_FILE.format(number)
    if LEAST_SHARED * len(now) < least:
        than = f"each earlier table has at least {least:,}"
        question = f"This table has only {counted(len(now), 'row')}, but {than}. {ask}"
    if new_ids:
        return runs[0], "", question
    doubt, small = "", None
    for run in runs:
        keys = state.kept(run.id).keys()
        n, n_kept = len(keys & now.keys()), len(keys)
        if LEAST_SHARED * n < n_kept:
            few = f"Only {n:,} of {n_kept:,} cases" if n else f"None of the {n_kept:,} cases"
            said = f"{few} of run {run.number} {'are' if n > 1 else 'is'} in this table"
        # A large run has kept only a sample of its cases.
        elif LEAST_SHARED * n * max(n_kept, run.facts["n_rows"]) < n_kept * len(now):
            said = (
                f"Run {run.number} has fewer than a fifth of the {len(now):,} cases of this table"
            )
            small = small or run
        else:
            said = f"{doubt}, so the table is compared with run {run.number}." if doubt else ""
            return run, said, question
        doubt = doubt or said
    if small is not None:
        instead = "" if small is runs[0] else f", so the table is compared with run {small.number}"
        return small, f"{doubt}{instead}.", question
    if other := other_spelling(state.kept(runs[0].id), [*now]):
        return runs[0], "", f"{doubt}. {other} {ask}"
    return runs[0], "", f"{doubt}. {ask}{'' if n else NEW_IDS.format(number)}"


RIGHT_FILE = (
    "Is this the right file? If not, run the right file with `--instead-of {0}`, or click 'Wrong "
    "table?' in the app."
)
NEW_IDS = (
    " If the ids of each table are new, run this table again with `--new-ids --instead-of {0}`, or "
    "click 'Wrong table?' and select 'new ids'."
)
"""Question about a table, and its further sentence. {0} is the number of the run."""

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
    unchanged: Collection[str] = (),
    is_new_map: bool = False,
    left_out: Collection[str] = (),
) -> tuple[Gone, ...]:
    """Return the cases that were in the list of the previous run, but are not in this list.

    `hidden` contains the rules that hide rows, by key. `unchanged` contains the keys of rows with
    the same values as in the previous run, which had another map if `is_new_map`. `left_out`
    contains the keys of rows that stand out, and that the list leaves out.
    """

    def why(key: str) -> str:
        if key not in today:
            return "not in the data any more"
        if key in hidden:
            return f"hidden by a rule ({hidden[key]})"
        if key in unchanged and is_new_map:
            return "its row did not change, but the map was trained again"
        score, is_cut = today[key], is_by_number or key in left_out
        was = score if key in unchanged else before.get(key, np.inf)  # some are unknown
        least = LEAST_RISE * abs(was)
        if not score >= was - least:
            return OTHERS_FIRST if key in left_out else "not unusual enough any more"
        how = "more" if score > was + least else "about as"
        than = "than" if score > was + least else "as"
        now = OTHERS_FIRST if is_cut else "below the rule's threshold now"
        return f"{how} unusual {than} before, but {now}"

    return tuple(
        Gone(row.key, row.place, row.key in today, why(row.key))
        for row in last
        if row.news not in UNREPORTED and row.key not in listed
    )


# Text for a row that stands out, and that the list leaves out.
OTHERS_FIRST = "other rows are more unusual now"

OTHER = "its row cannot be compared with the earlier row"
"""Text for a changed row if the columns that have changed are unknown."""

MONTHS = 12
"""Number of months in a year."""


def returned(
    detector: Detector,
    decided: Mapping[str, Decision],
    cells: Cells,
    usual: UsualMoves,
    with_jumps: Mapping[str, set[str]],
    *,
    clear_for: int,
    today: str,
) -> dict[str, str]:
    """Return, by key, the reasons why cleared cases should be looked at again.

    `with_jumps` contains, by key, the columns with a number that jumped.
    """
    cleared = {k: d for k, d in decided.items() if d.state == CLEARED and k in cells}
    why = {
        key: f"{decision_text(decision)}, {counted(clear_for, 'month')} ago or more."
        for key, decision in cleared.items()
        if months_between(decision.made, today) >= clear_for
    }
    known = [key for key, decision in cleared.items() if decision.cells and key not in why]
    encoding = detector.map_.encoding
    before = encoded_cells(encoding, [cleared[key].cells or {} for key in known])
    now = encoded_cells(encoding, [cells[key] for key in known])
    moved = detector.map_.metric.between(before, now) if known else ()
    by_column = np.sqrt(encoding.sum_by_used((before - now) ** 2))
    for key, far, changes in zip(known, moved, by_column, strict=True):
        old, new = cleared[key].cells or {}, cells[key]
        is_seen = zip(encoding.used, changes >= NEAR, strict=True)  # also on the map
        jumps = {code.name for code, is_so in is_seen if is_so} & with_jumps.get(key, set())
        if jumps or not far <= usual.far:  # also if the map cannot encode the earlier row
            what = what_moved(encoding, old, new, jumps)
            why[key] = f"{decision_text(cleared[key])}; since then {', '.join(what) or OTHER}."
    return why


def decision_text(decision: Decision) -> str:
    """Return a phrase with the state, date and author of a decision."""
    by = f" by {decision.author}" if decision.author else ""
    return f"{decision.state.capitalize()} on {decision.made[:10]}{by}"


def months_between(before: str, after: str) -> int:
    """Return the number of complete months between two times."""
    a, b = (datetime.fromisoformat(text).astimezone(UTC) for text in (before, after))
    months = MONTHS * (b.year - a.year) + b.month - a.month
    is_short = (b.day, b.time()) < (a.day, a.time())
    return max(0, months - is_short)


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


def confirmed_before(listed: Sequence[Listed], decided: Mapping[str, Decision]) -> dict[str, str]:
    """Return a sentence for each row to look at that was confirmed before, by key."""
    said = {row.key: decided[row.key] for row in listed if row.news in NEWS and row.key in decided}
    return {key: f"{decision_text(d)}." for key, d in said.items() if d.state == CONFIRMED}


def near_confirmed(key: str, in_unit: Sequence[str]) -> str:
    """Return a sentence on the other confirmed cases in the unit of a row, or ""."""
    others = [other for other in in_unit if other != key]
    if not others:
        return ""
    if len(others) == 1:
        return f"The confirmed case {others[0]} is in the same unit."
    return f"{len(others)} confirmed cases are in the same unit, such as {others[0]}."


MAX_COMPARED = 500
"""Maximum number of rows that are compared with cleared cases."""

HIGHEST = 1e100
"""A score above all others, which thus has the lowest p-value."""


def like_cleared(
    detector: Detector,
    table: Table,
    keys: Sequence[str],
    units: Ints,
    scores: Float64s,
    decided: Mapping[str, Decision],
    *,
    clear_for: int,
    today: str,
) -> dict[str, str]:
    """Return, by key, a sentence for each row that is like a cleared case.

    Both are in the same unit and have the same reasons, and the p-value of the row is more than a
    tenth of the p-value of the case.  If no p-value can be that small, the score of the row is at
    most the score of the case.
    """
    cleared = {
        key: said
        for key, said in decided.items()
        if said.state == CLEARED and said.cells and months_between(said.made, today) < clear_for
    }
    encoded = encoded_cells(detector.map_.encoding, [said.cells or {} for said in cleared.values()])
    is_known = np.asarray(~np.isnan(encoded).any(axis=1))
    known = [key for key, is_one in zip(cleared, is_known, strict=True) if is_one]
    if not known:
        return {}
    then = np.ascontiguousarray(encoded[is_known])
    units_then = detector.map_._winners_of_rows(then)
    scores_then, p_values = detector._scores_of_rows(then), detector.calibration.p_values
    p_then = p_values(scores_then, units_then)
    lowest = p_values(np.full(len(then), HIGHEST), units_then)
    most = np.where(lowest * TIMES_SMALLER > p_then, scores_then, np.inf)
    cells = table_of(detector.map_.encoding, [cleared[key].cells or {} for key in known])
    patterns = [*zip(units_then.tolist(), _patterns(detector, cells), strict=True)]
    order = np.argsort(scores_then, kind="stable").tolist()  # the highest score counts
    of = {patterns[i]: (known[i], float(p_then[i]), float(most[i])) for i in order}
    rows = np.flatnonzero(np.isin(units, units_then))
    rows = rows[[keys[row] not in decided for row in rows.tolist()]]
    rows = rows[np.argsort(-scores[rows], kind="stable")][:MAX_COMPARED]
    p_now = p_values(scores, units)[rows]
    found = {}
    for row, p, columns in zip(
        rows.tolist(), p_now, _patterns(detector, table.take(rows)), strict=True
    ):
        key, p_of_case, at_most = of.get((int(units[row]), columns), ("", np.inf, 0.0))
        if p * TIMES_SMALLER > p_of_case and scores[row] <= at_most:
            found[keys[row]] = f"Like {key}, which was cleared."
    return found


def _patterns(detector: Detector, table: Table) -> list[frozenset[str]]:
    """Return the columns in the reasons of each row."""
    found = detector.reasons(table) if table.n_rows else []
    return [frozenset(reason.column for reason in of_row) for of_row in found]


def alike_note(found: Collection[str]) -> str:
    """Return a sentence on rows that are like cleared cases, or ""."""
    n, some = len(found), ", ".join(sorted(found)[:MAX_EXAMPLES])
    more = f" and {n - MAX_EXAMPLES} more" if n > MAX_EXAMPLES else ""
    said = f"{counted(n, 'row')} like cleared cases {'is' if n == 1 else 'are'} at the end of"
    return f"{said} the list: {some}{more}." if n else ""
