"""MiniSom's training: the training step, batch and online training, and the search for winners."""

import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import (
    check_choice,
    check_not_dates,
    check_not_masked,
    check_values,
    check_whole,
)
from somscape._weights import blocks
from somscape.errors import InputError, ParameterTypeError, SomscapeWarning
from somscape.grid.lattice import Lattice
from somscape.kernels._kernels import MiniSomSteps
from somscape.kernels._select import minisom_kernels, select_kernels

DECAYS = ("inverse_decay_to_zero", "linear_decay_to_zero", "asymptotic_decay")
SIGMA_DECAYS = ("inverse_decay_to_one", "linear_decay_to_one", "asymptotic_decay")
NEIGHBORHOODS = ("gaussian", "mexican_hat", "bubble", "triangle")
DISTANCES = ("euclidean", "cosine", "manhattan", "chebyshev")
TOPOLOGIES = ("hexagonal", "rectangular")

BY_AXIS = ("bubble", "triangle")
"""Names of neighborhoods that use the indices x and y of units even on hexagonal maps."""

DIVIDES = ("gaussian", "mexican_hat")
"""Names of neighborhoods whose formula divides by sigma."""

STEP_METHODS = ("winner", "update", "activate", "_activate")
"""Names of the methods of a training step that a subclass can override."""


def _gaussian_along(at: Any, center: Any, sigma: Any) -> Any:
    offset = at - center
    return np.exp(-(offset * offset) / (2 * sigma * sigma))


def _bubble_along(at: Any, center: Any, sigma: Any) -> Any:
    # Compared with the ends of the window, because near whole sigmas rounding matters.
    return ((at > center - sigma) & (at < center + sigma)) * 1.0


def _triangle_along(at: Any, center: Any, sigma: Any) -> Any:
    return np.maximum(sigma - np.abs(at - center), 0.0)


ALONG_AXIS = {"gaussian": _gaussian_along, "bubble": _bubble_along, "triangle": _triangle_along}
"""Neighborhoods in which a unit's weight is a weight along x times a weight along y."""


def fast_norm(x: Any) -> Any:
    """Return the Euclidean length of a vector.

    Parameters
    ----------
    x : ndarray of shape (n,)

    Returns
    -------
    float

    See Also
    --------
    MiniSom

    Examples
    --------
    >>> import numpy as np
    >>> float(fast_norm(np.array([3.0, 4.0])))
    5.0
    """
    return np.sqrt(np.dot(x, x.T))


