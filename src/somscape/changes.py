"""Align two maps with each other, and compute the changes from an earlier map to a later map."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.grid.lattice import Lattice, shifts, turns
from somscape.maps.map import Map, as_map, feature_named, reordered, unit_places
from somscape.regions.edit import RegionChange, carry_names, compare, given_or_found
from somscape.regions.regions import Regions
from somscape.tables._recoded import recoded, words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode, number_text
from somscape.tables.table import frame_of

__all__ = ["Alignment", "MapChange", "align", "difference"]

EQUAL = 1e-9
"""Maximum difference at which two alignments fit equally well, as a share of the sum of squares of
the prototypes.  The first of equally good alignments is used, which is no change if possible."""

BLOCK_VALUES = 1 << 22
"""Number of values (32 MB) in one transform."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """A map whose units were reordered to match another map.

    Functions with a map as an argument, such as ``plots.umatrix``, also accept an alignment.

    Attributes
    ----------
    map_ : Map
        The reordered map.  Its encoding is unchanged.
    units : ndarray of shape (n_units,)
        For each position of the reordered map, the original number of the unit at this position.
    words : str
        Description of the alignment, such as "turned by 180 degrees", or "" without a change.
    apart, apart_before : float
        Root mean square of the distances between the prototypes of both maps at equal positions,
        after and before the alignment.  The metric is that of the other map.

    See Also
    --------
    align : Returns an alignment.

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
        words = self.words or "not changed"
        return f"{words}, prototypes are {self.apart:.3g} apart{before}"

    def turned(self, found: Regions) -> Regions:
        """Return regions of the original map in the unit order of the aligned map.

        Parameters
        ----------
        found : Regions

        Returns
        -------
        Regions
            Regions with the same numbers and names.

        Raises
        ------
        InputError
            If `found` does not have as many units as the map.
        """
        if len(found.labels) != len(self.units):
            raise InputError(
                f"`found` must be regions of {len(self.units)} units, but has {len(found.labels)} "
                "units. Pass regions of the map before the alignment.",
                value=len(found.labels),
            )
        return replace(found, map_=self.map_, labels=found.labels[self.units])


def align(a: Map, b: Map) -> Alignment:
    """Turn, flip and shift a map so that its prototypes match another map best.

    Two maps that are trained on similar rows are similar, but the same group of rows can be in
    different corners.  All symmetries of the lattice are tried, including shifts if opposite edges
    meet, as on a torus.  The symmetry with the smallest mean squared distance between prototypes at
    the same position is used.  All units have the same weight.

    Parameters
    ----------
    a : Map
        Map with which `b` is aligned, or an object that has a map.
    b : Map
        Map to align.  Both maps must have the same lattice and columns.  If their encodings differ,
        prototypes are compared with the scales, levels and metric of `a`.

    Returns
    -------
    Alignment
        Alignment whose ``map_`` is the aligned map.

    Raises
    ------
    InputError
        If the two maps have different lattices, columns or kinds of columns.
    TypeError
        If `a` or `b` is not a map and does not have a map.

    See Also
    --------
    difference : Aligns two maps and returns their differences.

    Notes
    -----
    All shifts of a torus are compared together by Fourier transforms, in O(n_units log n_units) for
    each feature and each turn.  A flat lattice of hexagons has one symmetry: half a turn if its
    number of rows is even, and otherwise a flip from top to bottom.  A hexagonal map that is
    flipped in another way is therefore not aligned.  A flat lattice of squares has four symmetries,
    or eight if it is as high as it is wide.  The symmetries of a graph are not tried, so a map on a
    graph does not change.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, changes
    >>> from somscape.maps.map import reordered
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> som = SOM(4, 6, random_state=0).fit(X)
    >>> other = reordered(som.map_, np.arange(24)[::-1])
    >>> found = changes.align(som, other)
    >>> print(found.words, bool((found.map_.codebook == som.codebook_).all()))
    turned by 180 degrees True
    """
    a, b = as_map(a, "a"), as_map(b, "b")
    _check_lattices(a.lattice, b.lattice)
    here = a.places
    in_its_units = recoded(b.codebook, b.encoding, a.encoding)
    there = np.asarray(a.metric.as_euclidean(in_its_units), dtype=np.float64)
    units, words = _best_order(a.lattice, here, there)
    apart = _root_mean_square(here, there[units])
    return Alignment(reordered(b, units), units, words, apart, _root_mean_square(here, there))


