"""
Groups of any shape
===================

.. image:: /gallery/groups/images/sphx_glr_04_shapes_001.png
    :alt: Two linked rings, a core in a shell, two bars with a sun, and a hollow ball; below each
        its map with the regions that were found

The upper pictures show two rings that pass through each other, a ball inside a shell, two bars next
to a sun, and a hollow ball without groups. The lower pictures show the map of each table. Units are
dark between groups, and lines are the borders that somscape finds without a given number of groups.
One bar is divided, although its rows are evenly spread. This happens in about 1 of 40 such tables.
"""

# %%
# Four shapes
# -----------
# The shapes are generated like the shapes in A. Ultsch (2005), Clustering with SOM: U*C, WSOM. They
# are well known from his collection *Fundamental Clustering Problems Suite*.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from somscape import SOM, plots, regions

rng = np.random.default_rng(2)


def ball(n, dimensions):
    """Return directions, evenly spread."""
    points = rng.normal(size=(n, dimensions))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def ring(n, x, flat):
    """Return points of a thick ring around (x, 0, 0), in one of two planes."""
    turn = rng.uniform(0, 2 * np.pi, n)
    flat_ring = [np.cos(turn), np.sin(turn), np.zeros(n)]
    points = np.column_stack(flat_ring if flat else [flat_ring[0], flat_ring[2], flat_ring[1]])
    return points + rng.normal([x, 0, 0], 0.06, (n, 3))


def block(n, left, right, low, high):
    """Return points of a rectangle."""
    return np.column_stack([rng.uniform(left, right, n), rng.uniform(low, high, n)])


N = 500
shell = ball(N, 3) * rng.normal(5, 0.15, (N, 1))
core = ball(N, 3) * rng.uniform(0, 1, (N, 1)) ** (1 / 3)
bars = block(N, 0, 0.8, 0, 4), block(N, 1.3, 4, 0, 0.8)
sun = rng.normal([2.8, 2.8], 0.3, (N // 2, 2))
two = np.repeat([0, 1], N)
SHAPES = {
    "Chain link": (np.vstack([ring(N, 0, True), ring(N, 1, False)]), two),
    "Atom": (np.vstack([core, shell]), two),
    "Sun and bars": (np.vstack([*bars, sun]), np.repeat([0, 1, 2], [N, N, N // 2])),
    "Golf ball": (ball(2 * N, 3), np.zeros(2 * N, int)),
}

# %%
# How many groups, and which rows?
# --------------------------------
# The adjusted Rand index is 1 if the found groups equal the true groups, and about 0 for random
# groups. k-means gets the true number of groups.

maps = {}
for name, (rows, truth) in SHAPES.items():
    som = SOM(random_state=0).fit(rows)
    found = regions.find_regions(som)
    maps[name] = som, found
    n_true = len(set(truth))
    right = adjusted_rand_score(truth, found.of(rows))
    means = KMeans(n_true, n_init=5, random_state=0).fit_predict(rows)
    print(
        f"{name:12}: {found.n_regions} of {n_true} groups, adjusted Rand index {right:.2f},",
        f"k-means {adjusted_rand_score(truth, means):.2f}",
    )

# %%
# The picture
# -----------

colors = np.array(["#2a6f97", "#f28482", "#e9b44c", "#6a994e"])
figure = plt.figure(figsize=(11, 5.6), layout="constrained")
for place, (name, (rows, _)) in enumerate(SHAPES.items(), 1):
    som, found = maps[name]
    depth = {"projection": "3d"} if rows.shape[1] == 3 else {}
    ax = figure.add_subplot(2, 4, place, title=name, **depth)
    ax.scatter(*rows.T, s=3, c=colors[found.of(rows)], alpha=0.6)
    ax.set_aspect("equal")
    if depth:
        ax.set_box_aspect(np.ptp(rows, axis=0), zoom=1.4)
    ax.set_axis_off()
    below = figure.add_subplot(2, 4, 4 + place)
    plots.umatrix(som, regions=found, ax=below)
    below.set_title(f"{found.n_regions} region{'s' * (found.n_regions > 1)}")
plt.show()
