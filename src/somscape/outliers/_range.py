"""The values that one column of a row may take while the row stays usual, in original units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.encode import CategoryCode, OrdinalCode, number_text
from somscape.maps import Map
from somscape.outliers._score import nearest_usual, score_rows, scorers_of, settings_of

RESOLUTION = 0.01
"""Numbers are shortened to this share of the range that usual prototypes span in their column."""

STEADY_SCORES = ("k_prototype", "quantization_error", "mass")
"""Means of distances: no faster than the row moves."""

NEAREST_SCORES = STEADY_SCORES[:2]
"""Means over the nearest prototypes, each counting the same."""

NEWTON_STEPS = 60

N_STEPS, MOST_STEPS = 256, 1000
"""Another score is looked at in so many steps on the way to the farthest usual prototype."""

SMALLEST_STEP = 1e-7
"""Share of a column's width at which an end is found."""

FOR_EVER = 1e6
"""Widths beyond the farthest usual prototype at which a range has no end."""


@dataclass(frozen=True)
class Range:
    """Values of a column: an interval, or some levels.

    Attributes
    ----------
    low, high : float, numpy.datetime64 or None
        Ends, which belong to it; infinite where there is none, None for a category.
    levels : tuple of str
        Of a category.
    """

    low: Any = None
    high: Any = None
    levels: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.low is None:
            return " or ".join(self.levels)
        if self.low == self.high:
            return value_text(self.low)
        if self.low == -np.inf:
            return f"at most {value_text(self.high)}"
        if self.high == np.inf:
            return f"at least {value_text(self.low)}"
        return f"between {value_text(self.low)} and {value_text(self.high)}"


def value_text(value: Any) -> str:
    """Return a number, date or level of a range in words."""
    return number_text(value, digits=12) if isinstance(value, float) else str(value)


def steps_of(map_: Map) -> list[float]:
    """Return by column how much shorter numbers may differ, on the encoded scale."""
    return [
        RESOLUTION * float(np.ptp(map_.usual_codebook[:, place])) if code.n_features == 1 else 0.0
        for code, place in zip(map_.encoding.features, map_.encoding.slices, strict=True)
    ]


def ranges_of(
    map_: Map,
    rows: Float64s,
    limit: float,
    pairs: Sequence[tuple[int, int]],
    *,
    unusual: Float64s,
) -> list[Range]:
    """Return for pairs of a row and a column what the column may be while the row is usual.

    Parameters
    ----------
    map_ : Map
    rows : ndarray of shape (n_rows, n_features), float64
        Encoded; each scores at most `limit`.
    limit : float
        The highest score of a usual row.
    pairs : sequence of (int, int)
        Numbers of rows and of feature columns.
    unusual : ndarray of shape (n_rows, n_features), float64
        Values that no range takes in, because they are not usual.

    Returns
    -------
    list of Range
        By pair.  Intervals are those around the row's own value.
    """
    codes, slices = map_.encoding.features, map_.encoding.slices
    has_levels = [isinstance(codes[j], CategoryCode | OrdinalCode) for _, j in pairs]
    lines = [pair for pair in range(len(pairs)) if not has_levels[pair]]
    found = _levels(map_, rows, limit, {n: pairs[n] for n in np.flatnonzero(has_levels).tolist()})
    chosen = [pairs[pair] for pair in lines]
    places = np.array([slices[j].start for _, j in chosen], dtype=np.intp)
    base = rows[[i for i, _ in chosen]]
    low = _ends(map_, base, limit, places, -1.0)
    high = _ends(map_, base, limit, places, 1.0)
    value, other = base[np.arange(len(base)), places], unusual[[i for i, _ in chosen], places]
    low, high = (
        np.where((other < value) & (low <= other), value, low),
        np.where((other > value) & (other <= high), value, high),
    )
    steps, is_steady = steps_of(map_), _is_steady(map_)
    for line, pair in enumerate(lines):
        code, step = codes[chosen[line][1]], steps[chosen[line][1]]
        assert not isinstance(code, CategoryCode | OrdinalCode)
        own = code.short(base[line : line + 1, places[line], None], step)[0]
        ends = [
            end if np.isinf(end) else code.short(np.array([[end]]), step, side)[0]
            for end, side in ((low[line], 1), (high[line], -1))
        ]
        if not is_steady:  # a shortened end may lie in a gap that was not seen
            at = [float(code.place(np.array([end]))[0]) for end in ends]
            stays = [_stays_usual(map_, base[line], places[line], there, limit) for there in at]
            ends = [end if stay else own for end, stay in zip(ends, stays, strict=True)]
        # An end may have been shortened past the value itself, which is short and inside.
        found[pair] = Range(*(max(own, e) if up else min(own, e) for up, e in enumerate(ends)))
    return [found[pair] for pair in range(len(pairs))]


