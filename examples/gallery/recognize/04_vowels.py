"""
Spoken vowels
=============

.. image:: /gallery/recognize/images/sphx_glr_04_vowels_001.png
    :alt: A map of vowels, each cell with its most frequent word, in the color of its first formant;
        its net among the formants of the vowels

The left map learned only the spectra of sounds, and similar vowels are neighbors. On the right,
each unit is at the mean formants of its sounds. The map covers the triangle of vowels that
phoneticians draw.
"""

# %%
# Generated voices
# ----------------
# Speech is an early use of maps: T. Kohonen (1988), The "neural" phonetic typewriter, Computer 21.
# The voices are generated, because somscape does not contain recordings. As in a speech
# synthesizer, pulses of the vocal folds pass through one resonator for each formant of the mouth.
# The formants are averages of men, women and children by Peterson and Barney (1952), Control
# methods used in a study of the vowels, Journal of the Acoustical Society of America 24. Each
# speaker has a pitch and a length of the vocal tract, which shifts all formants. In addition, each
# sound differs a little.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy.fft import dct
from scipy.signal import lfilter
from sklearn.preprocessing import StandardScaler

from somscape import SOM, SOMClassifier, plots

WORDS = ["heed", "hid", "head", "had", "hud", "hod", "hawed", "hood", "who'd", "heard"]
FORMANTS = {  # of men, women and children, by word, in Hz
    "man": [
        [270, 390, 530, 660, 640, 730, 570, 440, 300, 490],
        [2290, 1990, 1840, 1720, 1190, 1090, 840, 1020, 870, 1350],
        [3010, 2550, 2480, 2410, 2390, 2440, 2410, 2240, 2240, 1690],
    ],
    "woman": [
        [310, 430, 610, 860, 760, 850, 590, 470, 370, 500],
        [2790, 2480, 2330, 2050, 1400, 1220, 920, 1160, 950, 1640],
        [3310, 3070, 2990, 2850, 2780, 2810, 2710, 2680, 2670, 1960],
    ],
    "child": [
        [370, 530, 690, 1010, 850, 1030, 680, 560, 430, 560],
        [3200, 2730, 2610, 2320, 1590, 1370, 1060, 1410, 1170, 1820],
        [3730, 3600, 3570, 3320, 3360, 3170, 3180, 3310, 3260, 2160],
    ],
}
PITCH = {"man": 131, "woman": 223, "child": 264}  # means of the same study
RATE, N_VALUES = 11_025, 2_048
rng = np.random.default_rng(1)


def voice(formants, pitch):
    """Return a fifth of a second of a voice."""
    cycles = np.cumsum(pitch * (1 + 0.02 * np.linspace(-1, 1, N_VALUES)) / RATE)
    sound = np.diff(np.floor(cycles), prepend=0) + rng.normal(0, 0.01, N_VALUES)
    sound = lfilter([1], [1, -0.95], sound)  # the folds are weaker at high frequencies
    for frequency in formants:
        radius = np.exp(-np.pi * (50 + 0.04 * frequency) / RATE)
        cosine = np.cos(2 * np.pi * frequency / RATE)
        sound = lfilter([1 - radius], [1, -2 * radius * cosine, radius**2], sound)
    return sound


