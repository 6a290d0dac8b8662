"""What is measured: our defaults, our curve, the peers, a random search, and time to quality.

Every quality is that of `quality.map_errors`, one function in float64: the mean distance of the
rows to their best unit (QE), and the share of rows whose two best units are no neighbors (TE).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np
from libraries import bench_fastersom
from numpy.typing import NDArray
from peers import Peer, fastersom_defaults, somoclu_defaults, xpysom_defaults
from problems import PROBLEMS, Problem
from quality import SAMPLE_ROWS, map_errors

from somscape import SOM, Lattice

Rows = NDArray[Any]
Shape = tuple[int, int]
Result = dict[str, Any]

RADII = (0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2, 1.6, 2.0)
"""Final radii of our curve."""
TIMED = ("clusters", "pixels", "many-rows", "large-map")
STEP = 1.01
"""Hexagonal units at most so far apart are neighbors."""


@dataclass(frozen=True)
class Trial:
    """One draw of the random search."""

    radius_start: float
    radius_end: float
    n_epochs: int
    init: str


def errors_on(rows: Rows, codebook: Rows, shape: Shape, kind: str = "rectangular") -> Result:
    """Return QE, and TE by the 8 neighbors of a rectangular map or the 6 of a hexagonal one."""
    places = Lattice(*shape, kind).positions

    def are_apart(units: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
        along = np.abs(places[units] - places[others])
        is_rectangular = kind == "rectangular"
        distance = along.max(axis=1) if is_rectangular else np.hypot(along[:, 0], along[:, 1])
        return np.asarray(distance > STEP)

    qe, te = map_errors(rows, np.asarray(codebook), are_apart)
    return {"qe": qe, "te": te}


def fitted(rows: Rows, **parameters: Any) -> Result:
    """Return the quality of our map, with its shape, epochs and seconds."""
    som = SOM(**parameters)
    started = time.perf_counter()
    som.fit(rows)
    seconds = time.perf_counter() - started
    lattice = som.map_.lattice
    shape = (lattice.n_rows, lattice.n_cols)
    result = errors_on(rows, som.codebook_, shape, lattice.kind)
    return {**result, "shape": shape, "n_epochs": som.n_iter_, "seconds": seconds}


def defaults(rows: Rows) -> Result:
    """Return our default map on its own hexagonal lattice, and on a rectangular one."""
    return {
        "hexagonal": fitted(rows),
        "rectangular": fitted(rows, lattice="rectangular"),
    }


def curve(rows: Rows, shape: Shape) -> list[Result]:
    """Return our quality by the final radius, all else at its default; it does not draw."""
    settings = {"n_rows": shape[0], "n_cols": shape[1], "lattice": "rectangular"}
    return [
        {"radius_end": radius, **fitted(rows, radius_end=radius, **settings)} for radius in RADII
    ]


def qe_at(points: list[Result], te: float, n_rows: int) -> tuple[float, str]:
    """Return the QE of a curve at a topographic error, and on which side of the curve that is.

    Linear in the logarithm of TE between the points that no other point beats. Beyond them the
    nearest end: at a larger TE than all, "above", our TE is no worse; at a smaller one, "below",
    ours is worse and the comparison is in our favor. No error among the graded rows counts as half
    of one.
    """
    front: list[Result] = []
    for point in sorted(points, key=lambda p: (p["te"], p["qe"])):
        if not front or point["qe"] < front[-1]["qe"]:
            front.append(point)
    if te > front[-1]["te"]:
        return front[-1]["qe"], "above"
    if te < front[0]["te"]:
        return front[0]["qe"], "below"
    least = 0.5 / min(n_rows, SAMPLE_ROWS)
    places = [log(max(point["te"], least)) for point in front]
    return float(np.interp(log(max(te, least)), places, [p["qe"] for p in front])), ""


def peer_quality(peer: Peer, rows: Rows, shape: Shape, seed: int, cap: float) -> Result:
    """Return the quality of a peer, cut to a number of seconds, and what it was cut to."""
    n_epochs, n_kept = peer.affordable(rows, shape, cap)
    kept = rows
    if n_kept < len(rows):
        drawn = np.random.default_rng(seed).choice(len(rows), n_kept, replace=False)
        kept = rows[np.sort(drawn)]
    started = time.perf_counter()
    codebook = peer.train(kept, shape, seed, n_epochs)
    seconds = time.perf_counter() - started
    is_cut = n_epochs < peer.n_epochs or n_kept < len(rows)
    cut = f"{n_epochs} epochs, {n_kept:,} rows" if is_cut else ""
    return {**errors_on(rows, codebook, shape), "seconds": seconds, "cut": cut}


def search(rows: Rows, shape: Shape, seed: int, n_trials: int, max_rows: int) -> Result:
    """Return our default beside the trials of a random search, rectangular, on the same rows."""
    rng = np.random.default_rng(seed)
    if len(rows) > max_rows:
        rows = rows[np.sort(np.random.default_rng(0).choice(len(rows), max_rows, replace=False))]
    settings = {"n_rows": shape[0], "n_cols": shape[1], "lattice": "rectangular"}
    default = fitted(rows, **settings)
    trials = []
    for _ in range(n_trials):
        trial = drawn_trial(rng, max(shape))
        result = fitted(rows, **settings, **vars(trial), random_state=seed)
        trials.append({**vars(trial), "qe": result["qe"], "te": result["te"]})
    allowed = [trial for trial in trials if trial["te"] <= default["te"]]
    best = min(allowed, key=lambda trial: trial["qe"], default=None)
    return {"n_rows": len(rows), "default": default, "best": best, "trials": trials}


def drawn_trial(rng: np.random.Generator, longest_side: int) -> Trial:
    """Return a draw: radii and epochs uniform in their logarithms, starts with equal chance."""
    radius_end = log_uniform(rng, 0.3, 1.5)
    radius_start = log_uniform(rng, max(1.0, radius_end), max(2.0, longest_side / 2))
    n_epochs = round(log_uniform(rng, 5, 60))
    init = ("pca", "sample", "random")[rng.integers(3)]
    return Trial(radius_start, radius_end, n_epochs, init)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(log(low), log(high))))


def timed(name: str, seed: int, cap: float) -> dict[str, Result]:
    """Return quality and seconds of our defaults and of the batch peers on a problem, on a plane.

    fastersom has the problem's schedule and start, on pixels also in 15 epochs, and its own
    defaults; the slower peers have their defaults, for ten epochs, and are left out where that
    takes too long. Rows are taken as they are, not standardized.
    """
    problem = replace(PROBLEMS[name](seed), is_torus=False)
    rows, shape = problem.data, (problem.n_rows, problem.n_cols)
    results = {
        "somscape": fitted(rows, n_rows=shape[0], n_cols=shape[1], random_state=seed),
        "somscape, rectangular": fitted(
            rows, n_rows=shape[0], n_cols=shape[1], lattice="rectangular", random_state=seed
        ),
    }

    def of_schedule(problem: Problem) -> Callable[[], Rows]:
        return lambda: bench_fastersom.train(problem)

    def of_defaults(train: Callable[[Rows, Shape, int, int], Rows]) -> Callable[[], Rows]:
        return lambda: train(rows, shape, seed, 10)

    peers = {
        f"fastersom, problem's {problem.n_steps} epochs": of_schedule(problem),
        "fastersom, defaults": of_defaults(fastersom_defaults),
    }
    if name == "pixels":
        peers["fastersom, 15 epochs"] = of_schedule(replace(problem, n_steps=15))
    for library, train in (("XPySom", xpysom_defaults), ("Somoclu", somoclu_defaults)):
        n_epochs, n_kept = Peer(library, "", train, 10, 10).affordable(rows, shape, cap)
        if n_kept == len(rows):
            peers[f"{library}, defaults, {n_epochs} epochs"] = of_defaults(train)
    for library, call in peers.items():
        started = time.perf_counter()
        codebook = call()
        seconds = time.perf_counter() - started
        results[library] = {**errors_on(rows, codebook, shape), "seconds": seconds}
    return results
