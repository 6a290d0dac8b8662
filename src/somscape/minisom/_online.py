"""MiniSom's online training: the order of the rows, and blocks of steps that the core runs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Ints
from somscape.kernels import MiniSomKernels, MiniSomSteps, minisom_kernels
from somscape.minisom._progress import Progress
from somscape.minisom._rule import ALONG_AXIS, Rule
from somscape.minisom._samples import Samples

BLOCK_WORK = 5e7
"""Multiply-adds in one call of the core, about 20 ms; Ctrl-C waits for the end of a call."""

TABLE_VALUES = 1 << 16
"""Values in the tables of a block: half a MiB, so that they stay in the processor's cache."""


class Schedule(NamedTuple):
    """Which row is presented at each step, and at which time.

    Attributes
    ----------
    order : ndarray of shape (n,)
        Order of the rows, which is repeated.
    n_steps : int
    max_iteration : int
        Final time.
    steps_per_time : int
        1, or the steps of an epoch if time counts epochs.
    """

    order: Ints
    n_steps: int
    max_iteration: int
    steps_per_time: int


def make_schedule(
    n_samples: int, num_iteration: int, use_epochs: bool, random: np.random.RandomState | None
) -> Schedule:
    """Draw the order of the rows as MiniSom does."""
    order = np.arange(n_samples if use_epochs else num_iteration) % n_samples
    if random is not None:
        random.shuffle(order)
    if use_epochs:
        return Schedule(order, n_samples * num_iteration, num_iteration, n_samples)
    return Schedule(order, num_iteration, num_iteration, 1)


def train_online(
    som: Rule,
    samples: Samples,
    schedule: Schedule,
    fixed_points: Mapping[int, tuple[int, int]],
    progress: Progress,
) -> None:
    """Present rows one by one."""
    kernels = minisom_kernels() if _is_known_to_the_core(som) else None
    size = progress.stride
    if kernels is not None:
        n_x, n_y, _ = som._weights.shape
        values = 2 * (2 * n_x + n_y)
        work = 2 * som._weights.size
        size = min(size, max(1, min(TABLE_VALUES // values, int(BLOCK_WORK / work))))
    given = _given(samples, fixed_points, som._weights.shape[1])
    for part in blocks(schedule.n_steps, size):
        steps = np.arange(part.start, part.stop)
        order = schedule.order[steps % len(schedule.order)]
        times = steps // schedule.steps_per_time
        if kernels is None:
            _step_by_step(som, samples, order, times, schedule.max_iteration, fixed_points)
        else:
            _in_the_core(kernels, som, samples, order, times, schedule.max_iteration, given)
        progress.show(part.stop)


def _is_known_to_the_core(som: Rule) -> bool:
    weights = som._weights
    return (
        not som._has_own_step
        and bool(som._neighborhood_name and som._distance_name)
        and weights.dtype == np.float64
        and weights.flags.c_contiguous
        and weights.flags.writeable
        and weights.shape == (len(som._neigx), len(som._neigy), som._input_len)
    )


def _given(samples: Samples, fixed_points: Mapping[int, Any], n_y: int) -> Ints | None:
    """Return the unit that each row pulls, or -1 for the nearest."""
    if not fixed_points:
        return None
    given = np.full(len(samples.rows), -1)
    for row, (x, y) in fixed_points.items():
        given[row] = x * n_y + y
    return given


def _step_by_step(
    som: Rule,
    samples: Samples,
    order: Ints,
    times: Ints,
    max_iteration: int,
    fixed_points: Mapping[int, tuple[int, int]],
) -> None:
    for row, t in zip(order.tolist(), times.tolist(), strict=True):
        x = samples.items[row]
        som.update(x, fixed_points.get(row) or som.winner(x), t, max_iteration)


def _in_the_core(
    kernels: MiniSomKernels,
    som: Rule,
    samples: Samples,
    order: Ints,
    times: Ints,
    max_iteration: int,
    given: Ints | None,
) -> None:
    rates, sigmas = (
        _decayed(som, decay, start, times, max_iteration)
        for decay, start in (
            (som._learning_rate_decay_function, som._learning_rate),
            (som._sigma_decay_function, som._sigma),
        )
    )
    along_x, along_y = _tables(som, sigmas)
    kernels.minisom_steps(
        samples.rows,
        MiniSomSteps(
            order, rates, sigmas if som._neighborhood_name == "bubble" else None, along_x, along_y
        ),
        som._weights,
        given=given,
        is_hexagonal=som._goes_by_hexagons,
        distance=som._core_distance,
    )


def _decayed(
    som: Rule, decay: Callable[..., Any], start: float, times: Ints, max_iteration: int
) -> Float64s:
    """Return a rate or sigma at each time; a user's function is called once per time."""
    if som._is_decay(decay):
        return np.asarray(decay(start, times, max_iteration), dtype=np.float64)
    values = (decay(start, t, max_iteration) for t in times.tolist())
    return np.fromiter(values, dtype=np.float64, count=len(times))


def _tables(som: Rule, sigmas: Float64s) -> tuple[Float64s, Float64s]:
    """Return how strongly a winner pulls, by offset along both axes."""
    x, y = som._neigx * 1.0, som._neigy * 1.0
    if som._goes_by_hexagons:
        x, y = np.arange(2 * len(x)) / 2, y * som.Y_HEX_CONV_FACTOR
    name, by_step = som._neighborhood_name, sigmas[:, None, None]
    if name == "bubble":
        return np.ones((len(sigmas), 1, len(x))), np.ones((len(sigmas), 1, len(y)))
    along = ALONG_AXIS["triangle" if name == "triangle" else "gaussian"]
    along_x = along(x, 0.0, by_step)
    along_y = along_x if np.array_equal(x, y) else along(y, 0.0, by_step)
    if name != "mexican_hat":
        return along_x, along_y
    # g(x) g(y) (1 - 2 (x^2 + y^2) / width), with the two squares apart.
    width = 2 * by_step * by_step
    bent_x, bent_y = along_x * (1 - 2 / width * (x * x)), along_y * (-2 / width * (y * y))
    return np.concatenate([bent_x, along_x], axis=1), np.concatenate([along_y, bent_y], axis=1)
