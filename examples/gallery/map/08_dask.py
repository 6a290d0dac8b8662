"""
A photograph in 256 tiles, by Dask
==================================

.. image:: /gallery/map/images/sphx_glr_08_dask_001.png
    :alt: A photograph of a temple, the same painted with 256 tiles, and the map of the tiles

The picture shows a photograph, the same photograph painted with only 256 small tiles, and the map
that found the tiles. The map was trained twice, with one array and with a Dask collection of eight
pieces. Both maps are equal, bit for bit.
"""

# %%
# Rows from a photograph
# ----------------------
# A row is a square of 4 x 4 pixels in three colors, so it has 48 numbers. Maps compressed images in
# this way in N. M. Nasrabadi and Y. Feng (1988), Vector quantization of images based upon the
# Kohonen self-organizing feature maps, IEEE International Conference on Neural Networks 1, 101-108.
# The photograph comes with scikit-learn: `danielbuechele
# <https://www.flickr.com/photos/danielbuechele/6061409035/>`_, CC BY 2.0.

import hashlib

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from somscape import SOM

photo = load_sample_image("china.jpg")[:424] / 255
height, width, _ = photo.shape
squares = np.lib.stride_tricks.sliding_window_view(photo, (4, 4), axis=(0, 1))
rows = squares.transpose(0, 1, 3, 4, 2).reshape(-1, 48)
print(f"{len(rows):,} rows of {rows.shape[1]} numbers")

# %%
# One map, trained twice
# ----------------------
# A block of rows of a Dask array is a piece. Here, Dask's threads add up each piece. With a
# ``distributed.Client``, the workers of a cluster do this. All sums are whole numbers, so their
# order does not matter.

pieces = da.from_array(rows, chunks=(len(rows) // 8 + 1, 48))
from_array = SOM(16, 16, random_state=0).fit(rows)
from_pieces = SOM(16, 16, random_state=0).fit(pieces)
for name, som in (("one array", from_array), (f"{pieces.numblocks[0]} pieces", from_pieces)):
    print(f"{name}: SHA-256 {hashlib.sha256(som.codebook_.tobytes()).hexdigest()[:16]}")
print("equal, bit for bit:", np.array_equal(from_array.codebook_, from_pieces.codebook_))

# %%
# Painting with tiles
# -------------------
# The nearest prototype replaces each square of the photograph. Each square then needs only one byte
# for the number of the unit.

shape = (height // 4, width // 4, 4, 4, 3)
cut = photo.reshape(height // 4, 4, width // 4, 4, 3).swapaxes(1, 2).reshape(-1, 48)
units = from_pieces.predict(cut)
tiles = from_pieces.codebook_[units].clip(0, 1)
painted = tiles.reshape(shape).swapaxes(1, 2).reshape(photo.shape)
noise = 10 * np.log10(1 / np.mean((painted - photo) ** 2))
print(f"{48 * len(cut):,} bytes become {len(cut):,}, and the tiles; PSNR {noise:.1f} dB")

# %%
# The picture
# -----------
# Neighboring tiles on the map have similar colors and similar edges.

figure, axes = plt.subplot_mosaic("AC;BC", figsize=(10.5, 5.6), layout="constrained")
axes["A"].imshow(photo)
axes["A"].set_title("The photograph")
axes["B"].imshow(painted)
axes["B"].set_title("Painted with 256 tiles")
gap = np.ones((16, 16, 5, 5, 3))
gap[:, :, :4, :4] = from_pieces.codebook_.reshape(16, 16, 4, 4, 3).clip(0, 1)
axes["C"].imshow(gap.swapaxes(1, 2).reshape(80, 80, 3)[:-1, :-1])
axes["C"].set_title("The map of the tiles")
for ax in axes.values():
    ax.set_axis_off()
plt.show()
