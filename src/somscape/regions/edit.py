"""Functions that join, split, rename, recolor, store and compare regions."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_is, check_whole
from somscape._weights import pair_sums
from somscape.errors import InputError, ParameterTypeError
from somscape.maps._joins import EMPTY_WEIGHT, pieces_after
from somscape.maps.map import NO_UNIT, KeptRegions, Map, as_map
from somscape.regions.find import find_regions, order_of_joins
from somscape.regions.regions import Regions, of_json
from somscape.tables._messages import counted, suggestion
from somscape.tables._recoded import recoded


def join(found: Regions, which: Sequence[int | str], *, name: str = "") -> Regions:
    """Join some regions into a single region.

    Parameters
    ----------
    found : Regions
    which : sequence of int or str
        Numbers or names of the regions to join, at least two.
    name : str, default=""
        Name of the joined region.  By default, the name of the first joined region (by number)
        that has a name.  The color is always that of the first joined region with a color.

    Returns
    -------
    Regions
        New regions, in descending order of their numbers of rows.  `found` is not changed.

    Raises
    ------
    InputError
        If `which` contains fewer than two regions, or if a region does not exist.

    See Also
    --------
    split : Splits a region.
    find_regions, rename

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> found = regions.find_regions(SOM(random_state=0).fit(X), 3)
    >>> regions.join(found, [0, 2], name="usual").names
    ('usual', '')
    """
    kinds = () if isinstance(which, str) else Iterable  # the letters of a text are not regions
    check_is("which", which, kinds, "a list of regions, for example [0, 2]")
    given = list(which)
    numbers = sorted({_number(found, each) for each in given})
    if len(numbers) < 2:
        raise InputError(
            f"`which` must contain at least two different regions, but is {given}.", value=given
        )
    labels, looks = found.labels.copy(), _looks(found)
    labels[np.isin(labels, numbers)] = numbers[0]
    first = [next((looks[i][part] for i in numbers if looks[i][part]), "") for part in (0, 1)]
    looks[numbers[0]] = (name or first[0], first[1])
    return _renumber(found, labels, looks)


def split(found: Regions, region: int | str, *, n: int = 2, method: str = "auto") -> Regions:
    """Split one region into several regions.

    Parameters
    ----------
    found : Regions
    region : int or str
        Number or name of the region.
    n : int, default=2
        Number of pieces.
    method : {"auto", "valleys", "ward"}, default="auto"
        Method as for `find_regions`.  It can differ from the method that found the regions.
        ``"auto"`` splits at the lowest density if the map keeps rows, and otherwise by Ward's rule.

    Returns
    -------
    Regions
        New regions, in descending order of their numbers of rows.  The largest new part keeps the
        name and the color of the split region.

    Raises
    ------
    InputError
        If the region does not exist or has fewer than `n` units.  For the method ``"valleys"``,
        also if the map does not keep rows.

    See Also
    --------
    join : Joins regions.
    find_regions, order_of_joins

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> found = regions.find_regions(SOM(random_state=0).fit(X), 2)
    >>> regions.split(found, 0).n_regions
    3
    """
    number = _number(found, region)
    check_whole("n", n, 2)
    inside = np.flatnonzero(found.labels == number)
    if len(inside) < n:
        raise InputError(
            f"Region {region!r} has only {counted(len(inside), 'unit')}, so it cannot be split "
            f"into {n} pieces. Pass a smaller `n` or a larger region.",
            parameter="n",
            value=n,
        )

    pairs = order_of_joins(found.map_, method=method)

    def pieces(n_joins: int) -> Ints:
        return pieces_after(found.map_.n_units, pairs[:n_joins])[inside]

    # Fewer joins leave at least as many pieces of this region.  Find the most joins that suffice.
    low, high = 0, len(pairs) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(np.unique(pieces(middle))) >= n else (low, middle)
    _, cut = np.unique(pieces(low), return_inverse=True)
    rows = np.bincount(cut, found.map_.hits[inside])
    # A graph may have too many unconnected parts, so the smallest parts become one piece.
    place = np.minimum(np.argsort(np.argsort(-rows, kind="stable"), kind="stable")[cut], n - 1)
    labels = found.labels.copy()
    labels[inside] = np.where(place == 0, number, found.n_regions - 1 + place)
    return _renumber(found, labels, _looks(found) + [("", "")] * int(place.max()))


def rename(found: Regions, names: Mapping[int | str, str]) -> Regions:
    """Return regions with new names.

    Parameters
    ----------
    found : Regions
    names : mapping of int or str to str
        New name by number or current name.  ``""`` removes a name.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        If a region does not exist, or if two regions would have the same name.

    See Also
    --------
    recolor, join, split

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> found = regions.find_regions(SOM(random_state=0).fit(X), 2)
    >>> regions.rename(found, {0: "usual"}).names
    ('usual', '')
    """
    given = _texts_by_number(found, names, "names")
    changed = tuple(given.get(i, name) for i, (name, _) in enumerate(_looks(found)))
    return replace(found, names=changed if any(changed) else ())


def recolor(found: Regions, colors: Mapping[int | str, str]) -> Regions:
    """Return regions that have new colors in pictures and pages.

    Parameters
    ----------
    found : Regions
    colors : mapping of int or str to str
        For some regions, given by number or name, the new color, such as "#aa3300".  The color
        ``""`` restores the usual color for the number of the region.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        If a region does not exist, or if a color is not valid.

    See Also
    --------
    rename, join, split

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> found = regions.find_regions(SOM(random_state=0).fit(X), 2)
    >>> regions.recolor(found, {0: "#aa3300"}).colors
    ('#aa3300', '')
    """
    given = _texts_by_number(found, colors, "colors")
    changed = tuple(given.get(i, color).lower() for i, (_, color) in enumerate(_looks(found)))
    return replace(found, colors=changed if any(changed) else ())


def _texts_by_number(found: Regions, given: Mapping[int | str, str], what: str) -> dict[int, str]:
    """Return texts that were given by region name or number, by the number of the region."""
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for each in given.values()):
        raise ParameterTypeError(
            f"`{what}` must be a mapping of regions to texts, for example {{0: 'usual'}}."
        )
    return {_number(found, each): text for each, text in given.items()}


def _looks(found: Regions) -> list[tuple[str, str]]:
    """Return the name and the color of each region."""
    none = [""] * found.n_regions
    return list(zip(found.names or none, found.colors or none, strict=True))


def _number(found: Regions, region: int | str) -> int:
    """Return the number of a region that is given by its number or name."""
    if isinstance(region, str):
        names = [name for name, _ in _looks(found)]
        if region and region in names:
            return names.index(region)
        near = suggestion(region, [name for name in names if name])
        hint = f" ({near})" if near else ""
        raise InputError(
            f"No region has the name {region!r}{hint}. Pass the number or the name of a region.",
            value=region,
            allowed=[name for name in names if name],
        )
    if isinstance(region, bool) or not isinstance(region, int | np.integer):
        raise ParameterTypeError(
            "A region must be given by its number or its name, but is a "
            f"{type(region).__name__}. Pass for example 0.",
            value=type(region).__name__,
        )
    if not 0 <= region < found.n_regions:
        raise InputError(
            f"The number of a region must be from 0 to {found.n_regions - 1}, but is {region}.",
            value=region,
        )
    return int(region)


def _renumber(found: Regions, labels: Ints, looks: list[tuple[str, str]]) -> Regions:
    """Return regions with names and colors.  The largest region gets the number 0."""
    old = np.unique(labels)
    hits = np.bincount(labels, found.map_.hits, minlength=len(looks))
    ordered = old[np.lexsort([old, -hits[old]])]
    place = np.empty(len(looks), dtype=np.intp)
    place[ordered] = np.arange(len(ordered))
    looks_of = zip(*(looks[i] for i in ordered), strict=True)
    names, colors = (each if any(each) else () for each in looks_of)
    return Regions(found.map_, place[labels], names=names, colors=colors)


IN_COMMON = 0.5
"""Two regions match if the rows in both are at least this share of the smaller region's rows."""


