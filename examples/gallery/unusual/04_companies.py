"""
On the way to bankruptcy
========================

.. image:: /gallery/unusual/images/sphx_glr_04_companies_001.png
    :alt: Paths of five companies over a map, colored by how many companies failed in the next year

Each company moves over the map with one step a year. In red cells, many companies failed within a
year. Some companies move into the red corner, and some companies turn back in time.
"""

# %%
# Generated companies
# -------------------
# K. Kiviluoto (1998), Predicting bankruptcies with the self-organizing map, Neurocomputing 21, drew
# such paths for companies in Finland, like C. Serrano-Cinca (1996), Self organizing neural networks
# for financial diagnosis, Decision Support Systems 17. The companies here are generated. The health
# of a company changes at random, and four ratios of its accounts depend on its health. A company
# with bad health fails more often.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from somscape import SOM, TableEncoder, paths, plots

N_COMPANIES, N_YEARS = 800, 12
rng = np.random.default_rng(2)
records = []
for company in range(N_COMPANIES):
    health, size, trend = rng.normal(0.3, 0.8), rng.normal(), rng.normal(0, 0.12)
    for year in range(2000, 2000 + N_YEARS):
        fails = rng.random() < 1 / (1 + np.exp(3 * (health + 1.7)))
        records.append(
            {
                "company": company,
                "year": year,
                "fails": fails,
                "profit": 0.06 * health + rng.normal(0, 0.01),
                "own capital": 1 / (1 + np.exp(-health)) + rng.normal(0, 0.03),
                "cash": np.exp(0.4 * health + rng.normal(0, 0.12)),
                "growth": 0.05 * size + 0.03 * health + rng.normal(0, 0.01),
            }
        )
        if fails:
            break
        health += trend + rng.normal(0, 0.2)
firms = pd.DataFrame(records)
RATIOS = ["profit", "own capital", "cash", "growth"]
print(f"{len(firms)} years of {N_COMPANIES} companies, {firms['fails'].sum()} of which failed")

# %%
# A map of half of the companies
# ------------------------------
# The map learns only the ratios. Then each unit gets the share of companies in and near the unit
# that failed within a year. How well do these shares rank the other half of the companies?

learns = (firms["company"] % 2 == 0).to_numpy()
som = SOM(10, 14, encoder=TableEncoder(), random_state=0).fit(firms.loc[learns, RATIOS])
fails = firms["fails"].to_numpy()
near = som.map_.lattice.adjacency.toarray() + np.eye(som.map_.n_units)  # a unit and its neighbors
counts = [np.bincount(som.labels_, w, som.map_.n_units) for w in (fails[learns], None)]
share = (near @ counts[0]) / np.maximum(near @ counts[1], 1)
units = som.predict(firms[RATIOS])
print(f"area under the ROC curve: {roc_auc_score(fails[~learns], share[units[~learns]]):.2f}")

# %%
# Which companies enter the dangerous corner?
# -------------------------------------------
# Units in which at least one of six companies failed are dangerous. We use only companies that did
# not train the map.

state = np.where(share >= 1 / 6, "danger", "safe")
asked = firms[~learns]
walked = paths.follow(som, asked[RATIOS], ids=asked["company"], times=asked["year"])
entries = walked.entries("danger", state)
failed = set(asked.loc[asked["fails"], "company"])
entered = {entry.id for entry in entries}
others = set(asked["company"]) - entered
print(f"{len(entered)} companies enter the corner, {len(entered & failed)} of them fail,")
print(f"of the {len(others)} others {len(others & failed)}")
print(entries[0])

# %%
# The picture
# -----------

years = asked.groupby("company")["year"].count()
long = [c for c in years.index if years[c] >= 7]
end = [c for c in long if c in failed and c in entered][:3]
turned = [c for c in long if c in entered and c not in failed][:2]
figure, ax = plt.subplots(figsize=(8.6, 5.8), layout="constrained")
display = plots.paths(walked.take([*end, *turned]), ax=ax)
shades = plots.values(som, share, colormap="Reds", limits=(0, 0.3), ax=ax)
figure.colorbar(shades.drawn_["cells"], ax=ax, label="share that failed within a year", shrink=0.7)
said = [", ".join(map(str, ids)) for ids in (end, turned)]
ax.set_title(f"Companies {said[0]} failed, {said[1]} did not; a step a year")
plt.show()
