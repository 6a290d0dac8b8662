"""Facts about single columns: extremes, codes for missing values, bounds, steps, dates, forms."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._stored import put_away
from somscape._types import Bools, Float64s, Ints, Objects
from somscape.tables._cells import strings
from somscape.tables._dates import Dates, find_dates
from somscape.tables._late import pc
from somscape.tables.column import Column
from somscape.tables.table import Table

MIN_ROWS = 30
"""Minimum number of values in a column at which most facts are reported."""

FEW_ROWS, FEW = 5, 0.0005
"""A rule holds for nearly all rows if at most 5 rows (one in a hundred, if there are fewer than 500
rows), or a share of 0.0005, break it."""

TAIL, MAX_LONE = 20, 3
"""Number of values from whose distances an extreme is judged, and most rows of an extreme."""

LIKELY = 0.05
"""Expected number of extremes that a table without errors reports."""

MAX_EVEN = 3.0
"""Largest ratio of the distances of the percentiles 99 and 1 to the median at which high values are
not examined on a logarithmic scale."""

MAX_EVEN_LOG = 1.3
"""Largest ratio of the distances of the percentiles 5 and 95 to the median, on a logarithmic scale,
at which low values are examined on this scale."""

MIN_GAP = 0.25
"""Minimum gap to the next value, relative to the distance of the next value to the median."""

BEYOND = 20
"""A bound is real if at least this many times as many values are close to it as beyond it."""

NINES = tuple(float("9" * n) for n in range(2, 9))
CODES = (*(-nines for nines in NINES), *NINES, -9.0, -888.0, -8888.0, -1.0, 0.0)
"""Numbers that often mean a missing value."""

DATE_CODES = ("0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01",
              "1970-01-01", "2099-12-31", "2999-12-31", "9999-12-31")  # fmt: skip
"""Dates that often mean a missing value."""

STEPS = (*(float(f"{base}e{power}") for power in range(7, 0, -1) for base in (5, 1)), 5.0, 1.0)
"""All values of a column can be multiples of one of these steps.  The largest step comes first."""

SERIAL, MAX_SERIAL_WIDTH = (36_000.0, 50_000.0), 4000
"""Excel's serial dates from 1998 to 2036, and the most days between the first and the last."""

SPACED = 1 << 12
"""Largest number of sorted values of a column that are kept for the search for relations."""

DAY = np.timedelta64(1, "D") / np.timedelta64(1, "us")


@dataclass(frozen=True, eq=False)
class Fact:
    """A statement on a few rows of a table.

    Attributes
    ----------
    kind : str
    columns : tuple of str
    text : str
        The statement without rows.
    rows : ndarray of int
        Numbers of the rows that do not obey, most remarkable row first.
    n_rows : int
        Number of rows to which the statement applies.
    strength : float
        How improbable the rows are if nothing is wrong (a logarithm).
    """

    kind: str
    columns: tuple[str, ...]
    text: str
    rows: Ints
    n_rows: int
    strength: float


