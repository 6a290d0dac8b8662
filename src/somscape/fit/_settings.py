"""How to train a map: what a user may set, with defaults and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_choice, check_number, check_whole
from somscape.fit._progress import Callback
from somscape.fit._schedule import SCHEDULES
from somscape.fit._start import STARTS
from somscape.grid import BOUNDARIES, KINDS, NEIGHBORHOODS, Graph, Lattice
from somscape.kernels import METRIC_NAMES
from somscape.maps import Map

MAX_EPOCHS = 1_000_000
UNITS_PER_ROOT = 5.0
"""Units of an automatic map per square root of the number of rows (Vesanto's rule)."""

ALGORITHMS = ("auto", "batch", "online", "multires")
ONLINE_METRICS = ("euclidean", "cosine", "correlation", "mahalanobis")


@dataclass(frozen=True, eq=False)
class Settings:
    """How to train a map; the parameters of `somscape.SOM` say what each means.

    ``seed`` draws the start and the order of rows; ``units_per_root`` sizes automatic maps.

    Raises
    ------
    ValueError, TypeError
        If a value is not allowed with any data; the message names it.
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
            raise ValueError(
                "`n_init` must be 'auto' or 1 if `init` is a single start; got "
                f"{self.n_init!r}. Leave `n_init` 'auto', or pass an `init` by name."
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
                raise TypeError(
                    f"`callbacks` must be functions; got the class {callback.__name__}. Make an "
                    f"object of it: {callback.__name__}(...)."
                )
        if isinstance(self.callbacks, str) or not all(callable(c) for c in self.callbacks):
            raise TypeError(f"`callbacks` must be functions; got {self.callbacks!r}.")

    @property
    def start(self) -> str:
        """Name of the start; "given" for a codebook, "map" for a map."""
        if isinstance(self.init, str):
            return self.init
        return "map" if isinstance(self.init, Map) else "given"

    @property
    def radius_falls(self) -> bool:
        """Whether the radius falls by a schedule, between a start and an end."""
        return isinstance(self.radius_decay, str) and self.radius_decay != "constant"

    def _check_radii(self) -> None:
        start, end, decay = self.radius_start, self.radius_end, self.radius_decay
        _check_decay(decay)
        check_number("radius_start", start, 0, or_auto=True)
        check_number("radius_end", end, 0, or_auto=True)
        if not isinstance(decay, str):
            if (start, end) != ("auto", "auto"):
                raise ValueError(
                    "`radius_decay` holds the radii themselves, so `radius_start` and "
                    f"`radius_end` must be 'auto'; got {start!r} and {end!r}."
                )
            if self.n_epochs not in ("auto", len(decay)):
                raise ValueError(
                    f"`radius_decay` must hold one value per epoch, {self.n_epochs}; got "
                    f"{len(decay)}. Leave `n_epochs` 'auto', or pass that many values."
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

    def _check_combinations(self) -> None:
        if self.feature_weight is not None and self.metric == "mahalanobis":
            raise ValueError(
                "`metric='mahalanobis'` does not support `feature_weight`, as it finds the weights "
                "of the features itself. Leave `feature_weight` None."
            )
        if self.algorithm == "online" and self.metric not in ONLINE_METRICS:
            raise ValueError(
                f"`algorithm`='online' supports only {', '.join(map(repr, ONLINE_METRICS))}; got "
                f"metric={self.metric!r}. Pass algorithm='batch', or another metric."
            )
        if self.algorithm == "online" and self.feature_weight is not None:
            raise ValueError(
                "`algorithm`='online' does not support `feature_weight`; pass "
                "algorithm='batch', or multiply the columns of X by the roots of the weights."
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
        """Refuse settings that contradict a lattice with its own size, kind and boundary."""
        is_graph = isinstance(lattice, Graph)
        what = "a graph" if is_graph else "a `Lattice`"
        for name in ("n_rows", "n_cols"):
            if getattr(self, name) != "auto":
                raise ValueError(
                    f"`{name}` must be 'auto' if `lattice` is {what}, which has its own size; "
                    f"got {getattr(self, name)!r}."
                )
        if self.boundary != "plane":
            way_out = (
                "Add the edges that close it to the graph."
                if is_graph
                else f"Pass Lattice(..., boundary={self.boundary!r})."
            )
            raise ValueError(
                f"`boundary` must be left at 'plane' if `lattice` is {what}; got "
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
        raise ValueError(
            f"`radius_decay` must be one of {allowed}, or an array of numbers above 0, one per "
            f"epoch; got {decay!r}."
        )


def learning_rates(given: Any) -> tuple[float, float]:
    """Return the first and the last learning rate."""
    is_pair = isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim == 1)
    if is_pair and len(given) != 2:
        raise ValueError(
            "`learning_rate` must be a pair, the first and the last rate, or one number for both; "
            f"got {given!r}."
        )
    start, end = given if is_pair else (given, given)
    for rate in (start, end):
        check_number("learning_rate", rate, 0, 1)
    if end > start:
        raise ValueError(
            f"`learning_rate` must not rise; got {given!r}. Swap the two, or pass one number for a "
            "constant rate."
        )
    return float(start), float(end)


def decay_of(decay: Any) -> str | Float64s:
    """Return the name of a schedule, or its values as an array."""
    return decay if isinstance(decay, str) else np.asarray(decay, dtype=np.float64)
