"""One training run with nothing left to decide, and what "auto" stands for.

Sizes follow Vesanto's rule as the SOM Toolbox ships it (Vesanto et al. 2000): about five times
the square root of the number of rows, stretched like the data's two main axes.  The long side
lies along the columns, so that a map fits a page or a screen.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s

UNITS_PER_ROOT = 5.0
"""Units of an automatic map for the square root of the number of rows."""

MIN_UNITS, MAX_UNITS = 9, 10_000
MAX_STRETCH = 4.0
BATCH_EPOCHS, OTHER_EPOCHS = 40, 10
"""Passes of batch training, and of online training."""

MOVING_RADIUS, MOVE_ROUNDS = 0.3, 10
"""Final radius, in steps, up to which units may move after training, and how often: a neighbor
pulls with 0.4 % of a gaussian's weight there, and order is given up for a close fit."""

PCA_SHARE, OTHER_SHARE, LEAST_START = 1 / 4, 1 / 2, 2.0
"""Of the longest side: where the radius starts, in grid steps at least the last of these."""

FURTHER_SHARES, MOST_STARTS = (1 / 2, 1 / 8), 16
"""Where several starts are tried: further first radii on the data's plane, and starts at most,
shuffled ones included."""

MAX_EXTRA_EPOCHS = 10
RADIUS_END = 0.7
"""Usual final radius: 0.5 lowers the quantization error by about 8 % and doubles the topographic
error, 1.0 does the reverse."""

ROWS_PER_UNIT = 50
"""A pass over fewer rows for each unit costs quality (algorithms: sampling)."""

MANY_ROWS_PER_UNIT, SAMPLED_PASSES, MOST_SAMPLED_EPOCHS = 2 * ROWS_PER_UNIT, 6, 24
SAMPLED_RADIUS, LAST_EPOCHS = 1.5, 4
"""With so many rows per unit, where an epoch takes long, a sample trains the whole map first, for
as many epochs as cost so many passes over all rows, but no more than the last: all rows then have
little left to do, in so many passes.  The radius falls to this multiple of the final one; below it
the sample's noise would fold the map."""

SMALL_WORK, SMALL_STARTS_WORK = 2e9, 5e8
"""Multiply-adds of one epoch up to which all of training takes a second or so: all rows train
every map; and of an epoch from each of several starts, which together take less.
"""


class Passes(NamedTuple):
    """How often the smallest map, those between it and the whole map, and the whole one train."""

    first: int
    coarse: int
    whole: int


THOROUGH, LONG, LARGE = Passes(96, 48, 60), Passes(24, 12, 10), Passes(12, 6, 8)
"""Where all rows train every map, as that is cheap and slower annealing keeps more order; where an
epoch takes longer; and where it has more multiply-adds than `LARGE_WORK`, which costs half a
percent of the quantization error, or where samples follow, which costs nothing."""

LARGE_WORK = 1e10

COARSE_RADIUS = 0.7
"""Steps of its own at which a coarse map gives way to a finer one."""

FEW_ROWS_PER_UNIT, MORE_ROWS_PER_UNIT, CLOSEST = 20, 30, 0.8
"""With more rows per unit a map keeps its order at a smaller final radius: at this share of it from
the second number on, and between the two at a share between."""

LEAST_COARSE_SIDE = 8


class Stage(NamedTuple):
    """Some epochs on one lattice and one share of the rows.

    Attributes
    ----------
    shrink : int
        How many units of the map, each way, one of the stage's stands for.
    n_epochs : int
    radius_start, radius_end : float
        In steps of the whole map.
    rows_per_unit : int or None
        How many rows each pass takes, at most, for each unit of the stage; None for all.
    """

    shrink: int
    n_epochs: int
    radius_start: float
    radius_end: float
    rows_per_unit: int | None


@dataclass(frozen=True, eq=False)
class Plan:
    """One training run.

    Attributes
    ----------
    algorithm : {"batch", "online", "multires"}
    init : str
        Name of a start, "given" for a codebook or "map".
    n_epochs : float
        Passes over the rows; a fraction only for ``"online"``.
    extra_epochs : int
        Further batch passes at the final radius while units still move.
    radius_start, radius_end : float
        Grid steps, of the first epoch of all and of the last.
    radius_decay : str or ndarray
        Name of a schedule, or its values.
    learning_rate : tuple of float
        First and last, for ``"online"``.
    tol : float
        Stop at the final radius once no unit moves further than this share of the data's
        spread; 0 for never.
    coarse : tuple of Stage
        What goes before the epochs of all rows on the whole map; empty but for ``"multires"``.
    n_init : int
        Starts to try.
    other_radii : tuple of float
        Further radii to start at from the plane of the data's axes.
    move_rounds : int
        Times that units may move, after the epochs, to rows far from all others.
    """

    algorithm: str
    init: str
    n_epochs: float
    extra_epochs: int
    radius_start: float
    radius_end: float
    radius_decay: str | Float64s
    learning_rate: tuple[float, float]
    tol: float
    coarse: tuple[Stage, ...] = ()
    n_init: int = 1
    other_radii: tuple[float, ...] = ()
    move_rounds: int = 0

    @property
    def whole_radius_start(self) -> float:
        """Radius of the first epoch on the whole map."""
        return self.coarse[-1].radius_end if self.coarse else self.radius_start


