"""The rows that the problems train on: recipes with a fixed seed, and two real tables.

Made rows are float32 and come in blocks, so that making them needs little more memory than they
take: the peak of a process then belongs to the library that is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]

# The table of the credit-card exercise (docs/contribute/sources.md) may not be in the repository.
# If the file exists next to the checkout, benchmarks use it.
_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CREDIT_CSV = _SHARED_DATA / "Credit_Card_Applications.csv"
N_APPLICATIONS, N_ATTRIBUTES = 690, 14

DATA_SEED = 0
BLOCK_ROWS = 10_000


def credit_applications() -> tuple[Float64s, str]:
    """Return the article's columns A1 to A14 and where they come from.

    Without the file, seeded uniform numbers of the same shape: the work is the same, the quality
    is not comparable with that on the real table.
    """
    if CREDIT_CSV.exists():
        columns = range(1, 1 + N_ATTRIBUTES)
        return np.loadtxt(CREDIT_CSV, delimiter=",", skiprows=1, usecols=columns), CREDIT_CSV.name
    numbers = np.random.default_rng(DATA_SEED).random((N_APPLICATIONS, N_ATTRIBUTES))
    return numbers, "random stand-in"


def credit_csv(folder: Path) -> Path:
    """Return the path of a table with CustomerID and Class, written to ``folder`` if need be."""
    if CREDIT_CSV.exists():
        return CREDIT_CSV
    data, _ = credit_applications()
    label = data[:, :1].round()
    table = np.column_stack([np.arange(len(data)), data, label])
    names = ["CustomerID", *(f"A{i + 1}" for i in range(N_ATTRIBUTES)), "Class"]
    path = folder / "stand_in.csv"
    formats = ["%d", *["%.6f"] * N_ATTRIBUTES, "%d"]
    np.savetxt(path, table, delimiter=",", header=",".join(names), comments="", fmt=formats)
    return path


def digits() -> Float32s:
    """Return the 1,797 handwritten digits of scikit-learn, 8 x 8 pixels scaled to [0, 1]."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data / 16, dtype=np.float32)


def clusters(n_rows: int, n_features: int) -> Float32s:
    """Return rows in 40 gaussian clusters of different spread, stretched along three axes each."""
    n_clusters, n_axes = 40, 3
    rng = np.random.default_rng(DATA_SEED)
    centers = rng.normal(0, 3, (n_clusters, n_features)).astype(np.float32)
    spreads = rng.uniform(0.3, 1, n_clusters).astype(np.float32)
    axes = rng.normal(0, 0.5, (n_clusters, n_axes, n_features)).astype(np.float32)
    rows = np.empty((n_rows, n_features), np.float32)
    for block in _blocks(n_rows):
        part = rows[block]
        cluster = rng.integers(n_clusters, size=len(part))
        rng.standard_normal(out=part, dtype=np.float32)
        part *= spreads[cluster, None]
        part += centers[cluster]
        along = rng.standard_normal((len(part), n_axes), dtype=np.float32)
        part += np.einsum("ij,ijk->ik", along, axes[cluster])
    return rows


def noise(n_rows: int, n_features: int) -> Float32s:
    """Return rows without any structure: independent standard normal numbers."""
    rng = np.random.default_rng(DATA_SEED)
    return rng.standard_normal((n_rows, n_features), dtype=np.float32)


def pixels(n_rows: int, n_features: int) -> Float32s:
    """Return rows like images of 80 kinds: values in [0, 1], about 80 % of them zero."""
    n_kinds = 80
    rng = np.random.default_rng(DATA_SEED)
    kinds = rng.uniform(0.2, 1, (n_kinds, n_features)).astype(np.float32)
    kinds *= rng.random((n_kinds, n_features)) < 0.25
    rows = np.empty((n_rows, n_features), np.float32)
    for block in _blocks(n_rows):
        part = rows[block]
        rng.standard_normal(out=part, dtype=np.float32)
        part *= 0.3
        part += 1
        part *= kinds[rng.integers(n_kinds, size=len(part))]
        part *= rng.random(part.shape, dtype=np.float32) < 0.8
        np.clip(part, 0, 1, out=part)
    return rows


def documents(n_rows: int, n_features: int) -> csr_matrix:
    """Return rows like texts: at most 100 of the words, 60 of them of the row's topic; length 1."""
    from scipy.sparse import csr_matrix

    n_topics, n_topic_words, n_words, n_of_topic = 40, 500, 100, 60
    rng = np.random.default_rng(DATA_SEED)
    vocabulary = rng.integers(n_features, size=(n_topics, n_topic_words))
    words = rng.integers(n_features, size=(n_rows, n_words))
    topic = rng.integers(n_topics, size=(n_rows, 1))
    words[:, :n_of_topic] = vocabulary[
        topic, rng.integers(n_topic_words, size=(n_rows, n_of_topic))
    ]
    counts = rng.random((n_rows, n_words), dtype=np.float32)
    starts = np.arange(0, n_rows * n_words + 1, n_words)
    rows = csr_matrix((counts.ravel(), words.ravel(), starts), shape=(n_rows, n_features))
    rows.sum_duplicates()
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(lengths, np.diff(rows.indptr)).astype(np.float32)
    return rows


def _blocks(n_rows: int) -> Iterator[slice]:
    """Return slices that cover the rows."""
    return (slice(start, start + BLOCK_ROWS) for start in range(0, n_rows, BLOCK_ROWS))
