"""Encoding of tables as a scikit-learn transformer."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_array

from somscape._files import shown, write_whole
from somscape._types import Float64s, Objects
from somscape._validate import check_choice, check_flag, check_whole, checked_weights
from somscape.errors import InputError, ParameterTypeError
from somscape.estimators._base import Encoder
from somscape.estimators._intake import learn_encoding, read_data, take
from somscape.tables._fit_encoding import SCALES, fit_encoding
from somscape.tables._frame import Frame, as_frame
from somscape.tables._messages import listed
from somscape.tables._recoded import checked_dictionary
from somscape.tables._roles import comments_on, pinned, read_roles, roles_text
from somscape.tables.codes import CategoryCode, NumberCode, UnusedColumn, level_texts
from somscape.tables.column import Column
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import (
    MAX_LAYER_WEIGHT,
    MAX_LEVELS,
    MIN_LAYER_WEIGHT,
    MISSING_CHOICES,
    OTHERS_CHOICES,
    Roles,
)
from somscape.tables.ordered import DateCode, OrdinalCode
from somscape.tables.table import Table, table_from_columns


def check_layers(layers: Any, layer_weights: Any) -> None:
    """Raise an error if the parameter `layers` or `layer_weights` of an encoder is not valid."""
    for parameter, given in (("layers", layers), ("layer_weights", layer_weights)):
        names = {} if given is None else given
        if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
            raise ParameterTypeError(
                f"`{parameter}` must be a dict whose keys are names of layers, but is "
                f"{_shown(given)}.",
                value=given,
            )
    for name, columns in (layers or {}).items():
        if not _are_columns(columns):
            raise ParameterTypeError(
                f"Layer '{name}' must be a list of names or numbers of columns, or a slice of "
                f"numbers, but is {_shown(columns)}. Write ['name'] for a single column.",
                parameter="layers",
                value=columns,
            )
    for name, weight in (layer_weights or {}).items():
        is_number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not (is_number and MIN_LAYER_WEIGHT <= weight <= MAX_LAYER_WEIGHT):
            raise InputError(
                f"`layer_weights` must be numbers from 1e-9 to 1e9, but the weight of '{name}' "
                f"is {weight!r:.40}. To leave a layer out, leave out its columns.",
                value=weight,
            )


def _shown(value: Any) -> str:
    return f"{' '.join(repr(value).split()):.80}"


def _are_columns(columns: Any) -> bool:
    if isinstance(columns, slice):
        ends = columns.start, columns.stop, columns.step
        return columns.step != 0 and all(end is None or _is_number(end) for end in ends)
    if isinstance(columns, str | bytes | Iterator) or not isinstance(columns, Iterable):
        return False
    return all(isinstance(c, str) or _is_number(c) for c in columns)


def _is_number(column: Any) -> bool:
    return hasattr(column, "__index__") and not isinstance(column, bool)


def named_layers(layers: Any, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return a dict from each layer's name to the names of its columns."""
    found = {}
    for layer, given in (layers or {}).items():
        columns = (
            names[given] if isinstance(given, slice) else [_name(layer, c, names) for c in given]
        )
        if not columns:
            raise InputError(
                f"Layer '{layer}' must have at least one column, but {given!r:.40} does not "
                f"select any of {len(names)} columns. Add a column, or leave the layer out.",
                parameter="layers",
                value=given,
            )
        found[layer] = tuple(columns)
    return found


def _name(layer: str, column: Any, names: Sequence[str]) -> str:
    if isinstance(column, str):
        return column
    number = operator.index(column)
    if not names:
        raise InputError(
            f"Layer '{layer}' contains numbers of columns, but the columns are not known before "
            "`fit`. Call `fit` first, or pass names.",
            parameter="layers",
        )
    if str(number) in names and names.index(str(number)) != number % len(names):
        raise InputError(
            f"Layer '{layer}' contains {number}, which is ambiguous, because this could be the "
            f"column with the name '{number}' or column number {number}, "
            f"'{names[number % len(names)]}'. Pass the name of the column as text.",
            parameter="layers",
            column=number,
        )
    if not -len(names) <= number < len(names):
        raise InputError(
            f"Layer '{layer}' contains column number {number}, but there are only {len(names)} "
            "columns, with numbers from 0. Pass a smaller number, or a name.",
            parameter="layers",
            value=number,
            allowed=len(names),
        )
    return names[number]


