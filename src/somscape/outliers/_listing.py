"""Apply the rules of the user to the scores and to the list of alerts."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.outliers.rarity import Rarity
from somscape.outliers.relation import Relation
from somscape.outliers.score import Scorer, explained_by, nearest_usual
from somscape.tables._messages import listed
from somscape.tables.codes import NumberCode
from somscape.tables.encoding import Encoding
from somscape.tables.rules import (
    ALWAYS,
    DIRECTION,
    FLOOR,
    NEVER,
    ListRule,
    RuleEffect,
    deciding_rules,
    rules_of,
)
from somscape.tables.table import Table

MAX_FIRST = 10
"""Maximum number of rows that rules put before the rows that stand out (each rule at least one)."""

BLOCK_ROWS = 1 << 14
"""Number of rows whose nearest prototypes are in memory at the same time."""


def directions_of(encoding: Encoding) -> dict[int, bool]:
    """Return, for each column with a direction, its index and whether only high numbers count."""
    found: dict[int, bool] = {}
    if DIRECTION not in encoding.roles.rules:
        return found
    numbers = {c.name: j for j, c in enumerate(encoding.features) if isinstance(c, NumberCode)}
    kinds = {code.name: code.kind for code in encoding.columns}
    for rule in rules_of({DIRECTION: encoding.roles.rules[DIRECTION]}):
        if rule.column not in numbers:
            kind = kinds.get(rule.column)
            what = "not a column of the table" if kind is None else f"taken as {kind}"
            raise InputError(
                f"The rule {rule.quoted} needs a column of numbers, but '{rule.column}' is {what}. "
                f"The columns of numbers are {listed(numbers)}.",
                parameter=DIRECTION,
                column=rule.column,
                value=rule.text,
            )
        found[numbers[rule.column]] = rule.side == "high"
    return found


def check_rules_of(encoding: Encoding, table: Table) -> None:
    """Raise InputError if a rule does not fit the columns of a table."""
    directions_of(encoding)
    _decided(encoding, table, "")


def _decided(encoding: Encoding, table: Table, today: str) -> tuple[tuple[ListRule, ...], Ints]:
    """Return the rules, and for each row the index of the rule that decides on it, or -1."""
    rules = rules_of(encoding.roles.rules) if encoding.roles.rules else ()
    codes = {code.name: code for code in encoding.used}
    date_format = encoding.roles.date_format
    return rules, deciding_rules(rules, table, codes, date_format, today)


def on_other_side(whole: Scorer, directions: Mapping[int, bool], rows: Floats) -> Bools:
    """Return which values of rows are on the side of their usual value that does not count."""
    encoding, codebook = whole.map_.encoding, whole.map_.codebook
    found = np.zeros((len(rows), len(encoding.features)), dtype=bool)
    for part in blocks(len(rows), BLOCK_ROWS):
        some = np.ascontiguousarray(rows[part])
        near, _ = nearest_usual(whole, whole.compared(some))
        for j, is_high in directions.items():
            feature = encoding.slices[j].start
            beyond = some[:, feature] - codebook[near, feature].mean(axis=1)
            found[part, j] = beyond < 0 if is_high else beyond > 0
    return found


def without_other_side(
    scores: Float64s,
    rows: Floats,
    is_other: Bools,
    scorers: Sequence[Scorer],
    *added: Rarity | Relation | None,
) -> Float64s:
    """Return the scores of rows without the contributions of values on the other side."""
    some = np.flatnonzero(is_other.any(axis=1))
    scores = scores.copy()
    for part in blocks(len(some), BLOCK_ROWS):
        which = some[part]
        _, parts = explained_by(scorers, rows[which], *added)
        scores[which] = np.where(is_other[which], 0.0, parts).sum(axis=1)
    return scores


def lone_ends(encoding: Encoding, rows: Floats, among: Floats) -> Bools:
    """Return which numbers are at least twice as far from the median as the next number."""
    found = np.zeros((len(rows), len(encoding.features)), dtype=bool)
    for j, (code, place) in enumerate(zip(encoding.features, encoding.slices, strict=True)):
        if not isinstance(code, NumberCode) or len(among) < 3:
            continue
        ends = np.sort(among[:, place.start])[[0, 1, len(among) // 2, -2, -1]]
        low, second, middle, last, high = code.decode(ends[:, None].astype(np.float64))
        if last > middle and high - last >= last - middle:
            found[:, j] |= rows[:, place.start] == ends[-1]
        if second < middle and second - low >= middle - second:
            found[:, j] |= rows[:, place.start] == ends[0]
    return found


class Ruling:
    """The decisions of the rules on the rows of a table.

    Attributes
    ----------
    rules : tuple of ListRule
    by_row : ndarray of shape (n_rows,)
        Index of the rule that decides on each row, or -1.
    is_always, is_hidden : ndarray of shape (n_rows,), bool
        Rows that are always listed, and rows that are never listed.
    """

    def __init__(self, encoding: Encoding, table: Table, today: str = "") -> None:
        self._today = today or date.today().isoformat()
        self.rules, self.by_row = _decided(encoding, table, self._today)
        kinds = np.array([*(rule.kind for rule in self.rules), ""])[self.by_row]
        self.is_always, self.is_hidden = kinds == ALWAYS, np.isin(kinds, (NEVER, FLOOR))

    @property
    def labels(self) -> list[str]:
        """Kind and name of the rule that decides on each row, or ""."""
        names = [*(rule.label for rule in self.rules), ""]
        return [names[i] for i in self.by_row.tolist()]

    def flagged(self, is_above: Bools) -> Bools:
        """Return which rows are flagged, if some rows are above the threshold."""
        return np.asarray(self.is_always | (is_above & ~self.is_hidden))

    def first(self, order: Ints, n_listed: int, is_clear: Bools) -> tuple[Ints, int]:
        """Return the order of the list, and its length. The list has a few rows that are always
        listed, then clear rows (outstanding or confirmed), then the other rows of rules."""
        is_always, is_own = self.is_always[order], np.arange(len(order)) < n_listed
        is_first, by_rule = np.zeros(len(order), dtype=bool), self.by_row[order]
        always = [i for i, rule in enumerate(self.rules) if rule.kind == ALWAYS]
        for i in always:
            is_first[np.flatnonzero(by_rule == i)[: max(1, MAX_FIRST // len(always))]] = True
        parts = [is_first, is_own & is_clear, is_always, is_own]
        place = np.select(parts, range(len(parts)), len(parts))
        place += self.is_hidden[order] * (len(parts) + 1)
        return np.argsort(place, kind="stable"), int(np.count_nonzero(is_always | is_own))

    def effects(self, listed_before: Ints, n_other: Sequence[int]) -> tuple[RuleEffect, ...]:
        """Return the effect of each rule.

        `listed_before` are the rows that are listed without rules, and `n_other` is the number of
        rows on the other side of each direction.
        """
        found, directions = [], iter(n_other)
        was_listed = np.zeros(len(self.by_row), dtype=bool)
        was_listed[listed_before] = True
        for i, rule in enumerate(self.rules):
            rows = self.by_row == i
            changed = rows & (was_listed != (rule.kind == ALWAYS))
            counts = (int(np.count_nonzero(which)) for which in (rows, changed))
            n_rows, n_changed = counts if rule.kind != DIRECTION else (next(directions), 0)
            ended, n_all = rule.has_ended(self._today), len(self.by_row)
            found.append(RuleEffect(rule, n_rows, n_changed, ended, n_all=n_all))
        return tuple(found)
