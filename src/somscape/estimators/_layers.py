"""Layers as a user gives them: columns by name, by number or as a slice."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from somscape.encode import is_layer_weight
from somscape.errors import InputError


def check_layers(layers: Any, layer_weights: Any) -> None:
    """Raise unless `layers` and `layer_weights` have the types that they may have."""
    for parameter, given in (("layers", layers), ("layer_weights", layer_weights)):
        names = {} if given is None else given
        if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
            raise TypeError(
                f"`{parameter}` must be a dict whose keys are names of layers; got {_shown(given)}."
            )
    for name, columns in (layers or {}).items():
        if not _are_columns(columns):
            raise TypeError(
                f"layer '{name}' must be a list of columns, by name or by number, or a slice of "
                f"numbers; got {_shown(columns)}. Write ['name'] for one."
            )
    for name, weight in (layer_weights or {}).items():
        if not is_layer_weight(weight):
            raise InputError(
                f"`layer_weights` must be numbers from 1e-9 to 1e9; got {weight!r:.40} for "
                f"'{name}'. To leave a layer out, leave out its columns."
            )


def _shown(value: Any) -> str:
    return f"{' '.join(repr(value).split()):.80}"


def _are_columns(columns: Any) -> bool:
    if isinstance(columns, slice):
        ends = columns.start, columns.stop, columns.step
        return columns.step != 0 and all(end is None or _is_number(end) for end in ends)
    if isinstance(columns, str | bytes | Iterator) or not isinstance(columns, Iterable):
        return False
    return all(isinstance(c, str) or _is_number(c) for c in columns)


def _is_number(column: Any) -> bool:
    return hasattr(column, "__index__") and not isinstance(column, bool)


def named_layers(layers: Any, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of layers."""
    found = {}
    for layer, given in (layers or {}).items():
        columns = (
            names[given] if isinstance(given, slice) else [_name(layer, c, names) for c in given]
        )
        if not columns:
            raise InputError(
                f"layer '{layer}' has no column; got {given!r:.40} of {len(names)} columns. Give "
                "it one, or leave the layer out."
            )
        found[layer] = tuple(columns)
    return found


def _name(layer: str, column: Any, names: Sequence[str]) -> str:
    if isinstance(column, str):
        return column
    number = operator.index(column)
    if not names:
        raise InputError(
            f"layer '{layer}' has columns by number, and no data were seen. Fit first, or give "
            "names."
        )
    if str(number) in names and names.index(str(number)) != number % len(names):
        raise InputError(
            f"layer '{layer}' has the column {number}, and a column of that name is not the one "
            f"of that number, '{names[number % len(names)]}'. Give the name as text: '{number}'."
        )
    if not -len(names) <= number < len(names):
        raise InputError(
            f"layer '{layer}' has column number {number}, and there are {len(names)} columns, from "
            "0. Give numbers below that, or names."
        )
    return names[number]
