"""Training that starts from a map: check parameters and rows against it, and adopt the map."""

from typing import Any

from somscape.errors import InputError
from somscape.estimators._prepare import checked_array, set_names
from somscape.estimators._settings import settings_of_som, start_of
from somscape.grid import Graph, Lattice
from somscape.kernels import select_kernels
from somscape.maps import Map
from somscape.tables import Table, as_frame

DEFAULTS = {"n_rows": "auto", "n_cols": "auto", "lattice": "hexagonal", "boundary": "plane"}


def check_goes_on(som: Any, map_: Map, n_features: int, *, is_warm: bool) -> None:
    """Raise InputError if parameters or rows contradict the map that training starts from."""
    whose = "`warm_start` continues from a map" if is_warm else "`init` is a map"
    way_out = "pass warm_start=False" if is_warm else "pass another `init`"
    if n_features != map_.codebook.shape[1]:
        raise InputError(
            f"{whose} of {map_.codebook.shape[1]} features; got X with {n_features}. Pass X with "
            f"those features, or {way_out}."
        )
    lattice = map_.lattice
    is_given = isinstance(som.lattice, Lattice)  # with size and boundary
    actual = {
        "n_rows": lattice.n_rows,
        "n_cols": lattice.n_cols,
        "lattice": lattice if is_given or isinstance(lattice, Graph) else lattice.kind,
        "boundary": lattice.boundary,
    }
    for name in ("lattice",) if is_given else DEFAULTS:
        given, default = getattr(som, name), DEFAULTS[name]
        # A lattice that came with `init` was never chosen: its defaults say nothing.
        is_open = given == "auto" or (isinstance(start_of(som.init), Map) and given == default)
        if not is_open and given != actual[name]:
            raise InputError(
                f"{whose} with {name}={actual[name]!r}; got {name}={given!r}. Pass the map's, or "
                f"{way_out}."
            )


def adopt_map(som: Any, map_: Map, X: Any) -> None:
    """Give an estimator a map, as if it had been fitted to rows like these."""
    settings_of_som(som)  # for its checks
    is_plain = map_.encoding.is_plain
    if isinstance(X, Table) or not (is_plain or as_frame(X, "X") is None):
        set_names(som, map_.encoding.feature_names)
    else:
        checked_array(som, X, reset=True)
    check_goes_on(som, map_, som.n_features_in_, is_warm=False)
    som.map_ = map_
    som._sums = None
    som.explain_defaults_ = {}
    som.n_iter_ = 0
    som.stop_reason_ = str(map_.parameters.get("stop_reason", ""))
    som.kernels_used_ = select_kernels().name
