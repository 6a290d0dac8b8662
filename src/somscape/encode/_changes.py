"""The fewest columns of a row to change, towards possible cells, until something is so."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.encode._date_parts import LeveledCode
from somscape.encode._encoding import Encoding
from somscape.kernels import select_kernels

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
