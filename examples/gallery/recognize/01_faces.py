"""
Faces
=====

.. image:: /gallery/recognize/images/sphx_glr_01_faces_001.png
    :alt: A map of drawn faces, alike ones side by side; six new faces with the names that the map
        gives them

Each cell of the map shows a typical face, and similar faces are neighbors. The map finds the names
of 40 people in new pictures, and returns "unknown" for most people without a picture in the
training data.
"""

# %%
# Forty people, ten pictures each
# -------------------------------
# A well-known set of photographs has the same size. S. Lawrence, C. L. Giles, A. C. Tsoi and A. D.
# Back (1997), Face recognition: a convolutional neural-network approach, IEEE Transactions on
# Neural Networks 8, recognized the people of this set with the help of a self-organizing map. A
# library cannot contain photographs of people, so the faces here are drawn by code, with 32 x 32
# gray pixels each. A person is a set of numbers, such as the width of the face or the color of the
# hair. Each picture of a person differs in the direction of the head, the light, a smile, glasses,
# and noise.

import matplotlib.pyplot as plt
import numpy as np

from somscape import SOM, SOMClassifier

SIDE = 32
y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
rng = np.random.default_rng(4)


def blob(x0, y0, wide, tall, roundness=2):
    """Return 1 inside an oval and 0 outside, with a soft edge."""
    reach = np.abs((x - x0) / wide) ** roundness + np.abs((y - y0) / tall) ** roundness
    return 1 / (1 + np.exp(np.clip(10 * (reach - 1), -50, 50)))


def person():
    """Return what stays the same on all pictures of one person."""
    return {
        "skin": rng.uniform(0.45, 0.9),
        "hair": rng.uniform(0.02, 0.75),
        "width": rng.uniform(0.46, 0.64),
        "jaw": rng.uniform(1.8, 3.2),
        "fringe": rng.uniform(-0.75, -0.35),
        "long": rng.choice([0, 1]) * rng.uniform(0.3, 0.8),
        "apart": rng.uniform(0.19, 0.28),
        "eye": rng.uniform(0.06, 0.1),
        "brow": rng.uniform(0.03, 0.08),
        "lift": rng.uniform(0.13, 0.22),
        "nose": rng.uniform(0.12, 0.24),
        "mouth": rng.uniform(0.16, 0.3),
        "lips": rng.uniform(0.03, 0.08),
        "beard": rng.choice([0, 0, 1]) * rng.uniform(0.4, 0.8),
    }


def picture(who, glasses=False):
    """Return one picture of a person, as a row of pixels."""
    turn, nod = rng.uniform(-0.1, 0.1, 2)
    smile, light = rng.uniform(-0.04, 0.08), rng.uniform(-0.35, 0.35)
    image = np.full((SIDE, SIDE), 0.35)

    def paint(color, where, cover=1.0):
        image[:] = image + (color - image) * where * cover

    width, middle, eyes = who["width"], turn, nod - 0.08
    paint(who["hair"], blob(turn / 2, -0.15, width + 0.16, 0.78))
    if who["long"]:
        paint(who["hair"], blob(turn / 2, 0.3, width + 0.16, who["long"], 4))
    paint(who["skin"] * 0.8, blob(0, 0.9, 0.25, 0.35, 4))
    paint(who["skin"], blob(turn / 2, 0.08, width, 0.74, who["jaw"]))
    paint(who["hair"], blob(turn / 2, who["fringe"] - 0.25, width, 0.3))
    paint(who["hair"], blob(middle, 0.62, width * 0.75, 0.28), who["beard"])
    for side in (-1, 1):
        at = middle + side * who["apart"] * (1 - side * turn)
        paint(0.95, blob(at, eyes, who["eye"] * 1.5, who["eye"]))
        paint(0.05, blob(at + turn / 4, eyes, who["eye"] * 0.7, who["eye"] * 0.9))
        paint(who["hair"] * 0.5, blob(at, eyes - who["lift"], 0.13, who["brow"], 4))
        if glasses:
            ring = blob(at, eyes, 0.2, 0.16) - blob(at, eyes, 0.14, 0.1)
            paint(0.1, np.clip(ring, 0, 1), 0.8)
    paint(who["skin"] * 0.7, blob(middle + turn / 2, eyes + 0.2, 0.05, who["nose"]), 0.7)
    corner = smile * ((x - middle) / 0.2) ** 2
    lips = np.abs(y - (nod + 0.45 - corner)) / who["lips"]
    across = np.abs(x - middle) / who["mouth"]
    paint(who["skin"] * 0.4, 1 / (1 + np.exp(np.clip(6 * (np.maximum(lips, across) - 1), -50, 50))))
    image *= 1 + light * (x - middle) + rng.uniform(-0.08, 0.08)
    return (image + rng.normal(0, 0.02, image.shape)).clip(0, 1).ravel()


