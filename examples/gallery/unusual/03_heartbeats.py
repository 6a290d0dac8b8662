"""
Unusual heartbeats
==================

.. image:: /gallery/unusual/images/sphx_glr_03_heartbeats_001.png
    :alt: Seconds of a heart's voltage with the unusual beats marked, a map of beats, and the beats
        themselves

The map learned the beats of one heart, and each cell shows a typical beat. A beat that starts in
the wrong place of the heart differs from all cells. Such beats are marked in the upper picture, and
red on the right.
"""

# %%
# A generated heart
# -----------------
# The beats are generated. Each wave of a beat is a hump, as in P. E. McSharry, G. D. Clifford, L.
# Tarassenko and L. A. Smith (2003), A dynamical model for generating synthetic electrocardiogram
# signals, IEEE Transactions on Biomedical Engineering 50. One beat in 40 comes too early, wide and
# without its first wave, as a premature beat of the ventricle does.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from somscape import SOM, SOMDetector, plots

RATE = 120  # values a second
WAVES = {"P": (-0.18, 0.12, 0.030), "Q": (-0.03, -0.12, 0.010), "R": (0, 1.0, 0.012)}
WAVES |= {"S": (0.03, -0.2, 0.011), "T": (0.25, 0.3, 0.050)}  # when, how high, how wide
EARLY = {"R": (0.02, 1.1, 0.045), "T": (0.27, -0.45, 0.070)}
rng = np.random.default_rng(11)
N_BEATS = 1200
is_early = rng.random(N_BEATS) < 1 / 40
gaps = 0.85 + 0.05 * np.sin(np.arange(N_BEATS) / 4) + rng.normal(0, 0.02, N_BEATS)
gaps[is_early] *= 0.65
gaps[1:][is_early[:-1]] *= 1.35  # then the heart waits
beats = np.cumsum(gaps) + 0.5
seconds = np.arange(int((beats[-1] + 1) * RATE)) / RATE
voltage = rng.normal(0, 0.025, len(seconds)) + 0.05 * np.sin(2 * np.pi * 0.25 * seconds)
for beat, early in zip(beats, is_early, strict=True):
    near = np.abs(seconds - beat) < 0.7
    for when, high, wide in (EARLY if early else WAVES).values():
        high = high * rng.normal(1, 0.06)
        wide = wide * rng.normal(1, 0.05)
        voltage[near] += high * np.exp(-(((seconds[near] - beat - when) / wide) ** 2) / 2)

# %%
# A row for each beat
# -------------------
# Beats are cut out around their highest value.

places = np.rint(beats * RATE).astype(int)
cut = np.arange(-30, 54)
rows = voltage[places[:, None] + cut]
rows -= np.median(rows, axis=1, keepdims=True)
half = N_BEATS // 2
print(f"{N_BEATS} beats of {len(cut)} values, {is_early.sum()} of them early")

# %%
# Which beats are unusual?
# ------------------------
# The detector learns half of the beats, which also contain unusual beats without a mark. In the
# list of the other half, 1 in 10 rows may be a false alarm.

detector = SOMDetector(random_state=0).fit(rows[:half])
alerts = detector.alerts(rows[half:], fdr=0.1)
found = np.isin(np.arange(half), alerts.rows[: alerts.n_alerts])
true = is_early[half:]
print(f"{found.sum()} beats on the list, {(found & true).sum()} of them early, of {true.sum()}")

# %%
# The picture
# -----------

som = SOM(8, 10, random_state=0).fit(rows[:half])
figure = plt.figure(figsize=(11, 6.6), layout="constrained")
axes = figure.subplot_mosaic(
    [["all", "all"], ["map", "beats"]], height_ratios=(1, 2.2), width_ratios=(1.3, 1)
)
first = half + int(np.flatnonzero(found)[0])
begin = beats[first] - 4
shown = (seconds > begin) & (seconds < begin + 14)
axes["all"].plot(seconds[shown] - begin, voltage[shown], color="#1d3557", lw=1)
for beat in beats[half:][found]:
    if begin < beat < begin + 14:
        left, right = beat - begin + cut[[0, -1]] / RATE
        axes["all"].axvspan(left, right, color="#e63946", alpha=0.25, lw=0)
axes["all"].set(xlim=(0, 14), xlabel="seconds", title="Unusual beats, marked")
plots.hits(som, limits=(0, 40), ax=axes["map"])
small = np.stack(np.broadcast_arrays(cut - 12, -30 * som.codebook_), axis=2) / 110
places = som.map_.lattice.positions[:, None, :] + [0, 0.1]
axes["map"].add_collection(LineCollection(places + small, colors="#1d3557", linewidths=1.1))
axes["map"].set_title("Beats on the map, darker where many are alike")
time = cut / RATE
axes["beats"].plot(time, rows[half:][~found][:150].T, color="#457b9d", alpha=0.08)
axes["beats"].plot(time, rows[half:][found].T, color="#e63946", lw=1)
axes["beats"].set(xlabel="seconds", title="Usual beats, and those of the list")
for name in ("all", "beats"):
    axes[name].spines[["top", "right"]].set_visible(False)
    axes[name].set_yticks([])
plt.show()
