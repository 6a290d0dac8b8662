"""What a release wrote is read by this one: ``tests/golden`` holds a folder for each."""

import json

import naive
import numpy as np
import pytest
from golden.make import HERE, table

from somscape import __version__, load

RELEASES = sorted(folder.name for folder in HERE.iterdir() if (folder / "answers.json").is_file())


def answers_of(release):
    return json.loads((HERE / release / "answers.json").read_text())


def test_the_first_release_and_this_one_are_kept():
    assert {"0.1.0", __version__} <= set(RELEASES)


@pytest.mark.parametrize("release", RELEASES)
def test_a_saved_detector_of_a_release_still_answers(release):
    detector, expected = load(HERE / release / "detector.som"), answers_of(release)
    rows = detector.map_.rows_of(table())
    np.testing.assert_allclose(rows, expected["encoder"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(-detector.scores(table()), expected["detector"], rtol=1e-9)
    assert detector.map_.unit_labels == ()
    assert detector.contributions(table()).shape == (40, 4)


@pytest.mark.parametrize("release", RELEASES)
def test_p_values_of_a_detector_of_a_release_stay_what_they_were(release):
    detector = load(HERE / release / "detector.som")
    assert not detector.calibration.by_bulk  # which was not asked before; it keeps the count
    scores = detector.scores(table())
    expected = naive.conformal_p(scores, detector.calibration.scores)
    np.testing.assert_allclose(detector.p_values(table()), expected, rtol=1e-12)
    alerts = detector.alerts(table())
    assert alerts.n_alerts == max(10, alerts.n_stand_out)
    above = detector.alerts(table(), above_threshold=True)
    assert above.n_alerts == (scores > detector.threshold).sum()