@dataclass(frozen=True, kw_only=True)
class RegionChange:
    """Change of one region between an earlier and a later map.

    Attributes
    ----------
    name : str
        Name of the region.  For a region without a name, the text contains the earlier number, for
        example "region 0".  For a new region, the text is for example "region 0 now".
    before, after : int or None
        Earlier and new number of the region.  The number is None if the region did not exist
        before, or no longer exists.
    share_before, share_after : float
        Share of the training rows that are in the region, on the earlier and on the later map.
    kept : float
        Share of those compared rows of the earlier region that are still in the region.

    See Also
    --------
    compare : Finds the changes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> som = SOM(4, 5, random_state=0)
    >>> then, now = (regions.find_regions(som.fit(rows), 2) for rows in (X[:40], X))
    >>> for change in regions.compare(then, now, X=X):
    ...     print(change)
    region 0 goes from 75 % to 50 % of the rows
    region 1 goes from 25 % to 50 % of the rows
    """

    name: str
    before: int | None
    after: int | None
    share_before: float
    share_after: float
    kept: float

    def __str__(self) -> str:
        before, after = f"{100 * self.share_before:.0f} %", f"{100 * self.share_after:.0f} %"
        if self.before is None:
            return f"{self.name} is new: {after} of the rows"
        if self.after is None:
            return f"{self.name} no longer exists (it had {before} of the rows)"
        how = "stays at" if before == after else f"goes from {before} to"
        return f"{self.name} {how} {after} of the rows"


