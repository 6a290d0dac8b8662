"""What is no map or detector yet hears what to do: fit it, or load it."""

from pathlib import Path

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, SOMDetector, SOMImputer, measures, plots, regions, report
from somscape.outliers.detector import as_detector
from somscape.tables import table_from_columns

X = np.arange(12.0).reshape(6, 2)

OF_MAPS = [
    plots.umatrix,
    plots.hits,
    plots.planes,
    plots.regions,
    lambda thing: plots.values(thing, 0),
    lambda thing: plots.majority(thing, X, [0] * 6),
    lambda thing: plots.labels(thing, X, names=range(6)),
    regions.find_regions,
    lambda thing: measures.quantization_error(thing, X),
    lambda thing: report.build(thing, table_from_columns({"x": [1.0, 2.0]})),
]


@pytest.mark.parametrize("use", OF_MAPS)
@pytest.mark.parametrize("estimator", [SOM(), SOMDetector(), SOMImputer()])
def test_an_estimator_that_is_not_fitted_is_called_so(use, estimator):
    with rejected():
        use(estimator)


@pytest.mark.parametrize("use", OF_MAPS)
@pytest.mark.parametrize("name", ["map.som", Path("map.som")])
def test_the_name_of_a_file_must_be_loaded_first(use, name):
    with rejected(TypeError, value="map.som"):
        use(name)


def test_a_detector_must_be_fitted_or_loaded():
    with rejected(value="SOMDetector"):
        as_detector(SOMDetector())
    with rejected(TypeError, value="d.som"):
        as_detector("d.som")
    for som in (SOM(), SOM(1, 2).fit(X)):  # fitted or not, it cannot score rows
        with rejected(TypeError, value="SOM"):
            as_detector(som)


class Clusterer:
    """An estimator of another library, fitted or not, has no map."""

    def fit(self):
        """Do nothing."""


def test_another_thing_is_called_by_its_type():
    with rejected(TypeError, value="Clusterer"):
        plots.umatrix(Clusterer())
