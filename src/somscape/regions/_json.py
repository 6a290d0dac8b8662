"""Regions as JSON data, which a page saves and Python reads."""

import hashlib
import warnings
from typing import Any

import numpy as np

from somscape.errors import InputError, SomscapeWarning
from somscape.maps import KeptRegions, Map

SCHEMA = "somscape-regions"
VERSION = 1


def to_json(regions: Any) -> dict[str, Any]:
    """Return what is in a file of regions."""
    return {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "map": fingerprint(regions.map_),
        "labels": regions.labels.tolist(),
        "names": list(regions.names),
        "colors": list(regions.colors),
    }


def fingerprint(map_: Map) -> str:
    """Return what tells the prototypes of a map from those of another."""
    return hashlib.sha256(map_.codebook.tobytes()).hexdigest()[:16]


def of_json(data: Any, map_: Map) -> KeptRegions:
    """Return the regions of JSON data, with a warning if they are those of another map."""
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
    kept = KeptRegions(np.array(labels), tuple(names), tuple(colors))
    kept.check(map_.n_units)
    if data.get("map") not in (None, fingerprint(map_)):
        warnings.warn(
            "these regions were made on another map, or before training went on: they may lie on "
            "other rows here. `regions.carry_names` brings names from one map to another.",
            SomscapeWarning,
            stacklevel=4,
        )
    return kept
