"""The tasks that every library gets.

A problem fixes everything that changes the work or the map: data, starting codebook, map size,
number of steps and the neighborhood radius of the first and the last step. A library only
translates these into its own parameters, so that times and qualities can stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import recipes
from numpy.typing import NDArray
from reference import train_batch

RADIUS_LAST = 0.5
SKETCH_ROWS, SKETCH_EPOCHS = 20_000, 10


@dataclass(frozen=True)
class Problem:
    """One task on a rectangular map with a gaussian neighborhood.

    Attributes
    ----------
    data : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows in training order of batch learning.
    start : ndarray of shape (n_rows * n_cols, n_features)
        Codebook before the first step; unit = row * n_cols + col.
    algorithm : {"online", "batch", "winners"}
        One row, or all rows, per step; or only the best unit of every row on the map `start`.
    n_steps : int
        Updates (online) or epochs (batch).
    n_updates : int
        Single-row updates for a library that learns online only: `n_steps`, or in a batch problem
        one pass over the rows.
    radius_first, radius_last : float, grid steps
        Standard deviation of the gaussian. Online it falls as ``first / (1 + 2 t / n_steps)``, as
        in MiniSom, hence to a third; in batch learning geometrically, reaching ``radius_last`` in
        the last epoch.
    rate_first : float
        Learning rate of the first step, falling to a third of it. Online only.
    seed : int
        For the order of the rows in online learning; ``start`` is drawn with it too.
    is_torus : bool
        Whether opposite edges of the map meet.
    """

    title: str
    data: Any
    start: NDArray[Any]
    n_rows: int
    n_cols: int
    algorithm: str
    n_steps: int
    n_updates: int
    radius_first: float
    radius_last: float
    rate_first: float
    seed: int
    is_torus: bool = False

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.data.shape[1])

    @property
    def start_on_map(self) -> NDArray[Any]:
        """A copy of the start, of shape (n_rows, n_cols, n_features)."""
        return self.start.reshape(self.n_rows, self.n_cols, self.n_features).copy()

    @property
    def radius_aim(self) -> float:
        """What a schedule that would end after the last step has to aim at.

        ``first * (aim / first) ** (t / n_steps)`` is ``radius_last`` at ``t = n_steps - 1``.
        """
        if self.n_steps == 1:
            return self.radius_last
        ratio = self.radius_last / self.radius_first
        return float(self.radius_first * ratio ** (self.n_steps / (self.n_steps - 1)))

    def shortened(self, share: float) -> Problem:
        """Return about this share of the work: fewer steps, and below one epoch fewer rows.

        The cost of an epoch hardly depends on the radius, so the whole work takes 1 / share times
        as long; the codebook is not that of the whole work.
        """
        n_updates = max(1, round(self.n_updates * share))
        if self.algorithm == "online":
            return replace(self, n_steps=n_updates, n_updates=n_updates)
        n_epochs = ceil(self.n_steps * share)
        n_kept = ceil(self.data.shape[0] * share * self.n_steps / n_epochs)
        return replace(self, data=self.data[:n_kept], n_steps=n_epochs, n_updates=n_updates)


def batch_problem(
    name: str, data: Any, side: int, n_epochs: int, seed: int, is_torus: bool = False
) -> Problem:
    """Return a square map's problem with the common schedule, from a quarter of a side to 0.5."""
    n_samples, n_features = data.shape
    rows = np.random.default_rng(seed).choice(n_samples, side * side, replace=False)
    start = data[rows].toarray() if hasattr(data, "toarray") else data[rows]
    shape = f"{n_samples:,} x {n_features:,} ({name}), {side} x {side} map"
    return Problem(
        title=f"{shape}{', torus' if is_torus else ''}, {n_epochs} batch epochs",
        data=data,
        start=start,
        n_rows=side,
        n_cols=side,
        algorithm="batch",
        n_steps=n_epochs,
        n_updates=n_samples,
        radius_first=side / 4,
        radius_last=RADIUS_LAST,
        rate_first=0.5,
        seed=seed,
        is_torus=is_torus,
    )


def article_batch(seed: int) -> Problem:
    """Return the article's table and map in 30 batch epochs."""
    raw, source = recipes.credit_applications()
    data = np.ascontiguousarray((raw - raw.min(axis=0)) / np.ptp(raw, axis=0))
    return batch_problem(source, data, 10, 30, seed)


def article_online(seed: int) -> Problem:
    """Return the article's job: MiniSom's ``train_random`` with sigma 1 and rate 0.5."""
    problem, n_steps = article_batch(seed), 20_000
    return replace(
        problem,
        title=problem.title.replace("30 batch epochs", f"{n_steps:,} online updates, random order"),
        algorithm="online",
        n_steps=n_steps,
        n_updates=n_steps,
        radius_first=1.0,
        radius_last=1 / 3,
    )


def winners_problem(name: str, data: NDArray[np.float32], side: int, seed: int) -> Problem:
    """Return the search for winners of all rows on a map trained on some of them."""
    sketch = batch_problem(name, data[:SKETCH_ROWS], side, SKETCH_EPOCHS, seed)
    radii = np.geomspace(sketch.radius_first, sketch.radius_last, SKETCH_EPOCHS)
    codebook = train_batch(sketch.data, sketch.start, (side, side), radii)
    title = f"winners of {len(data):,} x {data.shape[1]} ({name}) on a {side} x {side} map"
    start = codebook.astype(np.float32)
    return replace(sketch, title=title, data=data, start=start, algorithm="winners", n_steps=1)


def made(
    recipe: Callable[[int, int], Any],
    shape: tuple[int, int],
    side: int,
    n_epochs: int,
    is_torus: bool = False,
) -> Callable[[int], Problem]:
    """Return a function of the seed that makes a batch problem on rows of a recipe."""

    def problem(seed: int) -> Problem:
        return batch_problem(recipe.__name__, recipe(*shape), side, n_epochs, seed, is_torus)

    return problem


PROBLEMS: dict[str, Callable[[int], Problem]] = {
    "article-online": article_online,
    "article-batch": article_batch,
    "digits": lambda seed: batch_problem("handwritten digits", recipes.digits(), 15, 20, seed),
    "clusters": made(recipes.clusters, (100_000, 50), 30, 10),
    "pixels": made(recipes.pixels, (60_000, 784), 40, 5),
    "many-rows": made(recipes.clusters, (1_000_000, 20), 20, 10),
    "large-map": made(recipes.clusters, (50_000, 10), 100, 5, is_torus=True),
    "large-map-half": made(recipes.clusters, (50_000, 10), 50, 5, is_torus=True),
    "sparse": made(recipes.documents, (20_000, 20_000), 20, 10),
    "winners-clusters": lambda seed: winners_problem(
        "clusters", recipes.clusters(1_000_000, 20), 20, seed
    ),
    "winners-noise": lambda seed: winners_problem("noise", recipes.noise(1_000_000, 20), 20, seed),
}
