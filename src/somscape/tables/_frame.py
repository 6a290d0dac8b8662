"""Convert data frames of any library, and Arrow streams, to columns. Text stays text."""

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

import numpy as np

from somscape._stored import stored
from somscape._types import Floats
from somscape.errors import InputError
from somscape.tables._arrow import column_from_arrow, refuse_unreadable
from somscape.tables._cells import notes_of_unused, spooled
from somscape.tables._late import nw, pa
from somscape.tables._messages import FileLines, listed, place, quoted
from somscape.tables._numbers import Where
from somscape.tables.column import Column
from somscape.tables.table import Table, column_from_values

OBJECTS: dict[str, Any] = {
    "number": (numbers.Real, Decimal, np.bool_),
    "date": date,
    "duration": (timedelta, time),
}
"""For each kind of column, the Python types of the objects in such a column."""

NESTED = (list, tuple, dict, set, frozenset, np.ndarray)
"""Types of values that contain other values."""

OTHERS = {"date": "dates", "duration": "durations", "text": "text"}
"""Words for kinds of columns that are not numeric, used in messages."""

CURES = {
    "date": "Encode dates with somscape.TableEncoder(dates=[...]).",
    "duration": "Divide durations by their unit, for example by pandas.Timedelta(days=1).",
    "text": (
        "Convert text that contains numbers with pandas.to_numeric, and encode other text with "
        "somscape.TableEncoder."
    ),
}

STREAM = "__arrow_c_stream__"
"""Name of the method with which an object exports its rows as an Arrow stream."""

CONTAINERS = ("xarray", "anndata")
"""Libraries whose objects raise an error, because their rows would be misunderstood."""


def table_from_frame(
    frame: Any, source: str = "data frame", *, missing_values: Sequence[str] | None = None
) -> Table:
    """Convert a data frame to a table.

    Parameters
    ----------
    frame : pandas, polars, pyarrow or other frame that narwhals reads, or any Arrow stream
        All rows of lazy frames, DuckDB relations and record batch readers are read.  Numbers are
        stored as float64, but the text of an integer contains all its digits.  Strings, categories,
        booleans ("True", "False") and dates (in ISO form) become text.  A column of text whose
        values look like numbers stays text.  Nulls, NaN and `MISSING_WORDS` are missing values.
        The index is ignored.
    source : str, default="data frame"
        Name of the table in messages.
    missing_values : sequence of str, optional
        Texts (in upper or lower case), numbers and dates that mean a missing value.  They replace
        the default, `MISSING_WORDS`.  Example: ``["none", "999", "9999-12-31"]``.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If `frame` is not a data frame, is empty, or has two columns with the same name.

    See Also
    --------
    table_from_columns, read_table

    Examples
    --------
    >>> import pandas as pd
    >>> table = table_from_frame(pd.DataFrame({"age": [41.5, None], "sex": ["f", "m"]}))
    >>> table.shape, table.column("age").cells.tolist()
    ((2, 2), ['41.5', None])
    """
    return table_at([frame], source, missing_values)


def table_at(
    frames: Iterable[Any],
    source: str,
    asked: Sequence[str] | None,
    lines: FileLines | None = None,
    *,
    n_columns: int | None = None,
) -> Table:
    """Return one table with the columns of several frames. `lines` are the line numbers of rows."""
    words: set[str] = set()
    where = partial(place, source, lines)
    columns = []
    for frame in frames:
        shown = _as_narwhals(frame, source)
        for series in shown.iter_columns():
            _refuse_unsupported(series, source)
            among = n_columns or len(shown.columns)
            column = _column_of(series, source, where, asked, words, among)
            columns.append(column.put_away(among))
    if not columns:
        raise InputError(f"{source} is a table without columns. Add a column.", file=source)
    if not len(columns[0]):
        raise InputError(f"{source} is a table without rows. Add a row.", file=source)
    return Table(tuple(columns), source, lines, tuple(notes_of_unused(words, asked)))