def compare(before: Regions, after: Regions, *, X: Any = None) -> list[RegionChange]:
    """Compare the regions of two maps, for example maps of two months.

    Two regions match if at least half of the smaller region's rows are in both.  If a region has
    several matches, the pair with the most common rows is used.

    Parameters
    ----------
    before, after : Regions
        Regions of two maps that must accept the same rows.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows by which regions are matched, such as the rows of this month.  By default, the
        prototypes of the later map are used.  Each has the weight of its training rows.

    Returns
    -------
    list of RegionChange
        Changes of the regions of `before` in the order of their numbers, and then new regions.

    Raises
    ------
    InputError
        If no row has a region on both maps.  Without `X`, if the maps have different columns.

    See Also
    --------
    carry_names : Carries names from one training to the next.
    somscape.changes.difference : Compares the maps.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)) + np.repeat([[0, 0], [9, 0]], 150, axis=0)
    >>> then = regions.find_regions(SOM(random_state=0).fit(X[:200]))
    >>> then = regions.rename(then, {0: "left", 1: "right"})
    >>> now = regions.find_regions(SOM(random_state=1).fit(X))
    >>> print(*regions.compare(then, now, X=X), sep="\\n")
    left goes from 75 % to 50 % of the rows
    right goes from 25 % to 50 % of the rows
    """
    common = _count_common(before, after, X)
    matched = _match(common)
    then, now = _shares(before), _shares(after)
    rows = common.sum(axis=1)
    new = sorted(set(range(after.n_regions)) - set(matched.values()))
    pairs: list[tuple[Any, Any]] = [(i, matched.get(i)) for i in range(before.n_regions)]
    return [
        RegionChange(
            name=_name(after, j, " now") if i is None else _name(before, i),
            before=i,
            after=j,
            share_before=0.0 if i is None else float(then[i]),
            share_after=0.0 if j is None else float(now[j]),
            kept=0.0 if i is None or j is None else float(common[i, j] / rows[i]),
        )
        for i, j in [*pairs, *((None, j) for j in new)]
    ]


