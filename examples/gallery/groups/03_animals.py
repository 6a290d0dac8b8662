"""
Animals by what they are like
=============================

.. image:: /gallery/groups/images/sphx_glr_03_animals_001.png
    :alt: A map with the names of sixteen animals: birds, hunters and grazing animals have an area
        each

The map learned sixteen animals from their looks and habits, without their names. Birds, hunters and
grazing animals have an area each. Owl and hawk are neighbors, and horse and zebra are neighbors.
"""

# %%
# Thirteen properties
# -------------------
# The table comes from H. Ritter and T. Kohonen (1989), Self-organizing semantic maps, Biological
# Cybernetics 61. The value is 1 if an animal has a property. Some animals have the same properties,
# such as owl and hawk.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from somscape import SOM, plots
from somscape.errors import SomscapeWarning

warnings.simplefilter("ignore", SomscapeWarning)  # more units than animals are wanted here

TEXT = "dove hen duck goose owl hawk eagle fox dog wolf cat tiger lion horse zebra cow"
ANIMALS = TEXT.split()
PROPERTIES = {
    "small": "1111110000100000",
    "medium": "0000001111000000",
    "big": "0000000000011111",
    "has 2 legs": "1111111000000000",
    "has 4 legs": "0000000111111111",
    "has hair": "0000000111111111",
    "has hooves": "0000000000000111",
    "has a mane": "0000000001001110",
    "has feathers": "1111111000000000",
    "likes to hunt": "0000111101111000",
    "likes to run": "0000000011011110",
    "likes to fly": "1011111000000000",
    "likes to swim": "0011000000000000",
}
table = np.array([[int(cell) for cell in line] for line in PROPERTIES.values()]).T
print(f"{table.shape[0]} animals, {table.shape[1]} properties")

# %%
# Names and properties
# --------------------
# As in the article, a row has two parts. The name is one of 16 columns without information about
# the animal. The properties count far more.

names = 0.2 * np.eye(len(ANIMALS))
properties = table / np.linalg.norm(table, axis=1, keepdims=True)
rows = np.hstack([names, properties])
som = SOM(10, 10, lattice="rectangular", radius_end=1, random_state=0).fit(rows)

# %%
# Then we ask the map with the name only. Where is "owl"? The map has learned which properties
# belong to each name.

of_names, of_properties = np.split(som.codebook_, [len(ANIMALS)], axis=1)
apart = np.linalg.norm(of_properties[:, None] - properties, axis=2)  # units by animals
n_right = 0
for number in range(len(ANIMALS)):
    unit = of_names[:, number].argmax()  # that answers most strongly to the name
    found = apart[unit].argmin()
    n_right += (table[found] == table[number]).all()
print(f"{n_right} of {len(ANIMALS)} names lead to the right properties")

# %%
# The kinds of animals
# --------------------
# Each unit is colored by the kind of the animal whose properties are nearest to its prototype. We
# chose the kinds, and the map does not know the kinds.

KINDS = dict.fromkeys(ANIMALS[:7], "birds") | dict.fromkeys(ANIMALS[7:13], "hunters, and a dog")
KINDS |= dict.fromkeys(ANIMALS[13:], "grazing animals")
kinds = np.array([KINDS[ANIMALS[i]] for i in apart.argmin(axis=1)])
for kind in dict.fromkeys(kinds):
    print(f"{kind}: {np.sum(kinds == kind)} units")

# %%
# The picture
# -----------

labels = np.full(som.map_.n_units, "", dtype=object)
for unit, animal in zip(som.labels_, ANIMALS, strict=True):
    labels[unit] += ("\n" if labels[unit] else "") + animal
figure, axes = plt.subplot_mosaic(
    [["map", "map", 2, 9], ["map", "map", 11, 10]], figsize=(11, 5.6), layout="constrained"
)
plots.values(som, kinds, labels=labels, ax=axes.pop("map")).ax_.set_title("Sixteen animals")
for column, ax in axes.items():
    plots.values(som, of_properties[:, column], colormap="Greens", limits=(0, 0.5), ax=ax)
    ax.set_title([*PROPERTIES][column])
plt.show()
