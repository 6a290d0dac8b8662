"""Every picture of a map: wines by their chemistry, and digits.

    python 03_pictures.py

Writes one file a picture into the folder 03_pictures, and all of them side by side to
03_pictures.png.
"""

from math import ceil
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from somscape import SOM, TableEncoder, paths, plots
from somscape.regions import find_regions, rename

FOLDER = Path("03_pictures")
FOLDER.mkdir(exist_ok=True)
N_WIDE = 4

# %% Maps: wines as a data frame, digits of 8 x 8 pixels, and wines on a torus
wine = load_wine(as_frame=True)
frame, growers = wine.data, np.array(["Barolo", "Grignolino", "Barbera"])[wine.target]
som = SOM(10, 12, encoder=TableEncoder(), random_state=0).fit(frame)
digits = load_digits()
digit_som = SOM(12, 15, random_state=0).fit(digits.data)
scaled = StandardScaler().fit_transform(frame)
torus = SOM(8, 10, boundary="torus", random_state=0).fit(scaled)
three = find_regions(som, 3)
named = rename(three, {0: "Barolo", 1: "Grignolino", 2: "Barbera"})
warm_year = frame.iloc[20:].assign(alcohol=frame["alcohol"] + 0.5)  # with less Barolo
later = SOM(init=som, random_state=0).fit(warm_year)
steps = np.linspace(scaled[0], scaled[-1], 60)  # from the first wine to the last one


def strong(rows):
    """Return the largest share of alcohol in some wines."""
    return rows["alcohol"].max()


PICTURES = {
    "umatrix": lambda: plots.umatrix(som, frame, growers, y_name="wine"),
    "umatrix_regions": lambda: plots.umatrix(som, regions=three),
    "torus": lambda: plots.umatrix(torus),
    "values": lambda: plots.values(som, strong, X=frame, name="strongest wine, alcohol in %"),
    "values_regions": lambda: plots.values(som, "color_intensity", regions=three),
    "planes": lambda: plots.planes(som, order="likeness", max_panels=8, regions=three),
    "hits": lambda: plots.hits(som),
    "pies": lambda: plots.hits(som, frame, growers, y_name="wine"),
    "majority": lambda: plots.majority(
        digit_som, digits.data, digits.target, y_name="digit", max_classes=10
    ),
    "labels": lambda: plots.labels(som, frame, names=[f"no {i}" for i in range(len(frame))]),
    "regions": lambda: plots.regions(som, three),
    "dendrogram": lambda: plots.dendrogram(som, find_regions(som, 12)),
    "difference": lambda: plots.difference(som, later, regions=named),
    "path": lambda: plots.paths(paths.follow(torus, steps)),
}

# %% Each into a file of its own, two of them also on a dark page
for name, draw in PICTURES.items():
    draw().save(FOLDER / f"{name}.png", dpi=90)
with plots.dark():
    PICTURES["umatrix"]().save(FOLDER / "dark.png", dpi=90)
    PICTURES["planes"]().save(FOLDER / "dark_planes.png", dpi=90)

# %% All of them side by side
files = [FOLDER / f"{name}.png" for name in (*PICTURES, "dark", "dark_planes")]
sheet = Figure(figsize=(4.2 * N_WIDE, 3.8 * ceil(len(files) / N_WIDE)))
for place, file in enumerate(files, 1):
    ax = sheet.add_subplot(ceil(len(files) / N_WIDE), N_WIDE, place)
    ax.imshow(imread(file))
    ax.set_axis_off()
sheet.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
sheet.savefig("03_pictures.png", dpi=100)
print(f"wrote {len(files)} pictures to {FOLDER}, and 03_pictures.png")
