"""Every picture of a map: wines by their chemistry, digits as images, borrowers as a table.

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

from somscape import SOM, SOMClassifier, TableEncoder, paths, plots
from somscape.regions import find_regions, rename, stability

FOLDER = Path("03_pictures")
FOLDER.mkdir(exist_ok=True)
N_WIDE = 5

# %% Maps: wines as a data frame, digits of 8 x 8 pixels, and wines on a torus
wine = load_wine(as_frame=True)
frame, growers = wine.data, np.array(["Barolo", "Grignolino", "Barbera"])[wine.target]
som = SOM(10, 12, encoder=TableEncoder(), random_state=0).fit(frame)
digits = load_digits()
digit_som = SOM(12, 15, random_state=0).fit(digits.data)
scaled = StandardScaler().fit_transform(frame)
torus = SOM(8, 10, boundary="torus", random_state=0).fit(scaled)
three = find_regions(som, 3)
candidates = SOM.suggest(scaled, n_seeds=2, random_state=0)
tree = plots.spanning_tree(som, layout="tree")
named = rename(three, {0: "Barolo", 1: "Grignolino", 2: "Barbera"})
warm_year = frame.iloc[20:].assign(alcohol=frame["alcohol"] + 0.5)  # with less Barolo
later = SOM(init=som, random_state=0).fit(warm_year)
half = np.arange(len(digits.target)) % 2 == 0
recognizer = SOMClassifier(random_state=0).fit(digits.data[half], digits.target[half])
steps = np.linspace(scaled[0], scaled[-1], 60)  # from the first wine to the last one


def strong(rows):
    """Return the largest share of alcohol in some wines."""
    return rows["alcohol"].max()


PICTURES = {
    "umatrix": lambda: plots.umatrix(som, frame, growers, y_name="wine"),
    "umatrix_regions": lambda: plots.umatrix(som, regions=three),
    "umatrix_edges": lambda: plots.umatrix(som, kind="edges"),
    "pmatrix": lambda: plots.umatrix(som, frame, kind="p"),
    "ustar": lambda: plots.umatrix(som, frame, kind="ustar"),
    "torus": lambda: plots.umatrix(torus),
    "values": lambda: plots.values(som, strong, X=frame, name="strongest wine, alcohol in %"),
    "values_regions": lambda: plots.values(som, "color_intensity", regions=three),
    "planes": lambda: plots.planes(som, order="likeness", max_panels=8, regions=three),
    "correlations": lambda: plots.correlations(som),
    "hits": lambda: plots.hits(som),
    "pies": lambda: plots.hits(som, frame, growers, y_name="wine"),
    "majority": lambda: plots.majority(
        digit_som, digits.data, digits.target, y_name="digit", max_classes=10
    ),
    "confusion_map": lambda: plots.confusion_map(
        recognizer, digits.data[~half], digits.target[~half], y_name="digit", max_classes=10
    ),
    "labels": lambda: plots.labels(som, frame, names=[f"no {i}" for i in range(len(frame))]),
    "regions": lambda: plots.regions(som, three),
    "dendrogram": lambda: plots.dendrogram(som, find_regions(som, 12)),
    "stability": lambda: plots.stability(stability(named)),
    "difference": lambda: plots.difference(som, later, regions=named),
    "bars": lambda: plots.profiles(som),
    "lines": lambda: plots.profiles(som, kind="lines"),
    "radar": lambda: plots.profiles(som, kind="radar"),
    "stars": lambda: plots.profiles(som, kind="stars"),
    "images": lambda: plots.images(digit_som, (8, 8)),
    "net": lambda: plots.net(torus, scaled, growers, y_name="wine"),
    "tree_on_map": lambda: plots.spanning_tree(som),
    "tree": lambda: plots.hits(tree.drawn_["tree"], frame, growers, y_name="wine"),
    "response": lambda: plots.response(som, frame.iloc[[70]]),
    "path": lambda: plots.paths(paths.follow(torus, steps)),
    "quality": lambda: plots.quality(som, frame),
    "training": lambda: plots.training(som),
    "trade_off": lambda: plots.trade_off(candidates),
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
