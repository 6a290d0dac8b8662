"""What marks taught a detector: factors of scores, and the places of the marked rows themselves.

A score is multiplied by a factor, so that all parts of it keep their shares.  Its log is a sum over
the rows that taught, the more they pull and the more the row is like them.  A row that was marked,
or equals one that was, has the score that it holds instead: above all unmarked training rows if it
was confirmed, below them if it was cleared.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._elementary import exp
from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_number, check_whole
from somscape.encode import Encoding
from somscape.kernels import Metric
from somscape.outliers._arrays import is_array
from somscape.outliers._rarity import are_knots

CITY_BLOCK = Metric("manhattan")

MAX_SAID = 3
"""Most columns that are named as those that changed scores."""

NAMED_SHARE = 0.5
"""A column is named if rows lie at least this share as far apart by it as by the first one."""

LIKE_WITHIN = 3.0
"""Distance within which rows are alike."""

BLOCK_VALUES = 1 << 20
"""Distances in memory at once: 8 MiB."""

CLEAR_TRUST = 0.5
"""Below this trust, sentences say that marks contradict each other."""


@dataclass(frozen=True, eq=False)
class Marks:
    """What a detector learned from marks.

    Attributes
    ----------
    n_confirmed, n_cleared : int
        Marked rows that are anomalies, and that are usual.
    trust : float
        From 0 to 1: how far the marks are followed, by how well each is told by the others.
    n_raised, n_lowered : int
        Training rows that hold no place whose score was multiplied by 1.1 and more, or divided.
    center : float
        Log of the factor of a training row on average, which is taken off.
    features : ndarray of shape (n_used,), int64
        The encoded features that tell how far rows lie apart, ascending; empty if nothing was
        learned.
    x, y : ndarray of shape (n_used, n_knots), float64
        Knots of each feature, and where they lie on its axis; in between straight, and level beyond
        the ends.  The last one repeats where a feature has fewer.
    places : ndarray of shape (n_taught, n_used), float64
        Where the rows that taught lie on these axes.
    pull : ndarray of shape (n_taught,), float64
        How much each adds to the log of the factor of a row at its place.
    n_leading : int
        How many of the rows that hold a place were confirmed; they come first.
    rows : ndarray of shape (n_held, n_features), float64
        Encoded rows whose score is held.
    held : ndarray of shape (n_held,), float64
        Their scores.
    """

    n_confirmed: int
    n_cleared: int
    trust: float
    n_raised: int
    n_lowered: int
    center: float
    features: Ints
    x: Float64s
    y: Float64s
    places: Float64s
    pull: Float64s
    n_leading: int
    rows: Float64s
    held: Float64s

    @classmethod
    def none(cls, n_confirmed: int, n_cleared: int, n_features: int) -> "Marks":
        """Return marks that taught nothing and hold no place."""
        empty = np.empty((0, 2))
        nothing = np.empty(0, dtype=np.int64), empty, empty, empty[:, :0], empty[:, 0]
        held = 0, np.empty((0, n_features)), np.empty(0)
        return cls(n_confirmed, n_cleared, 1.0, 0, 0, 0.0, *nothing, *held)

    def check(self, n_features: int) -> None:
        """Raise ValueError or TypeError if the parts do not fit together."""
        for name in ("n_confirmed", "n_cleared", "n_raised", "n_lowered", "n_leading"):
            check_whole(f"marks.{name}", getattr(self, name), 0)
        check_number("marks.trust", self.trust, 0, 1, low_is_allowed=True)
        check_number("marks.center", self.center, -np.inf)
        features, x = self.features, self.x
        are_lines = (
            is_array(features, (-1,), "i")
            and is_array(x, (len(features), -1))
            and is_array(self.y, x.shape)
            and x.shape[1] > 1
            and (np.diff(features) > 0).all()
            and ((features >= 0) & (features < n_features)).all()
            and are_knots(x)
        )
        if not are_lines:
            raise ValueError("`marks` must have ascending features, and for each ascending knots.")
        if not is_array(self.pull, (-1,)) or not is_array(
            self.places, (len(self.pull), len(features))
        ):
            raise ValueError("`marks` must have a pull for each place, of as many features.")
        n_held = len(self.held)
        are_scores = is_array(self.held, (-1,)) and bool((self.held >= 0).all())
        are_rows = is_array(self.rows, (n_held, n_features)) and self.n_leading <= n_held
        if not (are_scores and are_rows):
            raise ValueError(
                "`marks` must have one finite score from 0 for each row that they hold."
            )

    @property
    def teach(self) -> bool:
        """Whether they change scores of other rows."""
        return len(self.features) > 0

    def factors(self, rows: Floats) -> Float64s:
        """Return what the score of each row is multiplied by."""
        return exp(self.moves(rows) - self.center)

    def moves(self, rows: Floats) -> Float64s:
        """Return the log of `factors` before `center` is taken off."""
        out = np.zeros(len(rows))
        if not self.teach:
            return out
        for part in blocks(len(rows), max(1, BLOCK_VALUES // len(self.pull))):
            apart = np.asarray(CITY_BLOCK.distances(self._placed(rows[part]), self.places))
            out[part] = (alike(apart.astype(np.float64)) * self.pull).sum(axis=1)
        return out

    def _placed(self, rows: Floats) -> Float64s:
        """Return where rows lie on the axes."""
        placed = np.empty((len(rows), len(self.features)))
        for j, feature in enumerate(self.features.tolist()):
            n = 1 + int(np.count_nonzero(np.diff(self.x[j])))
            placed[:, j] = np.interp(rows[:, feature], self.x[j, :n], self.y[j, :n])
        return placed

    def are_held(self, rows: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which rows equal one that holds a place, and which a confirmed one."""
        which = self._which(rows)
        return which >= 0, (which >= 0) & (which < self.n_leading)

    def with_held(self, rows: Floats, scores: Float64s) -> Float64s:
        """Return scores in which rows equal to a marked one have what it holds."""
        which = self._which(rows)
        is_held = which >= 0
        if not is_held.any():
            return scores
        out = scores.copy()
        out[is_held] = self.held[which[is_held]]
        return out

    def _which(self, rows: Floats) -> Ints:
        """Return the number of the row that holds a place and equals each row, or -1."""
        found = np.full(len(rows), -1, dtype=np.intp)
        left = np.arange(len(rows))
        with np.errstate(over="ignore"):
            for feature in range(self.rows.shape[1]):  # few rows are left after the first ones
                own = self.rows[:, feature].astype(np.float32)
                left = left[np.isin(rows[left, feature].astype(np.float32), own)]
        for i, key in zip(left.tolist(), _keys(rows[left]), strict=True):
            found[i] = self._number_by_row.get(key, -1)
        return found

    def parts_with_held(self, rows: Floats, parts: Float64s) -> Float64s:
        """Return parts of scores that add up to what marked rows hold."""
        scores = parts.sum(axis=1)
        held = self.with_held(rows, scores)
        moved = np.flatnonzero(held != scores)
        shares = np.full((len(moved), parts.shape[1]), 1.0 / parts.shape[1])
        own = scores[moved, None]
        np.divide(parts[moved], own, out=shares, where=own > 0)
        out = parts.copy()
        out[moved] = held[moved, None] * shares
        return out

    @cached_property
    def _number_by_row(self) -> dict[bytes, int]:
        numbers: dict[bytes, int] = {}
        for i, key in enumerate(_keys(self.rows)):
            numbers.setdefault(key, i)
        return numbers

    def in_words(self, encoding: Encoding) -> str:
        """Return what the marks changed, or why they changed nothing, in sentences."""
        n = self.n_confirmed + self.n_cleared
        marks = f"{n:,} {'mark' if n == 1 else 'marks'} ({self.n_confirmed:,} confirmed, "
        marks += f"{self.n_cleared:,} cleared)"
        parts = [f"{marks} {self._change(encoding)}."]
        if self.teach and self.trust < CLEAR_TRUST:
            parts.append(
                f"They agree little with each other, so they count {100 * self.trust:.0f} %."
            )
        if len(self.held):
            n_ending = len(self.held) - self.n_leading
            kinds = (self.n_leading, "confirmed rows lead"), (n_ending, "cleared ones end")
            places = " and ".join(words for n, words in kinds if n)
            parts.append(f"{places[0].upper()}{places[1:]} the list.")
        return " ".join([*parts, "P-values are estimates."])

    def _change(self, encoding: Encoding) -> str:
        other = "other " if len(self.held) else ""
        if not self.teach:
            return f"changed the scores of no {other}rows: {self._why_nothing()}"
        if not self.n_raised + self.n_lowered:
            return f"changed the score of no {other}row by a tenth"
        rows = f"{other}row" if self.n_raised == 1 else f"{other}rows"
        changed = f"raised the scores of {self.n_raised:,} {rows} and lowered those of "
        changed += f"{self.n_lowered:,} by a tenth or more"
        if not self.n_confirmed:
            return changed
        return f"{changed}, most by {_listed(self._columns(encoding))}"

    def _why_nothing(self) -> str:
        if not self.n_cleared:
            return "none is cleared, so nothing tells what to lower"
        if self.trust == 0:
            return "they contradict each other"
        return "the marked rows do not differ in any column"

    def _columns(self, encoding: Encoding) -> list[str]:
        """Return the names of the columns by which rows lie farthest apart."""
        change = np.zeros(encoding.n_features)
        change[self.features] = np.ptp(self.y, axis=1)
        by_column = encoding.sum_by_column(change[None])[0]
        order = np.argsort(-by_column, kind="stable")[:MAX_SAID]
        least = NAMED_SHARE * by_column[order[0]]
        return [encoding.features[j].name for j in order if by_column[j] >= least]


def alike(distances: Float64s) -> Float64s:
    """Return how alike rows are: 1 for equal ones, and less with distance."""
    return exp(distances / -LIKE_WITHIN)


def same_rows(rows: Floats) -> Ints:
    """Return a number for each row, the same for equal rows."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in _keys(rows)], dtype=np.intp)


def _keys(rows: Floats) -> list[bytes]:
    """Return the bytes of each row as float32; 0.0 and -0.0 are alike."""
    with np.errstate(over="ignore"):
        short = np.ascontiguousarray(rows, dtype=np.float32) + np.float32(0)
    return [row.tobytes() for row in short]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
