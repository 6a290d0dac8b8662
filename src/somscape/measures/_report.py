"""All measures of a map at once, with intervals and with what to make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_whole
from somscape.measures._advice import ADVICE
from somscape.measures._distances import MAX_RANKED, Distances, correlation_of
from somscape.measures._distortion import row_distortions
from somscape.measures._function import function_of
from somscape.measures._labels import (
    classes_of,
    majority_of,
    mixture_of,
    mutual_of,
    rand_of,
    scatter_of,
)
from somscape.measures._neighbors import ON, Neighbors
from somscape.measures._order import row_ranks, row_ways
from somscape.measures._pairs import MAX_ROWS, Pairs, run
from somscape.measures._placed import Placed, placed
from somscape.measures._product import topographic_product
from somscape.measures._separation import Silhouettes, davies_bouldin_of
from somscape.measures._stability import are_torn, check_draws, intervals
from somscape.measures._use import entropy_of, gini_of
from somscape.measures._variance import row_shares
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
        lines = [
            [each.name, _number(each.value), _interval(each), each.good] for each in self.measures
        ]
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        return "\n".join(
            f"{name:<{widths[0]}}  {value:>{widths[1]}}  {between:<{widths[2]}}  {good}"
            for name, value, between, good in lines
        )

    def to_frame(self, library: str | None = None) -> Any:
        """Return the measures as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With columns ``measure``, ``value``, ``low``, ``high``, ``good`` and ``says``.
        """
        columns: dict[str, Any] = {"measure": [each.name for each in self.measures]}
        for name in ("value", "low", "high"):
            columns[name] = np.array([getattr(each, name) for each in self.measures])
        for name in ("good", "says"):
            columns[name] = [getattr(each, name) for each in self.measures]
        return frame_of(columns, library)

    def to_html(self) -> str:
        """Return a page of HTML that needs nothing else.

        Returns
        -------
        str
        """
        page = ET.Element("html", lang="en")
        head = ET.SubElement(page, "head")
        ET.SubElement(head, "meta", charset="utf-8")
        ET.SubElement(head, "title").text = "Measures of a map"
        ET.SubElement(head, "style").text = STYLE
        body = ET.SubElement(page, "body")
        ET.SubElement(body, "h1").text = "Measures of a map"
        body.append(self._table())
        return "<!DOCTYPE html>\n" + ET.tostring(page, encoding="unicode", method="html")

    def _repr_html_(self) -> str:
        return ET.tostring(self._table(), encoding="unicode", method="html")

    def _table(self) -> ET.Element:
        table = ET.Element("table")
        caption = f"{self.n_rows} rows on {self.n_units} units; intervals: {100 * self.level:g} %"
        ET.SubElement(table, "caption").text = f"{caption} of means over rows drawn again."
        head = ET.SubElement(ET.SubElement(table, "thead"), "tr")
        for title in ("measure", "value", "interval", "good", "what it says"):
            ET.SubElement(head, "th", scope="col").text = title
        body = ET.SubElement(table, "tbody")
        for each in self.measures:
            line = ET.SubElement(body, "tr")
            ET.SubElement(line, "th", scope="row").text = each.name.replace("_", " ")
            for text in (_number(each.value), _interval(each), each.good, each.says):
                ET.SubElement(line, "td").text = text
        return table


STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}"
    "th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #bbb}"
    "caption{text-align:left}"
)


def report(
    map: Any,
    X: Any,
    *,
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

    Measure on rows that did not train the map, and compare maps on the same rows.  How many units
    are used, only the training rows tell.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.
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
    rows = placed(map, X, sample_weight)
    taken = _Taken(rows)
    _add_rows(taken, rows)
    _add_pairs(taken, Pairs.of(rows, max_rows, random_state), k, regions)
    ranked = Pairs.of(rows, min(max_rows, MAX_RANKED), random_state)
    taken.values["rank_correlation"] = correlation_of(ranked)
    if labels is not None:
        _add_labels(taken, rows, labels)
    if regions is not None:
        taken.values["davies_bouldin"] = davies_bouldin_of(rows, regions)
    between = taken.intervals(level, n_resamples, random_state)
    measures = tuple(
        _measure(name, taken.values[name], *between.get(name, (NONE, NONE)))
        for name in ADVICE
        if name in taken.values
    )
    return MeasuresReport(
        measures=measures, n_rows=len(rows.units), n_units=rows.map_.n_units, level=level
    )


def _measure(name: str, value: float, low: float, high: float) -> Measure:
    good, says = ADVICE[name]
    return Measure(name=name, value=value, low=float(low), high=float(high), good=good, says=says)


class _Taken:
    """What was measured: values, and those by row that a measure is the mean of."""

    def __init__(self, rows: Placed) -> None:
        self.values: dict[str, float] = {}
        self._rows = rows
        self._by_row: list[tuple[str, Float64s, Float64s]] = []

    def add(self, name: str, by_row: Float64s, weights: Float64s | None = None) -> None:
        """Add a measure that is the mean of a value by row."""
        weights = self._rows.weights if weights is None else weights
        self.values[name] = float(np.average(by_row, weights=weights))
        self._by_row.append((name, by_row, weights))

    def intervals(self, level: float, n_resamples: int, seed: int) -> dict[str, tuple[Any, Any]]:
        """Return the interval of each measure that has one."""
        found: dict[str, tuple[Any, Any]] = {}
        for weights in {id(w): w for _, _, w in self._by_row}.values():
            those = [(name, by_row) for name, by_row, own in self._by_row if own is weights]
            values = np.column_stack([by_row for _, by_row in those])
            ends = intervals(values, weights, level, n_resamples, seed)
            found.update(
                {name: (low, high) for (name, _), (low, high) in zip(those, ends, strict=True)}
            )
        return found


def _add_rows(taken: _Taken, rows: Placed) -> None:
    """Add what is a mean over rows, or follows from units."""
    map_ = rows.map_
    taken.add("quantization_error", rows.distances[:, 0])
    taken.add("explained_variance", row_shares(rows))
    radii = map_.history.get("radius")
    if radii is not None and len(radii) and radii[-1] > 0:
        taken.add("distortion", row_distortions(rows, None, None))
    else:
        taken.values["distortion"] = NONE
    taken.add("topographic_error", are_torn(rows))
    taken.add("mean_tied_rank", row_ranks(rows))
    taken.add("combined_error", row_ways(rows))
    taken.values["topographic_product"] = topographic_product(map_)
    taken.values["topographic_function"] = function_of(rows).at_zero
    taken.values["dead_units"] = float((rows.hits == 0).mean())
    taken.values["hit_entropy"] = entropy_of(rows.hits)
    taken.values["hit_gini"] = gini_of(rows.hits)


def _add_pairs(taken: _Taken, pairs: Pairs, k: int, regions: Any) -> None:
    """Add what compares pairs of rows, in one pass."""
    k = min(k, int(np.ceil(pairs.n_rows / 2)) - 1)
    neighbors = {on: Neighbors(pairs, k, on) for on in ON} if k > 0 else {}
    distances = Distances(pairs)
    silhouettes = [] if regions is None else [Silhouettes(pairs, regions)]
    run(pairs, [*neighbors.values(), distances, *silhouettes])
    weights = pairs.counts[pairs.inverse] if pairs.is_whole else pairs.weights
    if pairs.is_whole:
        # Rows that are equal share one anchor, which counts them all.
        weights = weights / np.bincount(pairs.inverse)[pairs.inverse]

    def add(name: str, by_anchor: Float64s) -> None:
        taken.add(name, by_anchor[pairs.inverse] if pairs.is_whole else by_anchor, weights)

    for on in ON:
        for name in ("trustworthiness", "continuity", "preservation"):
            shown = f"neighborhood_{name}" if name == "preservation" else name
            shown = shown if on == "grid" else f"{shown}_on_prototypes"
            if k > 0:
                add(shown, getattr(neighbors[on], name))
            else:
                taken.values[shown] = NONE
    taken.values["c_measure"] = distances.c_measure
    taken.values["kruskal_stress"] = distances.kruskal_stress
    for found in silhouettes:
        add("silhouette", found.values)


def _add_labels(taken: _Taken, rows: Placed, labels: Any) -> None:
    """Add what compares units with classes."""
    classes = classes_of(rows, labels)
    counts = classes.counts(None)
    place = np.searchsorted(classes.live, classes.units)
    is_most = counts.argmax(axis=1)[place] == classes.classes
    taken.add("purity", is_most.astype(np.float64), classes.weights)
    taken.values["normalized_mutual_information"] = mutual_of(counts)
    taken.values["adjusted_rand_index"] = rand_of(classes_of(rows, labels, counted=True))
    taken.values["class_entropy"] = mixture_of(counts)
    taken.values["majority_entropy"] = majority_of(counts)
    taken.values["class_scatter"] = scatter_of(classes)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4g}"


def _interval(measure: Measure) -> str:
    return "" if measure.low != measure.low else f"{measure.low:.4g} to {measure.high:.4g}"
