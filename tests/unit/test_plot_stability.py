"""The picture of how stable regions are: bars of what was found."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from texts import rejected

from somscape import SOM, plots, regions
from somscape.regions import RegionStability

TOLD = RegionStability(np.array([3, 2, 3, 5, 3]), np.array([0.95, 0.5, 0.7]))


def test_a_bar_for_each_number_and_for_each_region_by_hand():
    display = plots.stability(TOLD)
    assert display.drawn_["numbers"].tolist() == [2, 3, 5]
    assert display.drawn_["shares"].tolist() == [0.2, 0.6, 0.2]
    assert display.drawn_["of_regions"].tolist() == [0.95, 0.5, 0.7]
    numbers, back = display.axes_
    bars = {bar.get_x() + bar.get_width() / 2: bar for bar in numbers.patches}
    assert {x: round(bar.get_height()) for x, bar in bars.items()} == {2: 20, 3: 60, 5: 20}
    assert to_hex(bars[3].get_facecolor()) == "#0072b2"  # the most frequent one stands out
    assert to_hex(bars[2].get_facecolor()) == to_hex(bars[5].get_facecolor()) != "#0072b2"
    assert [bar.get_width() for bar in back.patches] == [0.95, 0.5, 0.7]
    (bound,) = back.lines
    assert set(bound.get_xdata()) == {0.6}
    labels = [label.get_text() for label in back.get_yticklabels()]
    assert labels == ["region 0", "region 1", "region 2"]
    assert [text.get_text() for text in back.texts] == ["0.95", "0.50", "0.70"]
    assert [t.get_text() for t in display.figure_.texts] == [
        "Stability: 3 regions in 60 % of samples"
    ]


def test_regions_have_their_names():
    X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0], [9]], 150, axis=0)
    found = regions.find_regions(SOM(random_state=0).fit(X))
    told = regions.stability(regions.rename(found, {1: "a$b$"}), n_samples=3)
    assert told.found.names == ("", "a$b$")
    labels = plots.stability(told).axes_[1].get_yticklabels()
    assert [label.get_text() for label in labels] == ["region 0", r"1: a\$b\$"]


@pytest.mark.parametrize("n", [1, 30, 80])
def test_one_region_and_many_are_whole(n):
    told = RegionStability(np.array([2, 14, 2]), np.linspace(0, 1, n))
    display = plots.stability(told)
    display.figure_.draw_without_rendering()
    page = display.figure_.bbox
    for ax in display.axes_:
        box = ax.get_tightbbox()
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1
        assert box.y0 >= page.y0
        assert box.y1 <= page.y1
    assert display.axes_[0].get_window_extent().height < 2.1 * display.figure_.dpi


def test_it_goes_into_axes_and_takes_nothing_else():
    axes = list(Figure().subplots(1, 2))
    assert list(plots.stability(TOLD, ax=axes).axes_) == axes
    with rejected(parameter="ax", value=1):
        plots.stability(TOLD, ax=axes[:1])
    with rejected(TypeError, parameter="stability", value="int"):
        plots.stability(3)
