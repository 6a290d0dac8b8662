"""Regions joined, cut and named by hand."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, regions
from somscape.regions import Regions
from somscape.tables import Encoding


def by_hand():
    """Six units in a row with 1 to 6 rows, in three regions of two."""
    map_ = Map(np.arange(6.0)[:, None], Lattice(1, 6), Encoding.plain(["x"]), np.arange(1.0, 7.0))
    return Regions(map_, np.array([2, 2, 1, 1, 0, 0]))


def test_joined_regions_are_one_and_the_largest_come_first():
    found = by_hand()
    joined = regions.join(found, [1, 2], name="low")
    # Ten rows in the joined region, eleven in the other.
    assert joined.labels.tolist() == [1, 1, 1, 1, 0, 0]
    assert (joined.sizes.tolist(), joined.names) == ([11, 10], ("", "low"))
    assert found.labels.tolist() == [2, 2, 1, 1, 0, 0]
    first = regions.join(joined, ["low", 0])
    assert (first.labels.tolist(), first.names) == ([0] * 6, ("low",))


def test_a_name_goes_with_its_region():
    named = regions.rename(by_hand(), {2: "small", 0: "large"})
    assert named.names == ("large", "", "small")
    assert regions.rename(named, {"small": "tiny", "large": ""}).names == ("", "", "tiny")
    joined = regions.join(named, [0, 1])
    assert joined.names == ("large", "small")


def test_a_region_is_cut_where_density_falls():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [200, 150, 100])
    X = rng.normal(size=(450, 2)) + 9.0 * np.array([[0, 0], [1, 0], [0, 1]])[truth]
    som = SOM(random_state=0).fit(X)
    three = regions.find_regions(som)
    assert three.n_regions == 3
    two = regions.join(regions.rename(three, {1: "middle"}), [1, 2])
    back = regions.split(two, "middle")
    assert sorted(back.sizes) == sorted(three.sizes)
    assert len(set(zip(back.labels.tolist(), three.labels.tolist(), strict=True))) == 3
    assert back.names[back.of(X[200:201])[0]] == "middle"
    assert regions.split(two, 0, n=4).n_regions == 5


def as_pairs(found):
    """Which units share a region, whatever its number."""
    return found.labels[:, None] == found.labels


def test_a_region_is_cut_by_density_or_by_wards_rule():
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 600), np.repeat([1.0, 4.0], 300)
    X = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    som = SOM(random_state=0).fit(X + rng.normal(0, 0.1, X.shape))
    one = regions.find_regions(som, 1, method="ward")
    rings, balls = (regions.find_regions(som, 2, method=each) for each in ("auto", "ward"))
    assert (as_pairs(rings) != as_pairs(balls)).any()
    assert (as_pairs(regions.split(one, 0)) == as_pairs(rings)).all()
    assert (as_pairs(regions.split(one, 0, method="ward")) == as_pairs(balls)).all()
    four = regions.find_regions(som, 4, method="ward")
    assert (as_pairs(regions.split(one, 0, n=4, method="ward")) == as_pairs(four)).all()
    with rejected(ValueError, parameter="method", value="kmeans"):
        regions.split(one, 0, method="kmeans")
    # A map without rows knows Ward's rule only.
    with rejected(parameter="method", value="valleys"):
        regions.split(by_hand(), 0, method="valleys")
    assert regions.split(by_hand(), 0).n_regions == 4


def in_parts(hits):
    """Nine units in three lines of three, between which no edge leads."""
    edges = np.zeros((9, 9))
    for first in (0, 3, 6):
        for unit in (first, first + 1):
            edges[unit, unit + 1] = edges[unit + 1, unit] = 1
    codebook = np.array([0.0, 1, 2, 20, 21, 22, 40, 41, 42])[:, None]
    return Map(codebook, Graph(edges), Encoding.plain(["x"]), np.asarray(hits, float))


def test_regions_of_a_graph_in_parts_are_cut():
    map_ = in_parts([3, 3, 3, 2, 2, 2, 1, 1, 1])
    found = regions.find_regions(map_, 3)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    cut = regions.split(found, 1)
    assert cut.n_regions == 4
    assert (as_pairs(cut) <= as_pairs(found)).all()
    # All three parts in one: the smallest of them stay together.
    one = regions.join(found, [0, 1, 2])
    assert regions.split(one, 0).labels.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert (as_pairs(regions.split(one, 0, n=3)) == as_pairs(found)).all()
    assert regions.split(one, 0, n=9).n_regions == 9


@pytest.mark.parametrize("method", ["auto", "ward"])
def test_fewer_regions_than_parts_of_a_graph_say_why(method):
    map_ = in_parts(np.ones(9))
    with rejected(parameter="n_regions", value=2):
        regions.find_regions(map_, 2, method=method)
    with rejected(parameter="n_regions", value=2):
        regions.find_regions(map_, 2, method=method, X=map_.codebook.repeat(5, axis=0))
    with rejected(parameter="n_regions", value=10):
        regions.find_regions(map_, 10, method=method)


def test_what_cannot_be_joined_cut_or_named_is_said():
    found = regions.rename(by_hand(), {0: "large"})
    with rejected(parameter="which"):
        regions.join(found, [1, 1])
    with rejected(TypeError, parameter="which", value="int"):
        regions.join(found, 0)
    with rejected(TypeError, parameter="names"):
        regions.rename(found, ["a", "b"])
    with rejected(TypeError, parameter="colors"):
        regions.recolor(found, {0: None})
    with rejected(parameter="names", value="large"):
        regions.join(found, [1, 2], name="large")
    with rejected(value="larg"):
        regions.split(found, "larg")
    with rejected(value=3):
        regions.join(found, [0, 3])
    with rejected(parameter="n", value=3):
        regions.split(found, 1, n=3)
    with rejected(parameter="names", value="large"):
        regions.rename(found, {1: "large"})
    with rejected(TypeError, value="float"):
        regions.rename(found, {1.0: "x"})
    with rejected(ValueError, parameter="n", value=1):
        regions.split(found, 0, n=1)


def test_descriptions_carry_the_names():
    found = regions.rename(by_hand(), {1: "middle"})
    X = np.arange(6.0)[:, None]
    names = [region.name for region in found.describe(X)]
    assert names[1] == "middle"
    assert names[0] == "high x"
