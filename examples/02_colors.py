"""Random colors, laid out on a map: three dimensions to two.

The classic picture of a self-organizing map.  Each unit's prototype is a color; before
training they are the random colors of some rows, after it similar colors lie side by side.

    python 02_colors.py
"""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from somscape import SOM, measures

colors = np.random.default_rng(7).random((3000, 3))

# %% Before: prototypes are random rows.  After: the map has unfolded over the color cube
before = colors[:1200]
som = SOM(30, 40, init=before, radius_start=15.0, n_epochs=20, random_state=0).fit(colors)
print(f"quantization error {measures.quantization_error(som.map_, colors):.3f}")
print(f"topographic error  {measures.topographic_error(som.map_, colors):.3f}")

# %% Draw each unit as a cell of its own color
figure = Figure(figsize=(10, 4))
lattice = som.map_.lattice
cells = lattice.positions[:, None, :] + lattice.cell
for place, (title, codebook) in enumerate([("before", before), ("after", som.codebook_)], 1):
    ax = figure.add_subplot(1, 2, place, title=title, aspect="equal")
    ax.add_collection(PolyCollection(cells, facecolors=codebook.clip(0, 1)))
    ax.autoscale_view()
    ax.invert_yaxis()
    ax.set_axis_off()
figure.savefig("02_colors.png", dpi=120, bbox_inches="tight")
print("wrote 02_colors.png")
