"""Functions that recognize and check the data passed by the user, and encode the data."""

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import _get_feature_names, check_array, validate_data

from somscape._stored import stored
from somscape._types import Float64s, Floats, Ints
from somscape._validate import (
    check_choice,
    check_not_dates,
    check_row_lengths,
    check_values,
    checked_weights,
    warn,
)
from somscape._weights import Counted, blocks, counts_of
from somscape.engines._which import pieces_of
from somscape.errors import InputError, ParameterTypeError
from somscape.estimators._base import Encoder, missing_of
from somscape.estimators._elsewhere import (
    HERE,
    Home,
    are_numbers,
    checked_on_device,
    fetched,
    library_of,
    received,
    rows_elsewhere,
)
from somscape.fit._map import have_values
from somscape.fit.pieces import AnyRows, Pieces, every
from somscape.kernels._sparse import DeviceArray, Rows, SparseRows, check_sparse_values
from somscape.maps.map import Map
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables._frame import Frame, as_frame
from somscape.tables._messages import listed
from somscape.tables._parts import fetched_rows
from somscape.tables.codes import UnusedColumn
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import columns_like
from somscape.tables.sources import Source
from somscape.tables.table import Table, table_from_columns


@dataclass(frozen=True)
class Given:
    """Data that the user passed, in a form that can be read several times.

    Attributes
    ----------
    data : Table, Frame, Pieces, DeviceArray or array-like of shape (n_samples, n_features)
    home : Home
        Library and device of the array that the user passed.
    """

    data: Any
    home: Home = HERE


def take(X: Any, what: str, away: Collection[type] = ()) -> Given:
    """Recognize the kind of data, and copy data that are stored elsewhere to this machine.

    Data of the types `away` (Pieces or DeviceArray) are not copied.  `what` is the name of an
    estimator or a method for the message about arrays on a device.
    """
    if isinstance(X, Given):
        return X
    if type(X) is np.ndarray and X.dtype.kind == "f":
        return Given(X)
    library = library_of(X)
    if library is not None:
        return Given(*received(X, library, what, may_stay=DeviceArray in away))
    pieces = X if isinstance(X, Pieces) else pieces_of(X)
    if pieces is not None:
        return Given(pieces if Pieces in away else fetched_rows(pieces.each(_return_piece)))
    if isinstance(X, Source):
        X = X.rows()
    if isinstance(X, Table):
        return Given(X)
    frame = as_frame(X, "X")
    if frame is not None:
        return Given(frame)
    check_row_lengths(X)
    return Given(X)


def brought_here(estimator: Any, X: Any) -> Any:
    """Recognize data for a method of a fitted model, which reads tables, frames and arrays."""
    data = take(X, type(estimator).__name__).data
    return data.native if isinstance(data, Frame) else dense(data)


def dense(data: Any) -> Any:
    """Return sparse data as a NumPy array, and other data unchanged."""
    return data.toarray() if issparse(data) else data


def _return_piece(_: int, data: Any) -> Any:
    return data


PLURALS = {
    "number": "numbers",
    "category": "categories",
    "ordinal": "ordered categories",
    "date": "dates",
    "id": "id",
    "label": "label",
}


@dataclass(frozen=True, eq=False)
class Prepared:
    """Checked and encoded rows for training.

    Attributes
    ----------
    rows : ndarray of shape (n_kept, n_features), SparseRows, DeviceArray or RowsElsewhere
        C-contiguous.  Rows of weight 0 are left out.
    weights : ndarray of shape (n_kept,) or None
        None if every row has weight 1.
    all_rows : ndarray of shape (n_samples, n_features), SparseRows, DeviceArray or RowsElsewhere
        All rows, including rows of weight 0.
    encoding : Encoding
    kept : ndarray of shape (n_kept,) or None
        Row numbers of the training rows in the data, or None if all rows are training rows.
    why : str or None
        Explanation of the encoding, or the reason why the columns are not encoded.
    home : Home
        Library and device of the data, to which results are converted.
    """

    rows: AnyRows
    weights: Float64s | None
    all_rows: AnyRows
    encoding: Encoding
    kept: Ints | None = None
    why: str | None = None
    home: Home = HERE

    def of_kept(self, values: Any) -> Any:
        """Return the values of those rows that are used for training."""
        return values if self.kept is None else values[self.kept]


COMPLETE = ("error", "fill")
"""Values of `missing` for estimators that require rows without missing values."""


