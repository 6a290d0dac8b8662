"""Regions as JSON data, which a page saves and Python reads."""

from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.maps import KeptRegions

SCHEMA = "somscape-regions"
VERSION = 1


def to_json(regions: Any) -> dict[str, Any]:
    """Return what is in a file of regions.

    Parameters
    ----------
    regions : Regions or KeptRegions

    Returns
    -------
    dict
        ``schema``, ``schema_version``, ``labels`` by unit, ``names`` and ``colors`` by region.
    """
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "labels": regions.labels.tolist(),
        "names": list(regions.names),
        "colors": list(regions.colors),
    }


def of_json(data: Any) -> KeptRegions:
    """Return the regions of JSON data.

    Parameters
    ----------
    data : dict
        From `to_json`.

    Returns
    -------
    KeptRegions

    Raises
    ------
    InputError
        For data that are no regions.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(f'these are no regions: they lack "schema": "{SCHEMA}".')
    if data.get("schema_version") != VERSION:
        raise InputError(
            f"these are regions of schema version {data.get('schema_version')!r}; this somscape "
            f"reads version {VERSION}. Take a newer somscape."
        )
    labels, names, colors = (data.get(part, []) for part in ("labels", "names", "colors"))
    if not all(isinstance(part, list) for part in (labels, names, colors)):
        raise InputError('"labels", "names" and "colors" of regions must be lists.')
    if not labels or not all(type(label) is int and abs(label) < 2**31 for label in labels):
        raise InputError('"labels" of regions must be one whole number for each unit.')
    return KeptRegions(np.array(labels), tuple(names), tuple(colors))
