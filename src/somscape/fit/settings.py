"""The settings of a training, and the reports of its progress for callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from somscape._elementary import exp, log_of
from somscape._types import Float64s
from somscape._validate import check_choice, check_number, check_whole
from somscape.errors import ParameterError, ParameterTypeError
from somscape.fit._start import STARTS
from somscape.grid._neighborhood import NEIGHBORHOODS
from somscape.grid.graph import Graph
from somscape.grid.lattice import BOUNDARIES, KINDS, Lattice
from somscape.kernels.metric import METRIC_NAMES
from somscape.maps.map import Map

SCHEDULES = ("geometric", "linear", "inverse", "asymptotic", "constant")


def schedule(
    kind: str | Float64s, start: float, end: float, n: int, steps: slice = slice(None)
) -> Float64s:
    """Return the values of a schedule of `n` steps from `start` to `end`, or some of them."""
    step = np.arange(*steps.indices(n))
    if not isinstance(kind, str):
        values: Float64s = kind[step * len(kind) // n]
        return values
    if kind == "constant" or start == end:  # exact, because training stops only at equal radii
        return np.full(len(step), float(start))
    fraction = step / (n - 1) if n > 1 else np.ones(len(step))
    if kind == "asymptotic":
        values = start / (1.0 + (start / end - 1.0) * step / n)
    elif kind == "linear":
        values = start + (end - start) * fraction
    elif kind == "inverse":
        values = start / (1.0 + (start / end - 1.0) * fraction)
    else:
        first = log_of(start)
        values = exp(first + (log_of(end) - first) * fraction)
        values[step == 0] = start
    values[step == n - 1] = end
    return values


class Progress(NamedTuple):
    """Report of one epoch or block of updates, which is passed to callbacks.

    Attributes
    ----------
    step, n_steps : int
        Numbers of completed and of planned epochs.  In online training, numbers of updates.
    radius : float
        Radius of the epoch or block, in grid steps of the full map.
    quantization_error : float
        Mean distance from the rows to their best matching units, before the epoch changes the
        units.
    movement : float
        Largest distance between an old and a new prototype, divided by the mean distance from the
        rows to their mean.  NaN in online training.
    n_units, n_samples : int
        Numbers of units and rows in this epoch or block.

    See Also
    --------
    somscape.callbacks.TimeLimit

    Examples
    --------
    >>> from somscape import SOM
    >>> told = []
    >>> som = SOM(1, 2, n_epochs=5, callbacks=[told.append], random_state=0)
    >>> som = som.fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> told[0].step, told[0].n_steps, told[0].n_units
    (1, 5, 2)
    """

    step: int
    n_steps: int
    radius: float
    quantization_error: float
    movement: float
    n_units: int
    n_samples: int


EPOCHS_DONE = "all epochs done"
UPDATES_DONE = "all updates done"
NO_ROW_MOVES = "settled: no row moves"
WITHIN_TOL = "settled: within tol"
REPEATS = "cycle: an epoch repeats"
NONE_BETTER = "settled: no unit is better placed elsewhere"
ROUNDS_DONE = "all rounds of moves done"

FINISHED = (EPOCHS_DONE, UPDATES_DONE, NO_ROW_MOVES, WITHIN_TOL, REPEATS, NONE_BETTER, ROUNDS_DONE)
"""Possible values of the stop reason of a training run that is complete."""

INTERRUPTED = "interrupted"
"""Stop reason after Ctrl-C.  The codebook is the result of the last completed epoch or block."""

STOPPED_BY_CALLBACK = "a callback asked to stop"

Callback = Callable[[Progress], bool | str | None]
"""Function that is called after each epoch or block of updates.  Training ends if the function
returns True or a text with the reason."""


def was_cut(reason: str) -> bool:
    """Return whether a training run is incomplete."""
    return bool(reason) and reason not in FINISHED


MAX_EPOCHS = 1_000_000
UNITS_PER_ROOT = 5.0
"""A map of automatic size has this number times the square root of the number of rows as its number
of units (Vesanto's rule)."""

ALGORITHMS = ("auto", "batch", "online", "multires")
ONLINE_METRICS = ("euclidean", "cosine", "correlation", "mahalanobis")


@dataclass(frozen=True, eq=False)
class Settings:
    """Settings of a training, as in `somscape.SOM`.

    ``seed`` determines the random start and the order of rows.  ``units_per_root`` determines
    automatic sizes.

    Raises
    ------
    ValueError, TypeError
        If a setting is invalid, whatever the data are.  The message names the parameter.
    """

    n_rows: int | str = "auto"
    n_cols: int | str = "auto"
    lattice: str | Lattice = "hexagonal"
    boundary: str = "plane"
    neighborhood: str = "gaussian"
    metric: str = "euclidean"
    feature_weight: Any = None
    algorithm: str = "auto"
    init: Any = "pca"
    n_init: int | str = "auto"
    n_epochs: float | str = "auto"
    radius_start: float | str = "auto"
    radius_end: float | str = "auto"
    radius_decay: Any = "geometric"
    learning_rate: Any = (0.5, 0.05)
    tol: float = 1e-4
    units_per_root: float = UNITS_PER_ROOT
    seed: int = 0
    callbacks: Sequence[Callback] = ()

    def __post_init__(self) -> None:
        check_whole("n_rows", self.n_rows, 1, or_auto=True)
        check_whole("n_cols", self.n_cols, 1, or_auto=True)
        check_choice("boundary", self.boundary, BOUNDARIES)
        check_choice("neighborhood", self.neighborhood, NEIGHBORHOODS)
        if isinstance(self.lattice, Lattice):
            self._check_lattice(self.lattice)
        else:
            self._check_kind()
        check_choice("metric", self.metric, METRIC_NAMES)
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        self._check_combinations()
        check_whole("n_init", self.n_init, 1, high=MAX_EPOCHS, or_auto=True)
        if isinstance(self.init, str):
            check_choice("init", self.init, STARTS)
        elif self.n_init not in ("auto", 1):
            raise ParameterError(
                "`n_init` must be 'auto' or 1 if `init` is a codebook or a map, but is "
                f"{self.n_init!r}. Leave `n_init` 'auto', or pass the name of a start as `init`.",
                value=self.n_init,
            )
        if self.algorithm == "online":
            check_number("n_epochs", self.n_epochs, 0, MAX_EPOCHS, or_auto=True)
        else:
            check_whole("n_epochs", self.n_epochs, 1, high=MAX_EPOCHS, or_auto=True)
        self._check_radii()
        learning_rates(self.learning_rate)
        check_number("tol", self.tol, 0, low_is_allowed=True)
        for callback in self.callbacks:
            if isinstance(callback, type):
                raise ParameterTypeError(
                    f"`callbacks` must be functions, but contains the class {callback.__name__}. "
                    f"Pass an object of the class, {callback.__name__}(...).",
                    value=callback.__name__,
                )
        if isinstance(self.callbacks, str) or not all(callable(c) for c in self.callbacks):
            raise ParameterTypeError(
                f"`callbacks` must be functions, but is {self.callbacks!r}.", value=self.callbacks
            )

    @property
    def start(self) -> str:
        """Name of the initial method, or "given" or "map" if `init` is a codebook or a map."""
        if isinstance(self.init, str):
            return self.init
        return "map" if isinstance(self.init, Map) else "given"

    @property
    def radius_falls(self) -> bool:
        """Whether the radius follows a named schedule other than "constant"."""
        return isinstance(self.radius_decay, str) and self.radius_decay != "constant"

    def _check_radii(self) -> None:
        start, end, decay = self.radius_start, self.radius_end, self.radius_decay
        _check_decay(decay)
        check_number("radius_start", start, 0, or_auto=True)
        check_number("radius_end", end, 0, or_auto=True)
        if not isinstance(decay, str):
            if (start, end) != ("auto", "auto"):
                raise ParameterError(
                    "`radius_decay` contains the radii, so `radius_start` and `radius_end` "
                    f"must be 'auto', but are {start!r} and {end!r}.",
                    parameter="radius_end" if start == "auto" else "radius_start",
                    value=end if start == "auto" else start,
                )
            if self.n_epochs not in ("auto", len(decay)):
                raise ParameterError(
                    f"`radius_decay` must contain one value per epoch, so {self.n_epochs} values, "
                    f"but has {len(decay)}. Leave `n_epochs` 'auto', or pass one value per epoch.",
                    value=len(decay),
                    allowed=self.n_epochs,
                )
        elif decay == "constant" and end not in ("auto", start):
            raise ParameterError(
                "`radius_decay` is 'constant', which keeps `radius_start`, so `radius_end` must be "
                f"'auto', but is {end!r}. Leave `radius_end` out, or pass another `radius_decay`.",
                parameter="radius_end",
                value=end,
            )
        if not isinstance(start, str) and not isinstance(end, str) and end > start:
            raise ParameterError(
                f"`radius_end` must not be above `radius_start`, but is {end} and `radius_start` "
                f"is {start} grid steps. Pass a larger `radius_start`, or leave both 'auto'.",
                value=end,
            )

    def _check_combinations(self) -> None:
        if self.feature_weight is not None and self.metric == "mahalanobis":
            raise ParameterError(
                "`metric` is 'mahalanobis', which does not support `feature_weight`, because this "
                "metric determines the weights of the features. Leave `feature_weight` None.",
                parameter="feature_weight",
                value=self.feature_weight,
            )
        if self.algorithm == "online" and self.metric not in ONLINE_METRICS:
            raise ParameterError(
                "`algorithm` is 'online', which supports only "
                f"metric={' or '.join(map(repr, ONLINE_METRICS))}, but `metric` is "
                f"{self.metric!r}. Pass algorithm='batch', or a supported metric.",
                value="online",
            )
        if self.algorithm == "online" and self.feature_weight is not None:
            raise ParameterError(
                "`algorithm` is 'online', which does not support `feature_weight`. Pass "
                "algorithm='batch', or multiply the columns of X by the roots of the weights.",
                value="online",
            )

    def _check_kind(self) -> None:
        if hasattr(self.lattice, "shape"):
            raise ParameterTypeError(
                "`lattice` must be 'rectangular', 'hexagonal', a `somscape.Lattice` or a "
                f"`somscape.Graph`, but is of type {type(self.lattice).__name__}. Pass "
                "Graph(adjacency).",
                value=type(self.lattice).__name__,
            )
        if not (isinstance(self.lattice, str) and self.lattice in KINDS):
            raise ParameterError(
                f"`lattice` must be one of {', '.join(map(repr, KINDS))}, a "
                f"`somscape.Lattice` or a `somscape.Graph`, but is {self.lattice!r}.",
                value=self.lattice,
                allowed=", ".join(map(repr, KINDS)),
            )
        self._check_triangle(self.lattice, repr(self.lattice))

    def _check_lattice(self, lattice: Lattice) -> None:
        """Raise ValueError if other settings contradict `lattice` (its size, boundary or kind)."""
        is_graph = isinstance(lattice, Graph)
        what = "a graph" if is_graph else "a `Lattice`"
        for name in ("n_rows", "n_cols"):
            if getattr(self, name) != "auto":
                raise ParameterError(
                    f"`{name}` must be 'auto' if `lattice` is {what}, which has its own size, "
                    f"but is {getattr(self, name)!r}.",
                    value=getattr(self, name),
                )
        if self.boundary != "plane":
            way_out = (
                "Add edges between opposite borders to the graph."
                if is_graph
                else f"Pass Lattice(..., boundary={self.boundary!r})."
            )
            raise ParameterError(
                f"`boundary` must be 'plane' if `lattice` is {what}, but is "
                f"{self.boundary!r}. {way_out}",
                value=self.boundary,
            )
        kind = "" if is_graph else lattice.kind
        self._check_triangle(kind, "a graph" if is_graph else kind)

    def _check_triangle(self, kind: str, given: str) -> None:
        if self.neighborhood == "triangle" and kind != "rectangular":
            raise ParameterError(
                "`neighborhood` is 'triangle', which needs lattice='rectangular', but the lattice "
                f"is {given}. Pass a rectangular lattice, or neighborhood='epanechnikov'.",
                value="triangle",
            )


def _check_decay(decay: Any) -> None:
    if isinstance(decay, str):
        check_choice("radius_decay", decay, SCHEDULES)
        return
    try:
        values: Float64s = np.asarray(decay, dtype=np.float64)
    except (ValueError, TypeError):
        values = np.empty(0)
    is_right = np.isfinite(values) & (values > 0)
    if values.ndim != 1 or not len(values) or not is_right.all():
        allowed = ", ".join(repr(c) for c in SCHEDULES)
        raise ParameterError(
            f"`radius_decay` must be one of {allowed}, or an array of numbers above 0, one "
            f"per epoch, but is {decay!r}.",
            value=decay,
            allowed=allowed,
        )


def learning_rates(given: Any) -> tuple[float, float]:
    """Return the first and the last learning rate."""
    is_pair = isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim == 1)
    if is_pair and len(given) != 2:
        raise ParameterError(
            "`learning_rate` must be a pair of the first and the last rate, or a single "
            f"number, but is {given!r}. Pass, for example, learning_rate=(0.5, 0.05).",
            value=given,
        )
    start, end = given if is_pair else (given, given)
    for rate in (start, end):
        check_number("learning_rate", rate, 0, 1)
    if end > start:
        raise ParameterError(
            f"`learning_rate` must not rise, but is {given!r}. Swap the two numbers, or pass "
            "a single number for a constant rate.",
            value=given,
        )
    return float(start), float(end)


def decay_of(decay: Any) -> str | Float64s:
    """Return the name of a schedule, or its values as an array."""
    return decay if isinstance(decay, str) else np.asarray(decay, dtype=np.float64)
