"""The scikit-learn interface: validate, encode, train, keep the map."""

from somscape.estimators._classifier import SOMClassifier
from somscape.estimators._detector import SOMDetector
from somscape.estimators._imputer import SOMImputer
from somscape.estimators._regions import SOMRegions
from somscape.estimators._regressor import SOMRegressor
from somscape.estimators._som import SOM
from somscape.estimators._table_encoder import TableEncoder

__all__ = [
    "SOM",
    "SOMClassifier",
    "SOMDetector",
    "SOMImputer",
    "SOMRegions",
    "SOMRegressor",
    "TableEncoder",
]
