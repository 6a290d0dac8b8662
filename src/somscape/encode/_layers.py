"""Layers: columns that are scaled together, so that each layer counts as much as any other.

The squared distance of two rows is the sum of those of its layers, each divided by what it is on
average and multiplied by the layer's weight: for Euclidean distances that is a factor of the
layer's features (the layers of Wehrens and Kruisselbrink 2018).
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats
from somscape.encode._codes import UnusedColumn
from somscape.encode._encoding import ColumnCode, Encoding, FeatureCode, sources_of
from somscape.encode._kinds import Roles
from somscape.encode._names import lacking
from somscape.encode._ordered import DateCode
from somscape.errors import InputError
from somscape.tables import Table, listed

FLAT = 1e-18
"""A mean squared difference of rounding alone: features span 1 over their usual range."""

NOT_ASKED = "in a layer that was not asked for"
"""Why a column is left out of an encoding of some layers."""


def with_layers(encoding: Encoding, table: Table, counts: Float64s | None) -> Encoding:
    """Return an encoding whose layers, if its roles name some, count as they say."""
    roles = encoding.roles
    _check_weights(roles)
    if not roles.layers:
        return encoding
    layer = _layer_by_column(encoding, roles.layers)
    parts = (p for p in encoding.parts if len({layer[name] for name in p.sources}) == 1)
    encoding = replace(encoding, parts=tuple(parts))
    squares = _mean_squares(encoding.to_learn(encoding.encode(table)), counts)
    by_code = encoding.sum_by_column(squares[None])[0].tolist()
    totals = dict.fromkeys(roles.layers, 0.0)
    for code, square in zip(encoding.features, by_code, strict=True):
        totals[layer[sources_of(code)[0]]] += square
    for name, total in totals.items():
        if not FLAT < total < np.inf:
            said = "varies more than a float can hold" if total > FLAT else "does not vary"
            raise InputError(
                f"layer '{name}' {said} in {table.source} ({listed(roles.layers[name])}). Leave "
                "the layer and its columns out, or correct them."
            )
    weights = {name: roles.layer_weights.get(name, 1.0) for name in totals}
    # To float32: the last bits of a sum depend on the order of the rows.
    factors = {n: float(np.float32(np.sqrt(weights[n] / total))) for n, total in totals.items()}
    return replace(
        encoding,
        columns=tuple(
            c if isinstance(c, UnusedColumn) else _times(c, factors[layer[c.name]])
            for c in encoding.columns
        ),
        parts=tuple(_times(c, factors[layer[c.sources[0]]]) for c in encoding.parts),
    )


def _check_weights(roles: Roles) -> None:
    unknown = [name for name in roles.layer_weights if name not in roles.layers]
    if unknown:
        there = f"the layers are {listed(roles.layers)}" if roles.layers else "there are no layers"
        raise InputError(
            f"`layer_weights` has a weight of '{unknown[0]}', and {there}. Name one of `layers`."
        )


def _layer_by_column(encoding: Encoding, layers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the layer of each column that is in one, checked."""
    layer: dict[str, str] = {}
    why = {code.name: code.why for code in encoding.columns}
    used = {code.name for code in encoding.used}
    for name, columns in layers.items():
        absent = [column for column in columns if column not in why]
        if absent:
            raise InputError(
                f"layer '{name}' names columns that are not there: "
                f"{lacking(absent, list(why), columns)}. Name columns of the data."
            )
        for column in columns:
            if layer.setdefault(column, name) != name:
                raise InputError(
                    f"column '{column}' is in two layers, '{layer[column]}' and '{name}'. Keep it "
                    "in one."
                )
        if not used.intersection(columns):
            left = "".join(f" ('{column}': {why[column]})" for column in columns[:1])
            raise InputError(
                f"layer '{name}' has no column to use{left}. Give it one, or leave the layer out."
            )
    outside = [code.name for code in encoding.used if code.name not in layer]
    if outside:
        raise InputError(
            f"{listed(outside)}: in no layer. Put each column into one, or into `drop`.",
            options=f"--drop {shlex.quote(outside[0])}",
        )
    return layer


def _mean_squares(rows: Floats, counts: Float64s | None) -> Float64s:
    """Return by feature the mean squared difference of two rows drawn at random."""
    squares = np.zeros(rows.shape[1])
    for j in range(rows.shape[1]):
        is_there = ~np.isnan(rows[:, j])
        values, own = rows[is_there, j], None if counts is None else counts[is_there]
        if len(values):
            with np.errstate(over="ignore", invalid="ignore"):
                apart = values - np.average(values, weights=own)
                squares[j] = 2 * np.average(apart**2, weights=own)
    return squares


def _times(code: Any, factor: float) -> Any:
    """Return the code of a column with its features times a factor."""
    if isinstance(code, DateCode):
        return replace(code, number=replace(code.number, factor=factor))
    return replace(code, factor=factor)


def checked_layers(encoding: Encoding, names: str | Iterable[str]) -> list[str]:
    """Return names of some layers of an encoding, each once."""
    layers = encoding.roles.layers
    if not isinstance(names, str | Iterable) or isinstance(names, bytes):
        raise InputError(f"layers are asked for by name, or by a list of names; got {names!r:.60}.")
    found = list(dict.fromkeys([names] if isinstance(names, str) else names))
    if not layers:
        raise InputError(
            "this map has no layers. Train it with an `encoder` that has some: "
            "TableEncoder(layers={'name': ['column']})."
        )
    unknown = [name for name in found if name not in layers]
    if unknown or not found:
        said = f"no layer {unknown[0]!r}" if unknown else "no layer was named"
        raise InputError(f"{said}; this map has {listed(layers)}. Name one of them or several.")
    _layer_by_column(encoding, layers)  # a file may say anything
    return found


def in_layers(encoding: Encoding, names: Iterable[str]) -> NDArray[np.bool_]:
    """Return which encoded features are in some layers."""
    columns = {column for name in names for column in encoding.roles.layers[name]}
    is_in = [sources_of(code)[0] in columns for code in encoding.features]
    return np.repeat(is_in, [code.n_features for code in encoding.features])


def of_layers(encoding: Encoding, names: Iterable[str]) -> Encoding:
    """Return the encoding of some layers alone, which needs no columns of the others."""
    roles, names = encoding.roles, set(names)
    columns = {column for name in names for column in roles.layers[name]}

    def is_in(code: ColumnCode | FeatureCode) -> bool:
        return isinstance(code, UnusedColumn) or columns.issuperset(sources_of(code))

    return replace(
        encoding,
        columns=tuple(
            c if is_in(c) else UnusedColumn(c.name, NOT_ASKED, "dropped") for c in encoding.columns
        ),
        parts=tuple(part for part in encoding.parts if is_in(part)),
        roles=replace(
            roles,
            layers={n: found for n, found in roles.layers.items() if n in names},
            layer_weights={n: w for n, w in roles.layer_weights.items() if n in names},
        ),
    )
