"""Keep what this release writes, for later ones to read: ``python tests/golden/make.py``.

Run once for each release, before it.  A folder of a release is never written anew.
"""

import json
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from somscape import SOM, SOMDetector, SOMImputer, TableEncoder, __version__
from somscape.tables import Table, table_from_columns

HERE = Path(__file__).parent


def rows() -> np.ndarray:
    """Rows of three numbers, some of them missing."""
    X = np.random.default_rng(0).normal(size=(40, 3)).round(3)
    X[3, 0] = X[7, 2] = np.nan
    return X


def table() -> Table:
    """A table with a column of each kind."""
    rng = np.random.default_rng(1)
    columns: dict[str, Any] = {
        "customer_id": [f"c{i:03}" for i in range(40)],
        "amount": np.exp(rng.normal(5, 2, size=40)).round(2).tolist(),
        "job": ["clerk", "nurse", None, "cook"] * 10,
        "grade": ["low", "high", "middle", "low", "high"] * 8,
        "since": [f"20{10 + i % 15}-0{1 + i % 9}-11" for i in range(40)],
        "country": ["AT"] * 40,
    }
    return table_from_columns(columns)


def fitted() -> dict[str, Any]:
    """One fitted estimator of each kind."""
    X = rows()
    kinds = {"dates": ["since"], "ordinals": {"grade": ["low", "middle", "high"]}}
    encoder = TableEncoder(id="customer_id", missing="fill", **kinds)
    return {
        "som": SOM(3, 4, missing="fill", random_state=0).fit(X),
        "detector": SOMDetector(
            som=SOM(3, 4), method="local_scale", encoder=encoder, missing="fill", random_state=0
        ).fit(table()),
        "imputer": SOMImputer(random_state=0).fit(X),
        "encoder": TableEncoder(missing="fill", drop=["customer_id"], **kinds).fit(table()),
    }


def answers(estimators: dict[str, Any]) -> dict[str, Any]:
    """What the estimators say of the rows and the table, as JSON data."""
    X = rows()
    return {
        "som": estimators["som"].predict(X).tolist(),
        "detector": estimators["detector"].score_samples(table()).tolist(),
        "imputer": estimators["imputer"].transform(X).tolist(),
        "encoder": estimators["encoder"].transform(table()).tolist(),
    }


def main() -> None:
    import skops.io  # tests import this file, and skops takes seconds

    folder = HERE / __version__
    folder.mkdir()
    estimators = fitted()
    for name, estimator in estimators.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(estimator))
        joblib.dump(estimator, folder / f"{name}.joblib", compress=3)
        skops.io.dump(estimator, folder / f"{name}.skops", compression=zipfile.ZIP_DEFLATED)
    estimators["detector"].save(folder / "detector.som")
    (folder / "answers.json").write_text(json.dumps(answers(estimators)))
    sys.stdout.write(f"wrote {folder}\n")


if __name__ == "__main__":
    main()
