"""Do rows come first whose values are usual, but whose relation between columns is broken?

*Relations*: 5,000 rows follow a hidden law with noise: one linear law, one of four linear laws, or
a curved law. In 1, 3 or 5 % of the rows, one eighth of the cells come from other rows. In mixed
tables, two columns are cut into categories of four levels. The oracle knows the law; it ranks rows
by their likelihood under the law. *Kinds*: tables of five clusters with local, global, clustered or
dependent anomalies, as in ADBench (arXiv 2206.09426, section 3.3.2).

    python benchmarks/detection/relations.py [--parts PART ...] [--seeds N] [--somscape-only]
        [--label NAME] [--record FILE]

The tables are printed. With ``--record`` the results are added to those in the file, and the tables
have all of them. ``--label`` names somscape in the tables, so that runs with several versions of
somscape can be compared in one file.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import gaussian_kde
from sklearn.covariance import EmpiricalCovariance, MinCovDet
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from somscape import SOMDetector
from somscape.tables import table_from_columns

sys.path.append(str(Path(__file__).resolve().parents[1]))

from markdown_tables import markdown
from readme import machine

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Figures = dict[str, dict[str, list[list[float]]]]
"""AUROC, average precision and the share within the first rows, by case, ranking and seed."""

N_ROWS, N_LEVELS, FIRST = 5_000, 4, 0.01
LAWS = {"one": 1, "four": 4, "curved": 1}
"""Numbers of components by law."""

KINDS = ("local", "global", "clustered", "dependent")
N_KIND_ROWS, N_KIND_COLUMNS, N_CLUSTERS, KIND_SHARE = 2_000, 10, 5, 0.05
LEAST_GAP = 0.05
"""Of a smaller gap between the best peer and the oracle, no share is shown."""

N_SEEDS = {"relations": 3, "kinds": 5}
SHOWN = ("AUROC", "average precision", "anomalies within the first 1 % of the rows")


@dataclass(frozen=True)
class Case:
    """What a simulated table is like."""

    law: str
    n_columns: int
    n_factors: int
    noise: float
    share: float = 0.01
    n_categories: int = 0

    def __str__(self) -> str:
        mixed = ", mixed" if self.n_categories else ""
        return f"{self.law} ({self.n_columns}, {self.noise:g}), {100 * self.share:g} %{mixed}"


SIZES = ((38, 5, 0.1), (12, 3, 0.1), (38, 5, 0.3), (100, 8, 0.1))
CASES = [
    case
    for law in LAWS
    for case in (
        *(Case(law, *size) for size in SIZES),
        *(Case(law, *SIZES[0], share) for share in (0.03, 0.05)),
        *(Case(law, *size, n_categories=2) for size in SIZES[:2]),
    )
]


@dataclass(frozen=True, eq=False)
class Simulated:
    """A table that follows a law, and what the oracle knows of it.

    The first columns are cut into categories at `edges`, of shape (n_categories, N_LEVELS + 1).
    Row i has the factors ``factors[i]``.  Noise has the standard deviations `spread`.
    """

    case: Case
    rows: Floats
    is_broken: Flags
    factors: Floats
    loadings: Floats
    bends: Floats
    shifts: Floats
    spread: Floats
    edges: Floats

    @classmethod
    def drawn(cls, case: Case, seed: int) -> Simulated:
        """Draw a table."""
        rng, n_laws, n_rows = np.random.default_rng(seed), LAWS[case.law], N_ROWS
        factors = rng.normal(size=(n_rows, case.n_factors))
        loadings = rng.normal(size=(n_laws, case.n_factors, case.n_columns))
        bends = rng.normal(size=(case.n_factors, case.n_columns))
        shifts = rng.normal(size=(n_laws, case.n_columns)) * (n_laws > 1)
        which = rng.integers(n_laws, size=n_rows)
        rows = np.einsum("ij,ijk->ik", factors, loadings[which]) + shifts[which]
        if case.law == "curved":
            rows = _curve(factors, loadings[0], bends)
        spread = case.noise * rows.std(axis=0)
        rows = rows + spread * rng.normal(size=rows.shape)
        broken = rng.choice(n_rows, round(case.share * n_rows), replace=False)
        for row in broken:
            cells = rng.choice(case.n_columns, max(1, case.n_columns // 8), replace=False)
            rows[row, cells] = rows[rng.integers(n_rows, size=len(cells)), cells]
        edges = np.quantile(rows[:, : case.n_categories], np.linspace(0, 1, N_LEVELS + 1), axis=0).T
        edges[:, 0], edges[:, -1] = -np.inf, np.inf
        is_broken = np.isin(np.arange(n_rows), broken)
        return cls(case, rows, is_broken, factors, loadings, bends, shifts, spread, edges)

    @property
    def levels(self) -> NDArray[np.int64]:
        """Return the level of each category, of shape (n_categories, n_rows)."""
        pairs = zip(self.edges, self.rows.T, strict=False)
        found = [np.searchsorted(edges[1:-1], column) for edges, column in pairs]
        return np.array(found, dtype=np.int64).reshape(len(self.edges), len(self.rows))

    def oracle(self) -> Floats:
        """Return how unlikely each row is under the law, as minus the log-likelihood."""
        return -(self._curved() if self.case.law == "curved" else self._linear())

    def _linear(self) -> Floats:
        """Return the log-likelihood of each row, up to a constant.

        Categories are taken as independent of each other if the numbers are known.
        """
        n, logs = len(self.edges), []
        for loadings, shift in zip(self.loadings, self.shifts, strict=True):
            covariance = loadings.T @ loadings + np.diag(self.spread**2)
            apart, known = self.rows[:, n:] - shift[n:], covariance[n:, n:]
            links = np.linalg.solve(known, np.column_stack([covariance[n:, :n], apart.T]))
            expected = shift[:n] + apart @ links[:, :n]
            deviations = np.sqrt(np.diag(covariance[:n, :n] - covariance[:n, n:] @ links[:, :n]))
            squares = (links[:, n:] * apart.T).sum(axis=0)
            logs.append(-0.5 * (squares + np.linalg.slogdet(known)[1]))
            logs[-1] += self._category_logs(expected, deviations)
        return np.logaddexp.reduce(logs, axis=0)

    def _curved(self) -> Floats:
        """Return the log-likelihood of each row, up to a constant, by Laplace's approximation.

        The most likely factors are found from those drawn, by the Levenberg-Marquardt algorithm.
        """
        n, factors, spread = len(self.edges), self.factors.copy(), self.spread
        curve = self.loadings[0], self.bends
        identity = np.eye(self.case.n_factors)

        def losses(factors: Floats) -> tuple[Floats, Floats]:
            apart = (self.rows - _curve(factors, *curve))[:, n:] / spread[n:]
            return apart, 0.5 * (apart**2).sum(axis=1) + 0.5 * (factors**2).sum(axis=1)

        def curvatures(factors: Floats) -> tuple[Floats, Floats]:
            slopes = _slopes(factors, *curve)
            known = slopes[:, :, n:] / spread[n:]
            return slopes, known @ known.transpose(0, 2, 1) + identity

        damping, (apart, loss) = np.full(len(factors), 1e-3), losses(factors)
        for _ in range(40):
            slopes, curvature = curvatures(factors)
            uphill = np.einsum("ijk,ik->ij", slopes[:, :, n:], apart / spread[n:]) - factors
            damped = curvature * (1 + damping[:, None, None] * identity)
            tried = factors + np.linalg.solve(damped, uphill[:, :, None])[:, :, 0]
            apart_then, loss_then = losses(tried)
            better = loss_then < loss
            factors[better], apart[better] = tried[better], apart_then[better]
            loss = np.minimum(loss, loss_then)
            damping *= np.where(better, 0.3, 4.0)
        slopes, curvature = curvatures(factors)
        unknown = (slopes[:, :, :n] * np.linalg.solve(curvature, slopes[:, :, :n])).sum(axis=1)
        deviations = np.sqrt(spread[:n] ** 2 + unknown)
        logs = -loss - 0.5 * np.linalg.slogdet(curvature)[1]
        return np.asarray(logs + self._category_logs(_curve(factors, *curve)[:, :n], deviations))

    def _category_logs(self, expected: Floats, deviations: Floats) -> Floats:
        """Return the log-probability of the levels if these normal variables are cut."""
        total = np.zeros(len(expected))
        levels, deviations = self.levels, np.broadcast_to(deviations, expected.shape)
        for j, edges in enumerate(self.edges):
            bounds = (edges[levels[j] + np.array([[0], [1]])] - expected[:, j]) / deviations[:, j]
            low, high = np.where(bounds[0] > 0, -bounds[::-1], bounds)  # the lower tail is exact
            total += np.log(np.maximum(ndtr(high) - ndtr(low), 1e-300))
        return total

    def columns(self) -> dict[str, list[Any]]:
        """Return columns with names, of which the first are categories."""
        columns = {f"c{j}": column.tolist() for j, column in enumerate(self.rows.T)}
        columns |= {f"c{j}": [f"v{k}" for k in levels] for j, levels in enumerate(self.levels)}
        return columns

    def numbers(self) -> Floats:
        """Return the rows with a column for each level except the first."""
        dummies = [level == k for level in self.levels for k in range(1, N_LEVELS)]
        return np.column_stack([*dummies, self.rows[:, len(self.edges) :]])


def _curve(factors: Floats, loadings: Floats, bends: Floats) -> Floats:
    return np.asarray(np.sin(factors @ loadings) + 0.3 * (factors @ bends) ** 2)


def _slopes(factors: Floats, loadings: Floats, bends: Floats) -> Floats:
    """Return the derivatives by factors, of shape (n_rows, n_factors, n_columns)."""
    sines = np.cos(factors @ loadings)[:, None] * loadings
    return np.asarray(sines + 0.6 * (factors @ bends)[:, None] * bends)


def anomalies(kind: str, seed: int) -> tuple[Floats, Flags]:
    """Return rows of five clusters with anomalies of a kind, and which rows are anomalies."""
    rng, n_rows = np.random.default_rng(seed), N_KIND_ROWS
    is_anomaly = np.isin(np.arange(n_rows), rng.permutation(n_rows)[: round(KIND_SHARE * n_rows)])
    centers = rng.normal(size=(N_CLUSTERS, N_KIND_COLUMNS))
    loadings = rng.normal(size=(N_CLUSTERS, N_KIND_COLUMNS, N_KIND_COLUMNS)) / N_KIND_COLUMNS**0.5
    which = rng.integers(N_CLUSTERS, size=n_rows)
    apart = np.einsum("ij,ijk->ik", rng.normal(size=(n_rows, N_KIND_COLUMNS)), loadings[which])
    rows = centers[which] + apart
    usual, others = rows[~is_anomaly], rows[is_anomaly]
    rows[is_anomaly] = {
        "local": lambda: (centers[which] + 5**0.5 * apart)[is_anomaly],
        "global": lambda: rng.uniform(1.1 * usual.min(0), 1.1 * usual.max(0), others.shape),
        "clustered": lambda: 5 * centers[0] + rng.normal(size=others.shape) @ loadings[0],
        "dependent": lambda: np.column_stack(
            [gaussian_kde(column).resample(len(others), seed=rng)[0] for column in usual.T]
        ),
    }[kind]()
    return rows, is_anomaly


PEERS: dict[str, Callable[[Floats, int], Floats]] = {
    "Mahalanobis": lambda rows, seed: EmpiricalCovariance().fit(rows).mahalanobis(rows),
    "5-NN": lambda rows, seed: NearestNeighbors(n_neighbors=5).fit(rows).kneighbors()[0][:, -1],
    "LOF": lambda rows, seed: -LocalOutlierFactor().fit(rows).negative_outlier_factor_,
    "IForest": lambda rows, seed: -IsolationForest(random_state=seed).fit(rows).score_samples(rows),
    "MCD": lambda rows, seed: MinCovDet(random_state=seed).fit(rows).dist_,
}
ORACLE = "oracle"


def rankings(
    part: str, case: Any, seed: int, label: str, *, peers: bool
) -> Iterator[tuple[str, Any]]:
    """Yield each ranking's name and figures for one table."""
    if part == "relations":
        drawn = Simulated.drawn(case, seed)
        rows, columns, truth = drawn.numbers(), drawn.columns(), drawn.is_broken
    else:
        rows, truth = anomalies(case, seed)
        columns = {f"c{j}": column.tolist() for j, column in enumerate(rows.T)}
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    for what, given in (("array", rows), ("table", table_from_columns(columns))):
        detector = SOMDetector(random_state=seed).fit(given)
        yield f"{label}, {what}", figures(-detector.score_samples(given), truth)
    for name, ranking in PEERS.items() if peers else ():
        yield name, figures(ranking(rows, seed), truth)
    if peers and part == "relations":
        yield ORACLE, figures(drawn.oracle(), truth)


