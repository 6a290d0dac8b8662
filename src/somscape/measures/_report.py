"""All measures of a map at once, with intervals and with what to make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._validate import check_whole
from somscape.measures._advice import ADVICE
from somscape.measures._by_row import intervals_of, paired, purity_of, searched
from somscape.measures._distances import MAX_RANKED, Distances, correlation_of
from somscape.measures._embedding import embedding_of
from somscape.measures._function import function_of
from somscape.measures._labels import (
    Classes,
    classes_of,
    majority_of,
    mixture_of,
    mutual_of,
    rand_of,
    scatter_of,
)
from somscape.measures._pairs import MAX_ROWS, Pairs
from somscape.measures._placed import Placed, placed
from somscape.measures._product import topographic_product
from somscape.measures._separation import davies_bouldin_of
from somscape.measures._shown import comparison, page_of, table_of, text_of
from somscape.measures._stability import check_draws
from somscape.measures._use import entropy_of, gini_of
from somscape.tables import frame_of, suggestion

NONE = float("nan")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of a map, with what to make of it.

    Attributes
    ----------
    name : str
        That of the function in `somscape.measures`.
    value : float
        NaN where the map or the rows do not have it.
    low, high : float
        Interval over rows, by the bootstrap; NaN for a measure that is no mean over rows.
    good : str
        The direction, such as "near 1".
    says : str
        What is good, what is bad, and what to turn, in a sentence.

    See Also
    --------
    MeasuresReport : Has some.

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
    """Measures of a map on some rows, as text, as a frame and as a page.

    Attributes
    ----------
    measures : tuple of Measure
    n_rows : int
        Rows that count.
    n_units : int
    level : float
        Of the intervals.
    held_out : MeasuresReport, optional
        Of rows that did not train the map.

    See Also
    --------
    report : Makes one.

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
        cure = suggestion(str(name), names) or f"there are {', '.join(names)}"
        raise KeyError(f"this report has no measure {name!r}; {cure}")

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
        return text_of(self)

    @property
    def comparison(self) -> str:
        """How held-out rows do, in a sentence; "" without any.

        They do much worse where both intervals are apart, and a measure is a tenth higher, or one
        from 0 to 1 a twentieth worse.  Measures that depend on the number of rows do not count.
        """
        return comparison(self)

    def to_frame(self, library: str | None = None) -> Any:
        """Return the measures as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With columns ``measure``, ``value``, ``low``, ``high``, ``good`` and ``says``; with
            held-out rows also ``held_out``, after ``high``.
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

    def to_html(self) -> str:
        """Return a page of HTML that needs nothing else.

        Returns
        -------
        str
        """
        return page_of(self)

    def _repr_html_(self) -> str:
        return table_of(self)


def report(
    map: Any,
    X: Any,
    *,
    held_out: Any = None,
    labels: Any = None,
    regions: Any = None,
    sample_weight: Any = None,
    k: int = 10,
    max_rows: int = MAX_ROWS,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> MeasuresReport:
    """Return the measures of a map that are one number, each with what to make of it.

    Pass the training rows, and rows that did not train the map as `held_out`: `comparison` says
    where these do much worse.  Compare maps on the same rows.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.
    held_out : MeasuresReport, Table or array-like of shape (n, n_features), optional
        Rows that did not train the map, to stand beside these; or a report of them, if they have
        labels or weights.
    labels : array-like of shape (n_samples,), optional
        Class of each row, for the measures that need one; None or NaN for a row without.
    regions : Regions or array-like of shape (n_units,), optional
        From `regions.find_regions`, for the measures that need them.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    k : int, default=10
        Number of neighbors for trustworthiness and its kin; fewer if it is not below half of the
        rows.
    max_rows : int, default=5000
        Of more distinct rows, as many are drawn for the measures that compare pairs; each is
        compared with all.
    level : float, default=0.95
        Of the intervals.
    n_resamples : int, default=1000
        Draws of rows for the intervals.
    random_state : int, default=0
        Seed of both draws.

    Returns
    -------
    MeasuresReport
        `print` shows it, a notebook shows a table; `to_frame` and `to_html` give it away.

    Raises
    ------
    InputError
        As for the single measures: without rows, for sparse rows, for labels or regions that do
        not fit, and for a row without a value in common with any other.
    ValueError, TypeError
        For numbers out of range.

    See Also
    --------
    by_unit, bootstrap_interval, stability

    Notes
    -----
    Rows are searched once, and pairs gone through once: about a second for 5,000 rows of 20
    features and 400 units, a minute for 10,000 units, whose order takes most of it.  The distortion
    is NaN for a map that does not know its radius.

    References
    ----------
    The measures' own; for a survey G. Polzlbauer (2004), Survey and comparison of quality measures
    for self-organizing maps.

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
    rows = placed(map, X, sample_weight)
    pairs = Pairs.of(rows, max_rows, random_state)
    distances = Distances(pairs)
    means = searched(rows) | paired(rows, pairs, k, regions, [distances])
    values = _of_units(rows) | {
        "c_measure": distances.c_measure,
        "kruskal_stress": distances.kruskal_stress,
        "rank_correlation": correlation_of(Pairs.of(rows, min(max_rows, MAX_RANKED), random_state)),
    }
    if labels is not None:
        classes = classes_of(rows, labels)
        means["purity"] = purity_of(classes)
        values |= _of_classes(classes, rand_of(classes_of(rows, labels, counted=True)))
    if regions is not None:
        values["davies_bouldin"] = davies_bouldin_of(rows, regions)
    values |= {name: each.mean for name, each in means.items()}
    ends = intervals_of(means, level, n_resamples, random_state)
    if held_out is not None and not isinstance(held_out, MeasuresReport):
        held_out = report(map, held_out, regions=regions, **given)
    return MeasuresReport(
        measures=tuple(
            _measure(name, values[name], *ends.get(name, (NONE, NONE)))
            for name in ADVICE
            if name in values
        ),
        n_rows=len(rows.units),
        n_units=rows.map_.n_units,
        level=level,
        held_out=held_out,
    )


def _measure(name: str, value: float, low: float, high: float) -> Measure:
    good, says = ADVICE[name]
    return Measure(name=name, value=value, low=low, high=high, good=good, says=says)


def _of_units(rows: Placed) -> dict[str, float]:
    """Return what is no mean over rows, and needs no pairs."""
    return {
        "embedding_accuracy": embedding_of(rows),
        "topographic_product": topographic_product(rows.map_),
        "topographic_function": function_of(rows).at_zero,
        "dead_units": float((rows.hits == 0).mean()),
        "hit_entropy": entropy_of(rows.hits),
        "hit_gini": gini_of(rows.hits),
    }


def _of_classes(classes: Classes, rand: float) -> dict[str, float]:
    """Return what compares units with classes, and is no mean over rows."""
    counts = classes.counts(None)
    return {
        "normalized_mutual_information": mutual_of(counts),
        "adjusted_rand_index": rand,
        "class_entropy": mixture_of(counts),
        "majority_entropy": majority_of(counts),
        "class_scatter": scatter_of(classes),
    }
