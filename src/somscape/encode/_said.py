"""What `Roles` say beside the columns, as plain data from a file: each value is checked."""

from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import Any, get_args, get_origin, get_type_hints

from somscape.encode._kinds import MISSING, OTHERS, WORDS, Roles

CHOICES = {"missing": MISSING, "others": OTHERS}

READING = ("delimiter", "decimal", "encoding", "sheet")
"""How a file may be read: parameters of `read_table` that are texts."""

MIN_LAYER_WEIGHT, MAX_LAYER_WEIGHT = 1e-9, 1e9
"""What a layer may count: between these, squares of all layers add up without loss of all."""

SETTINGS = {
    field.name: getattr(Roles(), field.name) for field in fields(Roles) if field.name not in WORDS
}
"""What roles say beside the columns, with the value of what is not said."""

SHAPES = {
    name: {get_origin(part) for part in (hint, *get_args(hint))}
    for name, hint in get_type_hints(Roles).items()
}
"""The types of which a value may be, where they hold others."""


def said_by(roles: Roles) -> dict[str, Any]:
    """Return what is said beside the columns."""
    said = {name: getattr(roles, name) for name in SETTINGS}
    return {name: value for name, value in said.items() if value != SETTINGS[name]}


def checked_settings(data: Any) -> dict[str, Any]:
    """Return plain data as parameters of `Roles`."""
    if not isinstance(data, dict):
        raise ValueError(f"no roles: {str(data)[:40]!r}")
    return {name: checked_setting(name, value) for name, value in data.items()}


def checked_setting(name: str, value: Any) -> Any:
    """Return a value as `Roles` has it."""
    if name not in SETTINGS:
        raise ValueError(f"roles have no part {name!r:.40}; the parts are {', '.join(SETTINGS)}")
    if name in CHOICES:
        is_allowed, allowed = value in CHOICES[name], " or ".join(f'"{c}"' for c in CHOICES[name])
    elif name == "dictionary":
        is_allowed = isinstance(value, dict) and all(map(_is_words, value.values()))
        allowed = "a table of columns with words for their codes"
    elif name == "layers":
        is_allowed = isinstance(value, dict) and all(map(_is_list, value.values()))
        allowed = "a table of lists of columns"
    elif name == "layer_weights":
        is_allowed = isinstance(value, dict) and all(map(is_layer_weight, value.values()))
        allowed = "a table of numbers from 1e-9 to 1e9"
    elif Mapping in SHAPES[name]:
        is_allowed, allowed = _is_table(value), "a table of texts"
    elif tuple in SHAPES[name]:
        is_allowed, allowed = _is_list(value), "a list of texts"
    else:
        is_allowed, allowed = isinstance(value, str), "a text in quotes"
    if not is_allowed:
        raise ValueError(f"{name} must be {allowed}; got {value!r:.60}")
    if name == "reading" and set(value) - set(READING):
        wrong = min(set(value) - set(READING))
        raise ValueError(f"reading has no {wrong!r:.40}; it may have {', '.join(READING)}")
    if isinstance(value, dict):
        value = {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()}
    value = tuple(value) if isinstance(value, list) else value
    Roles(**{name: value})  # which may refuse it
    return value


def is_layer_weight(value: Any) -> bool:
    """Return whether a value is a number that a layer may count."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and MIN_LAYER_WEIGHT <= value <= MAX_LAYER_WEIGHT


def _is_words(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(text, str) or _is_list(text) for text in value.values()
    )
