"""Regions that a map keeps, in a file with it or in one of their own."""

import json
import pickle

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from texts import rejected

from somscape import SOM, Map, SOMClusterer, SOMDetector, load, plots, regions
from somscape.errors import InputError, SomscapeWarning
from somscape.regions.edit import given_or_found

X = np.random.default_rng(0).normal(size=(300, 3)) + np.repeat([[0], [9]], 150, axis=0)


@pytest.fixture(scope="module")
def som():
    return SOM(random_state=0).fit(X)


@pytest.fixture(scope="module")
def edited(som):
    found = regions.split(regions.find_regions(som), 0)
    return regions.recolor(regions.rename(found, {0: "usual"}), {"usual": "#AA3300"})


def same(one, other):
    np.testing.assert_array_equal(one.labels, other.labels)
    return (one.names, one.colors) == (other.names, other.colors)


@pytest.mark.parametrize("what", ["map", "estimator", "detector", "estimator of a detector"])
def test_what_keeps_regions_saves_them(what, som, edited, tmp_path):
    outliers = SOMDetector(random_state=0).fit(X)
    thing = {
        "map": som.map_,
        "estimator": som,
        "detector": outliers.detector_,
        "estimator of a detector": outliers,
    }[what]
    found = edited if what in ("map", "estimator") else regions.find_regions(thing, 4)
    keeps = regions.keep(thing, found)
    assert type(keeps) is type(thing)
    assert regions.kept(thing) is None
    assert same(regions.kept(keeps), found)
    assert same(regions.kept(pickle.loads(pickle.dumps(keeps))), found)
    keeps.save(tmp_path / "a.som")
    loaded = load(tmp_path / "a.som")
    assert same(regions.kept(loaded), found)
    np.testing.assert_array_equal(regions.kept(loaded).of(X), found.of(X))
    if what.endswith("detector"):
        np.testing.assert_array_equal(
            keeps.detector_.scores(X) if what != "detector" else keeps.scores(X),
            outliers.detector_.scores(X),
        )


def test_pictures_show_kept_regions_and_find_regions_finds_anew(som, edited):
    keeps = regions.keep(som, edited)
    assert same(plots.regions(keeps).drawn_["regions"], edited)
    assert regions.find_regions(keeps).names == ()
    assert regions.find_regions(keeps).n_regions == 2 != edited.n_regions
    assert given_or_found(None, som.map_).n_regions == 2


def test_training_anew_forgets_and_going_on_does_not(som, edited):
    keeps = regions.keep(som, edited)
    assert same(regions.kept(keeps.partial_fit(X[:20])), edited)
    assert regions.kept(keeps.fit(X)) is None


def test_a_file_of_regions_comes_back(som, edited, tmp_path):
    edited.save(tmp_path / "regions.json")
    assert same(regions.read(tmp_path / "regions.json", som), edited)
    assert same(regions.from_json(json.loads(json.dumps(edited.to_json())), som.map_), edited)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "report"},
        {"schema_version": 2},
        {"labels": None},
        {"labels": []},
        {"labels": [0.5] * 4},
        {"labels": [True, False]},
        {"labels": [0, 2]},
        {"labels": [0, 1], "names": [], "colors": []},
        {"names": ["a"]},
        {"names": ["a", "b", 3]},
        {"names": ["a", "a", ""]},
        {"names": ["a\nb", "", ""]},
        {"names": ["a" * 81, "", ""]},
        {"names": [" a", "", ""]},
        {"colors": ["red", "", ""]},
    ],
)
def test_what_is_no_file_of_regions_is_said(som, edited, tmp_path, change):
    path = tmp_path / "regions.json"
    path.write_text(json.dumps(edited.to_json() | change))
    with rejected() as raised:
        regions.read(path, som)
    assert str(raised.value).startswith(str(path))


def test_regions_of_another_map_of_as_many_units_are_taken_with_a_warning(som, edited, tmp_path):
    edited.save(tmp_path / "regions.json")
    other = SOM(init=som, random_state=0).fit(X + 1)
    with pytest.warns(SomscapeWarning, match="found on another map"):
        found = regions.read(tmp_path / "regions.json", other)
    assert same(found, edited)
    without = {name: part for name, part in edited.to_json().items() if name != "map"}
    assert same(regions.from_json(without, other), edited)  # a file that does not say


def test_a_file_that_is_damaged_or_not_there(som, tmp_path):
    (tmp_path / "a.json").write_bytes(b"[" * 100_000)
    with rejected():
        regions.read(tmp_path / "a.json", som)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\xff")
    with rejected():
        regions.read(tmp_path / "a.json", som)
    with pytest.raises(FileNotFoundError):
        regions.read(tmp_path / "b.json", som)


def test_regions_of_another_map_are_refused(som, edited):
    with rejected(value=85):
        regions.keep(SOM(3, 4, random_state=0).fit(X), edited)
    with rejected(value="SOM"):
        regions.keep(SOM(), edited)
    with rejected(TypeError, parameter="found", value="int"):
        regions.keep(som, 3)


def test_a_map_keeps_none_from_then_on(som, edited):
    keeps = regions.keep(som, edited)
    assert regions.kept(regions.keep(keeps, None)) is None
    assert regions.kept(keeps) is not None


def test_names_stand_in_frames_and_notebooks(som, edited):
    assert set(edited.to_frame()["name"]) == {"usual", ""}
    named = edited.to_frame(X)
    assert (named["name"] == "usual").sum() == (edited.of(X) == edited.names.index("usual")).sum()
    assert "<td>usual</td>" in edited._repr_html_()
    assert "name" not in regions.find_regions(som).to_frame().columns


