"""Which engine holds the data: found by the name of its type, so that none is imported."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from somscape.fit import Pieces

HOLDERS = {
    ("dask", "DataFrame"): "_dask",
    ("dask", "Array"): "_dask",
    ("dask_expr", "DataFrame"): "_dask",
    ("pyspark", "DataFrame"): "_spark",
    ("ray", "Dataset"): "_ray",
    ("ray", "MaterializedDataset"): "_ray",
}
"""The file for each library's types."""


def pieces_of(X: Any) -> Any:
    """Return a collection of Dask, Spark or Ray as its pieces, and anything else as it is.

    Parameters
    ----------
    X : object

    Returns
    -------
    Pieces or object
    """
    engine = _engine_of(X)
    if engine == "_dask":
        from somscape.engines._dask import DaskPieces

        return DaskPieces(X)
    if engine == "_spark":
        from somscape.engines._spark import SparkPieces

        return SparkPieces(X)
    if engine == "_ray":
        from somscape.engines._ray import RayPieces

        return RayPieces(X)
    return X


def answers(X: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a function's answers to the rows of a collection, computed when somebody asks.

    Parameters
    ----------
    X : object
    function : callable
        From a piece's data to an array of one value a row.
    name : str
        Of the values, where columns have names.
    dtype : numpy dtype

    Returns
    -------
    object
        A collection of the same kind: of Dask a series or an array, of Spark and Ray the rows with
        one more column.  None if X is no collection of theirs.
    """
    engine = _engine_of(X)
    if engine is None:
        return None
    return import_module(f"somscape.engines.{engine}").answer(X, function, name, dtype)


def _engine_of(X: Any) -> str | None:
    if isinstance(X, Pieces):
        return None
    kind = type(X)
    return HOLDERS.get((kind.__module__.split(".")[0], kind.__name__))
