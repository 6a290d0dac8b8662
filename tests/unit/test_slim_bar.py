"""The color bar below a small map: its numbers, where they stand, and its ends."""

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from somscape.plots import dark
from somscape.plots._cells import add_slim_bar


def drawn(low: float, high: float, extend: str = "neither", width: float = 2.0):
    ax = Figure(figsize=(width, 2.0)).add_axes((0.0, 0.3, 1.0, 0.7))
    cells = PolyCollection([[(0, 0), (1, 0), (1, 1)]], array=np.zeros(1))
    cells.set_clim(low, high)
    add_slim_bar(ax, cells, "income", extend)
    return ax


@pytest.mark.parametrize(
    ("limits", "numbers", "power"),
    [
        ((0.0, 1.0), ["0.00", "0.25", "0.50", "0.75", "1.00"], ""),
        ((-0.3, 2.2), ["0", "1", "2"], ""),
        ((1e6, 5e6), ["1", "2", "3", "4", "5"], "1e6"),
        ((7.0, 7.0), ["6.50", "6.75", "7.00", "7.25", "7.50"], ""),  # one value: half a unit around
    ],
)
def test_round_numbers_stand_below_their_colors(limits, numbers, power) -> None:
    ax = drawn(*limits)
    *texts, own_power, label = ax.texts
    assert [text.get_text().replace("\N{MINUS SIGN}", "-") for text in texts] == numbers
    assert (own_power.get_text(), label.get_text()) == (power, "income")
    low, high = limits if limits[0] < limits[1] else (limits[0] - 0.5, limits[1] + 0.5)
    values = np.array(numbers, dtype=float) * float(power or 1)
    expected = 0.1 + 0.8 * (values - low) / (high - low)
    np.testing.assert_allclose([text.get_position()[0] for text in texts], expected)
    (marks,) = (each for each in ax.get_children() if isinstance(each, LineCollection))
    np.testing.assert_allclose([line[0][0] for line in marks.get_segments()], expected)


@pytest.mark.parametrize(
    ("extend", "tips"),
    [("neither", []), ("min", [0.072]), ("max", [0.928]), ("both", [0.072, 0.928])],
)
def test_pointed_ends_say_that_values_lie_beyond(extend, tips) -> None:
    points = [each for each in drawn(0, 1, extend).get_children() if isinstance(each, Polygon)]
    np.testing.assert_allclose([point.get_xy()[1][0] for point in points], tips)


@pytest.mark.parametrize("size", [1e16, 1e18, -3e17, 1e20, 1e300])
def test_any_constant_can_be_shown(size) -> None:
    texts = [text.get_text() for text in drawn(size, size).texts[:-2]]
    assert 1 <= len(texts) <= 9


def test_a_range_beyond_floats_has_no_numbers() -> None:
    assert len(drawn(-1.7e308, 1.7e308).texts) == 2


def test_marks_have_the_color_of_the_text() -> None:
    with dark():
        (marks,) = (c for c in drawn(0, 1).get_children() if isinstance(c, LineCollection))
        color = to_hex(marks.get_color()[0])
        assert color == to_hex(rcParams["text.color"])
    assert color != "#000000"


def test_a_narrow_one_has_fewer_numbers() -> None:
    assert [text.get_text() for text in drawn(0, 1, width=0.8).texts[:-2]] == ["0.0", "0.5", "1.0"]


def test_it_has_no_axes_of_its_own() -> None:
    ax = drawn(0, 1)
    assert ax.child_axes == []
    assert ax.figure.axes == [ax]
