"""From what users pass to what training takes: checked, encoded, finite, weighted rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import _get_feature_names, check_array, validate_data

from somscape._types import Float64s, Floats, Ints
from somscape._validate import (
    check_choice,
    check_not_dates,
    check_not_masked,
    check_row_lengths,
    check_values,
    checked_weights,
)
from somscape._weights import Counted, counts_of
from somscape.encode import Encoding, fit_encoding
from somscape.errors import InputError
from somscape.fit import have_values
from somscape.kernels import Rows, SparseRows, check_sparse_values
from somscape.maps import Map
from somscape.tables import Table, as_frame, frame_dates, frame_names, table_from_frame

MISSING = ("error", "fill", "mask")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows for training.

    Attributes
    ----------
    rows : ndarray of shape (n_kept, n_features), or SparseRows
        C-contiguous; rows of zero weight are left out.
    weights : ndarray of shape (n_kept,) or None
        None where every row weighs 1.
    all_rows : ndarray of shape (n_samples, n_features), or SparseRows
        Also those of zero weight.
    encoding : Encoding
    kept : ndarray of shape (n_kept,) or None
        Numbers of the rows that train among all; None where all do.
    """

    rows: Rows
    weights: Float64s | None
    all_rows: Rows
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
    """Check, encode and weigh the data of a `fit`.

    Sets ``n_features_in_`` and, for tables and data frames, ``feature_names_in_``.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator being fitted.
    X : Table, data frame or array-like of shape (n_samples, n_features)
        Sparse where the estimator's tags say so.
    sample_weight : array-like of shape (n_samples,), number or None
    encoding : Encoding or None
        How to encode a table, and a data frame as one; None: tables by the rules.
    missing : {"error", "fill", "mask"}
    min_rows : int, default=1

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        For missing or infinite values, values too large to square, negative weights or
        weights that are all zero.
    """
    check_choice("missing", missing, MISSING)
    if not (encoding is None or isinstance(encoding, Encoding)):
        raise TypeError(
            f"`encoding` must be a somscape.encode.Encoding or None; got {encoding!r:.80}."
        )
    values: Rows
    if encoding is not None:
        X = table_from_frame(X, "X") if as_frame(X, "X") is not None else X
    if isinstance(X, Table):
        if encoding is None:
            encoding = fit_encoding(X, missing=missing, sample_weight=sample_weight)
        values = encoding.encode(X)
        names = encoding.feature_names
        estimator.n_features_in_ = len(names)
        estimator.feature_names_in_ = np.array(names, dtype=object)
        weights = checked_weights(sample_weight, len(values))
    else:
        checked = checked_array(estimator, X, reset=True, min_rows=min_rows)
        given = getattr(estimator, "feature_names_in_", None)
        names = [f"x{i}" for i in range(checked.shape[1])] if given is None else list(given)
        weights = checked_weights(sample_weight, checked.shape[0])
        if issparse(checked):
            values, encoding = SparseRows.from_csr(checked), Encoding.plain(names)
            check_sparse_values(values, names)
        else:
            values, encoding = _without_missing(checked, weights, names, missing)
            check_values(values, names, may_miss=missing == "mask")
    rows = values
    is_kept = _kept(values, weights, missing)
    kept = None if is_kept is None else np.flatnonzero(is_kept)
    if kept is not None:
        rows = values.take(kept) if isinstance(values, SparseRows) else values[kept]
        weights = None if weights is None else weights[kept]
    if len(rows) < min_rows:
        raise InputError(
            f"at least {min_rows} rows must have a weight above 0; got {len(rows)}. Give more rows "
            "or weights."
        )
    if not isinstance(rows, SparseRows):
        rows = np.ascontiguousarray(rows)
    return Prepared(rows, weights, values, encoding, kept)


def seed_of(random_state: Any, *, draws: bool = True) -> int:
    """Return a seed for NumPy's generators from a scikit-learn random state.

    Without `draws` nothing will be drawn: None then gives 0.  A RandomState draws its seed in any
    case, so that each of its uses goes on where the last one ended.
    """
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
            f"None; got {random_state!r}. Pass a number to get the same map again."
        ) from error
    return int(state.randint(np.iinfo(np.int32).max))


def rows_for(estimator: Any, X: Any) -> Rows:
    """Return data as rows of a fitted estimator's map, for predicting and scoring."""
    map_: Map = estimator.map_
    if isinstance(X, Table) or not (map_.encoding.is_plain or as_frame(X, "X") is None):
        return map_.rows_of(X)
    values = checked_array(estimator, X, reset=False)
    return map_.sparse_rows_of(values) if issparse(values) else map_.rows_of(values)


