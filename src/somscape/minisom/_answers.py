"""What MiniSom tells about a map: errors, and the unit of each row."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s
from somscape.errors import InputError, SomscapeWarning
from somscape.kernels import EUCLIDEAN
from somscape.minisom._rule import Rule
from somscape.minisom._samples import Samples, as_samples
from somscape.minisom._winners import codebook_of, nearest_units, two_nearest_units, units_of

BLOCK_VALUES = 1 << 20
"""Distances in memory at once: 8 MiB."""

MAX_NEIGHBOR_DISTANCE = 1.42
"""Largest distance of neighbors on a rectangular map, including diagonal ones."""


class Answers(Rule):
    """A map that can be asked about rows."""

    def quantization(self, data: Any) -> Float64s:
        """Return the prototype nearest to each row, by the Euclidean distance.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        ndarray of shape (n_samples, input_len)
        """
        return codebook_of(self)[nearest_units(self, self._samples(data))]

    def quantization_error(self, data: Any) -> float:
        """Return the mean Euclidean distance of rows to the nearest prototype.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        float
        """
        return self._quantization_error(self._samples(data))

    def _quantization_error(self, samples: Samples) -> float:
        nearest = codebook_of(self)[nearest_units(self, samples)]
        return np.linalg.norm(samples.rows - nearest, axis=1).mean()

    def distortion_measure(self, data: Any) -> float:
        """Return the sum of distances to all units, weighted by the winner's neighborhood.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)

        Returns
        -------
        float
            With distances that are not squared, and the sigma with which training starts.
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
            NaN, with a warning, for a map of one unit.
        """
        samples = self._samples(data)
        if self._activation_map.size == 1:
            message = "the topographic error is not defined for a map of one unit."
            warnings.warn(message, SomscapeWarning, stacklevel=2)
            return np.nan
        best = two_nearest_units(self, samples)
        x, y = np.divmod(best, self._weights.shape[1])
        if self.topology == "hexagonal":
            x, y = self._xx.T[x, y], self._yy.T[x, y]
        apart = np.hypot(x[:, 0] - x[:, 1], y[:, 0] - y[:, 1])
        if self.topology == "hexagonal":
            return 1 - np.isclose(1, apart).mean()
        return (apart > MAX_NEIGHBOR_DISTANCE).mean()

    def activation_response(self, data: Any) -> Float64s:
        """Count the rows that each unit wins.

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
        """Return the rows that each unit wins, by its coordinates.

        Parameters
        ----------
        data : array-like or data frame of shape (n_samples, input_len)
        return_indices : bool, default=False
            Whether to return row numbers instead of rows.

        Returns
        -------
        defaultdict of (int, int) to list
            The rows themselves, as `data` holds them; for a data frame, arrays.
        """
        samples = self._samples(data)
        items = range(len(samples.rows)) if return_indices else samples.items
        return self._by_unit(samples, items)

    def labels_map(self, data: Any, labels: Any) -> dict[tuple[int, int], Counter[Any]]:
        """Count the labels of the rows that each unit wins, by its coordinates.

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
            If the numbers of labels and rows differ.
        """
        samples = self._samples(data)
        if len(samples.rows) != len(labels):
            raise InputError(
                f"`labels` must have one label per row of `data`, {len(samples.rows)}; got "
                f"{len(labels)}."
            )
        found: dict[tuple[int, int], Any] = self._by_unit(samples, labels)
        for unit in found:
            found[unit] = Counter(found[unit])
        return found

    def _by_unit(self, samples: Samples, items: Any) -> dict[tuple[int, int], list[Any]]:
        found: dict[tuple[int, int], list[Any]] = defaultdict(list)
        places = [(x, y) for x in self._neigx.tolist() for y in self._neigy.tolist()]
        for unit, item in zip(units_of(self, samples).tolist(), items, strict=True):
            found[places[unit]].append(item)
        return found

    def _samples(self, data: Any) -> Samples:
        return as_samples(data, self._input_len)

    def _check_input_len(self, data: Any) -> None:
        self._samples(data)

    def _distance_from_weights(self, data: Sequence[Any]) -> Float64s:
        """Return the Euclidean distance of each row to each unit, as MiniSom rounds it."""
        rows, codebook = np.asarray(data), self._weights.reshape(-1, self._weights.shape[2])
        squares = (rows**2).sum(axis=1)[:, None] + (codebook**2).sum(axis=1)
        return np.sqrt(np.maximum(squares - 2 * np.dot(rows, codebook.T), 0))
