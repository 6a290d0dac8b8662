"""A classifier's file: the same answers after loading, and one line for what does not fit."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Map, SOMClassifier, load
from somscape.errors import MapFileError
from somscape.maps.map import as_map
from somscape.recognize import Recognizer
from somscape.regions import find_regions, keep, kept
from somscape.save import Record, read_record, write_record


def rows_of(n=90):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 3)) + 2 * np.eye(3)[y], y


def fitted(y, **parameters):
    return SOMClassifier(SOM(3, 4, n_init=1), random_state=0, **parameters).fit(rows_of()[0], y)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "c.som"
    fitted(np.array(["pear", "a\nb", "größer"])[rows_of()[1]]).recognizer_.save(path)
    return path


def test_it_is_a_map_for_all_that_takes_one(saved):
    found = load(saved)
    assert as_map(found) is found.map_
    map_ = Map.from_record(read_record(saved))
    np.testing.assert_array_equal(map_.winners(rows_of()[0]), found.map_.winners(rows_of()[0]))
    with_regions = keep(found, find_regions(found.map_, 2, X=rows_of()[0]))
    with_regions.save(saved)
    assert kept(load(saved)).n_regions == 2
    assert load(saved).predict(rows_of()[0]).tolist() == found.predict(rows_of()[0]).tolist()


def test_a_map_without_classes_is_no_recognizer():
    map_ = SOM(3, 4, random_state=0).fit(rows_of()[0]).map_
    with rejected():
        Recognizer.from_record(map_.to_record())


def test_a_release_that_does_not_know_classes_refuses_them(saved, monkeypatch):
    monkeypatch.setattr("somscape.maps.record.OPTIONAL", ("format", "metric"))
    with rejected(MapFileError):
        load(saved)


BAD = [
    ({"names": None}, {}, "either names or values"),
    ({"names": ["a", "b", 3]}, {}, "classes.names must be texts"),
    ({"names": ["b", "a", "c"]}, {}, "each once and in ascending order"),
    ({"names": ["a"]}, {}, "at least two"),
    ({"names": ["a", "b"]}, {}, "`shares` must be an array of 12 x 2"),
    ({}, {"values": np.arange(3)}, "either names or values"),
    ({"names": None}, {"values": np.array([0.0, 1.0, np.nan])}, "`classes` must be an array"),
    ({"power": 0}, {}, "`power` must be"),
    ({"power": "8"}, {}, "`power` must be"),
    ({"prior": -1}, {}, "`prior` must be"),
    ({"n_nearest": 13}, {}, "`n_nearest` must be at most 12"),
    ({"n_nearest": None}, {}, "n_nearest"),
    ({"accuracy": 2}, {}, "`accuracy` must be"),
    ({"most_frequent": 0}, {}, "`most_frequent` must be"),
    ({"leaks": ["x0"]}, {}, "`leaks` must be a dictionary"),
    ({"leaks": {"x0": 1.5}}, {}, "`leaks` must be"),
    ({"reject": 0.9}, {}, "`reject` must be"),
    ({"tints": 1}, {}, "tints"),
    ({"shares": 1}, {}, "has 'shares' twice"),
    ({}, {"shares": np.full((12, 3), 0.5)}, "the sum 1 for each unit"),
    ({}, {"shares": np.full((12, 3), -np.inf)}, "`shares` must be an array of 12 x 3"),
    ({}, {"shares": np.full((11, 3), 1 / 3)}, "`shares` must be an array of 12 x 3"),
    ({}, {"far": np.array([2.0, 1.0])}, "`far` must be in ascending order"),
    ({}, {"far": np.array([1, 2])}, "`far` must be an array of n finite numbers"),
]


@pytest.mark.parametrize(("header", "arrays", "message"), BAD, ids=[bad[2] for bad in BAD])
def test_what_does_not_fit_is_refused_in_one_line(saved, header, arrays, message):
    record = read_record(saved)
    part = {**record.header["classes"], **header}
    part = {name: value for name, value in part.items() if value is not None}
    named = {f"classes.{name}": values for name, values in arrays.items()}
    write_record(saved, Record({**record.header, "classes": part}, record.arrays | named))
    check_refused(saved, message)


def check_refused(path, message):
    with pytest.raises(MapFileError) as caught:
        load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [[], 3, "a", True])
def test_classes_that_are_no_object_are_refused(saved, value):
    record = read_record(saved)
    write_record(saved, Record({**record.header, "classes": value}, record.arrays))
    check_refused(
        saved, "The parts of the classifier do not fit together (classes must be an object"
    )


def test_arrays_of_classes_without_classes_are_refused(saved):
    record = read_record(saved)
    write_record(saved, Record({**record.header, "classes": None}, record.arrays))
    check_refused(saved, "does not have an entry for array 'classes.centers'")


def test_a_detector_with_classes_is_refused(saved):
    record = read_record(saved)
    write_record(
        saved, Record({**record.header, "detector": {"score": "k_prototype"}}, record.arrays)
    )
    check_refused(saved, "both 'detector' and 'classes'")
