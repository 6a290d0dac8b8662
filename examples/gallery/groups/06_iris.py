"""
Iris
====

.. image:: /gallery/groups/images/sphx_glr_06_iris_001.png
    :alt: U-matrix of irises with marks of three species, and the species by unit

A dark band divides the map. Setosa is on one side, and the other side contains versicolor and
virginica without a gap. The flowers themselves form only two groups, and only the names separate
versicolor from virginica.
"""

# %%
# 150 flowers
# -----------
# R. A. Fisher (1936), The use of multiple measurements in taxonomic problems, Annals of Eugenics 7:
# lengths and widths of sepals and petals. scikit-learn contains the table.

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from somscape import SOM, measures, plots, regions

iris = load_iris()
rows, species = StandardScaler().fit_transform(iris.data), iris.target_names[iris.target]
som = SOM(8, 12, random_state=0).fit(rows)
print(f"topographic error {measures.topographic_error(som.map_, rows):.1%}")

# %%
# How many groups?
# ----------------

for n_regions in ("auto", 3):
    found = regions.find_regions(som, n_regions)
    of_rows = found.of(rows)
    right = adjusted_rand_score(species, of_rows)
    print(f"n_regions={n_regions}: sizes {found.sizes.tolist()}, adjusted Rand index {right:.2f}")

two = regions.find_regions(som)
is_setosa = species == "setosa"
right = adjusted_rand_score(is_setosa, two.of(rows))
print(f"of two: adjusted Rand index {right:.2f} for setosa")

# %%
# The picture
# -----------

figure, (heights, kinds) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
plots.umatrix(som, rows, species, regions=two, ax=heights)
heights.set_title("U-matrix, with two regions")
plots.majority(som, rows, species, ax=kinds)
kinds.set_title("Species by unit")
plt.show()
