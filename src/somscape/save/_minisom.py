"""Read pickled MiniSoms without running code from the pickle."""

import pickle
import pickletools
import struct
import sys
import warnings
from collections.abc import Collection
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._files import shown
from somscape._stored import Budget
from somscape.errors import InputError, ParameterError, SomscapeWarning
from somscape.kernels.metric import Metric
from somscape.maps.map import Map
from somscape.save.codebooks import map_of_codebook, read_file

NUMBERS = {f"{kind}{size}" for kind, sizes in (("f", "248"), ("i", "1248")) for size in sizes}
"""NumPy types that can be read."""

MAX_DIMENSIONS, MAX_SIDE = 8, 1 << 31

STEP_BYTES = 200
"""Maximum number of bytes of memory for one pickle instruction, without its argument."""

MAX_TUPLES = 10_000
"""Maximum number of tuples in a pickle.  Hashing of deeper nested tuples would end the process."""

MAX_NAMES = 100
"""Maximum number of classes and functions that a pickle names."""

BROKEN = (
    *(pickle.UnpicklingError, EOFError, LookupError, MemoryError, RecursionError, struct.error),
    *(ValueError, TypeError, AttributeError, OverflowError),
)
"""Errors of Python for damaged pickles."""


class PickledObject:
    """Stands for an object of a class, or the result of a function, that a pickle names."""

    at = ""
    """Module and name of the class or function."""

    arguments: tuple[Any, ...]
    state: Any = None

    def __new__(cls, *arguments: Any, **_: Any) -> "PickledObject":
        made = super().__new__(cls)
        made.arguments = arguments
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def _ignored(self, *_: Any) -> None:
        """Items, such as those of a defaultdict, are not needed."""

    append = extend = add = __setitem__ = _ignored


class _Reader(pickle.Unpickler):
    """Reads a pickle.  No class or function of the pickle is imported or called."""

    def __init__(self, data: bytes) -> None:
        super().__init__(BytesIO(data))
        self._found: dict[str, Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        at = f"{module}.{name}"
        if at in ("copyreg._reconstructor", "copy_reg._reconstructor"):
            return lambda cls, *_: cls()
        if at not in self._found:
            self._found[at] = type("Pickled", (PickledObject,), {"at": at})
        if len(self._found) > MAX_NAMES:
            raise pickle.UnpicklingError(f"it names more than {MAX_NAMES} classes and functions")
        return self._found[at]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"it refers to an object outside of the file, {pid!r:.40}")


def read_pickle(data: bytes, budget: Budget | None = None) -> Any:
    """Return the value that a pickle contains, with a `PickledObject` for each object."""
    budget, n_tuples = budget or Budget("the pickle", len(data)), 0
    try:
        for n, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            budget.take(STEP_BYTES + sys.getsizeof(argument), "its instructions")
            n_tuples += "TUPLE" in opcode.name
            # The reader makes a list as long as the largest number of a stored value.
            if n_tuples > MAX_TUPLES or ("PUT" in opcode.name and int(argument or 0) > n):
                raise ParameterError("its instructions are not those for a MiniSom")
        return _Reader(data).load()
    except InputError:
        raise
    except BROKEN as error:
        raise ParameterError(f"the file is not a pickle or is damaged ({error})") from error


def array_of(value: Any) -> NDArray[Any] | None:
    """Convert a pickled value to a NumPy array, or return None if it is not a numeric array."""
    if not isinstance(value, PickledObject):
        return None
    module, _, name = value.at.rpartition(".")
    if not module.startswith(("numpy.core.", "numpy._core.")):
        return None
    match name, value.state, value.arguments:
        case "_reconstruct", (_, shape, type_, is_fortran, data), _:
            return _array(shape, type_, data, "F" if is_fortran else "C")
        case "_frombuffer", _, (data, type_, shape, order):
            return _array(shape, type_, data, order)
    return None


def number_of(value: Any) -> float | None:
    """Convert a pickled value to a float, or return None if it is not a finite number."""
    match value:
        case PickledObject(arguments=(type_, data)) if value.at.endswith(".scalar"):
            found = _array((), type_, data, "C")
            return float(found[()]) if np.isfinite(found) else None
        case int() | float() if abs(value) <= 1e300:
            return float(value)
    return None


def _array(shape: Any, type_: Any, data: Any, order: Any) -> NDArray[Any]:
    is_type = isinstance(type_, PickledObject)
    code = type_.arguments[0] if is_type and type_.arguments else None
    endian = type_.state[1] if is_type and isinstance(type_.state, tuple) else "<"
    if not isinstance(code, str) or code not in NUMBERS or endian not in ("<", ">", "|", "="):
        raise ParameterError("an array in the pickle contains values that are not numbers")
    data = _bytes_of(data)
    is_shape = isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS
    if not is_shape or not all(type(n) is int and 0 <= n < MAX_SIDE for n in shape):
        raise ParameterError("an array in the pickle has an invalid shape")
    dtype = np.dtype(("<" if endian == "=" else endian) + code)
    n_bytes = dtype.itemsize * prod(shape)
    if n_bytes != len(data):
        raise ParameterError(f"an array in the pickle needs {n_bytes} bytes but has {len(data)}")
    return np.ndarray(shape, dtype, data, order="F" if order == "F" else "C")


def _bytes_of(data: Any) -> bytes:
    # Protocols below 3 lack bytes. Python 3 writes bytes as a call, and Python 2 as text.
    match data:
        case PickledObject(at="_codecs.encode", arguments=(str(text), *_)):
            return text.encode("latin-1")
        case PickledObject(at="builtins.bytes" | "__builtin__.bytes", arguments=()):
            return b""
        case str():
            return data.encode("latin-1")
    if not isinstance(data, bytes | bytearray):
        raise ParameterError("the bytes of an array in the pickle are missing")
    return bytes(data)


