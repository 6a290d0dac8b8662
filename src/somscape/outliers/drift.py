"""Drift: compare the means and missing cells of a table with those of earlier tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc
from typing import Any, NamedTuple

import numpy as np

from somscape._types import Bools, Float64s
from somscape.tables._messages import counted, joined
from somscape.tables._recoded import words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode, number_text
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import OrdinalCode
from somscape.tables.table import Table

MIN_MONTH = 50
"""Minimum number of rows of a month that is compared with other months."""

FALSE_ALARM = 0.04
"""Probability that a usual month counts as drift."""

VARIATIONS = np.r_[0, 0.01 * 2 ** (np.arange(15) / 2)]
"""Possible standard deviations of a column's mean between months, in those of its values."""

PRIOR_OF_VARIATIONS = np.r_[12, np.ones(12), 0.4, 0.2, 0.1] / 24.7
"""Probability of each value of `VARIATIONS` before any month was seen."""

MAX_ALIKE = 7
"""Maximum number of other features that count in the prior of a feature."""

BEYOND_RANGE = 0.25
"""Part of the usual range by which values beyond the range are outside of it at most. Thus single
extreme values do not change the mean of a month."""

FEWEST = 1e-6
"""Number of rows of a mean without values, which thus agrees with every other mean."""

MAX_COMPARED = 500
"""Maximum number of features with saved means.  Shares of missing cells are saved for as many
columns, or for all columns of these features."""

MAX_COLUMNS = 20
"""Maximum number of further changed columns to name."""

MAX_DRIFTED, MAX_EXAMPLES = 3, 5
"""Maximum number of changed columns to name, and of rows to name for each of these columns."""

TOLD_RATIO = 1.5
"""Minimum ratio of two medians at which a sentence gives the ratio."""


@dataclass(frozen=True, eq=False)
class Scored:
    """The rows of a table, as they are in the table and encoded, with their scores.

    Attributes
    ----------
    encoding : Encoding
    table : Table
    rows : ndarray of shape (n_rows, n_features)
    scores : ndarray of shape (n_rows,)
    threshold : float
        Threshold of the detector.
    expected : float
        Share of the rows that is expected above the threshold.
    keys : sequence of str
        Names of the rows, or empty.
    """

    encoding: Encoding
    table: Table
    rows: Float64s
    scores: Float64s
    threshold: float
    expected: float
    keys: Sequence[str] = ()

    def month(self, *, is_training: bool) -> "Month":
        """Summarize the rows.  A map fits its training rows better than other rows, so their means
        of unseen levels and of rows above the threshold are those that other rows would have."""
        rows, missing = self.rows, missing_cells(self.encoding, self.table)
        means, variances = [], []
        for column, code, place, is_unseen in compared_features(self.encoding):
            values = _clipped(code, rows[:, place])
            present = values[~(np.isnan(values) | missing[column])]
            mean = float(present.mean()) if len(present) else 0.0
            if is_training and is_unseen:  # Good (1953): as many as levels of only one row
                levels = rows[:, place - len(code.levels) : place].sum(axis=0)
                mean = float(np.isclose(levels, code.applies).sum()) * code.applies / len(rows)
            means.append(mean)
            variances.append(float(present.var()) if len(present) else 0.0)
        above = self.expected if is_training else float(np.mean(self.scores > self.threshold))
        variances.append(above * (1 - above))
        lacks = np.array([each.mean() for each in missing])
        return Month(len(rows), np.array([*means, above]), np.array(variances), lacks)

    def drift(self, months: Sequence["Month"], *, is_training: bool = False) -> "Drift":
        """Compare the rows with earlier tables, of which tables with other columns do not count."""
        n, n_above = len(self.rows), int((self.scores > self.threshold).sum())
        if n < MIN_MONTH:
            return Drift(n, n_above, self.expected * n)
        now = self.month(is_training=is_training)
        shapes = [(m.means.shape, m.missing.shape) for m in (now, *months)]
        months = [m for m, shape in zip(months, shapes[1:], strict=True) if shape == shapes[0]]
        changed = _changes(self.encoding, months, now) if months else []
        said = [_change(self, each) for each in changed[:MAX_DRIFTED]]
        rest = [
            self.encoding.features[c.column].name for c in changed[MAX_DRIFTED:] if c.column >= 0
        ]
        if rest:
            left_out = f" and {len(rest) - MAX_COLUMNS} more" if len(rest) > MAX_COLUMNS else ""
            phrase = f"{joined(rest[:MAX_COLUMNS])}{left_out} also changed"
            said.append((rest[0], phrase, phrase))
        columns, phrases, lasting = zip(*said, strict=True) if said else ((), (), ())
        about = n, n_above, self.expected * n
        return Drift(*about, columns, phrases, lasting, n_months=len(months), month=now)