def checked_array(estimator: BaseEstimator, X: Any, *, reset: bool, min_rows: int = 1) -> Any:
    if _is_ready(X, min_rows):
        # What scikit-learn would find out, without its search for data frames: 60 microseconds.
        if reset:
            vars(estimator).pop("feature_names_in_", None)
            estimator.n_features_in_ = X.shape[1]
            return X
        is_expected = getattr(estimator, "n_features_in_", None) == X.shape[1]
        if is_expected and not hasattr(estimator, "feature_names_in_"):
            return X
    check_row_lengths(X)
    check_not_masked(X)
    if isinstance(X, Table):
        raise InputError(
            f"{type(estimator).__name__} takes numbers, and X is a `Table`. Pass X.to_numpy(), or "
            "its rows as somscape.TableEncoder(missing='mask') gives them."
        )
    frame = as_frame(X, "X")
    X = X if frame is None else frame  # a lazy one collected
    _refuse_dates(X, frame)
    checks: dict[str, Any] = {
        "accept_sparse": "csr" if get_tags(estimator).input_tags.sparse else False,
        "dtype": [np.float64, np.float32],
        "order": "C",
        "ensure_all_finite": False,
        "ensure_min_samples": min_rows,
    }
    try:
        # Arrays of other libraries become NumPy's, also where scikit-learn would leave them.
        with config_context(array_api_dispatch=False):
            if frame is None or _get_feature_names(X) is not None:
                return validate_data(estimator, X, reset=reset, **checks)
            check_names(estimator, X, reset=reset)
            return check_array(X, estimator=estimator, input_name="X", **checks)
    except OverflowError as error:
        raise InputError(
            f"X holds a whole number that no float can hold ({error}). Correct, rescale or leave "
            "out its row."
        ) from error
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise InputError(
            f"X holds text ({error}). Leave text columns out, put "
            "somscape.TableEncoder() before the estimator in a pipeline, or pass a table "
            "that is encoded by column: somscape.tables.table_from_frame(X)."
        ) from error


def check_names(estimator: BaseEstimator, frame: Any, *, reset: bool) -> None:
    """Set or check ``n_features_in_`` and ``feature_names_in_`` by a data frame's columns."""
    shown = _Columns(frame) if _get_feature_names(frame) is None else frame
    validate_data(estimator, shown, reset=reset, skip_check_array=True)


class _Columns:
    """The names of a data frame for a scikit-learn that does not find them (before 1.9).

    It asks for pandas' columns or the data frame interchange protocol, which polars has dropped.
    """

    def __init__(self, frame: Any) -> None:
        self._names = frame_names(frame)
        self.shape = frame.shape

    def __dataframe__(self) -> "_Columns":
        return self

    def column_names(self) -> list[Any]:
        return self._names


def _refuse_dates(X: Any, frame: Any) -> None:
    if frame is None:
        check_not_dates(getattr(X, "dtype", None))
        return
    dates = frame_dates(frame)
    if dates:
        raise InputError(
            f"X holds dates or durations in {', '.join(map(repr, dates))}, not numbers. Leave them "
            "out, say what they count, such as days, or name them in "
            f"somscape.TableEncoder(dates={dates!r})."
        )


def _is_ready(X: Any, min_rows: int) -> bool:
    """Return whether this is an array that the kernels can take as it is."""
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
    values: Floats, weights: Float64s | None, names: list[str], missing: str
) -> tuple[Floats, Encoding]:
    # A minimum is NaN where a value is: that is seen without an array of answers.
    if missing != "fill" and not np.isnan(values.min(initial=np.inf)):
        return values, Encoding.plain(names, missing=missing)
    is_missing = np.isnan(values)
    if missing == "error":
        refuse_missing(is_missing, names)
    is_counted = slice(None) if weights is None else weights > 0
    if is_missing[is_counted].all(axis=0).any():
        counts = _missing_counts(is_missing, names)
        raise InputError(f"X has columns with no value at all (NaN): {counts}. Leave them out.")
    if missing == "mask":
        return values, Encoding.plain(names, missing="mask")
    encoding = Encoding.plain(names, fills=_medians(values, counts_of(weights)))
    return encoding.fill(values), encoding


def _medians(values: Floats, counts: Float64s | None) -> list[float]:
    """Return the median of each column's present values."""
    if counts is None:
        return np.nanmedian(values, axis=0).tolist()
    weighed = np.where(np.isnan(values), 0.0, counts[:, None])
    pairs = zip(values.T, weighed.T, strict=True)
    return [float(Counted.of(column[part > 0], part[part > 0]).median()) for column, part in pairs]


def _kept(values: Rows, weights: Float64s | None, missing: str) -> Any:
    """Return which rows train, or None for all: those of weight 0 and without values do not."""
    is_kept = None if weights is None or weights.all() else weights > 0
    if missing != "mask" or isinstance(values, SparseRows):
        return is_kept
    has_any = have_values(values)
    if has_any is None or is_kept is None:
        return is_kept if has_any is None else has_any
    return is_kept & has_any


def refuse_missing(is_missing: NDArray[np.bool_], names: Sequence[str]) -> None:
    """Raise InputError with the number of missing values by column, if there are any."""
    if is_missing.any():
        raise InputError(
            f"X has missing values (NaN): {_missing_counts(is_missing, names)}. Fill them or leave "
            "those rows or columns out, or pass missing='fill' to take each column's median, or "
            "missing='mask', where there is one, to leave those cells out of all distances."
        )


def _missing_counts(is_missing: NDArray[np.bool_], names: Sequence[str]) -> str:
    return ", ".join(f"{n} in '{names[j]}'" for j, n in enumerate(is_missing.sum(axis=0)) if n)