def prepare(
    estimator: Any,
    X: Any,
    sample_weight: Any,
    *,
    start: Any = None,
    missing: Sequence[str] = COMPLETE,
    away: Collection[type] = (),
    min_rows: int = 1,
) -> Prepared:
    """Recognize, check and encode the data and the row weights that were passed to `fit`.

    `start` is the map from which training starts, if any.  `missing` contains the values of the
    parameter `missing` that the estimator supports, and `away` is as for `take`.
    """
    check_choice("missing", estimator.missing, missing)
    _check_encoder(estimator)
    given, weights = take(X, type(estimator).__name__, away), fetched(sample_weight)
    if isinstance(given.data, DeviceArray):
        prepared = _prepare_on_device(estimator, given, weights)
    else:
        lent = start.encoding if isinstance(start, Map) else None
        data, encoding, why = _choose_encoding(estimator, given.data, weights, lent)
        if encoding is not None and encoding.missing not in missing:
            raise InputError(
                "`encoder` ignores missing values (missing='mask'), but "
                f"{type(estimator).__name__} requires complete rows. Pass "
                "TableEncoder(missing='fill'), or leave `encoder` out and pass missing='fill'.",
                value="mask",
            )
        if isinstance(data, Pieces):
            prepared = _prepare_pieces(estimator, data, weights, encoding)
        else:
            prepared = _prepare_here(estimator, data, weights, encoding, min_rows)
        prepared = replace(prepared, why=why, home=given.home)
    if hasattr(estimator, "metric") and not isinstance(start, Map):
        _warn_of_wide_column(prepared, estimator)
    return prepared


def _check_encoder(estimator: Any) -> None:
    """Raise an error if `encoder` is not valid or does not agree with `missing`."""
    encoder, missing, own = estimator.encoder, estimator.missing, missing_of(estimator)
    if not isinstance(encoder, Encoder):
        if encoder is not None and not (isinstance(encoder, str) and encoder == "auto"):
            raise ParameterTypeError(
                "`encoder` must be 'auto', None or a somscape.TableEncoder, but is "
                f"{encoder!r:.80}.",
                value=encoder,
            )
    elif missing not in ("error", own):
        raise InputError(
            f"`missing` is {missing!r}, but `encoder` has missing={own!r}. Leave `missing` of "
            f"{type(estimator).__name__} out, or pass TableEncoder(missing={missing!r}).",
            value=missing,
            allowed=own,
        )


def _choose_encoding(
    estimator: Any, data: Any, weights: Any, lent: Encoding | None
) -> tuple[Any, Encoding | None, str | None]:
    """Return the data, as a `Table` if they are encoded, with the encoding and its explanation."""
    encoder = estimator.encoder
    has_encoder, known = isinstance(encoder, Encoder), getattr(encoder, "encoding_", lent)
    if isinstance(data, Pieces):
        if known is not None and not known.is_plain:
            why = f"The encoding was already fitted: {_describe_encoding(known)}."
            return data, known, why
        is_ready = known is not None or encoder is None
        if is_ready or (not has_encoder and all(data.each(are_numbers))):
            return data, None, None
        return data, *_choose_encoding(estimator, take(data, "").data, None, lent)[1:]
    if has_encoder:
        if known is None:
            _, data, known = learn_encoding(encoder, estimator, data, weights)
        else:
            data = table_for(estimator, data, known, reset=True)
        return data, known, f"The `TableEncoder` was used: {_describe_encoding(known)}."
    if encoder is None or not isinstance(data, Table | Frame):
        return data, None, None
    return _choose_by_rules(data, estimator.missing, weights, lent)


def _choose_by_rules(
    data: Table | Frame, missing: str, weights: Any, lent: Encoding | None
) -> tuple[Any, Encoding | None, str | None]:
    kinds = data.kinds if isinstance(data, Frame) else {}
    n_others = sum(kind != "number" for kind in kinds.values())
    is_lent = lent is not None and not lent.is_plain
    if isinstance(data, Frame) and ("duration" in kinds.values() or not (n_others or is_lent)):
        return data, None, "The data frame contains only numbers, which are not encoded."
    table = data.table() if isinstance(data, Frame) else data
    if lent is not None:
        return table, lent, "Columns are encoded as in the map from which training starts."
    encoding = fit_encoding(table, missing=missing, sample_weight=weights)
    reason = "Tables are encoded by rules"
    if kinds:
        _warn_of_scaled_numbers(kinds, encoding, missing)
        reason = (
            f"{n_others} of {len(kinds)} columns contain text or dates, so the data frame was "
            "encoded by rules"
        )
    return table, encoding, f"{reason}: {_describe_encoding(encoding)}."


