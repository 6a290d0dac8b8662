"""What a fitted SOM answers about rows, wherever they lie."""

from typing import Any

from somscape.estimators._device import checked_on_device
from somscape.estimators._libraries import received
from somscape.estimators._prepare import data_for, rows_for
from somscape.kernels import DeviceArray


def units_of(som: Any, X: Any) -> Any:
    """Return the best matching unit of each row."""
    X, home = received(X)
    if isinstance(X, DeviceArray):
        return home.back(som.map_.winners_of_rows(checked_on_device(som, X)))
    return home.back(som.map_.winners(data_for(som, X)))


def distances_of(som: Any, X: Any) -> Any:
    """Return the distance of each row to every unit's prototype."""
    X, home = received(X)
    rows = checked_on_device(som, X) if isinstance(X, DeviceArray) else rows_for(som, X)
    return home.back(som.map_.metric.distances(rows, som.map_.codebook))
