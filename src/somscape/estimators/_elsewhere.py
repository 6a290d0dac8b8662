"""Functions for data that are elsewhere: on a device such as a GPU, or in pieces."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial, reduce, wraps
from operator import matmul
from threading import Lock
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from sklearn.utils.validation import validate_data

from somscape._types import Floats, Ints
from somscape._validate import (
    check_not_dates,
    check_not_masked,
    check_values,
    largest_value,
    wrong_value,
)
from somscape.engines._which import answers
from somscape.errors import InputError, ParameterError
from somscape.fit.pieces import Extremes, Pieces, RowsElsewhere, extremes_of, widest
from somscape.kernels._sparse import Device, DeviceArray
from somscape.maps.map import Map
from somscape.tables._frame import Frame, as_frame, table_from_frame
from somscape.tables._messages import listed
from somscape.tables.encoding import Encoding

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Library:
    """Functions of an array library that are not in the array API standard.

    Attributes
    ----------
    is_near : callable
        Function that returns whether an array is in the main memory of this machine.
    fetched : callable
        Function that copies an array from any device to a NumPy array.
    label : callable
        Function that returns the name of a device.
    product : callable
        Function that multiplies two matrices in the full precision of their data type.
    """

    is_near: Callable[[Any], bool]
    fetched: Callable[[Any], Any]
    label: Callable[[Any], str]
    product: Callable[[Any, Any], Any]


def _torch_product(a: Any, b: Any) -> Any:
    torch = sys.modules["torch"]
    with _full_precision(torch.backends), torch.autocast(a.device.type, enabled=False):
        return matmul(a, b)


_settings_lock = Lock()


@contextmanager
def _full_precision(backends: Any) -> Iterator[None]:
    """Set torch to full precision within a `with` block, and then restore the user's settings."""
    tables = [backends.cuda.matmul, backends.mkldnn.matmul]
    name, full = "fp32_precision", cast(Any, "ieee")
    if not hasattr(tables[0], name):  # torch before 2.9
        tables, name, full = tables[:1], "allow_tf32", False
    with _settings_lock:
        before = [getattr(table, name) for table in tables]
        try:
            for table in tables:
                setattr(table, name, full)
            yield
        finally:
            for table, value in zip(tables, before, strict=True):
                setattr(table, name, value)


LIBRARIES = {
    "torch": Library(
        lambda X: X.device.type == "cpu",
        lambda X: np.asarray(X.detach().cpu()),
        str,
        _torch_product,
    ),
    "cupy": Library(lambda X: False, lambda X: X.get(), lambda place: f"cuda:{place.id}", matmul),
    # An implementation of only the standard, with simulated devices for tests.
    "array_api_strict": Library(
        lambda X: "CPU" in str(X.device),
        lambda X: np.asarray(X.to_device(sys.modules["array_api_strict"].Device("CPU_DEVICE"))),
        lambda place: str(place).split("'")[1],
        matmul,
    ),
}
"""Libraries whose arrays get results of the same library.  For others, results are NumPy arrays."""


def library_of(X: Any) -> str | None:
    roots = {kind.__module__.partition(".")[0] for kind in type(X).__mro__}
    is_array = hasattr(X, "device") and hasattr(X, "dtype")
    return next(iter(roots & set(LIBRARIES)), None) if is_array else None


def fetched(X: Any) -> Any:
    """Convert an array of another library to a NumPy array, and return other values unchanged."""
    library = library_of(X)
    if library is None:
        return X
    try:
        return LIBRARIES[library].fetched(X)
    except (TypeError, RuntimeError, ValueError) as error:
        raise InputError(
            f"NumPy cannot read an array of {library} with values of {X.dtype} ({error}). Pass a "
            "dense array of float32 or float64, such as X.float().",
            value=X.dtype,
        ) from error


def _advice_for(library: str) -> str:
    return {"torch": "X.cpu()", "cupy": "X.get()"}.get(library, "a NumPy array")


@dataclass(frozen=True)
class Home:
    """Library and device of the array that the user passed.

    Attributes
    ----------
    library : module or None
        None if the user's data are not an array of a supported library.
    place : object
        The device, as an object of the library.
    """

    library: Any = None
    place: Any = None

    def back(self, values: Any) -> Any:
        """Convert results to arrays of the same library and device as the user's array."""
        if isinstance(values, DeviceArray):
            return values.array
        if self.library is None:
            return values
        return self.library.asarray(values, device=self.place, copy=True)


HERE = Home()
"""The home of data that are not arrays of another library."""


