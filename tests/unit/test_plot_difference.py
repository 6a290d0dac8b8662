"""The picture of what has changed: each panel shows its numbers, colors begin at zero."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from texts import rejected

from somscape import Graph, Lattice, Map, changes, plots
from somscape.regions import Regions
from somscape.tables import Encoding


def line(codebook, hits, lattice=None):
    codebook = np.asarray(codebook, dtype=float)
    lattice = lattice or Lattice(1, len(codebook), "rectangular")
    names = ["x", "$y$", "z"][: codebook.shape[1]]
    return Map(codebook, lattice, Encoding.plain(names), np.asarray(hits, dtype=float))


BEFORE = line([[0, 0], [1, 0], [2, 0], [9, 0]], [4, 4, 1, 1])
AFTER = line([[0, 0.5], [1, 0], [2.2, 0], [9, 0]], [2, 4, 1, 3])


def test_each_panel_shows_its_numbers_with_colors_from_zero():
    display = plots.difference(BEFORE, AFTER)
    drawn = display.drawn_
    np.testing.assert_allclose(drawn["moved"], [0.5, 0, 0.2, 0], atol=1e-12)
    np.testing.assert_allclose(drawn["grew"], [-0.2, 0, 0, 0.2], atol=1e-12)
    assert drawn["column"] == ["$y$", None, "x", None]
    assert isinstance(drawn["change"], changes.MapChange)
    far, most, share = display.axes_
    assert [ax.get_title() for ax in display.axes_] == [
        "how far units moved",
        "column that moved most",
        "change of share",
    ]
    np.testing.assert_allclose(far.collections[0].get_array(), drawn["moved"])
    np.testing.assert_allclose(far.collections[0].get_clim(), (0, 0.5))
    np.testing.assert_allclose(share.collections[0].get_array(), [-20, 0, 0, 20], atol=1e-9)
    np.testing.assert_allclose(share.collections[0].get_clim(), (-20, 20))
    names = [text.get_text() for text in most.get_legend().get_texts()]
    assert sorted(names) == [r"\$y\$", "x"]
    assert "labels" not in drawn


def test_what_did_not_change_has_the_color_of_the_page():
    for page in ("default", "dark_background"):
        import matplotlib.pyplot as plt

        with plt.style.context(page):
            share = plots.difference(BEFORE, BEFORE).axes_[2]
            share.figure.draw_without_rendering()
        cell = share.collections[0].get_facecolor()[0, :3]
        assert np.abs(cell - share.figure.get_facecolor()[:3]).max() < 0.06
        assert share.collections[0].get_clim() == (-1, 1)


def test_more_is_orange_and_less_is_blue():
    share = plots.difference(BEFORE, AFTER).axes_[2]
    share.figure.draw_without_rendering()
    less, _, _, more = share.collections[0].get_facecolor()[:, :3]
    assert less[2] > 0.6 > less[0]
    assert more[0] > 0.6 > more[2]


def test_regions_have_borders_everywhere_and_shares_in_the_last_panel():
    square = Lattice(2, 2, "rectangular")
    a, b = (line(m.codebook, m.hits, square) for m in (BEFORE, AFTER))
    then = Regions(a, np.array([0, 0, 0, 1]), names=("usual", ""))
    now = Regions(b, np.array([0, 0, 1, 2]), names=("usual", "", "far"))
    display = plots.difference(a, b, regions=(then, now), X=a.codebook)
    assert len(display.axes_) == 4
    assert sorted(display.drawn_["labels"].values()) == [
        "region 1\n10 to 30 %",
        "region 1 now\nnew: 10 %",
        "usual\n90 to 60 %",
    ]
    values = display.axes_[3].collections[0].get_array()
    np.testing.assert_allclose(values, [-30, -30, 10, 20], atol=1e-9)


def test_the_title_says_how_the_later_map_was_turned():
    turned = replace(AFTER, codebook=AFTER.codebook[::-1], hits=AFTER.hits[::-1])
    display = plots.difference(BEFORE, turned)
    texts = [text.get_text() for text in display.figure_.texts]
    assert texts == ["What has changed, with the map after turned by 180 degrees"]
    np.testing.assert_allclose(
        display.drawn_["moved"], plots.difference(BEFORE, AFTER).drawn_["moved"]
    )


def test_limits_of_the_first_panel_can_be_given():
    display = plots.difference(BEFORE, AFTER, limits=(0.1, 2))
    assert display.axes_[0].collections[0].get_clim() == (0.1, 2)
    assert display.axes_[2].collections[0].get_clim() == pytest.approx((-20, 20))


def test_graphs_and_few_axes():
    graph = Graph(np.eye(4, k=1) + np.eye(4, k=-1))
    a, b = (line(m.codebook, m.hits, graph) for m in (BEFORE, AFTER))
    assert len(plots.difference(a, b, regions=True).axes_) == 4
    with rejected(parameter="ax", value=3):
        plots.difference(a, b, regions=True, ax=Figure().subplots(1, 3))
    with rejected(parameter="b", value="1 x 4 units (rectangular, plane)"):
        plots.difference(a, BEFORE)
