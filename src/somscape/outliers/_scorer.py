"""A map that scores rows: which of its units stand for usual rows, and how rows are compared."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_choice, check_whole
from somscape.maps import Map
from somscape.outliers._decorrelation import Decorrelation

SCORES = ("k_prototype", "quantization_error", "mass", "density", "local_scale")
MAX_PROTOTYPES = 16


@dataclass(frozen=True, eq=False)
class Scorer:
    """A map and how it scores rows.

    Attributes
    ----------
    map_ : Map
    score : str
        Name of the score, such as ``"k_prototype"``.
    n_prototypes : int
        Number of nearest prototypes that the score averages over, from 1 to 16.
    usual : ndarray of shape (n_units,), bool, or None, default=None
        Units whose prototypes stand for usual rows.  None means the units that won a row.
    rms_distances : ndarray of shape (n_units,) or None, default=None
        Root mean squared distance of a unit's rows to it, pooled with its neighbors'.  None means
        unknown; not every score needs it.
    decorrelation : Decorrelation or None, default=None
        Transform of rows and prototypes before they are compared.  None compares them as they are.

    Raises
    ------
    ValueError, TypeError
        If the parts do not fit together; the message names one of them.
    """

    map_: Map
    score: str
    n_prototypes: int
    usual: NDArray[np.bool_] | None = None
    rms_distances: Float64s | None = None
    decorrelation: Decorrelation | None = None

    def __post_init__(self) -> None:
        check_choice("score", self.score, SCORES)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES)
        n_units = self.map_.n_units
        if self.usual is not None and (self.usual.dtype != bool or self.usual.shape != (n_units,)):
            raise ValueError("`usual` must hold True or False for each unit.")
        if not len(self.usual_units):
            raise ValueError("`usual` must name at least one unit that stands for usual rows.")
        far = self.rms_distances
        if far is not None and not (
            far.shape == (n_units,) and np.isfinite(far).all() and (far >= 0).all()
        ):
            raise ValueError("`rms_distances` must be finite and at least 0, one for each unit.")
        if far is None and self.score in ("density", "local_scale"):
            raise ValueError(f"the score '{self.score}' needs `rms_distances`.")

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
        return np.asarray(compared(self.map_.codebook, self.decorrelation))

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
            The rows themselves if columns are not decorrelated.
        """
        return compared(rows, self.decorrelation)


def compared(rows: Floats, decorrelation: Decorrelation | None) -> Floats:
    """Return rows or prototypes in the form in which a detector compares them.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    decorrelation : Decorrelation or None

    Returns
    -------
    ndarray of shape (n, n_features)
    """
    return rows if decorrelation is None else decorrelation.compared(rows)
