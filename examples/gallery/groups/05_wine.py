"""
Wines of three growers
======================

.. image:: /gallery/groups/images/sphx_glr_05_wine_001.png
    :alt: A map of wines with pies of their growers and borders of three regions; six columns on the
        same map

The map learned thirteen chemical measurements of each wine. The pies show the growers, and the
three regions are nearly the three growers. The small maps show the columns that separate the
regions.
"""

# %%
# The wines
# ---------
# scikit-learn contains 178 wines of one part of Italy: M. Forina and others, PARVUS (1988), in the
# UCI Machine Learning Repository. The wines come from three growers, which have the names of their
# wines here.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.metrics import adjusted_rand_score

from somscape import SOM, TableEncoder, plots, regions

wine = load_wine(as_frame=True)
wines = wine.data.rename(columns=lambda name: name.removesuffix("_of_diluted_wines"))
growers = np.array(["Barolo", "Grignolino", "Barbera"])[wine.target]
som = SOM(10, 12, encoder=TableEncoder(), random_state=0).fit(wines)

# %%
# Regions, in words
# -----------------
# We ask for three regions. The regions do not use the growers. Each name contains the columns that
# are high or low in the region.

found = regions.find_regions(som, 3)
for number, region in enumerate(found.describe(wines)):
    of_region = growers[found.of(wines) == number]
    names, counts = np.unique(of_region, return_counts=True)
    print(f"{region.sentence}\n    {counts.max()} of {counts.sum()} are {names[counts.argmax()]}")
print(f"adjusted Rand index {adjusted_rand_score(growers, found.of(wines)):.2f}")

# %%
# Without a number, somscape checks whether fewer wines are between groups than inside the groups.
# This also finds three regions.

print(f"{regions.find_regions(som).n_regions} regions without a number")

# %%
# The picture
# -----------

figure = plt.figure(figsize=(10, 6.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
ax = left.subplots()
plots.hits(som, wines, growers, regions=found, ax=ax)
ax.set_title("Wines by their grower")
columns = plots.ordered_columns(som, order="relevance")[:6]
for ax, column in zip(right.subplots(3, 2).flat, columns, strict=True):
    plots.values(som, column, regions=found, ax=ax)
    ax.set_title(column.replace("_", " "))
plt.show()
