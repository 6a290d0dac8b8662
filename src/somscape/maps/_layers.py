"""A map as some of its layers see it, and what it says of the others."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from somscape._types import Float64s, Ints
from somscape.encode import Encoding, checked_layers, in_layers, of_layers
from somscape.errors import InputError
from somscape.kernels import Metric
from somscape.tables import Table, frame_of

if TYPE_CHECKING:
    from somscape.maps._map import Map


class Layered:
    """Mixin of the map, which answers by layers."""

    codebook: Float64s
    encoding: Encoding
    metric: Metric

    def of_layers(self, layers: str | Iterable[str]) -> "Map":
        """Return the map as some of its layers see it.

        Parameters
        ----------
        layers : str or iterable of str
            Names of layers that the `TableEncoder` of the training had.

        Returns
        -------
        Map
            Of the same units, with the features of these layers: it finds units by them alone, and
            rows may lack all other columns.

        Raises
        ------
        InputError
            For a map without layers, a name that none has, or metric ``"mahalanobis"``, which maps
            of classifiers and regressors have.

        Examples
        --------
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": [0, 1], "price": [2]})
        >>> X = [[1.0, 2.0, 10.0], [2.0, 1.0, 12.0], [8.0, 9.0, 70.0], [9.0, 8.0, 75.0]]
        >>> SOM(2, 2, encoder=encoder).fit(X).map_.of_layers("size")
        Map(2 x 2 hexagonal, 2 features)
        """
        names, metric = checked_layers(self.encoding, layers), self.metric
        is_in, weights = in_layers(self.encoding, names), metric.feature_weights
        if metric.whitening is not None:
            raise InputError(
                f"a map with metric='{metric.name}', which maps of classifiers and regressors "
                "have, too, cannot be asked by layer: its distances are not sums over columns. "
                "Train a SOM with the same encoder and another metric."
            )
        if weights is not None:
            weights = weights[is_in]
            if not weights.any():
                raise InputError(
                    "all columns of these layers have a `feature_weight` of 0, so no distance can "
                    "be told. Name other layers."
                )
        return replace(
            cast("Map", self),
            codebook=self.codebook[:, is_in],
            encoding=of_layers(self.encoding, names),
            metric=replace(metric, feature_weights=weights),
            told=None,
        )

    def predict_layers(
        self, X: Table | Any, given: str | Iterable[str], *, library: str | None = None
    ) -> Any:
        """Return what rows are expected to hold in the layers that are not given.

        Parameters
        ----------
        X : Table, data frame or array-like
            As for `rows_of`, of the given layers only: an array holds their encoded features.
            Other columns may be there or not.
        given : str or iterable of str
            Names of the layers by which units are found.
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            The columns of the other layers, but those that were constant in training: the values
            of the best matching unit in original units, as in `plane`.  With ``missing="mask"``
            they are missing for a row without any value in the given layers.

        Raises
        ------
        InputError
            As for `of_layers` and `rows_of`, and if all layers are given.

        Examples
        --------
        >>> import pandas as pd
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": ["w", "h"], "use": ["use"]})
        >>> frame = pd.DataFrame({"w": [1, 2, 8, 9], "h": [2, 1, 9, 8], "use": list("aabb")})
        >>> map_ = SOM(2, 2, encoder=encoder, radius_end=0.3).fit(frame).map_
        >>> map_.predict_layers(pd.DataFrame({"w": [1.5, 8.5], "h": [1.5, 8.5]}), "size")
          use
        0   a
        1   b
        """
        part = self.of_layers(given)
        return frame_of(_columns_of_others(cast("Map", self), part, part.winners(X)), library)


def _columns_of_others(map_: "Map", part: "Map", units: Ints) -> dict[str, Any]:
    """Return what units hold in the columns of layers that a part does not have."""
    given = {code.name for code in part.encoding.used}
    others = [code.name for code in map_.encoding.used if code.name not in given]
    if not others:
        raise InputError(
            "all layers of the map are given, and no other is left to predict. Name some of them."
        )
    columns: dict[str, Any] = {}
    for name in others:
        values = np.asarray(map_.plane(name))[units]
        if (units < 0).any():
            is_date, is_number = values.dtype.kind == "M", values.dtype.kind == "f"
            nothing: Any = np.nan if is_number else None
            values[units < 0] = np.array("NaT", values.dtype) if is_date else nothing
        columns[name] = values
    return columns
