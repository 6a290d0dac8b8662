"""
A short tour of many cities
===========================

.. image:: /gallery/map/images/sphx_glr_04_tour_001.png
    :alt: A ring of units among cities grows out of their middle until it passes through each city

A map does not have to be a grid. Here the map is a ring. The cities pull the ring outwards like a
rubber band, until the ring passes through all cities. The result is a short tour.
"""

# %%
# Cities and a ring
# -----------------
# The page follows R. Durbin and D. Willshaw (1987), An analogue approach to the travelling salesman
# problem using an elastic net method, Nature 326, and B. Angeniol, G. de La Croix Vaubois and J.-Y.
# Le Texier (1988), Self-organizing feature maps and the travelling salesman problem, Neural
# Networks 1. A :class:`somscape.Graph` joins each unit to two others.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from somscape import SOM, Graph
from somscape.errors import SomscapeWarning

warnings.simplefilter("ignore", SomscapeWarning)  # more units than cities are wanted here

N_CITIES, N_UNITS, N_EPOCHS = 120, 360, 120
cities = np.random.default_rng(8).random((N_CITIES, 2))
around = np.linspace(0, 2 * np.pi, N_UNITS, endpoint=False)
circle = np.column_stack([np.cos(around), np.sin(around)])
ring = np.roll(np.eye(N_UNITS), 1, axis=1) + np.roll(np.eye(N_UNITS), -1, axis=1)


def band(moment):
    """Return the ring after some epochs of one training."""
    som = SOM(
        lattice=Graph(ring, circle),
        init=cities.mean(axis=0) + 0.2 * circle,
        algorithm="batch",
        n_init=1,
        radius_start=N_UNITS / 10,
        radius_end=0.4,
        n_epochs=N_EPOCHS,
        tol=0,
        callbacks=[lambda progress: progress.step == moment],
    )
    return som.fit(cities)


MOMENTS = (1, 40, 80)
moments = [band(moment) for moment in MOMENTS]
som = band(N_EPOCHS)

# %%
# How short is the tour?
# ----------------------
# The order of the cities is the order of their units on the ring. We compare the tour with three
# other tours. The first tour has a random order, the second tour always goes to the nearest new
# city, and the third tour is the second tour without crossings (2-opt).


def length(order):
    """Return the length of a closed tour."""
    return np.linalg.norm(cities[order] - cities[np.roll(order, -1)], axis=1).sum()


def nearest_first():
    """Return the order of always going to the nearest city."""
    order, left = [0], set(range(1, N_CITIES))
    while left:
        here = cities[order[-1]]
        order.append(min(left, key=lambda city: np.linalg.norm(cities[city] - here)))
        left.remove(order[-1])
    return np.array(order)


def uncrossed(order):
    """Return a tour in which no two edges become shorter by turning what is between them."""
    apart = np.linalg.norm(cities[:, None] - cities, axis=2)
    is_better = True
    while is_better:
        is_better = False
        for i in range(1, N_CITIES - 1):
            a, b = order[i - 1], order[i]
            c, d = order[i + 1 :], np.roll(order, -1)[i + 1 :]
            gains = apart[a, b] + apart[c, d] - apart[a, c] - apart[b, d]
            if gains.max() > 1e-9:
                end = i + 1 + int(gains.argmax())
                order[i : end + 1] = order[i : end + 1][::-1]
                is_better = True
    return order


# Two cities of one unit go in the order in which they lie along the ring.
ahead = np.roll(som.codebook_, -1, axis=0) - np.roll(som.codebook_, 1, axis=0)
beside = ((cities - som.codebook_[som.labels_]) * ahead[som.labels_]).sum(axis=1)
tour = np.lexsort([beside, som.labels_])
print(f"random order:        {length(np.arange(N_CITIES)):6.2f}")
print(f"nearest city first:  {length(nearest_first()):6.2f}")
print(f"after 2-opt:         {length(uncrossed(nearest_first())):6.2f}")
print(f"the ring:            {length(tour):6.2f}")
print(f"the ring, and 2-opt: {length(uncrossed(tour.copy())):6.2f}")

# %%
# The picture
# -----------

figure, axes = plt.subplots(2, 2, figsize=(7.6, 7.6), layout="constrained")
axes = axes.ravel()
for ax, moment, step in zip(axes, MOMENTS, moments, strict=False):
    closed = np.vstack([step.codebook_, step.codebook_[:1]])
    ax.plot(*closed.T, "-", color="#457b9d", lw=1.8)
    ax.set_title("after 1 epoch" if moment == 1 else f"after {moment} epochs")
closed = np.append(tour, tour[0])
axes[3].plot(*cities[closed].T, "-", color="#457b9d", lw=1.8)
axes[3].set_title(f"the tour, length {length(tour):.2f}")
for ax in axes:
    ax.scatter(*cities.T, s=14, color="#e63946", zorder=3)
    ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.spines[:].set_visible(False)
plt.show()
