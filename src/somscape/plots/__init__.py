"""Draw pictures of a map with matplotlib, without the global state of pyplot."""

from somscape.plots._cells import dark
from somscape.plots._classes import hits, labels, majority
from somscape.plots._planes import planes, umatrix, values
from somscape.plots._regions import dendrogram, difference, paths, regions
from somscape.plots.columns import ColumnPlane, column_plane, ordered_columns, relevance
from somscape.plots.display import Display

__all__ = [
    "ColumnPlane", "Display", "column_plane", "dark", "dendrogram", "difference", "hits", "labels",
    "majority", "ordered_columns", "paths", "planes", "regions", "relevance", "umatrix", "values",
]  # fmt: skip
