"""The tasks that every library gets, and how the answer of each is graded.

A problem fixes everything that changes the work or the map: data, starting codebook, map size,
number of steps and the neighborhood radius of the first and the last step. A library only
translates these into its own parameters, so that times and qualities can stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# The article's table may not be in the repository; it lies beside the checkout where it is at hand.
_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CREDIT_CSV = _SHARED_DATA / "Credit_Card_Applications.csv"
N_SAMPLES, N_FEATURES = 690, 14


@dataclass(frozen=True)
class Problem:
    """One training task on a rectangular map with a gaussian neighborhood.

    Attributes
    ----------
    data : ndarray of shape (n_samples, n_features), float64
        Rows in training order of batch learning, features scaled to [0, 1].
    start : ndarray of shape (n_rows * n_cols, n_features), float64
        Codebook before the first step; unit = row * n_cols + col.
    algorithm : {"online", "batch"}
        One row, or all rows, per step.
    n_steps : int
        Updates (online) or epochs (batch).
    radius_first, radius_last : float, grid steps
        Standard deviation of the gaussian. Online it falls as ``first / (1 + 2 t / n_steps)``, as
        in MiniSom, hence to a third; in batch learning geometrically, reaching ``radius_last`` in
        the last epoch.
    rate_first : float
        Learning rate of the first step, falling like the radius. Online only.
    seed : int
        For the order of the rows in online learning; ``start`` is drawn with it too.
    """

    title: str
    data: FloatArray
    start: FloatArray
    n_rows: int
    n_cols: int
    algorithm: str
    n_steps: int
    radius_first: float
    radius_last: float
    rate_first: float
    seed: int

    @property
    def radius_aim(self) -> float:
        """What a schedule that would end after the last step has to aim at.

        ``first * (aim / first) ** (t / n_steps)`` is ``radius_last`` at ``t = n_steps - 1``.
        """
        ratio = self.radius_last / self.radius_first
        return float(self.radius_first * ratio ** (self.n_steps / (self.n_steps - 1)))


def credit_applications() -> tuple[FloatArray, str]:
    """Return the article's columns A1 to A14 and where they come from.

    Without the file, seeded uniform numbers of the same shape: the work is the same, the quality
    is not comparable with that on the real table.
    """
    if CREDIT_CSV.exists():
        columns = range(1, 1 + N_FEATURES)
        return np.loadtxt(CREDIT_CSV, delimiter=",", skiprows=1, usecols=columns), CREDIT_CSV.name
    return np.random.default_rng(0).random((N_SAMPLES, N_FEATURES)), "random stand-in"


def credit_csv(folder: Path) -> Path:
    """Return the path of a table with CustomerID and Class, written to ``folder`` if need be."""
    if CREDIT_CSV.exists():
        return CREDIT_CSV
    data, _ = credit_applications()
    label = data[:, :1].round()
    table = np.column_stack([np.arange(len(data)), data, label])
    names = ["CustomerID", *(f"A{i + 1}" for i in range(N_FEATURES)), "Class"]
    path = folder / "stand_in.csv"
    formats = ["%d", *["%.6f"] * N_FEATURES, "%d"]
    np.savetxt(path, table, delimiter=",", header=",".join(names), comments="", fmt=formats)
    return path


def _article(seed: int, steps: str) -> tuple[str, FloatArray, FloatArray]:
    """Return title, scaled data and 100 of its rows as the start of a 10 x 10 map."""
    raw, source = credit_applications()
    data = np.ascontiguousarray((raw - raw.min(axis=0)) / np.ptp(raw, axis=0))
    rows = np.random.default_rng(seed).choice(len(data), size=100, replace=False)
    title = f"{len(data)} x {data.shape[1]} ({source}), 10 x 10 map, {steps}"
    return title, data, data[rows]


def article_online(seed: int) -> Problem:
    """Return the article's job: MiniSom's ``train_random`` with sigma 1 and rate 0.5."""
    title, data, start = _article(seed, "20,000 online updates in random order")
    return Problem(title, data, start, 10, 10, "online", 20_000, 1.0, 1 / 3, 0.5, seed)


def article_batch(seed: int) -> Problem:
    """Return the same table and map in 30 batch epochs, from a quarter of a side to half a step."""
    title, data, start = _article(seed, "30 batch epochs")
    return Problem(title, data, start, 10, 10, "batch", 30, 2.5, 0.5, 1.0, seed)


PROBLEMS: dict[str, Callable[[int], Problem]] = {
    "article-online": article_online,
    "article-batch": article_batch,
}


def quality(problem: Problem, codebook: FloatArray) -> tuple[float, float]:
    """Return the quantization error and the topographic error of a codebook.

    The first is the mean Euclidean distance of the rows to their best unit, the second the share
    of rows whose best two units are not among each other's 8 neighbors. Both in float64 from the
    full differences, whatever the library computed with.
    """
    distances = np.linalg.norm(problem.data[:, None, :] - codebook[None, :, :], axis=2)
    best_two = np.argsort(distances, axis=1, kind="stable")[:, :2]
    row, col = np.divmod(best_two, problem.n_cols)
    steps = np.maximum(np.abs(np.diff(row, axis=1)), np.abs(np.diff(col, axis=1)))
    return float(distances.min(axis=1).mean()), float(np.mean(steps > 1))
