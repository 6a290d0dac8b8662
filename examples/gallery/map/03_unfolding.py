"""
A map unfolds
=============

.. image:: /gallery/map/images/sphx_glr_03_unfolding_001.png
    :alt: Nets at four moments of training: a grid over a square, a closed chain around a ring,
        a chain through a triangle

At first, all units are in the middle of the rows. In a few steps, each map takes the shape of its
rows. A grid fills the square, a closed chain follows the ring, and a chain with two ends fills the
triangle.
"""

# %%
# Three shapes, three lattices
# ----------------------------
# These are the classic pictures of T. Kohonen (1982), Self-organized formation of topologically
# correct feature maps, Biological Cybernetics 43: Rows are points of a shape, and lines connect
# prototypes of neighboring units.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from somscape import SOM, Lattice, measures

rng = np.random.default_rng(1)
turn, out = rng.uniform(0, 2 * np.pi, 3000), np.sqrt(rng.uniform(0.5, 1, 3000))
inner = rng.dirichlet([1, 1, 1], 3000)
SHAPES = {
    "a sheet, 12 x 12": (Lattice(12, 12, "rectangular"), rng.uniform(-1, 1, (3000, 2))),
    "a closed chain of 60": (
        Lattice(1, 60, boundary="cylinder"),
        np.column_stack([out * np.cos(turn), out * np.sin(turn)]),
    ),
    "a chain of 100": (Lattice(1, 100), inner @ [[-1, -0.85], [1, -0.85], [0, 0.85]]),
}
MOMENTS = (0, 4, 12, 40)  # epochs done

# %%
# Snapshots
# ---------
# A callback ends training if it returns True. We repeat the same training and end it earlier to see
# each moment.


def snapshot(lattice, rows, moment):
    """Return the map as it is after some epochs of the same training."""
    start = rows.mean(axis=0) + np.random.default_rng(3).normal(0, 0.08, (lattice.n_units, 2))
    som = SOM(
        lattice=lattice,
        init=start,
        radius_start=max(lattice.n_rows, lattice.n_cols) / 3,
        n_epochs=MOMENTS[-1],
        algorithm="batch",
        n_init=1,
        callbacks=[lambda progress: progress.step == moment],
    ).fit(rows)
    return som.map_, start if moment == 0 else som.codebook_


maps = {name: [snapshot(*shape, moment) for moment in MOMENTS] for name, shape in SHAPES.items()}
for name, (_, rows) in SHAPES.items():
    last = maps[name][-1][0]
    error, apart = measures.topographic_error(last, rows), measures.quantization_error(last, rows)
    print(f"{name:20}: topographic error {error:.1%}, quantization error {apart:.3f}")

# %%
# The chain cannot keep all neighbors, because a line that fills an area must run next to itself.
# The last line of the output shows this as topographic error.
#
# The picture
# -----------

figure, axes = plt.subplots(3, 4, figsize=(9.5, 7.4), layout="constrained")
for line, (name, (lattice, rows)) in zip(axes, SHAPES.items(), strict=True):
    pairs = np.argwhere(np.triu(lattice.adjacency.toarray() > 0))
    if lattice.n_rows > 1:  # no diagonals
        steps = np.abs(lattice.positions[pairs[:, 0]] - lattice.positions[pairs[:, 1]])
        pairs = pairs[(steps == 0).any(axis=1)]
    for ax, moment, (_, codebook) in zip(line, MOMENTS, maps[name], strict=True):
        ax.scatter(*rows.T, s=2, color="#f4c58f", linewidths=0)
        ax.add_collection(LineCollection(codebook[pairs], colors="#1d3557", linewidths=0.9))
        ax.scatter(*codebook.T, s=5, color="#1d3557", zorder=3)
        ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.08, 1.08), ylim=(-1.08, 1.08))
        ax.spines[:].set_visible(False)
        if line is axes[0]:
            ax.set_title("the start" if moment == 0 else f"after {moment} epochs")
    line[0].set_ylabel(name)
plt.show()
