"""
A million rows
==============

.. image:: /gallery/map/images/sphx_glr_02_million_001.png
    :alt: A galaxy of a million stars, and the net of a map that lies over its arms

The picture shows a galaxy of a million generated stars, and the map that learned the stars. The net
of the map is dense in the middle and along the arms, because most stars are there. The page prints
how long the training took.
"""

# %%
# A generated galaxy
# ------------------
# The map has more units in places with more rows. This property is described by T. Kohonen (1982),
# Self-organized formation of topologically correct feature maps, Biological Cybernetics 43.

import os
import textwrap
import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from somscape import SOM, measures

N = 1_000_000
rng = np.random.default_rng(4)
out = 3.8 * rng.beta(1.5, 3, N)
arm = rng.integers(0, 2, N) * np.pi
turn = arm + 2.3 * np.log(out + 0.25) + rng.normal(0, 0.33 + 0.12 / (out + 0.1), N)
stars = np.column_stack([out * np.cos(turn), out * np.sin(turn)])
stars += rng.normal(0, 0.08, stars.shape)

# %%
# Training
# --------

begin = time.perf_counter()
som = SOM(40, 40, lattice="rectangular", random_state=0).fit(stars)
seconds = time.perf_counter() - begin
print(f"{N:,} rows, {som.map_.n_units:,} units: {seconds:.1f} s on {os.cpu_count()} cores")
print(textwrap.fill(som.explain_defaults_["algorithm"], 90))

# %%
# More stars, more units
# ----------------------
# Take the tenth of the area with the most stars. What share of the stars and of the units is in
# this area?

bins = [np.linspace(-4, 4, 81)] * 2
of_stars, of_units = (
    np.histogram2d(*points.T, bins)[0].ravel() for points in (stars, som.codebook_)
)
dense = np.argsort(-of_stars)[: of_stars.size // 10]
for name, counts in (("stars", of_stars), ("units", of_units)):
    share = counts[dense].sum() / counts.sum()
    print(f"the densest tenth of the area has {share:.0%} of the {name}")
few = SOM(40, 40, lattice="rectangular", random_state=0).fit(stars[:5_000])
for name, fitted in (("all rows", som), ("5,000 rows", few)):
    error = measures.quantization_error(fitted.map_, stars[::10])
    print(f"quantization error of a map of {name}: {error:.4f}")

# %%
# The picture
# -----------

figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained", facecolor="black")
counts, *edges = np.histogram2d(*stars.T, [np.linspace(-4, 4, 401)] * 2)
axes[0].imshow(np.log1p(counts.T), extent=(-4, 4, -4, 4), origin="lower", cmap="magma")
grid = som.codebook_.reshape(40, 40, 2)
for lines in (grid, grid.transpose(1, 0, 2)):
    threads = np.stack([lines[:, :-1], lines[:, 1:]], axis=2).reshape(-1, 2, 2)
    axes[1].add_collection(LineCollection(threads, colors="#7fb7ff", linewidths=0.5, alpha=0.8))
axes[1].scatter(*som.codebook_.T, s=3, c=som.map_.hits, cmap="magma", zorder=3)
for ax, title in zip(axes, ("A million stars", "The map over them"), strict=True):
    ax.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", facecolor="black")
    ax.set_title(title, color="white")
    ax.set_axis_off()
plt.show()
