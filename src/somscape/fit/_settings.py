"""How to train a map: what a user may set, with defaults and checks."""

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
from somscape.grid import BOUNDARIES, KINDS, NEIGHBORHOODS, Graph
from somscape.kernels import METRIC_NAMES

ALGORITHMS = ("auto", "batch", "online", "minibatch", "multires")
WINNERS = ("nearest", "heskes")
ORDERS = ("random", "sequential")
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
    lattice: str | Graph = "hexagonal"
    boundary: str = "plane"
    neighborhood: str = "gaussian"
    metric: str = "euclidean"
    algorithm: str = "auto"
    init: Any = "pca"
    detail: str = "balanced"
    n_epochs: float | str = "auto"
    radius_start: float | str = "auto"
    radius_end: float | str = "auto"
    radius_decay: Any = "geometric"
    rate_start: float = 0.5
    rate_end: float = 0.05
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
        if isinstance(self.lattice, Graph):
            self._check_graph()
        else:
            self._check_lattice()
        check_choice("metric", self.metric, METRIC_NAMES)
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        check_choice("detail", self.detail, tuple(RADIUS_END))
        check_choice("winner", self.winner, WINNERS)
        _check_decay("radius_decay", self.radius_decay)
        _check_decay("rate_decay", self.rate_decay)
        if isinstance(self.order, str):
            check_choice("order", self.order, ORDERS)
        if self.max_time is not None:
            check_number("max_time", self.max_time, 0)
        self._check_combinations()
        if isinstance(self.init, str):
            check_choice("init", self.init, STARTS)
        if self.algorithm == "online":
            check_number("n_epochs", self.n_epochs, 0, or_auto=True)
        else:
            check_whole("n_epochs", self.n_epochs, 1, or_auto=True)
        check_number("radius_start", self.radius_start, 0, or_auto=True)
        check_number("radius_end", self.radius_end, 0, or_auto=True)
        check_number("rate_start", self.rate_start, 0, 1)
        check_number("rate_end", self.rate_end, 0, 1)
        if self.rate_end > self.rate_start and isinstance(self.rate_decay, str):
            raise ValueError(
                f"`rate_end` must not be above `rate_start`; got {self.rate_end} and "
                f"{self.rate_start}. Pass a larger `rate_start`."
            )
        check_number("tol", self.tol, 0, low_is_allowed=True)
        if isinstance(self.callbacks, str) or not all(callable(c) for c in self.callbacks):
            raise TypeError(f"`callbacks` must be functions; got {self.callbacks!r}.")
        start, end = self.radius_start, self.radius_end
        if not isinstance(start, str) and not isinstance(end, str) and end > start:
            raise ValueError(
                f"`radius_end` must not be above `radius_start` (grid steps); got {end} and "
                f"{start}. Pass a larger `radius_start`, or leave both 'auto'."
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
        if not isinstance(self.radius_decay, str) and (
            self.radius_start != "auto" or self.radius_end != "auto"
        ):
            raise ValueError(
                "`radius_decay` holds the radii themselves, so `radius_start` and `radius_end` "
                f"must be 'auto'; got {self.radius_start!r} and {self.radius_end!r}."
            )

    def _check_lattice(self) -> None:
        if hasattr(self.lattice, "shape"):
            raise TypeError(
                "`lattice` must be 'rectangular', 'hexagonal' or a `somscape.Graph`; got "
                f"{type(self.lattice).__name__}. Pass Graph(adjacency)."
            )
        if not (isinstance(self.lattice, str) and self.lattice in KINDS):
            raise ValueError(
                f"`lattice` must be one of {', '.join(map(repr, KINDS))} or a `somscape.Graph`; "
                f"got {self.lattice!r}. Pass Graph(adjacency), or the kind of a `Lattice` with its "
                "other fields as `n_rows`, `n_cols` and `boundary`."
            )
        if self.neighborhood == "triangle" and self.lattice != "rectangular":
            raise ValueError(
                f"`neighborhood`='triangle' needs `lattice`='rectangular'; got {self.lattice!r}. "
                "Pass that lattice, or neighborhood='epanechnikov'."
            )

    def _check_graph(self) -> None:
        for name in ("n_rows", "n_cols"):
            if getattr(self, name) != "auto":
                raise ValueError(
                    f"`{name}` must be 'auto' where `lattice` is a graph, which has its units; "
                    f"got {getattr(self, name)!r}."
                )
        if self.boundary != "plane":
            raise ValueError(
                f"`boundary` must be 'plane' where `lattice` is a graph; got {self.boundary!r}. "
                "Give the graph the edges that close it."
            )
        if self.neighborhood == "triangle":
            raise ValueError(
                "`neighborhood`='triangle' needs `lattice`='rectangular'; got a graph. Pass "
                "neighborhood='epanechnikov'."
            )


def _check_decay(name: str, decay: Any) -> None:
    if isinstance(decay, str):
        check_choice(name, decay, SCHEDULES)
        return
    try:
        values: Float64s = np.asarray(decay, dtype=np.float64)
    except (ValueError, TypeError):
        values = np.empty(0)
    if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values > 0)).all():
        allowed = ", ".join(repr(c) for c in SCHEDULES)
        raise ValueError(
            f"`{name}` must be one of {allowed}, or an array of numbers above 0, one per epoch; "
            f"got {decay!r}."
        )


def decay_of(decay: Any) -> str | Float64s:
    """Return the name of a schedule, or its values as an array."""
    return decay if isinstance(decay, str) else np.asarray(decay, dtype=np.float64)
