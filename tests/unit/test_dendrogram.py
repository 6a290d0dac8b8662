"""Regions as a tree: joins in their order, by hand, and drawn without crossings."""

import contextlib
import itertools

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, plots, regions
from somscape.maps._joins import Joins
from somscape.plots._regions import Merge, merges_of
from somscape.regions import Regions
from somscape.tables import Encoding


def line(told, hits=(5.0, 4, 3, 2, 1), lattice=None):
    """Return a map of units at 0, 1, 2 ..., with joins that are given."""
    hits = np.array(hits)
    lattice = lattice or Lattice(1, len(hits), "rectangular")
    places = np.arange(float(len(hits)))[:, None]
    return Map(places, lattice, Encoding.plain(["x"]), hits, told=told)


TOLD = Joins(
    np.array([[0, 1], [3, 4], [2, 3], [0, 2]]),
    np.array([1.0, 0.3, 1e-10, 1e-30]),
    n_apart=3,
    by_shape=np.zeros(4, dtype=bool),
)
"""Units 0 and 1 are one group, 2 is one, and 3 and 4 are one, which lies near to that of 2."""


def test_units_join_in_their_order_by_hand():
    found = Regions(line(TOLD), np.arange(5))
    assert merges_of(found.map_, found) == [
        Merge((0, 1), 1.0, False),
        Merge((3, 4), 0.3, False),
        Merge((2, 6), 1e-10, True),
        Merge((5, 7), 1e-30, True),
    ]
    drawn = plots.dendrogram(line(TOLD), found).drawn_
    assert drawn["merges"].tolist() == [[0, 1], [3, 4], [2, 6], [5, 7]]
    assert drawn["evidence"].tolist() == [1.0, 0.3, 1e-10, 1e-30]
    assert drawn["is_apart"].tolist() == [False, False, True, True]
    # The larger first: 0 and 1 have 9 rows, 2 has as many as 3 and 4 and comes first.
    assert drawn["leaves"] == [0, 1, 2, 3, 4]
    inside, outside = drawn["height"][:2], drawn["height"][2:]
    np.testing.assert_allclose(inside, [0.1, 0.2])  # thirds of the part inside groups
    # The axis reaches from 1e-3 to 1e-30; 1e-10 lies there by the logarithm of its power.
    at = 0.08 + 0.86 * np.log(10 / 3) / np.log(30 / 3)
    np.testing.assert_allclose(outside, [0.3 + 0.7 * at, 0.3 + 0.7 * 0.94])


def test_regions_that_were_changed_by_hand_join_where_their_units_do():
    # One region of units 0 and 4; the others alone: 0 and 1 join first, then 3 with the one of 4.
    found = Regions(line(TOLD), np.array([0, 1, 2, 3, 0]))
    assert [merge.nodes for merge in merges_of(found.map_, found)] == [(0, 1), (3, 4), (2, 5)]
    both = Regions(line(TOLD), np.array([0, 0, 1, 1, 1]))
    assert merges_of(both.map_, both) == [Merge((0, 1), 1e-30, True)]


def test_the_number_of_regions_is_cut_where_find_regions_cuts_it():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3)) + 8.0 * rng.integers(0, 2, (600, 3))
    som = SOM(9, 9, random_state=0).fit(X)
    leaves = regions.find_regions(som, 20)
    drawn = plots.dendrogram(som, leaves).drawn_
    for n in (1, 2, 7, regions.find_regions(som).n_regions, 19):
        node = np.arange(20)
        for i, pair in enumerate(drawn["merges"][: 20 - n].tolist()):
            node[np.isin(node, pair)] = 20 + i
        ours, theirs = node[leaves.labels], regions.find_regions(som, n).labels
        np.testing.assert_array_equal(ours[:, None] == ours, theirs[:, None] == theirs)
    assert drawn["is_apart"].sum() == regions.find_regions(som).n_regions - 1
    assert (drawn["evidence"][drawn["is_apart"]] < 1e-3).all()


