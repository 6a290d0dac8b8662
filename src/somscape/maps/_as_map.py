"""Get the map of an estimator or a detector, and change the encoding or unit order of a map."""

import os
from dataclasses import replace
from typing import Any

import numpy as np

from somscape._types import Floats, Ints
from somscape.errors import InputError, ParameterTypeError
from somscape.maps._joins import Joins
from somscape.maps.map import Map
from somscape.tables._frame import table_from_frame
from somscape.tables._recoded import in_words
from somscape.tables.sources import collected
from somscape.tables.table import Table, table_from_columns


def refusal_of(thing: Any, wanted: str, example: str, *marks: str) -> Exception:
    """Return the error for an argument that is not a map or a detector."""
    if isinstance(thing, str | os.PathLike):
        path = os.fspath(thing)
        return ParameterTypeError(
            f"The argument must be {wanted}, but is the name of a file. Load the file first with "
            f"somscape.load({path!r}).",
            value=path,
        )
    name = type(thing).__name__
    if hasattr(thing, "fit") and any(hasattr(thing, mark) for mark in marks):
        return InputError(f"This {name} is not fitted yet. Call `fit` first.", value=name)
    return ParameterTypeError(
        f"The argument must be {wanted}, for example {example}, but is of type {name}.", value=name
    )


def as_map(map_: Any) -> Map:
    """Return the argument if it is a map, or the map of a detector or a fitted estimator."""
    found = getattr(map_, "map_", map_)
    if not isinstance(found, Map):
        raise refusal_of(map_, "a Map", "`som.map_`", "save", "som")
    return found


def map_in_words(map_: Map) -> Map:
    """If a map contains a data dictionary, return the map with words instead of codes."""
    if not map_.encoding.roles.dictionary:
        return map_
    return replace(map_, encoding=in_words(map_.encoding), told=map_.joins)


def reordered(map_: Map, units: Ints) -> Map:
    """Return the map with its units reordered.  Its unit i is the earlier unit ``units[i]``."""
    told, kept = map_.told, map_.kept_regions
    return replace(
        map_,
        codebook=map_.codebook[units],
        hits=map_.hits[units],
        unit_labels=tuple(map_.unit_labels[unit] for unit in units) if map_.unit_labels else (),
        told=told.renumbered(np.argsort(units)) if isinstance(told, Joins) else told,
        kept_regions=None if kept is None else replace(kept, labels=kept.labels[units]),
    )


def table_and_rows(map_: Map, X: Any) -> tuple[Table, Floats]:
    """Return the data as a table with the columns of the map, and as encoded rows."""
    X = collected(X)
    if isinstance(X, Table) or hasattr(X, "columns"):
        table = X if isinstance(X, Table) else table_from_frame(X)
        return table, map_.rows_of(table)
    if not map_.encoding.is_plain:
        raise InputError(
            f"The map needs data with column names, but X is of type {type(X).__name__}. Pass a "
            "data frame, for example pandas.DataFrame(X, columns=[...]).",
            parameter="X",
            value=type(X).__name__,
        )
    rows = map_.rows_of(X)
    return table_from_columns(dict(zip(map_.encoding.feature_names, rows.T, strict=True))), rows
