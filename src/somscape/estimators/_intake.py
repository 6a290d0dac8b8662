"""Functions that check the data passed by the user and convert the data to rows."""

import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import matmul
from threading import Lock
from typing import Any, cast

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import _get_feature_names, check_array, validate_data

from somscape._stored import stored
from somscape._types import Float64s, Floats, Ints
from somscape._validate import (
    check_not_dates,
    check_row_lengths,
    check_values,
    checked_weights,
    largest_value,
    wrong_value,
)
from somscape._weights import Counted, blocks, counts_of
from somscape.errors import InputError, SomscapeWarning
from somscape.estimators._elsewhere import brought_here, rows_elsewhere
from somscape.fit._map import have_values
from somscape.fit.pieces import AnyRows, Pieces, every
from somscape.kernels._sparse import Device, DeviceArray, Rows, SparseRows, check_sparse_values
from somscape.maps.map import Map
from somscape.tables._frame import as_frame, frame_names, frame_numbers, table_from_frame
from somscape.tables._messages import listed
from somscape.tables.codes import UnusedColumn
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table, table_from_columns


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


def _library_of(X: Any) -> str | None:
    roots = {kind.__module__.partition(".")[0] for kind in type(X).__mro__}
    is_array = hasattr(X, "device") and hasattr(X, "dtype")
    return next(iter(roots & set(LIBRARIES)), None) if is_array else None


def _is_near(X: Any, library: str) -> bool:
    return LIBRARIES[library].is_near(X)


def fetched(X: Any) -> Any:
    """Convert an array of another library to a NumPy array, and return other values unchanged."""
    library = _library_of(X)
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


def near(X: Any, what: str) -> Any:
    """Convert X to a NumPy array, or raise InputError if X is on a device such as a GPU."""
    library = _library_of(X)
    if library is not None and not _is_near(X, library):
        raise InputError(
            f"{what} supports only arrays in this machine's memory, but X is an array of "
            f"{library} on {LIBRARIES[library].label(X.device)}. Pass {_advice_for(library)}.",
            parameter="X",
            value=LIBRARIES[library].label(X.device),
        )
    return fetched(X)


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


def received(X: Any) -> tuple[Any, Home]:
    """Return X as an array, and the library and the device to which results are converted."""
    library = _library_of(X)
    if library is None or _is_near(X, library):
        return fetched(X), home_of(X)
    return _on_device(X, library), home_of(X)


def home_of(X: Any) -> Home:
    """Return the library and the device of an array that the user passed."""
    library = _library_of(X)
    return Home() if library is None else Home(sys.modules[library], X.device)


def _on_device(X: Any, library: str) -> DeviceArray:
    known, kind = LIBRARIES[library], str(X.dtype).rpartition(".")[2]
    label = known.label(X.device)
    if kind not in ("float32", "float64") or "sparse" in str(getattr(X, "layout", "")):
        layout = f" ({X.layout})" if "sparse" in str(getattr(X, "layout", "")) else ""
        raise InputError(
            f"X on a device must be dense, with values of float32 or float64, but X on {label} "
            f"has values of {kind}{layout}. Convert X, or pass {_advice_for(library)}.",
            parameter="X",
            value=kind,
        )
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(
            "X must have two dimensions, with at least one row and one column, but its shape is "
            f"{tuple(X.shape)}. Reshape X to one row per case.",
            parameter="X",
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
            f"version, or pass {_advice_for(library)}.",
            parameter="X",
        ) from error
    return array_namespace(X)


BLOCK_ROWS = 1 << 14
"""Number of rows that are copied at a time."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Checked and encoded rows for training.

    Attributes
    ----------
    rows : ndarray of shape (n_kept, n_features), SparseRows or RowsElsewhere
        C-contiguous.  Rows of weight 0 are left out.
    weights : ndarray of shape (n_kept,) or None
        None if every row has weight 1.
    all_rows : ndarray of shape (n_samples, n_features), SparseRows or RowsElsewhere
        All rows, including rows of weight 0.
    encoding : Encoding
    kept : ndarray of shape (n_kept,) or None
        Row numbers of the training rows in the data, or None if all rows are training rows.
    """

    rows: AnyRows
    weights: Float64s | None
    all_rows: AnyRows
    encoding: Encoding
    kept: Ints | None = None


