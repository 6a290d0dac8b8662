"""Read and write tables that contain a codebook, component planes or winners."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from somscape._stored import Budget
from somscape._types import Ints
from somscape.errors import InputError
from somscape.maps.map import as_map, unit_columns
from somscape.maps.record import Record
from somscape.save.esom import BestMatches
from somscape.save.lines import CodebookOrigin, codebook_of, feature_names, plain_record, record_of
from somscape.tables._messages import free_name
from somscape.tables._write import unescape_cell, write_table
from somscape.tables.sources import read_table
from somscape.tables.table import Table

PLACES = ("unit", "row", "col")


def write_codebook(path: str | Path, som: Any) -> None:
    """Write the codebook of a map as a table with one row for each unit.

    Parameters
    ----------
    path : str or Path
        File with the extension ``.csv``, ``.xlsx`` or ``.parquet``.  An existing file is replaced
        only if writing succeeds.
    som : Map, fitted estimator or Record

    Raises
    ------
    InputError
        If the file extension is not supported, or if a library for this format is not installed.

    See Also
    --------
    read_codebook, write_planes

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save, tables
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_codebook(f"{folder}/map.csv", som)
    ...     print(tables.read_table(f"{folder}/map.csv").names)
    ('unit', 'row', 'col', 'x0', 'x1')
    """
    record = record_of(som)
    codebook, lattice = codebook_of(record), record.header["lattice"]
    units = np.arange(len(codebook))
    rows_and_cols = np.divmod(units, 1 if lattice["kind"] == "graph" else lattice["n_cols"])
    columns: dict[str, Any] = dict(zip(PLACES, (units, *rows_and_cols), strict=True))
    for name, values in zip(feature_names(record), codebook.T, strict=True):
        columns[free_name(name, columns, "_")] = values
    write_table(path, columns)


def read_codebook(path: str | Path, *, kind: str = "hexagonal", boundary: str = "plane") -> Record:
    """Read a codebook from a table with the columns row, col and all features.

    Parameters
    ----------
    path : str or Path
        Table file, as for `read_table`, with the units in any order.  A column ``unit`` is ignored.
    kind : {"hexagonal", "rectangular"}, default="hexagonal"
        Kind of lattice, which the table does not contain.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        Boundary of the lattice, which the table does not contain.

    Returns
    -------
    Record
        A record that `Map.from_record` converts to a map.  All hits are 0.

    Raises
    ------
    InputError
        If the table does not contain each unit once, or if a value is not a number.

    See Also
    --------
    write_codebook

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_codebook(f"{folder}/map.csv", som)
    ...     found = save.read_codebook(f"{folder}/map.csv")
    >>> found.arrays["codebook"].shape
    (2, 2)
    """
    table = read_table(path)
    lacking = [name for name in ("row", "col") if name not in table.names]
    if lacking:
        raise InputError(
            f"{table.source} is not a codebook, because column '{lacking[0]}' is missing. A "
            "codebook has columns row and col with the position of each unit, from 0, and a column "
            "for each feature. To train a map on a table of rows, use `somscape fit`.",
            file=table.source,
            column=lacking[0],
        )
    units, n_rows, n_cols = _units(table)
    names = [name for name in table.names if name not in PLACES]
    if not names:
        raise InputError(
            f"{table.source} contains only the columns {', '.join(PLACES)}. Add a column for each "
            "feature.",
            file=table.source,
        )
    values = table.to_numpy(names)
    missing = np.argwhere(np.isnan(values))
    if len(missing):
        row, column = missing[0]
        raise InputError(
            f"{table.where(row)}: column '{names[column]}' is empty. Give a number.",
            file=table.source,
            row=int(row),
            column=names[column],
        )
    codebook = np.empty_like(values)
    codebook[units] = values
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": kind, "boundary": boundary}
    origin = CodebookOrigin(Budget(table.source, values.nbytes), "table", {})
    return plain_record(codebook, lattice, origin, names=[unescape_cell(n) for n in names])


def write_planes(path: str | Path, som: Any) -> None:
    """Write a table with the values of each unit of a map, in original units.

    Parameters
    ----------
    path : str or Path
        File with the extension ``.csv``, ``.xlsx`` or ``.parquet``.  An existing file is replaced
        only if writing succeeds.
    som : Map or fitted estimator
        The map to write.  The written table has the columns unit, row, col, hits and u_height,
        followed by the columns of the training data.  Dates are written in ISO form.

    Raises
    ------
    InputError
        If the file extension is not supported, or if a library for this format is not installed.

    See Also
    --------
    write_codebook : Write the encoded features of each unit.
    write_winners : Write the unit of each row.

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save, tables
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_planes(f"{folder}/planes.csv", som)
    ...     print(tables.read_table(f"{folder}/planes.csv").names)
    ('unit', 'row', 'col', 'hits', 'u_height', 'x0', 'x1')
    """
    columns = unit_columns(as_map(som))
    dates = {name: v.astype(str) for name, v in columns.items() if v.dtype.kind == "M"}
    write_table(path, columns | dates)


def write_winners(
    path: str | Path, matches: BestMatches, ids: Mapping[str, Sequence[Any]] | None = None
) -> None:
    """Write a table with the best matching unit of each data row.

    Parameters
    ----------
    path : str or Path
        File with the extension ``.csv``, ``.xlsx`` or ``.parquet``.  An existing file is replaced
        only if writing succeeds.
    matches : BestMatches
        Result of `best_matches` or `read_bm`.  The table has the columns key, unit, row, col and
        distance.  If the matches do not contain keys, the column ``record`` numbers the rows from
        1.  If all values of a row are missing, its unit, row and col are -1.
    ids : mapping of str to sequence, optional
        Columns that identify the data rows, by name.  They replace the column of keys or
        ``record``.  The names unit, row, col and distance are not allowed.

    Raises
    ------
    InputError
        If the file extension is not supported, or if a library for this format is not installed.

    See Also
    --------
    winners_columns, best_matches, write_planes

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save, tables
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     matches = save.best_matches(som, [[0.0, 1.0], [5.0, 4.0]])
    ...     save.write_winners(f"{folder}/rows.csv", matches, {"name": ["ann", "bob"]})
    ...     print(tables.read_table(f"{folder}/rows.csv").names)
    ('name', 'unit', 'row', 'col', 'distance')
    """
    write_table(path, winners_columns(matches, ids))


def winners_columns(
    matches: BestMatches, ids: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, Any]:
    """Return the columns that `write_winners` writes.

    Parameters
    ----------
    matches : BestMatches
    ids : mapping of str to sequence, optional
        Columns that identify the data rows, by name, as for `write_winners`.

    Returns
    -------
    dict of str to ndarray

    See Also
    --------
    write_winners, best_matches

    Examples
    --------
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, random_state=0).fit(X)
    >>> list(save.winners_columns(save.best_matches(som, X), {"name": ["ann", "bob", "eve"]}))
    ['name', 'unit', 'row', 'col', 'distance']
    """
    units = matches.units
    rows, cols = (np.where(units < 0, -1, part) for part in np.divmod(units, matches.n_cols))
    numbers = "record", np.arange(1, len(units) + 1)
    name, keys = numbers if matches.keys is None else ("key", matches.keys)
    columns: dict[str, Any] = {name: keys} if ids is None else dict(ids)
    columns |= dict(zip(PLACES, (units, rows, cols), strict=True))
    if matches.distances is not None:
        columns["distance"] = matches.distances
    return columns


def _units(table: Table) -> tuple[Ints, int, int]:
    """Return two values: the unit that each row of the table describes, and the size of the map."""
    rows, cols = (_counts(table, name) for name in ("row", "col"))
    n_rows, n_cols = int(rows.max()) + 1, int(cols.max()) + 1
    if n_rows * n_cols != table.n_rows:
        raise InputError(
            f"{table.source}: rows up to {n_rows - 1} and columns up to {n_cols - 1} make "
            f"{n_rows * n_cols} units, but the table has {table.n_rows} rows. Give one row for "
            "each unit.",
            file=table.source,
        )
    units: Ints = rows * n_cols + cols
    order = np.argsort(units, kind="stable")
    repeated = np.flatnonzero(np.diff(units[order]) == 0)
    if len(repeated):
        row = int(order[repeated[0] + 1])
        raise InputError(
            f"{table.where(row)}: unit ({rows[row]}, {cols[row]}) is repeated. Use each unit once.",
            file=table.source,
            row=row,
            value=(int(rows[row]), int(cols[row])),
        )
    return units, n_rows, n_cols


def _counts(table: Table, name: str) -> Ints:
    column = table.column(name)
    numbers = column.numbers
    if numbers is None or not ((numbers >= 0) & (numbers % 1 == 0) & (numbers < 1e9)).all():
        raise InputError(
            f"{table.source}: column '{name}' must contain only whole numbers of at least 0.",
            file=table.source,
            column=name,
        )
    if not len(numbers):
        raise InputError(f"{table.source} is empty. Give one row for each unit.", file=table.source)
    return numbers.astype(np.intp)
