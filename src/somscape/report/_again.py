"""A report with other regions, without ranking its rows again."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.maps import as_map
from somscape.outliers import detector_in
from somscape.regions import Regions, given_or_found
from somscape.report._build import SCHEMA_VERSION
from somscape.report._counts import Counts
from somscape.report._labels import Labels
from somscape.report._page import Report
from somscape.report._planes import with_plane_of
from somscape.report._regions import regions_of
from somscape.report._sample import RowsInOrder
from somscape.report._subject import all_in_words, as_table


def with_regions(data: Mapping[str, Any], regions: Regions, *, map: Any, table: Any) -> Report:
    """Return a report with other regions, described anew.

    Parameters
    ----------
    data : mapping
        From `build`.
    regions : Regions
        Of the report's map.
    map : Detector, Map or fitted estimator
        What the report was made of.
    table : Table or data frame
        The rows that the report was made of.

    Returns
    -------
    Report
        All else is as it was.

    Raises
    ------
    InputError
        For regions of a map with another number of units, a report of another version of somscape,
        or a table with another number of rows.

    See Also
    --------
    build, somscape.regions.find_regions

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector, regions, report, tables
    >>> x = np.random.default_rng(0).normal(size=60)
    >>> table = tables.table_from_columns({"x": x, "y": x**2})
    >>> detector = SOMDetector(random_state=0).fit(table)
    >>> data = report.build(detector, table)
    >>> halves = regions.find_regions(detector, 2)
    >>> len(report.with_regions(data, halves, map=detector, table=table)["regions"])
    2
    """
    found = as_map(map), detector_in(map)
    map_, _, table, _ = all_in_words(*found, as_table(table), None)
    if data.get("schema_version") != SCHEMA_VERSION or "agreement" not in data:
        raise InputError(
            "`data` must be a report of this version of somscape; make it again by report.build."
        )
    if table.n_rows != data["n_rows"]:
        raise InputError(
            f"`table` must hold the {data['n_rows']} rows of the report; got {table.n_rows}."
        )
    regions = given_or_found(regions, map_)
    labels = Labels.of(map_, table, data["agreement"])
    counts, units = Counts.of_planes(data["planes"]), np.asarray(map_.winners(table))
    described = regions_of(regions, counts, units, RowsInOrder.of_table(map_, table), labels)
    planes = with_plane_of(regions, described, data["planes"])
    return Report({**data, "planes": planes, "regions": described})
