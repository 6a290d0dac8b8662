"""What ESOM Tools store about rows: the unit and the class of each key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError


@dataclass(frozen=True, eq=False)
class BestMatches:
    """The best matching unit of each row.

    Attributes
    ----------
    units : ndarray of shape (n,)
        ``unit = row * n_cols + col``.
    n_rows, n_cols : int
        Size of the map.
    keys : ndarray of shape (n,) or None
        Key of each row.  None means that rows are numbered.
    distances : ndarray of shape (n,) or None
        Distance of each row to its prototype, in encoded feature units.  None means unknown.

    See Also
    --------
    best_matches, read_bm

    Examples
    --------
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> found = save.best_matches(SOM(1, 2, random_state=0).fit(X), X)
    >>> found.units.shape, found.n_rows, found.n_cols
    ((3,), 1, 2)
    """

    units: Ints
    n_rows: int
    n_cols: int
    keys: Ints | None = None
    distances: Float64s | None = None


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of each row.

    Attributes
    ----------
    numbers : ndarray of shape (n,)
        Class of each row, from 0.
    keys : ndarray of shape (n,)
        Key of each row.
    names : dict of int to str
        Names of the classes that have one.

    See Also
    --------
    classes_of, read_cls

    Examples
    --------
    >>> from somscape import save
    >>> save.classes_of(["good", "bad", "good"]).names
    {1: 'bad', 2: 'good'}
    """

    numbers: Ints
    keys: Ints
    names: dict[int, str] = field(default_factory=dict)


def best_matches(map_: Any, X: Any, *, keys: Sequence[int] | None = None) -> BestMatches:
    """Find the best matching unit of each row, for `write_bm` and `write_winners`.

    Parameters
    ----------
    map_ : Map or fitted estimator
    X : Table, data frame or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.
    keys : sequence of int, optional
        Key of each row, such as the key in its ``.lrn`` file.  Without keys, writers write numbers
        from 1 or none.

    Returns
    -------
    BestMatches
        With distances.

    Raises
    ------
    InputError
        If the map does not support the rows or is on a graph, or the number of keys is wrong.

    See Also
    --------
    write_bm, write_winners

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, save
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> bool((save.best_matches(som, X).units == som.labels_).all())
    True
    """
    map_ = getattr(map_, "map_", map_)
    units, distances = map_.nearest(X)
    if keys is not None and len(keys) != len(units):
        raise InputError(f"{len(keys)} keys for {len(units)} rows; give one for each.")
    return BestMatches(
        units[:, 0],
        map_.lattice.n_rows,
        map_.lattice.n_cols,
        None if keys is None else np.asarray(keys, np.intp),
        distances[:, 0],
    )


def classes_of(labels: Sequence[Any], *, keys: Sequence[int] | None = None) -> Classes:
    """Number the classes of rows, for `write_cls`.

    Parameters
    ----------
    labels : sequence
        Class of each row, as text or number.
    keys : sequence of int, optional
        Key of each row.  The default is numbers from 1.

    Returns
    -------
    Classes
        Numbered from 1 in the order of their names.

    Raises
    ------
    InputError
        If the number of keys is wrong.

    See Also
    --------
    write_cls

    Examples
    --------
    >>> from somscape import save
    >>> found = save.classes_of(["good", "bad", "good"])
    >>> found.numbers.tolist(), found.names
    ([2, 1, 2], {1: 'bad', 2: 'good'})
    """
    texts = [str(label) for label in labels]
    if keys is not None and len(keys) != len(texts):
        raise InputError(f"{len(keys)} keys for {len(texts)} rows; give one for each.")
    number_of = {text: number for number, text in enumerate(sorted(set(texts)), 1)}
    return Classes(
        np.array([number_of[text] for text in texts], np.intp),
        np.arange(1, len(texts) + 1) if keys is None else np.asarray(keys, np.intp),
        {number: text for text, number in number_of.items()},
    )
