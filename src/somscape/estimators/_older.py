"""Estimators that were pickled by an older release: their state in today's terms."""

import warnings
from typing import Any

import numpy as np

from somscape.callbacks import TimeLimit
from somscape.encode import CategoryCode, Encoding, NumberCode, OrdinalCode
from somscape.errors import SomscapeWarning
from somscape.estimators._base import Base
from somscape.estimators._form import Form
from somscape.estimators._prepare import set_names
from somscape.estimators._table_encoder import TableEncoder
from somscape.grid import Lattice
from somscape.tables import Column, Table

KINDS = ("dropped", "category", "number", "date")

RADIUS_OF_DETAIL = {"smooth": 1.0, "sharp": 0.5}
"""Final radius in grid steps that `detail` chose; "balanced" is what "auto" chooses today."""

LOST = {"winner": "nearest", "order": "random", "half_life": None}
"""Parameters of a SOM that no longer exist, with the value that changed nothing."""


class Estimator(Base):
    """A base that converts the state of an older pickle."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "learning_rate" in self._get_param_names():  # a SOM, or a user's subclass of it
            state = _som_of_today(state)
        super().__setstate__(_with_encoder(state))


def _som_of_today(state: dict[str, Any]) -> dict[str, Any]:
    """Return a SOM's state with today's parameters; warn of what they cannot express."""
    state = dict(state)
    lost = {}
    for name, default in LOST.items():
        value = state.pop(name, default)
        if not (value is default or (isinstance(value, str) and value == default)):
            lost[name] = value
    if state.get("algorithm") == "minibatch":
        lost["algorithm"] = state.pop("algorithm")
    rates = [state.pop(name, None) for name in ("rate_start", "rate_end", "rate_decay")]
    if rates[0] is not None:
        is_constant = isinstance(rates[2], str) and rates[2] == "constant"
        state["learning_rate"] = rates[0] if is_constant else (rates[0], rates[1])
        if not (is_constant or (isinstance(rates[2], str) and rates[2] == "geometric")):
            lost["rate_decay"] = rates[2]
    seconds = state.pop("max_time", None)
    if seconds is not None:
        state["callbacks"] = (*state["callbacks"], TimeLimit(seconds))
    detail = state.pop("detail", None)
    if detail in RADIUS_OF_DETAIL and state["radius_end"] == "auto":
        step = state["lattice"].step if isinstance(state["lattice"], Lattice) else 1.0
        radius = RADIUS_OF_DETAIL[detail] * step
        start = state["radius_start"]
        state["radius_end"] = radius if isinstance(start, str) else min(radius, start)
    if lost:
        named = ", ".join(f"{name}={value!r:.80}" for name, value in lost.items())
        warnings.warn(
            f"this SOM was saved with {named}, which somscape no longer supports. Its map answers "
            "as before; a new `fit` uses today's defaults.",
            SomscapeWarning,
            stacklevel=3,
        )
    return state


def imputer_of_older(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a SOMImputer, whose ``deviation_`` was called ``spread_`` before."""
    return {"deviation_" if name == "spread_" else name: value for name, value in state.items()}


def _with_encoder(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state with ``encoder`` for ``encoding``, an `Encoding` or None for "auto"."""
    if "encoding" not in state:
        return state
    state = dict(state)
    encoding = state.pop("encoding")
    if encoding is not None:
        state |= {"encoder": _encoder_with(encoding), "missing": encoding.missing}
    return state


def _encoder_with(encoding: Encoding) -> TableEncoder:
    """Return a fitted encoder with an encoding."""
    columns = encoding.columns
    of_kind = {kind: [c.name for c in columns if c.kind == kind] for kind in KINDS}
    encoder = TableEncoder(
        id=encoding.named("id"),
        label=encoding.named("label"),
        drop=of_kind["dropped"],
        categories=of_kind["category"],
        numbers=of_kind["number"],
        ordinals={c.name: list(c.levels) for c in columns if isinstance(c, OrdinalCode)},
        dates=of_kind["date"],
        missing=encoding.missing,
        max_levels=None,
    )
    encoder.encoding_ = encoding
    set_names(encoder, [c.name for c in columns])
    encoder._form = _form_of(encoding)
    return encoder


def _form_of(encoding: Encoding) -> Form:
    """Return a form for an encoding alone, when nothing else of the table is known."""
    names = tuple(code.name for code in encoding.columns)
    empty = Table(tuple(Column(name, np.empty(0, object)) for name in names), "table")
    types: dict[str, type] = {}
    values: dict[str, dict[str, Any]] = {}
    for code in encoding.features:
        types[code.name] = str
        if isinstance(code, NumberCode):
            types[code.name] = int if code.is_whole else float
        elif isinstance(code, CategoryCode | OrdinalCode):
            values[code.name] = {level: level for level in code.levels}
    return Form(names, empty, types, values, {})
