"""A map out of what holds one: a file, or a fitted estimator."""

from pathlib import Path
from typing import Any

from somscape.errors import InputError, MapFileError
from somscape.maps._map import Map
from somscape.save import read_map


def as_map(map_: Any) -> Map:
    """Return a map, or the map of a fitted estimator.

    Parameters
    ----------
    map_ : Map, SOM or SOMDetector

    Returns
    -------
    Map

    Raises
    ------
    TypeError
        For anything else.
    """
    found = getattr(map_, "map_", map_)
    if not isinstance(found, Map):
        raise TypeError(f"a Map is needed, such as `som.map_`; got {type(map_).__name__}.")
    return found


def load(path: str | Path) -> Map:
    """Load a map of somscape, or one of another program.

    Parameters
    ----------
    path : str or Path
        A file that `Map.save` or `SOMDetector.save` wrote.  Opening it runs no code: it holds
        arrays and JSON.  One above 64 MB is mapped: put another in its place by `save` or by
        renaming, never by writing into it.  By its ending it may also be a codebook
        of SOM_PAK or the SOM Toolbox (.cod), of ESOM Tools (.wts, taken as a torus), or a pickled
        MiniSom (.p, .pkl, .pickle, of which nothing is run); `somscape.save` has their readers
        with all options.

    Returns
    -------
    Map
        With its score settings if a detector wrote it.

    Raises
    ------
    MapFileError
        When the file is missing, damaged, or no map this version can read.
    InputError
        When another program's file cannot be read; the message names line and field.

    Examples
    --------
    >>> import somscape, tempfile, pathlib
    >>> som = somscape.SOM(2, 3, random_state=0).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]] * 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     som.map_.save(pathlib.Path(folder) / "m.som")
    ...     somscape.load(pathlib.Path(folder) / "m.som").lattice.n_units
    6
    """
    record = read_map(path)
    try:
        return Map.from_record(record)
    except InputError as error:
        raise MapFileError(f"{path}: {error}") from error