@dataclass(frozen=True, eq=False)
class Form:
    """Form of the data passed to `fit`, to which decoded rows are converted.

    Attributes
    ----------
    names : tuple of str
        Names of all columns.
    example : Table, data frame or ndarray
        Data of the same type and with the same columns as the data passed to `fit`, without rows.
    types : dict of str to type
        Type of the first value in each column that is not missing.
    values : dict of str to dict
        For each column, a dict from the name of a level to its original value.
    constants : dict of str to object
        Value of each constant column.
    """

    names: tuple[str, ...]
    example: Any
    types: Mapping[str, type]
    values: Mapping[str, Mapping[str, Any]]
    constants: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        data: Any,
        table: Table,
        encoding: Encoding,
        ordinals: Mapping[str, Sequence[Any]],
        is_counted: NDArray[np.bool_],
    ) -> "Form":
        """Return the form of the data passed to `fit`."""
        raws = _raw_values(data)
        types: dict[str, type] = {}
        constants: dict[str, Any] = {}
        values: dict[str, dict[str, Any]] = {}
        for code in encoding.columns:
            column, raw = table.column(code.name), raws[code.name]
            present = np.flatnonzero(is_counted & ~column.missing)
            if present.size:
                types[code.name] = type(raw[present[0]])
            if code.kind == "constant":
                constants[code.name] = raw[present[0]]
            if isinstance(code, CategoryCode | OrdinalCode):
                texts = level_texts(column)
                # Rows are visited from the last to the first, so the first row of a level decides.
                values[code.name] = {texts[i]: raw[i] for i in present[::-1]}
            if isinstance(code, OrdinalCode):
                given = dict(zip(code.levels, ordinals[code.name], strict=True))
                values[code.name] = given | values[code.name]
        if isinstance(data, Table):
            example = data.take([])
        else:
            example = (data.native if isinstance(data, Frame) else data)[:0]
        return cls(table.names, example, types, values, constants)

    def restore(self, rows: Float64s, encoding: Encoding) -> Any:
        """Decode rows to this form, with all columns that can be recovered."""
        part_of = {c.name: part for c, part in zip(encoding.features, encoding.slices, strict=True)}
        columns: dict[str, list[Any]] = {}
        for code in encoding.columns:
            if not isinstance(code, UnusedColumn):
                columns[code.name] = self._decoded(code, rows[:, part_of[code.name]])
            elif code.name in self.constants:
                columns[code.name] = [self.constants[code.name]] * len(rows)
        if isinstance(self.example, Table):
            return table_from_columns(columns, self.example.source)
        if isinstance(self.example, np.ndarray):
            return self._array(columns, len(rows))
        frame = as_frame(self.example)
        assert frame is not None
        return frame.like(columns)

    def _decoded(self, code: Any, features: Float64s) -> list[Any]:
        decoded = code.decode(features)
        type_ = self.types[code.name]
        if isinstance(code, DateCode):
            return _dates(decoded, code.has_zone, type_)
        if isinstance(code, NumberCode):
            _refuse_overflow(decoded, code.name)
            is_text = issubclass(type_, str)
            is_whole = issubclass(type_, Integral) or (is_text and code.is_whole)
            numbers = [int(v) for v in np.rint(decoded)] if is_whole else decoded.tolist()
            return [str(v) for v in numbers] if is_text else numbers
        return [self.values[code.name].get(level) for level in decoded]

    def _array(self, columns: Mapping[str, list[Any]], n_rows: int) -> Any:
        type_ = self.example.dtype
        is_numeric = type_.kind in "biuf"
        # None becomes NaN in an array of numbers.
        out = np.full((n_rows, len(self.names)), None, dtype=np.float64 if is_numeric else object)
        for j, name in enumerate(self.names):
            if name in columns:
                out[:, j] = columns[name]
        if type_.kind == "f":
            return out.astype(type_)
        return np.rint(out).astype(type_) if is_numeric and not np.isnan(out).any() else out


