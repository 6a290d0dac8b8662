"""Pickled MiniSoms become records; nothing in the pickle is run."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._errors import InputError, SomscapeWarning
from somscape.save._lines import read_file
from somscape.save._pickles import Made, Name, array_of, number_of, read_pickle
from somscape.save._plain import Origin, plain_record
from somscape.save._record import Record

MINISOMS = (Name("minisom", "MiniSom"), Name("somscape.minisom._minisom", "MiniSom"))
OBJECT_MAKERS = (Name("copy_reg", "_reconstructor"), Name("copyreg", "_reconstructor"))
GET_ATTRIBUTE = (Name("builtins", "getattr"), Name("__builtin__", "getattr"))
METRICS = {
    "_euclidean_distance": "euclidean",
    "_manhattan_distance": "manhattan",
    "_cosine_distance": "cosine",
    "_chebyshev_distance": "chebyshev",
}


def read_minisom(path: str | Path) -> Record:
    """Read a pickled MiniSom without running anything in the pickle.

    Parameters
    ----------
    path : str or Path
        What ``pickle.dump(som, file)`` wrote, with any protocol.

    Returns
    -------
    Record
        For `Map.from_record`.  MiniSom's unit (x, y) is in row ``n_y - 1 - y`` and column x, so
        that the map lies as MiniSom's plots draw it, and hexagons keep their neighbors.  Its hits
        are 0: MiniSom does not keep them.  Its "chebyshev" leaves out the absolute value; the
        map's does not, and may find other winners.

    Raises
    ------
    InputError
        For anything but a MiniSom.

    Warns
    -----
    SomscapeWarning
        Always: a pickle that is loaded with ``pickle.load`` can run any program.
    """
    source = Path(path).name
    try:
        record = _record_of(source, read_pickle(read_file(Path(path))))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source}: {error}.") from error
    warnings.warn(
        f"{source} is a pickle. It was read without running it; pickle.load would run whatever it "
        "holds, so load only pickles that you made. Save the map as .som, which runs nothing.",
        SomscapeWarning,
        stacklevel=2,
    )
    return record


def _record_of(source: str, value: Any) -> Record:
    state = _state_of(source, value)
    weights = array_of(state.get("_weights"))
    if weights is None or weights.ndim != 3 or not weights.size or weights.dtype.kind != "f":
        raise InputError(f"{source}: the MiniSom in it has no weights of shape (x, y, features).")
    if not np.isfinite(weights).all():
        raise InputError(f"{source}: the MiniSom's weights are not all finite.")
    topology = state.get("topology", "rectangular")
    if topology not in ("rectangular", "hexagonal"):
        raise InputError(f"{source}: the MiniSom has a topology that is not known.")
    n_x, n_y, _ = weights.shape
    lattice = {"n_rows": n_y, "n_cols": n_x, "kind": topology, "boundary": "plane"}
    metric = METRICS.get(_method(state.get("_activation_distance")), "")
    if not metric:
        warnings.warn(
            f"{source}: the MiniSom has a distance function of its own, which is not read; the map "
            "measures Euclidean distances.",
            SomscapeWarning,
            stacklevel=4,
        )
    parameters: dict[str, Any] = {
        name: number
        for name, key in (("sigma", "_sigma"), ("learning_rate", "_learning_rate"))
        if (number := number_of(state.get(key))) is not None
    }
    neighborhood = _method(state.get("neighborhood")).lstrip("_")
    if neighborhood:
        parameters["neighborhood"] = neighborhood
    origin = Origin(source, "MiniSom", parameters, metric or "euclidean")
    return plain_record(_codebook(weights), lattice, origin)


def _state_of(source: str, value: Any) -> dict[str, Any]:
    """Return the attributes of the pickled MiniSom."""
    maker = value.maker if isinstance(value, Made) else None
    if maker in OBJECT_MAKERS and isinstance(value.arguments, tuple) and value.arguments:
        maker = value.arguments[0]
    if maker not in MINISOMS or not isinstance(value.state, dict):
        what = f"a {maker.module}.{maker.name}" if isinstance(maker, Name) else "something else"
        raise InputError(
            f"{source} holds {what[:80]}, not a minisom.MiniSom. Pickle the som itself."
        )
    return value.state


def _method(value: Any) -> str:
    """Return the name of a method of the MiniSom, "" for anything else."""
    if isinstance(value, Made) and value.maker in GET_ATTRIBUTE:
        match value.arguments:
            case (_, str(name)):
                return name
    return ""


def _codebook(weights: NDArray[Any]) -> NDArray[np.float64]:
    by_row = weights.transpose(1, 0, 2)[::-1]
    return np.ascontiguousarray(by_row, np.float64).reshape(-1, weights.shape[2])