def spectrum(sound):
    """Return the shape of a spectrum: 12 numbers, without loudness."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    bark = 6 * np.arcsinh(np.fft.rfftfreq(len(sound), 1 / RATE) / 600)  # as the ear spaces them
    bands = np.clip(1 - np.abs(bark - np.linspace(1, 16.5, 24)[:, None]) / 1.2, 0, None)
    return dct(np.log(bands @ power), norm="ortho")[1:13]


rows, words, speakers, spoken = [], [], [], []
for speaker, kind in enumerate(["man", "woman", "child"] * 16):
    tract, pitch = rng.normal(1, 0.04), PITCH[kind] * rng.normal(1, 0.1)
    for word, usual in zip(WORDS, np.transpose(FORMANTS[kind]), strict=True):
        for _ in range(4):
            formants = usual * tract * rng.normal(1, [0.09, 0.08, 0.05])
            rows.append(spectrum(voice(formants, pitch * rng.normal(1, 0.05))))
            words.append(word)
            speakers.append(speaker)
            spoken.append(formants[:2])
words, speakers = np.array(words), np.array(speakers)
print(f"{len(rows)} sounds of {speakers.max() + 1} speakers, {len(rows[0])} numbers each")

# %%
# The spectra of a child are higher than the spectra of a man. We therefore subtract the mean
# spectrum of each speaker, which does not need the words.


def of_speaker(values):
    """Return values less the mean of those of the same speaker."""
    means = np.array([np.mean(values[speakers == s], axis=0) for s in range(speakers.max() + 1)])
    return values - means[speakers]


rows = StandardScaler().fit_transform(of_speaker(np.array(rows)))

# %%
# Speakers who did not train the map
# ----------------------------------
# The map learns 36 of the 48 speakers, and predicts the words of the other twelve speakers.

learns = speakers < 36
classifier = SOMClassifier(random_state=0).fit(rows[learns], words[learns])
found = classifier.predict(rows[~learns])
print(f"{classifier.map_.n_units} units name {np.mean(found == words[~learns]):.1%} rightly")
for word in WORDS:
    of_word = found[words[~learns] == word]
    other, counts = np.unique(of_word[of_word != word], return_counts=True)
    taken = f", else mostly {other[counts.argmax()]}" if len(other) else ""
    print(f"  {word:6} {np.mean(of_word == word):4.0%}{taken}")

# %%
# The picture
# -----------
# The map did not learn the formants. In the first picture, a cell shows the first formant of its
# sounds as a color, and the most frequent word. In the second picture, each unit is at the mean of
# the first two formants of its sounds. Lines connect neighbors on the map.

som = SOM(8, 10, radius_end=1, random_state=0).fit(rows[learns])
formants = 2 ** of_speaker(np.log2(spoken))[learns]  # as multiples of the speaker's mean
figure, (ax, plane) = plt.subplots(
    1, 2, figsize=(10, 5.6), width_ratios=(1.3, 1), layout="constrained"
)
hits = np.bincount(som.labels_, minlength=som.map_.n_units)
sums = [np.bincount(som.labels_, weights=f, minlength=len(hits)) for f in formants.T]
counts = [np.bincount(som.labels_[words[learns] == w], minlength=len(hits)) for w in WORDS]
usual = np.where(hits > 0, np.array(WORDS)[np.argmax(counts, axis=0)], "")
place = np.where(hits > 0, sums[0] / np.maximum(hits, 1), np.nan)
display = plots.values(som, place, colormap="YlOrBr", limits=(0.4, 2), labels=usual, ax=ax)
legend = {"orientation": "horizontal", "shrink": 0.7, "label": "first formant, 1 is the mean"}
figure.colorbar(display.drawn_["cells"], ax=ax, **legend)
ax.set_title("Words on the map")
places = np.transpose(sums)[:, ::-1] / np.maximum(hits, 1)[:, None]
pairs = np.argwhere(som.map_.lattice.adjacency.toarray() > 0)
pairs = pairs[(hits[pairs] > 0).all(axis=1)]
plane.scatter(*formants.T[::-1], s=3, color="tab:orange", alpha=0.5)
plane.add_collection(LineCollection(places[pairs], colors="0.6", linewidths=1))
plane.scatter(*places[hits > 0].T, s=18, color="0.2", zorder=2)
for word in WORDS:
    first, second = formants[words[learns] == word].mean(axis=0)
    where = {"ha": "center", "fontweight": "bold", "color": "tab:blue", "zorder": 3}
    plane.text(second, first, word, bbox={"color": "white", "alpha": 0.7, "pad": 1}, **where)
plane.invert_xaxis()
plane.invert_yaxis()
plane.set(xlabel="second formant", ylabel="first formant", title="Units among the formants")
plt.show()
