"""140 labelled tables, most with rows that people had flagged: parts of OddBench and OvRBench.

They are parts of macrOData (arXiv 2602.09329), at most 1,500 rows of each, read from
``shared/data/unusual`` beside the checkout. *Clean*: learn from usual rows, rank others.
*Unsupervised*: learn from the rows that are ranked. Defaults are chosen on the half of the tables
whose name has a SHA-256 that begins with an even hexadecimal digit; the others report.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from markdown_tables import markdown
from measure import CLEAN, Rows
from numpy.typing import NDArray
from peers import OURS, RANKINGS, Ranking, somscape
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

Result = dict[str, Any]

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "unusual"
SETTINGS = ("clean", "unsupervised")
SUM = "KNN + ECOD"
"""The sum of the ranks of two peers' scores."""
N_DRAWN, LEVEL = 10_000, 0.95


def is_choosing(name: str) -> bool:
    """Say whether defaults may be chosen on a table."""
    return int(sha256(name.encode()).hexdigest()[0], 16) % 2 == 0


def measured() -> Result:
    """Return AUROC and average precision by table, setting and method.

    Raises
    ------
    FileNotFoundError
        Without the folder of tables.
    """
    files = sorted(FOLDER.glob("*.npz"))
    if not files:
        raise FileNotFoundError(f"there are no tables in {FOLDER}")
    found: Result = {}
    for file in files:
        with np.load(file, allow_pickle=False) as parts:
            train, test, y = (parts[part] for part in ("train", "test", "y"))
        found[file.stem] = {
            "clean": _graded(*_scaled(train, test), y, is_clean=True),
            "unsupervised": _graded(*_scaled(test, test), y, is_clean=False),
        }
        print(f"{file.stem}: {found[file.stem]['clean'][OURS]}", flush=True)
    return found


def _scaled(train: NDArray[Any], test: NDArray[Any]) -> tuple[Rows, Rows]:
    scaler = StandardScaler().fit(train.astype(np.float64))
    return scaler.transform(train.astype(np.float64)), scaler.transform(test.astype(np.float64))


def _graded(train: Rows, test: Rows, y: NDArray[Any], *, is_clean: bool) -> Result:
    scores: dict[str, NDArray[np.float64]] = {}
    for name, ranking in RANKINGS.items():
        scores[name] = _scores(name, ranking, train, test, is_clean)
    scores[SUM] = rankdata(scores["KNN"]) + rankdata(scores["ECOD"])
    return {
        name: [float(roc_auc_score(y, of)), float(average_precision_score(y, of))]
        for name, of in scores.items()
    }


def _scores(
    name: str, ranking: Ranking, train: Rows, test: Rows, is_clean: bool
) -> NDArray[np.float64]:
    """Return places in order; a ranking that fails ranks all rows alike."""
    try:
        if name == OURS:
            found = somscape(train, test if is_clean else None, 0, **(CLEAN if is_clean else {}))
        else:
            found = ranking(train, test if is_clean else None, 0)
        return np.asarray(rankdata(found, nan_policy="raise"))
    except ValueError:
        return np.zeros(len(test))


def tables(result: Result) -> str:
    """Return a table for each setting and half of the tables."""
    texts = []
    for setting in SETTINGS:
        for half, chooses in (("choosing", True), ("reporting", False)):
            methods, found = values(result, setting, chooses=chooses)
            texts.append(f"### {len(found)} tables, {setting}, {half} half")
            texts.append(_table(methods, found))
    return "\n\n".join(texts)


def values(result: Result, setting: str, *, chooses: bool) -> tuple[list[str], NDArray[np.float64]]:
    """Return the methods, and by table of a half and method AUROC and average precision."""
    of_tables = [result[name][setting] for name in result if is_choosing(name) is chooses]
    methods = list(of_tables[0])
    return methods, np.array([[of[method] for method in methods] for of in of_tables])


def _table(methods: list[str], values: NDArray[np.float64]) -> str:
    rows = []
    drawn = np.random.default_rng(0).integers(len(values), size=(N_DRAWN, len(values)))
    ours = values[:, methods.index(OURS), 0]
    for i, method in enumerate(methods):
        auroc, precision = values[:, i, 0], values[:, i, 1]
        ranks = [
            np.mean([rankdata(-of_table)[i] for of_table in values[:, :, figure].round(6)])
            for figure in (0, 1)
        ]
        ends = np.quantile((ours - auroc)[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        apart = f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}" if method != OURS else ""
        shown = [f"{100 * auroc.mean():.1f}", f"{ranks[0]:.2f}", apart]
        rows.append([method, *shown, f"{100 * precision.mean():.1f}", f"{ranks[1]:.2f}"])
    head = ["method", "AUROC", "rank", "ours above it, 95 %", "average precision", "rank"]
    return markdown(head, rows)
