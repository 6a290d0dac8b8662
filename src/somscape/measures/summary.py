"""A report with all measures of a map, their intervals, and advice on settings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from somscape._validate import check_choice, check_whole, suggest_names
from somscape.measures import _quality
from somscape.measures._quality import Placed, embedding_of, entropy_of, gini_of, placed
from somscape.measures.chance import check_draws
from somscape.measures.distances import (
    MAX_RANKED,
    MAX_ROWS,
    Distances,
    RowPairs,
    correlation_of,
    function_of,
    topographic_product,
)
from somscape.measures.labels import (
    LabelClasses,
    classes_of,
    davies_bouldin_of,
    majority_of,
    mixture_of,
    mutual_of,
    rand_of,
    scatter_of,
)
from somscape.measures.rows import SEARCHED, intervals_of, paired, purity_of, searched
from somscape.tables._messages import suggestion
from somscape.tables.table import frame_of

MUCH = 0.05
"""Difference between held-out and training rows above which a measure from 0 to 1 is much worse."""

MUCH_LONGER = 1.1
"""Ratio of held-out to training rows above which a distance or a rank is much worse."""

MAX_NAMED = 3

STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}"
    "th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #bbb}"
    "caption{text-align:left}"
)


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
    "root_mean_squared_error": "lower: This is the quantization error with a larger weight for "
    "distant rows. If it is far above the quantization error, a few rows are far from every unit. "
    "Look for these rows, or use more units.",
    "explained_variance": "near 1: This is the share of the variance that the prototypes explain. "
    "At 0, the prototypes represent the rows only as well as the mean of all rows. If it is low, "
    "use more units or a smaller final radius.",
    "embedding_accuracy": "near 1: This is the share of the variance in columns whose "
    "distribution the prototypes match. If it is low, use a smaller final radius. A column with "
    "few distinct values, such as yes and no, never counts as matched.",
    "distortion": "lower: This is the value that training minimizes. Compare only maps of the "
    "same size at the same radius. If it is high, train for more epochs.",
    "topographic_error": "near 0: This is the share of rows whose two nearest units are not "
    "neighbors (8 neighbors on squares, 6 on hexagons). If it is above 0.1, neighbors on the map "
    "are not reliable. In this case, use a larger final radius.",
    "mean_tied_rank": "the rank of neighbors: This is the rank of the second nearest unit of a "
    "row by its number of steps from the nearest unit. The best value is 4.5 inside a map of "
    "squares, 3.5 inside a map of hexagons, and less at the edges of a map. If it is much higher, "
    "use a larger final radius.",
    "combined_error": "lower: This measure combines the distance of rows to their units with the "
    "order of the map. If it is far above the quantization error, the map is folded. In this "
    "case, use a larger final radius or more epochs.",
    "topographic_product": "near 0: This measure shows whether the dimension of the map fits the "
    "data. If it is below 0, the map has too few dimensions, so try a less elongated shape. If it "
    "is above 0, the map has too many dimensions, so try a longer shape.",
    "topographic_function": "near 0: This is the number of folds per unit (the topographic "
    "function at 0). If it is high, the data have more dimensions than the map. In this case, use "
    "a larger final radius.",
    "trustworthiness": "near 1: This measure shows whether neighbors on the map are neighbors in "
    "the data. If it is below 0.9, do not treat neighbors on the map as similar. If "
    "trustworthiness_on_prototypes is also low, use more units. Otherwise use a larger final "
    "radius.",
    "continuity": "near 1: This measure shows whether neighbors in the data are neighbors on the "
    "map. Below 0.9, the map splits clusters. In this case, use a larger final radius or more "
    "epochs.",
    "neighborhood_preservation": "higher: This is the share of the nearest rows in the data that "
    "are also nearest on the map. It is low if many rows share a unit. Compare only maps of the "
    "same size, and use more units.",
    "trustworthiness_on_prototypes": "near 1: This is the trustworthiness with distances between "
    "prototypes. If it is high but trustworthiness is low, the units are good but their order is "
    "not. In this case, use a larger final radius.",
    "continuity_on_prototypes": "near 1: This is the continuity with distances between "
    "prototypes. If it is high but continuity is low, the units are good but their order is not. "
    "In this case, use a larger final radius.",
    "neighborhood_preservation_on_prototypes": "higher: This is the neighborhood preservation "
    "with distances between prototypes. It is low if many rows share a unit. In this case, use "
    "more units.",
    "c_measure": "higher: For each pair of rows, the distance in the data is multiplied by the "
    "distance on the map. This is the sum of these products. Compare only maps with the same rows "
    "and lattice. If another map has a higher value, use a larger first radius.",
    "kruskal_stress": "near 0: This is the mean squared difference between distances on the map "
    "and distances in the data. It can be small even if the units are in random order, so compare "
    "only maps with the same lattice. rank_correlation shows whether distances across the map are "
    "meaningful.",
    "rank_correlation": "near 1: This measure shows whether rows that are far apart in the data "
    "are far apart on the map. If it is below 0.5, do not interpret distances across the map. In "
    "this case, use a larger first radius or a different shape.",
    "dead_units": "near 0: This is the share of units without rows. If it is high on the training "
    "rows, use fewer units or a smaller final radius. On other rows, a high value is not a "
    "problem.",
    "hit_entropy": "near 1: This measure shows how evenly the rows use the units. If it is low on "
    "the training rows, a few units contain most rows. In this case, look for equal rows and for "
    "columns on very different scales.",
    "hit_gini": "near 0: This measure shows how unevenly the rows use the units. A value near 1 "
    "on the training rows means that a few units contain all rows. In this case, look for equal "
    "rows and for columns on very different scales.",
    "purity": "near 1: This is the share of rows that have the most frequent class of their unit. "
    "A value near the share of the largest class in all rows is bad. In this case, use more "
    "units, or columns that separate the classes.",
    "normalized_mutual_information": "near 1: This is the information that units and classes "
    "share. At 0, units and classes are independent. It is lower if a class is spread over many "
    "units, so compare classes with regions instead of units.",
    "adjusted_rand_index": "near 1: This is the agreement of units and classes over pairs of "
    "rows. Random units have a value of about 0. It is lower if a class is spread over many "
    "units, so compare classes with regions instead of units.",
    "class_entropy": "near 0: This is the mean entropy of the classes in a unit. A value near the "
    "entropy of the classes of all rows is bad. In this case, use more units, or columns that "
    "separate the classes.",
    "majority_entropy": "near 0: This is -log of the share of the largest class in a unit, summed "
    "over all units. Compare only maps of the same size. If it is high, use more units, or "
    "columns that separate the classes.",
    "class_scatter": "near 1: This is the number of connected groups of units per class. If it is "
    "high, the map splits classes, or a class has several clusters. To distinguish the two cases, "
    "use a larger final radius.",
    "silhouette": "near 1: This measure compares the distance of rows to their own region and to "
    "the nearest other region. Near 0, regions touch. If it is low, request fewer regions, or "
    "leave out uninformative columns.",
    "davies_bouldin": "near 0: This is the width of regions in relation to the distance between "
    "regions. Above 1, regions overlap. In this case, request a different number of regions.",
}
"""What values of a measure are good, then its meaning, and advice on training for a bad value."""


SCORED = (
    "combined_error", "dead_units", "embedding_accuracy", "explained_variance", "hit_entropy",
    "hit_gini", "mean_tied_rank", "quantization_error", "root_mean_squared_error",
    "topographic_error",
)  # fmt: skip
"""Measures of one map from which scorers are made."""


def scorer(name: str) -> Callable[..., float]:
    """Return a scorer for cross-validation, whose higher scores are better.

    Parameters
    ----------
    name : str
        "combined_error", "dead_units", "embedding_accuracy", "explained_variance", "hit_entropy",
        "hit_gini", "mean_tied_rank", "quantization_error", "root_mean_squared_error" or
        "topographic_error".

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
    is_score = ADVICE[name].startswith(("near 1", "higher"))
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
    """Measures of a map, available as text, data frame and HTML page.

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

    def to_html(self) -> str:
        """Return the report as an HTML page that does not need other files.

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
        held_out = self.held_out
        more_rows = "" if held_out is None else f", compared with {held_out.n_rows} held-out rows"
        ET.SubElement(table, "caption").text = " ".join(
            [
                f"{self.n_rows} rows on {self.n_units} units{more_rows}. Intervals contain "
                f"{100 * self.level:g} % of the means over resampled rows.",
                self.comparison,
            ]
        ).strip()
        more = [] if held_out is None else ["held out"]
        titles = ["measure", "value", "interval", *more, "good", "meaning"]
        head = ET.SubElement(ET.SubElement(table, "thead"), "tr")
        for title in titles:
            ET.SubElement(head, "th", scope="col").text = title
        body = ET.SubElement(table, "tbody")
        for each in self:
            line = ET.SubElement(body, "tr")
            ET.SubElement(line, "th", scope="row").text = each.name.replace("_", " ")
            for text in (*self._cells(each), each.says):
                ET.SubElement(line, "td").text = text
        return table

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
    labels: Any = None,
    regions: Any = None,
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
        Rows that were not used in training, for comparison.  If these rows have labels or weights,
        pass a report on these rows instead.
    labels : array-like of shape (n_samples,), optional
        Class of each row, for the measures that need classes.  None or NaN means no class.
    regions : Regions or array-like of shape (n_units,), optional
        Regions from `regions.find_regions`, for the measures that need regions.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.
    k : int, default=10
        Number of neighbors for trustworthiness, continuity and neighborhood_preservation.  With few
        rows, the number is reduced to below half of the rows.
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
        `print` shows the report as text, and a notebook shows a table.  `to_frame` and `to_html`
        export the report.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, if rows are sparse, if `labels` or `regions` has a
        wrong length, or if a row does not have any value in a column in which another row also has
        a value.
    ValueError, TypeError
        If `k`, `max_rows`, `level`, `n_resamples` or `random_state` is out of range.

    See Also
    --------
    by_unit, bootstrap_interval, stability

    Notes
    -----
    All measures share one search of the nearest units and one pass over the pairs of rows.  A
    report takes about a second for 5,000 rows of 20 features and 400 units.  It takes a minute for
    10,000 units.  The distortion is NaN if the radius of the map is unknown.

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
    distances = Distances(pairs)
    means = searched(rows) | paired(rows, pairs, k, regions, [distances])
    values = _measure_units(rows) | {
        "c_measure": distances.c_measure,
        "kruskal_stress": distances.kruskal_stress,
        "rank_correlation": correlation_of(
            RowPairs.of(rows, min(max_rows, MAX_RANKED), random_state)
        ),
    }
    if labels is not None:
        classes = classes_of(rows, labels)
        means["purity"] = purity_of(classes)
        values |= _measure_classes(classes, rand_of(classes_of(rows, labels, counted=True)))
    if regions is not None:
        values["davies_bouldin"] = davies_bouldin_of(rows, regions)
    values |= {name: each.mean for name, each in means.items()}
    ends = intervals_of(means, level, n_resamples, random_state)
    if held_out is not None and not isinstance(held_out, MeasuresReport):
        held_out = report(som, held_out, regions=regions, **given)
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
    good, _, says = ADVICE[name].partition(": ")
    return Measure(name=name, value=value, low=low, high=high, good=good, says=says)


def _measure_units(rows: Placed) -> dict[str, float]:
    """Return those measures that are single numbers for the entire map, such as the hit entropy."""
    return {
        "embedding_accuracy": embedding_of(rows),
        "topographic_product": topographic_product(rows.map_),
        "topographic_function": function_of(rows).at_zero,
        "dead_units": float((rows.hits == 0).mean()),
        "hit_entropy": entropy_of(rows.hits),
        "hit_gini": gini_of(rows.hits),
    }


def _measure_classes(classes: LabelClasses, rand: float) -> dict[str, float]:
    """Return those measures that compare units with classes, such as the class entropy."""
    counts = classes.counts(None)
    return {
        "normalized_mutual_information": mutual_of(counts),
        "adjusted_rand_index": rand,
        "class_entropy": mixture_of(counts),
        "majority_entropy": majority_of(counts),
        "class_scatter": scatter_of(classes),
    }


suggest_names("somscape.measures")
