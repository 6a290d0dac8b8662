"""Training that starts from a map: whether parameters and rows fit, and becoming its estimator."""

from typing import Any

import numpy as np

from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.estimators._prepare import checked_array
from somscape.estimators._settings import settings_of_som
from somscape.grid import Graph, Lattice
from somscape.kernels import select_kernels
from somscape.maps import Map
from somscape.outliers import DetectorStream
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


def check_has_no_gaps(encoding: Encoding | None) -> None:
    """Raise InputError for an encoding that leaves missing cells missing, which no score can."""
    if isinstance(encoding, Encoding) and encoding.missing == "mask":
        raise InputError(
            "`encoding` leaves missing cells out (missing='mask'), and a detector measures whole "
            "rows. Fit the encoding with missing='fill', or leave it out and pass missing='fill' "
            "to the detector."
        )


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
        is_open = given == "auto" or (isinstance(som.init, Map) and given == default)
        if not is_open and given != actual[name]:
            raise InputError(
                f"{whose} with {name}={actual[name]!r}; got {name}={given!r}. Pass the map's, or "
                f"{way_out}."
            )


def stream_of(detector: Any) -> DetectorStream:
    """Return what a detector keeps of the rows so far, or raise InputError where it kept nothing.

    Parameters
    ----------
    detector : SOMDetector
        Fitted; one that was pickled by somscape 0.1 kept nothing.
    """
    stream = getattr(detector, "_stream", None)
    if not isinstance(stream, DetectorStream):
        raise InputError(
            "`partial_fit` cannot go on with this detector: it was saved by an older somscape, "
            "which kept nothing of its rows. Call `fit` again, and `partial_fit` from there."
        )
    return stream


def become(som: Any, map_: Map, X: Any) -> None:
    """Make an estimator that of a map, as if it had been fitted to rows like these.

    Parameters
    ----------
    som : SOM
    map_ : Map
    X : Table, data frame or array-like of shape (n_samples, n_features)

    Raises
    ------
    ValueError, TypeError
        For parameters or rows that contradict the map.
    """
    settings_of_som(som)  # for its checks
    if isinstance(X, Table):
        names = map_.encoding.feature_names
        som.feature_names_in_ = np.array(names, dtype=object)
        som.n_features_in_ = len(names)
    else:
        checked_array(som, X, reset=True)
    check_goes_on(som, map_, som.n_features_in_, is_warm=False)
    som.map_ = map_
    som._sums = None
    som.explain_defaults_ = {}
    som.n_iter_ = 0
    som.stop_reason_ = str(map_.parameters.get("stop_reason", ""))
    som.kernels_used_ = select_kernels().name
