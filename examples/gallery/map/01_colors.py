"""
Colors, from three dimensions to two
====================================

.. image:: /gallery/map/images/sphx_glr_01_colors_001.png
    :alt: A map of random colors before training, after it, and the map as a net in the color cube

A color has three numbers for red, green and blue. The map has only two directions, but similar
colors are still neighbors. In the cube of colors, the map is folded like a sheet of paper.
"""

# %%
# Random colors
# -------------
# For most people, this is the first picture of a self-organizing map. The map must fold, as in T.
# Kohonen (1990), The self-organizing map, Proceedings of the IEEE 78: a map of two dimensions
# cannot fill three dimensions. The map uses the two directions with the largest differences, and
# bends into the third direction.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PolyCollection

from somscape import SOM, measures

rng = np.random.default_rng(7)
colors = rng.random((5000, 3))
before = colors[:1024]
som = SOM(32, 32, init=before, radius_start=15, n_epochs=30, random_state=0).fit(colors)
lattice = som.map_.lattice

# %%
# How good is the map?
# --------------------
# Neighbors on the map should have similar colors, and each color should be near its prototype.
# Compare both numbers with the distance of two random colors.

pairs = np.argwhere(lattice.adjacency.toarray() > 0)
for title, codebook in (("before", before), ("after", som.codebook_)):
    apart = np.linalg.norm(codebook[pairs[:, 0]] - codebook[pairs[:, 1]], axis=1).mean()
    print(f"{title:6}: neighbors are {apart:.3f} apart")
print(f"two random colors: {np.linalg.norm(colors[::2] - colors[1::2], axis=1).mean():.3f}")
print(f"a color and its unit: {measures.quantization_error(som.map_, colors):.3f}")
error = measures.topographic_error(som.map_, colors)
print(f"colors whose two nearest units are not neighbors: {error:.0%}, where the sheet folds")

# %%
# The picture
# -----------

figure = plt.figure(figsize=(9, 6.6), layout="constrained")
grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.5))
cells = lattice.positions[:, None, :] + lattice.cell
for place, (title, codebook) in enumerate((("Before", before), ("After", som.codebook_))):
    ax = figure.add_subplot(grid[place, 0], title=title, aspect="equal")
    ax.add_collection(PolyCollection(cells, facecolors=codebook, edgecolors="face", linewidths=0.3))
    ax.autoscale_view()
    ax.invert_yaxis()
    ax.set_axis_off()
cube = figure.add_subplot(grid[:, 1], projection="3d", title="The map in the cube of colors")
red, green, blue = som.codebook_.reshape(32, 32, 3).transpose(2, 0, 1)
faces = som.codebook_.reshape(32, 32, 3)
cube.plot_surface(
    red, green, blue, facecolors=faces, rstride=1, cstride=1, shade=False, lw=0.2, ec="0.3"
)
cube.set(xlabel="red", ylabel="green", zlabel="blue", xticks=[0, 1], yticks=[0, 1], zticks=[0, 1])
cube.view_init(22, -50)
cube.set_box_aspect(None, zoom=0.82)
plt.show()
