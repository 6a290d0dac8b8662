"""
A map without an edge
=====================

.. image:: /gallery/map/images/sphx_glr_07_torus_001.png
    :alt: Two maps of two angles, a flat one and one without an edge, each colored by the first
        angle and by the second; the torus has a pale rim that repeats what is on its other side

An angle of 359 degrees is next to 0 degrees. A flat map has to cut the circle, and units at its
edges win too many rows. On a torus, opposite edges touch, so the colors continue from edge to edge.
The pale rim repeats the cells of the other side.
"""

# %%
# Two angles
# ----------
# Examples are two joints of an arm, or two angles of a protein. Each angle becomes a sine and a
# cosine, because 359 degrees is next to 0 degrees. Maps without an edge do not cut such data, as in
# A. Ultsch and F. Mörchen (2005), ESOM-Maps, Technical Report 46, University of Marburg.

import matplotlib.pyplot as plt
import numpy as np

from somscape import SOM, measures, plots

angles = np.random.default_rng(0).uniform(0, 2 * np.pi, size=(3000, 2))
rows = np.hstack([np.cos(angles), np.sin(angles)])

# %%
# A plane and a torus
# -------------------

maps = {
    boundary: SOM(18, 18, lattice="rectangular", boundary=boundary, random_state=0).fit(rows)
    for boundary in ("plane", "torus")
}
for boundary, som in maps.items():
    error = measures.topographic_error(som.map_, rows)
    print(f"{boundary}: {error:.1%} of the rows have their two best units apart")
    hits = som.map_.hits.reshape(18, 18)
    edge = np.concatenate([hits[0], hits[-1], hits[1:-1, 0], hits[1:-1, -1]])
    print(f"  {edge.mean():.1f} rows a unit at the edge, {hits[1:-1, 1:-1].mean():.1f} elsewhere")

# %%
# The picture
# -----------
# Each unit has the color of an angle of its prototype.

figure, axes = plt.subplots(2, 2, figsize=(8, 7.4), layout="constrained")
for line, (boundary, som) in zip(axes, maps.items(), strict=True):
    cosines, sines = som.codebook_[:, :2], som.codebook_[:, 2:]
    turned = np.arctan2(sines, cosines) % (2 * np.pi)
    for j, (ax, which) in enumerate(zip(line, ("first", "second"), strict=True)):
        plots.values(som, turned[:, j], colormap="twilight", limits=(0, 2 * np.pi), ax=ax)
        ax.set_title(f"{boundary}: the {which} angle")
plt.show()