def _warn_of_scaled_numbers(kinds: dict[str, str], encoding: Encoding, missing: str) -> None:
    """Warn if numbers of a data frame are scaled because the frame also contains text or dates."""
    scaled = [c.name for c in encoding.columns if c.kind == "number" and kinds[c.name] == "number"]
    if not scaled:
        return
    others = [name for name, kind in kinds.items() if kind != "number"]
    left = [c.name for c in encoding.columns if c.name in others and c.kind == "dropped"]
    given = {"drop": left, "missing": "" if missing == "error" else missing}
    also = ", ".join(f"{name}={value!r}" for name, value in given.items() if value)
    warn(
        f"X has text, categories or dates in {listed(others)}, so the numbers in {listed(scaled)} "
        "are scaled, long tails are compressed, and extreme values are clipped. In a data frame "
        f"without such columns, numbers are not scaled. Pass encoder=TableEncoder({also}) to "
        "confirm that all columns are encoded and to stop this warning, or leave out "
        f"{listed(others)}."
    )


def _describe_encoding(encoding: Encoding) -> str:
    """Describe the encoding of the columns as text."""
    found: dict[str, list[str]] = {}
    for code in encoding.columns:
        if code.kind in PLURALS:
            found.setdefault(code.kind, []).append(code.name)
    parts = [f"{PLURALS[kind]} {listed(names)}" for kind, names in found.items()]
    if encoding.parts:
        parts.append(f"from dates also {listed(code.name for code in encoding.parts)}")
    if encoding.roles.layers:
        parts.append(f"in the layers {listed(encoding.roles.layers)}")
    left = [f"'{c.name}' ({c.why})" for c in encoding.columns if c.kind not in PLURALS]
    return "; ".join([*parts, *(f"left out {text}" for text in left)])


def _prepare_here(
    estimator: Any, data: Any, sample_weight: Any, encoding: Encoding | None, min_rows: int
) -> Prepared:
    """Encode a table, or check an array or a frame of numbers, and leave out rows of weight 0."""
    values: Rows
    if encoding is not None:
        values = encoding.encode(data)
        if encoding.is_named:
            set_names(estimator, encoding.feature_names)
        weights = checked_weights(sample_weight, len(values))
    else:
        checked = checked_array(estimator, data, reset=True, min_rows=min_rows)
        given = getattr(estimator, "feature_names_in_", None)
        names = [f"x{i}" for i in range(checked.shape[1])] if given is None else list(given)
        weights = checked_weights(sample_weight, checked.shape[0])
        if issparse(checked):
            values, encoding = SparseRows.from_csr(checked), Encoding.plain(names)
            check_sparse_values(values, names)
        else:
            where = data.where if isinstance(data, Table) else "row {}".format
            missing = estimator.missing
            values, encoding = _without_missing(checked, weights, names, missing, where)
            check_values(values, names, may_miss=missing == "mask")
    is_kept = _find_training_rows(values, weights, encoding.missing)
    kept, rows = None if is_kept is None else np.flatnonzero(is_kept), values
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


def _prepare_pieces(estimator: Any, X: Pieces, weights: Any, encoding: Encoding | None) -> Prepared:
    if weights is not None:
        raise InputError(
            "`sample_weight` is not supported for X in pieces. Leave the weights out, or repeat "
            "rows."
        )
    rows, encoding, names = rows_elsewhere(X, encoding, estimator.missing)
    _forget_names(estimator, rows.n_features)
    if names is not None:
        set_names(estimator, names)
    return Prepared(rows, None, rows, encoding)


def rows_for(estimator: Any, X: Any) -> Rows:
    """Convert data to encoded rows for the map of a fitted estimator."""
    map_: Map = estimator.map_
    data = data_for(estimator, X)
    return cast(Any, data) if isinstance(data, DeviceArray) else map_.any_rows_of(data)


def data_for(estimator: Any, X: Any) -> Any:
    """Convert data to a table or an array that the methods of a fitted estimator's map accept."""
    encoding: Encoding = estimator.map_.encoding
    data = take(X, type(estimator).__name__).data
    if isinstance(data, DeviceArray):
        return checked_on_device(estimator, data)
    if not encoding.is_plain:
        return table_for(estimator, data, encoding)
    return data if isinstance(data, Table) else checked_array(estimator, data)


Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def answered_by(
    name: str,
    method: Callable[Concatenate[Any, Parameters], Result],
    read: Callable[[Any, Any], Any] = brought_here,
) -> Callable[Concatenate[Any, Parameters], Result]:
    """Return a method of an estimator that calls a method of its fitted attribute `name`."""

    @wraps(method)
    def answered(self: Any, X: Any, *given: Any, **options: Any) -> Result:
        _ = self.map_  # raises an error before `fit`
        model = getattr(self, name)
        if "among" in options:
            options["among"] = read(self, options["among"])
        return method(model, read(self, X), *given, **options)

    return cast(Callable[Concatenate[Any, Parameters], Result], answered)