def figures(scores: Floats, is_anomaly: Flags) -> list[float]:
    """Return the AUROC, the average precision and the share of anomalies within the first rows."""
    first = np.argsort(-scores, kind="stable")[: round(FIRST * len(scores))]
    share = is_anomaly[first].sum() / is_anomaly.sum()
    graded = (grade(is_anomaly, scores) for grade in (roc_auc_score, average_precision_score))
    return [*map(float, graded), float(share)]


def measure(part: str, found: Figures, label: str, n_seeds: int, *, peers: bool) -> None:
    """Add the figures of all cases of a part."""
    for case in CASES if part == "relations" else KINDS:
        of_case: dict[str, list[list[float]]] = {}
        for seed in range(n_seeds):
            for name, values in rankings(part, case, seed, label, peers=peers):
                of_case.setdefault(name, []).append(values)
        found.setdefault(str(case), {}).update(of_case)
        shown = ", ".join(f"{name} {mean(of_case, name):.2f}" for name in of_case)
        print(f"{case}: average precision: {shown}", flush=True)


def report(record: dict[str, Figures]) -> str:
    """Return the tables of a record."""
    texts = []
    for part, found in record.items():
        names = sorted({name for of in found.values() for name in of}, key=place)
        for k, shown in enumerate(SHOWN):
            rows = [
                [case, *(f"{mean(of, name, k):.2f}" if name in of else "" for name in names)]
                for case, of in found.items()
            ]
            texts.append(f"{part}, {shown}:\n\n{markdown(['case', *names], rows)}")
        if all(name in of for of in found.values() for name in (ORACLE, *PEERS)):
            texts.append(f"{part}, the gap in average precision:\n\n{markdown(*gaps(found), 2)}")
    return "\n\n".join(texts)


