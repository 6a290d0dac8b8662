"""The class `MiniSom`, which replaces the class of the same name in the package MiniSom."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s
from somscape._validate import check_choice, check_is, check_whole
from somscape._weights import blocks
from somscape.errors import InputError, ParameterTypeError, SomscapeWarning
from somscape.kernels.metric import EUCLIDEAN
from somscape.minisom._rule import (
    GivenSamples,
    MiniSomRule,
    ProgressLine,
    as_samples,
    codebook_of,
    make_schedule,
    nearest_units,
    train_batch,
    train_online,
    units_of,
)

if TYPE_CHECKING:
    from somscape.maps.map import Map

BLOCK_VALUES = 1 << 20
"""Maximum number of distances that are computed at a time (8 MiB)."""

MAX_NEIGHBOR_DISTANCE = 1.42
"""Maximum distance between neighbors on a rectangular map, including diagonal neighbors."""


class MiniSomAnswers(MiniSomRule):
    """Base class with the methods of MiniSom that evaluate rows by a trained map."""

    def quantization(self, data: Any) -> Float64s:
        """Return, for each row, the prototype with the smallest Euclidean distance.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        ndarray of shape (n_samples, input_len)
        """
        return codebook_of(self)[nearest_units(self, self._samples(data), 1)[:, 0]]

    def quantization_error(self, data: Any) -> float:
        """Return the mean Euclidean distance from a row to its nearest prototype.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        float
        """
        return self._quantization_error(self._samples(data))

    def _quantization_error(self, samples: GivenSamples) -> float:
        nearest = codebook_of(self)[nearest_units(self, samples, 1)[:, 0]]
        return np.linalg.norm(samples.rows - nearest, axis=1).mean()

    def distortion_measure(self, data: Any) -> float:
        """Return the sum of distances from rows to all units, weighted by neighborhood.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        float
            Sum of distances (not squared).  The weight of a unit is its neighborhood weight around
            the winner of the row, for the initial sigma.
        """
        samples, codebook = self._samples(data), codebook_of(self)
        units, total = units_of(self, samples), 0.0
        step = max(1, BLOCK_VALUES // len(codebook))
        for part in blocks(len(units), step):
            won, which = np.unique(units[part], return_inverse=True)
            apart = EUCLIDEAN.distances(samples.rows[part], codebook)
            total += (self._neighborhoods(won, self._sigma)[which] * apart).sum()
        return total

    def topographic_error(self, data: Any) -> float:
        """Return the share of rows whose two nearest units are not neighbors on the map.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        float
            Share of rows, or NaN (with a warning) for a map of a single unit.
        """
        samples = self._samples(data)
        if self._activation_map.size == 1:
            message = "The topographic error is not defined for a map of one unit."
            warnings.warn(message, SomscapeWarning, stacklevel=2)
            return np.nan
        x, y = np.divmod(nearest_units(self, samples, 2), self._weights.shape[1])
        if self.topology == "hexagonal":
            x, y = self._xx.T[x, y], self._yy.T[x, y]
        apart = np.hypot(x[:, 0] - x[:, 1], y[:, 0] - y[:, 1])
        if self.topology == "hexagonal":
            return 1 - np.isclose(1, apart).mean()
        return (apart > MAX_NEIGHBOR_DISTANCE).mean()

    def activation_response(self, data: Any) -> Float64s:
        """Return the number of rows that each unit wins.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        ndarray of shape (x, y), float64
        """
        units = units_of(self, self._samples(data))
        counts = np.bincount(units, minlength=self._activation_map.size)
        return counts.astype(np.float64).reshape(self._activation_map.shape)

    def win_map(self, data: Any, return_indices: bool = False) -> dict[tuple[int, int], list[Any]]:
        """Return a dict from the coordinates of a unit to the rows that the unit wins.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        return_indices : bool, default=False
            Whether lists contain row numbers instead of rows.

        Returns
        -------
        defaultdict of (int, int) to list
            The rows have the form in which `data` contains them.  Rows of a data frame are arrays.
        """
        samples = self._samples(data)
        items = range(len(samples.rows)) if return_indices else samples.items
        return self._group_by_unit(samples, items)

    def labels_map(self, data: Any, labels: Any) -> dict[tuple[int, int], Counter[Any]]:
        """Return a dict from unit coordinates to counts of the labels of the unit's rows.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        labels : sequence of length n_samples

        Returns
        -------
        defaultdict of (int, int) to Counter

        Raises
        ------
        ValueError
            If the number of labels differs from the number of rows.
        """
        samples = self._samples(data)
        if len(samples.rows) != len(labels):
            raise InputError(
                f"`labels` must have {len(samples.rows)} labels, one per row of `data`, but has "
                f"{len(labels)}.",
                value=len(labels),
                allowed=len(samples.rows),
            )
        found: dict[tuple[int, int], Any] = self._group_by_unit(samples, labels)
        for unit in found:
            found[unit] = Counter(found[unit])
        return found

    def _group_by_unit(self, samples: GivenSamples, items: Any) -> dict[tuple[int, int], list[Any]]:
        found: dict[tuple[int, int], list[Any]] = defaultdict(list)
        places = [(x, y) for x in self._neigx.tolist() for y in self._neigy.tolist()]
        for unit, item in zip(units_of(self, samples).tolist(), items, strict=True):
            found[places[unit]].append(item)
        return found

    def _samples(self, data: Any) -> GivenSamples:
        return as_samples(data, self._input_len)

    def _check_input_len(self, data: Any) -> None:
        self._samples(data)

    def _distance_from_weights(self, data: Sequence[Any]) -> Float64s:
        """Return the Euclidean distance from each row to each prototype, rounded as in MiniSom."""
        rows, codebook = np.asarray(data), self._weights.reshape(-1, self._weights.shape[2])
        squares = (rows**2).sum(axis=1)[:, None] + (codebook**2).sum(axis=1)
        return np.sqrt(np.maximum(squares - 2 * np.dot(rows, codebook.T), 0))


Steps = tuple[tuple[int, int], ...]

SQUARE: Steps = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))
TO_THE_RIGHT: Steps = ((1, 1), (1, 0), (1, -1), (0, -1), (-1, 0), (0, 1))
"""Offsets (x, y) from a unit to its neighbors, in a row of hexagons that is shifted right."""

TO_THE_LEFT: Steps = ((0, 1), (1, 0), (0, -1), (-1, -1), (-1, 0), (-1, 1))

SLOTS = 8


def distance_map(weights: Float64s, topology: str, scaling: str, strict: bool) -> Float64s:
    """For each unit, sum the distances to its neighbors, and divide by the largest sum."""
    rows = np.arange(weights.shape[1])
    is_left = rows % 2 == 0 if strict else (len(rows) - 1 - rows) % 2 == 0
    if topology == "rectangular":
        apart = _distances(weights, SQUARE)
    else:
        left, right = (_distances(weights, steps) for steps in (TO_THE_LEFT, TO_THE_RIGHT))
        apart = np.where(is_left[:, None], left, right)
    heights: Float64s = np.nansum(apart, axis=2)
    if scaling == "mean":
        n_neighbors: NDArray[np.intp] = (~np.isnan(apart)).sum(axis=2)
        heights = heights / (n_neighbors if strict else np.maximum(n_neighbors, 1))
    highest = heights.max()
    return heights / (highest if strict or highest > 0 else 1.0)


def _distances(weights: Float64s, steps: Steps) -> Float64s:
    """Return the distance from each unit to its neighbor at each offset, or NaN at an edge."""
    n_x, n_y, _ = weights.shape
    padded = np.pad(weights * 1.0, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    apart = np.full((n_x, n_y, SLOTS), np.nan)
    for slot, (x, y) in enumerate(steps):
        difference = padded[1 + x : 1 + x + n_x, 1 + y : 1 + y + n_y] - weights
        apart[:, :, slot] = np.sqrt(np.einsum("xyf,xyf->xy", difference, difference))
    return apart


def principal_plane(rows: Float64s, n_x: int, n_y: int, *, is_scaled: bool) -> Float64s:
    """Return prototypes that are spread over the plane of the rows' two principal components."""
    variances, directions = np.linalg.eigh(np.cov(rows, rowvar=False))
    first, second = np.argsort(variances)[::-1][:2]
    length = np.sqrt(np.maximum(variances, 0.0)) if is_scaled else np.ones_like(variances)
    x, y = (np.linspace(-1, 1, n) for n in (n_x, n_y))
    along_x = x[:, None, None] * (length[first] * directions[:, first])
    along_y = y[None, :, None] * (length[second] * directions[:, second])
    return rows.mean(axis=0) + along_x + along_y


