"""How to train a map: what a user may set, with defaults and checks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_choice, check_number, check_whole
from somscape.fit._plan import RADIUS_END, UNITS_PER_ROOT
from somscape.fit._schedule import SCHEDULES
from somscape.fit._start import STARTS
from somscape.fit._watch import Callback
from somscape.grid import BOUNDARIES, KINDS, NEIGHBORHOODS, Graph, Lattice
from somscape.kernels import METRIC_NAMES

MOST_EPOCHS = 1_000_000
ALGORITHMS = ("auto", "batch", "online", "minibatch", "multires")
WINNERS = ("nearest", "heskes")
ORDERS = ("random", "sequential")
RATE_START, RATE_END = 0.5, 0.05
ONLINE_METRICS = ("euclidean", "cosine", "correlation", "mahalanobis")


@dataclass(frozen=True, eq=False)
class Settings:
    """How to train a map; the parameters of `somscape.SOM` say what each means.

    ``seed`` draws the start and the order of rows; ``units_per_root`` sizes automatic maps.

    Raises
    ------
    ValueError, TypeError
        For a value that no data could make right; the message names it.
    """

    n_rows: int | str = "auto"
    n_cols: int | str = "auto"
    lattice: str | Lattice = "hexagonal"
    boundary: str = "plane"
    neighborhood: str = "gaussian"
    metric: str = "euclidean"
    algorithm: str = "auto"
    init: Any = "pca"
    n_init: int | str = "auto"
    detail: str = "balanced"
    n_epochs: float | str = "auto"
    radius_start: float | str = "auto"
    radius_end: float | str = "auto"
    radius_decay: Any = "geometric"
    rate_start: float = RATE_START
    rate_end: float = RATE_END
    rate_decay: Any = "geometric"
    tol: float = 1e-4
    winner: str = "nearest"
    feature_weight: Any = None
    order: Any = "random"
    max_time: float | None = None
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
        check_choice("detail", self.detail, tuple(RADIUS_END))
        check_choice("winner", self.winner, WINNERS)
        if self.max_time is not None:
            check_number("max_time", self.max_time, 0)
        self._check_combinations()
        check_whole("n_init", self.n_init, 1, high=MOST_EPOCHS, or_auto=True)
        if isinstance(self.init, str):
            check_choice("init", self.init, STARTS)
        elif self.n_init not in ("auto", 1):
            raise ValueError(
                "`n_init` says from how many starts to train, and `init` gives one; got "
                f"{self.n_init!r}. Leave `n_init` 'auto', or pass an `init` by name."
            )
        if self.algorithm == "online":
            check_number("n_epochs", self.n_epochs, 0, MOST_EPOCHS, or_auto=True)
        else:
            check_whole("n_epochs", self.n_epochs, 1, high=MOST_EPOCHS, or_auto=True)
        self._check_radii()
        self._check_rates()
        self._check_lengths()
        self._check_order()
        check_number("tol", self.tol, 0, low_is_allowed=True)
        if isinstance(self.callbacks, str) or not all(callable(c) for c in self.callbacks):
            raise TypeError(f"`callbacks` must be functions; got {self.callbacks!r}.")

    def _check_radii(self) -> None:
        start, end, decay = self.radius_start, self.radius_end, self.radius_decay
        _check_decay("radius_decay", decay)
        check_number("radius_start", start, 0, or_auto=True)
        check_number("radius_end", end, 0, or_auto=True)
        if not isinstance(decay, str):
            if (start, end) != ("auto", "auto"):
                raise ValueError(
                    "`radius_decay` holds the radii themselves, so `radius_start` and "
                    f"`radius_end` must be 'auto'; got {start!r} and {end!r}."
                )
        elif decay == "constant" and end not in ("auto", start):
            raise ValueError(
                "`radius_decay`='constant' keeps `radius_start` throughout, so `radius_end` must "
                f"be 'auto'; got {end!r}. Leave it out, or pass another `radius_decay`."
            )
        if not isinstance(start, str) and not isinstance(end, str) and end > start:
            raise ValueError(
                f"`radius_end` must not be above `radius_start` (grid steps); got {end} and "
                f"{start}. Pass a larger `radius_start`, or leave both 'auto'."
            )

    def _check_rates(self) -> None:
        start, end, decay = self.rate_start, self.rate_end, self.rate_decay
        _check_decay("rate_decay", decay, 1.0)
        check_number("rate_start", start, 0, 1)
        check_number("rate_end", end, 0, 1)
        if not isinstance(decay, str):
            if (start, end) != (RATE_START, RATE_END):
                raise ValueError(
                    "`rate_decay` holds the rates themselves, so `rate_start` and `rate_end` must "
                    f"be left at {RATE_START} and {RATE_END}; got {start} and {end}."
                )
        elif decay != "constant" and end > start:
            raise ValueError(
                f"`rate_end` must not be above `rate_start`; got {end} and {start}. Pass a larger "
                "`rate_start`."
            )

    def _check_lengths(self) -> None:
        """Refuse schedules given by their values that do not hold one per epoch."""
        wanted = self.n_epochs
        names = ("radius_decay", "rate_decay") if self.algorithm == "online" else ("radius_decay",)
        for name in names:
            decay = getattr(self, name)
            if isinstance(decay, str):
                continue
            if wanted not in ("auto", len(decay)):
                raise ValueError(
                    f"`{name}` must hold one value per epoch, {wanted}; got {len(decay)}. Leave "
                    "`n_epochs` 'auto', or pass as many values."
                )
            wanted = len(decay)

    def _check_order(self) -> None:
        if isinstance(self.order, str):
            check_choice("order", self.order, ORDERS)
            return
        rows = np.asarray(self.order)
        if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu":
            raise TypeError(
                "`order` must be 'random', 'sequential' or a list of row numbers; got "
                f"{self.order!r:.80}."
            )
        if self.algorithm != "online":
            raise ValueError(
                "`order` says how `algorithm`='online' takes the rows; got a list of row numbers "
                f"and algorithm={self.algorithm!r}. Leave `order` out, or pass 'online'."
            )

    def _check_combinations(self) -> None:
        if self.winner == "heskes" and (
            self.algorithm in ("online", "minibatch")
            or self.metric not in ("euclidean", "mahalanobis")
        ):
            raise ValueError(
                "`winner='heskes'` needs batch training with the metric 'euclidean' or "
                f"'mahalanobis'; got algorithm={self.algorithm!r}, metric={self.metric!r}."
            )
        if self.winner == "heskes" and self.feature_weight is not None:
            raise ValueError(
                "`winner='heskes'` knows no `feature_weight`; multiply the columns of X by the "
                "roots of the weights instead."
            )
        if self.feature_weight is not None and self.metric == "mahalanobis":
            raise ValueError(
                "`metric='mahalanobis'` finds the weights of the features itself; leave "
                "`feature_weight` None."
            )
        if self.algorithm == "online" and self.metric not in ONLINE_METRICS:
            raise ValueError(
                f"`algorithm='online'` has the metrics {', '.join(map(repr, ONLINE_METRICS))}; got "
                f"{self.metric!r}. Pass algorithm='batch', or another metric."
            )
        if self.algorithm == "online" and self.feature_weight is not None:
            raise ValueError(
                "`algorithm='online'` knows no `feature_weight`; pass algorithm='batch', or "
                "multiply the columns of X by the roots of the weights."
            )

    def _check_kind(self) -> None:
        if hasattr(self.lattice, "shape"):
            raise TypeError(
                "`lattice` must be 'rectangular', 'hexagonal', a `somscape.Lattice` or a "
                f"`somscape.Graph`; got {type(self.lattice).__name__}. Pass Graph(adjacency)."
            )
        if not (isinstance(self.lattice, str) and self.lattice in KINDS):
            raise ValueError(
                f"`lattice` must be one of {', '.join(map(repr, KINDS))}, a `somscape.Lattice` or "
                f"a `somscape.Graph`; got {self.lattice!r}."
            )
        self._check_triangle(self.lattice, repr(self.lattice))

    def _check_lattice(self, lattice: Lattice) -> None:
        """Refuse settings that contradict a lattice which has its size, kind and boundary."""
        is_graph = isinstance(lattice, Graph)
        what = "a graph" if is_graph else "a `Lattice`"
        for name in ("n_rows", "n_cols"):
            if getattr(self, name) != "auto":
                raise ValueError(
                    f"`{name}` must be 'auto' where `lattice` is {what}, which has its units; "
                    f"got {getattr(self, name)!r}."
                )
        if self.boundary != "plane":
            way_out = (
                "Give the graph the edges that close it."
                if is_graph
                else f"Pass Lattice(..., boundary={self.boundary!r})."
            )
            raise ValueError(
                f"`boundary` must be left at 'plane' where `lattice` is {what}; got "
                f"{self.boundary!r}. {way_out}"
            )
        kind = "" if is_graph else lattice.kind
        self._check_triangle(kind, "a graph" if is_graph else f"a {kind} one")

    def _check_triangle(self, kind: str, given: str) -> None:
        if self.neighborhood == "triangle" and kind != "rectangular":
            raise ValueError(
                f"`neighborhood`='triangle' needs `lattice`='rectangular'; got {given}. "
                "Pass that lattice, or neighborhood='epanechnikov'."
            )


def _check_decay(name: str, decay: Any, most: float = math.inf) -> None:
    if isinstance(decay, str):
        check_choice(name, decay, SCHEDULES)
        return
    try:
        values: Float64s = np.asarray(decay, dtype=np.float64)
    except (ValueError, TypeError):
        values = np.empty(0)
    is_right = np.isfinite(values) & (values > 0) & (values <= most)
    if values.ndim != 1 or not len(values) or not is_right.all():
        allowed = ", ".join(repr(c) for c in SCHEDULES)
        top = f" and at most {most:g}" if math.isfinite(most) else ""
        raise ValueError(
            f"`{name}` must be one of {allowed}, or an array of numbers above 0{top}, one per "
            f"epoch; got {decay!r}."
        )


def decay_of(decay: Any) -> str | Float64s:
    """Return the name of a schedule, or its values as an array."""
    return decay if isinstance(decay, str) else np.asarray(decay, dtype=np.float64)
