"""
A diagnosis, with reasons
=========================

.. image:: /gallery/images/sphx_glr_04_diagnosis_001.png
    :alt: A map of tumors, benign on one side and malignant on the other, and the reasons for one
        answer

Tumors whose cells look alike lie side by side: malignant ones on one side of the map, benign ones
on the other, and doubtful ones between them. The bars say which measurements speak for "malignant"
and against it for one of these, the star on the map.
"""

# %%
# The rows
# --------
# scikit-learn brings the Wisconsin diagnostic data: 30 measurements of cell nuclei of 569 tumors,
# of which 357 are benign. Reasons should be easy to check, so the map sees the diagnoses while it
# trains (``layer_weight``) and is not sharpened afterwards: sharpening turns the axes, and each
# measurement would speak together with the others. On this set it would name half a point more
# rightly.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from somscape import SOM, SOMClassifier, plots

cancer = load_breast_cancer(as_frame=True)
tumors, diagnoses = cancer.data, np.array(["malignant", "benign"])[cancer.target]
known, new, y_known, y_new = train_test_split(
    tumors, diagnoses, test_size=0.4, stratify=diagnoses, random_state=1
)
scaler = StandardScaler().set_output(transform="pandas").fit(known)
readable = {"som": SOM(7, 10), "layer_weight": 0.5, "sharpen": False, "random_state": 0}
classifier = SOMClassifier(**readable, reject=0.01).fit(scaler.transform(known), y_known)
found = classifier.predict(scaler.transform(new))
for answer in ("benign", "malignant", None):
    is_answer = found == answer
    n_ill = (y_new[is_answer] == "malignant").sum()
    print(f"{answer or 'unknown':9}: {is_answer.sum():3} tumors, {n_ill:2} of them malignant")

# %%
# Reasons
# -------
# A tumor gets the answer of the units that lie nearest. What speaks for it is how much farther the
# nearest unit of the other diagnosis is. A squared distance is a sum over the measurements, so
# each one has its exact part of the difference. Here are those of the least sure answer
# "malignant".

map_ = classifier.map_
of_unit = classifier.classes_[classifier.shares_.argmax(axis=1)]


def parts(row, answer):
    """Return by how much each measurement makes units of an answer the nearer ones."""
    of_measure = (row - map_.codebook) ** 2
    distance = of_measure.sum(axis=1)
    near = np.where(of_unit == answer, distance, np.inf).argmin()
    far = np.where(of_unit != answer, distance, np.inf).argmin()
    return of_measure[far] - of_measure[near]


rows = scaler.transform(new).to_numpy()
sure = classifier.predict_proba(scaler.transform(new)).max(axis=1)
doubtful = int(np.where(found == "malignant", sure, 9).argmin())
speaks = parts(rows[doubtful], "malignant")
order = np.argsort(-speaks)[[0, 1, 2, 3, 4, -3, -2, -1]]
print(f"malignant, {sure[doubtful]:.0%} sure; it is {y_new[doubtful]}")
benign = known[y_known == "benign"]
for column in order:
    name, value = new.columns[column], new.iloc[doubtful, column]
    low, high = benign[name].quantile([0.05, 0.95])
    way = "for" if speaks[column] > 0 else "against"
    print(f"  {way:7} it: {name} {value:.4g}; 90 % of the benign ones {low:.4g} to {high:.4g}")

# %%
# Unknown
# -------
# With ``reject=0.01``, a row that lies further from the map than 99 % of ordinary rows gets no
# diagnosis. A slip of the comma is such a row; without ``reject`` it gets a diagnosis, too.

slip = new.iloc[[0]].assign(**{"mean texture": new["mean texture"].iloc[0] * 10})
without = SOMClassifier(**readable).fit(scaler.transform(known), y_known)
for name, model in (("with reject", classifier), ("without", without)):
    answer = model.predict(scaler.transform(slip))[0]
    print(f"{name}: {answer or 'unknown'}, p-value {model.p_values(scaler.transform(slip))[0]:.4f}")

# %%
# This is an example of a method, not a medical device: whom to treat is not decided by 341 rows.
#
# The picture
# -----------

figure, (ax, bars) = plt.subplots(
    1, 2, figsize=(9.5, 4.2), width_ratios=(1, 1.1), layout="constrained"
)
malignant = list(classifier.classes_).index("malignant")
display = plots.values(
    classifier, classifier.shares_[:, malignant], limits=(0, 1), colormap="RdBu_r", ax=ax
)
figure.colorbar(display.drawn_["cells"], ax=ax, label="share of malignant tumors", shrink=0.7)
unit = map_.winners(rows[[doubtful]])[0]
ax.plot(*map_.lattice.positions[unit], "*", markersize=20, color="gold", markeredgecolor="black")
ax.set_title("Tumors on the map")
shown = order[::-1]
colors = np.where(speaks[shown] > 0, "tab:red", "tab:blue")
bars.barh(new.columns[shown], speaks[shown], color=colors)
bars.axvline(0, color="black", linewidth=0.8)
bars.set_title(f"For and against malignant; {sure[doubtful]:.0%} sure")
plt.show()