def received(X: Any, library: str, what: str, *, may_stay: bool) -> tuple[Any, Home]:
    """Return an array of a library as a NumPy array, or on its device, and where it comes from.

    Raise InputError for an array that is on a device and may not stay there.
    """
    home, known = Home(sys.modules[library], X.device), LIBRARIES[library]
    if known.is_near(X):
        return fetched(X), home
    if may_stay:
        return _on_device(X, library), home
    raise InputError(
        f"{what} supports only arrays in this machine's memory, but X is an array of "
        f"{library} on {known.label(X.device)}. Pass {_advice_for(library)}.",
        parameter="X",
        value=known.label(X.device),
    )


def _on_device(X: Any, library: str) -> DeviceArray:
    known, kind = LIBRARIES[library], str(X.dtype).rpartition(".")[2]
    label = known.label(X.device)
    if kind not in ("float32", "float64") or "sparse" in str(getattr(X, "layout", "")):
        layout = f" ({X.layout})" if "sparse" in str(getattr(X, "layout", "")) else ""
        raise InputError(
            f"X on a device must be dense, with values of float32 or float64, but X on {label} "
            f"has values of {kind}{layout}. Convert X, or pass {_advice_for(library)}.",
            value=kind,
        )
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(
            "X must have two dimensions, with at least one row and one column, but its shape is "
            f"{tuple(X.shape)}. Reshape X to one row per case.",
            value=tuple(X.shape),
        )
    name = f"{library}/{label}"
    device = Device(_namespace(X, library), X.device, name, known.fetched, known.product)
    try:
        device.fetched(device.sent(np.zeros(1)))
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"Training on a device requires float64, but {library} raises an error on {label} "
            f"({error}). Pass {_advice_for(library)}.",
            parameter="X",
            value=label,
        ) from error
    return DeviceArray(X.detach() if hasattr(X, "detach") else X, device)


def _namespace(X: Any, library: str) -> Any:
    """Return an array library's namespace with the functions of the array API standard."""
    if hasattr(X, "__array_namespace__"):
        return X.__array_namespace__()
    try:
        from sklearn.externals.array_api_compat import array_namespace
    except ImportError as error:
        raise InputError(
            f"X of {library} on a device requires scikit-learn 1.7 or newer. Install a newer "
            f"version, or pass {_advice_for(library)}."
        ) from error
    return array_namespace(X)


def checked_on_device(som: Any, X: DeviceArray, *, reset: bool = False) -> Any:
    """Check rows that are on a device (such as a GPU), and return the rows."""
    validate_data(som, X, reset=reset, skip_check_array=True)
    if not reset:
        map_: Map = som.map_
        if not (map_.encoding.is_plain and map_.metric.is_plain):
            raise InputError(
                f"X is on {X.device.name}, but X on a device requires a map with "
                "metric='euclidean', without feature weights and without an encoding. Pass X in "
                "this machine's memory.",
                value=X.device.name,
            )
    low, high = X.extremes()
    info = np.finfo(X.dtype)
    limit = largest_value(info, X.shape[1])
    is_wrong = ~((high <= limit) & (low >= -limit))
    if is_wrong.any():
        column = int(is_wrong.argmax())
        values: Floats = np.asarray(X[:, column])
        row = int((~(np.abs(values) <= limit)).argmax())
        if np.isnan(values[row]):
            raise InputError(
                f"`X` must be finite and not missing (NaN), but is nan in row {row}, column "
                f"'x{column}'. Fill the value, or pass X in this machine's memory.",
                row=row,
                column=f"x{column}",
            )
        raise wrong_value(values[row], row, f"x{column}", limit, info, "X")
    return X


class Look(NamedTuple):
    """Result of checking one piece of the data.

    Attributes
    ----------
    names : tuple of str or None
        Column names, or None if the piece is not a data frame.
    wrong : str
        Error message, or "" if the piece is valid.
    shape : (int, int)
        Number of rows and number of features.
    extremes : tuple
        Smallest value and largest value of each feature, and whether any value is missing.
    n_missing : ndarray of shape (n_features,) or None
        Number of missing values in each feature, or None if no value is missing.
    first_gap : int
        Number of the first row of the piece in which a value is missing.
    """

    names: tuple[str, ...] | None
    wrong: str = ""
    shape: tuple[int, int] = (0, 0)
    extremes: Extremes | None = None
    n_missing: Ints | None = None
    first_gap: int = 0

    @property
    def is_narrow(self) -> bool:
        """Whether the piece contains float32 values or no rows at all."""
        if self.extremes is None or not self.shape[0]:
            return True
        return self.extremes[0].dtype == np.float32


