"""Whether an estimator's parameters and rows fit the map that its training starts from."""

from typing import Any

from somscape._errors import InputError
from somscape.encode import Encoding
from somscape.grid import Graph
from somscape.maps import Map
from somscape.tables import Table

DEFAULTS = {"n_rows": "auto", "n_cols": "auto", "lattice": "hexagonal", "boundary": "plane"}


def encoding_for(X: Any, given: Encoding | None, start: Any) -> Encoding | None:
    """Return how to encode data: a table as that of the map which training starts from.

    Parameters
    ----------
    X : Table or anything else
    given : Encoding or None
        What the user asks for, which comes first.
    start : Map or anything else

    Returns
    -------
    Encoding or None
    """
    if given is None and isinstance(start, Map) and isinstance(X, Table):
        return start.encoding  # rows must mean what the map's prototypes do
    return given


def check_goes_on(som: Any, map_: Map, n_features: int, *, is_warm: bool) -> None:
    """Raise InputError where parameters or rows contradict the map that training starts from.

    Parameters
    ----------
    som : SOM
    map_ : Map
    n_features : int
        Of the rows.
    is_warm : bool
        Whether `warm_start` brought the map, and not `init`.
    """
    whose = "`warm_start` goes on from a map" if is_warm else "`init` is a map"
    way_out = "pass warm_start=False" if is_warm else "pass another `init`"
    if n_features != map_.codebook.shape[1]:
        raise InputError(
            f"{whose} of {map_.codebook.shape[1]} features; got X with {n_features}. Pass X with "
            f"those features, or {way_out}."
        )
    lattice = map_.lattice
    actual = {
        "n_rows": lattice.n_rows,
        "n_cols": lattice.n_cols,
        "lattice": lattice if isinstance(lattice, Graph) else lattice.kind,
        "boundary": lattice.boundary,
    }
    for name, default in DEFAULTS.items():
        given = getattr(som, name)
        # A lattice that came with `init` was never chosen: its defaults say nothing.
        is_open = given == "auto" or (isinstance(som.init, Map) and given == default)
        if not is_open and given != actual[name]:
            raise InputError(
                f"{whose} with {name}={actual[name]!r}; got {name}={given!r}. Pass the map's, or "
                f"{way_out}."
            )