def _check_lattices(a: Lattice, b: Lattice) -> None:
    if a == b:
        return
    texts = [f"{each.size_text} ({each.kind}, {each.boundary})" for each in (a, b)]
    got = texts[1] if texts[0] != texts[1] else "another graph"
    raise InputError(
        f"`b` must have the lattice of `a`, {texts[0]}, but has {got}. Train `b` by SOM(init=a), "
        "which keeps the lattice and the columns.",
        value=got,
        allowed=texts[0],
    )


def _best_order(lattice: Lattice, here: Float64s, there: Float64s) -> tuple[Ints, str]:
    """Return two values: the unit at each position of the best alignment, and its description."""
    middle = here.mean(axis=0)
    here, there = here - middle, there - middle
    all_turns, all_shifts = turns(lattice), shifts(lattice)
    fits = np.stack([_fits(lattice, here, there[turn.units]) for turn in all_turns])
    equal = EQUAL * np.sqrt((here**2).sum() * (there**2).sum())
    first = int((fits >= fits.max() - equal).argmax())
    turn, down, across = (int(i) for i in np.unravel_index(first, fits.shape))
    units = all_turns[turn].units[all_shifts.units(down, across)]
    words = [all_turns[turn].words, all_shifts.words(down, across)]
    return units, " and ".join(word for word in words if word)


def _fits(lattice: Lattice, here: Float64s, there: Float64s) -> Float64s:
    """Return, for each shift of a map, the sum of products of the prototypes of both maps, or minus
    infinity for an impossible shift."""
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
        # Products are only added up along an axis whose edges do not meet.
        sums = (a * b.conj()).sum(axis=2)
        sums = sums if lattice.wraps_rows else sums.sum(axis=0, keepdims=True)
        total = total + np.fft.irfftn(sums, s=[shape[i] for i in axes], axes=axes)
    return np.where(known.are_there, total, -np.inf)


def _root_mean_square(a: Float64s, b: Float64s) -> float:
    return float(np.sqrt(((a - b) ** 2).sum(axis=1).mean()))


DIGITS = 3


def from_to(before: Map, after: Map, column: str, unit: int) -> str:
    """Return a text with the old and the new value of a unit in a column, in original units."""
    encoding = before.encoding
    code, part = feature_named(encoding, column)
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
"""Largest number of moved columns to list."""

LEAST_SHARE = 0.05
"""Minimum share of a column in the movement of all prototypes at which the column is listed."""