TEXT = """
Ada Ben Cleo Dan Eva Finn Gia Hugo Ines Jan Kim Leo Mia Nils Olga Paul Quy Rosa Sam Tara
Udo Vera Will Xenia Yann Zoe Anna Bilal Carl Dora Emil Fay Gus Hana Igor Jade Karl Lena Marc Nora
"""
NAMES = TEXT.split()
people = {name: person() for name in NAMES}
faces = np.array([picture(people[name], view % 5 == 4) for name in NAMES for view in range(10)])
names, views = np.repeat(NAMES, 10), np.tile(np.arange(10), len(NAMES))
print(f"{len(faces)} pictures of {len(people)} people, {faces.shape[1]} pixels each")

# %%
# Who is this?
# ------------
# The map learns eight pictures of each person, and predicts the person on the other two pictures.
# One of the two pictures shows glasses.

learns = ~np.isin(views, (3, 9))
classifier = SOMClassifier(random_state=0).fit(faces[learns], names[learns])
right = classifier.score(faces[~learns], names[~learns])
print(f"{classifier.map_.n_units} units for {learns.sum()} pictures")
print(f"{right:.0%} of {(~learns).sum()} new pictures are named rightly")

# %%
# Unknown people
# --------------
# Fifty more people were not in the training. A name for these people would be wrong, so the map
# should return "unknown". With ``reject=0.03``, the map refuses faces that are farther away than 97
# % of the new pictures of known people. With a higher value, the map refuses more strangers. A
# stranger who looks like a known person still gets the name of this person.

strangers = np.array([picture(person()) for _ in range(50)])
for share in (0.01, 0.03, 0.1):
    classifier.set_params(reject=share)
    known, unknown = classifier.predict(faces[~learns]), classifier.predict(strangers)
    print(f"reject={share}: {sum(name is None for name in unknown)} of 50 strangers are unknown,")
    print(f"    and {sum(name is None for name in known)} of {len(known)} pictures of known people")

# %%
# How good is it on photographs?
# ------------------------------
# Drawn faces are easier than photographs. We also used photographs of 20 people, eight of each
# person to train and two to test. :class:`somscape.SOMClassifier` finds the right person in 95.0 %
# of the photographs, like a single nearest neighbor. But the nearest neighbor stores all
# photographs, and the map stores two units for each person (``benchmarks/recognition/README.md``).
#
# The picture
# -----------
# The map of faces is a :class:`somscape.SOM` of the same pictures, because the map of a classifier
# shows only the differences between people.

som = SOM(10, 14, n_init=1, random_state=0).fit(faces[learns])
figure = plt.figure(figsize=(9, 7.9), layout="constrained")
top, below = figure.subfigures(2, 1, height_ratios=(3.4, 1))
ax = top.subplots()
prototypes = som.codebook_.reshape(10, 14, SIDE, SIDE).swapaxes(1, 2)
ax.imshow(prototypes.reshape(10 * SIDE, 14 * SIDE), cmap="gray")
ax.set_axis_off()
ax.set_title("A map of faces")
classifier.set_params(reject=0.03)
asked = [*faces[~learns][[1, 12, 44, 70]], *strangers[:2]]
for ax, face in zip(below.subplots(1, len(asked)), asked, strict=True):
    name, sure = classifier.predict([face])[0], classifier.predict_proba([face]).max()
    ax.imshow(face.reshape(SIDE, SIDE), cmap="gray", vmin=0, vmax=1)
    ax.set_title("unknown" if name is None else f"{name}, {sure:.0%}")
    ax.set_axis_off()
below.suptitle("Who is this?")
plt.show()
