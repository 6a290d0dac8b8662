"""
Land cover
==========

.. image:: /gallery/recognize/images/sphx_glr_05_land_cover_001.png
    :alt: A photograph with marked areas, its patches by class, in the colors of the map, and a
        flower

A few marked areas of a photograph teach the map the classes sky, water, trees and building. The map
then recognizes each patch of 8 x 8 pixels. Most patches of another photograph, a flower, are
unknown to the map.
"""

# %%
# Patches and their textures
# --------------------------
# Maps recognize the land cover on images from airplanes and satellites: T. Villmann, E. Merényi and
# B. Hammer (2003), Neural maps in remote sensing image analysis, Neural Networks 16. This page uses
# two photographs of scikit-learn (by danielbuechele and vultilion, CC BY 2.0). Each patch becomes a
# row of six numbers. Three numbers are colors. The other numbers show how much the brightness
# varies within the patch, and between neighboring pixels in both directions.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle
from sklearn.datasets import load_sample_images
from sklearn.preprocessing import StandardScaler

from somscape import SOM, SOMClassifier

SIDE = 8
palace, flower = (image / 255 for image in load_sample_images().images)


def patches(image):
    """Return the texture of each patch, of shape (n_down, n_across, 6)."""
    n_down, n_across = image.shape[0] // SIDE, image.shape[1] // SIDE
    cut = image[: n_down * SIDE, : n_across * SIDE].reshape(n_down, SIDE, n_across, SIDE, 3)
    cut = cut.transpose(0, 2, 1, 3, 4)
    gray = cut.mean(axis=4)
    changes = [gray.std(axis=(2, 3))]
    changes += [np.abs(np.diff(gray, axis=axis)).mean(axis=(2, 3)) for axis in (2, 3)]
    return np.concatenate(
        [cut.mean(axis=(2, 3)), np.log(0.003 + np.stack(changes, axis=2))], axis=2
    )


rows = patches(palace)
print(f"{rows.shape[0]} x {rows.shape[1]} patches, {rows.shape[2]} numbers each")

# %%
# Marked areas
# ------------
# As in surveys from the air, a person marks areas with a known class, here by their left, top,
# right and bottom in pixels. Some areas train the map, and the other areas test the map.

TEACH = {
    "sky": [(400, 8, 624, 96), (8, 8, 88, 96)],
    "water": [(360, 256, 448, 304)],
    "trees": [(584, 232, 640, 416), (48, 376, 200, 424)],
    "building": [(136, 112, 280, 144), (128, 200, 312, 320)],
}
TEST = {
    "sky": [(400, 104, 560, 160)],
    "water": [(456, 256, 528, 296)],
    "trees": [(424, 344, 560, 416)],
    "building": [(136, 160, 312, 192), (216, 336, 312, 384)],
}


def inside(areas):
    """Return the class of each patch, empty where no area is."""
    names = np.full(rows.shape[:2], "", dtype=object)
    for name, boxes in areas.items():
        for box in boxes:
            left, top, right, bottom = (edge // SIDE for edge in box)
            names[top:bottom, left:right] = name
    return names


taught, tested = inside(TEACH), inside(TEST)
scaler = StandardScaler().fit(rows[taught != ""])
classifier = SOMClassifier(reject=0.01, random_state=0)
classifier.fit(scaler.transform(rows[taught != ""]), taught[taught != ""].astype(str))
right = classifier.score(scaler.transform(rows[tested != ""]), tested[tested != ""].astype(str))
print(f"{classifier.map_.n_units} units learned {(taught != '').sum()} patches")
print(f"of {(tested != '').sum()} patches in other areas, {right:.1%} are named rightly")


def cover(rows):
    """Return the class of each patch, None where it is unknown."""
    return classifier.predict(scaler.transform(rows.reshape(-1, 6))).reshape(rows.shape[:2])


# %%
# All other patches, and another photograph
# -----------------------------------------

for title, found in (("palace", cover(rows)), ("flower", cover(patches(flower)))):
    shares = {name: np.mean(found == name) for name in [*TEACH, None]}
    print(
        f"{title}:", ", ".join(f"{name or 'unknown'} {part:.0%}" for name, part in shares.items())
    )

# %%
# The picture
# -----------
# The lower left picture does not use classes. A map of 10 x 12 units learned all patches of the
# photograph, and each patch has the mean color of its unit. scikit-learn's example *Color
# Quantization using K-Means* does this with the same photograph, pixel by pixel.

COLORS = {
    "sky": "#a6cee3",
    "water": "#1f78b4",
    "trees": "#33a02c",
    "building": "#e31a1c",
    None: "0.2",
}
figure, axes = plt.subplots(2, 2, figsize=(9, 6.8), layout="constrained")
axes[0, 0].imshow(palace)
for name, boxes in TEACH.items():
    for left, top, right, bottom in boxes:
        box = Rectangle(
            (left, top), right - left, bottom - top, fill=False, lw=2.5, ec=COLORS[name]
        )
        axes[0, 0].add_patch(box)
names = [*COLORS]
for ax, image in ((axes[0, 1], palace), (axes[1, 1], flower)):
    codes = np.vectorize(names.index)(cover(patches(image)))
    ax.imshow(codes, cmap=ListedColormap([*COLORS.values()]), vmin=0, vmax=len(names) - 1)
som = SOM(10, 12, random_state=0).fit(scaler.transform(rows.reshape(-1, 6)))
colors = scaler.inverse_transform(som.map_.codebook)[:, :3].clip(0, 1)
axes[1, 0].imshow(colors[som.labels_].reshape(*rows.shape[:2], 3))
titles = (
    "A photograph, with marked areas",
    "Cover of every patch",
    "In the colors of a map",
    "A flower",
)
for ax, title in zip(axes.flat, titles, strict=True):
    ax.set_title(title)
    ax.set_axis_off()
legend = [Patch(color=color, label=name or "unknown") for name, color in COLORS.items()]
figure.legend(handles=legend, loc="outside lower center", ncols=5)
plt.show()
