"""
Handwritten digits
==================

.. image:: /gallery/recognize/images/sphx_glr_02_digits_001.png
    :alt: Prototypes of digits on a map; which digits are taken for which; two doubtful digits

Each cell of the left map shows the typical digit of a unit. All ways to write a seven are
neighbors, and the ones are next to the sevens. On the right, you see which digits are confused, and
the reasons for two doubtful digits.
"""

# %%
# The rows
# --------
# scikit-learn contains 1,797 digits of 8 x 8 pixels, written by 13 people: E. Alpaydin and C.
# Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository. The map
# learns the first half and predicts the second half, which was written mostly by other people. The
# support vector machine in scikit-learn's example *Recognizing hand-written digits* is correct for
# 97 % of the same digits.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from somscape import SOM, SOMClassifier

pixels, digits = load_digits(return_X_y=True)
half = len(pixels) // 2
classifier = SOMClassifier(random_state=0).fit(pixels[:half], digits[:half])
found, sure = classifier.predict(pixels[half:]), classifier.predict_proba(pixels[half:])
asked, truth = pixels[half:], digits[half:]
neighbors = KNeighborsClassifier(5).fit(pixels[:half], digits[:half])
print(f"{classifier.map_.n_units} units name {classifier.score(asked, truth):.1%} rightly,")
print(f"5 nearest neighbors, which keep all {half} digits, {neighbors.score(asked, truth):.1%}")
machine = SVC(gamma=0.001).fit(pixels[:half], digits[:half])
print(f"scikit-learn's support vector machine, {machine.score(asked, truth):.1%}")

# %%
# How sure is a prediction?
# -------------------------
# A prediction with a probability of 0.8 should be correct in 80 % of the cases. So check digits
# with a low probability. Here, most mistakes have a probability below 0.9.

highest = sure.max(axis=1)
for low, high in ((0, 0.6), (0.6, 0.9), (0.9, 0.99), (0.99, 1.01)):
    is_in = (highest >= low) & (highest < high)
    n_right = (found == truth)[is_in].sum()
    print(f"{low:.2f} to {min(high, 1):.2f}: {n_right} of {is_in.sum()} right")

# %%
# The picture
# -----------
# The map of prototypes is a :class:`somscape.SOM` of the same digits.

som = SOM(14, 12, random_state=0).fit(pixels[:half])
figure = plt.figure(figsize=(9.5, 5.7), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.3, 1))
ax = left.subplots()
prototypes = som.codebook_.reshape(14, 12, 8, 8).swapaxes(1, 2)
ax.imshow(prototypes.reshape(14 * 8, 12 * 8), cmap="gray_r")
ax.set_axis_off()
ax.set_title("Prototypes")
confusion, below = right.subfigures(2, 1, height_ratios=(1.6, 1))
ax = confusion.subplots()
counts = confusion_matrix(truth, found)
ax.imshow(counts * (1 - np.eye(10)), cmap="Oranges", vmax=15)
for row, column in zip(*np.nonzero(counts), strict=True):
    ax.text(column, row, counts[row, column], ha="center", va="center", fontsize=8)
ax.set(xticks=range(10), yticks=range(10), xlabel="named", ylabel="is", title="Which for which")
doubtful = np.argsort(highest)[:2]
for pair, number in zip(below.subfigures(1, 2), doubtful, strict=True):
    image, bars = pair.subplots(2, 1)
    image.imshow(asked[number].reshape(8, 8), cmap="gray_r")
    image.set_title(f"a {truth[number]}", fontsize=9)
    image.set_axis_off()
    bars.bar(range(10), sure[number], color="tab:orange")
    bars.set(xticks=range(10), ylim=(0, 1), yticks=(0, 0.5, 1))
    bars.tick_params(labelsize=7)
plt.show()
