"""The peers as their users meet them: at their defaults, and at the credit-card exercise's.

Everything that a peer has a default for is left to it, and what it has none for comes from its
README. Read from the sources of the versions that `install.py` installs:

MiniSom 2.3.6
    ``MiniSom(x, y, input_len, sigma=1, learning_rate=0.5)``, gaussian, both falling as
    ``first / (1 + 2 t / T)`` to a third; uniform random start of unit length. ``train`` has no
    default number of steps: the README's example is ``train(data, 100)``, rows in order, one row
    a step. As that leaves most rows unseen, ten passes in random order stand beside it.
XPySom 1.0.7
    ``XPySom(x, y, input_len, sigma=min(x, y) / 2, sigmaN=1)``, gaussian of standard deviation
    sigma / 2, falling as ``first (last / first)^(t / T)``; uniform random start of unit length.
    ``train`` has no default number of epochs: the README's example is ``train(data, 100)``.
fastersom 0.5.0
    ``SOM(n_rows, n_cols, n_epochs=10)``, gaussian of standard deviation ``ceil(min side / 2) / 2``
    falling to a tenth, as in XPySom; random start of unit length.
Somoclu 1.7.6
    ``Somoclu(n_columns, n_rows)``, ``train(epochs=10, radius0=min side / 2, radiusN=1)``, linear,
    gaussian of standard deviation radius / 2, cut off at the radius; random start in [0, 1], drawn
    by the clock, so that the seed has no say.

The article trains ``MiniSom(10, 10, 15, sigma=1.0, learning_rate=0.5)`` from
``random_weights_init`` by ``train_random(data, 100)``, which shuffles the first 100 rows and never
sees another. The map has the shape of ours here. The batch peers get its radius, 1, and its start
from random rows, for their own number of epochs; a learning rate cancels in their update.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
Shape = tuple[int, int]

PILOT_ROWS, WARM_UP_ROWS = 5_000, 100
"""Fits of more rows are timed on so many first, after one that bears imports and first calls."""


@dataclass(frozen=True)
class Peer:
    """A library at one of its settings.

    Attributes
    ----------
    library, settings : str
        As the reader knows them.
    train : callable
        ``train(rows, (n_rows, n_cols), seed, n_epochs)`` returns the codebook of shape
        (n_units, n_features), unit = row * n_cols + col.
    n_epochs : int
        Passes over the rows; 0 where `train` does a fixed number of steps whatever the rows.
    min_epochs : int
        So many are kept where all of them would take too long; then rows are left out.
    """

    library: str
    settings: str
    train: Callable[[Rows, Shape, int, int], Rows]
    n_epochs: int
    min_epochs: int

    def affordable(self, rows: Rows, shape: Shape, seconds: float) -> tuple[int, int]:
        """Return the epochs and the number of rows that fit the time, judged by a pilot."""
        n_rows = len(rows)
        if not self.n_epochs or n_rows <= PILOT_ROWS:
            return self.n_epochs, n_rows
        pilot = rows[:PILOT_ROWS]
        self.train(rows[:WARM_UP_ROWS], shape, 0, self.min_epochs)
        started = time.perf_counter()
        self.train(pilot, shape, 0, self.min_epochs)
        of_epoch = (time.perf_counter() - started) / self.min_epochs * n_rows / PILOT_ROWS
        n_epochs = max(self.min_epochs, min(self.n_epochs, int(seconds / of_epoch)))
        share = min(1.0, seconds / (of_epoch * n_epochs))
        return n_epochs, max(PILOT_ROWS, int(share * n_rows))


def minisom_readme(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return MiniSom's codebook after the README's 100 steps."""
    from minisom import MiniSom

    som = MiniSom(*shape, rows.shape[1], random_seed=seed)
    som.train(rows, 100)
    return som.get_weights().reshape(-1, rows.shape[1])


def minisom_passes(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return MiniSom's codebook after passes over the rows in random order."""
    from minisom import MiniSom

    som = MiniSom(*shape, rows.shape[1], random_seed=seed)
    som.train(rows, n_epochs * len(rows), random_order=True)
    return som.get_weights().reshape(-1, rows.shape[1])


def minisom_article(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return MiniSom's codebook after the article's calls."""
    from minisom import MiniSom

    som = MiniSom(*shape, rows.shape[1], sigma=1.0, learning_rate=0.5, random_seed=seed)
    som.random_weights_init(rows)
    som.train_random(rows, 100)
    return som.get_weights().reshape(-1, rows.shape[1])


def xpysom_defaults(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return XPySom's codebook."""
    from xpysom import XPySom

    som = XPySom(*shape, rows.shape[1], random_seed=seed, xp=np)
    som.train(rows, n_epochs)
    return np.asarray(som.get_weights()).reshape(-1, rows.shape[1])


def xpysom_article(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return XPySom's codebook at the article's settings."""
    from xpysom import XPySom

    settings = {"sigma": 1.0, "learning_rate": 0.5, "random_seed": seed}
    som = XPySom(*shape, rows.shape[1], **settings, xp=np)
    som.random_weights_init(rows)
    som.train(rows, n_epochs)
    return np.asarray(som.get_weights()).reshape(-1, rows.shape[1])


def fastersom_defaults(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return fastersom's codebook."""
    from fastersom import SOM

    return SOM(*shape, n_epochs=n_epochs, random_state=seed, device="cpu").fit(rows).weights_


def fastersom_article(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return fastersom's codebook at the article's settings."""
    from fastersom import SOM

    settings = {"sigma_initial": 1.0, "init": "sample", "random_state": seed, "device": "cpu"}
    return SOM(*shape, n_epochs=n_epochs, **settings).fit(rows).weights_


def somoclu_defaults(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return Somoclu's codebook."""
    from somoclu import Somoclu

    som = Somoclu(shape[1], shape[0])
    som.train(rows.astype(np.float32), epochs=n_epochs)
    return som.codebook.reshape(-1, rows.shape[1])


def somoclu_article(rows: Rows, shape: Shape, seed: int, n_epochs: int) -> Rows:
    """Return Somoclu's codebook at the article's settings."""
    from somoclu import Somoclu

    drawn = np.random.default_rng(seed).integers(len(rows), size=shape[0] * shape[1])
    som = Somoclu(shape[1], shape[0], initialcodebook=rows[drawn].astype(np.float32))
    som.train(rows.astype(np.float32), epochs=n_epochs, radius0=1.0)
    return som.codebook.reshape(-1, rows.shape[1])


PEERS: dict[str, Peer] = {
    "minisom-readme": Peer("MiniSom", "defaults, 100 steps", minisom_readme, 0, 0),
    "minisom-passes": Peer("MiniSom", "defaults, 10 passes", minisom_passes, 10, 1),
    "minisom-article": Peer("MiniSom", "article, 100 steps", minisom_article, 0, 0),
    "xpysom": Peer("XPySom", "defaults, 100 epochs", xpysom_defaults, 100, 10),
    "xpysom-article": Peer("XPySom", "article, 100 epochs", xpysom_article, 100, 10),
    "fastersom": Peer("fastersom", "defaults, 10 epochs", fastersom_defaults, 10, 10),
    "fastersom-article": Peer("fastersom", "article, 10 epochs", fastersom_article, 10, 10),
    "somoclu": Peer("Somoclu", "defaults, 10 epochs", somoclu_defaults, 10, 10),
    "somoclu-article": Peer("Somoclu", "article, 10 epochs", somoclu_article, 10, 10),
}