def rows_elsewhere(
    pieces: Pieces, encoding: Encoding | None, missing: str
) -> tuple[RowsElsewhere, Encoding, tuple[str, ...] | None]:
    """Check all pieces of a table, and return the rows, the encoding and the feature names."""
    if encoding is None and missing == "fill":
        raise InputError(
            "`missing` is 'fill', which needs the median of each column, but medians are not "
            "computed for X in pieces. Fill the missing values first, pass missing='mask', or pass "
            "an `encoder` that was fitted to a part of X.",
            value="fill",
        )
    looks = list(pieces.each(partial(_look, encoding, missing)))
    _check_columns(looks)
    lengths = tuple(look.shape[0] for look in looks)
    first = next(look for look in looks if look.shape[0])
    extremes = reduce(widest, (look.extremes for look in looks if look.extremes is not None))
    dtype = np.dtype(np.float32 if all(look.is_narrow for look in looks) else np.float64)
    names, n_features = first.names, first.shape[1]
    form = partial(_convert_piece, encoding, dtype)
    if encoding is not None:
        names = tuple(encoding.feature_names)
    else:
        shown = names or tuple(f"x{i}" for i in range(n_features))
        _check_missing(looks, shown, missing)
        encoding = Encoding.plain(list(shown), missing=missing)
    rows = RowsElsewhere(pieces, (form,), lengths, n_features, dtype, extremes)
    return rows, encoding, names


def are_numbers(_: int, data: Any) -> bool:
    """Return whether a piece of the data is an array or a data frame of numbers."""
    frame = as_frame(data, "X")
    return frame is None or set(frame.kinds.values()) <= {"number", "duration"}


def _convert_piece(encoding: Encoding | None, dtype: Any, data: Any) -> Floats:
    """Encode the rows of a piece, or convert the numbers of a piece to the given data type."""
    if encoding is None:
        return np.ascontiguousarray(_numbers_of(data, as_frame(data, "X")), dtype=dtype)
    return np.ascontiguousarray(encoding.encode(table_from_frame(data, "X")))


def _look(encoding: Encoding | None, missing: str, _: int, data: Any) -> Look:
    """Check one piece of a table, and return the result of the check as a `Look`."""
    frame = as_frame(data, "X")
    names = None if frame is None else tuple(frame.names)
    if not len(data):
        return Look(names)
    try:
        rows = _rows_of(encoding, data, frame)
        shown = names or tuple(f"x{i}" for i in range(rows.shape[1]))
        check_values(rows, shown if encoding is None else (), may_miss=True)
    except (ValueError, TypeError) as error:
        return Look(names, str(error))
    extremes = extremes_of(0, rows)
    if not extremes[2]:
        return Look(names, "", rows.shape, extremes)
    is_missing, wrong = np.isnan(rows), ""
    is_empty, has_gap = is_missing.all(axis=1), is_missing.any(axis=1)
    if missing == "mask" and is_empty.any():
        wrong = f"All values of row {int(is_empty.argmax())} are missing (NaN). Leave the row out."
    counts = is_missing.sum(axis=0)
    return Look(names, wrong, rows.shape, extremes, counts, int(has_gap.argmax()))


def _rows_of(encoding: Encoding | None, data: Any, frame: Frame | None) -> Floats:
    if encoding is None:
        kinds = {} if frame is None else frame.kinds
        others = [name for name, kind in kinds.items() if kind != "number"]
        if others:
            raise InputError(
                f"The piece contains values that are not numbers, in column {listed(others)}. "
                "Pass a somscape.TableEncoder that was fitted to a part of X as `encoder`, or "
                "leave the column out.",
                column=others,
            )
        return _numbers_of(data, frame)
    if frame is None:
        found = type(data).__name__
        raise InputError(
            f"The encoding needs columns with names, but the piece is of type {found}. Pass data "
            "frames.",
            value=found,
        )
    return _convert_piece(encoding, None, data)


def _numbers_of(data: Any, frame: Frame | None) -> Any:
    """Convert an array or a data frame of numbers to a float array."""
    check_not_masked(data)
    values = np.asarray(data) if frame is None else frame.numbers()
    check_not_dates(values.dtype)
    if values.ndim != 2 or not values.shape[1]:
        raise ParameterError(
            f"A piece must have rows and columns, but has shape {values.shape}.",
            parameter="X",
            value=values.shape,
        )
    if values.dtype.kind == "c":
        raise ParameterError(
            "The piece contains complex numbers. Pass real numbers.", parameter="X"
        )
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)


