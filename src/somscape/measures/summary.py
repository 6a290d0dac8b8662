"""A report with all measures of a map, their intervals, and advice on settings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from somscape._validate import check_choice, check_whole, suggest_names
from somscape.measures import _quality
from somscape.measures._quality import placed
from somscape.measures.chance import check_draws
from somscape.measures.distances import (
    MAX_ROWS,
    RowPairs,
    topographic_product,
)
from somscape.measures.rows import SEARCHED, intervals_of, paired, searched
from somscape.tables._messages import suggestion
from somscape.tables.table import frame_of

MUCH = 0.05
"""Difference between held-out and training rows above which a measure from 0 to 1 is much worse."""

MUCH_LONGER = 1.1
"""Ratio of held-out to training rows above which a distance or a rank is much worse."""

MAX_NAMED = 3


def _is_much_worse(held_out: "Measure", trained: "Measure") -> bool:
    if trained.good == "near 1":
        return held_out.high < trained.low and trained.value - held_out.value > MUCH
    is_apart = held_out.low > trained.high
    if trained.good == "near 0":
        return is_apart and held_out.value - trained.value > MUCH
    return is_apart and held_out.value > MUCH_LONGER * trained.value


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4g}"


ADVICE = {
    "quantization_error": "lower: This is the mean distance of a row to its prototype. It should "
    "be far below the mean distance between rows. If it is high, use more units or a smaller "
    "final radius.",
    "explained_variance": "near 1: This is the share of the variance that the prototypes explain. "
    "At 0, the prototypes represent the rows only as well as the mean of all rows. If it is low, "
    "use more units or a smaller final radius.",
    "topographic_error": "near 0: This is the share of rows whose two nearest units are not "
    "neighbors (8 neighbors on squares, 6 on hexagons). If it is above 0.1, neighbors on the map "
    "are not reliable. In this case, use a larger final radius.",
    "combined_error": "lower: This measure combines the distance of rows to their units with the "
    "order of the map. If it is far above the quantization error, the map is folded. In this "
    "case, use a larger final radius or more epochs.",
    "topographic_product": "near 0: This measure shows whether the dimension of the map fits the "
    "data. If it is below 0, the map has too few dimensions, so try a less elongated shape. If it "
    "is above 0, the map has too many dimensions, so try a longer shape.",
    "trustworthiness": "near 1: This measure shows whether neighbors on the map are neighbors in "
    "the data. If it is below 0.9, do not treat neighbors on the map as similar. If "
    "trustworthiness_on_prototypes is also low, use more units. Otherwise use a larger final "
    "radius.",
    "continuity": "near 1: This measure shows whether neighbors in the data are neighbors on the "
    "map. Below 0.9, the map splits clusters. In this case, use a larger final radius or more "
    "epochs.",
    "trustworthiness_on_prototypes": "near 1: This is the trustworthiness with distances between "
    "prototypes. If it is high but trustworthiness is low, the units are good but their order is "
    "not. In this case, use a larger final radius.",
    "continuity_on_prototypes": "near 1: This is the continuity with distances between "
    "prototypes. If it is high but continuity is low, the units are good but their order is not. "
    "In this case, use a larger final radius.",
}
"""What values of a measure are good, then its meaning, and advice on training for a bad value."""


SCORED = ("combined_error", "explained_variance", "quantization_error", "topographic_error")
"""Measures of one map from which scorers are made."""


def scorer(name: str) -> Callable[..., float]:
    """Return a scorer for cross-validation, whose higher scores are better.

    Parameters
    ----------
    name : str
        "combined_error", "explained_variance", "quantization_error" or "topographic_error".

    Returns
    -------
    callable
        ``scorer(estimator, X, y=None)`` for the parameter `scoring` of scikit-learn.  The result is
        the measure of the estimator's map for the rows X, multiplied by -1 if low values of the
        measure are good.  A pipeline whose last step has a map first transforms X.

    Raises
    ------
    ValueError
        If the name is unknown.

    See Also
    --------
    report : Computes all measures.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from somscape import SOM, measures
    >>> X = np.random.default_rng(0).normal(size=(90, 3))
    >>> scorer = measures.scorer("combined_error")
    >>> GridSearchCV(SOM(n_cols=4), {"n_rows": [2, 5]}, scoring=scorer).fit(X).best_params_
    {'n_rows': 5}
    """
    check_choice("name", name, SCORED)
    return partial(_score, name)


def _score(name: str, estimator: Any, X: Any, y: Any = None) -> float:
    """Return a measure of an estimator's map, with the sign for which higher is better."""
    if hasattr(estimator, "steps"):
        X, estimator = estimator[:-1].transform(X), estimator[-1]
    is_score = ADVICE[name].startswith("near 1")
    value: float = getattr(_quality, name)(estimator, X)
    return value if is_score else -value


