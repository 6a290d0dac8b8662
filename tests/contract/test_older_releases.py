"""What a release wrote is read by this one: ``tests/golden`` holds a folder for each."""

import json
import pickle

import joblib
import numpy as np
import pytest
import skops.io
from golden.make import HERE, answers, fitted, rows, table

from somscape import __version__, load
from somscape.errors import InputError

RELEASES = sorted(folder.name for folder in HERE.iterdir() if (folder / "answers.json").is_file())
NAMES = ("som", "detector", "imputer", "encoder")


def trusted(types):
    """All types that skops does not know, if they are ours."""
    assert all(name.startswith("somscape.") for name in types)
    return types


def from_skops(path):
    return skops.io.load(path, trusted=trusted(skops.io.get_untrusted_types(file=path)))


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
    with pytest.raises(InputError, match=r"`partial_fit` cannot go on.*Call `fit` again"):
        detector.partial_fit(table())
    assert detector.fit(table()).partial_fit(table()).map_.hits.sum() == 2 * table().n_rows


@pytest.mark.parametrize("release", RELEASES)
def test_a_saved_detector_of_a_release_still_scores(release):
    expected = json.loads((HERE / release / "answers.json").read_text())["detector"]
    scores = load(HERE / release / "detector.som").scores(table())
    np.testing.assert_allclose(-scores, expected, rtol=1e-9)


@pytest.fixture(scope="module")
def today():
    return fitted()


@pytest.mark.parametrize("ending", ["pkl", "joblib", "skops"])
def test_what_is_written_today_is_read_today(today, tmp_path, ending):
    writers = {
        "pkl": lambda value, path: path.write_bytes(pickle.dumps(value)),
        "joblib": joblib.dump,
        "skops": skops.io.dump,
    }
    for name, estimator in today.items():
        writers[ending](estimator, tmp_path / f"{name}.{ending}")
    read = {name: LOADERS[ending](tmp_path / f"{name}.{ending}") for name in NAMES}
    assert answers(read) == answers(today)