@dataclass(frozen=True, eq=False)
class Values:
    """The numbers of a column, or its dates as days since 1970.

    Attributes
    ----------
    column : Column
    numbers : ndarray of shape (n_rows,), float64
        NaN means a missing value.
    is_date : bool
    """

    column: Column
    numbers: Float64s
    is_date: bool = False

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.name

    @cached_property
    def ascending(self) -> Float64s:
        """Values in ascending order, without missing values."""
        if not self.is_date:
            return np.asarray(self.column.ascending(), dtype=np.float64)
        return np.sort(self.numbers[~np.isnan(self.numbers)])

    @cached_property
    def counts(self) -> tuple[Float64s, Ints]:
        """Distinct values in ascending order, and the number of rows of each value."""
        values = self.ascending
        is_first = np.ones(len(values), dtype=bool)
        np.not_equal(values[1:], values[:-1], out=is_first[1:])
        begins = np.flatnonzero(is_first)
        counts = np.full_like(begins, len(values))
        counts[:-1] = begins[1:]
        counts -= begins
        return values[begins], counts

    @cached_property
    def n(self) -> int:
        """Number of values that are not missing."""
        return len(self.ascending)

    @cached_property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""
        return bool((self.counts[0] == np.rint(self.counts[0])).all())

    @cached_property
    def is_id(self) -> bool:
        """Whether nearly all values differ and are counters or codes of equal length."""
        distinct, _ = self.counts
        if self.is_date or self.n < MIN_ROWS or len(distinct) < 0.95 * self.n or not self.is_whole:
            return False
        low, high = distinct[0], distinct[-1]
        is_dense = np.median(np.diff(distinct)) == 1 and high - low <= 10 * self.n
        is_code = low >= 1e5 and len(f"{low:.0f}") == len(f"{high:.0f}")
        return bool(low >= 0 and (is_dense or is_code))

    def without(self, rows: Ints, among: int = 1) -> "Values":
        """Return the values without some rows, and with fewer sorted values to save memory.

        `among` is the number of columns of the table.
        """
        numbers = self.numbers
        if len(rows):
            numbers = numbers.copy()
            numbers[rows] = np.nan
            numbers = put_away(numbers, among=among)
        distinct, counts = self.counts
        kept = np.append(_spaced(len(distinct)), counts.argmax())
        kept = np.unique(kept)
        found = Values(self.column, numbers, self.is_date)
        ascending = self.ascending[_spaced(self.n)]
        vars(found).update(ascending=ascending, counts=(distinct[kept], counts[kept]), n=self.n)
        return found

    def show(self, value: float) -> str:
        """Return a value as text."""
        if self.is_date:
            moment = np.datetime64(round(value * DAY), "us")
            return str(
                moment.astype("datetime64[D]" if value == np.floor(value) else "datetime64[m]")
            )
        return number_text(value)

    def rows_at(self, mask: Bools, order: Float64s | None = None) -> Ints:
        """Return the numbers of the rows of a mask, largest in `order` first."""
        rows = np.flatnonzero(mask)
        return rows if order is None else rows[np.argsort(-order[rows], kind="stable")]


