"""How the answer of a library is graded: by one function in float64, whatever it computed with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from problems import Problem
from reference import block_starts, squared_distances

SAMPLE_ROWS = 20_000
"""Larger data are graded on so many rows, the same ones for every library."""
TIE = 1e-5
"""Winners whose squared distance is within this share of the nearest unit's agree with it."""


def quality(problem: Problem, codebook: NDArray[Any]) -> tuple[float, float]:
    """Return the quantization error and the topographic error of a codebook.

    The first is the mean Euclidean distance of the rows to their best unit, the second the share
    of rows whose best two units are not among each other's 8 neighbors.
    """
    return map_errors(problem.data, codebook, partial(_are_apart, problem))


def map_errors(
    data: Any,
    codebook: NDArray[Any],
    are_apart: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]],
) -> tuple[float, float]:
    """Return the quantization error and the topographic error of a codebook on any lattice.

    ``are_apart(units, others)`` says which pairs of units are no neighbors.
    """
    data, _ = _sample(data)
    codebook = codebook.astype(np.float64)
    starts = block_starts(data.shape[0], len(codebook))
    total, n_apart = 0.0, 0
    for start in starts:
        squared = squared_distances(data[start : start + starts.step], codebook)
        every = np.arange(len(squared))
        first = squared.argmin(axis=1)
        total += float(np.sqrt(squared[every, first]).sum())
        squared[every, first] = np.inf
        n_apart += int(are_apart(first, squared.argmin(axis=1)).sum())
    return total / data.shape[0], n_apart / data.shape[0]


def agreement(problem: Problem, winners: NDArray[Any]) -> float:
    """Return the share of rows whose reported winner is the nearest unit, or as near."""
    data, index = _sample(problem.data)
    squared = squared_distances(data, problem.start.astype(np.float64))
    of_winner = squared[np.arange(len(squared)), np.asarray(winners)[index]]
    return float(np.mean(of_winner <= squared.min(axis=1) * (1 + TIE)))


def _sample(data: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the rows that are graded, and which they are."""
    n_rows = data.shape[0]
    if n_rows <= SAMPLE_ROWS:
        return data, np.arange(n_rows)
    index = np.sort(np.random.default_rng(0).choice(n_rows, SAMPLE_ROWS, replace=False))
    return data[index], index


def _are_apart(problem: Problem, units: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether units are more than a step along rows or columns from each other."""
    steps = []
    coordinates = zip(
        np.divmod(units, problem.n_cols),
        np.divmod(others, problem.n_cols),
        (problem.n_rows, problem.n_cols),
        strict=True,
    )
    for here, there, side in coordinates:
        along = np.abs(here - there)
        steps.append(np.minimum(along, side - along) if problem.is_torus else along)
    return np.asarray(np.maximum(*steps) > 1)
