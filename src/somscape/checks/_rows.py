"""Facts about whole rows: ids that occur twice, equal and nearly equal rows, totals."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._stored import stored
from somscape._types import Ints
from somscape._weights import blocks
from somscape.checks._columns import FEW_ROWS, Fact, Values, number_text, strength_of

Hashes = NDArray[np.uint64]

BLOCK = 1 << 18
"""Number of rows that are hashed at a time."""

MAX_TWICE = 0.01
"""Largest share of values of an id that occur twice."""

MIN_BITS, COMMON = 5.0, 4.0
"""Minimum information of the values that two rows share, beyond that of a chance among all pairs.
Values with less information than `COMMON` do not count, because common values occur together."""

MAX_LESS, TIMES_CHANCE = 6.0, 64
"""Equal rows may share this much less information if at least this many times as many rows are
equal as expected by chance."""

TOTAL = re.compile(
    r"(grand ?|sub ?)?totals?|sums?|summe|gesamt(summe)?|insgesamt|total général", re.I
)
"""Texts in the row of a total."""

MIN_SAME, MAX_REPEATED = 4, 2000
"""Minimum number of columns in which a row repeats a value, and maximum number of such rows."""


def twice(
    name: str, rows: Ints, keys: NDArray[Any], shown: Callable[[int], str], n: int
) -> Iterator[Fact]:
    """Yield the values of an id that occur in several rows.

    `rows` are all rows with such values, `keys` are the values, and `shown` returns their texts.
    """
    order = np.argsort(keys, kind="stable")
    rows, keys = rows[order], keys[order]
    _, first = np.unique(keys, return_index=True)
    if not 0 < len(first) <= max(1, MAX_TWICE * n):
        return
    values = ", ".join(shown(int(row)) for row in rows[first[:3]])
    more = f" and {len(first) - 3:,} more" if len(first) > 3 else ""
    verb = "occurs" if len(first) == 1 else "occur"
    text = f"{name} {values}{more} {verb} in several rows"
    yield Fact("id twice", (name,), text, rows, n, 12.0)


def repeated_in(values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values that occur more than once."""
    ordered = np.sort(values)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _mixed(keys: NDArray[Any], salt: int) -> Hashes:
    """Return hashes of the values of a column that differ between columns."""
    x = (keys + 0).astype(np.float64)
    x[np.isnan(x)] = np.nan
    with np.errstate(over="ignore"):
        bits = x.view(np.uint64) + np.uint64(salt * 0xD1342543DE82EF95 % 2**64)
        bits ^= bits >> np.uint64(31)
        bits *= np.uint64(0xBF58476D1CE4E5B9)
        bits ^= bits >> np.uint64(29)
        bits *= np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(32)
    return bits


