"""Lay a map over another: turned, flipped and shifted until their prototypes agree best."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Ints
from somscape.encode import recoded
from somscape.errors import InputError
from somscape.grid import Lattice, shifts, turns
from somscape.maps import Map, as_map, reordered
from somscape.regions import Regions

EQUAL = 1e-9
"""Share of the prototypes' squares by which fits count as equal, so that of equal ones the map that
stays as it is comes first."""

BLOCK_VALUES = 1 << 22
"""Values that are transformed at once: 32 MB."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """A map that lies over another.

    Whatever takes a map takes it, too, such as ``plots.umatrix``.

    Attributes
    ----------
    map_ : Map
        The same units in another order; its encoding is its own.
    units : ndarray of shape (n_units,)
        By place, the number that the unit had which lies there now.
    words : str
        What was done, such as "turned by 180 degrees"; "" where nothing was.
    apart, apart_before : float
        Root of the mean squared distance of prototypes that lie over each other, now and before,
        in the other map's metric.

    See Also
    --------
    align : Makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, changes
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> som, other = (SOM(3, 4, random_state=seed).fit(X) for seed in (0, 1))
    >>> found = changes.align(other, som)
    >>> found.apart <= found.apart_before
    True
    """

    map_: Map
    units: Ints
    words: str
    apart: float
    apart_before: float

    def __str__(self) -> str:
        before = f" ({self.apart_before:.3g} before)" if self.words else ""
        words = self.words or "left as it is"
        return f"{words}: prototypes lie {self.apart:.3g} apart{before}"

    def turned(self, found: Regions) -> Regions:
        """Return regions of the map as it was on the map as it lies now.

        Parameters
        ----------
        found : Regions

        Returns
        -------
        Regions
            With the same numbers and names.

        Raises
        ------
        InputError
            For regions of another number of units.
        """
        if len(found.labels) != len(self.units):
            raise InputError(
                f"`found` must be regions of {len(self.units)} units; got {len(found.labels)}."
            )
        return replace(found, map_=self.map_, labels=found.labels[self.units])


def align(a: Map, b: Map) -> Alignment:
    """Lay a map over another, turned, flipped and shifted to fit best.

    Shifts are tried where edges meet, as on a torus.  Two trainings on much the same rows give
    much the same map, but may begin at another corner.  The best of all symmetries of the
    lattice is the one with the least mean squared distance of prototypes that lie over each
    other.  Every unit counts alike, as every cell does in a picture: units lie where rows are,
    and hits of either month would favor that month.

    Parameters
    ----------
    a : Map
        The map that stays, or what has one.
    b : Map
        The map to lay over it, of the same lattice and columns.  Where each has an encoding of its
        own, prototypes are compared on the scales, levels and metric of `a`.

    Returns
    -------
    Alignment
        With the map as its ``map_``.

    Raises
    ------
    InputError
        For another lattice, other columns, or columns of another kind.
    TypeError
        For something that has no map.

    See Also
    --------
    difference : What has changed, once they lie over each other.

    Notes
    -----
    All shifts of a torus are compared at once, by Fourier transforms: O(n_units log n_units) for
    each feature and turn.  A plane of hexagons has few symmetries: half a turn if its rows are even
    in number, else top to bottom; one that is flipped otherwise stays so.  Of squares there are
    four, or eight.  A graph has none that is known, so `b` stays as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, changes
    >>> from somscape.maps import reordered
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> som = SOM(4, 6, random_state=0).fit(X)
    >>> other = reordered(som.map_, np.arange(24)[::-1])
    >>> found = changes.align(som, other)
    >>> print(found.words, bool((found.map_.codebook == som.codebook_).all()))
    turned by 180 degrees True
    """
    a, b = as_map(a), as_map(b)
    _check_lattices(a.lattice, b.lattice)
    here = a.places
    in_its_units = recoded(b.codebook, b.encoding, a.encoding)
    there = np.asarray(a.metric.as_euclidean(in_its_units), dtype=np.float64)
    units, words = _best(a.lattice, here, there)
    return Alignment(
        reordered(b, units), units, words, _apart(here, there[units]), _apart(here, there)
    )


def _check_lattices(a: Lattice, b: Lattice) -> None:
    if a == b:
        return
    said = [f"{each.size_text} ({each.kind}, {each.boundary})" for each in (a, b)]
    got = said[1] if said[0] != said[1] else "another graph"
    raise InputError(
        f"`b` must have the lattice of `a`, {said[0]}; got {got}. Train it by "
        "SOM(init=a), which keeps the lattice and the columns."
    )


def _best(lattice: Lattice, here: Float64s, there: Float64s) -> tuple[Ints, str]:
    """Return, by place, the unit that comes to lie there, and in words what was done."""
    middle = here.mean(axis=0)
    here, there = here - middle, there - middle
    all_turns, all_shifts = turns(lattice), shifts(lattice)
    fits = np.stack([_fits(lattice, here, there[turn.units]) for turn in all_turns])
    equal = EQUAL * np.sqrt((here**2).sum() * (there**2).sum())
    first = int((fits >= fits.max() - equal).argmax())
    turn, down, across = (int(i) for i in np.unravel_index(first, fits.shape))
    units = all_turns[turn].units[all_shifts.units(down, across)]
    said = [all_turns[turn].words, all_shifts.words(down, across)]
    return units, " and ".join(word for word in said if word)


def _fits(lattice: Lattice, here: Float64s, there: Float64s) -> Float64s:
    """Return the sum of products of prototypes for each shift; minus infinity for none."""
    known = shifts(lattice)
    shape = known.are_there.shape
    axes = [i for i, wraps in enumerate((lattice.wraps_rows, lattice.wraps_cols)) if wraps]
    if not axes:
        return np.full((1, 1), float(np.vdot(here, there)))
    total = np.zeros(1)
    for part in blocks(here.shape[1], max(1, BLOCK_VALUES // known.are_there.size)):
        grids = np.zeros((2, *shape, part.stop - part.start))
        grids[:, known.rows, known.columns] = here[:, part], there[:, part]
        a, b = (np.fft.rfftn(grid, axes=axes) for grid in grids)
        # Rows that meet no other are only added up.
        sums = (a * b.conj()).sum(axis=2)
        sums = sums if lattice.wraps_rows else sums.sum(axis=0, keepdims=True)
        total = total + np.fft.irfftn(sums, s=[shape[i] for i in axes], axes=axes)
    return np.where(known.are_there, total, -np.inf)


def _apart(a: Float64s, b: Float64s) -> float:
    return float(np.sqrt(((a - b) ** 2).sum(axis=1).mean()))
