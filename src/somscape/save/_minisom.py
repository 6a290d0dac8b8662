"""Records from pickled MiniSoms; nothing in the pickle is run."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._budget import Budget
from somscape._files import shown
from somscape.errors import InputError, SomscapeWarning
from somscape.records import Record
from somscape.save._lines import read_file
from somscape.save._pickles import Made, Name, array_of, number_of, read_pickle
from somscape.save._plain import Origin, plain_record

MINISOMS = (Name("minisom", "MiniSom"), Name("somscape.minisom._minisom", "MiniSom"))
OBJECT_MAKERS = (Name("copy_reg", "_reconstructor"), Name("copyreg", "_reconstructor"))
GET_ATTRIBUTE = (Name("builtins", "getattr"), Name("__builtin__", "getattr"))
METRICS = {
    "_euclidean_distance": "euclidean",
    "_manhattan_distance": "manhattan",
    "_cosine_distance": "cosine",
    "_chebyshev_distance": "chebyshev",
}


def read_minisom(path: str | Path, *, subclass: str | None = None) -> Record:
    """Read a pickled MiniSom without running anything in the pickle.

    Parameters
    ----------
    path : str or Path
        A file that ``pickle.dump(som, file)`` wrote, with any protocol.
    subclass : str, optional
        Module and name of a class to read like MiniSom, such as ``"my_project.som.MySom"``.  It is
        not imported, so what it changes in MiniSom, such as a distance, is not known here.

    Returns
    -------
    Record
        For `Map.from_record`.  MiniSom's unit (x, y) is in row ``n_y - 1 - y`` and column x, so
        that the map looks as MiniSom's plots draw it, and hexagons keep their neighbors.  Its hits
        are 0, as MiniSom does not store them.  MiniSom's "chebyshev" omits the absolute value; the
        map's does not, and may find other winners.

    Raises
    ------
    InputError
        If the file does not hold a MiniSom.

    Warns
    -----
    SomscapeWarning
        Always, because ``pickle.load`` on a pickle can run any program.

    See Also
    --------
    somscape.minisom.MiniSom : MiniSom's interface.

    Examples
    --------
    >>> import pickle, tempfile, warnings
    >>> from pathlib import Path
    >>> from minisom import MiniSom
    >>> from somscape import Map, save
    >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # of the pickle, which is ours
    ...     n_bytes = Path(folder, "som.p").write_bytes(pickle.dumps(MiniSom(4, 5, 3)))
    ...     map_ = Map.from_record(save.read_minisom(f"{folder}/som.p"))
    >>> map_.codebook.shape
    (20, 3)
    """
    source, data = shown(Path(path).name), read_file(Path(path))
    budget = Budget(source, len(data))
    module, _, name = (subclass or "").rpartition(".")
    try:
        record = _record_of(read_pickle(data, budget), budget, {*MINISOMS, Name(module, name)})
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{source}: {error}. Give a file that pickle.dump(som, file) wrote from a MiniSom."
        ) from error
    warnings.warn(
        f"{source} is a pickle. It was read without running it; pickle.load would run whatever it "
        "holds, so load only pickles that you made. Save the map as .som, which runs no code.",
        SomscapeWarning,
        stacklevel=2,
    )
    return record


def _record_of(value: Any, budget: Budget, classes: set[Name]) -> Record:
    source = budget.source
    state = _state_of(source, value, classes)
    weights = array_of(state.get("_weights"))
    if weights is None or weights.ndim != 3 or not weights.size or weights.dtype.kind != "f":
        raise InputError(f"{source}: its MiniSom has no weights of shape (x, y, features).")
    budget.take(9 * weights.size, "its weights")
    if not np.isfinite(weights).all():
        raise InputError(f"{source}: the MiniSom's weights are not all finite.")
    topology = state.get("topology", "rectangular")
    if topology not in ("rectangular", "hexagonal"):
        raise InputError(f"{source}: the MiniSom has an unknown topology.")
    n_x, n_y, _ = weights.shape
    lattice = {"n_rows": n_y, "n_cols": n_x, "kind": topology, "boundary": "plane"}
    metric = METRICS.get(_method(state.get("_activation_distance")), "")
    if not metric:
        warnings.warn(
            f"{source}: the MiniSom has a distance function of its own, which is not read; the map "
            "uses Euclidean distances.",
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
    origin = Origin(budget, "MiniSom", parameters, metric or "euclidean")
    return plain_record(_codebook(weights), lattice, origin)


def _state_of(source: str, value: Any, classes: set[Name]) -> dict[str, Any]:
    """Return the attributes of the pickled MiniSom."""
    maker = value.maker if isinstance(value, Made) else None
    if maker in OBJECT_MAKERS and isinstance(value.arguments, tuple) and value.arguments:
        maker = value.arguments[0]
    state = value.state if isinstance(value, Made) else None
    if isinstance(maker, Name) and maker in classes and isinstance(state, dict):
        return state
    name = f"{maker.module}.{maker.name}"[:80] if isinstance(maker, Name) else "something else"
    cure = "Pickle the som itself."
    if isinstance(state, dict) and "_weights" in state:
        cure = (
            "If it is a subclass that measures and trains like MiniSom, call "
            f"save.read_minisom(path, subclass={name!r}), then Map.from_record and Map.save."
        )
    raise InputError(f"{source} holds {name}, not a minisom.MiniSom. {cure}")


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
