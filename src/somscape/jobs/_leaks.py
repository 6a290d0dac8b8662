"""Columns that alone give the target away, as a copy of it or what was written down later."""

import numpy as np

from somscape._types import Float64s, Ints
from somscape.encode import Encoding
from somscape.jobs._target import Target

MAX_ROWS = 5_000
"""Rows that tell, evenly spaced."""

MIN_ROWS = 30
MAX_WRONG = 0.01
"""Share of rows that such a column may name wrongly."""

MAX_LEFT = 0.1
"""Share that such a column may leave of what is named wrongly without any."""


def leaks_of(encoding: Encoding, rows: Float64s, target: Target) -> dict[str, float]:
    """Return the columns that alone predict a target nearly perfectly."""
    some = slice(None, None, -(-len(rows) // MAX_ROWS))
    rows = rows[some]
    if len(rows) < MIN_ROWS:
        return {}
    y = target.part(some).to_tell()
    centered = y - y.mean(axis=0)
    least = _wrong(np.zeros_like(y) + y.mean(axis=0), y)
    found = {}
    for code, features in zip(encoding.features, encoding.slices, strict=True):
        wrong = _wrong(_by_others(rows[:, features], centered) + y.mean(axis=0), y)
        if wrong <= min(MAX_WRONG, MAX_LEFT * least):
            found[code.name] = 1 - wrong
    return found


def _wrong(found: Float64s, y: Float64s) -> float:
    """Return the share of rows of another class, or of the variance that is left."""
    if y.shape[1] > 1:
        return float((found.argmax(axis=1) != y.argmax(axis=1)).mean())
    variance = float(y.var())
    return float(((found - y) ** 2).mean() / variance) if variance > 0 else 0.0


def _by_others(values: Float64s, y: Float64s) -> Float64s:
    """Return the mean of y of other rows with the same value; of none, those of the next value."""
    kinds, group = np.unique(values, axis=0, return_inverse=True)
    group = group.ravel()
    n = np.bincount(group).astype(np.float64)
    sums = np.stack([np.bincount(group, column, minlength=len(n)) for column in y.T], axis=1)
    of_others, n_others = sums[group] - y, n[group] - 1
    if values.shape[1] == 1 and len(n) > 1:
        is_alone = n_others == 0
        nearest = _nearest(kinds[:, 0])[group[is_alone]]
        of_others[is_alone], n_others[is_alone] = sums[nearest], n[nearest]
    return np.asarray(of_others / np.maximum(n_others, 1)[:, None])


def _nearest(values: Float64s) -> Ints:
    """Return the place of the value nearest to each one, of ascending values."""
    gaps = np.concatenate([[np.inf], np.diff(values), [np.inf]])
    return np.asarray(np.arange(len(values)) + np.where(gaps[:-1] <= gaps[1:], -1, 1))
