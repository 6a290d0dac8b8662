"""How to train a map: what a user may set, with defaults and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from somscape._validate import check_choice, check_number, check_whole
from somscape.fit._schedule import SCHEDULES
from somscape.fit._start import STARTS
from somscape.fit._watch import Callback
from somscape.grid import BOUNDARIES, KINDS, NEIGHBORHOODS, Graph

ALGORITHMS = ("auto", "batch", "online")
METRICS = ("euclidean",)


@dataclass(frozen=True, eq=False)
class Settings:
    """How to train a map; the parameters of `somscape.SOM` say what each means.

    ``seed`` draws the start and the order of rows.

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
    n_epochs: float | str = "auto"
    radius_start: float | str = "auto"
    radius_end: float | str = "auto"
    radius_decay: str = "geometric"
    rate_start: float = 0.5
    rate_end: float = 0.05
    rate_decay: str = "geometric"
    tol: float = 1e-4
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
        check_choice("metric", self.metric, METRICS)
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        check_choice("radius_decay", self.radius_decay, SCHEDULES)
        check_choice("rate_decay", self.rate_decay, SCHEDULES)
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
        check_number("tol", self.tol, 0, low_is_allowed=True)
        if isinstance(self.callbacks, str) or not all(callable(c) for c in self.callbacks):
            raise TypeError(f"`callbacks` must be functions; got {self.callbacks!r}.")
        start, end = self.radius_start, self.radius_end
        if not isinstance(start, str) and not isinstance(end, str) and end > start:
            raise ValueError(
                f"`radius_end` must not be above `radius_start` (grid steps); got {end} and "
                f"{start}. Pass a larger `radius_start`, or leave both 'auto'."
            )

    def _check_lattice(self) -> None:
        if hasattr(self.lattice, "shape"):
            raise TypeError(
                "`lattice` must be 'rectangular', 'hexagonal' or a `somscape.Graph`; got "
                f"{type(self.lattice).__name__}. Pass Graph(adjacency)."
            )
        check_choice("lattice", self.lattice, KINDS)
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
