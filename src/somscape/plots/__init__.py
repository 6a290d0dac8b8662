"""Pictures of a map, drawn with matplotlib without its global state.

Importing this folder does not import matplotlib; the first picture does.
"""

from somscape.plots._confusion_map import confusion_map
from somscape.plots._correlations import correlations
from somscape.plots._dendrogram import dendrogram
from somscape.plots._difference import difference
from somscape.plots._display import Display
from somscape.plots._hits import hits
from somscape.plots._images import images
from somscape.plots._labels import labels
from somscape.plots._majority import majority
from somscape.plots._net import net
from somscape.plots._order import ordered_columns, relevance
from somscape.plots._paths import paths
from somscape.plots._planes import planes
from somscape.plots._profiles import profiles
from somscape.plots._quality import quality
from somscape.plots._regions import regions
from somscape.plots._response import response
from somscape.plots._shown import ColumnPlane, column_plane
from somscape.plots._spanning_tree import spanning_tree
from somscape.plots._stability import stability
from somscape.plots._style import dark
from somscape.plots._trade_off import trade_off
from somscape.plots._training import training
from somscape.plots._umatrix import umatrix
from somscape.plots._values import values

__all__ = [
    "ColumnPlane",
    "Display",
    "column_plane",
    "confusion_map",
    "correlations",
    "dark",
    "dendrogram",
    "difference",
    "hits",
    "images",
    "labels",
    "majority",
    "net",
    "ordered_columns",
    "paths",
    "planes",
    "profiles",
    "quality",
    "regions",
    "relevance",
    "response",
    "spanning_tree",
    "stability",
    "trade_off",
    "training",
    "umatrix",
    "values",
]