class RowHashes:
    """Hashes of the rows of a table, from which equal and nearly equal rows are found.

    If two rows differ in one column, they are equal in the even or in the odd columns.

    Parameters
    ----------
    n_rows : int
    """

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.hashes: Hashes = stored((2, n_rows), np.uint64, among=2)
        self.bits: NDArray[np.float32] = stored((2, n_rows), np.float32, among=2)
        self.hashes[:], self.bits[:] = 0, 0
        self.columns: list[tuple[str, NDArray[Any], float]] = []

    def add(self, name: str, keys: NDArray[Any], values: NDArray[Any], counts: Ints) -> None:
        """Add a column with the keys of its rows, its distinct keys and their numbers of rows."""
        half = len(self.columns) % 2
        common = values[counts > self.n_rows / 2.0**COMMON]
        # Columns have many distinct values, but few different numbers of rows.
        n_values = np.bincount(counts)
        sizes = np.flatnonzero(n_values)
        bits = np.log2(self.n_rows / np.maximum(sizes, 1))
        weights = (n_values[sizes] * sizes) * (bits >= COMMON)
        rare = float(np.average(bits, weights=weights)) - 1 if weights.any() else 0.0
        for part in blocks(self.n_rows, BLOCK):
            some = keys[part]
            each = np.full(len(some), rare, np.float32)
            for value in common:
                each[some == value] = 0
            if keys.dtype.kind == "f":
                each[np.isnan(some)] = 0
            self.hashes[half, part] += _mixed(some, len(self.columns) + 1)
            self.bits[half, part] += each
        self.columns.append((name, keys, rare))

    @property
    def least(self) -> float:
        """Information that equal rows must have."""
        return 2 * log2(max(2, self.n_rows)) + MIN_BITS

    def equal(self, ids: Ints | None) -> Iterator[Fact]:
        """Yield the rows that equal another row. With `ids`, equal rows must have several ids."""
        bits = self.bits.sum(axis=0).astype(np.float64)
        able = bits >= self.least - MAX_LESS
        hashes = self.hashes[0] + np.uint64(3) * self.hashes[1]
        rows = self._same(hashes, able)
        if ids is not None and len(rows):
            _, begin, group = np.unique(hashes[rows], return_index=True, return_inverse=True)
            lowest, highest = (f.reduceat(ids[rows], begin) for f in (np.minimum, np.maximum))
            rows = rows[(lowest < highest)[group]]
        rows = rows[np.argsort(-bits[rows], kind="stable")]
        # Rows with common values count if many more rows are equal than by chance.
        ordered = -np.sort(-bits[able])
        by_chance = np.append(0.0, np.cumsum(self.n_rows * 2.0**-ordered))
        by_chance = by_chance[np.searchsorted(-ordered, -bits[rows], "right")]
        is_enough = np.arange(1, len(rows) + 1) >= TIMES_CHANCE * by_chance
        rows = rows[: int(np.flatnonzero(is_enough).max(initial=-1)) + 1]
        if not 0 < len(rows) <= max(FEW_ROWS, 0.02 * self.n_rows) or len(self.columns) < 2:
            return
        other = "" if ids is None else " but have another id"
        text = f"{len(rows):,} rows equal another row{other}"
        yield Fact("equal rows", (), text, rows, self.n_rows, 11.0)

    def nearly_equal(self) -> Iterator[Fact]:
        """Yield the rows that equal another row except for one column."""
        if len(self.columns) < 4:
            return
        found: dict[int, str] = {}
        for half in range(2):
            able = self.bits[half] >= log2(max(2, self.n_rows)) + MIN_BITS
            rows = self._same(self.hashes[half], able)
            is_pair = self.hashes[half][rows][1:] == self.hashes[half][rows][:-1]
            for row, other, name in self._pairs(rows[:-1][is_pair], rows[1:][is_pair]):
                found[row] = found[other] = name
        if not 0 < len(found) <= max(10, 0.01 * self.n_rows):
            return
        names = tuple(dict.fromkeys(found.values()))
        shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
        text = f"{len(found):,} rows equal another row except for one value ({shown})"
        yield Fact("nearly equal rows", names, text, np.array(list(found)), self.n_rows, 10.5)

    def _same(self, hashes: Hashes, able: NDArray[np.bool_]) -> Ints:
        """Return those able rows whose hash occurs several times, sorted by hash."""
        rows = np.flatnonzero(able)
        rows = rows[np.isin(hashes[rows], repeated_in(hashes[rows]))]
        return rows[np.argsort(hashes[rows], kind="stable")]

    def _pairs(self, first: Ints, second: Ints) -> Iterator[tuple[int, int, str]]:
        """Yield those pairs of rows that differ in exactly one column, and the column."""
        n_different, shared = np.zeros(len(first), int), self.bits.sum(axis=0)[first]
        last = np.zeros(len(first), int)
        for i, (_, keys, rare) in enumerate(self.columns):
            a, b = keys[first], keys[second]
            is_different = (a != b) & ~((a != a) & (b != b))  # NaN differs from itself
            n_different += is_different
            shared -= rare * is_different
            last[is_different] = i
        for i in np.flatnonzero((n_different == 1) & (shared >= self.least))[
            :MAX_REPEATED
        ].tolist():
            yield int(first[i]), int(second[i]), self.columns[last[i]][0]


