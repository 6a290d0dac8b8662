"""What a release wrote is read by this one: ``tests/golden`` holds a folder for each."""

import json
import pickle

import joblib
import naive
import numpy as np
import pytest
from golden.make import HERE, answers, fitted, rows, table

from somscape import SOM, Graph, __version__, load
from somscape.callbacks import TimeLimit
from somscape.errors import InputError, SomscapeWarning

RELEASES = sorted(folder.name for folder in HERE.iterdir() if (folder / "answers.json").is_file())
NAMES = ("som", "detector", "imputer", "encoder")


def trusted(types):
    """All types that skops does not know, if they are ours."""
    assert all(name.startswith("somscape.") for name in types)
    return types


def from_skops(path):
    import skops.io  # takes seconds, in each worker

    return skops.io.load(path, trusted=trusted(skops.io.get_untrusted_types(file=path)))


def to_skops(estimator, path):
    import skops.io

    skops.io.dump(estimator, path)


LOADERS = {
    "pkl": lambda path: pickle.loads(path.read_bytes()),
    "joblib": joblib.load,
    "skops": from_skops,
}


def check(found, expected):
    assert found.keys() == set(NAMES)
    assert found["som"] == expected["som"]
    for name in ("detector", "imputer", "encoder"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)


def test_the_first_release_and_this_one_are_kept():
    assert {"0.1.0", __version__} <= set(RELEASES)


@pytest.mark.parametrize("ending", LOADERS)
@pytest.mark.parametrize("release", RELEASES)
def test_estimators_of_a_release_still_answer(release, ending):
    folder = HERE / release
    estimators = {name: LOADERS[ending](folder / f"{name}.{ending}") for name in NAMES}
    check(answers(estimators), json.loads((folder / "answers.json").read_text()))
    detector = estimators["detector"]
    assert repr(detector).startswith("SOMDetector(")
    assert detector.map_.unit_labels == ()
    assert detector.contributions(table()).shape == (40, 4)
    assert estimators["encoder"].inverse_transform(estimators["encoder"].transform(table())).n_rows
    again = estimators["som"].partial_fit(np.nan_to_num(rows()))
    assert again.map_.n_units == 12


@pytest.mark.parametrize("ending", LOADERS)
def test_a_detector_of_the_first_release_says_that_it_cannot_go_on(ending):
    detector = LOADERS[ending](HERE / "0.1.0" / f"detector.{ending}")
    with pytest.raises(InputError, match=r"`partial_fit` cannot update.*Call `fit` again"):
        detector.partial_fit(table())
    assert detector.fit(table()).partial_fit(table()).map_.hits.sum() == 2 * table().n_rows


@pytest.mark.parametrize("release", RELEASES)
def test_a_saved_detector_of_a_release_still_scores(release):
    expected = json.loads((HERE / release / "answers.json").read_text())["detector"]
    scores = load(HERE / release / "detector.som").scores(table())
    np.testing.assert_allclose(-scores, expected, rtol=1e-9)


@pytest.mark.parametrize("ending", [*LOADERS, "som"])
@pytest.mark.parametrize("release", RELEASES)
def test_p_values_of_a_detector_of_a_release_stay_what_they_were(release, ending):
    found = LOADERS.get(ending, load)(HERE / release / f"detector.{ending}")
    detector = found if ending == "som" else found.detector_
    assert not detector.calibration.by_bulk  # which was not asked before; it keeps the count
    scores = detector.scores(table())
    expected = naive.conformal_p(scores, detector.calibration.scores)
    np.testing.assert_allclose(found.p_values(table()), expected, rtol=1e-12)
    alerts = detector.alerts(table())
    assert alerts.n_alerts == max(10, alerts.n_stand_out)
    above = detector.alerts(table(), above_threshold=True)
    assert above.n_alerts == (scores > detector.threshold).sum()


OLD_DEFAULTS = {
    **{"detail": "balanced", "winner": "nearest", "order": "random"},
    **{"rate_start": 0.5, "rate_end": 0.05, "rate_decay": "geometric"},
    **{"max_time": None, "half_life": None},
}


def of_an_old_state(**changes):
    """A SOM from the state that a release pickled which had these parameters."""
    state = SOM().__getstate__()
    del state["learning_rate"]
    som = SOM.__new__(SOM)
    som.__setstate__(state | OLD_DEFAULTS | changes)
    assert set(vars(som)) == set(vars(SOM()))
    return som


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ({}, {}),
        ({"detail": "smooth"}, {"radius_end": 1.0}),
        ({"detail": "sharp"}, {"radius_end": 0.5}),
        ({"detail": "sharp", "radius_end": 0.9}, {"radius_end": 0.9}),
        ({"detail": "smooth", "radius_start": 0.8}, {"radius_start": 0.8, "radius_end": 0.8}),
        ({"rate_start": 0.9, "rate_end": 0.1}, {"learning_rate": (0.9, 0.1)}),
        ({"rate_start": 0.3, "rate_decay": "constant"}, {"learning_rate": 0.3}),
        ({"max_time": 60.0}, {"callbacks": (TimeLimit(60.0),)}),
    ],
)
def test_what_older_parameters_said_is_said_by_those_of_today(old, expected):
    som = of_an_old_state(**old)
    assert som.get_params() == SOM(**expected).get_params()


def test_the_detail_of_a_graph_is_in_the_unit_of_its_edges():
    ring = Graph(10.0 * (np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)))
    assert of_an_old_state(detail="sharp", lattice=ring).radius_end == 5.0


@pytest.mark.parametrize(
    "old",
    [
        {"winner": "heskes"},
        {"algorithm": "minibatch"},
        {"order": [2, 1, 0]},
        {"half_life": 300},
        {"rate_decay": "linear"},
        {"rate_decay": np.array([0.5, 0.2])},
    ],
)
def test_what_no_parameter_of_today_says_is_named(old):
    ((name, _),) = old.items()
    with pytest.warns(SomscapeWarning, match=f"was saved with {name}=.*no longer supports"):
        som = of_an_old_state(**old)
    assert som.get_params() == SOM().get_params()
    som.fit(np.nan_to_num(rows()))


@pytest.fixture(scope="module")
def today():
    return fitted()


@pytest.mark.parametrize("ending", ["pkl", "joblib", "skops"])
def test_what_is_written_today_is_read_today(today, tmp_path, ending):
    writers = {
        "pkl": lambda value, path: path.write_bytes(pickle.dumps(value)),
        "joblib": joblib.dump,
        "skops": to_skops,
    }
    for name, estimator in today.items():
        writers[ending](estimator, tmp_path / f"{name}.{ending}")
    read = {name: LOADERS[ending](tmp_path / f"{name}.{ending}") for name in NAMES}
    assert answers(read) == answers(today)


@pytest.mark.parametrize("release", RELEASES)
def test_an_imputer_of_a_release_has_deviations_under_todays_name(release):
    imputer = pickle.loads((HERE / release / "imputer.pkl").read_bytes())
    assert imputer.deviation_.shape == imputer.map_.codebook.shape
    assert not hasattr(imputer, "spread_")