def test_damaged_regions_of_a_record_are_refused(som, edited):
    record = regions.keep(som.map_, edited).to_record()
    for header, arrays in (
        ({"kept_regions": None}, {}),
        ({"kept_regions": {"names": [], "colors": ["x"] * 3}}, {}),
        ({}, {"kept_regions": np.zeros(3, dtype=np.int64)}),
        ({}, {"kept_regions": np.full(som.map_.n_units, 0.5)}),
    ):
        broken = type(record)(record.header | header, record.arrays | arrays)
        with pytest.raises(InputError):
            Map.from_record(broken)


def test_the_estimator_finds_what_the_function_finds(som):
    with pytest.raises(NotFittedError, match="This SOMClusterer is not fitted yet"):
        SOMClusterer().predict(X)
    for n, method in (("auto", "auto"), (3, "ward")):
        expected = regions.find_regions(som, n, method=method)
        finder = clone(SOMClusterer(n, method=method, random_state=0)).fit(X)
        np.testing.assert_array_equal(finder.map_.codebook, som.codebook_)
        assert same(finder.regions_, expected)
        assert same(regions.kept(finder.map_), expected)
        np.testing.assert_array_equal(finder.labels_, expected.of(X))
        np.testing.assert_array_equal(finder.fit_predict(X), expected.of(X))
        np.testing.assert_array_equal(finder.predict(X[:7]), expected.of(X)[:7])
        assert finder.n_clusters_ == expected.n_regions
        assert same(regions.kept(regions.keep(finder, regions.join(expected, [0, 1]))),
                    regions.join(expected, [0, 1]))  # fmt: skip


def test_the_clusterer_checks_its_parameters_and_the_number_of_units():
    with rejected(ValueError, parameter="method", value="rings"):
        SOMClusterer(method="rings").fit(X)
    with rejected(ValueError, parameter="n_clusters", value=0):
        SOMClusterer(0).fit(X)
    with rejected(TypeError, parameter="n_clusters", value="some"):
        SOMClusterer("some").fit(X)
    with rejected(TypeError, value=3):
        SOMClusterer(som=3).fit(X)
    n_full = int((SOM(3, 4, random_state=0).fit(X).map_.hits > 0).sum())
    assert 1 < n_full < 12
    with rejected(InputError, parameter="n_clusters", value=n_full + 1, allowed=n_full):
        SOMClusterer(n_full + 1, som=SOM(3, 4), random_state=0).fit(X)
    assert SOMClusterer(n_full, som=SOM(3, 4), random_state=0).fit(X).n_clusters_ == n_full


def test_the_clusterer_finds_the_groups_of_weighted_sparse_and_incomplete_rows():
    # Two groups of 150 rows, 9 apart in each of 3 columns: the groups are the clusters.
    group = np.repeat([0, 1], 150)
    holed = X.copy()
    holed[::7, 1] = np.nan
    holed[0] = np.nan
    with pytest.warns(SomscapeWarning, match="1 row is without any value"):
        found = SOMClusterer(som=SOM(missing="mask"), random_state=0).fit(holed)
    assert found.labels_[0] == found.predict(holed)[0] == -1
    assert found.n_clusters_ == 2
    assert len(set(zip(found.labels_[1:], group[1:], strict=True))) == 2
    weights = np.where(group == 1, 2.0, 1.0)
    weights[:3] = 0
    weighted = SOMClusterer(random_state=0).fit(X, sample_weight=weights)
    np.testing.assert_array_equal(weighted.labels_, 1 - group)  # the largest cluster first
    for kind in (scipy.sparse.csr_array, scipy.sparse.coo_matrix):
        sparse = SOMClusterer(2, random_state=0).fit(kind(X))
        assert len(set(zip(sparse.labels_, group, strict=True))) == 2
        np.testing.assert_array_equal(sparse.predict(kind(X)), sparse.labels_)


def test_the_clusterer_works_in_pipelines_and_grids():
    group = np.repeat([0, 1], 150)
    pipeline = make_pipeline(StandardScaler(), SOMClusterer(random_state=0))
    labels = pipeline.fit_predict(X * [1, 1000, 1])
    np.testing.assert_array_equal(labels, pipeline.predict(X * [1, 1000, 1]))
    assert len(set(zip(labels, group, strict=True))) == 2

    def agreement(clusterer, rows, y):
        return adjusted_rand_score(y, clusterer.predict(rows))

    order = np.random.default_rng(1).permutation(300)
    search = GridSearchCV(
        SOMClusterer(random_state=0), {"n_clusters": [1, 2, 9]}, scoring=agreement, cv=3
    ).fit(X[order], group[order])
    assert search.best_params_ == {"n_clusters": 2}
    assert search.best_score_ == 1


def test_looks_go_with_their_region(edited):
    assert edited.colors[edited.names.index("usual")] == "#aa3300"
    joined = regions.join(edited, [0, 1, 2])
    assert (joined.names, joined.colors) == (("usual",), ("#aa3300",))
    assert regions.recolor(edited, {"usual": ""}).colors == ()
    with rejected(parameter="colors", value="red"):
        regions.recolor(edited, {0: "red"})
    carried = regions.carry_names(edited, regions.find_regions(edited.map_, 3), X=X)
    assert set(carried.names) == {"usual", ""}
    assert carried.colors[carried.names.index("usual")] == "#aa3300"
