"""Regions of one training beside those of the next: what stays, grows, vanishes or is new."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.encode import recoded
from somscape.errors import InputError
from somscape.joins import EMPTY_WEIGHT
from somscape.maps import NO_UNIT
from somscape.regions._regions import Regions

IN_COMMON = 0.5
"""Share of the smaller region's rows that both have in common, if they are one region."""


@dataclass(frozen=True, kw_only=True)
class RegionChange:
    """What became of a region from one training to the next.

    Attributes
    ----------
    name : str
        Its name, or "region" and its number then, counted from 0; of a new one, "region", its
        number now, and "now".
    before, after : int or None
        Its number then and now; None where it was not, or is no longer there.
    share_before, share_after : float
        Share of the training rows then and now.
    kept : float
        Share of its rows then, among those compared, that are in it now.

    See Also
    --------
    compare : Makes them.

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
            return f"{self.name} is no longer there; it had {before} of the rows"
        how = "stays at" if before == after else f"goes from {before} to"
        return f"{self.name} {how} {after} of the rows"


def compare(before: Regions, after: Regions, *, X: Any = None) -> list[RegionChange]:
    """Compare the regions of two maps, such as those of this month and the last.

    Two regions are one if they have at least half of the smaller one's rows in common; of several,
    those with the most.

    Parameters
    ----------
    before, after : Regions
        Of any two maps that take the same rows.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows by which regions are matched, such as this month's.  By default the prototypes of the
        map after stand for the rows that they won.

    Returns
    -------
    list of RegionChange
        Regions of before in their order, then new ones.

    Raises
    ------
    InputError
        If no row has a region on both maps; without rows, for maps of other columns.

    See Also
    --------
    carry_names : Names that stay from training to training.
    somscape.changes.difference : The maps below.

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
    common = _common(before, after, X)
    matched = _matched(common)
    then, now = _shares(before), _shares(after)
    rows = common.sum(axis=1)
    changes = []
    for i in range(before.n_regions):
        j = matched.get(i)
        changes.append(
            RegionChange(
                name=_name(before, i),
                before=i,
                after=j,
                share_before=float(then[i]),
                share_after=0.0 if j is None else float(now[j]),
                kept=0.0 if j is None else float(common[i, j] / rows[i]),
            )
        )
    for j in sorted(set(range(after.n_regions)) - set(matched.values())):
        share = float(now[j])
        changes.append(
            RegionChange(
                name=_name(after, j, " now"),
                before=None,
                after=j,
                share_before=0.0,
                share_after=share,
                kept=0.0,
            )
        )
    return changes


def carry_names(before: Regions, after: Regions, *, X: Any = None) -> Regions:
    """Return new regions with names and colors of those before that they are.

    Parameters
    ----------
    before, after
        As for `compare`.
    X : optional
        As for `compare`.

    Returns
    -------
    Regions
        Those of after; a name or color of their own stays where none comes over, unless another
        region has it.

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
    matched = _matched(_common(before, after, X))
    return replace(
        after,
        names=_carried(before.names, after.names, after.n_regions, matched),
        colors=_carried(before.colors, after.colors, after.n_regions, matched),
    )


def _carried(
    before: tuple[str, ...], after: tuple[str, ...], n: int, matched: dict[int, int]
) -> tuple[str, ...]:
    """Return names, or colors, of which no two are the same because one came over."""
    given = {j: before[i] for i, j in matched.items() if before and before[i]}
    own = ["" if each in given.values() else each for each in after or ("",) * n]
    found = tuple(given.get(j, each) for j, each in enumerate(own))
    return found if any(found) else ()


def _common(before: Regions, after: Regions, X: Any) -> Float64s:
    """Return how many rows each pair of regions has in common."""
    if X is None:
        later = after.map_
        X = recoded(later.codebook, later.encoding, before.map_.encoding)
        now = after.labels
        # Units without rows count where there are no others.
        weights = later.hits + EMPTY_WEIGHT * (later.hits.mean() or 1.0)
    else:
        now = after.of(X)
        weights = np.ones(len(now))
    then = before.of(X)
    there = (then != NO_UNIT) & (now != NO_UNIT)
    if not there.any():
        raise InputError("`X` has no row with a region on both maps; pass rows that have values.")
    common = np.zeros((before.n_regions, after.n_regions))
    np.add.at(common, (then[there], now[there]), weights[there])
    return common


def _matched(common: Float64s) -> dict[int, int]:
    """Return which region of before is which of after, those with the most rows in common first."""
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
