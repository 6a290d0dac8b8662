"""What a fitted SOM says of the layers that rows lack."""

from collections.abc import Iterable
from typing import Any

from sklearn.utils.validation import check_is_fitted

from somscape.estimators._elsewhere import brought_here
from somscape.estimators._prepare import table_for
from somscape.maps import Map


class PredictsLayers:
    """Mixin of an estimator with a ``map_``, which may have layers."""

    map_: Map

    def predict_layers(
        self, X: Any, given: str | Iterable[str], *, library: str | None = None
    ) -> Any:
        """Return what rows are expected to hold in the layers that are not given.

        For a map whose `encoder` is a `TableEncoder` with layers; see `Map.predict_layers`.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Tables and data frames may lack the columns of other layers.  An array has all columns;
            what it holds in other layers, such as NaN, does not count.
        given : str or iterable of str
            Names of the layers by which units are found.
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            The columns of the other layers, in original units; those of an array are x0, x1, ...

        Raises
        ------
        ValueError
            For names that no layer has, all layers, or data that cannot be encoded.

        Examples
        --------
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": [0, 1], "price": [2]})
        >>> X = [[1.0, 2.0, 10.0], [2.0, 1.0, 12.0], [8.0, 9.0, 70.0], [9.0, 8.0, 75.0]]
        >>> som = SOM(2, 2, encoder=encoder, radius_end=0.3).fit(X)
        >>> som.predict_layers([[8.5, 8.5, float("nan")]], given="size").columns.tolist()
        ['x2']
        """
        check_is_fitted(self)
        part = self.map_.of_layers(given).encoding
        table = table_for(self, brought_here(X), part, reset=False)
        return self.map_.predict_layers(table, given, library=library)
