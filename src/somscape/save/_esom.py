"""Maps of ESOM Tools and of Somoclu, which writes the same files: .wts and .umx.

Units go row by row.  ESOM Tools' maps are rectangular and, by default, toroids.  The files of
neither program say so.

A. Ultsch and F. Moerchen (2005), ESOM-Maps: tools for clustering, visualization, and classification
with Emergent SOM, report 46, University of Marburg; ESOM Tools' user manual, "File formats".
P. Wittek, S. C. Gao, I. S. Lim and L. Zhao (2017), Somoclu, Journal of Statistical Software 78(9).
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError, SomscapeWarning
from somscape.grid import lattice_of
from somscape.kernels import Metric
from somscape.records import Record
from somscape.save._esom_lines import (
    body,
    check_number,
    count_of,
    fields_of,
    header_and_lines,
    size_of,
)
from somscape.save._esom_rows import read_bm
from somscape.save._lines import Rows, numbers_text, write_lines
from somscape.save._plain import Origin, codebook_of, plain_record
from somscape.save._record_of import record_of


def read_wts(
    path: str | Path,
    *,
    boundary: str = "torus",
    kind: str = "rectangular",
    winners: str | Path | None = None,
) -> Record:
    """Read the weights of a map of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.wts`` file.
    boundary : {"torus", "plane", "cylinder"}, default="torus"
        The file does not say it; the default of ESOM Tools is a torus, that of Somoclu a plane.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        The file does not say it; Somoclu also has hexagonal maps.
    winners : str or Path, optional
        The ``.bm`` file of the same map; its rows become the hits.

    Returns
    -------
    Record
        For `Map.from_record`.  Its hits are 0 without `winners`.

    Raises
    ------
    InputError
        If the file is not of this form; the message names line and field.

    See Also
    --------
    write_wts, read_somoclu, read_bm

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, lattice="rectangular", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_wts(f"{folder}/map.wts", som)
    ...     found = save.read_wts(f"{folder}/map.wts")
    >>> found.arrays["codebook"].shape
    (2, 2)
    """
    head, lines = header_and_lines(path, 3)
    n_rows, n_cols = size_of(head[0])
    n_features = count_of(head, 1, "weights")
    rows = Rows(n_features, lines.budget)
    for line in body(lines):
        if len(rows) == n_rows * n_cols:
            raise line.error(f"more units than the {n_rows} x {n_cols} of line {head[0].number}.")
        rows.add(line.numbers(fields_of(line, n_features), may_miss=False))
        lines.fill(rows, n_rows * n_cols)
    check_number(head[0], n_rows * n_cols, len(rows), "units")
    hits = None if winners is None else _hits(winners, n_rows, n_cols)
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": kind, "boundary": boundary}
    origin = Origin(lines.budget, "ESOM Tools or Somoclu", {})
    return plain_record(rows.to_numpy(), lattice, origin, hits=hits)


def read_somoclu(
    prefix: str | Path, *, boundary: str = "plane", kind: str = "rectangular"
) -> Record:
    """Read a map that Somoclu wrote: PREFIX.wts, and PREFIX.bm if it exists.

    Parameters
    ----------
    prefix : str or Path
        The output prefix that was passed to Somoclu.
    boundary : {"plane", "torus", "cylinder"}, default="plane"
        Somoclu's ``-m``, which its files do not keep.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        Somoclu's ``-g``, which its files do not keep.

    Returns
    -------
    Record
        As from `read_wts`.

    Raises
    ------
    InputError
        As for `read_wts`.

    See Also
    --------
    read_wts : One file of it.

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, lattice="rectangular", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_wts(f"{folder}/run.wts", som)
    ...     record = save.read_somoclu(f"{folder}/run")
    >>> record.arrays["codebook"].shape
    (2, 2)
    """
    weights, winners = Path(f"{prefix}.wts"), Path(f"{prefix}.bm")
    found = winners if winners.is_file() else None
    return read_wts(weights, boundary=boundary, kind=kind, winners=found)


def write_wts(path: str | Path, map_: Any) -> None:
    """Write a map's codebook for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Written completely or not at all; an existing file is replaced.
    map_ : Map, fitted estimator or Record
        The prototypes of a map of a table are written as encoded.

    Raises
    ------
    InputError
        For a map on a graph.

    Warns
    -----
    SomscapeWarning
        For a hexagonal map, which the file cannot tell from a rectangular one.

    See Also
    --------
    read_wts, write_umx, write_bm

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, lattice="rectangular", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_wts(f"{folder}/map.wts", som)
    ...     found = save.read_wts(f"{folder}/map.wts")
    >>> found.header["lattice"]
    {'n_rows': 1, 'n_cols': 2, 'kind': 'rectangular', 'boundary': 'torus'}
    """
    record = record_of(map_)
    n_rows, n_cols = _rectangle(record)
    codebook = codebook_of(record)
    if record.header["lattice"]["kind"] == "hexagonal":
        warnings.warn(
            "a .wts file cannot say that this map is hexagonal; ESOM Tools will take it as "
            "rectangular.",
            SomscapeWarning,
            stacklevel=2,
        )
    header = [f"% {n_rows} {n_cols}", f"% {codebook.shape[1]}"]
    write_lines(path, [*header, *(numbers_text(prototype, "\t") for prototype in codebook)])


def read_umx(path: str | Path) -> Float64s:
    """Read the heights of a map of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.umx`` file.

    Returns
    -------
    ndarray of shape (n_rows, n_cols)

    Raises
    ------
    InputError
        If the file is not of this form; the message names line and field.

    See Also
    --------
    write_umx, somscape.Map.u_heights

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_umx(f"{folder}/map.umx", som)
    ...     heights = save.read_umx(f"{folder}/map.umx")
    >>> heights.shape
    (1, 2)
    """
    head, lines = header_and_lines(path, 1)
    n_rows, n_cols = size_of(head[0])
    rows = Rows(n_cols, lines.budget)
    for line in body(lines):
        if len(rows) == n_rows:
            raise line.error(f"more rows than the {n_rows} of line {head[0].number}.")
        rows.add(line.numbers(fields_of(line, n_cols), may_miss=False))
        lines.fill(rows, n_rows)
    check_number(head[0], n_rows, len(rows), "rows")
    return rows.to_numpy()


def write_umx(path: str | Path, map_: Any) -> None:
    """Write the U-matrix of a map for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Written completely or not at all; an existing file is replaced.
    map_ : Map, fitted estimator, Record or array-like of shape (n_rows, n_cols)
        For a map, the mean distance of each prototype to its neighbors' is written, as
        `Map.u_heights`.

    Raises
    ------
    InputError
        For a map on a graph, or heights that are not finite.

    See Also
    --------
    read_umx, somscape.Map.u_heights

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_umx(f"{folder}/map.umx", [[1.0, 2.0], [3.0, 4.0]])
    ...     print(save.read_umx(f"{folder}/map.umx"))
    [[1. 2.]
     [3. 4.]]
    """
    if hasattr(map_, "to_record") or hasattr(map_, "map_") or isinstance(map_, Record):
        heights = _heights(record_of(map_))
    else:
        heights = np.asarray(map_, np.float64)
    if heights.ndim != 2 or not np.isfinite(heights).all():
        raise InputError("heights must be finite numbers, of shape (n_rows, n_cols).")
    size = f"% {heights.shape[0]} {heights.shape[1]}"
    write_lines(path, [size, *(numbers_text(row, "\t") for row in heights)])


def _hits(path: str | Path, n_rows: int, n_cols: int) -> Float64s:
    matches = read_bm(path)
    if (matches.n_rows, matches.n_cols) != (n_rows, n_cols):
        raise InputError(
            f"{Path(path).name} is of a map of {matches.n_rows} x {matches.n_cols} units, but the "
            f"weights are of {n_rows} x {n_cols}."
        )
    return np.bincount(matches.units, minlength=n_rows * n_cols).astype(np.float64)


def _rectangle(record: Record) -> tuple[int, int]:
    lattice = record.header["lattice"]
    if lattice["kind"] == "graph":
        raise InputError("ESOM Tools support only maps of rows and columns; got a map on a graph.")
    return lattice["n_rows"], lattice["n_cols"]


def _heights(record: Record) -> Float64s:
    size = _rectangle(record)
    codebook = codebook_of(record)
    neighbors = lattice_of(record.header["lattice"], record.arrays, len(codebook)).neighbors
    metric = Metric.from_arrays(record.header["metric"], record.arrays, codebook.shape[1])
    return metric.mean_to_neighbors(codebook, neighbors).reshape(size)
