"""Rows of one encoding in another of the same columns, such as last month's."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.encode._codes import UNSEEN_LEVEL, CategoryCode, NumberCode
from somscape.encode._date_parts import DAY, SpanCode
from somscape.encode._encoding import Encoding, FeatureCode
from somscape.encode._ordered import MICROSECONDS, DateCode, OrdinalCode
from somscape.errors import InputError
from somscape.tables import listed


def recoded(rows: Float64s, was: Encoding, now: Encoding) -> Float64s:
    """Return encoded rows, or prototypes, as another encoding has them."""
    if was.is_plain and now.is_plain and not (was.is_named and now.is_named):
        if was.n_features != now.n_features:
            raise InputError(
                f"the maps have {was.n_features} and {now.n_features} columns; train both on the "
                "same ones."
            )
        return rows
    _check_columns(was, now)
    parts = {
        code.name: (code, rows[:, part])
        for code, part in zip(was.features, was.slices, strict=True)
    }
    made = [_feature(parts, code) for code in now.features]
    return np.ascontiguousarray(np.concatenate(made, axis=1))


def _check_columns(was: Encoding, now: Encoding) -> None:
    """Raise InputError for what only one of both encodings has, or has as another kind."""
    a, b = ({code.name: code for code in each.used} for each in (was, now))
    alone = [listed(_not_in(other, own)) for own, other in ((a, now), (b, was))]
    if any(alone):
        said = "one has {}, the other {}" if all(alone) else "only one of them has {}{}"
        raise InputError(
            f"the maps differ in their columns: {said.format(*alone)}. Train both on the same "
            "columns, with the same roles."
        )
    for name, code in a.items():
        if code.kind != b[name].kind:
            raise InputError(
                f"the maps differ in column {name!r}: {code.kind} and {b[name].kind}. Train both "
                "with the same roles."
            )
        if isinstance(code, OrdinalCode) and code.levels != getattr(b[name], "levels", None):
            raise InputError(
                f"the maps differ in the ordered levels of column {name!r}. Train both with the "
                "same roles."
            )


def _not_in(encoding: Encoding, names: Iterable[str]) -> list[str]:
    """Return names that are no used columns, and what they are instead."""
    used, why = {code.name for code in encoding.used}, {c.name: c.why for c in encoding.columns}
    return [
        name + (f" (in the other {why[name]})" if name in why else "")
        for name in names
        if name not in used
    ]


def _feature(parts: dict[str, tuple[FeatureCode, Float64s]], now: FeatureCode) -> Float64s:
    """Return one column, or what else dates tell, as the new encoding has it."""
    was, features = parts.get(now.name, (None, np.empty(0)))
    if was == now:
        return features
    if isinstance(now, NumberCode) and isinstance(was, NumberCode):
        return now.place(was.decode(features))[:, None]
    if isinstance(now, DateCode) and isinstance(was, DateCode):
        counts = _microseconds(was, features) / MICROSECONDS[now.unit]
        return now.number.place(counts)[:, None]
    if isinstance(now, CategoryCode) and isinstance(was, CategoryCode):
        return _levels(features, was, now)
    if was is None and isinstance(now, SpanCode):
        start, end = (_microseconds(*parts[name]) for name in now.sources)
        return now.place((end - start) / DAY)[:, None]
    if was is None:
        n_rows = len(next(iter(parts.values()))[1])
        return np.zeros((n_rows, now.n_features))
    return features * (now.factor / was.factor)


def _microseconds(code: Any, features: Float64s) -> Float64s:
    """Return moments since 1970, not rounded to the code's unit."""
    return np.asarray(code.number.decode(features) * MICROSECONDS[code.unit])


def _levels(features: Float64s, was: CategoryCode, now: CategoryCode) -> Float64s:
    place = {level: i for i, level in enumerate(now.levels)}
    out = np.zeros((len(features), now.n_features))
    for level, values in zip((*was.levels, UNSEEN_LEVEL), features.T, strict=True):
        out[:, place.get(level, len(now.levels))] += values
    return out * (now.factor / was.factor)