@dataclass(frozen=True, eq=False)
class Frame:
    """A data frame of any library.

    Attributes
    ----------
    shown : narwhals.DataFrame
    """

    shown: Any

    @property
    def native(self) -> Any:
        """The data frame as an object of its own library."""
        return self.shown.to_native()

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""
        return list(self.shown.columns)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Kind of each column, such as "number", by column name."""
        kinds = {}
        for series in self.shown.iter_columns():
            _refuse_unsupported(series, "X")
            kinds[str(series.name)] = _kind_of(series)
        return kinds

    def table(self) -> Table:
        """Return the rows as a table with the name X."""
        return table_from_frame(self.native, "X")

    def values(self) -> dict[str, list[Any]]:
        """Return a mapping from column names to lists of Python values."""
        return {str(series.name): _values(series) for series in self.shown.iter_columns()}

    def numbers(self, names: Sequence[str] | None = None) -> Floats:
        """Return numeric columns as an array, with NaN in place of nulls."""
        shown = self.shown if names is None else self.shown.select(list(names))
        _refuse_not_numeric(shown)
        types = set(shown.schema.values())
        is_narrow = types == {nw.Float32}
        type_, nw_type = (np.float32, nw.Float32) if is_narrow else (np.float64, nw.Float64)
        if shown.implementation.is_pandas_like() and types in ({nw.Float32}, {nw.Float64}):
            return np.ascontiguousarray(shown.to_native().to_numpy(dtype=type_, na_value=np.nan))
        values = stored(shown.shape, type_)
        for place_, column in enumerate(shown.iter_columns()):
            values[:, place_] = _numbers_of(column, nw_type)
        return values

    def like(self, columns: Mapping[str, list[Any]]) -> Any:
        """Make a native frame from columns, with the library and the column types of this frame."""
        shown = self.shown
        name_of = {str(name): name for name in shown.columns}
        made = nw.from_dict(dict(columns), backend=shown.implementation).to_native()
        if not shown.implementation.is_pandas_like():
            types = shown.select([name_of[name] for name in columns]).to_native().schema
            return made.cast(types)
        types = {name: self.native.dtypes[name_of[name]] for name in columns}
        for name, type_ in list(types.items()):
            cannot_miss = isinstance(type_, np.dtype) and type_.kind in "iub"
            if cannot_miss and any(value is None for value in columns[name]):
                del types[name]
        return made.astype(types).rename(columns=name_of)


def _column_of(
    series: Any, source: str, where: Where, asked: Sequence[str] | None, words: set[str], among: int
) -> Column:
    """Return a narwhals series as a column."""
    name = str(series.name)
    if series.dtype in (nw.Object, nw.Unknown):
        nulls = series.is_null().to_list()
        values = (None if n else v for v, n in zip(series.to_list(), nulls, strict=True))
        return column_from_values(name, values, where, asked, words)
    native = series.to_native()
    try:  # pyarrow arrays may be in a file, and `to_arrow` copies
        array = native if isinstance(native, pa.ChunkedArray) else series.to_arrow()
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"Column {quoted(name)} of {source} cannot be read ({reason}). Write the column as"
            " plain text or numbers.",
            file=source,
            column=name,
        ) from error
    chunked = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    return column_from_arrow(name, chunked, where, asked, words, among=among)


def _refuse_unsupported(series: Any, source: str) -> None:
    """Raise InputError if a column of a data frame contains nested or complex values."""
    name, held = str(series.name), ""
    if series.dtype.is_nested():
        held = str(series.dtype)
    elif series.dtype in (nw.Object, nw.Unknown):
        values = series.to_list()
        held = next((type(v).__name__ for v in values if isinstance(v, NESTED)), "")
        if any(isinstance(v, complex | np.complexfloating) for v in values):
            raise InputError(
                f"Column {quoted(name)} of {source} contains complex numbers (Complex data not"
                " supported). Give the real and the imaginary part as two columns.",
                file=source,
                column=name,
            )
    if held:
        raise InputError(
            f"Column {quoted(name)} of {source} contains nested values ({held}). Drop the column,"
            " or split it into plain columns.",
            file=source,
            column=name,
        )


def _values(series: Any) -> list[Any]:
    """Return the values of a data frame's column (a narwhals series) as a list."""
    try:
        return series.to_list()
    except (OverflowError, ValueError, LookupError):  # from pyarrow or polars
        name, array = str(series.name), series.to_arrow()
        refuse_unreadable(name, array, lambda row: place("data frame", None, row))
        raise


def _as_narwhals(frame: Any, source: str) -> Any:
    """Return a data frame as a narwhals frame. Lazy frames are computed, and streams are read."""
    _refuse_container(frame, source)
    try:
        is_known = nw.from_native(frame, pass_through=True) is not frame
        is_stream = not is_known and hasattr(frame, STREAM)
        shown = nw.from_native(_read_stream(frame, source) if is_stream else frame)
    except (TypeError, nw.exceptions.NarwhalsError) as error:
        raise InputError(_not_a_table(frame, source, error), file=source) from error
    return shown.collect() if isinstance(shown, nw.LazyFrame) else shown


