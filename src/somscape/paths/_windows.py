"""Windows of a series as rows: none over a gap, none over two ids."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.paths._given import changes, given_ids, given_times, refuse_equal_times
from somscape.tables import counted, frame_of

GAP = 1.5
"""A step in time is a gap if it is longer than this many median steps."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a series, in the order of ids and time.

    Attributes
    ----------
    values : ndarray of shape (n_windows, length) or (n_windows, length, n_channels)
    ids : ndarray of shape (n_windows,)
    times : ndarray of shape (n_windows,), float64 or datetime64[us]
        Time of the last value: then the window is known.
    starts : ndarray of shape (n_windows,)
        Number of the first value in the series as it was given.
    n_gaps : int
        Gaps within series: missing values in a row, or a step in time above 1.5 usual ones.
    n_left_out : int
        Values that are in no window.

    See Also
    --------
    windows : Makes them.

    Examples
    --------
    >>> from somscape import paths
    >>> found = paths.windows([1.0, 2, 3, 4], 2)
    >>> found.values.tolist(), found.starts.tolist()
    ([[1.0, 2.0], [3.0, 4.0]], [0, 2])
    """

    values: Float64s
    ids: NDArray[Any]
    times: NDArray[Any]
    starts: Ints
    n_gaps: int
    n_left_out: int

    def __repr__(self) -> str:
        n, length = self.values.shape[:2]
        return (
            f"Windows({n} x {counted(length, 'value')}; {counted(self.n_gaps, 'gap')}, "
            f"{counted(self.n_left_out, 'value')} left out)"
        )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def rows(self) -> Float64s:
        """The windows channel by channel, of shape (n_windows, length * n_channels)."""
        values = self.values if self.values.ndim == 2 else self.values.transpose(0, 2, 1)
        return values.reshape(len(values), -1)

    def to_frame(self, library: str | None = None) -> Any:
        """Return the windows as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With ``id``, ``time``, ``start``, and the values as ``v0``, ``v1`` ... in the order of
            `rows`.
        """
        columns = {f"v{i}": values for i, values in enumerate(self.rows.T)}
        return frame_of(
            {"id": self.ids, "time": self.times, "start": self.starts, **columns}, library
        )


def windows(
    series: Any,
    length: int,
    *,
    step: int | None = None,
    times: Any = None,
    date_format: str | None = None,
    ids: Any = None,
) -> Windows:
    """Cut a series into windows, to train a map on them or to follow them over one.

    Parameters
    ----------
    series : array-like of shape (n_values,) or (n_values, n_channels)
        NaN where a value is missing.
    length : int
        Values of a window.
    step : int, optional
        Values from the start of one window to that of the next.  Default: `length`, so that they
        follow one another.
    times : array-like of shape (n_values,), optional
        Numbers or dates; the series is put in their order.  Default: the values follow one another.
    date_format : {"dmy", "mdy", "ymd"}, optional
        As for `follow`.
    ids : array-like of shape (n_values,), optional
        To whom each value belongs; default: all are one series, whose id is 0.

    Returns
    -------
    Windows
        No window goes over a gap or over two ids: windows start anew behind each, and what does
        not fill a window is left out and counted.

    Raises
    ------
    InputError
        For missing ids or times, equal times of one id, values that are no numbers, and a series
        without a single whole window.

    See Also
    --------
    follow : The path of the rows that it makes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import paths
    >>> found = paths.windows([1.0, 2, 3, np.nan, 5, 6, 7, 8], 2)
    >>> found
    Windows(3 x 2 values; 1 gap, 2 values left out)
    >>> found.rows.tolist(), found.times.tolist()
    ([[1.0, 2.0], [5.0, 6.0], [7.0, 8.0]], [1.0, 5.0, 7.0])
    """
    check_whole("length", length, 1)
    step = length if step is None else step
    check_whole("step", step, 1)
    values = _numbers(series)
    n = len(values)
    who, when = given_ids(ids, series, n), given_times(times, series, n, date_format)
    order = np.lexsort((when, who))
    values, who, when = values[order], who[order], when[order]
    refuse_equal_times(who, when, order)
    is_missing = np.asarray(np.isnan(values.reshape(n, -1)).any(axis=1))
    is_late = _follow_gaps(who, when)
    begins = changes(who) | is_late | changes(is_missing)
    first = np.flatnonzero(begins)
    ends = np.append(first[1:], n)
    parts = [
        np.arange(a, b - length + 1, step)
        for a, b in zip(first.tolist(), ends.tolist(), strict=True)
        if not is_missing[a]
    ]
    starts = np.concatenate([np.empty(0, dtype=np.intp), *parts])
    if not len(starts):
        longest = int((ends - first)[~is_missing[first]].max(initial=0))
        raise InputError(
            f"no window of {counted(length, 'value')} fits: the longest part without a gap has "
            f"{longest}. Pass a smaller `length`, or fill gaps first."
        )
    is_used = np.zeros(n, dtype=bool)
    for start in starts.tolist():
        is_used[start : start + length] = True
    at = starts + length - 1
    return Windows(
        values[starts[:, None] + np.arange(length)],
        who[at],
        when[at],
        order[starts],
        int(is_late.sum() + (is_missing & begins).sum()),
        int(n - is_used.sum()),
    )


def _follow_gaps(ids: NDArray[Any], times: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether each value comes later than usual after the one before of its id."""
    is_late = np.zeros(len(ids), dtype=bool)
    first = np.flatnonzero(changes(ids))
    for a, b in zip(first.tolist(), [*first[1:].tolist(), len(ids)], strict=True):
        steps = np.diff(times[a:b])
        if len(steps):
            is_late[a + 1 : b] = steps > GAP * np.median(steps)
    return is_late


def _numbers(series: Any) -> Float64s:
    try:
        values = np.asarray(series, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"`series` must hold numbers; {error}.") from error
    if values.ndim not in (1, 2) or not len(values):
        raise InputError(
            "`series` must have shape (n_values,) or (n_values, n_channels) and a value; got "
            f"{values.shape}."
        )
    is_infinite = np.isinf(values.reshape(len(values), -1)).any(axis=1)
    if is_infinite.any():
        raise InputError(
            f"`series` must be finite; value {int(is_infinite.argmax())} is not. Correct it, or "
            "make it NaN, which is a gap."
        )
    return values
