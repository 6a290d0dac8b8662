"""Self-organizing maps that group the rows of a table, find unusual rows and explain them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from somscape._validate import unknown_name
from somscape._version import __version__

if TYPE_CHECKING:
    from somscape.estimators import (
        SOM,
        SOMClassifier,
        SOMClusterer,
        SOMDetector,
        SOMImputer,
        SOMRegressor,
        TableEncoder,
    )
    from somscape.grid import Graph, Lattice
    from somscape.maps import Map
    from somscape.outliers import Detector
    from somscape.save import load

# Folder of each public name.  Names are imported at their first use, so `import somscape` is fast.
_NAMES = {
    "estimators": "SOM SOMClassifier SOMClusterer SOMDetector SOMImputer SOMRegressor TableEncoder",
    "grid": "Graph Lattice",
    "maps": "Map",
    "outliers": "Detector",
    "save": "load",
}
_HOMES = {name: folder for folder, names in _NAMES.items() for name in names.split()}

__all__ = [
    "SOM", "Detector", "Graph", "Lattice", "Map", "SOMClassifier", "SOMClusterer", "SOMDetector",
    "SOMImputer", "SOMRegressor", "TableEncoder", "__version__", "load",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"somscape.{_HOMES[name]}"), name)
    if name in _modules():
        return import_module(f"somscape.{name}")
    return unknown_name("somscape", 2)(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_modules()})


def _modules() -> set[str]:
    """Return the names of the public modules."""
    names = {module.name for module in iter_modules(__path__) if module.name[0] != "_"}
    return names - {"desk", "engines", "estimators"}
