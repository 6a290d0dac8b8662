"""Drift: compare the means and missing cells of a table with those of earlier tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import erfc
from typing import Any, NamedTuple

import numpy as np

from somscape._types import Bools, Float64s
from somscape.outliers.detector import Detector
from somscape.tables._messages import counted, joined
from somscape.tables._recoded import words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode, level_texts, number_text
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import OrdinalCode
from somscape.tables.table import Table

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
        levels = ", ".join(f'"{level}"' for level in self.levels)
        new = "the training table does not have"
        if self.n_levels == 1:
            return f"{self.column} has the value {levels}, which {new}"
        these = levels if self.n_levels == len(self.levels) else f"such as {levels}"
        return f"{self.column} has {self.n_levels:,} values that {new}, {these}"

    @property
    def sentence(self) -> str:
        """Sentence that names the column, its unseen levels, and the rows with these levels."""
        if self.n_levels > 1:
            some = _examples(self.keys, range(self.n), "for example")
            return f"{self.what} ({counted(self.n, 'row')}{some})."
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


MIN_MONTH = 50
"""Minimum number of rows of a month that is compared with other months."""

FALSE_ALARM = 0.04
"""Probability that a usual month counts as drift."""

VARIATIONS = np.r_[0, 0.01 * 2 ** (np.arange(15) / 2)]
"""Possible standard deviations of a column's mean between months, in those of its values."""

PRIOR = np.r_[12, np.ones(12), 0.4, 0.2, 0.1] / 24.7
"""Probability of each value of `VARIATIONS` before any month was seen."""

MAX_ALIKE = 7
"""Maximum number of other features that count in the prior of a feature."""

MARGIN = 0.25
"""Part of the usual range by which values beyond the range are outside of it at most. Thus single
extreme values do not change the mean of a month."""

FEWEST = 1e-6
"""Number of rows of a mean without values, which thus agrees with every other mean."""

MAX_FEATURES = 500
"""Maximum number of features with saved means.  Shares of missing cells are saved for as many
columns, or for all columns of these features."""

FAR_SHARE = 0.01
"""Share of the rows in the first run with a map that count as far from the map."""

MANY_TIMES = 2.0
"""Multiple of the expected share of far or flagged rows above which a map may be outdated."""

MAX_DRIFTED, MAX_EXAMPLES = 3, 5
"""Maximum number of changed columns to name, and of rows to name for each of these columns."""

TIMES = 1.5
"""Minimum ratio of two medians at which a sentence gives the ratio."""