def _is_steady(map_: Map) -> bool:
    """Say whether scores change no faster than rows move."""
    settings = settings_of(map_)
    return settings.score in STEADY_SCORES and settings.lift is None


def _stays_usual(map_: Map, row: Float64s, place: int, value: float, limit: float) -> bool:
    """Say whether a row with another value scores at most a limit; no end is taken for granted."""
    trial = row[None].copy()
    trial[0, place] = value
    return bool(np.isinf(value) or score_rows(map_, trial)[0] <= limit)


def _levels(
    map_: Map, rows: Float64s, limit: float, pairs: dict[int, tuple[int, int]]
) -> dict[int, Range]:
    """Return by pair which levels of a column keep its row usual."""
    codes, slices = map_.encoding.features, map_.encoding.slices
    trials = [rows[:0]]
    for i, j in pairs.values():
        code = codes[j]
        assert isinstance(code, CategoryCode | OrdinalCode)
        trials.append(np.tile(rows[i], (len(code.levels), 1)))
        trials[-1][:, slices[j]] = code.encoded_levels
    is_usual = score_rows(map_, np.vstack(trials)) <= limit
    found, start = {}, 0
    for (pair, (_, j)), trial in zip(pairs.items(), trials[1:], strict=True):
        code, end = codes[j], start + len(trial)
        assert isinstance(code, CategoryCode | OrdinalCode)
        levels = np.array(code.levels, dtype=object)[is_usual[start:end]]
        found[pair], start = Range(levels=tuple(levels.tolist())), end
    return found


def _ends(map_: Map, rows: Float64s, limit: float, places: Ints, direction: float) -> Float64s:
    """Return how far one feature of each row can go in a direction; infinite for ever.

    Where the score is the mean distance to the nearest prototypes, a step ends where the mean
    distance to those that are nearest now reaches the limit: others may be nearer by then, and the
    score is below it all the way, because distances along a line are convex, and so is the root
    of the mean square of such means.  Another mean of distances changes no faster than the row
    moves, so that it cannot pass the limit within the slack there is.  Other scores are looked at
    in steps: narrower gaps are not seen.
    """
    scorers, is_steady = scorers_of(map_), _is_steady(map_)
    is_nearest = is_steady and settings_of(map_).score in NEAREST_SCORES
    usual = map_.usual_codebook[:, places]
    place = rows[np.arange(len(rows)), places]
    edge = np.maximum((direction * usual).max(axis=0), direction * place)
    width = np.maximum(np.ptp(usual, axis=0), limit if is_steady else 0.0)
    width = np.where(width > 0, width, 1.0)
    moves = [direction * _moves(one, places) for one in scorers]
    speed = np.sqrt(sum((by_one**2).sum(axis=1) for by_one in moves) / len(scorers))
    going = np.arange(len(rows))
    if is_nearest:
        _, step = _reach(map_, rows, limit, moves)
        step -= SMALLEST_STEP / 2 * width
    elif is_steady:
        step = (limit - score_rows(map_, rows)) / speed
    else:
        step = (edge - direction * place + width) / N_STEPS
    for _ in range(MOST_STEPS):
        is_found = step[going] <= SMALLEST_STEP * width[going]
        is_endless = direction * place[going] > (edge + FOR_EVER * width)[going]
        going = going[~(is_found | is_endless)]
        if not len(going):
            break
        trial = rows[going]
        there = place[going] + direction * step[going]
        trial[np.arange(len(going)), places[going]] = there
        if is_nearest:
            slack, reach = _reach(map_, trial, limit, [by_one[going] for by_one in moves])
        else:
            slack = limit - score_rows(map_, trial)
        is_usual = slack >= 0
        place[going[is_usual]] = there[is_usual]
        if is_nearest:
            # A little less than it can be, so that rounding does not carry it past the limit.
            reach -= SMALLEST_STEP / 2 * width[going]
            step[going] = np.where(is_usual, reach, step[going] / 2)
        elif is_steady:
            step[going] = slack / speed[going]
        else:
            step[going[~is_usual]] /= 2
            is_outside = direction * there > (edge + width)[going]
            step[going[is_usual & is_outside]] *= 2
    return np.where(direction * place > edge + FOR_EVER * width, direction * np.inf, place)


