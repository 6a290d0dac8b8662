"""Scores of unusualness, higher for more unusual, and the exact contribution of each column.

Every score compares the row with some prototypes.  A column contributes in proportion to what it
adds to the squared distances to those prototypes, each weighted by its pull on the score.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape.kernels import EUCLIDEAN, select_kernels
from somscape.outliers._rarity import Rarity
from somscape.outliers._scorer import Scorer, compared_by

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

BLOCK_VALUES = 1 << 20
"""Differences or distances in memory at once: 8 MiB."""

MAX_SEARCHED = 16
"""Most nearest prototypes that a search finds quickly."""

MIN_AT_ONCE = 3
"""Prototypes from which their distances are faster found without asking which are nearest."""

MASS_SHARE = 0.02
"""The score ``mass`` takes in the nearest prototypes that hold this share of the rows."""

MIN_MASS_ROWS = 10.0
"""And at least this number of rows."""


def scores_by(scorers: Sequence[Scorer], rows: Floats, rarity: Rarity | None = None) -> Float64s:
    """Return the score of each row, higher for more unusual."""
    found = joint(scores_of_each(scorers, rows))
    return found if rarity is None else found + rarity.scores(rows)


def scores_of_each(scorers: Sequence[Scorer], rows: Floats) -> Float64s:
    """Return the score of each row by each map."""
    scores = np.empty((len(scorers), len(rows)))
    held = rows.shape[1] * len({id(scorer.decorrelation) for scorer in scorers})
    score = _mean_of_nearest
    if not _is_mean(scorers[0]):
        score, held = _score_alone, max(held, scorers[0].map_.n_units)
    for part in _blocks(len(rows), held):
        each = compared_by(scorers, rows[part])
        for i, (scorer, compared) in enumerate(zip(scorers, each, strict=True)):
            scores[i, part] = score(scorer, compared)
    return scores


def joint(each: Float64s) -> Float64s:
    """Return the scores of several maps (n_scorers, n_samples) as one: their root mean square."""
    if len(each) == 1:
        return each[0]
    total = each[0] ** 2
    for one in each[1:]:  # in the same order for one row and for many, and so with the same bits
        total += one**2
    return np.asarray(np.sqrt(total / len(each)))


def _is_mean(scorer: Scorer) -> bool:
    """Say whether only distances are needed: so in the scores that are used most."""
    return scorer.score in ("combined", "k_prototype")


def _score_alone(scorer: Scorer, compared: Floats) -> Float64s:
    return _SCORES[scorer.score](scorer, compared).scores


def _mean_of_nearest(scorer: Scorer, compared: Floats) -> Float64s:
    k = min(scorer.n_prototypes, len(scorer.usual_units))
    if k < MIN_AT_ONCE:
        return np.asarray(_nearest(scorer, compared, k)[1].mean(axis=1))
    return select_kernels().mean_of_nearest(compared, scorer.usual_compared_codebook, k)


def contributions_by(
    scorers: Sequence[Scorer], rows: Floats, rarity: Rarity | None = None
) -> Float64s:
    """Return how much each original column adds to each row's score."""
    return explained_by(scorers, rows, rarity)[1]


def explained_by(
    scorers: Sequence[Scorer], rows: Floats, rarity: Rarity | None = None
) -> tuple[Float64s, Float64s]:
    """Return what `scores_by` and `contributions_by` do, in half of the time."""
    rows = np.ascontiguousarray(rows)
    each, found = _parts_by_maps(scorers, rows)
    scores = joint(each)
    if rarity is not None:
        scores = scores + rarity.scores(rows)
        found += scorers[0].map_.encoding.sum_by_column(rarity.parts(rows))
    return scores, found


def explained_rows(
    detector: "Detector", rows: Floats, units: Ints | None = None
) -> tuple[Float64s, Float64s]:
    """Return scores of rows, and the parts of their columns, at once."""
    if detector.label_factors is None and detector.marks is None:
        return explained_by(detector.scorers, rows, detector.rarity)
    return detector.scores_of_rows(rows, units), detector.contributions_of_rows(rows)


def _parts_by_maps(scorers: Sequence[Scorer], rows: Floats) -> tuple[Float64s, Float64s]:
    """Return the scores of each map, and what columns add to those of all maps together."""
    encoding = scorers[0].map_.encoding
    out = np.empty((len(rows), len(encoding.features)))
    each_scores = np.empty((len(scorers), len(rows)))
    for part in _blocks(len(rows), rows.shape[1] * _n_compared(scorers[0])):
        each = zip(scorers, compared_by(scorers, rows[part]), strict=True)
        found = [_parts_by_one(scorer, compared) for scorer, compared in each]
        scores = np.concatenate([scores for scores, _ in found])
        each_scores[:, part] = scores.reshape(len(scorers), -1)
        # At once for all maps: for few rows the calls, not the sums, take the time.
        by_column = encoding.sum_by_column(np.concatenate([parts for _, parts in found]))
        by_column[by_column.sum(axis=1) == 0] = 1.0
        by_column *= (scores / by_column.sum(axis=1))[:, None]
        by_map = by_column.reshape(len(scorers), -1, by_column.shape[1])
        out[part] = by_map[0] if len(by_map) == 1 else _joint_parts(by_map)
    return each_scores, out