def prepare(
    estimator: BaseEstimator,
    X: Any,
    sample_weight: Any,
    *,
    encoding: Encoding | None,
    missing: str,
    min_rows: int = 1,
) -> Prepared:
    """Check the data and the row weights that were passed to `fit`, and encode the data."""
    values: Rows
    if isinstance(X, Pieces):
        return _prepare_pieces(estimator, X, sample_weight, encoding=encoding, missing=missing)
    if encoding is not None:
        missing = encoding.missing
        values = encoding.encode(X)
        if encoding.is_named:
            set_names(estimator, encoding.feature_names)
        weights = checked_weights(sample_weight, len(values))
    else:
        if isinstance(X, Table):
            checked = X.to_numpy()
            set_names(estimator, X.names)
        else:
            checked = checked_array(estimator, X, reset=True, min_rows=min_rows)
        given = getattr(estimator, "feature_names_in_", None)
        names = [f"x{i}" for i in range(checked.shape[1])] if given is None else list(given)
        weights = checked_weights(sample_weight, checked.shape[0])
        if issparse(checked):
            values, encoding = SparseRows.from_csr(checked), Encoding.plain(names)
            check_sparse_values(values, names)
        else:
            where = X.where if isinstance(X, Table) else "row {}".format
            values, encoding = _without_missing(checked, weights, names, missing, where)
            check_values(values, names, may_miss=missing == "mask")
    rows = values
    is_kept = _find_training_rows(values, weights, missing)
    kept = None if is_kept is None else np.flatnonzero(is_kept)
    if kept is not None:
        rows = values.take(kept) if isinstance(values, SparseRows) else _take_rows(values, kept)
        weights = None if weights is None else weights[kept]
    if len(rows) < min_rows:
        raise InputError(
            f"At least {min_rows} rows must have a weight above 0, but the number of such rows "
            f"is {len(rows)}. Pass more rows or more weights above 0.",
            parameter="sample_weight",
            value=len(rows),
        )
    if not isinstance(rows, SparseRows):
        rows = np.ascontiguousarray(rows)
    return Prepared(rows, weights, values, encoding, kept)


def _prepare_pieces(
    estimator: BaseEstimator, X: Pieces, sample_weight: Any, *, encoding: Any, missing: str
) -> Prepared:
    if sample_weight is not None:
        raise InputError(
            "`sample_weight` is not supported for X in pieces. Leave the weights out, or repeat "
            "rows.",
            parameter="sample_weight",
        )
    rows, encoding, names = rows_elsewhere(X, encoding, missing)
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = rows.n_features
    if names is not None:
        set_names(estimator, names)
    return Prepared(rows, None, rows, encoding)


def seed_of(random_state: Any, *, draws: bool = True) -> int:
    """Convert a scikit-learn random state into a NumPy seed."""
    is_seed = isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool)
    if is_seed and random_state >= 0:
        return int(random_state)
    if not draws and random_state is None:
        return 0
    try:
        state = check_random_state(random_state)
    except ValueError as error:
        raise InputError(
            "`random_state` must be a whole number of at least 0, a numpy.random.RandomState or "
            f"None, but is {random_state!r}. Pass a number to get the same map again.",
            parameter="random_state",
            value=random_state,
        ) from error
    return int(state.randint(np.iinfo(np.int32).max))


def rows_for(estimator: Any, X: Any) -> Rows:
    """Convert data to encoded rows for the map of a fitted estimator."""
    map_: Map = estimator.map_
    return map_.any_rows_of(data_for(estimator, X))


def data_for(estimator: Any, X: Any) -> Any:
    """Convert data to a table or an array that the methods of a fitted estimator's map accept."""
    encoding: Encoding = estimator.map_.encoding
    X = brought_here(X)
    if not encoding.is_plain:
        return table_for(estimator, X, encoding, reset=False)
    return X if isinstance(X, Table) else checked_array(estimator, X, reset=False)


def table_for(estimator: Any, X: Any, encoding: Encoding, *, reset: bool) -> Table:
    """Convert data to a table for an existing encoding.  `fit` passes ``reset=True``."""
    if isinstance(X, Table):
        return X
    if encoding.is_named:
        frame = as_frame(X, "X")
        if frame is not None:
            return table_from_frame(frame, "X")
        names = [code.name for code in encoding.used]
        raise InputError(
            f"{type(estimator).__name__} encodes columns by name, but X does not have names "
            f"({type(X).__name__}). Pass a table or data frame with {listed(names)}, or pass "
            "encoded rows to the methods of `map_`.",
            parameter="X",
            value=type(X).__name__,
            allowed=names,
        )
    if reset:
        estimator.n_features_in_ = len(encoding.columns)
        vars(estimator).pop("feature_names_in_", None)
    return read_data(estimator, X, encoding=encoding)[1]


