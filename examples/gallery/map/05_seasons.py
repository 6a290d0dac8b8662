"""
The year is a circle
====================

.. image:: /gallery/map/images/sphx_glr_05_seasons_001.png
    :alt: A closed map colored by the time of the year, and the same units on the loop of sunshine
        and temperature

The map learned the weather of each week, but not the date. Still, the seasons are in their order
around the map, because the left edge and the right edge of this map are neighbors.
"""

# %%
# Six years of days
# -----------------
# The weather is generated. Sunshine depends on the height of the sun, the temperature follows some
# weeks later, and clouds change from day to day. Maps of weather are an old use: B. C. Hewitson and
# R. G. Crane (2002), Self-organizing maps: applications to synoptic climatology, Climate Research
# 22.

import itertools

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import lfilter
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler

from somscape import SOM, paths, plots

N_DAYS = 6 * 365
rng = np.random.default_rng(3)
day = np.arange(N_DAYS)
angle = 2 * np.pi * (day % 365) / 365
sun = 8 - 4.5 * np.cos(angle + 0.17)  # hours of a clear day, most in late June
clouds = lfilter([1], [1, -0.7], rng.normal(0, 0.55, N_DAYS))
sunshine = sun * (1.25 - 1 / (1 + np.exp(-clouds)))
warmth = 10 - 9.5 * np.cos(angle - 0.4) + lfilter([1], [1, -0.8], rng.normal(0, 0.6, N_DAYS))
soil = 10 - 7 * np.cos(angle - 0.9) + rng.normal(0, 0.4, N_DAYS)
rows = StandardScaler().fit_transform(np.column_stack([sunshine, warmth, soil]))

# %%
# Weeks on a cylinder
# -------------------
# The mean of seven days is a row. On a cylinder, the last column of units touches the first column,
# as December touches January. A flat map has to cut the year somewhere.

cut = paths.windows(rows, 7, step=2, times=day)
weeks = cut.values.mean(axis=1)
maps = {}
for boundary in ("plane", "cylinder"):
    maps[boundary] = SOM(8, 26, boundary=boundary, random_state=0).fit(weeks)
    units = maps[boundary].labels_
    lattice = maps[boundary].map_.lattice
    far = [lattice.distances_from(a)[b] for a, b in itertools.pairwise(units)]
    print(f"{boundary:8}: the longest step between two weeks is {max(far):.1f} units")

# %%
# Does the map know the date?
# ---------------------------
# The date of a unit is the mean date of its weeks on the circle of the year. Each week of the last
# year gets the date of its unit.

som, is_last = maps["cylinder"], cut.times >= 5 * 365
towards = np.exp(2j * np.pi * cut.times / 365)
known = csr_array((towards, (som.labels_, np.arange(len(weeks)))))[:, ~is_last]
sums = known.sum(axis=1)
off = np.angle(towards[is_last] * np.conj(sums[som.labels_[is_last]])) / (2 * np.pi) * 365
print(f"half of the weeks of the last year are dated to within {np.median(np.abs(off)):.0f} days")

# %%
# The picture
# -----------

dates = np.where(sums == 0, np.nan, np.angle(sums) / (2 * np.pi) * 12 % 12)
figure, (ax, loop) = plt.subplots(
    2, 1, figsize=(9, 7), height_ratios=(1.2, 1), layout="constrained"
)
display = plots.values(som, dates, colormap="twilight_shifted", limits=(0, 12), ax=ax)
bar = figure.colorbar(display.drawn_["cells"], ax=ax, orientation="horizontal", shrink=0.7)
bar.set_ticks(np.arange(0.5, 12), labels=[*"JFMAMJJASOND"])
ax.set_title("A cylinder, by the time of the year")
loop.scatter(*weeks[:, :2].T, s=4, color="0.8")
has_rows = sums != 0
colors = plt.get_cmap("twilight_shifted")(dates[has_rows] / 12)
loop.scatter(*som.codebook_[has_rows, :2].T, s=40, color=colors, edgecolor="0.3", lw=0.5)
loop.set(xlabel="sunshine", ylabel="temperature", title="Its units: warmth follows the sun")
loop.spines[["top", "right"]].set_visible(False)
plt.show()