def place(name: str) -> tuple[int, str]:
    """Return a sort key: somscape comes first, then its peers, then the oracle."""
    others = [*PEERS, ORACLE]
    return others.index(name) + 1 if name in others else 0, name


def mean(of_case: dict[str, list[list[float]]], name: str, k: int = 1) -> float:
    """Return the mean of a figure over the seeds."""
    return float(np.mean([values[k] for values in of_case[name]]))


def gaps(found: Figures) -> tuple[list[str], list[list[str]]]:
    """Return the head and lines of the table that compares means with the best peer of each case.

    The last column is the least difference from the best peer in a case.
    """
    head = ["cases", "ranking", "best peer", "somscape", "oracle", "share of the gap", "least"]
    lines, groups = [], dict[str, list[dict[str, list[list[float]]]]]()
    for case, of in found.items():
        groups.setdefault(f"{case.split()[0]}, {case.partition('), ')[2]}", []).append(of)
    for group, cases in groups.items():
        best = np.array([max(mean(of, name) for name in PEERS) for of in cases])
        top = np.array([mean(of, ORACLE) for of in cases])
        for name in sorted(set(cases[0]).difference(PEERS, [ORACLE])):
            ours, gap = np.array([mean(of, name) for of in cases]), (top - best).mean()
            shown = [f"{values.mean():.2f}" for values in (best, ours, top)]
            shown.append(f"{(ours - best).mean() / gap:.0%}" if gap > LEAST_GAP else "")
            lines.append([group, name, *shown, f"{(ours - best).min():+.2f}"])
    return head, lines


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure how well broken relations are found.")
    add = parser.add_argument
    add("--parts", nargs="*", choices=N_SEEDS, default=list(N_SEEDS), help="default: both")
    add("--seeds", type=int, help=f"tables of each case (default: {N_SEEDS})")
    add("--somscape-only", action="store_true", help="leave out the peers and the oracle")
    add("--label", default="somscape", help="name of somscape in the tables (default: somscape)")
    add("--record", type=Path, help="file that keeps all results as JSON, and is read first")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # MinCovDet warns of determinants
    record: dict[str, Figures] = {}
    if arguments.record and arguments.record.exists():
        record = json.loads(arguments.record.read_text(encoding="utf-8"))
    heading = f"{machine()}. Command: `{shlex.join(['python', *sys.argv])}`."
    for part in arguments.parts:
        n_seeds = arguments.seeds or N_SEEDS[part]
        found = record.setdefault(part, {})
        measure(part, found, arguments.label, n_seeds, peers=not arguments.somscape_only)
        if arguments.record:
            arguments.record.write_text(json.dumps(record), encoding="utf-8")
    print(f"\n{heading}\n\n{report(record)}")


if __name__ == "__main__":
    main()