def auto_shape(
    total_weight: float,
    variances: tuple[float, float],
    n_rows: int | None,
    n_cols: int | None,
    *,
    is_hexagonal: bool,
    needs_even_rows: bool,
    units_per_root: float = UNITS_PER_ROOT,
) -> tuple[int, int]:
    """Return rows and columns for a map, keeping those that are given.

    Parameters
    ----------
    total_weight : float
        Number of rows of data, or their total weight.
    variances : tuple of float
        Along the two main axes.
    n_rows, n_cols : int or None
        None: to be chosen.
    is_hexagonal : bool
        Rows then lie closer than columns, and more of them fit the same shape.
    needs_even_rows : bool
        As a hexagonal torus does.
    units_per_root : float, default=5
        Vesanto's rule has 5.

    Returns
    -------
    n_rows, n_cols : int
        With ``min(max(ceil(units_per_root sqrt(N)), 9), 10_000)`` units as nearly as the shape
        allows, and never more units than rows of data.
    """
    limit = max(1, math.floor(total_weight))
    wanted = min(
        max(math.ceil(units_per_root * math.sqrt(total_weight)), MIN_UNITS), MAX_UNITS, limit
    )
    first, second = variances
    has_shape = second > 0 and second * wanted >= first
    stretch = min(math.sqrt(first / second), MAX_STRETCH) if has_shape else 1.0
    pitch = math.sqrt(0.75) if is_hexagonal else 1.0
    step = 2 if needs_even_rows else 1
    if n_rows is None:
        n_given = n_cols or math.sqrt(wanted * stretch * pitch)
        n_rows = step * max(1, _nearest(wanted / n_given / step))
        while n_cols is not None and n_rows * n_cols > limit and n_rows > step:
            n_rows -= step
    if n_cols is None:
        n_cols = max(1, _nearest(wanted / n_rows))
        while n_rows * n_cols > limit and n_cols > 1:
            n_cols -= 1
    return n_rows, n_cols


def _nearest(value: float) -> int:
    """Round halves up, as the SOM Toolbox does."""
    return math.floor(value + 0.5)


def resolve_plan(
    *,
    algorithm: str,
    init: str,
    n_epochs: float | str,
    radius_start: float | str,
    radius_end: float | str,
    radius_decay: str | Float64s,
    learning_rate: tuple[float, float],
    tol: float,
    longest_side: float,
    step: float = 1.0,
    shape: tuple[int, int] | None = None,
    epoch_work: float = 0.0,
    rows_per_unit: float = 1.0,
    n_init: int | str = 1,
) -> Plan:
    """Return the plan that a set of parameters stands for.

    ``n_epochs="auto"`` is 40 passes and up to 10 more at the final radius for batch training, 10
    for online training.  ``radius_start="auto"`` is half of the way to unfolding
    for a start on the data's plane (a quarter of the longest side, at least 2) and half the
    longest side for other starts, times the `step` between neighbors.  ``algorithm="auto"`` is
    batch training while an epoch is short, and above that coarse maps first; that needs a
    ``shape``, and ``epoch_work`` are an epoch's multiply-adds.  Where ``n_init`` is "auto", too, an
    epoch is short if several starts can be tried, and up to 2e9 multiply-adds all rows train the
    coarse maps and all maps have more passes.  Where an epoch is longer and rows per unit are many,
    samples train the whole map, too, before all rows do.  ``"multires"`` that cannot have a coarse
    map is batch training: from a codebook that is given, at radii that are given one by one or do
    not fall, on a graph, and on maps too small for one.  ``n_init="auto"`` is up to 16 starts where
    the start is the data's plane and the rest is "auto", as many as take a fraction of a second.
    Where epochs are automatic and short and the radius falls to 0.3 steps or less, units may move
    at the end.
    """
    is_auto = n_epochs == "auto"
    wide, narrow = _radii(radius_start, radius_end, radius_decay, rows_per_unit, step)
    if radius_start == "auto" and isinstance(radius_decay, str):
        share = PCA_SHARE if init == "pca" else OTHER_SHARE
        wide = max(max(LEAST_START, longest_side * share) * step, narrow)
    coarse: tuple[Stage, ...] = ()
    is_free, n_cheap = is_auto and radius_start == "auto", _cheap_starts(epoch_work)
    may_choose = is_free and algorithm == "auto"
    is_long = may_choose and epoch_work > SMALL_WORK
    is_thorough = may_choose and not is_long and n_init == "auto" and n_cheap == 1
    has_samples = is_long and rows_per_unit >= MANY_ROWS_PER_UNIT
    passes = _passes(is_thorough, has_samples or (is_long and epoch_work > LARGE_WORK))
    is_falling = isinstance(radius_decay, str) and radius_decay != "constant"
    may_grow = is_falling and init not in ("given", "map")
    if shape is not None and may_grow and (algorithm == "multires" or is_long or is_thorough):
        coarse = _stages(shape, wide, narrow, passes, rows_per_unit if has_samples else None)
    if algorithm in ("auto", "multires"):
        algorithm = "multires" if coarse else "batch"
    can_vary = init == "pca" and radius_start == "auto" and is_falling and not coarse
    further = (max(LEAST_START, longest_side * s) * step for s in FURTHER_SHARES if can_vary)
    if init in ("given", "map"):
        n_init = 1
    elif n_init == "auto":
        n_init = n_cheap if is_free and can_vary and algorithm == "batch" else 1
    auto_epochs = _auto_epochs(algorithm, radius_decay, coarse, passes)
    return Plan(
        algorithm,
        init,
        auto_epochs if is_auto else float(n_epochs),
        MAX_EXTRA_EPOCHS if is_auto and algorithm == "batch" else 0,
        *_ends(radius_decay, wide, narrow),
        radius_decay,
        learning_rate,
        float(tol),
        coarse,
        int(n_init),
        tuple(dict.fromkeys(max(r, narrow) for r in further if max(r, narrow) != wide)),
        _move_rounds(algorithm, narrow / step, epoch_work) if is_auto and is_falling else 0,
    )