def _joint_parts(by_map: Float64s) -> Float64s:
    out, squares = np.zeros(by_map[0].shape), np.zeros(len(by_map[0]))
    for parts, scores in zip(by_map, by_map.sum(axis=2), strict=True):
        out += parts * scores[:, None]
        squares += scores**2
    scores = np.sqrt(squares / len(by_map))
    return out / np.where(scores > 0, len(by_map) * scores, 1.0)[:, None]


def _parts_by_one(scorer: Scorer, compared: Floats) -> tuple[Float64s, Float64s]:
    """Return the scores of rows, and in what proportion features add to them."""
    k = min(scorer.n_prototypes, len(scorer.usual_units))
    if _is_mean(scorer) and k >= MIN_AT_ONCE:
        return select_kernels().parts_of_nearest(compared, scorer.usual_compared_codebook, k)
    found, codebook = _SCORES[scorer.score](scorer, compared), scorer.compared_codebook
    by_feature = np.zeros(compared.shape)
    for units, pull in zip(found.units.T, found.pull.T, strict=True):
        by_feature += pull[:, None] * (compared - codebook[units]) ** 2
    return found.scores, by_feature


def nearest_usual(scorer: Scorer, compared: Floats, k: int | None = None) -> tuple[Ints, Float64s]:
    """Return the units of the k usual prototypes nearest to each row, and their distances."""
    k = min(scorer.n_prototypes if k is None else k, len(scorer.usual_units))
    if k <= MAX_SEARCHED:
        return _nearest(scorer, compared, k)
    units, distances = np.empty((len(compared), k), dtype=np.intp), np.empty((len(compared), k))
    for part in _blocks(len(compared), len(scorer.usual_units)):
        units[part], distances[part] = _nearest(scorer, compared[part], k)
    return units, distances


def _nearest(scorer: Scorer, compared: Floats, k: int) -> tuple[Ints, Float64s]:
    if k <= MAX_SEARCHED:
        usual, walk = scorer.usual_compared_codebook, scorer.usual_walk
        found, distances = select_kernels().search(compared, usual, k, order=walk)
    else:
        far = _distances(scorer, compared)
        found = np.argsort(far, axis=1, kind="stable")[:, :k]
        distances = np.take_along_axis(far, found, axis=1)
    return scorer.usual_units[found], distances


def _blocks(n_rows: int, values_per_row: int) -> Iterator[slice]:
    return blocks(n_rows, max(1, BLOCK_VALUES // values_per_row))


def _n_compared(scorer: Scorer) -> int:
    """How many prototypes a row is compared with at most."""
    return scorer.n_prototypes if scorer.kind.is_mean_of_nearest else scorer.map_.n_units


def mass_rows(scorer: Scorer) -> float:
    """Return the number of rows that the score ``mass`` takes in."""
    hits = scorer.map_.hits[scorer.usual_units]
    return float(min(max(MASS_SHARE * hits.sum(), MIN_MASS_ROWS), hits.sum()))


@dataclass(frozen=True, eq=False)
class _Compared:
    """Scores, the units (n_rows, k) that they compare rows with, and the pull of each."""

    scores: Float64s
    units: Ints
    pull: Float64s


def _mean_distance(scorer: Scorer, compared: Floats, k: int) -> _Compared:
    units, distances = _nearest(scorer, compared, min(k, len(scorer.usual_units)))
    # d = (sum over columns of (x_j - w_j)^2) / d: each prototype pulls by 1 / d.
    pull = 1.0 / np.where(distances > 0, distances, np.inf)
    return _Compared(distances.mean(axis=1), units, pull)


def _k_prototype(scorer: Scorer, compared: Floats) -> _Compared:
    return _mean_distance(scorer, compared, scorer.n_prototypes)


def _quantization_error(scorer: Scorer, compared: Floats) -> _Compared:
    return _mean_distance(scorer, compared, 1)


def _mass(scorer: Scorer, compared: Floats) -> _Compared:
    """Mean distance to the nearest prototypes that hold a share of the rows, weighted by rows."""
    distances = _distances(scorer, compared)
    hits, wanted = scorer.map_.hits[scorer.usual_units], mass_rows(scorer)
    order = np.argsort(distances, axis=1, kind="stable")
    cumulative = np.cumsum(hits[order], axis=1)
    share = np.clip(wanted - (cumulative - hits[order]), 0.0, hits[order]) / wanted
    nearest = np.take_along_axis(distances, order, axis=1)
    pull = share / np.where(nearest > 0, nearest, np.inf)
    return _Compared((share * nearest).sum(axis=1), scorer.usual_units[order], pull)


def _distances(scorer: Scorer, compared: Floats) -> Float64s:
    """Return the distances of compared rows to the usual prototypes."""
    exact = compared.astype(np.float64, copy=False)
    return np.asarray(EUCLIDEAN.distances(exact, scorer.usual_compared_codebook))


_SCORES: dict[str, Callable[[Scorer, Floats], _Compared]] = {
    "combined": _k_prototype,
    "k_prototype": _k_prototype,
    "quantization_error": _quantization_error,
    "mass": _mass,
}
