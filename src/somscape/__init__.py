"""Self-organizing maps: train, look, find which rows are unusual and why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from somscape._version import __version__

if TYPE_CHECKING:
    from somscape.estimators import (
        SOM,
        SOMClassifier,
        SOMDetector,
        SOMImputer,
        SOMRegions,
        SOMRegressor,
        TableEncoder,
    )
    from somscape.grid import Graph, Lattice
    from somscape.maps import Map
    from somscape.outliers import Detector
    from somscape.save import load

# Where each public name lives; a name is imported when it is first used, so that
# `import somscape` costs next to nothing.
_HOMES = {
    "SOM": "somscape.estimators",
    "SOMClassifier": "somscape.estimators",
    "SOMDetector": "somscape.estimators",
    "SOMImputer": "somscape.estimators",
    "SOMRegions": "somscape.estimators",
    "SOMRegressor": "somscape.estimators",
    "TableEncoder": "somscape.estimators",
    "Graph": "somscape.grid",
    "Lattice": "somscape.grid",
    "Map": "somscape.maps",
    "Detector": "somscape.outliers",
    "load": "somscape.save",
}
_MODULES = (
    "callbacks",
    "changes",
    "datasets",
    "errors",
    "fit",
    "grid",
    "kernels",
    "maps",
    "measures",
    "minisom",
    "outliers",
    "paths",
    "plots",
    "pyod",
    "recognize",
    "regions",
    "report",
    "save",
    "tables",
)

__all__ = [
    "SOM",
    "Detector",
    "Graph",
    "Lattice",
    "Map",
    "SOMClassifier",
    "SOMDetector",
    "SOMImputer",
    "SOMRegions",
    "SOMRegressor",
    "TableEncoder",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"somscape.{name}")
    raise AttributeError(f"module 'somscape' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