class MiniSom(MiniSomAnswers):
    """A self-organizing map with the interface of MiniSom.

    Parameters, methods and defaults are the same as in MiniSom 2.3.6, so only the import of a
    program has to be changed.  For the same seed, the map is the same as the map of MiniSom.  By
    default, the class reproduces known faults of MiniSom, which ``strict=False`` corrects.  NaN in
    the data raises an error, whereas in MiniSom the entire map becomes NaN.

    Parameters
    ----------
    x, y : int
        Number of units in the x direction and in the y direction.
    input_len : int
        Number of features.
    sigma : float, default=1
        Initial width of the neighborhood, in units.
    learning_rate : float, default=0.5
        Initial learning rate.  A rate of 0.5 moves the winner by half of its distance to the row.
    decay_function : str or callable, default="asymptotic_decay"
        Decay of the learning rate.  Names are "inverse_decay_to_zero", "linear_decay_to_zero" and
        "asymptotic_decay" (to a third).  A function gets the initial rate, the time and the last
        time.
    neighborhood_function : str, default="gaussian"
        Name of the neighborhood function, which is "gaussian", "mexican_hat", "bubble" or
        "triangle".  On hexagonal maps, "bubble" and "triangle" use the indices x and y of units
        instead of their coordinates.
    topology : {"rectangular", "hexagonal"}, default="rectangular"
        Arrangement of the units.  On hexagonal maps, units with the same y form a row.
    activation_distance : str or callable, default="euclidean"
        Distance by which the winner (the nearest unit) is found.  Names are "euclidean", "cosine",
        "manhattan" and "chebyshev".  A function is called with a row and all prototypes (array of
        shape (x, y, input_len)), and returns the distances (array of shape (x, y)).
    random_seed : int, optional
        Seed of ``numpy.random.RandomState``.
    sigma_decay_function : str, default="asymptotic_decay"
        Name of the decay of sigma, which is "inverse_decay_to_one", "linear_decay_to_one" or
        "asymptotic_decay" (to a third).
    strict : bool, default=True
        Whether to reproduce MiniSom's faults.  If False, `distance_map` uses the real neighbors of
        hexagons and is 0 instead of NaN for equal prototypes, "chebyshev" is the largest absolute
        difference, and `pca_weights_init` covers one standard deviation of the rows in each
        direction.

    Raises
    ------
    ValueError, TypeError
        If a size, name or value is not allowed.

    See Also
    --------
    somscape.SOM : The map of somscape, with more options and another interface.

    Notes
    -----
    Training runs in compiled code, or row by row in NumPy (as in MiniSom) if you pass functions of
    your own.  Rectangular maps with the Euclidean, Manhattan or Chebyshev distance and a gaussian,
    bubble or triangle neighborhood are equal to MiniSom's maps to the last bit.  Other maps differ
    from MiniSom's maps only by rounding.  The page "Coming from MiniSom" lists the differences.

    References
    ----------
    G. Vettigli (2018), MiniSom: minimalistic and NumPy-based implementation of the Self Organizing
    Map, https://github.com/JustGlowing/minisom.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.minisom import MiniSom
    >>> data = np.random.default_rng(0).random((100, 4))
    >>> som = MiniSom(6, 6, 4, sigma=1.5, random_seed=1)
    >>> som.train_random(data, 1000)
    >>> som.winner(data[0]) in som.win_map(data)
    True
    """

    def __init__(
        self,
        x: int,
        y: int,
        input_len: int,
        sigma: float = 1,
        learning_rate: float = 0.5,
        decay_function: Any = "asymptotic_decay",
        neighborhood_function: str = "gaussian",
        topology: str = "rectangular",
        activation_distance: Any = "euclidean",
        random_seed: Any = None,
        sigma_decay_function: str = "asymptotic_decay",
        *,
        strict: bool = True,
    ) -> None:
        self.strict = strict
        self._learning_rate = learning_rate
        self._set_map(x, y, input_len, topology, random_seed)
        self._set_rule(
            sigma, decay_function, sigma_decay_function, neighborhood_function, activation_distance
        )
        self._warn_of(sigma, neighborhood_function)

    # The map.

    def get_weights(self) -> Float64s:
        """Return the array of prototypes, of shape (x, y, input_len), without a copy."""
        return self._weights

    @property
    def weights(self) -> Float64s:
        """The prototypes, as `get_weights` returns them."""
        return self._weights

    def get_euclidean_coordinates(self) -> tuple[Float64s, Float64s]:
        """Return the x and y coordinates of all units in the plane, as two arrays.

        Returns
        -------
        xx, yy : ndarray of shape (x, y)
            Coordinates, with a distance of 1 between neighbors in a row.  On hexagonal maps, the
            distance between two rows is sqrt(3) / 2.
        """
        return self._xx.T, self._yy.T

    def convert_map_to_euclidean(self, xy: tuple[int, int]) -> tuple[float, float]:
        """Return the coordinates in the plane of the unit with the indices (x, y).

        Parameters
        ----------
        xy : tuple of two int

        Returns
        -------
        tuple of two float
        """
        return self._xx.T[xy], self._yy.T[xy]

    def distance_map(self, scaling: str = "sum") -> Float64s:
        """Return the distance of each unit to its neighbors, divided by the maximum.

        Parameters
        ----------
        scaling : {"sum", "mean"}, default="sum"
            Whether to use the sum or the mean of the Euclidean distances between the prototype of a
            unit and the prototypes of its up to 8 neighbors (6 on hexagonal maps).

        Returns
        -------
        ndarray of shape (x, y)
            Summed or mean distance of each unit, divided by the maximum over all units.

        Raises
        ------
        ValueError
            If training has diverged.
        """
        check_choice("scaling", scaling, ("sum", "mean"))
        n_x, n_y = self._weights.shape[:2]
        weights = codebook_of(self).reshape(n_x, n_y, -1)
        return distance_map(weights, self.topology, scaling, self.strict)

    # Starting prototypes.

    def random_weights_init(self, data: Any) -> None:
        """Set the prototypes to rows of the data that are drawn at random.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        """
        rows = self._samples(data).rows
        drawn = self._random_generator.randint(len(rows), size=self._activation_map.size)
        self._weights[...] = rows[drawn].reshape(self._weights.shape)

    def pca_weights_init(self, data: Any) -> None:
        """Set the prototypes to points on the plane of two principal components.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
            Rows, scaled as for training.

        Raises
        ------
        ValueError
            If the data have only one feature.
        """
        if self._input_len == 1:
            raise InputError(
                "Initial weights by PCA need at least 2 features. Use random_weights_init.",
                parameter="input_len",
                value=1,
            )
        n_x, n_y = self._activation_map.shape
        if min(n_x, n_y) == 1:
            message = f"Initial weights by PCA need two axes, but the map is {n_x} x {n_y}."
            warnings.warn(message, SomscapeWarning, stacklevel=2)
        rows = self._samples(data).rows
        self._weights[...] = principal_plane(rows, n_x, n_y, is_scaled=not self.strict)

    # Training.

    def train(
        self,
        data: Any,
        num_iteration: int,
        random_order: bool = False,
        verbose: bool = False,
        use_epochs: bool = False,
        fixed_points: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        """Train on rows, one by one.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        num_iteration : int
            Number of training steps, each of which presents one row.  If `use_epochs` is True,
            number of passes over all rows.
        random_order : bool, default=False
            Whether to shuffle the rows.  As in MiniSom, only the first `num_iteration` rows are
            shuffled and used, unless `use_epochs` is True.  If rows remain unused, a warning
            reports their number.
        verbose : bool, default=False
            Whether to print the progress of training, the time left, and the quantization error.
        use_epochs : bool, default=False
            Whether training consists of passes over all rows, with a constant learning rate and
            sigma in each pass.  With `random_order`, rows are shuffled once, before all passes.
        fixed_points : dict of int to (int, int), optional
            Winners that are fixed for some rows, as a dict from row numbers to unit coordinates.

        Raises
        ------
        ValueError, TypeError
            If the data or the fixed points do not fit the map, or if a value is not finite.
        """
        self._train(data, num_iteration, random_order, verbose, use_epochs, fixed_points or {})

    def train_random(self, data: Any, num_iteration: int, verbose: bool = False) -> None:
        """Train on rows in random order, as `train` does with ``random_order=True``.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        num_iteration : int
            Number of rows to present.
        verbose : bool, default=False
            As for `train`.
        """
        self._train(data, num_iteration, True, verbose, False, {})

    def train_batch(self, data: Any, num_iteration: int, verbose: bool = False) -> None:
        """Train on rows in the given order, as `train` does (online, not in batches).

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        num_iteration : int
            Number of rows to present.
        verbose : bool, default=False
            As for `train`.
        """
        self._train(data, num_iteration, False, verbose, False, {})

    def _train(
        self,
        data: Any,
        num_iteration: int,
        random_order: bool,
        verbose: bool,
        use_epochs: bool,
        fixed_points: Mapping[int, tuple[int, int]],
    ) -> None:
        check_whole("num_iteration", num_iteration, 1)
        samples = self._samples(data)
        n = len(samples.rows)
        fixed_points = self._checked_fixed_points(fixed_points, n)
        if random_order and not use_epochs and num_iteration < n:
            warnings.warn(
                f"{n - num_iteration} of {n} rows are never used, because only the first "
                f"{num_iteration} rows are presented, in random order. Pass a `num_iteration` of "
                "several times the number of rows, or shuffle the rows first.",
                SomscapeWarning,
                stacklevel=3,
            )
        random = self._random_generator if random_order else None
        schedule = make_schedule(n, num_iteration, use_epochs, random)
        progress = ProgressLine(schedule.n_steps, verbose)
        train_online(self, samples, schedule, fixed_points, progress)
        if verbose:
            progress.end(f" quantization error: {self._quantization_error(samples)}")

    def _checked_fixed_points(
        self, fixed_points: Mapping[int, Any], n_samples: int
    ) -> dict[int, tuple[int, int]]:
        """Check the fixed points, and return a dict from row numbers to winners (x, y)."""
        words = "a dict from row to unit, such as {0: (3, 4)}"
        check_is("fixed_points", fixed_points, Mapping, words)
        n_x, n_y = self._weights.shape[:2]
        found: dict[int, tuple[int, int]] = {}
        for row, unit in fixed_points.items():
            if not isinstance(row, Integral):
                raise ParameterTypeError(
                    f"`fixed_points` must have row numbers as keys, but has {row!r}.", value=row
                )
            if not 0 <= row < n_samples:
                raise InputError(
                    f"`fixed_points` has row {row}, but `data` has rows 0 to {n_samples - 1}.",
                    row=row,
                )
            if np.shape(unit) != (2,) or any(not isinstance(place, Integral) for place in unit):
                raise InputError(
                    f"`fixed_points` must give row {row} a unit of two whole numbers, such as "
                    f"(3, 4), but gives {unit!r}.",
                    value=unit,
                    row=row,
                )
            x, y = unit
            if not (0 <= x < n_x and 0 <= y < n_y):
                raise InputError(
                    f"`fixed_points` gives row {row} the unit ({x}, {y}), but units are from (0, "
                    f"0) to ({n_x - 1}, {n_y - 1}).",
                    row=row,
                    value=(x, y),
                )
            found[int(row)] = int(x), int(y)
        return found

    def train_batch_offline(self, data: Any, num_iteration: int, verbose: bool = False) -> None:
        """Train in batch passes.  A rate of 1 moves each unit to its neighborhood's mean.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        num_iteration : int
            Number of passes over all rows.
        verbose : bool, default=False
            As for `train`.

        Raises
        ------
        ValueError, TypeError
            If the data do not fit the map, or if a value is not finite.

        References
        ----------
        T. Kohonen (2013), Essentials of the self-organizing map, section 4.
        """
        check_whole("num_iteration", num_iteration, 1)
        samples = self._samples(data)
        progress = ProgressLine(num_iteration, verbose)
        train_batch(self, samples, num_iteration, progress)
        if verbose:
            progress.end(f"Quantization Error: {self._quantization_error(samples):.4f}")

    def train_batch_offline_fast(
        self, data: Any, num_iteration: int, verbose: bool = False
    ) -> None:
        """Train in the same way and at the same speed as `train_batch_offline`.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        num_iteration : int
            Number of passes over all rows.
        verbose : bool, default=False
            As for `train`.

        Raises
        ------
        ValueError
            For the same reasons as in `train_batch_offline`, or if the neighborhood or the distance
            is not a function of MiniSom.
        """
        for what, name in (
            ("neighborhood_function", self._neighborhood_name),
            ("activation_distance", self._distance_name),
        ):
            if not name:
                raise InputError(
                    f"`train_batch_offline_fast` supports only a {what} of MiniSom, given by name. "
                    "Use train_batch_offline.",
                    parameter=what,
                )
        self.train_batch_offline(data, num_iteration, verbose)

    # Conversion to and from `Map`.

    def to_map(self, data: Any = None) -> "Map":
        """Convert this object to a `Map`, which can be measured, plotted and saved.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len), optional
            Rows from which the hits of the map are counted.  Without rows, all hits are 0.

        Returns
        -------
        Map
            Map that is drawn like a plot, with x to the right and y upwards.  The unit (x, y) is in
            row ``n_y - 1 - y`` and column x of the map.

        Raises
        ------
        InputError
            If the distance is a function that you wrote, because a `Map` cannot store functions.
        """
        from somscape.minisom._crossing import to_map

        return to_map(self, None if data is None else self._samples(data))

    @classmethod
    def from_map(cls, som: "Map", **settings: Any) -> "MiniSom":
        """Convert a map to a MiniSom, for further training or for code that needs one.

        Parameters
        ----------
        som : Map
            Rectangular or hexagonal map on a plane.  Its prototypes consist of encoded features, so
            methods of the MiniSom need rows that were encoded by ``som.rows_of``.
        **settings
            Parameters of the constructor of `MiniSom`, such as `sigma` and `random_seed`, but not
            the size, the topology and the distance.

        Returns
        -------
        MiniSom
            A MiniSom whose prototypes are a copy of the map's prototypes.

        Raises
        ------
        InputError
            If the map's boundary, graph or metric is not supported by MiniSom.
        """
        from somscape.maps.map import as_map
        from somscape.minisom._crossing import parameters_of, weights_of

        map_ = as_map(som)
        made = cls(**parameters_of(map_), **settings)
        made._weights[...] = weights_of(map_)
        return made
