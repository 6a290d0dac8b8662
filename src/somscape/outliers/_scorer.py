"""A map that scores rows: which of its units stand for usual rows, and how rows are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_choice, check_whole
from somscape.maps import Map
from somscape.outliers._arrays import is_array
from somscape.outliers._decorrelation import Decorrelation, compared_by_each
from somscape.outliers._reach import within_reach


@dataclass(frozen=True)
class ScoreKind:
    """What a score is like; `_score.py` has its formula.  It changes by no more than a row moves.

    Attributes
    ----------
    is_mean_of_nearest : bool
        Whether it is the mean distance to the nearest usual prototypes.  Any other score compares a
        row with all of them.
    adds_rarity : bool
        Whether a detector adds how rare single values are (`Detector.rarity`), and numbers far out
        count as less far (`Scorer.reach`).
    """

    is_mean_of_nearest: bool = False
    adds_rarity: bool = False


SCORES = {
    "combined": ScoreKind(is_mean_of_nearest=True, adds_rarity=True),
    "k_prototype": ScoreKind(is_mean_of_nearest=True),
    "quantization_error": ScoreKind(is_mean_of_nearest=True),
    "mass": ScoreKind(),
}
"""All scores; the first is what "auto" chooses."""

REMOVED = ("density", "local_scale", "u_height", "hit_density")
"""Scores of older files, which open and draw, but do not score rows."""

MAX_PROTOTYPES = 64


@dataclass(frozen=True, eq=False)
class Scorer:
    """A map and how it scores rows.

    Attributes
    ----------
    map_ : Map
    score : str
        Name of the score, such as ``"combined"``.
    n_prototypes : int
        Number of nearest prototypes that the score averages over, from 1 to 64.
    usual : ndarray of shape (n_units,), bool, or None, default=None
        Units whose prototypes stand for usual rows.  None means the units that won a row.
    rms_distances : ndarray of shape (n_units,) or None, default=None
        Root mean squared distance of a unit's rows to it, pooled with its neighbors'.  None means
        unknown.  At most 20,000 rows tell it.
    decorrelation : Decorrelation or None, default=None
        Transform of rows and prototypes before they are compared.  None compares them as they are.
    reach : ndarray of shape (2, n_features) or None, default=None
        Lowest and highest value of each feature that are compared as they are; one further out
        counts as this one.  None sets no limit.

    Raises
    ------
    ValueError, TypeError
        If the parts do not fit together; the message names one of them.

    See Also
    --------
    Calibration : What its scores are compared with.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> scorer = SOMDetector(random_state=0).fit(X).detector_.of_all_rows
    >>> scorer.score, scorer.n_prototypes
    ('combined', 24)
    """

    map_: Map
    score: str
    n_prototypes: int
    usual: NDArray[np.bool_] | None = None
    rms_distances: Float64s | None = None
    decorrelation: Decorrelation | None = None
    reach: Float64s | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.map_, Map):
            raise TypeError(f"`map_` must be a Map; got {type(self.map_).__name__}.")
        if self.map_.metric.name != "euclidean" or self.map_.encoding.missing == "mask":
            raise ValueError(
                "`map_` must have metric='euclidean' and no missing='mask', as scores require; got "
                f"metric={self.map_.metric.name!r}, missing={self.map_.encoding.missing!r}."
            )
        if self.score not in REMOVED:
            check_choice("score", self.score, tuple(SCORES))
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES)
        n_units, far = self.map_.n_units, self.rms_distances
        if self.usual is not None and not is_array(self.usual, (n_units,), "b"):
            raise ValueError("`usual` must hold True or False for each unit.")
        if not len(self.usual_units):
            raise ValueError("`usual` must name at least one unit that stands for usual rows.")
        if far is not None and not (is_array(far, (n_units,)) and (far >= 0).all()):
            raise ValueError("`rms_distances` must be finite and not negative, one for each unit.")
        if not isinstance(self.decorrelation, Decorrelation | None):
            raise TypeError(
                "`decorrelation` must be a Decorrelation or None; got "
                f"{type(self.decorrelation).__name__}."
            )
        reach = self.reach
        if reach is not None and not (
            is_array(reach, (2, self.map_.codebook.shape[1])) and (reach[0] <= reach[1]).all()
        ):
            raise ValueError("`reach` must be the lowest and the highest value of each feature.")

    @property
    def kind(self) -> ScoreKind:
        """What the score is like."""
        return SCORES[self.score]

    @cached_property
    def usual_units(self) -> Ints:
        """Units whose prototypes stand for usual rows."""
        return np.flatnonzero(self.map_.hits > 0 if self.usual is None else self.usual)

    @cached_property
    def usual_walk(self) -> Ints:
        """Places in `usual_units`, in an order that keeps map neighbors close."""
        places = np.full(self.map_.n_units, -1)
        places[self.usual_units] = np.arange(len(self.usual_units))
        walked = places[self.map_.lattice.walk]
        return np.ascontiguousarray(walked[walked >= 0])

    @cached_property
    def usual_codebook(self) -> Float64s:
        """Prototypes of `usual_units`."""
        return np.ascontiguousarray(self.map_.codebook[self.usual_units])

    @cached_property
    def compared_codebook(self) -> Float64s:
        """All prototypes in the form in which rows are compared with them."""
        return np.asarray(self.compared(self.map_.codebook))

    @cached_property
    def usual_compared_codebook(self) -> Float64s:
        """The part of `compared_codebook` for `usual_units`."""
        return np.ascontiguousarray(self.compared_codebook[self.usual_units])

    def compared(self, rows: Floats) -> Floats:
        """Return encoded rows in the form that is compared with `compared_codebook`.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The rows themselves if columns have no limits and are not decorrelated.
        """
        return compared(rows, self.decorrelation, self.reach)


def compared_by(scorers: Sequence[Scorer], rows: Floats) -> list[Floats]:
    """Return rows as each of some scorers compares them; what is alike is done once."""
    reach, matrices = scorers[0].reach, [scorer.decorrelation for scorer in scorers]
    if len(scorers) == 1 or any(scorer.reach is not reach for scorer in scorers):
        return [scorer.compared(rows) for scorer in scorers]
    rows = within_reach(rows, reach)
    different = {id(one): one for one in matrices if one is not None}
    found = dict(zip(different, compared_by_each(list(different.values()), rows), strict=True))
    return [rows if one is None else found[id(one)] for one in matrices]


def compared(
    rows: Floats, decorrelation: Decorrelation | None, reach: Float64s | None = None
) -> Floats:
    """Return rows or prototypes in the form in which a detector compares them."""
    rows = within_reach(rows, reach)
    return rows if decorrelation is None else decorrelation.compared(rows)