def _refuse_overflow(decoded: Float64s, name: str) -> None:
    is_finite = np.isfinite(decoded)
    if not is_finite.all():
        raise InputError(
            f"Row {is_finite.argmin()} of X leads to a number in column '{name}' that is too large "
            "for a float. Pass encoded rows, in which most numbers are from 0 to 1.",
            parameter="X",
            row=is_finite.argmin(),
            column=name,
        )


def _dates(decoded: Any, has_zone: bool, type_: type) -> list[Any]:
    if issubclass(type_, str):
        return [f"{text}+00:00" if has_zone else text for text in decoded.astype(str)]
    if issubclass(type_, date) and not issubclass(type_, datetime):
        return decoded.astype("datetime64[D]").tolist()
    moments = decoded.astype("datetime64[us]").tolist()
    return [moment.replace(tzinfo=UTC) for moment in moments] if has_zone else moments


def _raw_values(data: Any) -> dict[str, list[Any]]:
    """Return a dict from each column's name to its values as Python objects."""
    if isinstance(data, np.ndarray):
        return {f"x{j}": column for j, column in enumerate(data.T.tolist())}
    if isinstance(data, Frame):
        return data.values()
    return {column.name: _raw_cells(column) for column in data.columns}


def _raw_cells(column: Column) -> list[Any]:
    if column.numbers is None:
        return column.cells.tolist()
    values = column.numbers.tolist()
    return [int(v) if v == v else v for v in values] if column.is_whole else values


HEADING = "What columns are, for TableEncoder.from_roles and for `somscape detect --roles`."

NAME_LISTS = ("drop", "protect", "categories", "numbers", "dates")


