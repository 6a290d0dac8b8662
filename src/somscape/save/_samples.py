"""Rows of numbers, with what other programs' data files store beside them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables import Source, Table, free_name, table_from_columns


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of numbers from files of SOM_PAK, the SOM Toolbox or ESOM Tools.

    Attributes
    ----------
    values : ndarray of shape (n, d), float64
        NaN for a missing value.
    names : tuple of str
        Names of the columns; x0, x1, ... if the file has none.
    labels : tuple of str or None
        Label of each row, "" for none.  None means that the file has no labels.
    keys : ndarray of shape (n,) or None
        Key of each row in ESOM Tools' files.
    weights : ndarray of shape (n,) or None
        Weight of each row in SOM_PAK's files.
    source : str
        Name of the file, for messages.
    lines : range or ndarray of shape (n,), or None
        The line of the file that holds each row.

    See Also
    --------
    read_dat, read_lrn

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.save import Samples
    >>> rows = Samples(np.array([[1.0, 2.0], [3.0, 4.0]]), ("age", "income"), labels=("good", ""))
    >>> rows.names
    ('age', 'income')
    """

    values: Float64s
    names: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    keys: Ints | None = None
    weights: Float64s | None = None
    source: str = "rows"
    lines: Any = None

    def to_table(self) -> Table:
        """Return the columns as a table.

        Returns
        -------
        Table
            With columns ``key``, ``label`` and ``weight`` if the file has them.  A name that is
            taken gets an underscore.
        """
        columns: dict[str, Any] = {} if self.keys is None else {"key": self.keys}
        for name, values in zip(self.names, self.values.T, strict=True):
            columns[free_name(name, columns, "_")] = values
        if self.labels is not None:
            columns[free_name("label", columns, "_")] = [label or None for label in self.labels]
        if self.weights is not None:
            columns[free_name("weight", columns, "_")] = self.weights
        return replace(table_from_columns(columns, self.source), lines=self.lines)


def samples_of(data: Any) -> Samples:
    """Return samples, a table of numbers, or an array-like of shape (n, d) as samples."""
    if isinstance(data, Samples):
        return data
    if isinstance(data, Source):
        data = data.table()
    names = data.names if isinstance(data, Table) else None
    try:
        values = data.to_numpy() if isinstance(data, Table) else np.asarray(data, np.float64)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"the rows must hold numbers; {error}.") from error
    if values.ndim != 2 or not values.shape[1] or np.isinf(values).any():
        raise InputError(
            f"the rows must be finite numbers or NaN, of shape (n, d); got shape {values.shape}."
        )
    return Samples(values, names or tuple(f"x{i}" for i in range(values.shape[1])))
