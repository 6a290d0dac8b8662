"""A map laid over another: every symmetry is found again, by hand and by all of them."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, TableEncoder, changes, plots, regions
from somscape.grid.lattice import shifts, turns
from somscape.kernels import Metric
from somscape.maps.map import reordered
from somscape.regions import Regions
from somscape.tables import Encoding


def map_of(codebook, lattice, hits=None, **more):
    codebook = np.asarray(codebook, dtype=np.float64)
    names = [f"x{i}" for i in range(codebook.shape[1])]
    hits = np.arange(1.0, len(codebook) + 1) if hits is None else hits
    return Map(codebook, lattice, Encoding.plain(names), np.asarray(hits), **more)


def symmetries(lattice):
    """Each turn, followed by each shift."""
    return [
        turn.units[shifts(lattice).units(down, across)]
        for turn in turns(lattice)
        for down, across in zip(*np.nonzero(shifts(lattice).are_there), strict=True)
    ]


LATTICES = [
    Lattice(*shape, kind, boundary)
    for shape, kind, boundary in itertools.product(
        [(1, 1), (1, 5), (3, 1), (2, 2), (4, 4), (4, 5), (6, 3)],
        ["rectangular", "hexagonal"],
        ["plane", "cylinder", "torus"],
    )
    if not (kind == "hexagonal" and boundary == "torus" and shape[0] % 2)
] + [Graph(np.eye(5, k=1) + np.eye(5, k=-1))]


def test_two_by_two_by_hand():
    a = map_of([[0.0], [1], [2], [3]], Lattice(2, 2, "rectangular"))
    #  b:  2 0    turned clockwise by 90 degrees     a:  0 1
    #      3 1    is                                     2 3.5
    b = map_of([[1.0], [3.5], [0], [2]], Lattice(2, 2, "rectangular"))
    found = changes.align(a, b)
    assert found.map_.codebook.ravel().tolist() == [0, 1, 2, 3.5]
    assert found.words == "turned by 90 degrees clockwise"
    assert found.units.tolist() == [2, 0, 3, 1]
    assert found.map_.hits.tolist() == [3, 1, 4, 2]
    assert found.apart == 0.25  # the root of 0.5 ** 2 / 4
    # Before, 1, 2.5, 2 and 1 apart.
    assert found.apart_before == pytest.approx(((1 + 2.5**2 + 2**2 + 1) / 4) ** 0.5)
    assert str(found) == ("turned by 90 degrees clockwise, prototypes are 0.25 apart (1.75 before)")
    assert str(changes.align(a, a)) == "not changed, prototypes are 0 apart"


def test_two_by_three_hexagons_turn_by_half_only():
    a = map_of([[0.0], [1], [2], [3], [4], [5]], Lattice(2, 3))
    turned = changes.align(a, reordered(a, np.array([5, 4, 3, 2, 1, 0])))
    assert (turned.words, turned.apart) == ("turned by 180 degrees", 0)
    # Flipped left to right is no map of hexagons: 2, 0, 2 apart, and turned 3, 3, 3.
    flipped = changes.align(a, reordered(a, np.array([2, 1, 0, 5, 4, 3])))
    assert flipped.words == ""
    assert flipped.apart == pytest.approx((8 / 3) ** 0.5)


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
def test_every_symmetry_of_a_map_is_undone(lattice):
    codebook = np.random.default_rng(0).normal(size=(lattice.n_units, 3))
    m = map_of(codebook, lattice, unit_labels=tuple(f"u{i}" for i in range(lattice.n_units)))
    for units in symmetries(lattice):
        found = changes.align(m, reordered(m, units))
        np.testing.assert_array_equal(found.map_.codebook, m.codebook)
        np.testing.assert_array_equal(found.map_.hits, m.hits)
        assert found.map_.unit_labels == m.unit_labels
        np.testing.assert_array_equal(units[found.units], np.arange(lattice.n_units))
        assert found.apart == 0


@pytest.mark.parametrize("lattice", LATTICES, ids=repr)
def test_the_best_of_all_is_found_and_stays(lattice):
    rng = np.random.default_rng(1)
    a, b = (map_of(rng.normal(size=(lattice.n_units, 2)), lattice) for _ in "ab")
    apart = [((a.codebook - b.codebook[s]) ** 2).sum(axis=1).mean() for s in symmetries(lattice)]
    found = changes.align(a, b)
    assert found.apart == pytest.approx(min(apart) ** 0.5, rel=1e-12)
    assert found.apart_before == pytest.approx(apart[0] ** 0.5, rel=1e-12)
    again = changes.align(a, found)
    assert again.words == ""
    np.testing.assert_array_equal(again.units, np.arange(lattice.n_units))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(LATTICES),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([0.0, 1e6]),
    st.integers(1, 3),
)
def test_maps_with_equal_prototypes_stay_when_aligned_again(lattice, seed, spread, off, n_values):
    rng = np.random.default_rng(seed)
    a, b = (
        map_of(off + spread * rng.integers(0, n_values, (lattice.n_units, 2)), lattice)
        for _ in "ab"
    )
    found = changes.align(a, b)
    assert changes.align(a, found).words == ""
    assert changes.align(a, a).words == ""


def test_distances_are_those_of_the_other_maps_metric():
    # By x0 alone b is a flipped left to right; by x1 it is a flipped top to bottom, and farther.
    lattice = Lattice(2, 2, "rectangular")
    a = map_of([[0.0, 0], [1, 10], [2, 30], [3, 60]], lattice)
    b = map_of([[1.0, 30], [0, 60], [3, 0], [2, 10]], lattice)
    only = replace(a, metric=Metric(feature_weights=np.array([1.0, 0.0])))
    assert changes.align(a, b).words == "flipped top to bottom"
    assert changes.align(only, b).words == "flipped left to right"
    assert changes.align(only, b).apart == 0


def test_months_with_encodings_of_their_own_are_compared_on_the_scales_of_the_first():
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame(
        {
            "income": np.exp(rng.normal(size=n)) * 1000,
            "age": rng.integers(20, 70, n),
            "job": rng.choice(["clerk", "cook", "nurse"], n),
        }
    )
    later = frame.iloc[:350].assign(income=lambda f: f["income"] * 1.5)
    later["job"] = later["job"].replace("cook", "pilot")
    a, b = (
        SOM(6, 6, lattice="rectangular", encoder=TableEncoder(), random_state=seed).fit(rows)
        for seed, rows in enumerate([frame, later])
    )
    assert a.map_.encoding.columns != b.map_.encoding.columns
    flipped = reordered(b.map_, np.arange(36)[::-1])
    ours, theirs = changes.align(a, b), changes.align(a, flipped)
    np.testing.assert_array_equal(ours.map_.codebook, theirs.map_.codebook)
    assert ours.apart == pytest.approx(theirs.apart)
    assert ours.map_.encoding is b.map_.encoding  # new rows are encoded as before
    places = b.predict(later)
    np.testing.assert_array_equal(ours.units[ours.map_.winners(later)], places)


def test_everything_takes_what_was_aligned():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) + 9.0 * np.repeat([[0, 0], [1, 0]], 150, axis=0)
    som = SOM(6, 6, lattice="rectangular", random_state=0).fit(X)
    other = reordered(som.map_, np.arange(36)[::-1])
    found = changes.align(som, other)
    assert found.words == "turned by 180 degrees"
    plots.umatrix(found, X)
    named = regions.rename(regions.find_regions(other), {0: "usual"})
    moved = found.turned(named)
    assert moved.names == ("usual", "")
    np.testing.assert_array_equal(moved.of(X), named.of(X))
    assert moved.map_ is found.map_
    assert regions.find_regions(found).n_regions == 2
    with rejected(parameter="found", value=4):
        found.turned(Regions(map_of(np.zeros((4, 1)), Lattice(2, 2)), np.array([0, 1, 0, 1])))


def test_maps_of_other_lattices_columns_and_other_things_are_refused():
    a = map_of(np.zeros((6, 2)), Lattice(2, 3))
    for lattice in (
        Lattice(3, 2),
        Lattice(2, 3, "rectangular"),
        Lattice(2, 3, boundary="torus"),
        Graph(np.eye(6, k=1) + np.eye(6, k=-1)),
    ):
        with rejected(parameter="b"):
            changes.align(a, map_of(np.zeros((6, 2)), lattice))
    line, ring = np.eye(6, k=1) + np.eye(6, k=-1), np.zeros((6, 6))
    ring[0, 5] = ring[5, 0] = 1
    with rejected(parameter="b", value="another graph"):
        changes.align(
            map_of(np.zeros((6, 2)), Graph(line)), map_of(np.zeros((6, 2)), Graph(line + ring))
        )
    with rejected(value=2):
        changes.align(a, map_of(np.zeros((6, 3)), Lattice(2, 3)))
    with rejected(value="SOM"):
        changes.align(a, SOM())
    with rejected(TypeError, value="january.som"):
        changes.align("january.som", a)


def test_ten_thousand_units_of_a_torus_take_no_loop_over_shifts():
    lattice = Lattice(100, 100, boundary="torus")
    m = map_of(np.random.default_rng(0).normal(size=(10_000, 20)), lattice)
    units = turns(lattice)[2].units[shifts(lattice).units(37, 91)]
    found = changes.align(m, reordered(m, units))
    np.testing.assert_array_equal(found.map_.codebook, m.codebook)
    assert "flipped" in found.words
    assert "shifted by" in found.words
