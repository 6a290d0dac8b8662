"""
A bearing wears out
===================

.. image:: /gallery/unusual/images/sphx_glr_01_bearing_001.png
    :alt: The path of a bearing over a map, away from its healthy corner; below, level and alarm by
        hour

A bearing moves over the map, with a step for each half day, and leaves the region of healthy hours
long before the failure. Below, you see that the alarm comes while the level of vibration, which
plants usually watch, is still usual.
"""

# %%
# The records
# -----------
# R. Huang and others (2007), Residual life predictions for ball bearings based on self-organizing
# map and back propagation neural network methods, Mechanical Systems and Signal Processing 21,
# measured the wear of a bearing by the distance from a map of healthy bearings. This distance grows
# long before the end. Here the vibrations are generated like the record of a test machine, which
# runs bearings until they fail. They consist of noise, a hum at the speed of the machine, and later
# knocks that grow, whenever a ball rolls over the damage. Each hour has 4,096 values. Real records
# contain more disturbances.

import matplotlib.pyplot as plt
import numpy as np

from somscape import SOM, SOMDetector, paths, plots

RATE, N_VALUES = 20_000, 4096  # values a second, and an hour
SPEED, RINGING = 29.0, 3_400.0  # turns, and ringing of the housing, a second
KNOCKS = 9 / 2 * SPEED * (1 - 0.18)  # nine balls; 0.18 is their diameter by that of their circle
rng = np.random.default_rng(3)
seconds = np.arange(N_VALUES) / RATE


def vibration(hour, life):
    """Return how a bearing vibrates in one hour of the life that it has."""
    wear = max(0.0, hour / life - 0.66) / 0.34  # from 0 to 1 in the last third
    hum = 0.4 * np.sin(2 * np.pi * (SPEED * seconds + rng.uniform()))
    since_knock = (seconds + rng.uniform()) % (1 / KNOCKS)
    knocks = np.exp(-900 * since_knock) * np.sin(2 * np.pi * RINGING * since_knock)
    load = rng.normal(1.0, 0.05)
    return load * (hum + rng.normal(0, 0.25, N_VALUES)) + 4 * wear**1.5 * knocks


def record(life):
    """Return the values of all hours, one after the other."""
    return np.concatenate([vibration(hour, life) for hour in range(life)])


# %%
# How an hour sounds, in five numbers
# -----------------------------------


def features(values):
    """Return level, kurtosis, crest factor, and two shares of the energy, by hour."""
    cut = paths.windows(values, N_VALUES)
    waves = cut.values - cut.values.mean(axis=1, keepdims=True)
    level = np.sqrt((waves**2).mean(axis=1))
    energy = np.abs(np.fft.rfft(waves)) ** 2
    frequency = np.fft.rfftfreq(N_VALUES, 1 / RATE)
    low, ringing = frequency < 100, (frequency > 2_500) & (frequency < 4_500)
    return np.column_stack(
        [
            np.log(level),
            (waves**4).mean(axis=1) / level**4,  # 3 for noise, more for knocks
            np.abs(waves).max(axis=1) / level,
            *(
                np.log(energy[:, is_in].sum(axis=1) / energy.sum(axis=1))
                for is_in in (low, ringing)
            ),
        ]
    )


first, second = features(record(300)), features(record(420))
print(f"{len(first)} hours of the first bearing, {len(second)} of the second")

# %%
# A map of the first life
# -----------------------
# Features are in standard deviations of the first half of this life. Units with rows of the first
# half are healthy, and all other units are worn.

half = len(first) // 2
middle, spread = first[:half].mean(axis=0), first[:half].std(axis=0)
first, second = (first - middle) / spread, (second - middle) / spread
som = SOM(8, 12, random_state=0).fit(first)
is_healthy = np.isin(np.arange(som.map_.n_units), som.labels_[:half])
state = np.where(is_healthy, "healthy", "worn")

# %%
# The second bearing lives longer and moves over the same map. The tables show how long the bearing
# stays in each place, and where it moves.

hours = np.arange(len(second))
walked = paths.follow(som, second, times=hours)
print(walked.dwells(state).to_string(index=False))
print(walked.transitions(state).round(3).to_string(index=False))

# %%
# Two alarms
# ----------
# The first alarm comes after three hours in a row outside the healthy region. The second alarm does
# not need a bearing that failed. A :class:`somscape.SOMDetector` learns only healthy hours, and the
# alarm comes after three p-values in a row below 1 in 100.

alarm = walked.entries("worn", state, min_rows=3)[0]
print(f"by the region:  hour {alarm.time:g}, {len(second) - alarm.time:g} before the end")

detector = SOMDetector(random_state=0).fit(first[:half])
p_values = detector.p_values(second)
is_rare = p_values < 0.01
in_a_row = is_rare[2:] & is_rare[1:-1] & is_rare[:-2]
third = int(np.argmax(in_a_row)) + 2
print(f"by the p-value: hour {third}, {len(second) - third} before the end")

level = np.exp(second[:, 0] * spread[0])
is_loud = level > 2 * np.median(level)
print(f"by the level:   hour {np.argmax(is_loud)}, when it is twice the usual one")

# %%
# The picture
# -----------

figure, (ax, rare, loud) = plt.subplots(
    3, 1, figsize=(9, 7.6), height_ratios=(2.4, 1, 1), layout="constrained"
)
days = second[: len(second) // 12 * 12].reshape(-1, 12, second.shape[1]).mean(axis=1)
plots.paths(paths.follow(som, days), ax=ax)
ax.set_title("The life of a bearing, from dark to bright; a step is the mean of twelve hours")
rare.semilogy(hours, p_values, ".", markersize=3, color="tab:purple")
rare.axhline(0.01, color="0.6", linestyle="--")
rare.set_ylabel("p-value")
loud.plot(hours, level / np.median(level), color="0.3")
loud.axhline(2, color="0.6", linestyle="--")
loud.set(xlabel="hour", ylabel="level, 1 is usual")
for ax in (rare, loud):
    ax.axvline(alarm.time, color="tab:red")
rare.text(alarm.time + 4, 0.3, "alarm", color="tab:red")
plt.show()
