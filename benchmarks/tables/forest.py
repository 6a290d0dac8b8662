"""What one would write without somscape: Polars and scikit-learn's isolation forest.

python benchmarks/tables/forest.py TABLE ROWS LIST
"""

import sys

import numpy as np
import polars
from sklearn.ensemble import IsolationForest

path, n_listed, out = sys.argv[1:]
read = polars.read_parquet if path.endswith(".parquet") else polars.read_csv
table = read(path)
rows = table.to_numpy()
scores = IsolationForest(n_jobs=2, random_state=0).fit(rows).score_samples(rows)
first = np.argsort(scores)[: int(n_listed)]
table[first].with_columns(score=polars.Series(-scores[first])).write_csv(out)