NONE = float("nan")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of a map, with an explanation.

    Attributes
    ----------
    name : str
        Name of the function in `somscape.measures`.
    value : float
        Value of the measure.  NaN if the measure is undefined for this map or these rows.
    low, high : float
        Ends of the bootstrap interval.  NaN for a measure that is not a mean over rows.
    good : str
        Description of good values, such as "near 1".
    says : str
        Meaning of the measure, and advice on training settings for a bad value.

    See Also
    --------
    MeasuresReport : Contains several measures.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> found = measures.report(SOM(1, 3, radius_end=0.1).fit(X), X).measures[0]
    >>> found.name, found.good
    ('quantization_error', 'lower')
    """

    name: str
    value: float
    low: float
    high: float
    good: str
    says: str


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MeasuresReport:
    """Measures of a map, as text and as a data frame.

    Attributes
    ----------
    measures : tuple of Measure
    n_rows : int
        Number of counted rows.
    n_units : int
    level : float
        Share of the resampled means inside each interval.
    held_out : MeasuresReport, optional
        Report on rows that were not used in training.

    See Also
    --------
    report : Creates the report.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> found = measures.report(SOM(1, 3, radius_end=0.1).fit(X), X)
    >>> found["topographic_error"]
    0.0
    """

    measures: tuple[Measure, ...]
    n_rows: int
    n_units: int
    level: float
    held_out: "MeasuresReport | None" = None

    def __getitem__(self, name: str) -> float:
        """Return the value of a measure."""
        for each in self.measures:
            if each.name == name:
                return each.value
        names = [each.name for each in self.measures]
        cure = suggestion(str(name), names) or f"the measures are {', '.join(names)}"
        raise KeyError(f"The report does not contain the measure {name!r} ({cure}).")

    def __contains__(self, name: object) -> bool:
        """Return whether the report has a measure of this name."""
        return any(name == each.name for each in self.measures)

    def __iter__(self) -> Iterator[Measure]:
        return iter(self.measures)

    def __len__(self) -> int:
        return len(self.measures)

    def __repr__(self) -> str:
        return f"MeasuresReport({len(self)} measures, {self.n_rows} rows, {self.n_units} units)"

    def __str__(self) -> str:
        lines = [[each.name, *self._cells(each)] for each in self]
        if self.held_out is not None:
            lines.insert(0, ["", "value", "interval", "held out", "good"])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        widths[-1] = 0
        # Numbers are aligned to the right.
        sides = ["<", ">", "<", *[">"] * (len(widths) - 4), "<"]
        cells = [f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True)]
        texts = ["  ".join(cells).format(*line) for line in lines]
        return "\n".join([*texts, *([self.comparison] if self.comparison else [])])

    @property
    def comparison(self) -> str:
        """Comparison of held-out rows with training rows, or "" without held-out rows.

        A measure is much worse for held-out rows than for training rows if the difference is large
        and the intervals do not overlap.  For a measure from 0 to 1, a difference above 0.05 is
        large.  For all other measures, a difference above 10 % is large.  Measures whose values
        depend on the number of rows are not compared.
        """
        if self.held_out is None:
            return ""
        held_out = {each.name: each for each in self.held_out}
        worse = [
            f"{each.name} ({_number(held_out[each.name].value)} instead of {_number(each.value)})"
            for each in self
            if each.name in SEARCHED and _is_much_worse(held_out[each.name], each)
        ]
        if not worse:
            return "Held-out rows are about as good as training rows."
        more = f" and {len(worse) - MAX_NAMED} more" if len(worse) > MAX_NAMED else ""
        return (
            f"Held-out rows are much worse than training rows in {', '.join(worse[:MAX_NAMED])}"
            f"{more}, because the map follows the training rows too closely. Judge the map by the "
            "held-out rows. Fewer units, a larger final radius or more rows reduce the difference."
        )

    def to_frame(self, library: str | None = None) -> Any:
        """Return the measures as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            The default is the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row per measure, with columns ``measure``, ``value``, ``low``, ``high``, ``good``
            and ``says``.  With held-out rows, the column ``held_out`` follows the column ``high``.
        """
        columns: dict[str, Any] = {"measure": [each.name for each in self.measures]}
        for name in ("value", "low", "high"):
            columns[name] = np.array([getattr(each, name) for each in self.measures])
        if self.held_out is not None:
            values = {each.name: each.value for each in self.held_out}
            columns["held_out"] = np.array([values.get(each.name, NONE) for each in self])
        for name in ("good", "says"):
            columns[name] = [getattr(each, name) for each in self.measures]
        return frame_of(columns, library)

    def _cells(self, each: Measure) -> Sequence[str]:
        """Return value, interval, held-out value and good values of a measure as texts."""
        between = "" if each.low != each.low else f"{each.low:.4g} to {each.high:.4g}"
        cells = [_number(each.value), between, each.good]
        held_out = self.held_out
        if held_out is not None:
            cells.insert(2, _number(held_out[each.name]) if each.name in held_out else "-")
        return cells


def report(
    som: Any,
    X: Any,
    *,
    held_out: Any = None,
    sample_weight: Any = None,
    k: int = 10,
    max_rows: int = MAX_ROWS,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> MeasuresReport:
    """Return a report with all those measures of a map that are single numbers.

    Pass the training rows as `X`, and rows that were not used in training as `held_out`.  Then
    `comparison` names those measures that are much worse for held-out rows than for training rows.
    If you compare maps, use the same rows for all maps.

    Parameters
    ----------
    som, X
        See `by_unit`.
    held_out : MeasuresReport, Table or array-like of shape (n, n_features), optional
        Rows that were not used in training, for comparison.  If these rows have weights, pass a
        report on these rows instead.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.
    k : int, default=10
        Number of neighbors for trustworthiness and continuity.  With few rows, the number is
        reduced to below half of the rows.
    max_rows : int, default=5000
        Measures that compare pairs of rows draw at most this number of distinct rows, and compare
        drawn rows with all rows.
    level : float, default=0.95
        Share of the resampled means inside each interval.
    n_resamples : int, default=1000
        Number of resamples for the intervals.  Each resample draws n of the n rows, with
        replacement.
    random_state : int, default=0
        Seed for drawing rows and resamples.

    Returns
    -------
    MeasuresReport
        `print` shows the report as text.  `to_frame` returns a data frame, which a notebook shows
        as a table.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, if rows are sparse, or if a row does not have
        any value in a column in which another row also has a value.
    ValueError, TypeError
        If `k`, `max_rows`, `level`, `n_resamples` or `random_state` is out of range.

    See Also
    --------
    by_unit, stability

    Notes
    -----
    All measures share one search of the nearest units and one pass over the pairs of rows.  A
    report takes about a second for 5,000 rows of 20 features and 400 units.  It takes a minute for
    10,000 units.

    References
    ----------
    The single measures list their references.  For a survey see G. Polzlbauer (2004), Survey and
    comparison of quality measures for self-organizing maps.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> found = measures.report(SOM(1, 3, radius_end=0.1).fit(X), X)
    >>> found["quantization_error"] < 0.1, len(found.to_frame()) == len(found)
    (True, True)
    """
    check_whole("k", k, 1)
    check_whole("max_rows", max_rows, 1)
    check_draws(level, n_resamples, random_state)
    given: dict[str, Any] = {
        "k": k,
        "max_rows": max_rows,
        "level": level,
        "n_resamples": n_resamples,
        "random_state": random_state,
    }
    rows = placed(som, X, sample_weight)
    pairs = RowPairs.of(rows, max_rows, random_state)
    means = searched(rows) | paired(rows, pairs, k)
    values = {name: each.mean for name, each in means.items()}
    values["topographic_product"] = topographic_product(rows.map_)
    ends = intervals_of(means, level, n_resamples, random_state)
    if held_out is not None and not isinstance(held_out, MeasuresReport):
        held_out = report(som, held_out, **given)
    return MeasuresReport(
        measures=tuple(
            _measure(name, values[name], *ends.get(name, (NONE, NONE))) for name in ADVICE
        ),
        n_rows=len(rows.units),
        n_units=rows.map_.n_units,
        level=level,
        held_out=held_out,
    )


def _measure(name: str, value: float, low: float, high: float) -> Measure:
    good, _, says = ADVICE[name].partition(": ")
    return Measure(name=name, value=value, low=low, high=high, good=good, says=says)


suggest_names("somscape.measures")
