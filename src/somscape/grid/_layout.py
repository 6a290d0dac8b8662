"""Places in the plane for units whose distances alone are known."""

import numpy as np

from somscape._types import Float64s

MAX_LANDMARKS = 1000
"""Units that the axes are found from: about half a second."""

GRAIN = 2.0**-30
"""Places are rounded to this share of the longest distance, so that linear algebra libraries
that differ in the last digit place units alike."""

SAME_SIZE = 1e-6
"""Values this close, relatively, are equal: rounding must not choose between them."""


def classical_scaling(distances: Float64s) -> Float64s:
    """Return places in the plane whose distances are near to some given ones."""
    is_joined = np.isfinite(distances)
    apart = 1.5 * float(distances[is_joined].max()) or 1.0
    marks = np.arange(0, len(distances), -(-len(distances) // MAX_LANDMARKS))
    squares = np.where(is_joined[marks], distances[marks], apart) ** 2
    mean = squares[:, marks].mean(axis=1)
    products = -0.5 * (squares[:, marks] - mean - mean[:, None] + mean.mean())
    sizes, vectors = np.linalg.eigh((products + products.T) / 2)
    axes, lengths = _main_axes(sizes[::-1], vectors[:, ::-1])
    # With all units as landmarks this is axis * sqrt(size), the classical solution.
    roots = np.sqrt(np.where(lengths > 0, lengths, 1.0))
    places: Float64s = 0.5 * (mean[:, None] - squares).T @ (axes / roots)
    places[:, lengths <= 0] = 0.0
    grain = GRAIN * apart
    return np.ascontiguousarray(np.rint((places - places.mean(axis=0)) / grain) * grain)


def _main_axes(sizes: Float64s, vectors: Float64s) -> tuple[Float64s, Float64s]:
    """Two axes of the largest eigenvalues, and these; 0 for one that is lost in rounding."""
    axes, lengths = np.zeros((len(sizes), 2)), np.zeros(2)
    floor = SAME_SIZE * max(float(sizes[0]), 0.0)
    n_found = start = 0
    while n_found < 2 and start < len(sizes) and sizes[start] > floor:
        end = start + int((sizes[start:] >= sizes[start] * (1 - SAME_SIZE)).sum())
        space = vectors[:, start:end].copy()
        for _ in range(min(2 - n_found, end - start)):
            from_middle = np.sqrt((space**2).sum(axis=1))
            furthest = int(np.argmax(from_middle >= from_middle.max() * (1 - SAME_SIZE)))
            direction = space[furthest] / from_middle[furthest]
            axes[:, n_found], lengths[n_found] = space @ direction, sizes[start]
            space = space - np.outer(space @ direction, direction)
            n_found += 1
        start = end
    return axes, lengths