def carry_names(before: Regions, after: Regions, *, X: Any = None) -> Regions:
    """Return new regions with names and colors from matching earlier regions.

    Parameters
    ----------
    before, after
        Regions as for `compare`.
    X : optional
        Rows as for `compare`.

    Returns
    -------
    Regions
        Regions of `after`.  A region that does not receive a name or color keeps its own.
        However, its own name or color is lost if another region received it.

    Raises
    ------
    InputError
        If no row has a region on both maps.

    See Also
    --------
    compare, rename

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)) + np.repeat([[0, 0], [9, 0]], [200, 100], axis=0)
    >>> then = regions.find_regions(SOM(random_state=0).fit(X))
    >>> then = regions.rename(then, {0: "usual"})
    >>> now = regions.find_regions(SOM(random_state=1).fit(X))
    >>> regions.carry_names(then, now, X=X).names
    ('usual', '')
    """
    matched = _match(_count_common(before, after, X))
    names = _carry(before.names, after.names, after.n_regions, matched)
    colors = _carry(before.colors, after.colors, after.n_regions, matched)
    return replace(after, names=names, colors=colors)


def _carry(
    before: tuple[str, ...], after: tuple[str, ...], n: int, matched: dict[int, int]
) -> tuple[str, ...]:
    """Return the names or colors of matching regions, without repetitions of a text."""
    given = {j: before[i] for i, j in matched.items() if before and before[i]}
    own = ["" if each in given.values() else each for each in after or ("",) * n]
    found = tuple(given.get(j, each) for j, each in enumerate(own))
    return found if any(found) else ()


def _count_common(before: Regions, after: Regions, X: Any) -> Float64s:
    """Return, for each pair of regions, the number of rows that are in both regions."""
    if X is None:
        later = after.map_
        X = recoded(later.codebook, later.encoding, before.map_.encoding)
        now = after.labels
        # Units without rows count if a region has only such units.
        weights = later.hits + EMPTY_WEIGHT * (later.hits.mean() or 1.0)
    else:
        now = after.of(X)
        weights = np.ones(len(now))
    then = before.of(X)
    there = (then != NO_UNIT) & (now != NO_UNIT)
    if not there.any():
        raise InputError(
            "`X` does not contain a row with a region on both maps. Pass rows with values."
        )
    shape = before.n_regions, after.n_regions
    return pair_sums(then[there], now[there], shape, weights[there])


def _match(common: Float64s) -> dict[int, int]:
    """Return pairs of matching regions.  The pair with the most common rows comes first."""
    smaller = np.minimum(common.sum(axis=1)[:, None], common.sum(axis=0))
    pairs = np.argwhere((common > 0) & (common >= IN_COMMON * smaller))
    ordered = pairs[np.argsort(-common[tuple(pairs.T)], kind="stable")]
    matched: dict[int, int] = {}
    for i, j in ordered.tolist():
        if i not in matched and j not in matched.values():
            matched[i] = j
    return matched


def _shares(regions: Regions) -> Float64s:
    return regions.sizes / (regions.sizes.sum() or 1.0)


def _name(regions: Regions, number: int, when: str = "") -> str:
    return (regions.names[number] if regions.names else "") or f"region {number}{when}"


Thing = TypeVar("Thing")


def keep(som: Thing, found: Regions | None) -> Thing:
    """Return a copy of a map, detector or estimator that contains regions.

    If the copy is saved, its file contains the regions.  Its pictures, pages and paths show them.

    Parameters
    ----------
    som : Map, Detector, SOM or SOMDetector
        Object whose map has as many units as the map to which `found` belongs.
    found : Regions or None
        Regions to keep.  If None, the copy does not contain regions.

    Returns
    -------
    Map, Detector, SOM or SOMDetector
        A copy, so that `som` is not changed.  `fit` creates a new map that does not contain the
        regions, but `partial_fit` keeps them.

    Raises
    ------
    InputError
        If an estimator is not fitted, or if its map has another number of units.
    TypeError
        If `found` is not a Regions object or None.

    See Also
    --------
    kept : Returns the kept regions.
    read : Reads regions from a file.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> som = SOM(random_state=0).fit(np.random.default_rng(0).normal(size=(300, 2)))
    >>> found = regions.rename(regions.find_regions(som, 2), {0: "usual"})
    >>> regions.kept(regions.keep(som, found)).names
    ('usual', '')
    """
    map_ = copy.copy(as_map(som))
    own = None
    if found is not None:
        check_is("found", found, Regions, "Regions, for example find_regions(map), or None")
        own = KeptRegions(found.labels, found.names, found.colors)
        own.check(map_.n_units)
    object.__setattr__(map_, "kept_regions", own)
    kept: Thing = _with_map(som, map_)
    return kept