def _spaced(n: int) -> Ints:
    """Return evenly spaced positions among `n`, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, SPACED)).astype(np.int64))


def number_text(value: float) -> str:
    """Return a number as text, with separators if it is large."""
    if value == np.rint(value) and abs(value) < 1e15:
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.0f}"
    return f"{value:,.10g}" if abs(value) >= 10_000 else f"{value:.6g}"


def few_of(n: int) -> int:
    """Return how many of `n` rows may break a rule that holds for nearly all rows."""
    return max(1, min(FEW_ROWS, n // 100), int(FEW * n))


def strength_of(n_broken: int, n: int) -> float:
    """Return the strength of a rule that `n_broken` of `n` rows break."""
    return 4.0 + log(max(n, 1) / max(n_broken, 1))


def values_of(column: Column, dates: Dates | None, numbers: Float64s | None) -> Values | None:
    """Return the numbers or dates of a column, or None if the column is text."""
    if dates is not None:
        missing = dates.missing
        days = np.where(missing, 0, dates.moments.astype(np.int64)) / DAY
        return Values(column, put_away(np.where(missing, np.nan, days)), is_date=True)
    return None if numbers is None or not column.is_exact else Values(column, numbers)


def dates_in(table: Table) -> dict[str, Dates]:
    """Return the dates of each column of text, if nearly all its texts are dates."""
    texts = [column for column in table.columns if not column.is_number]
    return find_dates(texts, [column.name for column in texts if _are_dates(column)])


def _are_dates(column: Column) -> bool:
    present = np.flatnonzero(~column.missing)
    some = column.take(present[:: max(1, len(present) // SHOWN_TEXTS)]).coded()[1]
    return len(some) > 0 and _share_of_dates(_shapes(some, *DATE_SHAPES)) >= 0.9


def _share_of_dates(shapes: Objects) -> float:
    return float(np.mean([DATE_FORMS.fullmatch(shape) is not None for shape in shapes]))


def facts_of(values: Values, n_columns: int) -> Iterator[Fact]:
    """Yield the facts about one column of numbers or dates."""
    if values.n < MIN_ROWS or values.is_id or len(values.counts[0]) < 3:
        return
    codes = list(_codes(values))
    yield from codes
    yield from _extremes(
        values, n_columns, {code for fact in codes for code in _coded(fact, values)}
    )
    if values.is_date:
        yield from _future(values)
        return
    yield from _negatives(values)
    yield from _bounds(values)
    yield from _steps(values)
    yield from _serials(values)


def _coded(fact: Fact, values: Values) -> set[float]:
    return {float(values.numbers[fact.rows[0]])}


def _codes(values: Values) -> Iterator[Fact]:
    """Yield values that often mean a missing value and lie apart from all other values."""
    distinct, counts = values.counts
    codes: Sequence[float] = CODES
    if values.is_date:
        codes = [float(np.datetime64(each).astype(int)) for each in DATE_CODES]
    middle = values.ascending[values.n // 2]
    for code in codes:
        at = int(np.searchsorted(distinct, code))
        if at == len(distinct) or distinct[at] != code or counts[at] > values.n / 2:
            continue
        is_low, is_high = at == 0, at == len(distinct) - 1
        if is_low == is_high or (is_low and code > 0 and not values.is_date):
            continue
        following = distinct[1] if is_low else distinct[-2]
        gap, spread = abs(code - following), abs(following - middle)
        if code in (0.0, -1.0):
            # 0 and -1 are common values, so they are codes only if they are few and far away.
            positive = distinct[1:]
            is_code = not values.is_date and is_low and counts[at] <= values.n / 10
            is_code = (
                is_code and gap >= 0.5 * spread and gap >= 5 * np.diff(positive).max(initial=0.0)
            )
        else:
            is_code = gap >= max(spread, 365.0 if values.is_date else 0.0)
            # Beside positive numbers, a negative code that occurs several times needs no gap.
            is_code |= code < -9 and following >= 0 and counts[at] >= 2
        if not is_code or gap == 0:
            continue
        text = (
            f"{values.name} {values.show(code)} (next {values.show(following)}) looks like a code "
        )
        text += "for a missing value"
        rows = values.rows_at(values.numbers == code)
        yield Fact(
            "missing code",
            (values.name,),
            text,
            rows,
            values.n,
            9.0 + log(gap / max(spread, 1e-9) + 1),
        )


def _extremes(values: Values, n_columns: int, known: set[float]) -> Iterator[Fact]:
    """Yield up to three values at each end that lie far from all other values."""
    distinct, counts = values.counts
    ascending = values.ascending
    most = int(counts.argmax())
    common = np.nan
    if counts[most] > values.n / 2:  # the other values are judged alone
        common = float(distinct[most])
        ascending = np.delete(
            ascending, slice(begin := int(counts[:most].sum()), begin + int(counts[most]))
        )
    if len(ascending) < MIN_ROWS or (len(distinct) > 1 and len(ascending) < 2 * MAX_LONE):
        return
    some = ascending[_spaced(len(ascending))]  # percentiles of all values take much longer
    low, middle, high = np.percentile(some, (1, 50, 99)).tolist()
    is_skewed = high - middle > MAX_EVEN * (middle - low)
    # An income of 1.00 is far below 900, 950 and 1,000 on a logarithmic scale.
    is_even = ascending[0] > 0 and not values.is_date
    if is_even:
        below, above = np.abs(np.log(np.percentile(some, (5, 95)) / middle)).tolist()
        is_even = below <= MAX_EVEN_LOG * above
    for sign, is_log in ((1.0, False), *([(-1.0, True)] if is_even else []), (-1.0, False)):
        # Copied, because the outermost values of both ends are judged as the highest values.
        outer = sign * ascending[:: -int(sign)][: TAIL + MAX_LONE + 1]
        near = distinct[-TAIL:] if sign > 0 else distinct[:TAIL]
        step = float(np.median(np.diff(near)))
        scaled = -np.log(-outer) if is_log else outer
        center = -log(middle) if is_log else sign * middle
        may_be_log = sign > 0 and (is_skewed or values.is_date)
        scores = [
            apart_score(
                scaled, k, step / float(-outer[k]) if is_log else step, may_be_log=may_be_log
            )
            for k in range(1, MAX_LONE + 1)
        ]
        limit = log(2 * MAX_LONE * max(1, n_columns) / LIKELY)
        # The most common value is not an extreme, and no value on its other side is.
        is_good = (np.array(scores) >= limit) & ~(outer[:MAX_LONE] <= sign * common)
        k = int(np.flatnonzero(is_good).max(initial=-1)) + 1
        if k == 0:
            continue
        score = max(scores[:k])
        last, following = sign * outer[k - 1], sign * outer[k]
        if scaled[k - 1] - scaled[k] < MIN_GAP * abs(scaled[k] - center) or last in known:
            continue
        rows = values.rows_at(sign * values.numbers >= outer[k - 1], sign * values.numbers)
        shown = ", ".join(dict.fromkeys(values.show(values.numbers[row]) for row in rows))
        text = f"{values.name} {shown} (next {values.show(following)})"
        yield Fact("extreme", (values.name,), text, rows, values.n, score)
        if is_log:
            return


def apart_score(outer: Float64s, k: int, step: float, *, may_be_log: bool) -> float:
    """Return how improbable the gap below the `k` highest values is (a negative logarithm).

    The gap is compared with the distances between the next values and with the usual `step`.
    """
    rest = outer[k : k + TAIL + 1]
    if len(rest) < 5:
        return 0.0
    scores = [_gap_score(outer[k - 1], rest, step)]
    if may_be_log and rest[-1] > 0:
        scores.append(_gap_score(np.log(outer[k - 1]), np.log(rest), step / float(rest[0])))
    return min(scores)


def _gap_score(value: float, rest: Float64s, step: float) -> float:
    m = len(rest) - 1
    typical = max(float((rest[:-1] - rest[-1]).mean()), step)
    return m * log(1 + float(value - rest[0]) / typical / m) if typical > 0 else 0.0


def _future(values: Values) -> Iterator[Fact]:
    """Yield the dates after today if nearly all dates are before today."""
    today = float(
        (np.datetime64(datetime.now(UTC).date()) - np.datetime64("1970-01-01")).astype(int)
    )
    n = values.n - int(np.searchsorted(values.ascending, today + 1))
    if 0 < n <= max(few_of(values.n), values.n // 100):
        rows = values.rows_at(values.numbers >= today + 1, values.numbers)
        shown = values.show(values.numbers[rows[0]])
        text = f"{values.name} is after today (up to {shown})"
        yield Fact("future date", (values.name,), text, rows, values.n, 100.0)


def _negatives(values: Values) -> Iterator[Fact]:
    """Yield the negative values if nearly all values are positive or zero."""
    n = int(np.searchsorted(values.ascending, 0.0))
    if not 0 < n <= few_of(values.n):
        return
    rows = values.rows_at(values.numbers < 0, -values.numbers)
    lowest, middle = values.ascending[0], values.ascending[values.n // 2]
    text = f"{values.name} is below 0 (lowest {values.show(lowest)})"
    size = log(1 + abs(lowest) / max(abs(middle), 1e-12))
    strength = strength_of(n, values.n) + min(size, 3)
    yield Fact("negative", (values.name,), text, rows, values.n, strength)


def _bounds(values: Values) -> Iterator[Fact]:
    """Yield the values above 1 or 100 if nearly all values are between 0 and this bound."""
    ascending = values.ascending
    for bound in (1.0, 100.0):
        n = values.n - int(np.searchsorted(ascending, bound, "right"))
        if not 0 < n <= few_of(values.n) or (bound == 1 and values.is_whole):
            continue
        n_close, n_closest = (
            values.n - n - int(np.searchsorted(ascending, share * bound)) for share in (0.9, 0.97)
        )
        # Values that become rare near the bound show no bound.
        is_bound = n_close >= BEYOND * n + 10 and n_closest >= n_close / 5
        if not is_bound or int(np.searchsorted(ascending, 0.0)) > few_of(values.n):
            continue
        rows = values.rows_at(values.numbers > bound, values.numbers)
        highest = values.show(ascending[-1])
        text = f"{values.name} is above {bound:g} (up to {highest}), and else from 0 to {bound:g}"
        yield Fact("range", (values.name,), text, rows, values.n, strength_of(n, values.n))


SAMPLED = 1000
"""Number of distinct values that are first tried as multiples of a step."""


def _steps(values: Values) -> Iterator[Fact]:
    """Yield a few values that are not multiples of a step, if all other values are multiples."""
    distinct, counts = values.counts
    if values.n < 4 * MIN_ROWS or len(distinct) < 8:
        return
    n_zero = int(counts[distinct == 0].sum())
    for step in STEPS:
        # People round to 5 and 10, so a few other numbers are usual.
        most = min(FEW_ROWS if step > 10 or step == 1 else 2, few_of(values.n))
        for part in (slice(None, None, len(distinct) // SAMPLED + 1), slice(None)):
            some = distinct[part]
            is_off = np.abs(some - np.rint(some / step) * step) > 1e-9 * np.abs(some)
            n = int(counts[part][is_off].sum())
            if n > most:
                break
        if n > most:
            continue
        is_varied = len(distinct) - np.count_nonzero(is_off) >= 8 and counts.max() < 0.8 * values.n
        if n and is_varied and values.n - n_zero >= 4 * MIN_ROWS:
            rows = values.rows_at(np.isin(values.numbers, distinct[is_off]))
            of = "" if step == 1 else f" of {number_text(step)}"
            what = (
                ("multiples" if n > 1 else "a multiple")
                if of
                else ("whole numbers" if n > 1 else "a whole number")
            )
            shown = ", ".join(
                dict.fromkeys(values.show(values.numbers[row]) for row in rows[:FEW_ROWS])
            )
            text = f"{values.name} {shown} {'are' if n > 1 else 'is'} not {what}{of}"
            yield Fact("step", (values.name,), text, rows, values.n, strength_of(n, values.n))
        return


def _serials(values: Values) -> Iterator[Fact]:
    """Yield a column of numbers that look like Excel's dates."""
    distinct, counts = values.counts
    low, high = distinct[0], distinct[-1]
    if not (SERIAL[0] <= low <= high <= SERIAL[1]) or high - low > MAX_SERIAL_WIDTH:
        return
    digits = np.bincount((np.floor(distinct) % 10).astype(int), counts, 10) / values.n
    is_dense = len(distinct) >= 0.3 * (high - low + 1) or high - low <= 1500
    if len(distinct) < 10 or digits.max() > 0.3 or not is_dense:
        return
    start, days = np.datetime64("1899-12-30"), np.array([low, high]).astype("timedelta64[D]")
    first, last = start + days
    text = f"{values.name} {low:.0f} to {high:.0f} looks like Excel's dates ({first} to {last})"
    yield Fact("serial date", (values.name,), text, np.empty(0, int), values.n, 8.0)


