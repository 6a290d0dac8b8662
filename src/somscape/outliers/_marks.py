"""What marks taught a detector: factors of scores, and the places of the marked rows themselves.

A score is multiplied by a factor: ``exp`` of a sum of lines, one for each encoded feature, so that
all parts of a score keep their shares.  A row that was marked, or equals one that was, has the
score that it holds instead: above all unmarked training rows if it was confirmed, below them if it
was cleared.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from somscape._elementary import exp
from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_number, check_whole
from somscape.encode import Encoding
from somscape.kernels import select_kernels
from somscape.outliers._arrays import is_array
from somscape.outliers._rarity import are_knots

MAX_NAMED = 3
"""Most columns that are named as those that changed scores."""

NAMED_SHARE = 0.5
"""A column is named if its lines rise and fall at least this share as much as the first one's."""


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
        Unmarked training rows whose score was multiplied by 1.1 and more, or divided.
    features : ndarray of shape (n_lines,), int64
        The encoded features that have a line, ascending.
    x, y : ndarray of shape (n_lines, n_knots), float64
        Knots of the lines; both ends are level.
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
    features: Ints
    x: Float64s
    y: Float64s
    rows: Float64s
    held: Float64s

    def check(self, n_features: int) -> None:
        """Raise ValueError or TypeError if the parts do not fit together, or rows of some features.

        Parameters
        ----------
        n_features : int
        """
        for name in ("n_confirmed", "n_cleared", "n_raised", "n_lowered"):
            check_whole(f"marks.{name}", getattr(self, name), 0)
        check_number("marks.trust", self.trust, 0, 1, low_is_allowed=True)
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
        are_held = is_array(self.held, (-1,)) and (self.held >= 0).all()
        if not are_held or not is_array(self.rows, (len(self.held), n_features)):
            raise ValueError(
                "`marks` must have one finite score from 0 for each row that they hold."
            )

    def factors(self, rows: Floats) -> Float64s:
        """Return what the score of each row is multiplied by.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Encoded.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        if not len(self.features):
            return np.ones(len(rows))
        return exp(select_kernels().sum_of_lines(rows, self.features, self.x, self.y))

    def with_held(self, rows: Floats, scores: Float64s) -> Float64s:
        """Return scores in which rows that equal a marked one have the score that it holds.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Encoded.
        scores : ndarray of shape (n_rows,)

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        which = np.arange(len(rows))
        for feature in range(self.rows.shape[1]):  # few rows are left after the first ones
            which = which[np.isin(rows[which, feature], self.rows[:, feature])]
            if not len(which):
                return scores
        out = scores.copy()
        for i, key in zip(which.tolist(), _keys(rows[which]), strict=True):
            out[i] = self._held_by_row.get(key, out[i])
        return out

    def parts_with_held(self, rows: Floats, parts: Float64s) -> Float64s:
        """Return parts of scores that add up to the held ones, where rows equal a marked one.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Encoded.
        parts : ndarray of shape (n_rows, n_columns)

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Shares of a score stay; where all parts are 0 they are equal.
        """
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
    def _held_by_row(self) -> dict[bytes, float]:
        return dict(zip(_keys(self.rows), self.held.tolist(), strict=True))

    def in_words(self, encoding: Encoding) -> str:
        """Return what the marks changed, or why they changed nothing, in sentences.

        Parameters
        ----------
        encoding : Encoding
            Of the rows.

        Returns
        -------
        str
        """
        n = self.n_confirmed + self.n_cleared
        marks = f"{n:,} {'mark' if n == 1 else 'marks'} ({self.n_confirmed:,} confirmed, "
        marks += f"{self.n_cleared:,} cleared)"
        if not len(self.features):
            said = f"{marks} changed the scores of no other rows: {self._why_nothing()}."
        else:
            said = f"{marks} raised the scores of {_rows(self.n_raised)} and lowered those of "
            said += f"{self.n_lowered:,} by a tenth or more, most by "
            said += f"{_listed(self._columns(encoding))}."
            if self.trust < CLEAR_TRUST:
                said += f" Some contradict others, so they count {self.trust:.0%}."
        if len(self.held):
            said += " Confirmed rows lead the list, and cleared ones end it."
        return f"{said} P-values leave the marked rows out, and are estimates."

    def _why_nothing(self) -> str:
        if not self.n_cleared:
            return "none is cleared, so nothing tells what to lower"
        if self.trust == 0:
            return "they contradict each other"
        return "the marked rows do not differ in any column"

    def _columns(self, encoding: Encoding) -> list[str]:
        """Return the names of the columns whose lines change scores most."""
        change = np.zeros(encoding.n_features)
        change[self.features] = np.ptp(self.y, axis=1)
        by_column = encoding.sum_by_column(change[None])[0]
        order = np.argsort(-by_column, kind="stable")[:MAX_NAMED]
        least = NAMED_SHARE * by_column[order[0]]
        return [encoding.features[j].name for j in order if by_column[j] >= least]


def same_rows(rows: Floats) -> Ints:
    """Return a number for each row, the same for equal rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)

    Returns
    -------
    ndarray of shape (n_rows,)
        From 0, in the order in which different rows first come.
    """
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in _keys(rows)], dtype=np.intp)


def _keys(rows: Floats) -> list[bytes]:
    """Return the bytes of each row; 0.0 and -0.0 are alike."""
    exact = np.ascontiguousarray(rows, dtype=np.float64) + 0.0
    return [row.tobytes() for row in exact]


def _rows(n: int) -> str:
    return f"{n:,} other {'row' if n == 1 else 'rows'}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
