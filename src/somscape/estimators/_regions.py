"""The regions of a map as an estimator."""

from typing import Any

from somscape._types import Ints
from somscape.estimators._base import Base
from somscape.maps import Map
from somscape.regions import Regions, find_regions


class SOMRegions(Base):
    """Find the regions of a trained map, and tell those of rows.

    What `regions.find_regions` does, with the interface of an estimator.

    Parameters
    ----------
    n_regions : int or "auto", default="auto"
        Number of regions.  ``"auto"``: as many as lie apart.
    method : {"auto", "valleys", "ward"}, default="auto"
        How units join, as for `regions.find_regions`.

    Attributes
    ----------
    regions_ : Regions
        The regions, largest first.
    labels_ : ndarray of shape (n_units,)
        Region of each unit, from 0.
    n_regions_ : int
        Number of regions.

    See Also
    --------
    somscape.regions.find_regions : The same as a function.
    somscape.SOM : Trains the map.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, SOMRegions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)) + np.repeat([[0, 0], [9, 0]], 150, axis=0)
    >>> finder = SOMRegions().fit(SOM(random_state=0).fit(X))
    >>> finder.n_regions_, finder.predict(X[[0, 299]]).tolist()
    (2, [0, 1])
    """

    def __init__(self, *, n_regions: int | str = "auto", method: str = "auto") -> None:
        self.n_regions = n_regions
        self.method = method

    def fit(self, map: Map, y: Any = None, *, X: Any = None) -> "SOMRegions":
        """Find the regions of a map.

        Parameters
        ----------
        map : Map
            Or a fitted estimator with one.
        y : None
            Ignored.
        X : Table, data frame or array-like of shape (n_samples, n_features), optional
            Rows, for a map that keeps none.

        Returns
        -------
        SOMRegions
            This estimator.

        Raises
        ------
        InputError, ValueError, TypeError
            As `regions.find_regions`.
        """
        self.regions_: Regions = find_regions(map, self.n_regions, method=self.method, X=X)
        self.labels_: Ints = self.regions_.labels
        self.n_regions_: int = self.regions_.n_regions
        return self

    def predict(self, X: Any) -> Ints:
        """Return the region of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            As for `Map.rows_of`.

        Returns
        -------
        ndarray of shape (n_samples,)
            From 0; -1 for a row without any value.
        """
        return self.regions_.of(X)

    def fit_predict(self, map: Map, y: Any = None, *, X: Any = None) -> Ints:
        """Find the regions of a map, and return that of each unit.

        Parameters
        ----------
        map, y, X
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_units,)
        """
        return self.fit(map, X=X).labels_