def set_names(estimator: Any, names: Sequence[str]) -> None:
    """Set ``n_features_in_`` and ``feature_names_in_``."""
    estimator.n_features_in_ = len(names)
    estimator.feature_names_in_ = np.array(names, dtype=object)


def read_data(
    estimator: BaseEstimator,
    X: Any,
    *,
    missing: str = "error",
    unused: Collection[str] = (),
    encoding: Encoding | None = None,
) -> tuple[Any, Table]:
    """Check data before they are encoded, and return the data and a table with the same columns."""
    X = brought_here(X)
    if isinstance(X, Table):
        if encoding is None:
            set_names(estimator, X.names)
        return X, X
    names = None
    if encoding is not None:
        missing, names = encoding.missing, [code.name for code in encoding.columns]
        unused = [code.name for code in encoding.columns if isinstance(code, UnusedColumn)]
    X = near(X, type(estimator).__name__)
    frame = as_frame(X, "X")
    if frame is None:
        return _read_array(estimator, X, missing, names, unused)
    check_names(estimator, frame, reset=names is None, may_lack=unused)
    table = table_from_frame(frame, "X")
    if names is not None and not hasattr(estimator, "feature_names_in_"):
        pairs = zip(table.columns, names, strict=True)
        table = replace(table, columns=tuple(c.renamed(name) for c, name in pairs))
    return frame, table


def _read_array(
    estimator: BaseEstimator,
    X: Any,
    missing: str,
    names: Sequence[str] | None,
    unused: Collection[str],
) -> tuple[Any, Table]:
    check_row_lengths(X)
    values = validate_data(
        estimator,
        X,
        reset=names is None,
        dtype=None,
        ensure_all_finite=False,
        ensure_min_samples=2 if names is None else 1,
    )
    if values.dtype.kind in "US" and not hasattr(X, "dtype"):
        values = np.array(X, dtype=object)  # NumPy would convert numbers of a mixed list to text
    names = [f"x{j}" for j in range(values.shape[1])] if names is None else names
    if values.dtype.kind in "biuf":
        features = [j for j, name in enumerate(names) if name not in unused]
        used, called = values[:, features], [names[j] for j in features]
        if missing == "error":
            refuse_missing(used, called)
        is_infinite = np.isinf(used)
        if is_infinite.any():
            row, column = np.argwhere(is_infinite)[0]
            raise InputError(
                f"X must be finite, but has {used[row, column]} in row {row}, column "
                f"'{called[column]}'. Correct the value, or leave the row out.",
                parameter="X",
                row=row,
                column=called[column],
                value=used[row, column],
            )
    cells = values.astype(np.int64) if values.dtype == bool else values
    columns = dict(zip(names, cells.T.tolist(), strict=True))
    return values, table_from_columns(columns, "X")


def checked_array(estimator: BaseEstimator, X: Any, *, reset: bool, min_rows: int = 1) -> Any:
    """Check an array or a data frame of numbers, and return a NumPy or SciPy array."""
    if _is_ready(X, min_rows):
        # scikit-learn's check has the same result, but its search for data frames takes 60
        # microseconds.
        if reset:
            vars(estimator).pop("feature_names_in_", None)
            estimator.n_features_in_ = X.shape[1]
            return X
        is_expected = getattr(estimator, "n_features_in_", None) == X.shape[1]
        if is_expected and not hasattr(estimator, "feature_names_in_"):
            return X
    X = near(X, type(estimator).__name__)
    check_row_lengths(X)
    if isinstance(X, Table):
        raise InputError(
            f"{type(estimator).__name__} supports only numbers, but X is a `Table`. Pass "
            "X.to_numpy(), or encode X with somscape.TableEncoder(missing='mask').",
            parameter="X",
        )
    frame = as_frame(X, "X")
    if frame is not None and not frame_names(frame):
        raise InputError(
            "X must have at least one column, but does not have any columns.",
            parameter="X",
        )
    is_sparse = frame is not None and hasattr(frame, "sparse")  # only if all columns are sparse
    if frame is None or is_sparse:
        check_not_dates(getattr(X, "dtype", None))
    else:
        check_names(estimator, frame, reset=reset)
        frame = frame_numbers(frame)
    checks: dict[str, Any] = {
        "accept_sparse": "csr" if get_tags(estimator).input_tags.sparse else False,
        "dtype": [np.float64, np.float32],
        "order": "C",
        "ensure_all_finite": False,
        "ensure_min_samples": min_rows,
    }
    try:
        # Convert arrays of other libraries to NumPy, even if scikit-learn would keep them.
        with config_context(array_api_dispatch=False):
            if frame is None or is_sparse:
                return validate_data(estimator, X, reset=reset, **checks)
            return check_array(frame, estimator=estimator, input_name="X", **checks)
    except OverflowError as error:
        raise InputError(
            f"X contains a whole number that is too large for a float ({error}). Correct or "
            "rescale the number, or leave the row out.",
            parameter="X",
        ) from error
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise InputError(
            f"X contains text ({error}). Leave columns of text out, or pass a data frame and "
            "encoder='auto'. For an estimator without the parameter `encoder`, encode X with a "
            "somscape.TableEncoder.",
            parameter="X",
        ) from error


