"""Find out if Dask or Spark made a collection, without importing these libraries."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from somscape.fit.pieces import Pieces

HOLDERS = {
    ("dask", "DataFrame"): "Dask",
    ("dask", "Series"): "Dask",  # refused later
    ("dask", "Array"): "Dask",
    ("pyspark", "DataFrame"): "Spark",
}
"""Engines, by library and type name."""


def pieces_of(X: Any) -> Any:
    """Return the pieces of a collection of Dask or Spark, or None for other data."""
    engine = _engine_of(X)
    return None if engine is None else engine.Partitions(X)


def answers(X: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a function's lazy results for the rows of a collection, or None for other data."""
    engine = _engine_of(X)
    return None if engine is None else engine.answer(X, function, name, dtype)


def _engine_of(X: Any) -> ModuleType | None:
    """Return the module that reads a collection of Dask or Spark, or None for other data."""
    kind = type(X)
    engine = HOLDERS.get((kind.__module__.split(".")[0], kind.__name__))
    if engine is None or isinstance(X, Pieces):
        return None
    if engine == "Dask":
        from somscape.engines import _dask

        return _dask
    from somscape.engines import _spark

    return _spark