class MiniSomRule:
    """Base class with the attributes and the training methods of MiniSom."""

    Y_HEX_CONV_FACTOR = (3.0 / 2.0) / np.sqrt(3)

    strict: bool
    _learning_rate: Any

    def _set_map(self, x: int, y: int, input_len: int, topology: str, seed: Any) -> None:
        """Set the positions of the units, and set the prototypes to random vectors of length 1."""
        for name, value in (("x", x), ("y", y), ("input_len", input_len)):
            check_whole(name, value, 1)
        check_choice("topology", topology, TOPOLOGIES)
        self.topology = topology
        self._input_len = input_len
        self._random_generator = np.random.RandomState(seed)
        weights = self._random_generator.rand(x, y, input_len) * 2 - 1
        self._weights = weights / np.linalg.norm(weights, axis=-1, keepdims=True)
        self._activation_map = np.zeros((x, y))
        self._neigx, self._neigy = np.arange(x), np.arange(y)
        self._xx, self._yy = (a.astype(float) for a in np.meshgrid(self._neigx, self._neigy))
        if topology == "hexagonal":
            self._xx[::-2] -= 0.5  # every second row, starting from the last
            self._yy *= self.Y_HEX_CONV_FACTOR

    def _set_rule(
        self, sigma: Any, decay: Any, sigma_decay: Any, neighborhood: Any, distance: Any
    ) -> None:
        """Set the distance, the neighborhood and the decay functions that a training step calls."""
        _check_rate("learning_rate", self._learning_rate)
        _check_rate("sigma", sigma, may_be_infinite=True)
        if neighborhood in DIVIDES and sigma * sigma < np.finfo(float).tiny:
            raise InputError(
                f"`sigma` must not be 0 for a {neighborhood} neighborhood, but is {sigma!r}. All "
                "weights would become NaN. To let only winners learn, use a bubble with sigma 1.",
                value=sigma,
            )
        self._sigma = sigma
        self._learning_rate_decay_function = self._chosen("decay_function", decay, DECAYS)
        check_choice("sigma_decay_function", sigma_decay, SIGMA_DECAYS)
        self._sigma_decay_function = getattr(self, f"_{sigma_decay}")
        check_choice("neighborhood_function", neighborhood, NEIGHBORHOODS)
        self.neighborhood = getattr(self, f"_{neighborhood}")
        self._activation_distance = self._chosen(
            "activation_distance", distance, DISTANCES, "_distance"
        )

    def _chosen(self, name: str, value: Any, known: tuple[str, ...], ending: str = "") -> Any:
        if callable(value):
            return value
        check_choice(name, value, known)
        return getattr(self, f"_{value}{ending}")

    def _warn_of(self, sigma: Any, neighborhood: str) -> None:
        """Give a warning for every setting for which MiniSom gives a warning."""
        width, height = self._activation_map.shape
        if sigma > np.sqrt(width * width + height * height):
            _warn(f"`sigma` ({sigma}) may be too large, because it spans more than the entire map.")
        if sigma < 0:
            _warn(f"`sigma` is negative ({sigma}) and used without change, as in MiniSom.")
        if self.topology == "hexagonal" and neighborhood == "triangle":
            _warn("The triangle neighborhood does not follow the hexagonal topology.")
        if neighborhood in BY_AXIS and (sigma < 1 or sigma % 1 != 0):
            _warn(
                f"`sigma` should be a whole number of at least 1 for {neighborhood}, but is "
                f"{sigma}."
            )

    # Decays of a parameter, at time t of max_iter.

    def _inverse_decay_to_zero(self, learning_rate: Any, t: Any, max_iter: Any) -> Any:
        """Return the learning rate at time t, which falls to about a hundredth during training."""
        hundredth = max_iter / 100.0
        return learning_rate * hundredth / (hundredth + t)

    def _linear_decay_to_zero(self, learning_rate: Any, t: Any, max_iter: Any) -> Any:
        """Return the learning rate at time t, which falls linearly to zero during training."""
        return learning_rate * (1 - t / max_iter)

    def _inverse_decay_to_one(self, sigma: Any, t: Any, max_iter: Any) -> Any:
        """Return sigma at time t, which falls to one in training, first fast and then slowly."""
        return sigma / (1 + t * ((sigma - 1) / max_iter))

    def _linear_decay_to_one(self, sigma: Any, t: Any, max_iter: Any) -> Any:
        """Return sigma at time t, which falls linearly to one during training."""
        return sigma + (t * (1 - sigma) / max_iter)

    def _asymptotic_decay(self, dynamic_parameter: Any, t: Any, max_iter: Any) -> Any:
        """Return a parameter's value at time t, which falls to a third during training."""
        return dynamic_parameter / (1 + t / (max_iter / 2))

    # Neighborhoods of a winner c = (x, y), of shape (n_x, n_y), or of many winners at once, with x
    # and y of shape (n, 1, 1).

    def _plane_coordinates(self) -> tuple[Float64s, Float64s]:
        """Return two values: the x coordinates and the y coordinates of all units."""
        xs, ys = self._xx.T, self._yy.T
        # Units with the same index y have the same coordinate y on every map.  Units with the same
        # index x have the same coordinate x only on a rectangular map.
        return (xs[:, :1] if self.topology == "rectangular" else xs), ys[:1]

    def _gaussian(self, c: Any, sigma: Any) -> Float64s:
        """Return the Gaussian neighborhood weight of each unit around the winner c."""
        x, y = self._plane_coordinates()
        along = ALONG_AXIS["gaussian"]
        return along(x, self._xx.T[c], sigma) * along(y, self._yy.T[c], sigma)

    def _mexican_hat(self, c: Any, sigma: Any) -> Float64s:
        """Return the Mexican hat weight of each unit, which is negative far from the winner c."""
        x, y = self._plane_coordinates()
        dx, dy = x - self._xx.T[c], y - self._yy.T[c]
        p, width = dx * dx + dy * dy, 2 * sigma * sigma
        return np.exp(-p / width) * (1 - 2 / width * p)

    def _bubble(self, c: Any, sigma: Any) -> Float64s:
        """Return 1 for each unit within sigma of the winner c along both axes, otherwise 0."""
        return self._by_axis("bubble", c, sigma)

    def _triangle(self, c: Any, sigma: Any) -> Float64s:
        """For each unit, return the product of ``max(0, sigma - offset)`` along x and y."""
        return self._by_axis("triangle", c, sigma)

    def _by_axis(self, name: str, c: Any, sigma: Any) -> Float64s:
        along = ALONG_AXIS[name]
        return along(self._neigx[:, None], c[0], sigma) * along(self._neigy, c[1], sigma)

    # Distances of x from prototypes w.

    def _euclidean_distance(self, x: Any, w: Any) -> Any:
        """Return the Euclidean distance from the row x to each prototype."""
        return np.linalg.norm(np.subtract(x, w), axis=-1)

    def _manhattan_distance(self, x: Any, w: Any) -> Any:
        """Return the Manhattan distance from the row x to each prototype."""
        return np.linalg.norm(np.subtract(x, w), ord=1, axis=-1)

    def _cosine_distance(self, x: Any, w: Any) -> Any:
        """Return the cosine distance from the row x to each prototype."""
        lengths = np.linalg.norm(w, axis=2) * np.linalg.norm(x)
        return 1 - (w * x).sum(axis=2) / (lengths + 1e-8)

    def _chebyshev_distance(self, x: Any, w: Any) -> Any:
        """Return the largest difference of x from each prototype (signed if `strict`)."""
        difference = np.subtract(x, w)
        return (difference if self.strict else np.abs(difference)).max(axis=-1)

    # The step.

    def _activate(self, x: Any) -> None:
        """Compute and store the distance from the row x to the prototype of each unit."""
        x = _plain(x)
        values = np.asarray(x)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(
                "`x` must be finite, but contains NaN or infinity. Fill the value or leave out the "
                "row."
            )
        self._activation_map = self._activation_distance(x, self._weights)

    def activate(self, x: Any) -> Any:
        """Return the distance from a row to the prototype of each unit.

        Parameters
        ----------
        x : array-like of shape (input_len,)

        Returns
        -------
        ndarray of shape (x, y)
        """
        self._activate(x)
        return self._activation_map

    def winner(self, x: Any) -> tuple[Any, ...]:
        """Return the coordinates of the unit whose prototype is nearest to a row.

        Parameters
        ----------
        x : array-like of shape (input_len,)

        Returns
        -------
        tuple of two int
            Coordinates of the nearest unit (the first unit among equally near units).
        """
        self._activate(x)
        return np.unravel_index(self._activation_map.argmin(), self._activation_map.shape)

    def update(self, x: Any, win: Any, t: int, max_iteration: int) -> None:
        """Move the prototypes of the units around a winner towards a row.

        Parameters
        ----------
        x : array-like of shape (input_len,)
        win : tuple of two int
            The winner's coordinates.
        t : int
            Current time, from which the learning rate and sigma are computed.
        max_iteration : int
            Time at the end of training.
        """
        rate = self._learning_rate_decay_function(self._learning_rate, t, max_iteration)
        sigma = self._sigma_decay_function(self._sigma, t, max_iteration)
        pull = self.neighborhood(win, sigma) * rate
        self._weights += pull[:, :, None] * (_plain(x) - self._weights)

    @property
    def _uses_hexagons(self) -> bool:
        """Whether the neighborhood uses the coordinates of units on a hexagonal map."""
        return self.topology == "hexagonal" and self._neighborhood_name not in BY_AXIS

    def _axis_weights(self, sigma: Any) -> tuple[Float64s, Float64s] | None:
        """Return neighborhood weights along x and along y, or None if weights are not products."""
        along = ALONG_AXIS.get(self._neighborhood_name)
        if along is None or self._uses_hexagons:
            return None
        x, y = (axis * 1.0 for axis in (self._neigx, self._neigy))
        return along(x, x[:, None], sigma), along(y, y[:, None], sigma)

    def _neighborhoods(self, units: Ints, sigma: Any) -> Float64s:
        """Return the neighborhood weights of all units for each given winner (n, n_units)."""
        x, y = np.divmod(units, len(self._neigy))
        if self._neighborhood_name:
            around = self.neighborhood((x[:, None, None], y[:, None, None]), sigma)
        else:
            winners = zip(x.tolist(), y.tolist(), strict=True)
            around = np.array([self.neighborhood(c, sigma) for c in winners])
        return around.reshape(len(units), -1)

    # Whether the rule is MiniSom's own.

    def _name_in(self, function: Callable[..., Any], names: tuple[str, ...], end: str = "") -> str:
        """Return the name of a function if it is one of MiniSom's functions, and otherwise ""."""
        inner = getattr(function, "__func__", None)
        return next((name for name in names if inner is getattr(MiniSomRule, f"_{name}{end}")), "")

    @property
    def _neighborhood_name(self) -> str:
        return self._name_in(self.neighborhood, NEIGHBORHOODS)

    @property
    def _distance_name(self) -> str:
        return self._name_in(self._activation_distance, DISTANCES, "_distance")

    @property
    def _core_distance(self) -> str:
        """Name of the distance in the compiled code, or "" if the code does not contain it."""
        name = self._distance_name
        return "signed_chebyshev" if name == "chebyshev" and self.strict else name

    @property
    def _has_own_step(self) -> bool:
        """Whether a subclass or this object overrides a method of the training step."""
        return any(
            name in vars(self) or getattr(type(self), name) is not getattr(MiniSomRule, name)
            for name in STEP_METHODS
        )


