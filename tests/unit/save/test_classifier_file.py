"""A classifier's file: the same answers after loading, and one line for what does not fit."""

from dataclasses import replace

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Map, SOMClassifier, TableEncoder, load
from somscape.errors import MapFileError
from somscape.maps.map import as_map
from somscape.recognize import Recognizer
from somscape.regions import find_regions, keep, kept
from somscape.save import Record, read_record, write_record
from somscape.tables import table_from_columns


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


@pytest.mark.parametrize(
    "names",
    [
        np.array(["pear", "a\nb", ""]),
        np.array([-1, 0, 7], dtype=np.int32),
        np.array([-1.0, 0.0, 7.0], dtype=np.float32),
        np.array([False, True, True]),
    ],
    ids=lambda names: names.dtype.name,
)
@pytest.mark.parametrize("reject", [None, 0.1])
def test_a_loaded_classifier_answers_the_same_bit_for_bit(tmp_path, names, reject):
    before = fitted(names[rows_of()[1]], reject=reject)
    replace(before.recognizer_, reject=before.reject).save(tmp_path / "c.som")
    after = load(tmp_path / "c.som")
    assert isinstance(after, Recognizer)
    X = np.vstack([rows_of(200)[0], np.full((1, 3), 40.0)])
    found, expected = after.predict(X), before.predict(X)
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()
    assert (found[-1] is None) == (reject is not None)
    np.testing.assert_array_equal(after.probabilities(X), before.predict_proba(X))
    np.testing.assert_array_equal(after.p_values(X), before.p_values(X))
    assert after.classes.dtype == before.classes_.dtype
    assert after.accuracy == before.recognizer_.accuracy > 0.5
    after.save(tmp_path / "again.som")
    assert (tmp_path / "again.som").read_bytes() == (tmp_path / "c.som").read_bytes()


def test_a_table_is_encoded_as_it_was(tmp_path):
    kinds = np.array(["a", "b"])[np.random.default_rng(0).integers(0, 2, 80)]
    table = table_from_columns({"kind": kinds.tolist(), "size": np.arange(80.0).tolist()}, "t")
    before = SOMClassifier(SOM(n_init=1), encoder=TableEncoder(), random_state=0).fit(table, kinds)
    replace(before.recognizer_, reject=before.reject).save(tmp_path / "c.som")
    after = load(tmp_path / "c.som")
    np.testing.assert_array_equal(after.probabilities(table), before.predict_proba(table))


def test_it_is_a_map_for_all_that_takes_one(saved):
    found = load(saved)
    assert as_map(found) is found.map_
    map_ = Map.from_record(read_record(saved))
    np.testing.assert_array_equal(map_.winners(rows_of()[0]), found.map_.winners(rows_of()[0]))
    with_regions = keep(found, find_regions(found.map_, 2, X=rows_of()[0]))
    with_regions.save(saved)
    assert kept(load(saved)).n_regions == 2
    assert load(saved).predict(rows_of()[0]).tolist() == found.predict(rows_of()[0]).tolist()


def test_a_classifier_keeps_regions():
    classifier = fitted(rows_of()[1])
    found = keep(classifier, find_regions(classifier.map_, 2, X=rows_of()[0]))
    assert kept(found).n_regions == 2
    assert kept(classifier) is None


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


def test_a_file_cut_short_is_refused(saved):
    content = saved.read_bytes()
    for n in (5, 300, len(content) - 7):
        saved.write_bytes(content[:n])
        check_refused(saved, "truncated")