def _passes(is_thorough: bool, is_large: bool) -> Passes:
    if is_large:
        return LARGE
    return THOROUGH if is_thorough else LONG


def _cheap_starts(epoch_work: float) -> int:
    """Return how many starts take little time together."""
    return int(max(1, min(MOST_STARTS, SMALL_STARTS_WORK // max(1.0, epoch_work))))


def _move_rounds(algorithm: str, steps: float, epoch_work: float) -> int:
    is_quick = algorithm in ("batch", "multires") and epoch_work <= SMALL_WORK
    return MOVE_ROUNDS if is_quick and steps <= MOVING_RADIUS else 0


def _auto_epochs(
    algorithm: str,
    radius_decay: str | Float64s,
    coarse: tuple[Stage, ...],
    passes: Passes,
) -> int:
    if not isinstance(radius_decay, str):
        return len(radius_decay)
    if coarse:
        return LAST_EPOCHS if coarse[-1].shrink == 1 else passes.whole
    return BATCH_EPOCHS if algorithm == "batch" else OTHER_EPOCHS


def _ends(decay: str | Float64s, start: float, end: float) -> tuple[float, float]:
    """Return the first and the last value that a schedule is asked for."""
    if not isinstance(decay, str):
        return float(decay[0]), float(decay[-1])
    return float(start), float(start if decay == "constant" else end)


def _radii(
    start: float | str,
    end: float | str,
    decay: str | Float64s,
    rows_per_unit: float,
    step: float,
) -> tuple[float, float]:
    """Return the radii given, or what they are without regard to the size of the map."""
    if not isinstance(decay, str):
        return _ends(decay, 0.0, 0.0)
    if end == "auto":
        more = np.interp(rows_per_unit, (FEW_ROWS_PER_UNIT, MORE_ROWS_PER_UNIT), (0.0, 1.0))
        wanted = RADIUS_END * step * float(1 - (1 - CLOSEST) * more)
        end = wanted if start == "auto" else min(wanted, float(start))
    return float(end if start == "auto" else start), float(end)


def _stages(
    shape: tuple[int, int],
    radius_start: float,
    radius_end: float,
    passes: Passes,
    rows_per_unit: float | None,
) -> tuple[Stage, ...]:
    """Return the stages before all rows train the whole map.

    Each doubles the side of the one before.  A map too coarse for radii up to the start is left
    out.  Thorough passes take all rows.  With a number of rows per unit, samples train the whole
    map last.
    """
    shrinks: list[int] = []
    while min(shape) // (2 ** (len(shrinks) + 1)) >= LEAST_COARSE_SIDE // 2 and (
        max(shape) // (2 ** (len(shrinks) + 1)) >= LEAST_COARSE_SIDE
    ):
        shrinks.append(2 ** (len(shrinks) + 1))
    stages: list[Stage] = []
    wide = radius_start
    for shrink in reversed(shrinks):
        narrow = max(COARSE_RADIUS * shrink, radius_end)
        if narrow > wide:
            continue
        n_epochs = passes.coarse if stages else passes.first
        limit = None if passes is THOROUGH else ROWS_PER_UNIT
        stages.append(Stage(shrink, n_epochs, wide, narrow, limit))
        wide = narrow
    if rows_per_unit is not None:
        narrow = min(wide, SAMPLED_RADIUS * radius_end)
        n_epochs = min(MOST_SAMPLED_EPOCHS, int(SAMPLED_PASSES * rows_per_unit / ROWS_PER_UNIT))
        stages.append(Stage(1, n_epochs, wide, narrow, ROWS_PER_UNIT))
    return tuple(stages)