def totals(
    numbers: Sequence[Values], texts: Mapping[str, tuple[NDArray[Any], list[str]]]
) -> Iterator[Fact]:
    """Yield rows that are the sums of all other rows, or whose text names a total."""
    found: dict[int, list[str]] = {}
    n_able = 0
    for values in numbers:
        x = values.numbers
        total = float(np.nansum(x))
        if (
            values.is_date
            or values.n < 4
            or total == 0
            or values.counts[0][0] == values.counts[0][-1]
        ):
            continue
        n_able += 1
        # A row that is half of the sum is among the outermost values.
        outermost = max(abs(values.ascending[0]), abs(values.ascending[-1]))
        scale = float(np.nansum(np.abs(x)))
        if outermost < 0.25 * scale:
            continue
        for row in np.flatnonzero(np.abs(2 * x - total) <= 1e-9 * scale)[:FEW_ROWS].tolist():
            if abs(x[row]) >= 0.25 * scale:
                found.setdefault(row, []).append(values.name)
    for row, names in found.items():
        if len(names) >= 2 or (len(names) == n_able and len(numbers[0].numbers) >= 10):
            shown = ", ".join(names[:3])
            text = f"the row is the sum of all other rows ({shown})"
            yield Fact(
                "total row", tuple(names), text, np.array([row]), len(numbers[0].numbers), 200.0
            )
    for name, (codes, words) in texts.items():
        named = [
            i
            for i, word in enumerate(words[:100_000])
            if len(word) < 20 and TOTAL.fullmatch(word.strip(" :"))
        ]
        rows = np.flatnonzero(np.isin(codes, named)) if named else np.empty(0, int)
        rows = np.array([row for row in rows.tolist() if row not in found], dtype=int)
        if 0 < len(rows) <= max(FEW_ROWS, len(codes) // 20):
            text = f"{name} '{words[named[0]]}' looks like a row of totals"
            yield Fact("total row", (name,), text, rows, len(codes), 150.0)


def repeated(numbers: Sequence[Values], n_rows: int) -> Iterator[Fact]:
    """Yield the few rows that have the same value in many columns."""
    able = [each for each in numbers if not each.is_date and len(each.counts[0]) > 100][:60]
    if len(able) < MIN_SAME:
        return
    n_same, is_repeated = np.zeros(n_rows, np.int8), np.zeros(n_rows, bool)
    for left, right in pairwise(able):
        is_same = (left.numbers == right.numbers) & (left.numbers != 0)
        n_same = np.where(is_same, n_same + 1, 0).astype(np.int8)
        is_repeated |= n_same >= MIN_SAME - 1
    rows = np.flatnonzero(is_repeated)
    if len(rows) > MAX_REPEATED:
        return
    cells = np.stack([each.numbers[rows] for each in able], axis=1)
    found = []
    for row, of_row in zip(rows.tolist(), cells, strict=True):
        values, counts = np.unique(of_row[of_row != 0], return_counts=True)
        value, most = float(values[counts.argmax()]), int(counts.max())
        # A value that is common in other rows, such as a usual installment, can repeat.
        is_code = abs(value) >= 99 and set(f"{abs(value):.0f}") == {"9"}
        n_everywhere = sum(int(np.count_nonzero(each.numbers == value)) for each in able)
        if (5 if is_code else 2) * most > n_everywhere:
            names = [each.name for each, x in zip(able, of_row, strict=True) if x == value]
            found.append((not is_code, -most, row, value, names))
        if len(found) > 10 * FEW_ROWS:
            return
    found.sort(key=lambda each: each[:3])
    if len(found) > FEW_ROWS:
        found = [each for each in found if not each[0]][:FEW_ROWS]
    for _, most, row, value, names in found:
        text = f"{number_text(value)} in {-most} columns ({names[0]} ... {names[-1]})"
        strength = strength_of(len(found), n_rows)
        yield Fact("repeated", tuple(names), text, np.array([row]), n_rows, strength)
