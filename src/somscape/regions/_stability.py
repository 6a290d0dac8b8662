"""Whether regions come back when some rows are left out."""

from dataclasses import dataclass, field, replace

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.joins import Kept
from somscape.regions._find import find_regions
from somscape.regions._regions import Regions

SHARE = 0.9
"""Share of the rows in each sample."""


@dataclass(frozen=True, eq=False)
class RegionStability:
    """How often regions come back in samples of the rows.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples,)
        Regions that lie apart in each sample.
    of_regions : ndarray of shape (n_regions,)
        Of each region, the mean share of rows that it has in common with the region most like it
        in a sample: 1 if it always comes back, below 0.6 if it hardly does (Hennig 2007).
    found : Regions or None
        The regions themselves.

    See Also
    --------
    stability : Makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> regions.stability(found, n_samples=3).of_regions.tolist()
    [1.0, 1.0]
    """

    numbers: Ints
    of_regions: Float64s
    found: Regions | None = field(default=None, kw_only=True, repr=False)

    @property
    def usual_number(self) -> int:
        """The number found most often; of several, the lowest."""
        return int(np.bincount(self.numbers).argmax())

    @property
    def share(self) -> float:
        """Share of the samples with the usual number."""
        return float((self.numbers == self.usual_number).mean())

    def __str__(self) -> str:
        n = self.usual_number
        return f"{n} {'region' if n == 1 else 'regions'} in {100 * self.share:.0f} % of samples"


def stability(found: Regions, *, n_samples: int = 20, random_state: int = 0) -> RegionStability:
    """Find regions anew in samples of nine tenths of the rows, on the same map.

    Parameters
    ----------
    found : Regions
        Of a map that keeps rows: one that was trained in this session, or came from a pickle.
    n_samples : int, default=20
    random_state : int, default=0
        Seed of the samples.

    Returns
    -------
    RegionStability
        Takes as long as finding the regions `n_samples` times.

    Raises
    ------
    InputError
        For a map that keeps no rows, such as one from a file.

    See Also
    --------
    somscape.plots.stability : Its picture.
    find_regions

    References
    ----------
    C. Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics and
    Data Analysis 52.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0], [9]], 150, axis=0)
    >>> found = regions.find_regions(SOM(random_state=0).fit(X))
    >>> print(regions.stability(found, n_samples=5))
    2 regions in 100 % of samples
    """
    map_ = found.map_
    check_whole("n_samples", n_samples, 1)
    check_whole("random_state", random_state, 0)
    if not isinstance(map_.told, Kept):
        raise InputError(
            "`found` are regions of a map that keeps no rows, such as one from a file. Find them "
            "on a map that was trained in this session."
        )
    kept, rng = map_.told, np.random.default_rng(random_state)
    numbers, shares = [], []
    for _ in range(n_samples):
        drawn = rng.random(len(kept.rows)) < SHARE
        some = replace(map_, told=Kept(kept.rows[drawn], kept.weights[drawn]))
        auto = find_regions(some)
        numbers.append(auto.n_regions)
        shares.append(_shares(found, auto))
    return RegionStability(np.array(numbers), np.mean(shares, axis=0), found=found)


def _shares(found: Regions, other: Regions) -> Float64s:
    """Return how much each region has in common with the one most like it: Jaccard's index."""
    both = np.zeros((found.n_regions, other.n_regions))
    np.add.at(both, (found.labels, other.labels), found.map_.hits)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0).max(axis=1)