def _refuse_container(data: Any, source: str) -> None:
    """Raise InputError if the data is an xarray or AnnData object.

    The error message shows how to convert such an object to rows.
    """
    homes = [kind.__module__.partition(".")[0] for kind in type(data).__mro__]
    library = next((home for home in homes if home in CONTAINERS), None)
    if library is None:
        return
    sizes = ", ".join(f"{name}: {n}" for name, n in getattr(data, "sizes", {}).items())
    raise InputError(
        f"{source}: {library}.{type(data).__name__}{f' ({sizes})' * bool(sizes)} is not supported,"
        " because its rows can be misread. Pass a data frame or an array with one row per sample.",
        file=source,
    )


def _read_stream(stream: Any, source: str) -> Any:
    """Read all rows of an Arrow stream. Most streams can be read only once."""
    try:
        parts = spooled(pa.RecordBatchReader.from_stream(stream))
    except MemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise InputError(_not_a_table(stream, source, error), file=source) from error
    n_rows = sum(part.num_rows for part in parts)
    if not n_rows:
        raise InputError(
            f"{source}: The {type(stream).__name__} does not contain rows. A stream can be read"
            " only once. Create it again if it was read before.",
            file=source,
        )
    return pa.concat_tables(parts)


def _not_a_table(frame: Any, source: str, error: Exception) -> str:
    reason = " ".join(str(error).partition(" Detail: Python exception")[0].split()).rstrip(".")
    return (
        f"{source}: An object of type {type(frame).__name__} cannot be read as a table ({reason})."
        " Give a pandas, polars or pyarrow frame with different column names (in SQL, for example,"
        " a.id AS id_a)."
    )


def as_frame(data: Any, source: str = "data frame") -> Frame | None:
    """If `data` is a data frame or a stream, read its rows as a data frame, otherwise None."""
    if isinstance(data, (np.ndarray, list, tuple)):
        return None

    _refuse_container(data, source)

    try:
        shown = nw.from_native(data, pass_through=True, allow_series=True)
    except nw.exceptions.NarwhalsError:
        return Frame(_as_narwhals(data, source))  # raises InputError with the reason
    is_own = shown is data and not isinstance(data, nw.LazyFrame)
    is_frame = not isinstance(shown, nw.Series) and (not is_own or hasattr(data, STREAM))
    return Frame(_as_narwhals(data, source)) if is_frame else None


def _refuse_not_numeric(shown: Any) -> None:
    """Raise InputError if a column of a narwhals frame does not contain numbers."""
    kinds = {str(series.name): _kind_of(series) for series in shown.iter_columns()}
    found: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        found.setdefault(kind, []).append(name)
    held = [f"{word} in {listed(found[k])}" for k, word in OTHERS.items() if k in found]
    if held:
        advice = [CURES[kind] for kind in OTHERS if kind in found]
        raise InputError(
            f"X contains {' and '.join(held)}, not numbers. Leave out these columns, or convert "
            f"them. {' '.join(advice)}",
            parameter="X",
            column=next(name for name, kind in kinds.items() if kind in OTHERS),
        )


def _numbers_of(series: Any, type_: Any) -> Any:
    """Return a numeric column of a data frame as an array, with NaN in place of nulls."""
    if series.implementation.is_pyarrow() and series.dtype.is_integer():
        # Rounded beyond 2^53, as all other libraries do; narwhals would raise.
        return series.to_native().cast("float64", safe=False).to_numpy()
    if series.dtype not in (nw.Object, nw.Unknown, nw.String):
        return series.cast(type_).to_numpy()
    pairs = zip(series.to_list(), series.is_null().to_list(), strict=True)
    try:
        return [math.nan if is_null else float(value) for value, is_null in pairs]
    except OverflowError as error:
        raise InputError(
            f"Column {quoted(str(series.name))} of X contains a whole number that a float cannot "
            "represent. Correct or rescale the number, or leave out its row.",
            parameter="X",
            column=series.name,
        ) from error


def _kind_of(series: Any) -> str:
    type_ = series.dtype
    if type_ == nw.String and _are_missing_objects(series):
        return "number"
    if type_.is_numeric() or type_ == nw.Boolean:
        return "number"
    if type_.is_temporal():
        return "duration" if type_ in (nw.Duration, nw.Time) else "date"
    return _kind_of_values(series) if type_ in (nw.Object, nw.Unknown) else "text"


def _are_missing_objects(series: Any) -> bool:
    """Return whether all objects in a pandas column are missing. Narwhals treats it as text."""
    is_object = getattr(series.to_native(), "dtype", None) == np.dtype(object)
    return is_object and bool(series.is_null().all())


def _kind_of_values(series: Any) -> str:
    """Return the kind of a column of Python objects. If all are missing, the kind is "number"."""
    pairs = zip(series.to_list(), series.is_null().to_list(), strict=True)
    present = [value for value, is_null in pairs if not is_null]
    for kind, types in OBJECTS.items():
        if all(isinstance(value, types) for value in present):
            return kind
    return "text"