def _plain(x: Any) -> Any:
    """Convert a row of a data frame to an array, and return other data unchanged."""
    return x.to_numpy() if hasattr(x, "to_numpy") else x


def _check_rate(name: str, value: Any, *, may_be_infinite: bool = False) -> None:
    """Raise an error if a setting is not a number or would make all prototypes NaN."""
    if isinstance(value, str) or np.ndim(value) or not np.isreal(value) or value is None:
        raise ParameterTypeError(f"`{name}` must be a number, but is {value!r}.", value=value)
    if np.isnan(value) or (np.isinf(value) and not may_be_infinite):
        raise InputError(f"`{name}` must be a finite number, but is {value!r}.", value=value)


def _warn(message: str) -> None:
    warnings.warn(message, SomscapeWarning, stacklevel=4)  # the line that makes the map


class GivenSamples(NamedTuple):
    """The rows as an array for computation, and the same rows in the form that the user passed.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features), float64
        Finite rows in C order.
    items : sequence
        The rows in the form that the user passed (items of a list or rows of an array).
    """

    rows: Float64s
    items: Sequence[Any]


def as_samples(data: Any, n_features: int) -> GivenSamples:
    """Check the data that the user passed, and convert them to rows."""
    items, names = data, None
    if not isinstance(data, (np.ndarray, list, tuple)):
        # Slow to import, and rarely needed.
        from somscape.tables._frame import as_frame

        frame = as_frame(data, "data")
        if frame is not None:
            items, names = frame.numbers(), frame.names
    rows = _as_array(items)
    if rows.ndim != 2 or len(rows) == 0:
        raise InputError(
            f"`data` must have shape (n_samples, {n_features}), with at least one row, but "
            f"has shape {rows.shape}.",
            value=rows.shape,
        )
    if rows.shape[1] != n_features:
        raise InputError(
            f"`data` must have {n_features} features (`input_len`), but has {rows.shape[1]}. Pass "
            "rows of this length, or create a map for these rows.",
            value=rows.shape[1],
            allowed=n_features,
        )
    check_values(rows, names or [str(i) for i in range(n_features)], "data")
    return GivenSamples(rows, items)


