"""
Populations of blood cells
==========================

.. image:: /gallery/groups/images/sphx_glr_02_cells_001.png
    :alt: Cells by two markers in the colors of regions, and the regions of the map

A machine measures six markers on each of thousands of blood cells. Each star is a unit of the map,
and its rays are the markers. Regions with similar stars are the populations that biologists name.
You do not have to draw borders by hand.
"""

# %%
# Generated cells
# ---------------
# The page follows S. Van Gassen and others (2015), FlowSOM: using self-organizing maps for
# visualization and interpretation of cytometry data, Cytometry A 87. Real samples belong to
# patients, so the cells here are generated. Each population has markers that are present (+), dim
# (~) or absent (-), like the usual markers of white blood cells. Some cells stick together in
# pairs. Intensities are on the scale of the area hyperbolic sine, which is usual in this field.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, f1_score

from somscape import SOM, plots, regions

MARKERS = ["CD3", "CD4", "CD8", "CD19", "CD14", "CD56"]
POPULATIONS = {  # share of the cells, and the markers in their order
    "helper T cells": (0.34, "++----"),
    "killer T cells": (0.20, "+-+---"),
    "B cells": (0.13, "---+--"),
    "monocytes": (0.18, "-~--+-"),
    "NK cells": (0.10, "--~--+"),
    "NKT cells": (0.03, "+-~--+"),
    "others": (0.02, "------"),
}
LEVELS = {"-": (40, 0.5), "~": (600, 0.45), "+": (6000, 0.35)}  # median, and spread of its log
N = 20_000
rng = np.random.default_rng(5)
truth = rng.choice([*POPULATIONS], N, p=[share for share, _ in POPULATIONS.values()])
signs = np.array([list(POPULATIONS[name][1]) for name in truth])
medians, widths = (np.vectorize(lambda s, i=i: LEVELS[s][i])(signs) for i in (0, 1))
intensity = medians * np.exp(rng.normal(0, widths)) * rng.lognormal(0, 0.2, (N, 1))
intensity += rng.normal(0, 40, intensity.shape)  # noise of the detectors
stuck = rng.random(N) < 0.01
intensity[stuck] += intensity[rng.permutation(N)[stuck]]
cells = pd.DataFrame(np.arcsinh(intensity / 150), columns=MARKERS)
print(f"{N} cells, {len(MARKERS)} markers, {stuck.sum()} pairs stuck together")

# %%
# Populations are regions
# -----------------------
# The map does not know the populations, and does not know their number.

som = SOM(12, 14, random_state=0).fit(cells)
found = regions.find_regions(som)
of_cells = found.of(cells)
print(f"{found.n_regions} regions, adjusted Rand index {adjusted_rand_score(truth, of_cells):.3f}")
of_regions = {}
for region in range(found.n_regions):
    names, counts = np.unique(truth[of_cells == region], return_counts=True)
    of_regions[region] = str(names[counts.argmax()])
    share = counts.max() / counts.sum()
    print(f"  region {region}: {counts.sum():5} cells, {share:4.0%} {of_regions[region]}")
named = np.vectorize(of_regions.get)(of_cells)
for name in POPULATIONS:
    print(f"  {name:14}: F measure {f1_score(truth == name, named == name):.2f}")

# %%
# The picture
# -----------

figure, (groups, gates) = plt.subplots(
    1, 2, figsize=(11, 5.4), width_ratios=(1.35, 1), layout="constrained"
)
plots.regions(som, found, ax=groups)
groups.set_title("The regions of the map")
palette = plt.get_cmap("Set2")
for region in range(found.n_regions):
    shown = np.flatnonzero(of_cells == region)[::4]
    gates.plot(
        *cells.loc[shown, ["CD4", "CD8"]].to_numpy().T,
        ".",
        markersize=2.5,
        alpha=0.6,
        color=palette(region),
        label=of_regions[region],
    )
gates.set(xlabel="CD4", ylabel="CD8", title="The regions, by two of the markers")
gates.spines[["top", "right"]].set_visible(False)
gates.legend(markerscale=5, framealpha=1, loc="upper right")
plt.show()
