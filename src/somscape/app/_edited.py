"""Regions that were edited on the page: kept in a run's map and told anew in its report."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from somscape import regions, report
from somscape._files import whole
from somscape.app._results import read_report
from somscape.app._store import REPORT, RESULTS
from somscape.jobs import ready, roles_from
from somscape.maps import Map
from somscape.outliers import Detector
from somscape.save import load
from somscape.tables import Table

MAP = "map.som"


def keep_regions(
    table: Table, options: Mapping[str, Any], given: Any, folder: Path
) -> dict[str, Any]:
    """Have a run's map and report hold other regions."""
    results = folder / RESULTS
    detector = _detector(results)
    if options.get("per"):
        table = ready(table, roles_from(table, options)).table
    found = regions.from_json(given, detector.map_)
    data = report.with_regions(read_report(folder), found, map=detector, table=table)
    with whole(results) as making:
        shutil.copytree(results, making)
        regions.keep(detector, found).save(making / MAP)
        (making / REPORT).write_text(data.to_json(), encoding="utf-8")
    return {"n_regions": found.n_regions}


def carry_regions(detector: Detector, table: Table, before: Path | None) -> tuple[Detector, str]:
    """Return a detector with the regions that somebody edited in an earlier run."""
    if before is None or not (before / RESULTS / MAP).exists():
        return detector, ""
    then = _detector(before / RESULTS)
    own = regions.kept(then.map_)
    if own is None:
        return detector, ""
    if _is_same(detector.map_, then.map_):
        return regions.keep(detector, regions.from_json(own.to_json(), detector.map_)), (
            "The regions are those that were edited in the run before."
        )
    found = regions.carry_names(own, regions.find_regions(detector.map_), X=table)
    return regions.keep(detector, found), (
        "The map is not that of the run before, so its regions were found anew; names and colors "
        "came over where they have at least half of their rows in common."
    )


def _is_same(one: Map, other: Map) -> bool:
    names = [map_.encoding.feature_names for map_ in (one, other)]
    return names[0] == names[1] and np.array_equal(one.codebook, other.codebook)


def _detector(results: Path) -> Detector:
    found = load(results / MAP)
    assert isinstance(found, Detector)
    return found