@dataclass(frozen=True, eq=False)
class Month:
    """Means of the encoded values of a table, for the comparison with later tables.

    Attributes
    ----------
    n : int
        Number of rows.
    means, variances : ndarray of shape (n_compared,)
        Mean and variance of each compared feature over its present cells.  The last feature is 1 in
        rows above the map's threshold.
    missing : ndarray of shape (n_columns,)
        Share of missing cells of each column.
    """

    n: int
    means: Float64s
    variances: Float64s
    missing: Float64s

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Month":
        """Return the month that the facts of a run contain."""
        return cls(said["n"], *(np.array(said[name]) for name in ("means", "variances", "missing")))

    def to_json(self) -> dict[str, Any]:
        """Return the month as JSON data. The data contain only means and shares of rows."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}


@dataclass(frozen=True)
class Drift:
    """Comparison of a table with earlier tables, printed as one sentence.

    Attributes
    ----------
    n_rows, n_above : int
        Number of all rows, and number of rows above the threshold.
    expected : float
        Expected number of rows above the threshold if there is no drift.
    columns : tuple of str
        The most changed columns, or "" for the rows above the threshold.  Empty without drift.
    changes : tuple of str
        Phrases on the change of each column in `columns`.
    lasting : tuple of str
        The phrases of `changes` without medians, levels and rows.
    n_months : int
        Number of earlier tables with which the table was compared.
    month : Month or None
        Summary for later comparisons, or None if the table has too few rows.

    See Also
    --------
    somscape.SOMDetector.drift : Compares tables.

    Examples
    --------
    >>> from somscape.outliers import Drift
    >>> print(Drift(900, 5, 4.5, ("income",), ("income is 100 times larger",), n_months=1))
    Drift, compared with 1 earlier table: income is 100 times larger.
    """

    n_rows: int
    n_above: int
    expected: float
    columns: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    n_months: int = 0
    month: Month | None = None

    @property
    def is_found(self) -> bool:
        """Whether the rows differ from earlier tables more than these usually differ."""
        return bool(self.changes)

    def __str__(self) -> str:
        return drift_sentence(self.n_rows, self.n_months, self.changes)


def drift_sentence(n_rows: int, n_months: int, changes: Sequence[str]) -> str:
    """Return a sentence on the changes of a table since earlier tables."""
    if changes:
        return f"Drift, compared with {counted(n_months, 'earlier table')}: {'; '.join(changes)}."
    if n_months == 0:
        which = "this table has" if n_rows < MIN_MONTH else "each earlier table of the map has"
        return f"Drift cannot be judged, because {which} fewer than {MIN_MONTH} rows."
    if n_months == 1:
        return (
            "No drift: no column differs greatly from the only earlier table. Small changes are "
            "found after a few more tables."
        )
    return (
        f"No drift: no column differs from {n_months} earlier tables by more than these differ "
        "from each other."
    )


class _Feature(NamedTuple):
    """A feature that months compare: index and code of its column, its place in encoded rows, and
    whether it is 1 for levels that the training table does not have."""

    column: int
    code: Any
    place: int
    is_unseen: bool


def compared_features(encoding: Encoding) -> list[_Feature]:
    """Return the compared features. Dates differ in every month, so they are left out."""
    kinds = (NumberCode, OrdinalCode, CategoryCode)
    return [
        _Feature(j, code, place, isinstance(code, CategoryCode) and place == part.stop - 1)
        for j, (code, part) in enumerate(zip(encoding.features, encoding.slices, strict=True))
        for place in range(part.start, part.stop)
        if isinstance(code, kinds)
    ][:MAX_COMPARED]


def missing_cells(encoding: Encoding, table: Table) -> list[Bools]:
    """Return which cells of each column are missing. Later columns are left out."""
    none = np.zeros(table.n_rows, dtype=bool)
    n = max([MAX_COMPARED, *(each.column + 1 for each in compared_features(encoding))])
    return [
        table.column(code.name).missing if code.name in table.names else none
        for code in encoding.features[:n]
    ]


def _clipped(code: Any, values: Float64s) -> Float64s:
    if not isinstance(code, NumberCode):
        return values
    low, high = (code.least, code.most) if code.is_plain else (0.0, code.factor)
    margin = BEYOND_RANGE * (high - low)
    return np.clip(values, low - margin, high + margin)


def surprises(
    months: Sequence[Month], now: Month, size: Float64s, is_new: Any, lacks: Any = 0
) -> Any:
    """Return the p-value and the change of each mean, in standard deviations of its values.

    A mean differs from earlier means by chance, and because months differ.  The probability of each
    size of the differences between months is learned from the earlier months, also from those of
    other means (empirical Bayes).  `size` is the value of a feature that is present, or 0 for a
    number.  Means in `is_new` can only rise.  `lacks` is the share of rows without a value, for the
    earlier months and then the present month.
    """
    counts = np.array([[month.n] for month in (*months, now)], dtype=np.float64)
    counts = np.maximum(counts * (1 - np.asarray(lacks)) + 0 * size, FEWEST)
    n, n_now = counts[:-1], counts[-1]
    within = (n * [month.variances for month in months]).sum(axis=0) / n.sum(axis=0)
    within = within + 2 * size**2 / now.n  # counts of rare levels are skewed
    spread = np.sqrt(np.maximum(within, np.finfo(np.float64).tiny))
    means = np.array([month.means for month in months]) / spread
    variance = VARIATIONS[:, None, None] ** 2 + 1 / n[None]
    total = (1 / variance).sum(axis=1)
    center = (means / variance).sum(axis=1) / total
    misfit = ((means - center[:, None]) ** 2 / variance).sum(axis=1)
    log_likelihood = -(np.log(variance).sum(axis=1) + np.log(total) + misfit) / 2
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=0))
    alike = (size[:, None] > 0) == (size > 0)  # levels vary less than numbers
    np.fill_diagonal(alike, False)
    alike = alike * np.minimum(1, MAX_ALIKE / np.maximum(1, alike.sum(axis=0)))
    share = PRIOR_OF_VARIATIONS[:, None] + 0 * likelihood
    for _ in range(5):
        found = share * likelihood / (share * likelihood).sum(axis=0)
        share = PRIOR_OF_VARIATIONS[:, None] + found @ alike
        share /= share.sum(axis=0)
    found = share * likelihood / (share * likelihood).sum(axis=0)
    change = now.means / spread - center
    deviation = np.sqrt(VARIATIONS[:, None] ** 2 + 1 / n_now + 1 / total)
    tails = [*map(erfc, (np.abs(change) / deviation / 2**0.5).ravel().tolist())]
    p_values = (found * np.reshape(tails, found.shape)).sum(axis=0)
    change = (found * change).sum(axis=0)
    return np.where(is_new & (change < 0), 1.0, p_values), change


ABOVE, MISSING = -1, -2
"""Instead of the place of a feature: rows above the threshold, and missing cells."""


@dataclass(frozen=True)
class _Changed:
    """A mean that changed: index of the column or -1 for rows above the threshold, its place among
    the features, its change in standard deviations, and the mean before and now."""

    column: int
    place: int
    change: float
    before: float
    now: float


def _changes(encoding: Encoding, months: Sequence[Month], now: Month) -> list[_Changed]:
    """Return the changed columns, the least probable change first."""
    features = compared_features(encoding)
    size = [each.code.applies if isinstance(each.code, CategoryCode) else 0.0 for each in features]
    is_rise = np.array([*(each.is_unseen for each in features), True], dtype=bool)
    column = np.array([*(each.column for each in features), -1])
    missing = np.array([each.missing for each in (*months, now)])
    lacks = np.where(column < 0, 0, missing[:, column])
    p_values, change = surprises(months, now, np.array([*size, 1.0]), is_rise, lacks)
    # Without any missing cell, the test cannot reject, so it does not count (Tarone 1990).
    lacking = np.flatnonzero(missing.any(axis=0))
    *shares, share = (
        Month(m.n, m.missing, m.missing * (1 - m.missing), m.missing) for m in (*months, now)
    )
    p_missing, _ = surprises(shares, share, np.ones(len(now.missing)), False)
    names, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    n_groups = len(names) + len(lacking)
    least = np.ones(len(names))
    np.minimum.at(least, places, p_values)
    n = np.array([[each.n] for each in months])
    before = np.average([m.means for m in months], axis=0, weights=n * (1 - lacks[:-1]) + FEWEST)
    found: list[tuple[Any, _Changed]] = []
    for i in np.flatnonzero(p_values * n_groups * counts[places] <= FALSE_ALARM).tolist():
        place = ABOVE if i == len(features) else features[i].place
        facts = (float(change[i]), float(before[i]), float(now.means[i]))
        # A new level displaces others, so the largest rise of a column comes first.
        rank = (least[places[i]], change[i] <= 0, -change[i])
        found.append((rank, _Changed(int(column[i]), place, *facts)))
    for j in lacking[p_missing[lacking] * n_groups <= FALSE_ALARM].tolist():
        was, lack = float(np.average(missing[:-1, j], weights=n[:, 0])), float(now.missing[j])
        found.append(((p_missing[j], False, 0.0), _Changed(j, MISSING, lack - was, was, lack)))
    first: dict[tuple[int, bool], _Changed] = {}
    for _, each in sorted(found, key=lambda pair: pair[0]):
        first.setdefault((each.column, each.place == MISSING), each)
    return sorted(first.values(), key=lambda each: each.place == ABOVE)


def _change(scored: Scored, changed: _Changed) -> tuple[str, str, str]:
    """Return the name of a changed column, a phrase on its change, and the phrase without values of
    rows."""
    encoding, table, keys = scored.encoding, scored.table, scored.keys
    now, before = percent_text(changed.now), percent_text(changed.before)
    if changed.place == ABOVE:
        lasting = f"{now} of the rows are above the threshold of the map instead of {before}"
        order = np.argsort(-scored.scores, kind="stable")
        return "", f"{lasting}{examples(keys, order)}", lasting
    code = encoding.features[changed.column]
    name = words_of_column(encoding, code.name)
    if changed.place == MISSING:
        lasting = f"{name} is missing in {now} of the rows instead of {before}"
        lacks = np.flatnonzero(table.column(code.name).missing)
        are_some = changed.change > 0 and len(lacks) < len(scored.rows)
        some = examples(keys, lacks, "for example in") if are_some else ""
        return code.name, f"{lasting}{some}", lasting
    values = scored.rows[:, changed.place]
    is_up = changed.change > 0
    order = np.argsort(-values if is_up else values, kind="stable")
    if isinstance(code, CategoryCode):
        text = code.feature_names[changed.place - encoding.slices[changed.column].start]
        level = words_of_level(encoding, code.name, text.removeprefix(f"{code.name}="))
        is_unseen = changed.place == encoding.slices[changed.column].stop - 1
        what = "has levels that the training table does not have" if is_unseen else f"is {level}"
        now, before = (percent_text(each / code.applies) for each in (changed.now, changed.before))
        words = f"{name} {what} in {now} of the rows instead of {before}"
        return code.name, words + (examples(keys, order) if is_up else ""), ""
    spreads = number_text(abs(changed.change), digits=2)
    words = lasting = f"{name} is {spreads} standard deviations {'higher' if is_up else 'lower'}"
    if isinstance(code, NumberCode) and not code.is_plain and code.name in table.names:
        numbers = code.read(table.column(code.name)).numbers
        present = numbers[~np.isnan(numbers)] if numbers is not None else np.empty(0)
        if len(present):
            was, median = code.fill, float(np.median(present))
            lasting = _times_larger(name, was, median) or lasting
            medians = f"median {number_text(median)}, {number_text(was)} in the training table"
            words = f"{lasting} ({medians})"
    return code.name, f"{words}{examples(keys, order)}", lasting


def examples(keys: Sequence[str], order: Any, how: str = "most in") -> str:
    """Return a phrase that names the first rows of an order, or "" without keys."""
    some = [keys[row] for row in order[:MAX_EXAMPLES]] if len(keys) else []
    return f", {how} {', '.join(some)}" if some else ""


def _times_larger(name: str, before: float, now: float) -> str:
    times = now / before if before else 0.0
    if times <= 0 or 1 / TOLD_RATIO < times < TOLD_RATIO:
        return ""
    ratio, way = (times, "larger") if times > 1 else (1 / times, "smaller")
    return f"{name} is {number_text(ratio, is_whole=ratio >= 10, digits=2)} times {way}"


def percent_text(share: float) -> str:
    """Return a share as text, for example "2.5 %"."""
    return f"{number_text(100 * share, digits=2)} %"
