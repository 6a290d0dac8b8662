"""Would another sample, or another seed, name the same unusual applications?

The figure is the share that two lists of the first 50 have in common, mean over all pairs of ten
lists: from bootstrap resamples of the 690 credit applications, each ranking all 690, and from ten
seeds on the applications themselves. Lists drawn at random share 0.07.
"""

from __future__ import annotations

from itertools import combinations
from statistics import mean
from typing import Any

import numpy as np
from credit import RANKINGS, Ranking, applications, first_rows
from numpy.typing import NDArray

from somscape.tables import Table

Result = dict[str, Any]

N_FIRST, N_LISTS = 50, 10
COMPARED = ("somscape", "IForest", "article", "article, trained map")


def overlap(lists: list[NDArray[np.intp]]) -> float:
    """Return the mean share that two of the lists have in common."""
    shared = (len(np.intersect1d(one, other)) for one, other in combinations(lists, 2))
    return mean(shared) / N_FIRST


def over_resamples(ranking: Ranking, table: Table) -> float:
    """Return the overlap of the lists that bootstrap resamples give, with the same seed."""
    lists = []
    for draw in range(N_LISTS):
        drawn = np.random.default_rng(draw).integers(table.n_rows, size=table.n_rows)
        scores = ranking(table.take(np.sort(drawn)), table, 0)
        lists.append(first_rows(scores, N_FIRST, 0))
    return overlap(lists)


def over_seeds(ranking: Ranking, table: Table) -> float:
    """Return the overlap of the lists that seeds give."""
    seeds = range(N_LISTS)
    return overlap([first_rows(ranking(table, table, seed), N_FIRST, 0) for seed in seeds])


def measured() -> Result:
    """Return both overlaps by ranking."""
    table = applications()
    result = {}
    for name in COMPARED:
        ranking = RANKINGS[name]
        figures = {"resamples": over_resamples(ranking, table), "seeds": over_seeds(ranking, table)}
        result[name] = figures
        resamples, seeds = figures.values()
        print(f"stability: {name}: {resamples:.2f} resamples, {seeds:.2f} seeds", flush=True)
    return result
