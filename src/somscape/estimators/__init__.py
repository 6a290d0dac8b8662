"""Estimators for scikit-learn that check data, encode data and train maps."""

from somscape.estimators.detector import SOMDetector
from somscape.estimators.imputer import SOMImputer
from somscape.estimators.learners import SOMClassifier, SOMRegressor
from somscape.estimators.som import SOM, SOMClusterer
from somscape.estimators.table_encoder import TableEncoder

__all__ = [
    "SOM", "SOMClassifier", "SOMClusterer", "SOMDetector", "SOMImputer", "SOMRegressor",
    "TableEncoder",
]  # fmt: skip
