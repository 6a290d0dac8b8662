"""Measures of each unit: where on the map rows fit, and where the map keeps their order."""

from collections.abc import Sequence
from typing import Any

from somscape._types import Float64s
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.measures._by_row import PAIRED, SEARCHED, ByRow, paired, purity_of, searched
from somscape.measures._labels import classes_of
from somscape.measures._pairs import MAX_ROWS, Pairs
from somscape.measures._placed import placed
from somscape.tables import listed, suggestion

NAMES = (*SEARCHED, *PAIRED, "purity", "silhouette")


def by_unit(
    map: Any,
    X: Any,
    *,
    which: str | Sequence[str] | None = None,
    labels: Any = None,
    regions: Any = None,
    sample_weight: Any = None,
    k: int = 10,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> dict[str, Float64s]:
    """Return measures of each unit, on the rows that it won.

    `plots.values` draws them.  Where a unit is worse than others, do not trust what the map shows
    there; what to turn is said at the function of that name.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.
    which : str or sequence of str, optional
        Names of measures that are means over rows: quantization_error, root_mean_squared_error,
        explained_variance, distortion, topographic_error, mean_tied_rank, combined_error,
        trustworthiness, continuity, neighborhood_preservation, the last three also with
        ``_on_prototypes``, purity, silhouette.  Default: all of them.
    labels : array-like of shape (n_samples,), optional
        Class of each row, for purity.
    regions : Regions or array-like of shape (n_units,), optional
        For the silhouette.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    k, max_rows, random_state : int, optional
        As for `report`.  A unit of which no row is drawn has none.

    Returns
    -------
    dict of str to ndarray of shape (n_units,)
        NaN for a unit without rows.  Weighted by the hits of X, the means over units are the
        measures of all rows, and so is the square of the root mean squared error.

    Raises
    ------
    InputError
        For a name that is none of these, for purity without `labels` or a silhouette without
        `regions`, and as for the single measures.
    ValueError, TypeError
        For numbers out of range.

    See Also
    --------
    bootstrap_interval : For the whole map.
    somscape.plots.quality : A picture of two of them.

    Notes
    -----
    One function for all, because one search, and one pass over pairs, serves them all.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.2], [5.0], [5.4]]
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> found = measures.by_unit(som, X, which=["quantization_error", "topographic_error"])
    >>> {name: values.round(6).tolist() for name, values in found.items()}
    {'quantization_error': [0.1, 0.2], 'topographic_error': [0.0, 0.0]}
    """
    check_whole("k", k, 1)
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", random_state, 0)
    names = _checked(which, labels, regions)
    rows = placed(map, X, sample_weight)
    found: dict[str, ByRow] = searched(rows, [name for name in names if name in SEARCHED])
    if any(name in PAIRED or name == "silhouette" for name in names):
        found |= paired(rows, Pairs.of(rows, max_rows, random_state), k, regions)
    if "purity" in names:
        found["purity"] = purity_of(classes_of(rows, labels))
    return {name: found[name].by_unit(rows.map_.n_units) for name in names}


def _checked(which: str | Sequence[str] | None, labels: Any, regions: Any) -> list[str]:
    """Return names of measures, each of which is there and has what it needs."""
    lacking = {"purity": labels is None, "silhouette": regions is None}
    if which is None:
        return [name for name in NAMES if not lacking.get(name)]
    names = [which] if isinstance(which, str) else list(which)
    for name in names:
        if name not in NAMES:
            cure = suggestion(str(name), list(NAMES)) or f"there are {listed(NAMES, len(NAMES))}"
            raise InputError(f"`which` names no measure that units have: {name!r}; {cure}")
        if lacking.get(name):
            needed = "labels" if name == "purity" else "regions"
            raise InputError(f"{name} needs `{needed}`; pass them, or leave it out of `which`.")
    return names
