"""A map as some of its layers see it, and what it says of the others."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Ints
from somscape.encode import checked_layers, in_layers, of_layers
from somscape.errors import InputError

if TYPE_CHECKING:
    from somscape.maps._map import Map


def map_of_layers(map_: "Map", layers: str | Iterable[str]) -> "Map":
    """Return a map of some layers; see `Map.of_layers`.

    Parameters
    ----------
    map_ : Map
    layers : str or iterable of str

    Returns
    -------
    Map

    Raises
    ------
    InputError
    """
    names, metric = checked_layers(map_.encoding, layers), map_.metric
    is_in, weights = in_layers(map_.encoding, names), metric.feature_weights
    if metric.whitening is not None:
        raise InputError(
            f"a map with metric='{metric.name}' cannot be asked by layer: its distances are not "
            "sums over columns. Train a map with another metric."
        )
    if weights is not None:
        weights = weights[is_in]
        if not weights.any():
            raise InputError(
                "all columns of these layers have a `feature_weight` of 0, so no distance can be "
                "told. Name other layers."
            )
    return replace(
        map_,
        codebook=map_.codebook[:, is_in],
        encoding=of_layers(map_.encoding, names),
        metric=replace(metric, feature_weights=weights),
        told=None,
    )


def columns_of_others(map_: "Map", part: "Map", units: Ints) -> dict[str, Any]:
    """Return what units hold in the columns that a map of some layers does not have.

    Parameters
    ----------
    map_ : Map
    part : Map
        From `map_of_layers`.
    units : ndarray of shape (n_samples,)
        -1 for a row without any value.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        Numbers, dates or levels, missing without a unit.

    Raises
    ------
    InputError
        If the part has all layers.
    """
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
            nothing: Any = {"f": np.nan, "M": np.datetime64("NaT")}.get(values.dtype.kind)
            values[units < 0] = nothing
        columns[name] = values
    return columns
