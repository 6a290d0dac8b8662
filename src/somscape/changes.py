"""A map beside the map before it: lay one over the other, and list what changed."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.grid.lattice import Lattice, shifts, turns
from somscape.maps._as_map import as_map, reordered
from somscape.maps.map import Map, unit_places
from somscape.regions.edit import RegionChange, carry_names, compare, given_or_found
from somscape.regions.regions import Regions
from somscape.tables._dictionary import words_of_column, words_of_level
from somscape.tables._recoded import recoded
from somscape.tables.codes import CategoryCode, NumberCode, number_text
from somscape.tables.table import frame_of

__all__ = ["Alignment", "MapChange", "align", "difference"]

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
                f"`found` must be regions of {len(self.units)} units; got {len(found.labels)}.",
                parameter="found",
                value=len(found.labels),
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
    >>> from somscape.maps._as_map import reordered
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
    apart = _apart(here, there[units])
    return Alignment(reordered(b, units), units, words, apart, _apart(here, there))


def _check_lattices(a: Lattice, b: Lattice) -> None:
    if a == b:
        return
    said = [f"{each.size_text} ({each.kind}, {each.boundary})" for each in (a, b)]
    got = said[1] if said[0] != said[1] else "another graph"
    raise InputError(
        f"`b` must have the lattice of `a`, {said[0]}; got {got}. Train it by "
        "SOM(init=a), which keeps the lattice and the columns.",
        parameter="b",
        value=got,
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


DIGITS = 3


def from_to(before: Map, after: Map, column: str, unit: int) -> str:
    """Return from what to what a unit has moved in a column, in original units."""
    encoding = before.encoding
    pairs = zip(encoding.features, encoding.slices, strict=True)
    code, part = next((code, part) for code, part in pairs if code.name == column)
    name = words_of_column(encoding, column)
    row = recoded(after.codebook[[unit]], after.encoding, encoding)
    then, now = before.codebook[[unit]][:, part], row[:, part]
    if isinstance(code, CategoryCode):
        clipped = [np.clip(each[0], 0, None) for each in (then, now)]
        shares = [each / max(each.sum(), 1e-12) for each in clipped]
        level = int(np.abs(shares[1] - shares[0])[:-1].argmax())
        words = words_of_level(encoding, column, code.levels[level])
        low, high = (f"{100 * float(share[level]):.0f} %" for share in shares)
        return f"{name} = {words} from {low} to {high}"
    low, high = (_text(code, code.decode(each)[0]) for each in (then, now))
    return f"{name} from {low} to {high}"


def _text(code: Any, value: Any) -> str:
    if isinstance(code, NumberCode):
        return number_text(float(value), False, DIGITS) if np.isfinite(value) else str(value)
    return str(value)


N_NAMED = 3
"""Most columns that are named as those that moved."""

LEAST_SHARE = 0.05
"""Share of all that moved, below which a column is not named."""

OTHER_LAYOUT = (
    "Either the rows have changed much, or both maps have their groups in other places, so that "
    "units do not compare; one that is trained from the other (init=...) has them in the same"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class MapChange:
    """What has changed from a map to the next.

    Attributes
    ----------
    before : Map
    alignment : Alignment
        How the map after lies over it.
    moved : ndarray of shape (n_units,)
        How far the prototype of each place has moved, in the metric and on the scales of `before`.
    columns : tuple of str
        The columns that are compared.
    by_column : ndarray of shape (n_units, n_columns)
        Share of each column in the square of that distance; 0 for a unit that did not move.
    shares_before, shares_after : ndarray of shape (n_units,)
        Share of the training rows of each place, then and now.
    regions_before, regions_after : Regions or None
        Those that were compared; the latter lie on the map as it is aligned.
    regions : tuple of RegionChange
        What became of them.

    See Also
    --------
    difference : Makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, changes
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> later = SOM(init=som.map_, random_state=0).fit(X + [0.0, 0.5])
    >>> found = changes.difference(som, later)
    >>> found.moved.shape, found.columns
    ((12,), ('x0', 'x1'))
    """

    before: Map
    alignment: Alignment
    moved: Float64s
    columns: tuple[str, ...]
    by_column: Float64s
    shares_before: Float64s
    shares_after: Float64s
    regions_before: Regions | None = None
    regions_after: Regions | None = None
    regions: tuple[RegionChange, ...] = ()

    @property
    def after(self) -> Map:
        """The map after, as it lies over the one before."""
        return self.alignment.map_

    @property
    def grew(self) -> Float64s:
        """What each place has won or lost in the share of rows, of shape (n_units,)."""
        return self.shares_after - self.shares_before

    @property
    def most(self) -> Ints:
        """Number of the column that moved most, by unit; -1 for a unit that did not move."""
        return np.where(self.moved > 0, self.by_column.argmax(axis=1), -1)

    @cached_property
    def of_columns(self) -> dict[str, float]:
        """Share of each column in all that moved, the largest first."""
        squares = self.moved[:, None] ** 2 * self.by_column
        shares = squares.sum(axis=0) / (squares.sum() or 1.0)
        return {self.columns[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable")}

    def __str__(self) -> str:
        said = [f"The map is {self.alignment.words}"] if self.alignment.words else []
        said += [*self._of_prototypes(), *self._of_shares(), *map(str, self.regions)]
        return "\n".join(f"{line}." for line in said)

    def __repr__(self) -> str:
        return f"MapChange({self.before!r}, moved by {self.moved.mean():.3g} on average)"

    def to_frame(self, library: str | None = None) -> Any:
        """Return what has changed in each place, as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With ``unit``, ``row``, ``col``, ``unit_before_turning``, ``moved``, ``column`` (the one
            that moved most), ``share_before``, ``share_after``, ``grew``, and ``region_before`` and
            ``region_after`` where regions were compared.
        """
        columns = unit_places(self.before)
        columns |= {"unit_before_turning": self.alignment.units, "moved": self.moved}
        columns["column"] = [self.columns[i] if i >= 0 else None for i in self.most.tolist()]
        columns |= {"share_before": self.shares_before, "share_after": self.shares_after}
        columns["grew"] = self.grew
        for when, found in (("before", self.regions_before), ("after", self.regions_after)):
            if found is not None:
                columns[f"region_{when}"] = found.labels
        return frame_of(columns, library)

    def _of_prototypes(self) -> list[str]:
        if not self.moved.any():
            return ["No prototype has moved"]
        far, step = float(self.moved.mean()), float(self.before.u_heights.mean())
        beside = f", {far / step:.2g} times as far as neighbors lie apart" if step else ""
        other = [OTHER_LAYOUT] if far > step > 0 else []
        main = [
            f"{words_of_column(self.before.encoding, name)} ({100 * share:.0f} %)"
            for name, share in list(self.of_columns.items())[:N_NAMED]
            if share >= LEAST_SHARE
        ]
        unit = int(self.moved.argmax())
        changed = from_to(self.before, self.after, self.columns[self.most[unit]], unit)
        return [
            f"Prototypes have moved by {far:.2g} on average{beside}",
            *other,
            f"What moved is {', '.join(main)}",
            f"{self._place(unit)} moved most, by {self.moved[unit]:.2g}: {changed}",
        ]

    def _of_shares(self) -> list[str]:
        units = {"grew": int(self.grew.argmax()), "shrank": int(self.grew.argmin())}
        return [
            f"{self._place(unit)} {what} most, from {100 * self.shares_before[unit]:.1f} % to "
            f"{100 * self.shares_after[unit]:.1f} % of the rows"
            for what, unit in units.items()
            if self.grew[unit]
        ]

    def _place(self, unit: int) -> str:
        if self.before.lattice.distance_table is not None:
            return f"Unit {unit}"
        row, col = divmod(unit, self.before.lattice.n_cols)
        return f"Unit {unit} (row {row}, column {col})"


def difference(before: Map, after: Map, *, regions: Any = None, X: Any = None) -> MapChange:
    """Say what has changed from a map to the next, unit by unit.

    Parameters
    ----------
    before : Map
        Such as last month's, or what has one.
    after : Map
        Of the same lattice and columns.  It is laid over the map before, as `align` does.
    regions : Regions, True or pair of Regions, optional
        Regions of `before`: each unit after is then of the region in which its prototype lies.
        True finds regions on both maps, so that new ones show; a pair says which those are.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows by which regions of both maps are matched, as for `regions.compare`.

    Returns
    -------
    MapChange
        Printed, it says what has changed.

    Raises
    ------
    InputError
        For another lattice, other columns, or regions of another map.
    TypeError
        For something that has no map, or something else as regions.

    See Also
    --------
    align : Only lays one map over the other.
    somscape.plots.difference : Its picture.
    somscape.regions.compare : What became of regions.

    Notes
    -----
    Units compare best if the map after was trained from the map before, by ``SOM(init=before)``,
    which also keeps its encoding.  Two trainings from scratch can have their groups in places that
    no turn brings together; regions still compare.  Trainings on halves of the same rows differ,
    too: that is what chance does.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, changes
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> som = SOM(2, 3, random_state=0).fit(X)
    >>> later = SOM(2, 3, random_state=0, init=som.map_).fit(X + [0.0, 0.5])
    >>> found = changes.difference(som, later)
    >>> found.moved.shape, next(iter(found.of_columns))
    ((6,), 'x1')
    """
    before, after = as_map(before), as_map(after)
    alignment = align(before, after)
    now = alignment.map_
    later = recoded(now.codebook, now.encoding, before.encoding)
    far = before.metric.as_euclidean(later) - before.places
    squares = before.encoding.sum_by_used(np.asarray(far, dtype=np.float64) ** 2)
    total = squares.sum(axis=1, keepdims=True)
    found: dict[str, Any] = {}
    if regions is not None and regions is not False:
        pair = _both(regions, before, after, X)
        found = {
            "regions_before": pair[0],
            "regions_after": alignment.turned(pair[1]),
            "regions": tuple(compare(*pair, X=None if isinstance(regions, Regions) else X)),
        }
    return MapChange(
        before=before,
        alignment=alignment,
        moved=before.metric.between(before.codebook, later),
        columns=tuple(code.name for code in before.encoding.used),
        by_column=np.divide(squares, total, out=np.zeros_like(squares), where=total > 0),
        shares_before=_shares(before),
        shares_after=_shares(now),
        **found,
    )


def _both(regions: Any, before: Map, after: Map, X: Any) -> tuple[Regions, Regions]:
    """Return the regions of both maps, each on its own."""
    if isinstance(regions, list | tuple):
        if len(regions) != 2:
            raise InputError(
                f"`regions` must be those of both maps; got {len(regions)}.",
                parameter="regions",
                value=len(regions),
            )
        then, now = (given_or_found(*each) for each in zip(regions, (before, after), strict=True))
        return then, now
    if regions is True:
        then = given_or_found(None, before)
        return then, carry_names(then, given_or_found(None, after), X=X)
    then = given_or_found(regions, before)
    places = then.of(recoded(after.codebook, after.encoding, before.encoding))
    numbers, labels = np.unique(places, return_inverse=True)
    looks = (then.names, then.colors)
    names, colors = (tuple(each[i] for i in numbers) if each else () for each in looks)
    return then, Regions(after, labels.ravel(), names=names, colors=colors)


def _shares(map_: Map) -> Float64s:
    return np.asarray(map_.hits / (map_.hits.sum() or 1.0))