def _moves(map_: Map, places: Ints) -> Float64s:
    """Return by line how a row moves, as it is compared, where its feature moves by 1."""
    decorrelation = settings_of(map_).decorrelation
    if decorrelation is None:
        moves = np.zeros((len(places), map_.codebook.shape[1]))
        moves[np.arange(len(places)), places] = 1.0
        return moves
    matrix = decorrelation.matrix[places] * decorrelation.counts
    return np.asarray(matrix / decorrelation.spread[places, None])


def _reach(
    map_: Map, rows: Float64s, limit: float, moves: Sequence[Float64s]
) -> tuple[Float64s, Float64s]:
    """Return how far below a limit rows score, and how far their features can move.

    They can until the prototypes that are nearest now, to each map that scores, are too far.
    """
    lines = [_Line.of(one, rows, by) for one, by in zip(scorers_of(map_), moves, strict=True)]
    n = len(lines)
    slack = limit - np.sqrt(sum(line.at(0.0)[0] ** 2 for line in lines) / n)
    # Newton's method from beyond the end, where the convex score is at least the limit: it comes
    # back to the end and never passes it.
    along = sum(line.along.mean(axis=1) for line in lines)
    reach = np.maximum((n * limit - along) / sum(line.speed for line in lines), 0.0)
    for _ in range(NEWTON_STEPS):
        square, slope = np.zeros(len(rows)), np.zeros(len(rows))
        for line in lines:
            far, way = line.at(reach)
            square, slope = square + far**2 / n, slope + far * way / n
        score = np.sqrt(square)
        slope = np.divide(slope, score, out=np.zeros_like(slope), where=score > 0)
        down = (score - limit) / np.maximum(slope, 1e-300)
        reach = np.maximum(reach - np.maximum(down, 0.0), 0.0)
        if (down <= SMALLEST_STEP / 100 * reach).all():
            break
    return slack, reach


@dataclass(frozen=True, eq=False)
class _Line:
    """How far moving rows are from the prototypes nearest to them at the start, (n_rows, k)."""

    along: Float64s
    across: Float64s
    speed: Float64s

    @classmethod
    def of(cls, map_: Map, rows: Float64s, moves: Float64s) -> "_Line":
        k = 1 if settings_of(map_).score == "quantization_error" else None
        units, distances = nearest_usual(map_, rows, k)
        speed = np.sqrt((moves**2).sum(axis=1))
        apart = map_.scored_rows(rows)[:, None, :] - map_.scored_codebook[units]
        along = (apart * moves[:, None, :]).sum(axis=2) / speed[:, None]
        return cls(along, np.maximum(distances**2 - along**2, 0.0), speed)

    def at(self, reach: Float64s | float) -> tuple[Float64s, Float64s]:
        """Return the mean distance where features have moved so far, and how fast it grows."""
        along = self.along + (reach * self.speed)[:, None]
        far = np.sqrt(self.across + along**2)
        slope = np.divide(along, far, out=np.zeros_like(far), where=far > 0)
        return far.mean(axis=1), slope.mean(axis=1) * self.speed
