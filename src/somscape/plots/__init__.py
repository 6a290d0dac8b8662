"""Draw pictures of a map with matplotlib, without the global state of pyplot."""

from somscape.plots._cells import dark
from somscape.plots._classes import confusion_map, hits, labels, majority
from somscape.plots._net import net, spanning_tree, trade_off, training
from somscape.plots._planes import (
    correlations,
    images,
    planes,
    profiles,
    quality,
    response,
    umatrix,
    values,
)
from somscape.plots._regions import dendrogram, difference, paths, regions, stability
from somscape.plots.columns import ColumnPlane, column_plane, ordered_columns, relevance
from somscape.plots.display import Display

__all__ = [
    "ColumnPlane", "Display", "column_plane", "confusion_map", "correlations", "dark", "dendrogram",
    "difference", "hits", "images", "labels", "majority", "net", "ordered_columns", "paths",
    "planes", "profiles", "quality", "regions", "relevance", "response", "spanning_tree",
    "stability", "trade_off", "training", "umatrix", "values",
]  # fmt: skip
