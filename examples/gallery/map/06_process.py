"""
A process and its columns
=========================

.. image:: /gallery/map/images/sphx_glr_06_process_001.png
    :alt: Six columns of a process on one map, and the errors of maps of several sizes

Each small map shows one column of the same plant, and a cell is the same state of the plant in all
small maps. More steam increases the strength of thin paper, but decreases the strength of thick
paper. A single number for all rows would hide this relation. The lower part compares several sizes
and radii of the map.
"""

# %%
# A generated plant
# -----------------
# Maps of plants are an old use: T. Kohonen, E. Oja, O. Simula, A. Visa and J. Kangas (1996),
# Engineering applications of the self-organizing map, Proceedings of the IEEE 84. A machine makes
# two kinds of paper. Steam dries thin paper and makes it stronger, but makes thick paper brittle.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from somscape import SOM, TableEncoder, plots

N = 3000
rng = np.random.default_rng(6)
is_thick = np.repeat([False, True], N // 2)
weight = np.where(is_thick, 120, 60) + rng.normal(0, 4, N)
speed = np.where(is_thick, 700, 1000) + rng.normal(0, 30, N)
steam = rng.normal(5, 0.6, N)
moisture = 8 - 0.9 * (steam - 5) + 0.02 * (weight - 90) + rng.normal(0, 0.2, N)
strength = 50 + np.where(is_thick, -7, 7) * (steam - 5) + rng.normal(0, 1.5, N)
energy = 0.02 * speed * steam / 5 + 0.05 * weight + rng.normal(0, 0.5, N)
plant = pd.DataFrame(
    {
        "weight, g/m²": weight,
        "speed, m/min": speed,
        "steam, bar": steam,
        "moisture, %": moisture,
        "strength": strength,
        "energy": energy,
    }
)

# %%
# One number hides the relation
# -----------------------------

print(f"steam and strength, all rows: correlation {np.corrcoef(steam, strength)[0, 1]:+.2f}")
for name, of_grade in (("thin ", ~is_thick), ("thick", is_thick)):
    print(f"  {name}: {np.corrcoef(steam[of_grade], strength[of_grade])[0, 1]:+.2f}")

# %%
# You see the same on the map, which does not know the two kinds. Compare units with light paper and
# units with heavy paper.

encoder = TableEncoder()
som = SOM(12, 18, encoder=encoder, random_state=0).fit(plant)
planes = {name: plots.column_plane(som.map_, name).values.ravel() for name in plant}
is_heavy = planes["weight, g/m²"] > 90
for name, units in (("light", ~is_heavy), ("heavy", is_heavy)):
    steamy, strong = planes["steam, bar"][units], planes["strength"][units]
    print(f"{units.sum()} units of {name} paper: {np.corrcoef(steamy, strong)[0, 1]:+.2f}")

# %%
# How large should the map be?
# ----------------------------
# A larger map and a smaller radius fit the rows more closely, but neighbors can be less similar.
# Each size trains on samples and is judged by rows of another sample.

rows = encoder.fit(plant).transform(plant)
candidates = SOM.suggest(rows, n_samples=800, n_seeds=2, random_state=0)
for size in candidates:
    print(
        f"{size['n_rows']:2.0f} x {size['n_cols']:2.0f}, radius {size['radius_end']}:",
        f"quantization error {size['quantization_error']:.3f},",
        f"topographic error {size['topographic_error']:.3f}",
    )

# %%
# The picture
# -----------

figure = plt.figure(figsize=(10, 8.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1.5, 1))
for ax, name in zip(above.subplots(2, 3).flat, plant, strict=True):
    display = plots.values(som, name, ax=ax, colormap="cividis")
    above.colorbar(display.drawn_["cells"], ax=ax, shrink=0.7)
    ax.set_title(name)
ax = below.subplots()
for size in candidates:
    ax.plot(size["topographic_error"], size["quantization_error"], "ko")
    text = f"{size['n_rows']:.0f} x {size['n_cols']:.0f}, {size['radius_end']}"
    ax.annotate(text, (size["topographic_error"], size["quantization_error"]))
ax.set(xlabel="topographic error", ylabel="quantization error")
plt.show()