MINISOMS = ("minisom.MiniSom", "somscape.minisom.minisom.MiniSom")
METRICS = {f"_{name}_distance": name for name in ("euclidean", "manhattan", "cosine", "chebyshev")}


def read_minisom(path: str | Path, *, subclass: str | None = None) -> Map:
    """Read a pickled MiniSom without running code from the pickle.

    Parameters
    ----------
    path : str or Path
        A file that ``pickle.dump(som, file)`` wrote.  Every pickle protocol is supported.
    subclass : str, optional
        Module and name of a subclass of MiniSom, such as ``"my_project.som.MySom"``, whose objects
        are read like a MiniSom.  The subclass is not imported, so its own methods, such as
        a distance, are ignored.

    Returns
    -------
    Map
        The unit (x, y) of MiniSom becomes the unit in row
        ``n_y - 1 - y`` and column x, as in the plots of MiniSom.  So hexagons keep their neighbors.
        All hits are 0, because MiniSom does not store hits.  With the distance "chebyshev", MiniSom
        omits the absolute value, so the map can have other winners.

    Raises
    ------
    InputError
        If the file does not contain a pickled MiniSom.

    Warns
    -----
    SomscapeWarning
        Always, as a reminder that ``pickle.load`` can run any code that a pickle contains.

    See Also
    --------
    somscape.minisom.MiniSom : Class with the interface of MiniSom.

    Examples
    --------
    >>> import pickle, tempfile, warnings
    >>> from pathlib import Path
    >>> from minisom import MiniSom
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # of the pickle, which is ours
    ...     n_bytes = Path(folder, "som.p").write_bytes(pickle.dumps(MiniSom(4, 5, 3)))
    ...     map_ = save.read_minisom(f"{folder}/som.p")
    >>> map_.codebook.shape
    (20, 3)
    """
    source, data = shown(Path(path).name), read_file(path)
    budget = Budget(source, len(data))
    try:
        map_ = _map_of(read_pickle(data, budget), budget, (*MINISOMS, subclass))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{source} cannot be read because {error}. Give a file that pickle.dump(som, file) "
            "wrote from a MiniSom.",
            file=source,
        ) from error
    warnings.warn(
        f"{source} is a pickle. somscape read it without running code. pickle.load would run any "
        "code in the file, so load only pickles that you made. Save the map as a .som file, which "
        "cannot contain code.",
        SomscapeWarning,
        stacklevel=2,
    )
    return map_


def _map_of(value: Any, budget: Budget, classes: Collection[str | None]) -> Map:
    source = budget.source
    state = _state_of(source, value, classes)
    weights = array_of(state.get("_weights"))
    if weights is None or weights.ndim != 3 or not weights.size or weights.dtype.kind != "f":
        raise InputError(
            f"{source}: the weights of the MiniSom must be numbers of shape (x, y, features). "
            "Pickle a trained MiniSom.",
            file=source,
        )
    budget.take(9 * weights.size, "its weights")
    if not np.isfinite(weights).all():
        raise InputError(
            f"{source}: some weights of the MiniSom are not finite numbers. Train the MiniSom "
            "again, with finite data.",
            file=source,
        )
    topology = state.get("topology", "rectangular")
    if topology not in ("rectangular", "hexagonal"):
        raise InputError(
            f"{source}: the MiniSom has an unknown topology. Use 'rectangular' or 'hexagonal'.",
            file=source,
            value=topology if isinstance(topology, str) else None,
            allowed=("rectangular", "hexagonal"),
        )
    n_x, n_y, _ = weights.shape
    lattice = {"n_rows": n_y, "n_cols": n_x, "kind": topology, "boundary": "plane"}
    metric = METRICS.get(_method(state.get("_activation_distance")), "")
    if not metric:
        warnings.warn(
            f"{source}: the MiniSom has a custom distance function, which cannot be read. The map "
            "uses Euclidean distances.",
            SomscapeWarning,
            stacklevel=4,
        )
    parameters: dict[str, Any] = {
        name: number
        for name, key in (("sigma", "_sigma"), ("learning_rate", "_learning_rate"))
        if (number := number_of(state.get(key))) is not None
    }
    if neighborhood := _method(state.get("neighborhood")).lstrip("_"):
        parameters["neighborhood"] = neighborhood
    by_row = np.ascontiguousarray(weights.transpose(1, 0, 2)[::-1], np.float64)
    codebook = by_row.reshape(n_x * n_y, -1)
    parameters = {"program": "MiniSom", **parameters}
    return map_of_codebook(
        codebook, lattice, budget, parameters, metric=Metric(metric or "euclidean")
    )


def _state_of(source: str, value: Any, classes: Collection[str | None]) -> dict[str, Any]:
    """Return the attributes of the pickled MiniSom."""
    is_object = isinstance(value, PickledObject)
    state = value.state if is_object else None
    if is_object and value.at in classes and isinstance(state, dict):
        return state
    name = value.at[:80] if is_object else "another object"
    cure = "Pickle the MiniSom object itself."
    if isinstance(state, dict) and "_weights" in state:
        cure = (
            "If this class is a subclass that uses the distances and the training of MiniSom, call "
            f"save.read_minisom(path, subclass={name!r}), and then Map.save."
        )
    raise InputError(
        f"{source} contains {name}, not a minisom.MiniSom. {cure}", file=source, value=name
    )


def _method(value: Any) -> str:
    """Return the name of a pickled method of MiniSom, or "" if the value is not such a method."""
    match value:
        case PickledObject(at="builtins.getattr" | "__builtin__.getattr", arguments=(_, str(name))):
            return name
    return ""