def _as_array(data: Any) -> Float64s:
    if hasattr(data, "tocsr"):
        raise InputError("`data` is sparse. Pass data.toarray(), or train a somscape.SOM on it.")
    check_not_dates(getattr(data, "dtype", None), "data")
    check_not_masked(data, "data")
    if np.dtype(getattr(data, "dtype", float)).kind == "c":
        raise InputError("`data` contains complex numbers. Pass real numbers, such as data.real.")
    try:
        return np.ascontiguousarray(data, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"`data` must contain rows of numbers of equal length ({_odd_row(data) or error})."
        ) from error


def _odd_row(data: Any) -> str:
    """Return an error message if a row has another length than the first row, and otherwise ""."""
    lengths = [np.size(row) for row in data] if isinstance(data, list | tuple) else []
    odd = next((i for i, n in enumerate(lengths) if n != lengths[0]), 0)
    return f"row {odd} has {lengths[odd]} values, but row 0 has {lengths[0]}" if odd else ""


NEARLY_TIED = 1 + 1e-12
"""Maximum ratio of two distances whose order can be changed by the rounding in MiniSom."""

SMALL_WORK = 2e6
"""Number of multiply-adds (about 0.1 ms) below which a search for winners uses one thread.
For so little work, more threads, or a check which rows are nearly tied, would take longer."""