def table_for(estimator: Any, data: Any, encoding: Encoding, *, reset: bool = False) -> Table:
    """Convert data to a table for an existing encoding.  `fit` passes ``reset=True``."""
    if isinstance(data, Table):
        return data
    if encoding.is_named:
        if isinstance(data, Frame):
            return data.table()
        names = [code.name for code in encoding.used]
        raise InputError(
            f"{type(estimator).__name__} encodes columns by name, but X does not have names "
            f"({type(data).__name__}). Pass a table or data frame with {listed(names)}, or pass "
            "encoded rows to the methods of `map_`.",
            parameter="X",
            value=type(data).__name__,
            allowed=names,
        )
    if reset:
        _forget_names(estimator, len(encoding.columns))
    return read_data(estimator, data, encoding=encoding)[1]


def _forget_names(estimator: Any, n_features: int) -> None:
    """Set ``n_features_in_`` for data without names."""
    vars(estimator).pop("feature_names_in_", None)
    estimator.n_features_in_ = n_features


def set_names(estimator: Any, names: Sequence[str]) -> None:
    """Set ``n_features_in_`` and ``feature_names_in_``."""
    estimator.n_features_in_ = len(names)
    estimator.feature_names_in_ = np.array(names, dtype=object)


def read_data(
    estimator: BaseEstimator,
    data: Any,
    *,
    missing: str = "error",
    unused: Collection[str] = (),
    encoding: Encoding | None = None,
) -> tuple[Any, Table]:
    """Check data before they are encoded, and return the data and a table with the same columns."""
    if isinstance(data, Table):
        if encoding is None:
            set_names(estimator, data.names)
        return data, data
    names = None
    if encoding is not None:
        missing, names = encoding.missing, [code.name for code in encoding.columns]
        unused = [code.name for code in encoding.columns if isinstance(code, UnusedColumn)]
    if not isinstance(data, Frame):
        return _read_array(estimator, data, missing, names, unused)
    check_names(estimator, data, reset=names is None, may_lack=unused)
    table = data.table()
    if names is not None and not hasattr(estimator, "feature_names_in_"):
        pairs = zip(table.columns, names, strict=True)
        table = replace(table, columns=tuple(c.renamed(name) for c, name in pairs))
    return data, table


def learn_encoding(
    encoder: Encoder, estimator: Any, data: Any, sample_weight: Any
) -> tuple[Any, Table, Encoding]:
    """Check data for an estimator, and return the data, a table with the same columns, and the
    encoding that an encoder chooses for the table."""
    unused = encoder._unused_columns()
    data, table = read_data(estimator, data, missing=encoder.missing, unused=unused)
    return data, table, encoder._encoding_of(data, table, sample_weight)


def _read_array(
    estimator: BaseEstimator,
    X: Any,
    missing: str,
    names: Sequence[str] | None,
    unused: Collection[str],
) -> tuple[Any, Table]:
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
        left_out = {c for name in unused for c in columns_like(name, names, "X", "drop")}
        features = [j for j, name in enumerate(names) if name not in left_out]
        used, called = values[:, features], [names[j] for j in features]
        if missing == "error":
            refuse_missing(used, called)
        is_infinite = np.isinf(used)
        if is_infinite.any():
            row, column = np.argwhere(is_infinite)[0]
            raise InputError(
                f"X must be finite, but has {used[row, column]} in row {row}, column "
                f"'{called[column]}'. Correct the value, or leave the row out.",
                row=row,
                column=called[column],
                value=used[row, column],
            )
    cells = values.astype(np.int64) if values.dtype == bool else values
    columns = dict(zip(names, cells.T.tolist(), strict=True))
    return values, table_from_columns(columns, "X")


