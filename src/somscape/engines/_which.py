"""Which engine holds the data: found by the name of its type, so that none is imported."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from somscape.fit.pieces import Pieces

HOLDERS = {
    ("dask", "DataFrame"): "Dask",
    ("dask", "Series"): "Dask",  # which is refused
    ("dask", "Array"): "Dask",
    ("pyspark", "DataFrame"): "Spark",
    ("ray", "Dataset"): "Ray",
    ("ray", "MaterializedDataset"): "Ray",
}
"""Which engine a type belongs to, by its library and its name."""


def pieces_of(X: Any) -> Any:
    """Return a collection of Dask, Spark or Ray as pieces, other data as they are."""
    engine = _engine_of(X)
    return X if engine is None else engine.Partitions(X)


def answers(X: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a function's answers to a collection, computed when somebody asks."""
    engine = _engine_of(X)
    return None if engine is None else engine.answer(X, function, name, dtype)


def _engine_of(X: Any) -> ModuleType | None:
    """Return the file for the engine that holds the data, or None."""
    kind = type(X)
    engine = HOLDERS.get((kind.__module__.split(".")[0], kind.__name__))
    if engine is None or isinstance(X, Pieces):
        return None
    if engine == "Dask":
        from somscape.engines import _dask

        return _dask
    if engine == "Spark":
        from somscape.engines import _spark

        return _spark
    from somscape.engines import _ray

    return _ray