@dataclass(eq=False, repr=False, match_args=False)
class TableEncoder(TransformerMixin, Encoder):
    """Convert a table of mixed columns to numbers on one scale, and back.

    If two rows differ only in one column, the distance between the encoded rows is 1 between the
    two ends of a number's range (see `scale`), between the lowest and the highest ordered level,
    and between two different categories.  The kind of each column, such as number or category, is
    chosen by rules, and ``encoding_.columns`` contains the reasons.  Parameters override the
    rules.  `SOM` and `SOMDetector` encode tables and data frames by the same rules, unless you pass
    a `TableEncoder`.

    Parameters
    ----------
    id : str or None, default=None
        Column with an id of each row.  Ids do not have to be unique.  The column is not a feature,
        but alerts of a detector show the ids.  None means the first column that has a typical name
        for ids and does not contain repeated values.
    label : str or None, default=None
        Column with a known outcome, which is not a feature.  Later data can omit the column.
    drop : sequence of str, default=()
        Columns that are not features and are not used otherwise.  In this and the following
        parameters, a pattern such as ``"pixel_*"`` stands for all columns whose names fit and are
        not in another parameter.
    protect : sequence of str, default=()
        Columns with personal attributes, such as sex or nationality.  These columns are not
        features, but are shown in the list of alerts.  Later data can omit these columns.
    categories, numbers : sequence of str, default=()
        Columns that are encoded as categories or as numbers, regardless of the rules.
    ordinals : dict of str to list or None, default=None
        Columns of ordered categories, with their levels from the lowest to the highest, such as
        ``{"size": ["S", "M", "L"]}``.  The levels become equally spaced numbers from 0 to 1.
    dates : sequence of str, default=()
        Columns of dates that the rules do not recognize as dates, such as 20260131.
    date_format : {"dmy", "mdy", "ymd"} or None, default=None
        Order of day, month and year in columns with ambiguous dates, such as 1/2/2026.  None means
        that the day is first, unless dates in another column show that the month is first.
    missing : {"error", "fill", "mask"}, default="error"
        Treatment of missing values.  ``"error"`` raises an error, and ``"mask"`` keeps missing
        values as NaN.  ``"fill"`` uses the median of the column for missing numbers, dates and
        ordered categories, and a separate level for missing values of other categories.
    scale : {"robust", "range"}, default="robust"
        Which two numbers of a column become 0 and 1.  ``"robust"`` means the ends of the range of
        the middle 96 % of the numbers, so extreme numbers become values below 0 or above 1.  For at
        most 50 rows, ``"robust"`` means the range of all numbers.  ``"range"`` means the smallest
        and the largest number.
    tame : bool, default=True
        Whether to transform columns of numbers that contain a number more than 10 half
        interquartile ranges from the median.  A number x becomes ``asinh((x - median) / half
        interquartile range)``, which is similar to a logarithm for large deviations.
    max_levels : int or None, default=50
        Maximum number of distinct values of a text column, up to 1000.  A text column with more
        values raises an error unless a parameter contains the name of the column.  Columns in
        `categories` can contain 1000 distinct values.  None means that text columns with more than
        50 distinct values are left out.
    others : {"rules", "drop"}, default="rules"
        Treatment of columns that are not named in any parameter.  Such columns are encoded by rules
        or left out.
    dictionary : mapping, str, Path or None, default=None
        Readable names for codes and columns, which are shown in reasons, reports and pictures, such
        as ``{"job": {"": "Job", "A171": "unskilled"}}``.  The key "" is for the readable name of
        the column.  A path is the name of a file with a table whose columns are ``column``,
        ``code`` and ``words``.  The names of features, and the names of columns and levels in other
        parameters, do not change.
    layers : dict of str to list or slice, or None, default=None
        Groups of columns (layers), such as ``{"spectrum": slice(0, 100), "clinic": ["age",
        "sex"]}``.  A layer is a list of column names or column numbers, or a slice of column
        numbers.  Every column that becomes a feature must be in one layer.  The features of a layer
        are scaled so that the mean squared distance between two random rows in this layer is 1,
        regardless of its number of columns.
    layer_weights : dict of str to float or None, default=None
        Weight of each layer in squared distances, such as ``{"clinic": 2}``.  The default is 1.

    Attributes
    ----------
    encoding_ : Encoding
        The encoding of each column, with the reasons.  A map stores it as ``map_.encoding``.
    n_features_in_ : int
        Number of columns of the data passed to `fit`.
    feature_names_in_ : ndarray of shape (n_columns,)
        Names of the columns, if the data passed to `fit` contained names.

    Notes
    -----
    Some columns are left out of the encoding unless a parameter contains their names.  These are
    constant columns, the first id column, row counters, and columns of codes that are nearly all
    different.  Columns with two distinct values are also left out if the column name is typical of
    an outcome (such as ``class`` or ``is_fraud``).  In small tables, text columns are left out if
    more than half of the values are distinct.  A column of dates is encoded as one feature for the
    number of the day, and as two features each for the weekday and the hour, which are positions on
    a circle.  Two columns of dates also give a feature for the number of days between the two
    dates.  The columns of an array of numbers are encoded as numbers, but an array of objects is
    encoded like a data frame.  A column of categories is encoded as one feature per level, with the
    value ``sqrt(1/2)`` for the level of the row, and one feature for all levels that did not occur
    in `fit`.  In a column of ordered categories, such levels raise an error.

    With layers, the features of a layer are also multiplied by ``sqrt(weight / m)``, where m is the
    mean squared distance between two rows in the layer (without missing values).  For Euclidean
    distances, layers of ``supersom`` in the R package kohonen have the same effect.  If two columns
    of dates are in different layers, the number of days between the dates is not a feature.
    `Map.of_layers` finds units from some of the layers, and `SOM.predict_layers` predicts the
    values of the remaining layers.

    `fit` sorts each column and takes O(n_samples log n_samples).  `transform` takes O(n_samples *
    n_features_out).  The encoder does not use random numbers.

    See Also
    --------
    SOM : With ``encoder=TableEncoder(...)``, a map of a table is shown in original units.

    Examples
    --------
    >>> import pandas as pd
    >>> from somscape import TableEncoder
    >>> frame = pd.DataFrame({"age": [31.5, 46.5, 61.5], "size": ["M", "S", "L"]})
    >>> encoder = TableEncoder(ordinals={"size": ["S", "M", "L"]}).fit(frame)
    >>> encoder.transform(frame)
    array([[0. , 0.5],
           [0.5, 0. ],
           [1. , 1. ]])
    >>> encoder.inverse_transform([[0.25, 0.4]])
        age size
    0  39.0    M

    The two columns of one layer have the same total weight as the single column of another:

    >>> layers = {"one": [0], "two": [1, 2]}
    >>> TableEncoder(layers=layers).fit_transform([[0, 0, 0], [1, 1, 1]]).round(3)
    array([[0.   , 0.   , 0.   ],
           [1.414, 1.   , 1.   ]])
    """

    _: KW_ONLY
    id: str | None = None
    label: str | None = None
    drop: Sequence[str] = ()
    protect: Sequence[str] = ()
    categories: Sequence[str] = ()
    numbers: Sequence[str] = ()
    ordinals: Mapping[str, Sequence[Any]] | None = None
    dates: Sequence[str] = ()
    date_format: str | None = None
    missing: str = "error"
    scale: str = "robust"
    tame: bool = True
    max_levels: int | None = 50
    others: str = "rules"
    dictionary: Mapping[str, Mapping[Any, str]] | str | Path | None = None
    layers: Mapping[str, Sequence[str | int] | slice] | None = None
    layer_weights: Mapping[str, float] | None = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "TableEncoder":
        """Choose the encoding of each column, with its scale or levels.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            At least two rows.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row.  A row of weight 2 counts as two rows in ranges, medians and rules
            about repeated values, and a row of weight 0 is ignored.

        Returns
        -------
        TableEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If a parameter, column, value or weight is not allowed.  The message names it.
        """
        data = take(X, type(self).__name__).data
        data, table, self.encoding_ = learn_encoding(self, self, data, sample_weight)
        _refuse_repeated(self.encoding_.feature_names)
        weights = checked_weights(sample_weight, table.n_rows)
        is_counted = np.full(table.n_rows, True) if weights is None else weights > 0
        ordinals = self._roles(table.names, table.source, are_numbers=False).ordinals
        self._form = Form.of(data, table, self.encoding_, ordinals, is_counted)
        return self

    def _unused_columns(self) -> set[str]:
        self._check_parameters()
        return {n for n in (self.id, self.label, *self.drop, *self.protect) if n is not None}

    def _encoding_of(self, data: Any, table: Table, sample_weight: Any) -> Encoding:
        is_array = isinstance(data, np.ndarray)
        are_numbers = is_array and data.dtype.kind in "biuf"
        encoding = fit_encoding(
            table,
            self._roles(table.names, table.source, are_numbers=are_numbers),
            self.missing,
            scale=self.scale,
            tame=self.tame,
            max_levels=self.max_levels,
            sample_weight=sample_weight,
        )
        return replace(encoding, is_named=not is_array)

    @classmethod
    def from_roles(cls, path: str | Path) -> "TableEncoder":
        """Create an unfitted encoder from a file with the roles of columns.

        Parameters
        ----------
        path : str or Path
            Name of a roles file, which was written by `save_roles`, somscape or a person.

        Returns
        -------
        TableEncoder
            An encoder with the roles from the file and with ``max_levels=None``.  If the file does
            not contain `missing`, the encoder has ``missing="fill"``.

        Raises
        ------
        InputError
            If the file cannot be read, contains an invalid role, or contains roles for ``--per``.
            For an invalid role, the message contains the line number.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from somscape import TableEncoder
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "roles.toml"
        >>> _ = path.write_text('[columns]\\nage = "number"\\n')
        >>> TableEncoder.from_roles(path)
        TableEncoder(max_levels=None, missing='fill', numbers=('age',))
        """
        roles = read_roles(path)
        if roles.per:
            raise InputError(
                f"{shown(path)} combines rows by {listed(roles.per)}, but an encoder does not "
                "combine rows. Combine the rows with `tables.per`, and use roles for the "
                "combined rows.",
                file=path,
            )
        encoder = cls(missing=roles.missing or "fill", max_levels=None)
        names = {field.name for field in fields(roles)} & set(encoder.get_params()) - {"missing"}
        given = {name: getattr(roles, name) for name in names}
        told = {name: value for name, value in given.items() if value != getattr(Roles(), name)}
        return encoder.set_params(**told)

    def save_roles(self, path: str | Path) -> None:
        """Write the roles of columns to a file that people can read and edit.

        For a fitted encoder, the file contains the kind of each column and the reason, so that
        later tables get the same features.  For an unfitted encoder, the file contains the
        parameters.

        Parameters
        ----------
        path : str or Path
            Name of the file, such as ``roles.toml``.  An existing file is replaced.

        Raises
        ------
        InputError
            If a column name contains half of a surrogate pair, or if `path` is, for example, a
            folder.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pandas as pd
        >>> from somscape import TableEncoder
        >>> frame = pd.DataFrame({"age": [31.5, 46.5, 61.5], "size": ["M", "S", "L"]})
        >>> encoder = TableEncoder(ordinals={"size": ["S", "M", "L"]}).fit(frame)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "roles.toml"
        >>> encoder.save_roles(path)
        >>> print(path.read_text().partition("[columns]")[2])
          # kinds: per, id, label, drop, protect, category, number, ordinal, date
        age = "number"  # 3 different values; usually 31.5 to 61.5
        size = { kind = "ordinal", levels = ["S", "M", "L"] }  # as asked
        <BLANKLINE>
        """
        self._check_parameters()
        columns = self.encoding_.columns if hasattr(self, "encoding_") else ()
        names = [column.name for column in columns]
        roles, comments = self._roles(names, "the table", are_numbers=False), {}
        if hasattr(self, "encoding_"):
            comments = comments_on(self.encoding_)
            roles = pinned(self.encoding_, roles)
        write_whole(path, roles_text(roles, comments, [HEADING]).encode())

    def transform(self, X: Any) -> Float64s:
        """Convert the rows of a table to numbers on one scale.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Data with the same columns as the data passed to `fit`.  In a `Table`, columns are found
            by name.  A `Table` or data frame does not have to contain columns that are not
            features, such as the label.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), float64
            Features in the order of `get_feature_names_out`, or a data frame after `set_output`.

        Raises
        ------
        ValueError
            If a column is missing, if a value is missing and `missing` is "error", if a value is
            text instead of a number or date, or if a value is not a level of its ordered category.
            The message names the column.
        """
        encoding = self.encoding_
        _, table = read_data(self, take(X, type(self).__name__).data, encoding=encoding)
        return encoding.encode(table)

    def inverse_transform(self, X: Any) -> Any:
        """Convert encoded rows back to the original units and columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            Encoded rows, or prototypes such as the ``codebook_`` of a SOM.

        Returns
        -------
        Table, data frame or ndarray of shape (n_samples, n_columns)
            The data in the form of the data passed to `fit`.  Numbers are equal to the original
            numbers up to rounding, and whole numbers stay whole.  In a column of categories, the
            value is the level with the largest feature, or missing if the feature for unknown
            levels is the largest.  In a column of ordered categories, the value is the nearest
            level.  A date is rounded to the day, second or microsecond, like the dates passed to
            `fit`, and is text in ISO format if the original dates were text.  Missing values that
            were filled in are not restored as missing.  Of the columns that are not features, only
            constant columns are recovered.  The others are left out or, in an array, NaN or None.
        """
        encoding, frame = self.encoding_, as_frame(X, "X")
        X = X if frame is None else frame.numbers()
        rows = check_array(X, dtype=np.float64, estimator=self, input_name="X")
        if rows.shape[1] != encoding.n_features:
            raise InputError(
                f"X must have the {encoding.n_features} features that `transform` returns, "
                f"but has {rows.shape[1]} features. Pass encoded rows.",
                value=rows.shape[1],
                allowed=encoding.n_features,
            )
        return self._form.restore(rows, encoding)

    def get_feature_names_out(self, input_features: Any = None) -> Objects:
        """Return the names of the encoded features.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns, which must be equal to the names in the data passed to `fit`.

        Returns
        -------
        ndarray of shape (n_features_out,), object
            Feature names, which are column names, ``column=level`` for each level of a category,
            and names such as ``since: weekday (cos)`` and ``days from since to until`` for dates.
        """
        names = np.array(self.encoding_.feature_names, dtype=object)
        _check_feature_names_in(self, input_features)
        return names

    def _check_parameters(self) -> None:
        check_choice("missing", self.missing, MISSING_CHOICES)
        check_choice("scale", self.scale, SCALES)
        check_choice("others", self.others, OTHERS_CHOICES)
        check_flag("tame", self.tame)
        if self.max_levels is not None:
            check_whole("max_levels", self.max_levels, 2, high=MAX_LEVELS)
        if not isinstance(self.ordinals or {}, Mapping):
            raise ParameterTypeError(
                "`ordinals` must be a dict of column names to lists of levels, but is "
                f"{self.ordinals!r}.",
                value=self.ordinals,
            )
        check_layers(self.layers, self.layer_weights)
        for parameter in ("id", "label"):
            name = getattr(self, parameter)
            if not (name is None or isinstance(name, str)):
                raise ParameterTypeError(
                    f"`{parameter}` must be a column name or None, but is {name!r}.", value=name
                )
        for parameter in NAME_LISTS:
            names = getattr(self, parameter)
            is_list = isinstance(names, Iterable) and not isinstance(names, str)
            if not (is_list and all(isinstance(name, str) for name in names)):
                raise ParameterTypeError(
                    f"`{parameter}` must be a list of column names, but is {names!r}. Write "
                    f"{parameter}=['name'] for a single column.",
                    value=names,
                )

    def _roles(self, names: Sequence[str], source: str, *, are_numbers: bool) -> Roles:
        """Return the roles of columns by the parameters (in an array, others are numbers)."""
        roles = Roles(
            id=self.id,
            label=self.label,
            drop=tuple(self.drop),
            categories=tuple(self.categories),
            numbers=tuple(self.numbers),
            ordinals=dict(self.ordinals or {}),
            dates=tuple(self.dates),
            protect=tuple(self.protect),
            date_format=self.date_format,
            missing=self.missing,
            others=self.others,
            dictionary=checked_dictionary(self.dictionary),
            layers=named_layers(self.layers, names),
            layer_weights={n: float(w) for n, w in (self.layer_weights or {}).items()},
        )
        roles = roles.spread(names, source) if names else roles
        if are_numbers and self.others == "rules":
            named = {name for role, name in roles.named() if role != "numbers"}
            others = (name for name in names if name not in named)
            roles = replace(roles, numbers=(*roles.numbers, *others))
        return roles


def _refuse_repeated(names: Sequence[str]) -> None:
    for before, name in pairwise(sorted(names)):
        if before == name:
            raise InputError(
                f"Two features would have the name '{name}', because a column and a level of a "
                "category have this name. Rename the column.",
                column=name,
            )
