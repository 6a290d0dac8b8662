"""A bearing wears out: its path over a map leaves the healthy region, and the first alarm.

The vibration of a machine is measured once an hour.  A recipe stands in for the record of a test
rig, which runs bearings until they fail: noise of the machine, a hum at its speed, and, late in the
life of a bearing, knocks that grow, one each time that a ball rolls over the damage.

A map learns the whole life of one bearing.  Another one, which lives longer, then walks over it.

    python 03_a_bearing_wears_out.py
"""

import numpy as np

from somscape import SOM, paths, plots

# %% The records: each hour has 4,096 values of vibration, at 20,000 a second
RATE, N_VALUES = 20_000, 4096
SPEED, KNOCKS, RINGING = 29.0, 107.0, 3_400.0  # turns, knocks and ringing of the housing, a second
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


# %% Windows of a record, and how each sounds, in five numbers
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

# %% The map of the first life, in standard deviations of its first half
# Units that the first half wins are healthy, all others worn.
half = len(first) // 2
middle, spread = first[:half].mean(axis=0), first[:half].std(axis=0)
som = SOM(8, 10, random_state=0).fit((first - middle) / spread)
is_healthy = np.isin(np.arange(som.map_.n_units), som.labels_[:half])
state = np.where(is_healthy, "healthy", "worn")

# %% The path of the second bearing: how long it stays where, and where it goes
hours = np.arange(len(second))
walked = paths.follow(som, (second - middle) / spread, times=hours)
print(walked.dwells(state).to_string(index=False))
print(walked.transitions(state).round(3).to_string(index=False))

# %% The alarm: three hours in a row outside the healthy region
alarm = walked.entries("worn", state, min_rows=3)[0]
print(f"alarm at hour {alarm.time:g}, {len(second) - alarm.time:g} hours before the bearing fails")
level = np.exp(second[:, 0])
loud = int(np.argmax(level > 2 * np.median(level)))
print(f"its vibration is twice as loud as usual at hour {loud} only")

# %% Draw it
plots.paths(walked).save("03_path.png")