OTHER_LAYOUT = (
    "Either the rows have changed much, or the groups are at other positions on the map, so that "
    "units cannot be compared. To keep the positions, train the later map from the earlier map "
    "(init=...)"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class MapChange:
    """The changes from an earlier map to a later map.

    Attributes
    ----------
    before : Map
    alignment : Alignment
        Result of the alignment of the later map with the earlier map.
    moved : ndarray of shape (n_units,)
        Distance between the earlier and the later prototype at each position, in the metric and on
        the scales of `before`.
    columns : tuple of str
        Names of the compared columns.
    by_column : ndarray of shape (n_units, n_columns)
        Share of each column in the square of `moved`, or 0 for a unit whose prototype did not move.
    shares_before, shares_after : ndarray of shape (n_units,)
        Share of the training rows in the unit at each position, on the earlier and the later map.
    regions_before, regions_after : Regions or None
        Regions that were compared.  `regions_after` are on the aligned map.
    regions : tuple of RegionChange
        Change of each region.

    See Also
    --------
    difference : Compares two maps.

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
        """The later map after the alignment."""
        return self.alignment.map_

    @property
    def grew(self) -> Float64s:
        """Change in the unit's share of the rows at each position (n_units,)."""
        return self.shares_after - self.shares_before

    @property
    def most(self) -> Ints:
        """Column number of the largest change in each unit (-1 for an unmoved unit)."""
        return np.where(self.moved > 0, self.by_column.argmax(axis=1), -1)

    @cached_property
    def of_columns(self) -> dict[str, float]:
        """Share of each column in the movement of all prototypes, in descending order."""
        squares = self.moved[:, None] ** 2 * self.by_column
        shares = squares.sum(axis=0) / (squares.sum() or 1.0)
        return {self.columns[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable")}

    def __str__(self) -> str:
        lines = [f"The map is {self.alignment.words}"] if self.alignment.words else []
        lines += [*self._lines_of_prototypes(), *self._lines_of_shares(), *map(str, self.regions)]
        return "\n".join(f"{line}." for line in lines)

    def __repr__(self) -> str:
        return f"MapChange({self.before!r}, moved by {self.moved.mean():.3g} on average)"

    def to_frame(self, library: str | None = None) -> Any:
        """Return the changes at each position of the lattice as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            By default, pandas if it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns ``unit``, ``row``, ``col``, ``unit_before_turning``, ``moved``, ``column`` (the
            column with the largest change), ``share_before``, ``share_after`` and ``grew``.  If
            regions were compared, the further columns are ``region_before`` and ``region_after``.
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

    def _lines_of_prototypes(self) -> list[str]:
        if not self.moved.any():
            return ["No prototype has moved"]
        far, step = float(self.moved.mean()), float(self.before.u_heights.mean())
        compared = f", {far / step:.2g} times the distance between neighbors" if step else ""
        other = [OTHER_LAYOUT] if far > step > 0 else []
        main = [
            f"{words_of_column(self.before.encoding, name)} ({100 * share:.0f} %)"
            for name, share in list(self.of_columns.items())[:N_NAMED]
            if share >= LEAST_SHARE
        ]
        unit = int(self.moved.argmax())
        changed = from_to(self.before, self.after, self.columns[self.most[unit]], unit)
        return [
            f"Prototypes have moved by {far:.2g} on average{compared}",
            *other,
            f"The columns that moved are {', '.join(main)}",
            f"{self._place(unit)} moved most, by {self.moved[unit]:.2g}: {changed}",
        ]

    def _lines_of_shares(self) -> list[str]:
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
    """Compare an earlier map with a later map, unit by unit.

    Parameters
    ----------
    before : Map
        Earlier map (for example, of the previous month), or an object that has a map.
    after : Map
        Later map with the same lattice and columns, which is first aligned with `before`.
    regions : Regions, True or pair of Regions, optional
        Regions of `before`.  Each unit of `after` belongs to the region of the most similar
        prototype of `before`.  If True, regions are found on both maps, and the later map can have
        new regions.  A pair contains the regions of `before` and the regions of `after`.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows that are used to match the regions of the two maps, as in `regions.compare`.

    Returns
    -------
    MapChange
        Changes between the maps.  ``print`` shows the changes in sentences.

    Raises
    ------
    InputError
        If the maps have different lattices or columns, or if `regions` belong to another map.
    TypeError
        If `before` or `after` is neither a map nor has one, or if `regions` has a wrong type.

    See Also
    --------
    align : Aligns one map with the other.
    somscape.plots.difference : Draws the changes.
    somscape.regions.compare : Compares regions.

    Notes
    -----
    The comparison of units is most reliable if ``SOM(init=before)`` trained the later map, because
    the later map then has a similar order and the same encoding.  If both maps were trained
    independently, it is possible that no symmetry aligns them well.  Their regions can still be
    compared.  Even maps that were trained on two halves of the same rows differ by chance.

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
    before, after = as_map(before, "before"), as_map(after, "after")
    alignment = align(before, after)
    now = alignment.map_
    later = recoded(now.codebook, now.encoding, before.encoding)
    far = before.metric.as_euclidean(later) - before.places
    squares = before.encoding.sum_by_used(np.asarray(far, dtype=np.float64) ** 2)
    total = squares.sum(axis=1, keepdims=True)
    found: dict[str, Any] = {}
    if regions is not None and regions is not False:
        pair = _regions_of_both(regions, before, after, X)
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


def _regions_of_both(regions: Any, before: Map, after: Map, X: Any) -> tuple[Regions, Regions]:
    """Return two values: the regions of the earlier map, and of the unaligned later map."""
    if isinstance(regions, list | tuple):
        if len(regions) != 2:
            raise InputError(
                "`regions` must have 2 elements, the regions of both maps, but has "
                f"{len(regions)}. Pass True to find the regions of both maps.",
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