DATE_FORMS = re.compile(
    r"(?:Y[-/.]n[-/.]n|n[-/.]n[-/.][Yn]|n[ -.]*A+[ -.,]*[Yn]|A+ n,? Y)(?:[ T,]+.*)?"
)
"""Forms of texts that are dates (digits as Y or n, letters as A)."""


DATE_SHAPES = (
    (r"(?:T| +)\d{1,2}:\d{2}.*$", ""),
    ("[A-Za-z]+", "A"),
    (r"\b\d{4}\b", "Y"),
    (r"\b\d{1,2}\b", "n"),
    (r"\b\d{5}\b", "S"),
)
"""Replacements that turn the text of a date into its form."""

SHOWN_TEXTS = 2000
"""Number of distinct texts that decide whether a column contains dates or codes."""


def text_facts(column: Column, *, is_date: bool) -> Iterator[Fact]:
    """Yield the facts about the texts of a column."""
    n = len(column) - column.n_missing
    if column.is_number or n < MIN_ROWS:
        return
    codes, texts = column.coded()
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    yield from _date_forms(column, codes, texts, counts)
    if not is_date:
        yield from _text_forms(column, codes, texts, counts)
        yield from _spellings(column, codes, texts, counts)


def _shapes(texts: Sequence[str], *patterns: tuple[str, str]) -> Objects:
    shapes: Any = strings(texts)
    for pattern, by in patterns:
        shapes = pc.replace_substring_regex(shapes, pattern, by)
    return np.array(shapes.to_pylist(), dtype=object)