def codebook_of(som: MiniSomRule) -> Float64s:
    """Return the prototypes in MiniSom's order of units, or raise an error after divergence."""
    weights = som._weights
    codebook = np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]), dtype=np.float64)
    if not np.isfinite(codebook).all():
        raise InputError(
            "Training diverged, so the weights of the map contain NaN or infinity. Train again "
            "with a smaller `learning_rate`, or with a neighborhood other than 'mexican_hat'.",
            parameter="learning_rate",
        )
    return codebook


def units_of(som: MiniSomRule, samples: GivenSamples) -> Ints:
    """Return, for each row, the number of its winner in MiniSom's order of units."""
    distance, kernels = som._core_distance, minisom_kernels()
    is_own = not distance or som._has_own_step
    if not is_own:
        codebook_of(som)  # raises if training diverged
    if kernels is None or is_own:
        found = (som.winner(x) for x in samples.items)
        n_y = som._activation_map.shape[1]
        return np.array([int(x) * n_y + int(y) for x, y in found])
    rows, codebook = samples.rows, codebook_of(som)
    if distance != "euclidean" or len(codebook) == 1 or _is_small(rows, codebook):
        return kernels.minisom_winners(rows, codebook, distance)
    units, distances = select_kernels().search(rows, codebook, 2, order=_walk(som))
    best = np.ascontiguousarray(units[:, 0])
    near = np.flatnonzero(distances[:, 1] <= distances[:, 0] * NEARLY_TIED)
    if len(near):
        best[near] = kernels.minisom_winners(rows[near], codebook, distance)
    return best


def nearest_units(som: MiniSomRule, samples: GivenSamples, k: int) -> Ints:
    """Return the k units nearest to each sample, by Euclidean distance."""
    rows, codebook = samples.rows, codebook_of(som)
    one_thread = _is_small(rows, codebook)
    return select_kernels().winners(rows, codebook, k, order=_walk(som), one_thread=one_thread)


def _is_small(rows: Float64s, codebook: Float64s) -> bool:
    return rows.size * len(codebook) < SMALL_WORK


def _walk(som: MiniSomRule) -> Ints:
    n_x, n_y = som._weights.shape[:2]
    return Lattice(n_x, n_y, kind="rectangular").walk


UPDATES = 100
"""Number of updates of the progress line.  One update per step, as in MiniSom, takes too long."""