@pytest.mark.parametrize("n", [1, 2, 12, 30])
@pytest.mark.parametrize("has_rows", [True, False])
def test_branches_do_not_cross_and_joins_lie_above_each_other(n, has_rows):
    som = SOM(7, 7, random_state=0).fit(np.random.default_rng(0).normal(size=(300, 2)))
    m = som.map_ if has_rows else Map(**{**vars_of(som.map_), "told": None})
    display = plots.dendrogram(m, regions.find_regions(m, n))
    drawn = display.drawn_
    heights = np.concatenate([np.zeros(n), drawn["height"]])
    for i, pair in enumerate(drawn["merges"]):
        assert heights[n + i] > heights[pair].max()
    assert heights.max(initial=0) < 1
    assert sorted(drawn["leaves"]) == list(range(n))
    below = [{i} for i in range(n)]
    for a, b in drawn["merges"]:
        below.append(below[a] | below[b])
    place = {leaf: i for i, leaf in enumerate(drawn["leaves"])}
    for leaves in below:  # those of each branch stand together
        places = sorted(place[leaf] for leaf in leaves)
        assert places == list(range(places[0], places[-1] + 1))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert [name.split()[1] for name in names] == [str(leaf) for leaf in drawn["leaves"]]
    sizes = [label.get_fontsize() for label in display.ax_.get_yticklabels()]
    assert min(sizes) >= 8


def vars_of(m):
    return {name: getattr(m, name) for name in Map.__dataclass_fields__}


def test_names_and_ticks_are_whole_and_cover_no_other():
    som = SOM(9, 9, random_state=0).fit(np.random.default_rng(0).normal(size=(300, 2)))
    found = regions.find_regions(som, 30)
    found = regions.rename(found, {0: "customers of many years who pay", 5: "a$b$"})
    for page in (contextlib.nullcontext(), plots.dark()):
        with page:
            display = plots.dendrogram(som, found)
        display.figure_.draw_without_rendering()
        boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
        for box in boxes:
            assert box.x0 >= 0
        for above, below in itertools.pairwise(boxes):
            assert above.y0 >= below.y1 - 1
        ticks = [label.get_window_extent() for label in display.ax_.get_xticklabels()]
        for left, right in itertools.pairwise(ticks):
            assert left.x1 < right.x0
    texts = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert any(text.startswith(r"5: a\$b\$ ") for text in texts)


def test_leaves_have_the_colors_of_their_regions():
    from matplotlib.colors import to_hex

    display = plots.dendrogram(line(TOLD), Regions(line(TOLD), np.array([0, 0, 1, 2, 2])))
    (squares,) = display.ax_.collections
    assert [to_hex(color) for color in squares.get_facecolor()] == ["#0072b2", "#e69f00", "#009e73"]


def test_without_rows_the_axis_counts_regions_and_parts_of_a_graph_do_not_join():
    display = plots.dendrogram(line(None), Regions(line(None), np.arange(5)))
    assert np.isnan(display.drawn_["evidence"]).all()
    assert display.ax_.get_xlabel() == "regions left"
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["4", "3", "2", "1"]
    np.testing.assert_allclose(display.drawn_["height"], [0.2, 0.4, 0.6, 0.8])
    parts = np.zeros((5, 5))
    parts[0, 1] = parts[1, 0] = parts[2, 3] = parts[3, 2] = 1
    m = line(None, lattice=Graph(parts))
    drawn = plots.dendrogram(m, Regions(m, np.arange(5))).drawn_
    assert sorted(sorted(pair) for pair in drawn["merges"].tolist()) == [[0, 1], [2, 3]]
    assert sorted(drawn["leaves"]) == [0, 1, 2, 3, 4]


def test_a_number_is_no_regions():
    with rejected(TypeError, parameter="regions", value="int"):
        plots.dendrogram(line(TOLD), 3)
    with rejected(TypeError, value="ndarray"):
        plots.dendrogram(Regions(line(TOLD), np.zeros(5, dtype=int)).labels)
