"""
Thyroid: healthy, too much, too little
======================================

.. image:: /gallery/recognize/images/sphx_glr_06_thyroid_001.png
    :alt: Patients with a wrong prediction on a map; all patients by two of their tests

The three states of the thyroid gland have an area each on the map. Mistakes occur at the borders
between the areas. A patient with contradictory tests is unlike all other patients, so this patient
does not get a class.
"""

# %%
# The patients
# ------------
# The table contains five laboratory tests of 215 patients, and the diagnosis of a doctor: *Thyroid
# Disease (new-thyroid)*, given by Danny Coomans, UCI Machine Learning Repository,
# https://doi.org/10.24432/C5D010, licensed under CC BY 4.0; changed: a line of column names, and
# words for the states. D. Coomans and others (1983), Comparison of multivariate discriminant
# techniques for clinical data: application to the thyroid functional state, Methods of Information
# in Medicine 22, compared sixteen methods on these patients, and most methods did well. This page
# compares the map with linear discriminant analysis, a well-known method.

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold

from somscape import SOMClassifier, TableEncoder, plots
from somscape.tables import read_table, table_from_columns

here = Path(globals().get("__file__", "06_thyroid.py")).parent
table = read_table(here / "new_thyroid.csv")
states = table.column("state").cells
STATES = ("normal", "hyper", "hypo")
print(table.n_rows, "patients:", {state: int((states == state).sum()) for state in STATES})

# %%
# Three states
# ------------
# For each fifth of the patients, a map of the other patients predicts the state.

encoder = TableEncoder(label="state")
tests = [name for name in table.names if name != "state"]
numbers = np.column_stack([table.column(name).numbers for name in tests])
named, linear = np.empty((2, len(states)), dtype=object)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
for learn, ask in folds.split(np.zeros(len(states)), states.astype(str)):
    fold = SOMClassifier(encoder=encoder, random_state=0).fit(table.take(learn), states[learn])
    named[ask] = fold.predict(table.take(ask))
    plane = LinearDiscriminantAnalysis().fit(numbers[learn], states[learn].astype(str))
    linear[ask] = plane.predict(numbers[ask])
for state in STATES:
    is_state = states == state
    n_right, n_linear = (np.sum(answers[is_state] == state) for answers in (named, linear))
    print(f"{state:6}: {n_right} of {is_state.sum()} named rightly, linearly {n_linear}")

# %%
# Reasons, and an impossible patient
# ----------------------------------
# Here are the least certain prediction, its reasons, and the changes that would give another
# prediction.

classifier = SOMClassifier(encoder=encoder, reject=0.02, random_state=0).fit(table, states)
doubtful = [int(classifier.predict_proba(table).max(axis=1).argmin())]
print(classifier.reasons(table.take(doubtful))[0].sentence())
print("It", classifier.counterfactuals(table.take(doubtful))[0])

# %%
# The next patient has the hormones of an overactive gland and the signals of an underactive gland.
# Perhaps two samples were exchanged. With ``reject=0.02``, a row that is farther from the map than
# 98 % of usual rows does not get a class. Without ``reject``, the prediction would be "normal".

hyper, hypo = (np.flatnonzero(states == state)[0] for state in ("hyper", "hypo"))
mixed = table_from_columns(
    {n: table.column(n).numbers[[hypo if n.startswith("tsh") else hyper]] for n in tests}
)
print({name: mixed.column(name).cell(0) for name in tests})
print("p-value", classifier.p_values(mixed).round(4), "named", classifier.predict(mixed))
print("without reject:", classifier.set_params(reject=None).predict(mixed))

# %%
# The picture
# -----------

figure, (ax, plane) = plt.subplots(
    2, 1, figsize=(8.2, 6.6), height_ratios=(1.1, 1), layout="constrained"
)
wrong = np.flatnonzero(classifier.predict(table) != states)
plots.hits(classifier, table.take(wrong), states[wrong], ax=ax, title="Wrong predictions")
colors = {"normal": "tab:green", "hyper": "tab:blue", "hypo": "tab:orange"}
for state in STATES:
    x, y = (table.column(name).numbers[states == state] for name in ("thyroxin", "tsh_rise"))
    plane.plot(x, y, ".", color=colors[state], label=state)
x, y = (mixed.column(name).numbers for name in ("thyroxin", "tsh_rise"))
plane.plot(x, y, "*", markersize=16, color="black", label="mixed up")
plane.set(xlabel="thyroxin", ylabel="rise of TSH", title="Two of the tests")
plane.legend()
plt.show()
