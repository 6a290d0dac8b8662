"""What is no map or detector yet hears what to do: fit it, or load it."""

from pathlib import Path

import numpy as np
import pytest

from somscape import SOM, SOMDetector, SOMImputer, measures, plots, regions, report
from somscape.errors import InputError
from somscape.outliers import DriftMonitor
from somscape.outliers.detector import as_detector
from somscape.save.lines import record_of
from somscape.tables import table_from_columns

X = np.arange(12.0).reshape(6, 2)

OF_MAPS = [
    plots.umatrix,
    plots.hits,
    plots.planes,
    plots.regions,
    plots.training,
    plots.profiles,
    plots.correlations,
    plots.spanning_tree,
    plots.net,
    lambda thing: plots.values(thing, 0),
    lambda thing: plots.majority(thing, X, [0] * 6),
    lambda thing: plots.labels(thing, X, names=range(6)),
    lambda thing: plots.images(thing, (1, 2)),
    lambda thing: plots.response(thing, X[0]),
    lambda thing: plots.quality(thing, X),
    regions.find_regions,
    lambda thing: measures.quantization_error(thing, X),
    lambda thing: report.build(thing, table_from_columns({"x": [1.0, 2.0]})),
    record_of,
]


@pytest.mark.parametrize("use", OF_MAPS)
@pytest.mark.parametrize("estimator", [SOM(), SOMDetector(), SOMImputer()])
def test_an_estimator_that_is_not_fitted_is_called_so(use, estimator):
    name = type(estimator).__name__
    with pytest.raises(InputError, match=rf"^this {name} is not fitted; call `fit` first\.$"):
        use(estimator)


@pytest.mark.parametrize("use", OF_MAPS)
@pytest.mark.parametrize("name", ["map.som", Path("map.som")])
def test_the_name_of_a_file_must_be_loaded_first(use, name):
    message = r"^a Map is needed; .*Load it first: somscape\.load\('map\.som'\)\.$"
    with pytest.raises(TypeError, match=message):
        use(name)


@pytest.mark.parametrize("use", [as_detector, DriftMonitor])
def test_a_detector_must_be_fitted_or_loaded(use):
    with pytest.raises(InputError, match=r"^this SOMDetector is not fitted; call `fit` first\.$"):
        use(SOMDetector())
    with pytest.raises(TypeError, match=r"^a Detector is needed; .*somscape\.load\('d\.som'\)\.$"):
        use("d.som")
    for som in (SOM(), SOM(1, 2).fit(X)):  # fitted or not, it cannot score rows
        with pytest.raises(TypeError, match=r"^a Detector is needed, such as .*; got SOM\.$"):
            use(som)


class Clusterer:
    """An estimator of another library, fitted or not, has no map."""

    def fit(self):
        """Do nothing."""


def test_another_thing_is_called_by_its_type():
    with pytest.raises(TypeError, match=r"^a Map is needed, such as `som\.map_`; got Clusterer\.$"):
        plots.umatrix(Clusterer())
