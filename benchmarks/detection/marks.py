"""Do marks help? The true labels of the first rows of a list, and AUPR on the other rows.

Beside somscape's ranking with the marks stand three classifiers of scikit-learn at their defaults,
which learn from the same marked rows with our score as a further column. Tables are those of
`unusual.py` and the labelled sets, unsupervised. A table counts where both kinds of rows are
among the marked ones and at least 5 anomalies remain. What marks do may be chosen on the choosing
half of the tables and the first half of the sets; the other tables and all sets report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from markdown_tables import markdown
from measure import standardized
from numpy.typing import NDArray
from peers import OURS, Rows, somscape
from sets import SETS, load
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier
from unusual import FOLDER, is_choosing

Result = dict[str, Any]
Flags = NDArray[np.bool_]

N_MARKS = (10, 20, 50)
MIN_LEFT = 5
"""Anomalies that must remain for a table to count."""

FALL = 1.0
"""Points of AUPR that count as a fall."""

CLASSIFIERS = {
    "logistic regression": lambda: LogisticRegression(max_iter=1000),
    "random forest": lambda: RandomForestClassifier(random_state=0),
    "nearest neighbors": KNeighborsClassifier,
}
CHOOSING_SETS = tuple(SETS)[: len(SETS) // 2]


def measured() -> Result:
    """Return AUPR on the rows that are not marked, by table, number of marks and ranking.

    Raises
    ------
    FileNotFoundError
        Without the folder of tables.
    """
    found = {}
    for name, rows, y in _tables():
        found[name] = _of_table(rows, y)
        print(f"{name}: {found[name].get(str(N_MARKS[-1]))}", flush=True)
    return found


def _tables() -> Iterator[tuple[str, Rows, Flags]]:
    files = sorted(FOLDER.glob("*.npz"))
    if not files:
        raise FileNotFoundError(f"there are no tables in {FOLDER}")
    for file in files:
        with np.load(file, allow_pickle=False) as parts:
            rows, y = parts["test"].astype(np.float64), parts["y"] == 1
        yield file.stem, standardized(rows, rows), y
    for name in SETS:
        rows, labels = load(name, 0)
        yield name, standardized(rows, rows), labels == 1


def _of_table(rows: Rows, y: Flags) -> Result:
    alone, found = somscape(rows, None, 0), {}
    order = np.argsort(-alone, kind="stable")
    for n in N_MARKS:
        marked, others = order[:n], order[n:]
        left = int(y[others].sum())
        if left < MIN_LEFT:
            continue
        scores = {"unmarked": alone, OURS: _with_marks(rows, y, marked)}
        for name in CLASSIFIERS:
            scores[name] = _by_classifier(name, rows, alone, y, marked)
        found[str(n)] = {
            "n_confirmed": int(y[marked].sum()),
            "n_left": left,
            "aupr": {
                name: 100 * float(average_precision_score(y[others], of[others]))
                for name, of in scores.items()
            },
        }
    return found


def _with_marks(rows: Rows, y: Flags, marked: NDArray[np.intp]) -> NDArray[np.float64]:
    from somscape import SOMDetector

    known = np.full(len(rows), -1)
    known[marked] = y[marked]
    return -SOMDetector(random_state=0).fit(rows, known=known).score_samples(rows)


def _by_classifier(
    name: str, rows: Rows, scores: NDArray[np.float64], y: Flags, marked: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return a classifier's probabilities; marks of one kind teach it nothing."""
    if y[marked].all() or not y[marked].any():
        return scores
    columns = np.column_stack([rows, (scores - scores.mean()) / scores.std()])
    fitted = CLASSIFIERS[name]().fit(columns[marked], y[marked])
    return np.asarray(fitted.predict_proba(columns)[:, 1])


def halves(result: Result) -> dict[str, list[str]]:
    """Return the names of the tables on which was chosen, and of those that report."""
    tables = [name for name in result if name not in SETS]
    choosing = [name for name in tables if is_choosing(name)]
    reporting = [name for name in tables if not is_choosing(name)]
    return {
        "choosing": [*choosing, *(name for name in CHOOSING_SETS if name in result)],
        "reporting": [*reporting, *(name for name in SETS if name in result)],
    }


def changes(result: Result, names: list[str], n: int, ranking: str, *, both: bool) -> Rows:
    """Return by how much marks change AUPR on the other rows, in points, by table.

    `both`: only where both kinds are among the marked rows; else wherever 5 anomalies remain.
    """
    of_tables = [result[name][str(n)] for name in names if str(n) in result[name]]
    if both:
        of_tables = [of for of in of_tables if 0 < of["n_confirmed"] < n]
    return np.array([of["aupr"][ranking] - of["aupr"]["unmarked"] for of in of_tables])


def fall_share(of_tables: Rows) -> float:
    """Return the share of the tables on which AUPR falls by more than a point."""
    return float(np.mean(of_tables < -FALL))


def tables(result: Result) -> str:
    """Return a table for each half."""
    texts = []
    for half, names in halves(result).items():
        rows = []
        for n in N_MARKS:
            for ranking in (OURS, *CLASSIFIERS):
                found = changes(result, names, n, ranking, both=True)
                everywhere = changes(result, names, n, ranking, both=False)
                shown = [f"{found.mean():+.1f}", f"{fall_share(found):.1%}"]
                shown += [str(len(everywhere)), f"{everywhere.mean():+.1f}"]
                shown += [f"{fall_share(everywhere):.1%}"]
                rows.append([str(n), ranking, str(len(found)), *shown])
        texts.append(f"### Marks, {half} half")
        head = ["marks", "ranking", "tables", "AUPR, points", "falls"]
        head += ["all tables", "AUPR, points", "falls"]
        texts.append(markdown(head, rows, n_left=2))
    return "\n\n".join(texts)