def _date_forms(
    column: Column, codes: NDArray[Any], texts: list[str], counts: Ints
) -> Iterator[Fact]:
    """Yield the rows with a date in another form than most dates of the column."""
    some = _shapes(texts[:SHOWN_TEXTS], *DATE_SHAPES)
    if _share_of_dates(some) < 0.5:
        return
    shapes = some if len(texts) <= SHOWN_TEXTS else _shapes(texts, *DATE_SHAPES)
    kinds, which = np.unique(shapes.astype(str), return_inverse=True)
    is_date = np.array([DATE_FORMS.fullmatch(kind) is not None for kind in kinds])
    n_by = np.bincount(which, counts, len(kinds))
    n, total = n_by[is_date].sum(), n_by.sum()
    most = int((n_by * is_date).argmax())
    if n < 0.9 * total or n_by[most] < total / 2:
        return
    is_serial = kinds == "S"
    others = (is_date | is_serial) & (np.arange(len(kinds)) != most)
    n_other = int(n_by[others].sum())
    is_odd = others[which]
    if n_other:
        odd = np.append(is_odd, False)[codes]
        usual = texts[int(np.flatnonzero(which == most)[0])]
        other = texts[int(np.flatnonzero(is_odd)[0])]
        text = f"{column.name} has dates in another form ('{other}') than most ('{usual}')"
        yield Fact("date form", (column.name,), text, np.flatnonzero(odd), int(total), 10.0)
    elif re.fullmatch("n[-/.]n[-/.][Yn]", kinds[most]):
        yield from _date_orders(column, codes, texts, counts)