def checked_array(estimator: Any, data: Any, *, reset: bool = False, min_rows: int = 1) -> Any:
    """Check rows of numbers, and return a NumPy or SciPy array.  `fit` passes ``reset=True``."""
    if _is_ready(data, min_rows):
        # scikit-learn's check has the same result, but its search for data frames takes 60
        # microseconds.
        if reset:
            _forget_names(estimator, data.shape[1])
            return data
        is_expected = getattr(estimator, "n_features_in_", None) == data.shape[1]
        if is_expected and not hasattr(estimator, "feature_names_in_"):
            return data
    if isinstance(data, Table):
        set_names(estimator, data.names)
        return data.to_numpy()
    is_frame = isinstance(data, Frame)
    if is_frame and not data.names:
        raise InputError("X must have at least one column, but does not have any columns.")
    X = data.native if is_frame else data
    is_sparse = is_frame and hasattr(X, "sparse")  # only if all columns are sparse
    if is_frame and not is_sparse:
        check_names(estimator, data, reset=reset)
        X = data.numbers()
    else:
        check_not_dates(getattr(X, "dtype", None))
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
            if is_frame and not is_sparse:
                return check_array(X, estimator=estimator, input_name="X", **checks)
            found = validate_data(estimator, X, reset=reset, **checks)
            return found if estimator._SPARSE == "kept" else dense(found)
    except OverflowError as error:
        raise InputError(
            f"X contains a whole number that is too large for a float ({error}). Correct or "
            "rescale the number, or leave the row out."
        ) from error
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise InputError(
            f"X contains text ({error}). Leave columns of text out, or pass a data frame and "
            "encoder='auto'. For an estimator without the parameter `encoder`, encode X with a "
            "somscape.TableEncoder."
        ) from error


def check_names(
    estimator: BaseEstimator, frame: Frame, *, reset: bool, may_lack: Collection[str] = ()
) -> None:
    """Set ``n_features_in_`` and ``feature_names_in_``, or check that a data frame fits both."""
    names, known = frame.names, getattr(estimator, "feature_names_in_", ())
    if not reset and names == [n for n in known if n in names or n not in may_lack]:
        return
    native = frame.native
    shown = _Columns(frame) if _get_feature_names(native) is None else native
    validate_data(estimator, shown, reset=reset, skip_check_array=True)


class _Columns:
    """Column names of a data frame, in a form that all versions of scikit-learn can read.

    Before version 1.9, scikit-learn cannot read the column names of a polars data frame.
    """

    def __init__(self, frame: Frame) -> None:
        self._names = frame.names
        self.shape = frame.shown.shape

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
            f"by column are {counts}. Leave the columns without values out."
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


BLOCK_ROWS = 1 << 14
"""Number of rows that are copied at a time."""


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
            row=first,
        )


def _missing_counts(values: Floats, names: Sequence[str]) -> str:
    counts = (int(np.isnan(column).sum()) for column in values.T)
    return ", ".join(f"{n} in '{name}'" for name, n in zip(names, counts, strict=True) if n)


def _prepare_on_device(som: Any, given: Given, sample_weight: Any) -> Prepared:
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
            shown, device = " or ".join(f"{name}={c!r}" for c in choices), given.data.device.name
            raise InputError(
                f"X on a device supports only {shown}, but `{name}` is {value!r:.80} and X is "
                f"on {device}. Leave `{name}` out, or pass X in this machine's memory.",
                parameter=name,
                value=value,
                allowed=choices,
            )
    rows = checked_on_device(som, given.data, reset=True)
    weights = checked_weights(sample_weight, len(rows))
    encoding = Encoding.plain([f"x{i}" for i in range(rows.shape[1])])
    if weights is None or weights.all():
        return Prepared(rows, weights, rows, encoding, home=given.home)
    kept = np.flatnonzero(weights > 0)
    return Prepared(rows.take(kept), weights[kept], rows, encoding, kept, home=given.home)


MAX_SHARE = 0.995
"""Share of the total variance from which a single column practically determines the map."""

UNSCALED = ("euclidean", "manhattan", "chebyshev")
"""Metrics for which a column with a larger range has more effect on distances."""

N_ROWS = 10_000
"""Approximate number of rows from which the variance of each column is computed."""


def _warn_of_wide_column(prepared: Prepared, som: Any) -> None:
    """Warn if one column dominates the distances between rows."""
    rows = prepared.rows
    if isinstance(rows, SparseRows) or not prepared.encoding.is_plain:
        return
    if som.metric not in UNSCALED or som.feature_weight is not None or rows.shape[1] < 2:
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
    warn(
        f"Column '{names[first]}' causes {100 * share:.4g} % of the squared distances between "
        "rows, because the standard deviation of the column is "
        f"{spreads[first] / spreads[second]:.3g} times the next largest standard deviation, in "
        f"column '{names[second]}'. Standardize the columns, for example with scikit-learn's "
        "StandardScaler, or set the weights of columns with `feature_weight`."
    )