def kept(som: Map) -> Regions | None:
    """Return the regions that a map keeps.

    Parameters
    ----------
    som : Map
        Map, or a detector or fitted estimator that contains a map.

    Returns
    -------
    Regions or None
        None if the map does not contain regions.  Use `find_regions` to find regions.

    See Also
    --------
    keep : Keeps regions.
    find_regions : Finds regions.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> som = SOM(3, 4, random_state=0).fit(np.random.default_rng(0).normal(size=(60, 2)))
    >>> print(regions.kept(som))
    None
    >>> regions.kept(regions.keep(som, regions.find_regions(som, 2))).n_regions
    2
    """
    map_ = as_map(som)
    return None if map_.kept_regions is None else _regions_on(map_, map_.kept_regions)


def from_json(data: Any, som: Map) -> Regions:
    """Create regions of a map from JSON data.

    Parameters
    ----------
    data : dict
        Data from `Regions.to_json`.
    som : Map
        Map, or a detector or fitted estimator that contains a map.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        If the data are not regions, or if their map has another number of units.

    Warns
    -----
    SomscapeWarning
        If the regions belong to a different map with the same number of units.

    See Also
    --------
    read : Reads regions from a file.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> som = SOM(3, 4, random_state=0).fit(np.random.default_rng(0).normal(size=(60, 2)))
    >>> regions.from_json(regions.find_regions(som, 2).to_json(), som).n_regions
    2
    """
    map_ = as_map(som)
    return _regions_on(map_, of_json(data, map_))


def read(path: str | Path, som: Map) -> Regions:
    """Read regions from a file for a map.

    Parameters
    ----------
    path : str or Path
        File that was saved by `Regions.save`, or by "Save regions" on a page.
    som : Map
        Map, or a detector or fitted estimator that contains a map.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        If the file does not contain regions, or if their map has another number of units.
    OSError
        If the file cannot be read.

    See Also
    --------
    from_json, keep, kept

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from somscape import SOM, regions
    >>> som = SOM(random_state=0).fit(np.random.default_rng(0).normal(size=(300, 2)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "regions.json")
    ...     regions.find_regions(som, 3).save(path)
    ...     regions.read(path, som).n_regions
    3
    """
    try:
        return from_json(json.loads(Path(path).read_bytes()), som)
    except InputError as error:
        raise InputError(f"{path}: {error}", file=path) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} does not contain regions, because it is not JSON.", file=path
        ) from error


def _regions_on(map_: Map, own: KeptRegions) -> Regions:
    return Regions(map_, own.labels, names=own.names, colors=own.colors)


def _with_map(thing: Any, map_: Map) -> Any:
    """Return a copy of an object with another map.  Parts that contain the map are also copied."""
    if isinstance(thing, Map):
        return map_
    holders = ("detector_", "recognizer_", "predictor_", "of_all_rows", "som_", "map_")
    holds = next(name for name in holders if name in vars(thing))
    changed = copy.copy(thing)
    object.__setattr__(changed, holds, _with_map(vars(thing)[holds], map_))
    return changed


def given_or_found(regions: Regions | None, map_: Map) -> Regions:
    """Return the given regions, or if None, the regions in the map or newly found regions."""
    if regions is None:
        return kept(map_) or find_regions(map_)
    words = "Regions, such as somscape.regions.find_regions(map), or None"
    check_is("regions", regions, Regions, words)
    if len(regions.labels) != map_.n_units:
        raise InputError(
            f"`regions` must be regions of this map with {map_.n_units} units, but have "
            f"{len(regions.labels)} units. Pass find_regions(map).",
            value=len(regions.labels),
        )
    return regions
