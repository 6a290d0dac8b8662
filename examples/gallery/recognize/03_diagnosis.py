"""
A diagnosis, with reasons
=========================

.. image:: /gallery/recognize/images/sphx_glr_03_diagnosis_001.png
    :alt: A map of tumors, benign on one side and malignant on the other, and the reasons for one
        answer

Tumors with similar cells are neighbors. Malignant tumors are on one side of the map, benign tumors
are on the other side, and doubtful tumors are in between. For one tumor, the star on the map, the
bars show which measurements support or oppose the class "malignant".
"""

# %%
# The rows
# --------
# scikit-learn contains the Wisconsin diagnostic data: 30 measurements of cell nuclei of 569 tumors,
# of which 357 are benign. O. L. Mangasarian, W. N. Street and W. H. Wolberg (1995), Breast cancer
# diagnosis and prognosis via linear programming, Operations Research 43, predict 97.5 % correctly,
# with a plane through three of the measurements, in tenfold cross-validation. A
# :class:`somscape.TableEncoder` converts the measurements to one scale.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from somscape import SOMClassifier, TableEncoder, plots

cancer = load_breast_cancer(as_frame=True)
tumors, diagnoses = cancer.data, np.array(["malignant", "benign"])[cancer.target]
known, new, y_known, y_new = train_test_split(
    tumors, diagnoses, test_size=0.4, stratify=diagnoses, random_state=1
)
classifier = SOMClassifier(encoder=TableEncoder(), reject=0.01, random_state=0).fit(known, y_known)
found = classifier.predict(new)
print(f"{np.mean(found == y_new):.1%} of {len(new)} new tumors are named rightly")
for answer in ("benign", "malignant"):
    n_ill = (y_new[found == answer] == "malignant").sum()
    print(f"{answer:9}: {(found == answer).sum():3} tumors, {n_ill:2} of them malignant")

# %%
# Reasons
# -------
# A tumor gets the diagnosis of the nearest units. The units of the other diagnosis are farther
# away, and each measurement has a part of this difference. With "above 26", the number 26 is the
# border between the two diagnoses for this measurement. Here are the least certain malignant tumor
# and the first two tumors.

sure = classifier.predict_proba(new).max(axis=1)
doubtful = int(np.where(found == "malignant", sure, 9).argmin())
for tumor in (doubtful, *np.flatnonzero(found == "malignant")[:2]):
    (why,) = classifier.reasons(new.iloc[[tumor]])
    print(f"{why.sentence()}\n    It is {y_new[tumor]}.")

# %%
# What would have to change?
# --------------------------
# With small changes of a few measurements, the doubtful tumor would be benign:

print(classifier.counterfactuals(new.iloc[[doubtful]])[0])

# %%
# Unknown
# -------
# With ``reject=0.01``, a row that is farther from the map than 99 % of usual rows does not get a
# diagnosis. A row with a slipped comma is such a row. Without ``reject``, this row also gets a
# diagnosis.

slip = new.iloc[[0]].assign(**{"mean texture": new["mean texture"].iloc[0] * 10})
for reject in (0.01, None):
    answer = classifier.set_params(reject=reject).predict(slip)[0]
    print(f"reject={reject}: {answer or 'unknown'}, p-value {classifier.p_values(slip)[0]:.4f}")

# %%
# This page is an example of a method. Do not use the map for medical decisions.
#
# The picture
# -----------

figure, (ax, bars) = plt.subplots(
    1, 2, figsize=(9.5, 5.4), width_ratios=(1.35, 1), layout="constrained"
)
malignant = list(classifier.classes_).index("malignant")
display = plots.values(
    classifier, classifier.shares_[:, malignant], limits=(0, 1), colormap="RdBu_r", ax=ax
)
legend = {"orientation": "horizontal", "shrink": 0.7, "label": "share of malignant tumors"}
figure.colorbar(display.drawn_["cells"], ax=ax, **legend)
map_ = classifier.map_
unit = map_.winners(new.iloc[[doubtful]])[0]
ax.plot(*map_.lattice.positions[unit], "*", markersize=20, color="gold", markeredgecolor="black")
ax.set_title("Tumors on the map")
parts = classifier.contributions(new.iloc[[doubtful]])[0]
shown = np.argsort(parts)[[0, 1, 2, -5, -4, -3, -2, -1]]
colors = np.where(parts[shown] > 0, "tab:red", "tab:blue")
bars.barh(new.columns[shown], parts[shown], color=colors)
bars.axvline(0, color="black", linewidth=0.8)
bars.set_title(f"For and against malignant; {sure[doubtful]:.0%} sure")
plt.show()
