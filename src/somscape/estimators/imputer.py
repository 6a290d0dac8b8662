"""Imputation of missing values by the prototypes that are nearest to a row."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from somscape._types import Float64s, Floats
from somscape._validate import check_whole, checked_weights
from somscape._weights import blocks, ones_or
from somscape.errors import InputError
from somscape.estimators._intake import checked_array, rows_for, take
from somscape.estimators._saved import Saves
from somscape.estimators._settings import refuse_checkpoint
from somscape.estimators.som import SOM, own_som
from somscape.fit._train import RunningSums
from somscape.grid._neighborhood import Neighborhood
from somscape.kernels._kernels import MAX_BEST
from somscape.kernels._select import select_kernels
from somscape.maps.map import NO_UNIT, Map
from somscape.tables.table import Table

BLOCK_VALUES = 1 << 17
"""Maximum number of values of nearest prototypes that are copied at a time (1 MiB)."""

DEVIATION_RADIUS = 1.0
"""Radius, in grid steps, over which deviations of rows from prototypes are averaged."""


@dataclass(eq=False, repr=False, match_args=False)
class SOMImputer(OneToOneFeatureMixin, TransformerMixin, Saves):
    """Fill missing values with means of the nearest prototypes of a map.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of nearest units, at most 16.  A missing value of a row is replaced by the mean of
        the prototypes of the units nearest to the row.
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  The map is trained with
        ``missing="mask"`` and ``encoder=None``, so missing values are ignored.  Features should be
        on the same scale.
    random_state : int, RandomState or None, default=None
        Random state for the training of the map, unless `som` has a ``random_state``.

    Attributes
    ----------
    map_ : Map
        The trained map.
    deviation_ : ndarray of shape (n_units, n_features)
        For each unit and feature, the root mean square difference between training rows and the
        unit's prototype, averaged with the differences of nearby units.
    n_features_in_ : int
        Number of features of the data passed to `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the data passed to `fit` contained names.

    See Also
    --------
    SOM : With ``missing="mask"``, it trains on rows with gaps and does not fill the gaps.

    Notes
    -----
    The distance between a row with missing values and a prototype is computed only from the
    features whose value is present in the row.

    References
    ----------
    M. Cottrell and P. Letremy (2005), Missing values: processing with the Kohonen algorithm.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMImputer
    >>> X = np.array([[0.0, 0.0], [0.1, 0.1], [5.0, 5.0], [5.1, 5.1]] * 5)
    >>> SOMImputer(n_neighbors=1).fit(X).transform([[5.05, np.nan]]).round().tolist()
    [[5.0, 5.0]]
    """

    _MODEL = "map_"

    n_neighbors: int = 5
    _: KW_ONLY
    som: SOM | None = None
    random_state: Any = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "SOMImputer":
        """Train the map, ignoring missing values.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Missing values are NaN.  Each feature needs at least one value.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SOMImputer
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        """
        check_whole("n_neighbors", self.n_neighbors, 1, high=MAX_BEST)
        som = own_som(self.som)
        refuse_checkpoint(som.callbacks, "SOMImputer")
        som.set_params(missing="mask", encoder=None)
        if som.random_state is None:
            som.set_params(random_state=self.random_state)
        data = take(X, type(self).__name__).data
        if isinstance(data, Table):
            raise InputError(
                "SOMImputer supports only numbers, but X is a `Table`. Pass X.to_numpy(), or "
                "encode X with somscape.TableEncoder(missing='mask').",
                parameter="X",
            )
        rows = checked_array(self, data, reset=True)
        self.map_ = som.fit(rows, sample_weight=sample_weight).map_
        self.deviation_ = _deviation(self.map_, rows, sample_weight)
        return self

    def transform(self, X: Any) -> Floats:
        """Return the data, with each missing value replaced by an estimate.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), with the data type of X
            The filled data.  Values that were present are unchanged.
        """
        return self.impute(X)[0]

    def impute(self, X: Any) -> tuple[Floats, Float64s]:
        """Return the filled data and a standard deviation for each filled value.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        filled : ndarray of shape (n_samples, n_features), of the data's type
            The data without missing values.  A row without any value becomes the mean of all
            training rows.
        deviation : ndarray of shape (n_samples, n_features), float64
            For each filled value, the standard deviation of similar training rows around the value.
            0 for a value that was present.
        """
        rows = np.asarray(rows_for(self, X))
        filled, deviation = rows.copy(), np.zeros(rows.shape)
        is_gap = np.isnan(rows)
        gappy = np.flatnonzero(is_gap.any(axis=1))
        step = max(1, BLOCK_VALUES // (self.n_neighbors * rows.shape[1]))
        for part in blocks(len(gappy), step):
            some = gappy[part]
            values, around = self._mean_and_deviation(rows[some])
            filled[some] = np.where(is_gap[some], values, rows[some])
            deviation[some] = np.where(is_gap[some], around, 0.0)
        return filled, deviation

    def _mean_and_deviation(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """For each row, return the mean and the standard deviation from its nearest units."""
        codebook, variances = self.map_.codebook, self.deviation_**2
        units, _ = self.map_.nearest(rows, min(self.n_neighbors, self.map_.n_units))
        values = codebook[units]
        mean = values.mean(axis=1)
        variance = (variances[units] + (values - mean[:, None]) ** 2).mean(axis=1)
        is_empty = units[:, 0] == NO_UNIT
        if is_empty.any():
            share = self.map_.hits / self.map_.hits.sum()
            mean[is_empty] = share @ codebook
            variance[is_empty] = share @ (variances + (codebook - share @ codebook) ** 2)
        return mean, np.sqrt(variance)


def _deviation(map_: Map, rows: Floats, sample_weight: Any) -> Float64s:
    """Return, for each unit, the smoothed RMS difference between its rows and its prototype."""
    units = map_._winners_of_rows(rows)
    is_used = units >= 0
    given = checked_weights(sample_weight, len(rows))
    weights = ones_or(given, len(is_used))[is_used]
    rows, units = rows[is_used].astype(np.float64), units[is_used]
    is_there = ~np.isnan(rows)
    squares = np.where(is_there, (rows - map_.codebook[units]) ** 2, 0.0) * weights[:, None]
    seen, totals = np.zeros(map_.codebook.shape), np.zeros(map_.codebook.shape)
    np.add.at(totals, units, squares)
    np.add.at(seen, units, is_there * weights[:, None])
    everywhere = totals.sum(axis=0) / np.maximum(seen.sum(axis=0), np.finfo(np.float64).tiny)
    counts = np.bincount(units, weights, minlength=map_.n_units).astype(np.float64)
    sums = RunningSums(counts, totals, np.zeros(rows.shape[1]), seen)
    tables = Neighborhood(map_.lattice, "gaussian").tables(DEVIATION_RADIUS)
    start = np.tile(everywhere, (map_.n_units, 1))
    return np.sqrt(np.maximum(sums.means(select_kernels(), tables, start), 0.0))