def check_names(
    estimator: BaseEstimator, frame: Any, *, reset: bool, may_lack: Collection[str] = ()
) -> None:
    """Set ``n_features_in_`` and ``feature_names_in_``, or check that a data frame fits both."""
    names, known = frame_names(frame), getattr(estimator, "feature_names_in_", ())
    if not reset and names == [n for n in known if n in names or n not in may_lack]:
        return
    shown = _Columns(frame) if _get_feature_names(frame) is None else frame
    validate_data(estimator, shown, reset=reset, skip_check_array=True)


class _Columns:
    """Column names of a data frame, in a form that all versions of scikit-learn can read.

    Before version 1.9, scikit-learn cannot read the column names of a polars data frame.
    """

    def __init__(self, frame: Any) -> None:
        self._names = frame_names(frame)
        self.shape = frame.shape

    def __dataframe__(self) -> "_Columns":
        return self

    def column_names(self) -> list[Any]:
        return self._names


def _is_ready(X: Any, min_rows: int) -> bool:
    """Return whether X is an array that can be used for training without a conversion."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in (np.float32, np.float64)
        and X.flags.c_contiguous
        and X.flags.aligned
        and X.shape[0] >= min_rows
        and X.shape[1] > 0
    )


def _without_missing(
    values: Floats,
    weights: Float64s | None,
    names: list[str],
    missing: str,
    where: Callable[[int], str],
) -> tuple[Floats, Encoding]:
    # The minimum is NaN if any value is NaN, so this check does not need another array.
    if missing != "fill" and not np.isnan(values.min(initial=np.inf)):
        return values, Encoding.plain(names, missing=missing)
    if missing == "error":
        refuse_missing(values, names, where)
    counted = None if weights is None else weights > 0
    counted_values = (v if counted is None else v[counted] for v in values.T)
    if any(np.isnan(v).all() for v in counted_values):
        counts = _missing_counts(values, names)
        raise InputError(
            "X has columns in which all values are missing. The numbers of missing values (NaN) "
            f"by column are {counts}. Leave the columns without values out.",
            parameter="X",
        )
    if missing == "mask":
        return values, Encoding.plain(names, missing="mask")
    encoding = Encoding.plain(names, fills=_medians(values, counts_of(weights)))
    return encoding.fill(values), encoding


def _medians(values: Floats, counts: Float64s | None) -> list[float]:
    """Return the median of each column, ignoring missing values."""
    if counts is None:
        return [float(np.nanmedian(column)) for column in values.T]
    medians = []
    for column in values.T:
        is_there = ~np.isnan(column) & (counts > 0)
        medians.append(float(Counted.of(column[is_there], counts[is_there]).median()))
    return medians


def _take_rows(values: Floats, rows: Ints) -> Floats:
    """Copy the given rows to a new array, which is in a temporary file if the array is large."""
    out = stored((len(rows), values.shape[1]), values.dtype)
    for part in blocks(len(rows), BLOCK_ROWS):
        out[part] = values[rows[part]]
    return out


def _find_training_rows(values: Rows, weights: Float64s | None, missing: str) -> Any:
    """Return a mask that is False for rows of weight 0 or without values, or None for all rows."""
    is_kept = None if weights is None or weights.all() else weights > 0
    if missing != "mask" or isinstance(values, SparseRows):
        return is_kept
    has_any = have_values(values)
    if has_any is None:
        return is_kept
    return has_any if is_kept is None else is_kept & has_any


def refuse_missing(
    values: Floats, names: Sequence[str], where: Callable[[int], str] = "row {}".format
) -> None:
    """Raise InputError if a value is missing.  The message counts missing values by column."""
    if counts := _missing_counts(values, names):
        first = min(int(missing.argmax()) for c in values.T if (missing := np.isnan(c)).any())
        raise InputError(
            f"X has missing values (NaN), {counts}. The first missing value is in "
            f"{where(first)}. Fill the values, or leave the rows or columns out. You can also pass "
            "missing='fill' to fill in the median of each column or, if supported, missing='mask' "
            "to ignore missing values in distances.",
            parameter="X",
            row=first,
        )


def _missing_counts(values: Floats, names: Sequence[str]) -> str:
    counts = (int(np.isnan(column).sum()) for column in values.T)
    return ", ".join(f"{n} in '{name}'" for name, n in zip(names, counts, strict=True) if n)


def prepare_on_device(som: Any, X: DeviceArray, sample_weight: Any) -> Prepared:
    """Check the row weights, and check the rows on a device (such as a GPU), before training."""
    allowed = {
        "metric": ("euclidean",),
        "feature_weight": (None,),
        "missing": ("error",),
        "encoder": ("auto", None),
        "algorithm": ("auto", "batch", "multires"),
    }
    for name, choices in allowed.items():
        value = getattr(som, name)
        if not any(value is each or (isinstance(value, str) and value == each) for each in choices):
            listed = " or ".join(f"{name}={choice!r}" for choice in choices)
            raise InputError(
                f"X on a device supports only {listed}, but `{name}` is {value!r:.80} and X is "
                f"on {X.device.name}. Leave `{name}` out, or pass X in this machine's memory.",
                parameter=name,
                value=value,
                allowed=choices,
            )
    rows = checked_on_device(som, X, reset=True)
    weights = checked_weights(fetched(sample_weight), len(rows))
    encoding = Encoding.plain([f"x{i}" for i in range(rows.shape[1])])
    if weights is None or weights.all():
        return Prepared(rows, weights, rows, encoding)
    kept = np.flatnonzero(weights > 0)
    return Prepared(rows.take(kept), weights[kept], rows, encoding, kept)


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
                parameter="X",
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
                parameter="X",
                row=row,
                column=f"x{column}",
            )
        raise wrong_value(values[row], row, f"x{column}", limit, info, "X")
    return X


MAX_SHARE = 0.995
"""Share of the total variance from which a single column practically determines the map."""

UNSCALED = ("euclidean", "manhattan", "chebyshev")
"""Metrics for which a column with a larger range has more effect on distances."""

N_ROWS = 10_000
"""Approximate number of rows from which the variance of each column is computed."""


def warn_of_wide_column(prepared: Prepared, metric: str, feature_weight: Any) -> None:
    """Warn if one column dominates the distances between rows."""
    rows = prepared.rows
    if isinstance(rows, SparseRows) or not prepared.encoding.is_plain:
        return
    if metric not in UNSCALED or feature_weight is not None or rows.shape[1] < 2:
        return
    few = every(rows, max(1, len(rows) // N_ROWS))
    some = np.array(few, dtype=np.float64)
    some /= np.nanmax(np.abs(some)) or 1.0  # so that squares do not overflow
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # for columns without a value
        spreads = np.nan_to_num(np.nanstd(some, axis=0))
    second, first = np.argsort(spreads)[-2:]
    share = spreads[first] ** 2 / ((spreads**2).sum() or 1.0)
    if share < MAX_SHARE or not spreads[second]:
        return
    names = prepared.encoding.feature_names
    warnings.warn(
        f"Column '{names[first]}' causes {100 * share:.4g} % of the squared distances between "
        "rows, because the standard deviation of the column is "
        f"{spreads[first] / spreads[second]:.3g} times the next largest standard deviation, in "
        f"column '{names[second]}'. Standardize the columns, for example with scikit-learn's "
        "StandardScaler, or set the weights of columns with `feature_weight`.",
        SomscapeWarning,
        stacklevel=4,
    )
