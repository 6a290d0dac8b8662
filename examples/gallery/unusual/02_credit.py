"""
Unusual applications for credit
===============================

.. image:: /gallery/unusual/images/sphx_glr_02_credit_001.png
    :alt: A map of applications with the cells of the list outlined, and the same map with the share
        of bad risks

A thousand people applied for credit. The outlined cells contain the most unusual applications.
These cells are dark, so their prototypes are far from the neighbors. The right map shows the share
of people who did not pay, which is another question.
"""

# %%
# The table
# ---------
# The table comes with somscape. H. Hofmann, Statlog (German Credit Data), UCI Machine Learning
# Repository, https://doi.org/10.24432/C5NC77, licensed under CC BY 4.0. Thirteen of the twenty
# columns are categories, and a dictionary turns their codes into words. The detector does not learn
# from the outcome.

import matplotlib.pyplot as plt
import numpy as np

from somscape import SOMDetector, TableEncoder, datasets, plots

table = datasets.load_german_credit()
encoder = TableEncoder(label="class", dictionary=datasets.load_german_credit_words())
detector = SOMDetector(encoder=encoder, random_state=0).fit(table)

# %%
# A list with reasons
# -------------------

alerts = detector.alerts(table, 12)
for rank, reasons in enumerate(alerts.reasons[:6]):
    shown = "; ".join(str(reason) for reason in reasons[:2])
    print(f"{rank + 1}. row {alerts.rows[rank]}: {shown}")

# %%
# Are unusual applications bad risks?
# -----------------------------------
# Seven of ten people paid their credit back. A rare application is not always a risky application.
# The shares show how much both have in common. To predict the risk, use a classifier.

is_bad = table.column("class").numbers == 2
for n in (20, 50, 100, table.n_rows):
    print(f"of the {n:4} most unusual, {is_bad[alerts.rows[:n]].mean():.0%} were bad risks")

# %%
# The picture
# -----------

units = np.zeros(table.n_rows, dtype=int)
units[alerts.rows] = alerts.units
hits = np.bincount(units, minlength=detector.map_.n_units)
share = np.bincount(units, is_bad, len(hits)) / np.where(hits == 0, np.nan, hits)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
plots.umatrix(detector, highlight=alerts, ax=left)
left.set_title("U-matrix, with the cells of the list")
display = plots.values(
    detector, share, colormap="RdYlBu_r", limits=(0, 1), highlight=alerts, ax=right
)
figure.colorbar(display.drawn_["cells"], ax=right, label="share of bad risks", shrink=0.7)
right.set_title("Who did not pay")
plt.show()