def no_dates(values: Values) -> Iterator[Fact]:
    """Yield the few texts of a column of dates that are no dates, such as 2024-02-30."""
    rows = np.flatnonzero(np.isnan(values.numbers) & ~values.column.missing)
    if values.n >= MIN_ROWS and 0 < len(rows) <= few_of(values.n):
        text = f"{values.name} '{values.column.cell(int(rows[0]))}' is not a date"
        yield Fact("date form", (values.name,), text, rows, values.n + len(rows), 10.0)


def _date_orders(
    column: Column, codes: NDArray[Any], texts: list[str], counts: Ints
) -> Iterator[Fact]:
    """Yield the rows whose date has the month first if other rows have the day first."""
    first = np.array([int(m[0]) if (m := re.findall(r"\d+", text)) else 0 for text in texts])
    second = np.array(
        [int(m[1]) if len(m := re.findall(r"\d+", text)) > 1 else 0 for text in texts]
    )
    day_first, month_first = counts[first > 12].sum(), counts[(second > 12) & (first <= 12)].sum()
    if not (day_first and month_first):
        return
    is_odd = (second > 12) & (first <= 12) if month_first <= day_first else first > 12
    order = "month" if month_first <= day_first else "day"
    rows = np.flatnonzero(np.append(is_odd, False)[codes])
    n = int(counts.sum())
    text = f"{column.name} has dates with the {order} first ('{texts[int(is_odd.argmax())]}')"
    yield Fact("date form", (column.name,), text, rows, n, 10.0)


