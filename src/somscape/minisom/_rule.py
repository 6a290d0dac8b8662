"""One step of MiniSom's rule: distance, decay, neighborhood, the winner and the pull towards a row.

It is in NumPy, with each operation rounded as in MiniSom 2.3.6.  Training uses it row by row if the
user passes functions or no core is built.  The core's kernels (core/minisom.cpp) are tested against
it.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole
from somscape.errors import InputError, SomscapeWarning

DECAYS = ("inverse_decay_to_zero", "linear_decay_to_zero", "asymptotic_decay")
SIGMA_DECAYS = ("inverse_decay_to_one", "linear_decay_to_one", "asymptotic_decay")
NEIGHBORHOODS = ("gaussian", "mexican_hat", "bubble", "triangle")
DISTANCES = ("euclidean", "cosine", "manhattan", "chebyshev")
TOPOLOGIES = ("hexagonal", "rectangular")

BY_AXIS = ("bubble", "triangle")
"""Neighborhoods that use x and y even on hexagons."""

DIVIDES = ("gaussian", "mexican_hat")
"""Neighborhoods that divide by sigma."""

STEP_METHODS = ("winner", "update", "activate", "_activate")
"""Parts of a step that a subclass may override."""


def _gaussian_along(at: Any, center: Any, sigma: Any) -> Any:
    offset = at - center
    return np.exp(-(offset * offset) / (2 * sigma * sigma))


def _bubble_along(at: Any, center: Any, sigma: Any) -> Any:
    # Compared with the ends of the window: close to whole sigmas, rounding depends on the center.
    return ((at > center - sigma) & (at < center + sigma)) * 1.0


def _triangle_along(at: Any, center: Any, sigma: Any) -> Any:
    return np.maximum(sigma - np.abs(at - center), 0.0)


ALONG_AXIS = {"gaussian": _gaussian_along, "bubble": _bubble_along, "triangle": _triangle_along}
"""Neighborhoods that are the product of a weight along x and one along y."""


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


class Rule:
    """A map of MiniSom's form, and one step of its training."""

    Y_HEX_CONV_FACTOR = (3.0 / 2.0) / np.sqrt(3)

    strict: bool
    _learning_rate: Any

    def _set_map(self, x: int, y: int, input_len: int, topology: str, seed: Any) -> None:
        """Lay out the units and give them random prototypes of length 1."""
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
            self._xx[::-2] -= 0.5  # every other row, counted from the last
            self._yy *= self.Y_HEX_CONV_FACTOR

    def _set_rule(
        self, sigma: Any, decay: Any, sigma_decay: Any, neighborhood: Any, distance: Any
    ) -> None:
        """Choose the functions of a step by name, or use the user's functions."""
        _check_rate("learning_rate", self._learning_rate)
        _check_rate("sigma", sigma, may_be_infinite=True)
        if neighborhood in DIVIDES and sigma * sigma < np.finfo(float).tiny:
            raise InputError(
                f"`sigma` must not be 0 for a {neighborhood} neighborhood, which divides by it, so "
                f"that all weights would be NaN; got {sigma!r}. To let only winners learn, use a "
                "bubble with sigma 1."
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
        """Warn of settings that MiniSom warns of."""
        width, height = self._activation_map.shape
        if sigma > np.sqrt(width * width + height * height):
            _warn(f"`sigma` ({sigma}) may be too large: it spans more than the entire map.")
        if sigma < 0:
            _warn(f"`sigma` is negative ({sigma}); it is used as it is, as in MiniSom.")
        if self.topology == "hexagonal" and neighborhood == "triangle":
            _warn("the triangle neighborhood does not follow the hexagonal topology.")
        if neighborhood in BY_AXIS and (sigma < 1 or sigma % 1 != 0):
            _warn(
                f"`sigma` should be a whole number of at least 1 for {neighborhood}; got {sigma}."
            )

    # Decays of a parameter, at time t of max_iter.

    def _inverse_decay_to_zero(self, learning_rate: Any, t: Any, max_iter: Any) -> Any:
        """Let the rate fall to about a hundredth."""
        hundredth = max_iter / 100.0
        return learning_rate * hundredth / (hundredth + t)

    def _linear_decay_to_zero(self, learning_rate: Any, t: Any, max_iter: Any) -> Any:
        """Let the rate fall to zero along a line."""
        return learning_rate * (1 - t / max_iter)

    def _inverse_decay_to_one(self, sigma: Any, t: Any, max_iter: Any) -> Any:
        """Let sigma fall to one, fast at first."""
        return sigma / (1 + t * ((sigma - 1) / max_iter))

    def _linear_decay_to_one(self, sigma: Any, t: Any, max_iter: Any) -> Any:
        """Let sigma fall to one along a line."""
        return sigma + (t * (1 - sigma) / max_iter)

    def _asymptotic_decay(self, dynamic_parameter: Any, t: Any, max_iter: Any) -> Any:
        """Let a rate or sigma fall to a third."""
        return dynamic_parameter / (1 + t / (max_iter / 2))

    # Neighborhoods of a winner c = (x, y), of shape (n_x, n_y), or of many winners at once, with x
    # and y of shape (n, 1, 1).

    def _places(self) -> tuple[Float64s, Float64s]:
        """Return coordinates in the plane along x and y that broadcast to the map."""
        xs, ys = self._xx.T, self._yy.T
        # Units with the same y number share y on any map, those with the same x number share x
        # on a rectangular one.
        return (xs[:, :1] if self.topology == "rectangular" else xs), ys[:1]

    def _gaussian(self, c: Any, sigma: Any) -> Float64s:
        """Weight by a Gaussian around c."""
        x, y = self._places()
        along = ALONG_AXIS["gaussian"]
        return along(x, self._xx.T[c], sigma) * along(y, self._yy.T[c], sigma)

    def _mexican_hat(self, c: Any, sigma: Any) -> Float64s:
        """Weight by a Gaussian that is below 0 further out."""
        x, y = self._places()
        dx, dy = x - self._xx.T[c], y - self._yy.T[c]
        p, width = dx * dx + dy * dy, 2 * sigma * sigma
        return np.exp(-p / width) * (1 - 2 / width * p)

    def _bubble(self, c: Any, sigma: Any) -> Float64s:
        """Weight 1 within sigma along both axes, 0 elsewhere."""
        return self._by_axis("bubble", c, sigma)

    def _triangle(self, c: Any, sigma: Any) -> Float64s:
        """Weight by what is left of sigma along both axes."""
        return self._by_axis("triangle", c, sigma)

    def _by_axis(self, name: str, c: Any, sigma: Any) -> Float64s:
        along = ALONG_AXIS[name]
        return along(self._neigx[:, None], c[0], sigma) * along(self._neigy, c[1], sigma)

    # Distances of x from prototypes w.

    def _euclidean_distance(self, x: Any, w: Any) -> Any:
        """Measure the length of the difference."""
        return np.linalg.norm(np.subtract(x, w), axis=-1)

    def _manhattan_distance(self, x: Any, w: Any) -> Any:
        """Measure the sum of absolute differences."""
        return np.linalg.norm(np.subtract(x, w), ord=1, axis=-1)

    def _cosine_distance(self, x: Any, w: Any) -> Any:
        """Measure 1 minus the cosine of the angle."""
        lengths = np.linalg.norm(w, axis=2) * np.linalg.norm(x)
        return 1 - (w * x).sum(axis=2) / (lengths + 1e-8)

    def _chebyshev_distance(self, x: Any, w: Any) -> Any:
        """Measure the largest difference, which has a sign in MiniSom; see `strict`."""
        difference = np.subtract(x, w)
        return (difference if self.strict else np.abs(difference)).max(axis=-1)

    # The step.

    def _activate(self, x: Any) -> None:
        """Keep the distance of x from every unit."""
        x = _plain(x)
        values = np.asarray(x)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(
                "`x` must be finite; got NaN or infinity, to which no unit is nearest. Fill the "
                "value or leave the row out."
            )
        self._activation_map = self._activation_distance(x, self._weights)

    def activate(self, x: Any) -> Any:
        """Return the distance of a row from every unit.

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
        """Return the coordinates of the unit nearest to a row.

        Parameters
        ----------
        x : array-like of shape (input_len,)

        Returns
        -------
        tuple of two int
            The first of equally near units.
        """
        self._activate(x)
        return np.unravel_index(self._activation_map.argmin(), self._activation_map.shape)

    def update(self, x: Any, win: Any, t: int, max_iteration: int) -> None:
        """Pull the units around a winner towards a row.

        Parameters
        ----------
        x : array-like of shape (input_len,)
        win : tuple of two int
            The winner's coordinates.
        t : int
            Time, on which learning rate and sigma depend.
        max_iteration : int
            Final time.
        """
        rate = self._learning_rate_decay_function(self._learning_rate, t, max_iteration)
        sigma = self._sigma_decay_function(self._sigma, t, max_iteration)
        pull = self.neighborhood(win, sigma) * rate
        self._weights += pull[:, :, None] * (_plain(x) - self._weights)

    @property
    def _goes_by_hexagons(self) -> bool:
        """Whether the neighborhood follows hexagons; two neighborhoods never do."""
        return self.topology == "hexagonal" and self._neighborhood_name not in BY_AXIS

    def _axis_weights(self, sigma: Any) -> tuple[Float64s, Float64s] | None:
        """Return weights from center to unit along x, (n_x, n_x), and y; None if not a product."""
        along = ALONG_AXIS.get(self._neighborhood_name)
        if along is None or self._goes_by_hexagons:
            return None
        x, y = (axis * 1.0 for axis in (self._neigx, self._neigy))
        return along(x, x[:, None], sigma), along(y, y[:, None], sigma)

    def _neighborhoods(self, units: Ints, sigma: Any) -> Float64s:
        """Return weights of all units around each of some units, of shape (n, n_units)."""
        x, y = np.divmod(units, len(self._neigy))
        if self._neighborhood_name:
            around = self.neighborhood((x[:, None, None], y[:, None, None]), sigma)
        else:
            winners = zip(x.tolist(), y.tolist(), strict=True)
            around = np.array([self.neighborhood(c, sigma) for c in winners])
        return around.reshape(len(units), -1)

    # Whether the rule is MiniSom's own.

    def _own_name(self, function: Callable[..., Any], names: tuple[str, ...], end: str = "") -> str:
        """Return the name of one of MiniSom's functions, or "" for another function."""
        inner = getattr(function, "__func__", None)
        return next((name for name in names if inner is getattr(Rule, f"_{name}{end}")), "")

    @property
    def _neighborhood_name(self) -> str:
        return self._own_name(self.neighborhood, NEIGHBORHOODS)

    @property
    def _distance_name(self) -> str:
        return self._own_name(self._activation_distance, DISTANCES, "_distance")

    @property
    def _core_distance(self) -> str:
        """Name of the distance in the core, or "" for another distance."""
        name = self._distance_name
        return "signed_chebyshev" if name == "chebyshev" and self.strict else name

    def _is_decay(self, function: Callable[..., Any]) -> bool:
        """Return whether a decay is one of MiniSom's, which accept all times at once."""
        return bool(self._own_name(function, (*DECAYS, *SIGMA_DECAYS)))

    @property
    def _has_own_step(self) -> bool:
        """Whether a subclass or this object overrides part of a step."""
        return any(
            name in vars(self) or getattr(type(self), name) is not getattr(Rule, name)
            for name in STEP_METHODS
        )


def _plain(x: Any) -> Any:
    """Return a row of a data frame as an array, and anything else as it is."""
    return x.to_numpy() if hasattr(x, "to_numpy") else x


def _check_rate(name: str, value: Any, *, may_be_infinite: bool = False) -> None:
    """Raise for a value that is not a number or would turn all weights to NaN."""
    if isinstance(value, str) or np.ndim(value) or not np.isreal(value) or value is None:
        raise TypeError(f"`{name}` must be a number; got {value!r}.")
    if np.isnan(value) or (np.isinf(value) and not may_be_infinite):
        raise InputError(f"`{name}` must be a finite number; got {value!r}.")


def _warn(message: str) -> None:
    warnings.warn(message, SomscapeWarning, stacklevel=4)  # the line that makes the map
