"""Usual rows that are similar to a row, and the known labels around a row."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_number, check_whole
from somscape._weights import wilson
from somscape.errors import InputError
from somscape.maps.map import Map, table_and_rows
from somscape.outliers.alerts import Ids, ids_of
from somscape.outliers.marks import ANOMALY, UNKNOWN, known_labels
from somscape.outliers.scoring import Scoring

FIRST_UNITS = 8
"""Number of units whose rows are searched first for similar rows.  It doubles if necessary."""


@dataclass(frozen=True, eq=False)
class SimilarRows:
    """For each given row, the nearest rows.

    In the results of a detector, only usual rows are included.

    Attributes
    ----------
    ids : list of list of str
        Values of the id column for the similar rows, or row numbers from 1.
    rows : ndarray of shape (n_rows, k)
        Numbers of the similar rows in the data that were searched, from 0.
    distances : ndarray of shape (n_rows, k)
        Distances in encoded feature units for a detector.  For a map, distances by its metric.

    See Also
    --------
    somscape.SOMDetector.similar_rows : Finds similar rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> found = SOMDetector(random_state=0).fit(X).similar_rows(X[:2], among=X)
    >>> found.rows.shape, found.ids[0][0]
    ((2, 5), '1')
    """

    ids: list[list[str]]
    rows: Ints
    distances: Float64s


def nearest_usual_rows(detector: Scoring, X: Any, among: Any, n_similar: int) -> SimilarRows:
    """Return, for each row, the nearest usual rows, as `Detector.similar_rows` does."""
    check_whole("n_similar", n_similar, 1)
    map_ = detector.map_
    table, others = table_and_rows(map_, among)
    rows, others = (np.asarray(some, dtype=np.float64) for some in (map_.rows_of(X), others))
    usual = np.flatnonzero(detector._scores_of_rows(others) <= detector.threshold)
    if not len(usual):
        raise InputError(
            "`among` does not contain a usual row, because all its rows score above the threshold. "
            "Pass the rows on which the detector was trained."
        )
    units = map_._winners_of_rows(others[usual])
    groups = _Groups.of(others, units, map_.codebook, usual)
    return groups.similar(rows, n_similar, ids_of(map_, table)[1])


def nearest_rows(map_: Map, X: Any, among: Any, n_similar: int) -> SimilarRows:
    """Return, for each row, the rows that are nearest by the metric of a map."""
    check_whole("n_similar", n_similar, 1)
    table, others = table_and_rows(map_, among)
    units = map_._winners_of_rows(others)
    rows = np.asarray(map_.metric.as_euclidean(map_.rows_of(X)), dtype=np.float64)
    places = np.asarray(map_.metric.as_euclidean(others), dtype=np.float64)
    groups = _Groups.of(places, units, map_.places, np.arange(len(places)))
    return groups.similar(rows, n_similar, ids_of(map_, table)[1])


@dataclass(frozen=True, eq=False)
class _Groups:
    """Rows grouped by their unit, with a ball that contains all rows of each group."""

    rows: Float64s
    numbers: Ints
    begin: Ints
    centers: Float64s
    radii: Float64s

    @classmethod
    def of(cls, rows: Float64s, units: Ints, prototypes: Float64s, chosen: Ints) -> "_Groups":
        """Group the chosen rows by unit.  `units` contains the unit of each chosen row."""
        order = np.argsort(units, kind="stable")
        chosen, units = chosen[order], units[order]
        present, begin = np.unique(units, return_index=True)
        apart = _distances(rows[chosen], prototypes[units])
        radii = np.maximum.reduceat(apart, begin)
        return cls(rows[chosen], chosen, np.append(begin, len(chosen)), prototypes[present], radii)

    def similar(self, rows: Float64s, n_similar: int, ids: Ids) -> SimilarRows:
        """Return, for each row, the rows of the groups that are nearest to the row."""
        k = min(n_similar, len(self.rows))
        found, distances = np.empty((len(rows), k), dtype=np.intp), np.empty((len(rows), k))
        for i, row in enumerate(rows):
            found[i], distances[i] = self.nearest(row, k)
        names = list(ids)
        return SimilarRows([[names[j] for j in near] for near in found], found, distances)

    def nearest(self, row: Float64s, k: int) -> tuple[Ints, Float64s]:
        """Return numbers and distances of the k nearest rows, sorted by distance and then by row
        number."""
        # The bound is slightly reduced, so that rounding does not exclude a row.
        bound = (_distances(self.centers, row) - self.radii) * (1 - 1e-9) - 1e-300
        groups = np.argsort(bound, kind="stable")
        n = FIRST_UNITS
        while True:
            parts = [np.arange(self.begin[g], self.begin[g + 1]) for g in groups[:n]]
            looked = np.concatenate(parts)
            distances = _distances(self.rows[looked], row)
            if n >= len(groups):
                break
            if len(looked) >= k and np.partition(distances, k - 1)[k - 1] < bound[groups[n]]:
                break
            n *= 2
        best = np.lexsort((self.numbers[looked], distances))[:k]
        return self.numbers[looked[best]], distances[best]


def _distances(rows: Float64s, others: Float64s) -> Float64s:
    return np.asarray(np.sqrt(((rows - others) ** 2).sum(axis=1)))


@dataclass(frozen=True, eq=False)
class LabelShare:
    """For each given row, counts of known labels among nearby rows.

    Attributes
    ----------
    n_known : ndarray of shape (n_rows,)
        Number of rows with a known label in the unit of the given row and in neighboring units.
    n_anomalies : ndarray of shape (n_rows,)
        Number of anomalies among these labeled rows.
    share : ndarray of shape (n_rows,)
        Share of anomalies among these labeled rows, or NaN if there is no labeled row.
    low, high : ndarray of shape (n_rows,)
        Ends of the Wilson interval of the share.  They are 0 and 1 if there is no labeled row.

    See Also
    --------
    somscape.SOMDetector.label_share : Computes the shares.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> found = SOMDetector(random_state=0).fit(X).label_share(X[:2], among=X, y=X[:, 0] > 2)
    >>> found.share.shape
    (2,)
    """

    n_known: Ints
    n_anomalies: Ints
    share: Float64s
    low: Float64s
    high: Float64s


def label_share_around(map_: Map, X: Any, among: Any, y: Any, level: float) -> LabelShare:
    """Return the share of known anomalies around each row."""
    check_number("level", level, 0, 1 - 1e-12)
    units = map_.winners(among)
    labels = known_labels(y, len(units), "y")
    if labels is None:
        raise InputError(
            "`y` must contain 1 (anomaly), 0 (usual) or -1 (unknown) for each row of `among`, but "
            "contains only -1. Pass at least one known label.",
            allowed=(1, 0, -1),
        )
    n_known, n_anomalies = (
        _add_neighbors(map_, np.bincount(units[chosen], minlength=map_.n_units))[map_.winners(X)]
        for chosen in (labels != UNKNOWN, labels == ANOMALY)
    )
    low, high = wilson(n_anomalies, n_known, level)
    share = np.divide(n_anomalies, n_known, out=np.full(len(low), np.nan), where=n_known > 0)
    return LabelShare(n_known, n_anomalies, share, low, high)


def _add_neighbors(map_: Map, counts: Ints) -> Ints:
    """Return, for each unit, its count plus the counts of its neighbors on the map."""
    neighbors = map_.lattice.neighbors
    return np.asarray(counts + np.where(neighbors >= 0, counts[neighbors], 0).sum(axis=1))