class ProgressLine:
    """The progress line of training, which is shown if `verbose` is True.

    Parameters
    ----------
    n_steps : int
    verbose : bool
    """

    def __init__(self, n_steps: int, verbose: bool) -> None:
        self._n_steps, self._verbose = n_steps, verbose
        self._started = time.monotonic()
        self._write(0, "? it/s")

    @property
    def stride(self) -> int:
        """Number of training steps between two updates of the progress line."""
        return max(1, self._n_steps // UPDATES) if self._verbose else self._n_steps

    def show(self, done: int) -> None:
        """Update the progress line after `done` training steps."""
        if done % self.stride and done < self._n_steps:
            return
        seconds = (time.monotonic() - self._started) * (self._n_steps - done) / done
        self._write(done, f"{str(timedelta(seconds=seconds))[:7]} left ")

    def _write(self, done: int, rest: str) -> None:
        n = self._n_steps
        if self._verbose:
            sys.stdout.write(f"\r [ {done:{len(str(n))}} / {n} ] {100 * done / n:3.0f}% - {rest}")

    def end(self, text: str) -> None:
        """End the progress line, and write a text below."""
        if self._verbose:
            sys.stdout.write(f"\n{text}\n")


BLOCK_VALUES = 1 << 20
"""Maximum number of neighborhood weights that are computed at a time (8 MiB)."""

TERM_BITS = 50
"""Maximum number of bits of a value that is added to a fixed-point sum."""

SUM_BITS = 61
"""Maximum number of bits of a fixed-point sum."""


def train_batch(
    som: MiniSomRule, samples: GivenSamples, num_iteration: int, progress: ProgressLine
) -> None:
    """Train in passes, each of which moves units towards means of rows in their neighborhoods."""
    scale = _scale(samples.rows)
    for t in range(num_iteration):
        rate = som._learning_rate_decay_function(som._learning_rate, t, num_iteration)
        sigma = som._sigma_decay_function(som._sigma, t, num_iteration)
        is_plain = som._core_distance == "euclidean" and not som._has_own_step
        units = nearest_units(som, samples, 1)[:, 0] if t and is_plain else units_of(som, samples)
        counts, totals = _sums(samples.rows, units, scale, som._activation_map.size)
        total, weight = _neighborhood_sums(som, counts, totals, sigma)
        _move(som._weights, total, weight, rate)
        progress.show(t + 1)


def _move(weights: Float64s, total: Float64s, weight: Float64s, rate: float) -> None:
    """Move each prototype towards the mean of the rows in its unit's neighborhood, if any."""
    has_weight = weight > 0
    if has_weight.all():
        target = (total / weight[:, None]).reshape(weights.shape)
        weights *= 1 - rate
        weights += rate * target
        return
    there = has_weight.reshape(weights.shape[:2])
    mean = total[has_weight] / weight[has_weight, None]
    weights[there] = (1 - rate) * weights[there] + rate * mean


def _scale(rows: Float64s) -> Float64s:
    """For each column, return a power of two that scales values for exact sums in 64 bits."""
    _, size = np.frexp(np.abs(rows).max(axis=0))  # values are below 2^size
    room = min(TERM_BITS, SUM_BITS - len(rows).bit_length())
    return np.ldexp(1.0, np.minimum(room - size, 1000))


def _sums(rows: Float64s, units: Ints, scale: Float64s, n_units: int) -> tuple[Ints, Float64s]:
    """For each unit, return its number of rows and their sum (around 0, so zeros stay exact)."""
    counts = np.zeros(n_units, dtype=np.int64)
    totals = np.zeros((n_units, rows.shape[1]), dtype=np.int64)
    center = np.zeros(rows.shape[1])
    units = np.ascontiguousarray(units)
    select_kernels().sums(rows, units, None, center, scale, 1.0, counts, totals)
    return counts, totals / scale


def _neighborhood_sums(
    som: MiniSomRule, counts: Ints, totals: Float64s, sigma: float
) -> tuple[Float64s, Float64s]:
    """For each unit, add the row sums and row counts of all units, weighted by neighborhood."""
    sums = np.column_stack([totals, counts])
    by_axis = som._axis_weights(sigma)
    if by_axis is not None:
        n_x, n_y = som._activation_map.shape
        along_x, along_y = by_axis
        by_x = (along_x.T @ sums.reshape(n_x, -1)).reshape(n_x, n_y, -1)
        around = (along_y.T @ by_x).reshape(sums.shape)
    else:
        won, around = np.flatnonzero(counts), np.zeros_like(sums)
        for part in blocks(len(won), max(1, BLOCK_VALUES // len(sums))):
            around += som._neighborhoods(won[part], sigma).T @ sums[won[part]]
    return around[:, :-1], around[:, -1]


BLOCK_WORK = 5e7
"""Number of multiply-adds in one call of compiled code (about 20 ms, since Ctrl-C must wait)."""

TABLE_VALUES = 1 << 16
"""Number of neighborhood weights in tables for one block of steps (0.5 MiB, to fit the cache)."""


class Schedule(NamedTuple):
    """The row that each training step presents, and the time of the step.

    Attributes
    ----------
    order : ndarray of shape (n,)
        Numbers of the rows in the order of presentation, which is repeated until the last step.
    n_steps : int
    max_iteration : int
        Time at the end of training.
    steps_per_time : int
        Number of training steps with the same time (with epochs, the number of rows).
    """

    order: Ints
    n_steps: int
    max_iteration: int
    steps_per_time: int


def make_schedule(
    n_samples: int, num_iteration: int, use_epochs: bool, random: np.random.RandomState | None
) -> Schedule:
    """Choose the order in which rows are presented, in the same way as MiniSom."""
    order = np.arange(n_samples if use_epochs else num_iteration) % n_samples
    if random is not None:
        random.shuffle(order)
    steps_per_time = n_samples if use_epochs else 1
    return Schedule(order, steps_per_time * num_iteration, num_iteration, steps_per_time)


def train_online(
    som: MiniSomRule,
    samples: GivenSamples,
    schedule: Schedule,
    fixed_points: Mapping[int, tuple[int, int]],
    progress: ProgressLine,
) -> None:
    """Train online, with one row in each training step."""
    kernels = minisom_kernels() if _is_known_to_the_core(som) else None
    size = progress.stride
    if kernels is not None:
        n_x, n_y, _ = som._weights.shape
        of_work = int(BLOCK_WORK / (2 * som._weights.size))
        size = min(size, max(1, min(TABLE_VALUES // (2 * (2 * n_x + n_y)), of_work)))
    given = _fixed_units(samples, fixed_points, som._weights.shape[1])
    for part in blocks(schedule.n_steps, size):
        steps = np.arange(part.start, part.stop)
        order = schedule.order[steps % len(schedule.order)]
        times = steps // schedule.steps_per_time
        if kernels is None:
            for row, t in zip(order.tolist(), times.tolist(), strict=True):
                x = samples.items[row]
                som.update(x, fixed_points.get(row) or som.winner(x), t, schedule.max_iteration)
        else:
            when = times, schedule.max_iteration
            rates = _decayed(som, som._learning_rate_decay_function, som._learning_rate, *when)
            sigmas = _decayed(som, som._sigma_decay_function, som._sigma, *when)
            windows = sigmas if som._neighborhood_name == "bubble" else None
            kernels.minisom_steps(
                samples.rows,
                MiniSomSteps(order, rates, windows, *_tables(som, sigmas)),
                som._weights,
                given=given,
                is_hexagonal=som._uses_hexagons,
                distance=som._core_distance,
            )
        progress.show(part.stop)


def _is_known_to_the_core(som: MiniSomRule) -> bool:
    weights = som._weights
    return (
        not som._has_own_step
        and bool(som._neighborhood_name and som._distance_name)
        and weights.dtype == np.float64
        and weights.flags.c_contiguous
        and weights.flags.writeable
        and weights.shape == (len(som._neigx), len(som._neigy), som._input_len)
    )


def _fixed_units(samples: GivenSamples, fixed_points: Mapping[int, Any], n_y: int) -> Ints | None:
    """For each row, return the winner that the user fixed, or -1 if no winner is fixed."""
    if not fixed_points:
        return None
    given = np.full(len(samples.rows), -1)
    for row, (x, y) in fixed_points.items():
        given[row] = x * n_y + y
    return given


def _decayed(
    som: MiniSomRule, decay: Callable[..., Any], start: float, times: Ints, max_iteration: int
) -> Float64s:
    """Return the learning rate or sigma at each time.  Call a user's function once per time."""
    if som._name_in(decay, (*DECAYS, *SIGMA_DECAYS)):  # accept an array of times
        return np.asarray(decay(start, times, max_iteration), dtype=np.float64)
    values = (decay(start, t, max_iteration) for t in times.tolist())
    return np.fromiter(values, dtype=np.float64, count=len(times))


def _tables(som: MiniSomRule, sigmas: Float64s) -> tuple[Float64s, Float64s]:
    """For each sigma, return neighborhood weights by x offset and by y offset from the winner."""
    x, y = som._neigx * 1.0, som._neigy * 1.0
    if som._uses_hexagons:
        x, y = np.arange(2 * len(x)) / 2, y * som.Y_HEX_CONV_FACTOR
    name, by_step = som._neighborhood_name, sigmas[:, None, None]
    if name == "bubble":
        return np.ones((len(sigmas), 1, len(x))), np.ones((len(sigmas), 1, len(y)))
    along = ALONG_AXIS["triangle" if name == "triangle" else "gaussian"]
    along_x = along(x, 0.0, by_step)
    along_y = along_x if np.array_equal(x, y) else along(y, 0.0, by_step)
    if name != "mexican_hat":
        return along_x, along_y
    # g(x) g(y) (1 - 2 (x^2 + y^2) / width), as a sum of a term with x^2 and a term with y^2.
    width = 2 * by_step * by_step
    bent_x, bent_y = along_x * (1 - 2 / width * (x * x)), along_y * (-2 / width * (y * y))
    return np.concatenate([bent_x, along_x], axis=1), np.concatenate([along_y, bent_y], axis=1)