def _text_forms(
    column: Column, codes: NDArray[Any], texts: list[str], counts: Ints
) -> Iterator[Fact]:
    """Yield the few texts that have another form than all other texts, such as AB-123."""
    if len(texts) < MIN_ROWS or not re.search(r"\d", texts[0]):
        return
    patterns = (r"\d", "9"), ("[A-Z]", "A"), ("[a-z]", "a")
    if len(set(_shapes(texts[:SHOWN_TEXTS], *patterns).tolist())) > 1 + FEW_ROWS:
        return
    shapes = _shapes(texts, *patterns).astype(str)
    kinds, which = np.unique(shapes, return_inverse=True)
    n_by = np.bincount(which, counts, len(kinds))
    most, n = int(n_by.argmax()), int(n_by.sum())
    if (
        len(kinds) > 1 + FEW_ROWS
        or not 0 < n - n_by[most] <= min(few_of(n), 0.02 * n)
        or "9" not in kinds[most]
    ):
        return
    is_odd = which != most
    rows = np.flatnonzero(np.append(is_odd, False)[codes])
    shown = ", ".join(f"'{texts[i]}'" for i in np.flatnonzero(is_odd)[:3])
    usual = texts[int(np.flatnonzero(which == most)[0])]
    text = f"{column.name} {shown} has another form than the other texts (such as '{usual}')"
    yield Fact("text form", (column.name,), text, rows, n, strength_of(len(rows), n))


def _spellings(
    column: Column, codes: NDArray[Any], texts: list[str], counts: Ints
) -> Iterator[Fact]:
    """Yield rare texts that are probably another spelling of a frequent text."""
    if len(texts) > 1000 or len(texts) > len(column) / 5:
        return
    by_key: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        by_key.setdefault(re.sub(r"[\W_]+", "", text.casefold()) or text, []).append(i)
    n = int(counts.sum())
    for same in by_key.values():
        most = max(same, key=lambda i: int(counts[i]))
        for i in same:
            if i != most and counts[i] <= max(FEW_ROWS, 0.01 * n) and counts[most] >= 5 * counts[i]:
                yield _spelling(column, codes, texts, i, most, int(counts[i]), n)
    rare = [i for i in range(len(texts)) if counts[i] <= 3 and len(texts[i]) >= 5]
    often = [i for i in range(len(texts)) if counts[i] >= 30 and len(texts[i]) >= 5]
    for i in rare[:50]:
        for most in often[:200]:
            if _is_typo(texts[i], texts[most]):
                yield _spelling(column, codes, texts, i, most, int(counts[i]), n)
                break


def _spelling(
    column: Column, codes: NDArray[Any], texts: list[str], i: int, most: int, k: int, n: int
) -> Fact:
    text = f"{column.name} '{texts[i]}' looks like '{texts[most]}'"
    return Fact("spelling", (column.name,), text, np.flatnonzero(codes == i), n, strength_of(k, n))


def _is_typo(text: str, other: str) -> bool:
    """Return whether two texts differ by one changed, missing, added or swapped letter."""
    if abs(len(text) - len(other)) > 1 or text == other or re.search(r"\d", text + other):
        return False
    a, b = text.casefold(), other.casefold()
    begin = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    ends = [
        a[begin + 1 :] == b[begin + 1 :],
        a[begin:] == b[begin + 1 :],
        a[begin + 1 :] == b[begin:],
    ]
    is_swap = (
        a[begin : begin + 2] == b[begin : begin + 2][::-1] and a[begin + 2 :] == b[begin + 2 :]
    )
    return a[0] == b[0] and (any(ends) or (is_swap and len(a) == len(b)))
