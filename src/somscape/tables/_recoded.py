"""Encoded rows in another encoding, their cells as text, and the fewest columns to change."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape.errors import InputError
from somscape.kernels._select import select_kernels
from somscape.tables._messages import listed
from somscape.tables.codes import UNSEEN_LEVEL, CategoryCode, NumberCode, number_text
from somscape.tables.encoding import Encoding, FeatureCode, sources_of
from somscape.tables.ordered import (
    DAY_MICROSECONDS,
    MICROSECONDS,
    DateCode,
    LeveledCode,
    OrdinalCode,
    PartCode,
    SpanCode,
)
from somscape.tables.table import Table


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
                "with the same roles.",
                column=name,
            )
        if isinstance(code, OrdinalCode) and code.levels != getattr(b[name], "levels", None):
            raise InputError(
                f"the maps differ in the ordered levels of column {name!r}. Train both with the "
                "same roles.",
                column=name,
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
        return now.number.place(_microseconds(was, features) / MICROSECONDS[now.unit])[:, None]
    if isinstance(now, CategoryCode) and isinstance(was, CategoryCode):
        return _levels(features, was, now)
    if was is None and isinstance(now, SpanCode):
        start, end = (_microseconds(*parts[name]) for name in now.sources)
        return now.place((end - start) / DAY_MICROSECONDS)[:, None]
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


NO_CELL = "missing"
"""Stands for a cell without a value."""

DIGITS, MOST_DIGITS = 6, 9
"""Of a number that nobody wrote."""


def mark_of(table: Table, code: FeatureCode) -> str:
    """Return the decimal mark with which a table writes numbers of a column."""
    if not isinstance(code, NumberCode) or isinstance(code, PartCode):
        return "."
    return "," if "decimal comma" in table.column(code.name).style else "."


def value_shown(code: FeatureCode, table: Table, row: int, encoded: Floats) -> str:
    """Return what a row has in a feature column: its cell, or what its dates tell."""
    return values_shown(code, table, np.array([row]), encoded[None, :])[0]


def values_shown(code: FeatureCode, table: Table, rows: Ints, encoded: Floats) -> list[str]:
    """Return what rows have in a feature column: cells, or what dates tell."""
    columns = [table.column(name).take(rows) for name in sources_of(code)]
    if isinstance(code, DateCode | PartCode):
        pairs = zip(encoded, np.any([column.missing for column in columns], axis=0), strict=True)
        return [NO_CELL if gone else code.text(row) for row, gone in pairs]
    column = columns[0]
    texts = [NO_CELL if cell is None else cell for cell in column.each_cell()]
    if not isinstance(code, NumberCode) or column.numbers is None or not column.is_without_text:
        return texts
    both = zip(texts, column.numbers.tolist(), strict=True)
    return [text if text == NO_CELL else _shortened(text, number) for text, number in both]


def _shortened(text: str, number: float) -> str:
    is_short = sum(map(str.isdigit, text)) <= MOST_DIGITS
    return text if is_short else number_text(number, digits=DIGITS)


def cell_text(value: Any, mark: str) -> str:
    """Return a number, date or level of a column as text."""
    if not isinstance(value, float):
        return str(value)
    return number_text(value, digits=12).replace(".", mark)


MAX_CHANGES = 4
"""Most changes that are named as text."""

N_TARGETS = 8
"""Number of targets that a row is moved towards."""

RESOLUTION = 0.01
"""Numbers are rounded to this share of the range of the prototypes in their column."""


def rounding_steps(encoding: Encoding, prototypes: Float64s) -> list[float]:
    """Return how far rounding may move a number of each column, as encoded."""
    return [
        RESOLUTION * float(np.ptp(prototypes[:, place])) if code.n_features == 1 else 0.0
        for code, place in zip(encoding.features, encoding.slices, strict=True)
    ]


def fewest_changes(
    encoding: Encoding,
    rows: Float64s,
    targets: Float64s,
    is_reached: Callable[[Float64s], NDArray[np.bool_]],
) -> tuple[Float64s, list[list[int]]]:
    """Return rows with a few columns of a target, and those columns."""
    k = min(N_TARGETS, len(targets))
    near, _ = select_kernels().search(rows, targets, k)
    start, target = rows.repeat(k, axis=0), targets[near.ravel()]  # a row's ways lie together
    apart = encoding.sum_by_used((start - target) ** 2)
    order = np.argsort(-apart, axis=1, kind="stable")
    is_changed = np.zeros(apart.shape, dtype=bool)
    n_changed = np.zeros(len(start), dtype=np.intp)
    widths = [code.n_features for code in encoding.used]
    end = sum(widths)

    def at(ways: Ints) -> Float64s:
        rows = start[ways].copy()
        which = is_changed[ways].repeat(widths, axis=1)
        rows[:, :end] = np.where(which, target[ways, :end], rows[:, :end])
        return encoding.with_parts(rows, is_changed[ways])

    ways = np.arange(len(start))
    for n in range(apart.shape[1]):
        is_changed[ways, order[ways, n]] = True
        n_changed[ways[is_reached(at(ways))]] = n + 1
        # The first way of a row to succeed needs the fewest columns and ends its other ways.
        ways = np.flatnonzero(~(n_changed > 0).reshape(-1, k).any(axis=1).repeat(k))
        if not len(ways):
            break
    for n in range(n_changed.max() - 2, -1, -1):
        ways = np.flatnonzero(n_changed > n + 1)
        columns = order[ways, n]
        is_changed[ways, columns] = False
        is_changed[ways, columns] = ~is_reached(at(ways))
    # The fewest columns; among equal numbers, the least distance, a fraction of a column.
    moved = (apart * is_changed).sum(axis=1)
    cost = np.where(n_changed > 0, is_changed.sum(axis=1) + moved / (1 + moved), np.inf)
    best = cost.reshape(-1, k).argmin(axis=1) + k * np.arange(len(rows))
    return at(best), [[j for j in order[way] if is_changed[way, j]] for way in best]


def cells_of(
    encoding: Encoding, rows: Float64s, pairs: Sequence[tuple[int, int]], steps: Sequence[float]
) -> list[Any]:
    """Return cells of encoded rows, all of them possible, in original units."""
    values: list[Any] = []
    for i, j in pairs:
        code, part = encoding.features[j], rows[i : i + 1, encoding.slices[j]]
        if isinstance(code, LeveledCode):
            values.append(code.decode(part)[0])
        else:
            values.append(code.short(part, steps[j])[0])
    return values


def changes_text(changes: Sequence[Any]) -> str:
    """Return changes as text, the first ones by name."""
    parts = [str(change) for change in changes[:MAX_CHANGES]]
    n_more = len(changes) - len(parts)
    if n_more:
        parts.append(f"{n_more} more {'column' if n_more == 1 else 'columns'}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
