"""Weights count rows in sizes, p-values and the range of a problem."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Lattice, Map
from somscape.errors import SomscapeWarning
from somscape.fit import partial, prepare
from somscape.kernels._select import select_kernels
from somscape.outliers import Calibration, Detector, Scorer
from somscape.tables import Encoding, table_from_columns


def detector_with(calibration, weights=None):
    map_ = Map(np.zeros((1, 1)), Lattice(1, 1), Encoding.plain(["x"]), np.ones(1))
    whole = Scorer(map_, "k_prototype", 1)
    return Detector(whole, 0.5, Calibration(np.array(calibration), weights))


def test_a_calibration_row_of_weight_2_counts_as_two_rows():
    weighted = detector_with([1.0, 2.0, 3.0], np.array([1.0, 2.0, 1.0]))
    repeated = detector_with([1.0, 2.0, 2.0, 3.0])
    scores = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0])
    np.testing.assert_array_equal(
        weighted.calibration.p_values(scores), repeated.calibration.p_values(scores)
    )
    # By hand, for 2.5: one row of weight 1 lies above, so (1 + 1) / (4 + 1).
    assert weighted.calibration.p_values(scores)[4] == 2 / 5


@pytest.mark.parametrize(
    "weights", [np.array([1.0]), np.array([1.0, 0.0]), np.array([1.0, np.nan])]
)
def test_calibration_weights_that_cannot_be_are_refused(weights):
    with rejected(ValueError, parameter="weights"):
        detector_with([1.0, 2.0], weights)


def test_weights_that_add_up_to_little_are_warned_of_when_they_choose_the_size():
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.warns(SomscapeWarning, match="adds up to 1 for 60 rows"):
        SOM().fit(X, sample_weight=np.full(60, 1 / 60))


def test_rows_beyond_the_range_of_a_problem_are_refused():
    rows = np.random.default_rng(0).normal(size=(30, 2))
    problem = prepare(rows, kernels=select_kernels("numpy")).on(Lattice(1, 2))
    inside = partial(problem, rows[:5].copy(), codebook=rows[:2])
    assert inside.counts.sum() == 5 * problem.weight_scale
    with rejected(ValueError, parameter="rows"):
        partial(problem, rows * [1.0, 1e6], codebook=rows[:2])


def test_fewer_than_no_alerts_are_refused():
    with rejected(ValueError, parameter="n_alerts", value=-3):
        detector_with([1.0]).alerts(table_from_columns({"x": [1.5, 2.5]}), -3)