def _check_columns(looks: Sequence[Look]) -> None:
    """Raise InputError if a piece of the table is invalid, or if pieces have different columns."""
    there = [(number, look) for number, look in enumerate(looks) if look.shape[0] or look.wrong]
    if not there:
        raise InputError(
            "X does not have any rows, because all pieces are empty. Pass at least one row."
        )
    first = there[0][1]
    for number, look in there:
        value: Any = None
        allowed: Any = None
        if (look.names is None) != (first.names is None):
            wrong = (
                "The pieces of X must be all arrays or all data frames, but the first piece and "
                f"piece {number} are of different kinds. Convert the pieces to one kind."
            )
        elif look.names != first.names:
            wrong = _describe_other_names(first.names or (), look.names or (), number)
            value = look.names
        elif look.wrong:
            wrong = f"Piece {number} of X cannot be used. {look.wrong}"
        elif look.shape[1] != first.shape[1]:
            wrong = (
                f"Piece {number} of X has {look.shape[1]} columns, but the first piece has "
                f"{first.shape[1]}. Pass pieces with the same columns."
            )
            value, allowed = look.shape[1], first.shape[1]
        else:
            continue
        raise InputError(wrong, parameter="X", value=value, allowed=allowed)


def _describe_other_names(expected: Sequence[str], found: Sequence[str], number: int) -> str:
    lacks = [name for name in expected if name not in found]
    more = [name for name in found if name not in expected]
    if lacks:
        return (
            f"Piece {number} of X lacks column {listed(lacks)}, which the first piece has. Add "
            "the column."
        )
    if more:
        return (
            f"Piece {number} of X has column {listed(more)}, which the first piece lacks. Leave "
            "the column out."
        )
    return (
        f"Piece {number} of X has the same columns as the first piece, but in another order. Put "
        "the columns into the order of the first piece."
    )


def _check_missing(looks: Sequence[Look], names: Sequence[str], missing: str) -> None:
    """Raise InputError if values are missing (with `missing="mask"`, if a column is empty)."""
    gaps = [look.n_missing for look in looks if look.n_missing is not None]
    if not gaps:
        return
    counts = np.sum(gaps, axis=0)
    n_rows = sum(look.shape[0] for look in looks)
    if missing == "mask":
        empty = [name for name, n in zip(names, counts, strict=True) if n == n_rows]
        if empty:
            raise InputError(
                f"X does not have any value in column {listed(empty)}. Leave the column out.",
                column=empty,
            )
        return
    shown = ", ".join(f"{n} in '{name}'" for name, n in zip(names, counts, strict=True) if n)
    number = next(i for i, look in enumerate(looks) if look.n_missing is not None)
    row, before = looks[number].first_gap, sum(look.shape[0] for look in looks[:number])
    raise InputError(
        f"X has missing values (NaN), {shown}. The first missing value is in row {row} of piece "
        f"{number} (row {before + row} of all rows). Fill the values, leave the rows or columns "
        "out, or pass missing='mask'.",
        row=before + row,
    )


@dataclass(frozen=True)
class Method:
    """A method of an estimator, as a function that can be pickled and called for one piece."""

    estimator: Any
    name: str

    def __call__(self, data: Any) -> Any:
        """Call the method on data, and return the result (an empty array for data without rows)."""
        return getattr(self.estimator, self.name)(data) if len(data) else np.empty(0)

    def of_piece(self, _: int, data: Any) -> Any:
        """Call the method on one piece of the table, and return the result."""
        return self(data)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, without attributes that the method does not use."""
        lean = copy(self.estimator)
        own = vars(lean)
        for name in {"labels_", "units_", "history_", "codebook_", "_sums", "_stream"} & own.keys():
            delattr(lean, name)
        if "map_" in own:
            lean.map_ = replace(own["map_"], told=None)
        if hasattr(lean, "callbacks"):
            lean.callbacks = ()
        return {"estimator": lean, "name": self.name}


def answers_where_it_lies(name: str, dtype: Any) -> Callable[[F], F]:
    """Return a decorator that calls a method on each piece of a table where the piece is stored."""

    def decorated(method: F) -> F:
        @wraps(method)
        def answered(self: Any, X: Any) -> Any:
            _ = self.map_  # raises an error before `fit`
            function = Method(self, method.__name__)
            if isinstance(X, Pieces):
                parts = [np.empty(0), *X.each(function.of_piece)]
                return np.concatenate(parts).astype(dtype, copy=False)
            found = answers(X, function, name, dtype)
            return method(self, X) if found is None else found

        return cast(F, answered)

    return decorated
