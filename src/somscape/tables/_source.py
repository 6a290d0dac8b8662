"""A table that can be gone through again, wherever its rows come from."""

import os
from collections.abc import Iterator
from typing import Any

from somscape.tables._frame import as_frame, table_from_frame
from somscape.tables._read import read_table
from somscape.tables._table import Table


class Source:
    """A table that can be gone through again, as `source` makes it.

    Parameters
    ----------
    data : Table, str or path
        A table, or what `read_table` reads.
    **reading : dict
        Further parameters of `read_table`.
    """

    def __init__(self, data: Table | str | os.PathLike[str], **reading: Any) -> None:
        self._data, self._reading = data, reading
        self._names: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; the table is read for them if it was not yet."""
        return self.table().names if self._names is None else self._names

    def table(self) -> Table:
        """Return the table; files and databases are read anew each time."""
        data = self._data
        table = data if isinstance(data, Table) else read_table(data, **self._reading)
        self._names = table.names
        return table

    def batches(self, n_rows: int = 65_536) -> Iterator[Any]:
        """Yield the rows, a limited number at a time.

        Parameters
        ----------
        n_rows : int, default=65536
            The most rows of a batch.

        Yields
        ------
        pyarrow.RecordBatch
            Numbers as float64, other columns as text, null where a cell is missing.
        """
        yield from self.table().to_arrow().to_batches(max_chunksize=n_rows)


def source(data: Any, **reading: Any) -> Source:
    """Return a table that can be gone through again.

    Parameters
    ----------
    data : str, path, Table or data frame
        What `read_table` or `table_from_frame` takes.  A lazy frame, or a reader that gives its
        rows only once, is collected here.
    **reading : dict
        Further parameters of `read_table`, or of `table_from_frame`.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If a frame cannot be read as a table; for files when they are read.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = source(pd.DataFrame({"age": [41, 52, 63], "sex": ["f", "m", "f"]}))
    >>> rows.names, [batch.num_rows for batch in rows.batches(2)]
    (('age', 'sex'), [2, 1])
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, os.PathLike, Table)):
        return Source(data, **reading)
    return Source(table_from_frame(data, **reading))


def collected(data: Any) -> Any:
    """Return data of which nothing is used up by reading it.

    Parameters
    ----------
    data : object
        Anything; messages call it X.

    Returns
    -------
    object
        A `Source` as its table, a lazy frame or a reader as a frame, anything else as it is.
    """
    if isinstance(data, Source):
        return data.table()
    frame = None if isinstance(data, Table) else as_frame(data, "X")
    return data if frame is None else frame
