"""Join, split, rename and recolor regions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from somscape._types import Ints
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.joins import pieces_after
from somscape.regions._find import order_of_joins
from somscape.regions._regions import Regions
from somscape.tables import suggestion


def join(found: Regions, which: Sequence[int | str], *, name: str = "") -> Regions:
    """Return regions of which some have become one.

    Parameters
    ----------
    found : Regions
    which : sequence of int or str
        Numbers or names of at least two regions.
    name : str, default=""
        Name of the joined region; by default that of the first of them that has one, as its color.

    Returns
    -------
    Regions
        New ones, with the most rows first; `found` stays as it is.

    Raises
    ------
    InputError
        For fewer than two regions, or one that is not there.

    See Also
    --------
    split : The other way.
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
    if isinstance(which, str) or not isinstance(which, Iterable):
        raise TypeError(f"`which` must be a list of regions; got {type(which).__name__}.")
    given = list(which)
    numbers = sorted({_number(found, each) for each in given})
    if len(numbers) < 2:
        raise InputError(f"`which` must hold at least two different regions; got {given}.")
    labels, looks = found.labels.copy(), _looks(found)
    labels[np.isin(labels, numbers)] = numbers[0]
    first = [next((looks[i][part] for i in numbers if looks[i][part]), "") for part in (0, 1)]
    looks[numbers[0]] = (name or first[0], first[1])
    return _renumbered(found, labels, looks)


def split(found: Regions, region: int | str, *, n: int = 2, method: str = "auto") -> Regions:
    """Return regions of which one is cut where density falls most inside it.

    Parameters
    ----------
    found : Regions
    region : int or str
        Number or name.
    n : int, default=2
        Pieces.
    method : {"auto", "valleys", "ward"}, default="auto"
        As for `find_regions`, whichever way found the regions: by density where the map keeps rows,
        else, or with ``"ward"``, by Ward's rule.

    Returns
    -------
    Regions
        New ones, with the most rows first; the largest piece keeps the region's name and
        color.

    Raises
    ------
    InputError
        For a region that is not there or has fewer than `n` units, and for ``method="valleys"`` on
        a map that keeps no rows.

    See Also
    --------
    join : The other way.
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
        raise InputError(f"region {region!r} has {len(inside)} units; it cannot be cut in {n}.")

    pairs = order_of_joins(found.map_, method=method)

    def pieces(n_joins: int) -> Ints:
        return pieces_after(found.map_.n_units, pairs[:n_joins])[inside]

    # Fewer joins leave as many pieces of this region, or more: the most joins that leave enough.
    low, high = 0, len(pairs) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(np.unique(pieces(middle))) >= n else (low, middle)
    _, cut = np.unique(pieces(low), return_inverse=True)
    rows = np.bincount(cut, found.map_.hits[inside])
    # Parts of a graph, which nothing joins, may be more than enough: the smallest are one.
    place = np.minimum(np.argsort(np.argsort(-rows, kind="stable"), kind="stable")[cut], n - 1)
    labels = found.labels.copy()
    labels[inside] = np.where(place == 0, number, found.n_regions - 1 + place)
    return _renumbered(found, labels, _looks(found) + [("", "")] * int(place.max()))


def rename(found: Regions, names: Mapping[int | str, str]) -> Regions:
    """Return regions with other names.

    Parameters
    ----------
    found : Regions
    names : mapping of int or str to str
        New name by number or present name; ``""`` takes a name away.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        For a region that is not there, or a name that two regions would have.

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
    given = _by_number(found, names, "names")
    changed = tuple(given.get(i, name) for i, (name, _) in enumerate(_looks(found)))
    return replace(found, names=changed if any(changed) else ())


def recolor(found: Regions, colors: Mapping[int | str, str]) -> Regions:
    """Return regions with other colors in pictures and pages.

    Parameters
    ----------
    found : Regions
    colors : mapping of int or str to str
        New color, such as "#aa3300", by number or name of the region; ``""`` gives the usual color
        of the region's number back.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        For a region that is not there, or a color that is none.

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
    given = _by_number(found, colors, "colors")
    changed = tuple(given.get(i, color).lower() for i, (_, color) in enumerate(_looks(found)))
    return replace(found, colors=changed if any(changed) else ())


def _by_number(found: Regions, given: Mapping[int | str, str], what: str) -> dict[int, str]:
    """Return texts by the number of their region."""
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for each in given.values()):
        raise TypeError(f"`{what}` must be a mapping of regions to texts, such as {{0: 'usual'}}.")
    return {_number(found, each): text for each, text in given.items()}


def _looks(found: Regions) -> list[tuple[str, str]]:
    """Return name and color of each region."""
    none = [""] * found.n_regions
    return list(zip(found.names or none, found.colors or none, strict=True))


def _number(found: Regions, region: int | str) -> int:
    """Return the number of a region that is given by number or name."""
    if isinstance(region, str):
        names = [name for name, _ in _looks(found)]
        if region and region in names:
            return names.index(region)
        near = suggestion(region, [name for name in names if name])
        raise InputError(f"no region is called {region!r}; {near or 'pass a number or a name.'}")
    if isinstance(region, bool) or not isinstance(region, int | np.integer):
        raise TypeError(
            f"a region is given by its number or its name; got {type(region).__name__}."
        )
    if not 0 <= region < found.n_regions:
        raise InputError(f"regions have numbers from 0 to {found.n_regions - 1}; got {region}.")
    return int(region)


def _renumbered(found: Regions, labels: Ints, looks: list[tuple[str, str]]) -> Regions:
    """Return regions with the most rows first, each with its name and color."""
    old = np.unique(labels)
    hits = np.bincount(labels, found.map_.hits, minlength=len(looks))
    ordered = old[np.lexsort([old, -hits[old]])]
    place = np.empty(len(looks), dtype=np.intp)
    place[ordered] = np.arange(len(ordered))
    names, colors = zip(*(looks[i] for i in ordered), strict=True)
    return Regions(
        found.map_,
        place[labels],
        names=names if any(names) else (),
        colors=colors if any(colors) else (),
    )
