"""Estimators that were pickled by an older release: what their state says otherwise."""

from typing import Any

import numpy as np

from somscape.encode import CategoryCode, Encoding, NumberCode, OrdinalCode
from somscape.estimators._base import Base
from somscape.estimators._form import Form
from somscape.estimators._prepare import set_names
from somscape.estimators._table_encoder import TableEncoder
from somscape.tables import Column, Table

KINDS = ("dropped", "category", "number", "date")


class Estimator(Base):
    """A base that renews the state of an older pickle."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(_with_encoder(state))


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
    """Return a fitted encoder that has an encoding."""
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
    """Return the form of a table that was encoded so, of which nothing else is left."""
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
