"""Regions kept with a map, a detector or an estimator, or read from a file of their own."""

import copy
import json
from pathlib import Path
from typing import Any, TypeVar

from somscape.errors import InputError
from somscape.maps import KeptRegions, Map, as_map
from somscape.regions._json import of_json
from somscape.regions._regions import Regions

Thing = TypeVar("Thing")


def keep(thing: Thing, found: Regions | None) -> Thing:
    """Return a map, detector or estimator that keeps regions, as its file will.

    Pictures, pages and paths then show these regions, where none are given.

    Parameters
    ----------
    thing : Map, Detector, SOM or SOMDetector
        With a map of as many units.
    found : Regions or None
        None: it keeps none from then on.

    Returns
    -------
    Map, Detector, SOM or SOMDetector
        A copy; `thing` stays as it is.  `fit` makes a new map without them, `partial_fit` leaves
        them.

    Raises
    ------
    InputError
        For an estimator that is not fitted, or a map with another number of units.
    TypeError
        For regions that are none.

    See Also
    --------
    kept : The way back.
    read : Regions from a file.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> som = SOM(random_state=0).fit(np.random.default_rng(0).normal(size=(300, 2)))
    >>> found = regions.rename(regions.find_regions(som, 2), {0: "usual"})
    >>> regions.kept(regions.keep(som, found)).names
    ('usual', '')
    """
    map_ = copy.copy(as_map(thing))
    own = None
    if found is not None:
        if not isinstance(found, Regions):
            raise TypeError(
                "`found` must be Regions, such as from find_regions(map), or None; got "
                f"{type(found).__name__}."
            )
        own = KeptRegions(found.labels, found.names, found.colors)
        own.check(map_.n_units)
    object.__setattr__(map_, "kept_regions", own)
    kept: Thing = _with_map(thing, map_)
    return kept


def kept(map: Map) -> Regions | None:
    """Return the regions that a map keeps.

    Parameters
    ----------
    map : Map
        Or a detector or a fitted estimator with one.

    Returns
    -------
    Regions or None
        None if it keeps none; `find_regions` finds some.

    See Also
    --------
    keep : Keeps them.
    find_regions : Finds some.

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
    map_ = as_map(map)
    return None if map_.kept_regions is None else _on(map_, map_.kept_regions)


def from_json(data: Any, map: Map) -> Regions:
    """Return regions of a map from JSON data.

    Parameters
    ----------
    data : dict
        From `Regions.to_json`.
    map : Map
        Or a detector or a fitted estimator with one.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        For data that are no regions, or not those of a map with as many units.

    Warns
    -----
    SomscapeWarning
        For those of another map with as many units.

    See Also
    --------
    read : From a file.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> som = SOM(3, 4, random_state=0).fit(np.random.default_rng(0).normal(size=(60, 2)))
    >>> regions.from_json(regions.find_regions(som, 2).to_json(), som).n_regions
    2
    """
    map_ = as_map(map)
    return _on(map_, of_json(data, map_))


def read(path: str | Path, map: Map) -> Regions:
    """Read regions of a map from a file.

    Parameters
    ----------
    path : str or Path
        From `Regions.save`, or "Save regions" on a page.
    map : Map
        Or a detector or a fitted estimator with one.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        For a file that holds no regions, or not those of a map with as many units.
    OSError
        For a file that cannot be read.

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
        return from_json(json.loads(Path(path).read_bytes()), map)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} holds no regions: it is no JSON.") from error


def _on(map_: Map, own: KeptRegions) -> Regions:
    return Regions(map_, own.labels, names=own.names, colors=own.colors)


def _with_map(thing: Any, map_: Map) -> Any:
    """Return a copy of a thing, and of what holds its map, with another one."""
    if isinstance(thing, Map):
        return map_
    holders = ("detector_", "recognizer_", "predictor_", "of_all_rows", "map_")
    holds = next(name for name in holders if name in vars(thing))
    changed = copy.copy(thing)
    object.__setattr__(changed, holds, _with_map(vars(thing)[holds], map_))
    return changed
