"""The order of rows on a map without a detector."""

import numpy as np

from somscape.errors import InputError
from somscape.kernels import stable_order
from somscape.maps import Map
from somscape.outliers import Alerts, ids_of
from somscape.tables import Table


def by_distance(map_: Map, table: Table) -> Alerts:
    """Rank rows by the distance to their prototype; none of them is an alert."""
    found, apart = map_.nearest(table)
    units, distances = found[:, 0], apart[:, 0]
    if np.isnan(distances).any():
        row = int(np.isnan(distances).argmax())
        raise InputError(
            f"{table.where(row)} has no value in any column of this map, so it has no place on the "
            "map. Leave the row out."
        )
    order = stable_order(-distances)
    id_name, ids = ids_of(map_, table)
    return Alerts(
        id_name,
        ids.take(order),
        order,
        distances[order],
        np.full(len(order), np.nan),
        units[order],
        [],
        0,
        np.zeros(len(order), dtype=bool),
        0.0,
    )