@dataclass(frozen=True, eq=False)
class Month:
    """Means of the encoded values of a table, for the comparison with later tables.

    Attributes
    ----------
    n : int
        Number of rows.
    means, variances : ndarray of shape (n_compared,)
        Mean and variance of each compared feature over its present cells.  The last feature is 1 in
        rows above the map's threshold.  In the first month of a map, the mean of unseen levels is
        an estimate.
    missing : ndarray of shape (n_columns,)
        Share of missing cells of each column.  Empty for a month of an earlier version.
    """

    n: int
    means: Float64s
    variances: Float64s
    missing: Float64s

    @classmethod
    def of(
        cls,
        detector: Detector,
        rows: Float64s,
        is_above: Any,
        share: float | None,
        missing: Sequence[Bools],
    ) -> "Month":
        """Summarize a table. In the first month of a map, `share` of the rows is expected above the
        threshold."""
        means, variances = [], []
        for column, code, place, is_unseen in compared_features(detector.map_.encoding):
            values = _clipped(code, rows[:, place])
            present = values[~(np.isnan(values) | missing[column])]
            mean = float(present.mean()) if len(present) else 0.0
            if share is not None and is_unseen:  # Good (1953): as many as levels of only one row
                levels = rows[:, place - len(code.levels) : place].sum(axis=0)
                mean = float(np.isclose(levels, code.applies).sum()) * code.applies / len(rows)
            means.append(mean)
            variances.append(float(present.var()) if len(present) else 0.0)
        above = float(np.mean(is_above)) if share is None else share
        variances.append(above * (1 - above))
        lacks = np.array([each.mean() for each in missing])
        return cls(len(rows), np.array([*means, above]), np.array(variances), lacks)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Month":
        """Return the month that the facts of a run contain."""
        names = ("means", "variances", "missing")
        return cls(said["n"], *(np.array(said.get(name, ())) for name in names))

    def to_json(self) -> dict[str, Any]:
        """Return the month as JSON data. The data contain only means and shares of rows."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}


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
    ][:MAX_FEATURES]


def missing_cells(encoding: Encoding, table: Table) -> list[Bools]:
    """Return which cells of each column are missing. Later columns are left out."""
    none = np.zeros(table.n_rows, dtype=bool)
    n = max([MAX_FEATURES, *(each.column + 1 for each in compared_features(encoding))])
    return [
        table.column(code.name).missing if code.name in table.names else none
        for code in encoding.features[:n]
    ]


def _clipped(code: Any, values: Float64s) -> Float64s:
    if not isinstance(code, NumberCode):
        return values
    low, high = (code.least, code.most) if code.is_plain else (0.0, code.factor)
    margin = MARGIN * (high - low)
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
    share = PRIOR[:, None] + 0 * likelihood
    for _ in range(5):
        found = share * likelihood / (share * likelihood).sum(axis=0)
        share = PRIOR[:, None] + found @ alike
        share /= share.sum(axis=0)
    found = share * likelihood / (share * likelihood).sum(axis=0)
    change = now.means / spread - center
    deviation = np.sqrt(VARIATIONS[:, None] ** 2 + 1 / n_now + 1 / total)
    tails = [*map(erfc, (np.abs(change) / deviation / 2**0.5).ravel().tolist())]
    p_values = (found * np.reshape(tails, found.shape)).sum(axis=0)
    change = (found * change).sum(axis=0)
    return np.where(is_new & (change < 0), 1.0, p_values), change


NOT_FACTS = ("lasting", "month", "is_other")
"""Fields of a drift that its facts do not contain, or only sometimes."""


@dataclass(frozen=True)
class Drift:
    """Result of comparing the rows of a run with the rows of earlier runs.

    Attributes
    ----------
    n_rows, n_above : int
        Number of all rows of the run, and number of rows above the map's threshold.
    expected : float
        Expected number of rows above the threshold if there is no drift.
    columns : tuple of str
        The most changed columns, or "" for the rows above the threshold.  Empty without drift.
    changes : tuple of str
        Phrases on the change of each column in `columns`.
    lasting : tuple of str
        The phrases of `changes` without medians, levels and rows.
    far : float
        Distance from the map above which a row counts as far.
    share_far : float
        Share of rows that are far from the map. This share is 0.01 in the first run of a map.
    n_months : int
        Number of earlier tables with which the table was compared.
    is_first : bool
        Whether this is the map's first run.
    is_known : bool
        Whether an earlier run had the same table.
    is_other : bool
        Whether this is the map's first run, but not the table on which the map was trained.
    unseen : mapping of str to int
        Number of rows that contain an unseen level, by column.
    month : Month or None
        Summary for later runs, or None if the table has too few rows.
    """

    n_rows: int
    n_above: int
    expected: float
    columns: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    far: float = 0.0
    share_far: float = FAR_SHARE
    n_months: int = 0
    is_first: bool = False
    is_known: bool = False
    is_other: bool = False
    unseen: Mapping[str, int] = field(default_factory=dict)
    month: Month | None = None

    @property
    def is_found(self) -> bool:
        """Whether the rows differ from earlier tables more than these usually differ."""
        return bool(self.changes)

    @property
    def is_usual(self) -> bool:
        """Whether the rows are like those of earlier tables, or the map is new."""
        is_judged = self.is_first or (self.n_months > 0 and not self.is_known)
        return is_judged and not self.is_found

    @property
    def sentence(self) -> str:
        """A sentence on the drift."""
        return drift_words({**self.facts(), "changes": self.changes})

    @property
    def train_anew(self) -> str:
        """A sentence with the reasons to train the map again, or "" if there is no reason."""
        n = max(1, self.n_rows)
        above = (self.n_above / n, self.expected / n, "above the threshold of the map")
        far = (self.share_far, FAR_SHARE, "far from the map")
        many = [each for each in (above, far) if each[0] > MANY_TIMES * each[1]]
        if not self.is_found or not many:
            return ""
        said = [
            f"{_percent(share)} of the rows are {where} instead of {_percent(usual)}."
            for share, usual, where in many
            if where != above[2] or "" not in self.columns  # else said by the sentence on drift
        ]
        why = " ".join(said) or "Many rows do not fit the map."
        return f"{why} If the data are right, train again with this command:"

    def facts(self) -> dict[str, Any]:
        """Return the drift as JSON data that do not contain values of rows."""
        facts = {name: value for name, value in vars(self).items() if name not in NOT_FACTS}
        lists = {"columns": list(self.columns), "changes": list(self.lasting)}
        own = {"expected": round(self.expected, 1), "unseen": dict(self.unseen)}
        own |= {"is_other": True} if self.is_other else {}
        return {**facts, **lists, **own, "is_found": self.is_found}


def drift_words(facts: Mapping[str, Any]) -> str:
    """Return a sentence on the drift in a run from the facts of the run."""
    if not facts:
        return ""
    n = facts.get("n_months")
    if facts["is_found"]:
        changes = facts.get("changes") or [""] * len(facts["columns"])
        pairs = zip(facts["columns"], changes, strict=True)
        said = "; ".join(change or f"{name!r} changed" for name, change in pairs)
        start = "Drift" if n is None else f"Drift, compared with {counted(n, 'earlier table')}"
        return f"{start}: {said or 'the rows changed'}."
    if facts.get("is_known"):
        return "No drift: an earlier run had the same table."
    if facts["is_first"]:
        which = "the table of a replaced run" if facts.get("is_other") else "this table"
        return f"Drift cannot be judged yet, because the map was trained on {which}."
    if n == 0:
        few = facts.get("n_rows", MIN_MONTH) < MIN_MONTH
        which = "this table has fewer" if few else "each earlier table of the map has fewer"
        return f"Drift cannot be judged, because {which} than {MIN_MONTH} rows."
    if n is None:  # a run of an earlier version
        return "No drift."
    if n == 1:
        return (
            "No drift: no column differs greatly from the only earlier table. Small changes are "
            "found after a few more tables."
        )
    return (
        f"No drift: no column differs from {n} earlier tables by more than these differ from each "
        "other."
    )


def drift_of(
    detector: Detector,
    table: Table,
    rows: Float64s,
    scores: Float64s,
    earlier: Sequence[Mapping[str, Any]],
    unseen: Sequence[Unseen] = (),
    *,
    keys: Sequence[str] = (),
    is_known: bool = False,
    is_trained: bool = True,
) -> Drift:
    """Compare the rows of a run with the rows of earlier runs of the map.

    `earlier` contains the facts on drift of these runs, the newest first.
    """
    calibration, encoding = detector.calibration, detector.map_.encoding
    above = calibration.scores > detector.threshold
    share = float(np.average(above, weights=calibration.weights)) if len(above) else 0.0
    distances = detector.map_.nearest(rows)[1][:, 0]
    is_above = scores > detector.threshold
    is_first = not earlier
    far = 0.0 if is_first else float(earlier[-1]["far"])
    if is_first and len(rows):
        far = float(np.quantile(distances, 1 - FAR_SHARE, method="higher"))
    month, missing = None, missing_cells(encoding, table)
    if len(rows) >= MIN_MONTH:
        is_learned = is_first and is_trained
        month = Month.of(detector, rows, is_above, share if is_learned else None, missing)
    n = len(compared_features(encoding)) + 1
    told = [Month.from_json(facts["month"]) for facts in earlier if facts.get("month")]
    months = [m for m in told if len(m.means) == n and len(m.missing) in (0, len(missing))]
    found = Drift(
        *(len(rows), int(is_above.sum()), share * len(rows)),
        far=far,
        share_far=FAR_SHARE if is_first else float((distances > far).mean()) if len(rows) else 0.0,
        n_months=0 if month is None else len(months),
        is_first=is_first,
        is_known=is_known,
        is_other=is_first and not is_trained,
        unseen={} if is_first else {each.column: each.n for each in unseen},
        month=month,
    )
    if is_known or month is None or not months:
        return found
    changed = _changes(encoding, months, month)
    said = [_change(detector, each, table, rows, scores, keys) for each in changed[:MAX_DRIFTED]]
    more = [
        encoding.features[each.column].name for each in changed[MAX_DRIFTED:] if each.column >= 0
    ]
    if more:
        left_out = f" and {len(more) - MAX_COLUMNS} more" if len(more) > MAX_COLUMNS else ""
        phrase = f"{joined(more[:MAX_COLUMNS])}{left_out} also changed"
        said.append((more[0], phrase, phrase))
    columns, changes, lasting = zip(*said, strict=True) if said else ((), (), ())
    return replace(found, columns=columns, changes=changes, lasting=lasting)


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
    features, all_months = compared_features(encoding), (*months, now)
    size = [each.code.applies if isinstance(each.code, CategoryCode) else 0.0 for each in features]
    is_rise = np.array([*(each.is_unseen for each in features), True], dtype=bool)
    column = np.array([*(each.column for each in features), -1])
    counted_cells = [each for each in all_months if len(each.missing)]
    none = np.zeros(len(now.missing))
    missing = np.array([each.missing if len(each.missing) else none for each in all_months])
    lacks = np.where(column < 0, 0, missing[:, column])
    p_values, change = surprises(months, now, np.array([*size, 1.0]), is_rise, lacks)
    # Without any missing cell, the test cannot reject, so it does not count (Tarone 1990).
    lacking = np.flatnonzero(missing.any(axis=0))
    shares = [Month(m.n, m.missing, m.missing * (1 - m.missing), m.missing) for m in counted_cells]
    p_missing = np.ones(len(now.missing))
    if len(shares) > 1:
        p_missing, _ = surprises(shares[:-1], shares[-1], p_missing, False)
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
        was = float(
            np.average([m.missing[j] for m in shares[:-1]], weights=[m.n for m in shares[:-1]])
        )
        share = float(now.missing[j])
        found.append(((p_missing[j], False, 0.0), _Changed(j, MISSING, share - was, was, share)))
    first: dict[tuple[int, bool], _Changed] = {}
    for _, each in sorted(found, key=lambda pair: pair[0]):
        first.setdefault((each.column, each.place == MISSING), each)
    return sorted(first.values(), key=lambda each: each.place == ABOVE)


def _change(
    detector: Detector,
    changed: _Changed,
    table: Table,
    rows: Float64s,
    scores: Float64s,
    keys: Sequence[str],
) -> tuple[str, str, str]:
    """Return the name of a changed column, a phrase on its change, and the phrase without values of
    rows."""
    encoding, now, before = detector.map_.encoding, _percent(changed.now), _percent(changed.before)
    if changed.place == ABOVE:
        lasting = f"{now} of the rows are above the threshold of the map instead of {before}"
        order = np.argsort(-scores, kind="stable")
        return "", f"{lasting}{_examples(keys, order)}", lasting
    code = encoding.features[changed.column]
    name = words_of_column(encoding, code.name)
    if changed.place == MISSING:
        lasting = f"{name} is missing in {now} of the rows instead of {before}"
        lacks = np.flatnonzero(table.column(code.name).missing)
        are_some = changed.change > 0 and len(lacks) < len(rows)
        some = _examples(keys, lacks, "for example in") if are_some else ""
        return code.name, f"{lasting}{some}", lasting
    values = rows[:, changed.place]
    is_up = changed.change > 0
    order = np.argsort(-values if is_up else values, kind="stable")
    if isinstance(code, CategoryCode):
        text = code.feature_names[changed.place - encoding.slices[changed.column].start]
        level = words_of_level(encoding, code.name, text.removeprefix(f"{code.name}="))
        is_unseen = changed.place == encoding.slices[changed.column].stop - 1
        what = "has levels that the training table does not have" if is_unseen else f"is {level}"
        now, before = (_percent(each / code.applies) for each in (changed.now, changed.before))
        words = f"{name} {what} in {now} of the rows instead of {before}"
        return code.name, words + (_examples(keys, order) if is_up else ""), ""
    spreads = number_text(abs(changed.change), digits=2)
    words = lasting = f"{name} is {spreads} standard deviations {'higher' if is_up else 'lower'}"
    if isinstance(code, NumberCode) and code.name in table.names:
        numbers = code.read(table.column(code.name)).numbers
        present = numbers[~np.isnan(numbers)] if numbers is not None else np.empty(0)
        if len(present):
            was, median = code.fill, float(np.median(present))
            lasting = _times_larger(name, was, median) or lasting
            medians = f"median {number_text(median)}, {number_text(was)} in the training table"
            words = f"{lasting} ({medians})"
    return code.name, f"{words}{_examples(keys, order)}", lasting


def _examples(keys: Sequence[str], order: Any, how: str = "most in") -> str:
    some = [keys[row] for row in order[:MAX_EXAMPLES]] if len(keys) else []
    return f", {how} {', '.join(some)}" if some else ""


def _times_larger(name: str, before: float, now: float) -> str:
    times = now / before if before else 0.0
    if times <= 0 or 1 / TIMES < times < TIMES:
        return ""
    ratio, way = (times, "larger") if times > 1 else (1 / times, "smaller")
    return f"{name} is {number_text(ratio, is_whole=ratio >= 10, digits=2)} times {way}"


def _percent(share: float) -> str:
    return f"{number_text(100 * share, digits=2)} %"
