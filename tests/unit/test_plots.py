"""The pictures: what is drawn where, on maps small enough to work out by hand."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from nightly import nightly
from texts import rejected

from somscape import SOM, Lattice, Map, plots, regions, report
from somscape.errors import SomscapeWarning
from somscape.outliers import Alerts
from somscape.regions import Regions
from somscape.tables import Encoding, Table, table_from_columns
from somscape.tables.codes import CategoryCode, NumberCode

SAME = {"rtol": 0, "atol": 1e-12}  # a few roundings of float64


def line_map(n_rows: int = 2, n_cols: int = 3, kind: str = "hexagonal") -> Map:
    """Return a map whose unit i stands at i, of one feature."""
    n_units = n_rows * n_cols
    codebook = np.arange(n_units, dtype=np.float64)[:, None]
    return Map(
        codebook,
        Lattice(n_rows, n_cols, kind=kind),
        Encoding.plain(["x"]),
        np.arange(n_units, dtype=np.float64),
    )


def mixed_map() -> Map:
    """Return a 1 x 3 map of a number from 100 to 300, a yes-or-no and three colors."""
    half = 0.5**0.5
    number = NumberCode("amount", "asked", 0.0, 0.0, 100.0, 200.0, 100.0, True)
    answer = CategoryCode("answer", "asked", ("no", "yes"))
    color = CategoryCode("color", "asked", ("blue", "green", "red"))
    shares = np.array(
        # no, yes, unseen | blue, green, red, unseen
        [
            [1.00, 0.00, 0.0, 0.1, 0.2, 0.7, 0.0],
            [0.75, 0.25, 0.0, 0.0, 0.4, 0.6, 0.0],
            [0.00, 1.00, 0.0, 0.9, 0.1, 0.0, 0.0],
        ]
    )
    codebook = np.hstack([[[0.0], [0.5], [1.0]], half * shares])
    return Map(codebook, Lattice(1, 3), Encoding((number, answer, color)), np.ones(3))


def test_regions_have_colors_numbers_and_borders() -> None:
    # Units 0 to 2 in the first row of three, 3 to 5 in the second: 0, 1 and 3 are region 0.
    map_ = line_map(2, 3, "rectangular")
    found = Regions(map_, np.array([0, 0, 1, 0, 1, 1]))
    display = plots.regions(map_, found)
    cells, _, lines = display.ax_.collections
    colors = cells.get_facecolor()
    is_first = [bool((color == colors[0]).all()) for color in colors]
    assert is_first == [True, True, False, True, False, False]
    assert [text.get_text() for text in display.ax_.texts] == ["0", "1"]
    sides = {tuple(np.round(side.mean(axis=0), 6)) for side in lines.get_segments()}
    # By hand: between 1 and 2, 1 and 4, 3 and 4.
    assert sides == {(1.5, 0.0), (1.0, 0.5), (0.5, 1.0)}
    assert display.ax_.get_title() == "2 regions, 2 x 3 units"


@pytest.mark.parametrize("kind", ["hexagonal", "rectangular"])
def test_borders_of_regions_lie_between_their_cells(kind: str) -> None:
    map_ = line_map(5, 6, kind)
    labels = np.random.default_rng(0).integers(0, 3, 30)
    lines = plots.regions(map_, Regions(map_, labels)).ax_.collections[-1]
    sides = np.array(lines.get_segments())
    places = map_.lattice.positions
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    a, b = np.nonzero(np.triu(np.abs(apart - 1) < 1e-9))
    expected = (places[a] + places[b])[labels[a] != labels[b]] / 2
    far = np.linalg.norm(sides.mean(axis=1)[:, None] - expected[None], axis=2)
    assert len(sides) == len(expected)
    assert far.min(axis=1).max() < 1e-9


def test_the_name_of_a_region_is_on_its_larger_part() -> None:
    map_ = SOM(4, 7, random_state=0).fit(np.random.default_rng(0).normal(size=(60, 2))).map_
    labels = np.tile([0, 0, 0, 1, 2, 0, 2], (4, 1))  # region 0 has parts of 12 and 4 units
    found = Regions(map_, labels.ravel())
    drawn = plots.umatrix(map_, regions=found).drawn_["labels"]
    assert {text: labels.ravel()[unit] for unit, text in drawn.items()} == {"0": 0, "1": 1, "2": 2}
    (unit,) = (unit for unit, text in drawn.items() if text == "0")
    assert unit % 7 == 1  # in the middle of the larger part
    named = regions.rename(found, {0: "left"})
    assert plots.umatrix(map_, regions=named).drawn_["labels"][unit] == "left"
    texts = ["x"] + 27 * [""]
    assert plots.umatrix(map_, regions=found, labels=texts).drawn_["labels"] == {0: "x"}


def cells_of(display: plots.Display, ax: int = 0) -> PolyCollection:
    found = display.axes_[ax].collections[0]
    assert isinstance(found, PolyCollection)
    return found


# Importing and saving


@pytest.mark.parametrize("statement", ["import somscape.plots", "import somscape.report"])
def test_importing_does_not_import_matplotlib(statement: str) -> None:
    code = f"import sys; {statement}; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_leaves_pyplot_alone() -> None:
    code = (
        "import sys, numpy as np\n"
        "from somscape import Lattice, Map, plots\n"
        "from somscape.tables import Encoding\n"
        "m = Map(np.zeros((2, 1)), Lattice(1, 2), Encoding.plain(['x']), np.ones(2))\n"
        "plots.umatrix(m)._repr_png_(); plots.planes(m)._repr_png_(); plots.hits(m)._repr_png_()\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


DRAWINGS = {
    "umatrix": plots.umatrix,
    "planes": plots.planes,
    "hits": plots.hits,
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
@pytest.mark.parametrize("ending", ["svg", *nightly(["png", "pdf"])])
def test_same_map_gives_the_same_bytes(draw: Any, ending: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    draw(line_map()).save(first)
    draw(line_map()).save(second)
    assert first.read_bytes() == second.read_bytes()


def test_saved_png_says_neither_when_nor_by_what_it_was_made(tmp_path: Path) -> None:
    plots.umatrix(line_map()).save(tmp_path / "map.png", dpi=50)
    data = (tmp_path / "map.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert b"tEXt" not in data
    assert b"tIME" not in data


# Showing


class Window(FigureManagerBase):
    """A window on a screen that nobody sees: it notes what it shows, and is closed at once."""

    shown: ClassVar[list[Figure]] = []

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        cls.shown += [plt.figure(number) for number in plt.get_fignums()]


class WindowCanvas(FigureCanvasAgg):
    manager_class = Window


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Give a backend that opens windows, and the figures that it shows."""
    module = ModuleType("windows_for_tests")
    module.FigureCanvas, module.FigureManager = WindowCanvas, Window
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(Window, "shown", [])
    before = plt.get_backend()
    plt.switch_backend(f"module://{module.__name__}")
    yield Window.shown
    plt.close("all")
    plt.switch_backend(before)


def test_a_picture_is_shown_in_a_window_and_leaves_pyplot_alone(windows: list[Figure]) -> None:
    display = plots.umatrix(line_map())
    before = display._repr_png_()
    display.show()
    display.show()
    assert windows == [display.figure_, display.figure_]
    assert plt.get_fignums() == []
    assert display._repr_png_() == before


def test_where_python_goes_on_a_window_stays_open_and_is_not_opened_twice(
    windows: list[Figure],
) -> None:
    display = plots.planes(line_map())
    with plt.ion():
        display.show()
        display.show()
        assert plt.get_fignums() == [1]
        plt.close(1)
        plt.figure()  # takes the number of the closed one
        display.show()
    assert [figure is display.figure_ for figure in windows] == [True, True, False, True]


def test_a_figure_of_pyplot_stays_open_when_it_is_shown(windows: list[Figure]) -> None:
    figure, ax = plt.subplots()
    plots.hits(line_map(), ax=ax).show()
    assert windows == [figure]
    assert plt.fignum_exists(figure.number)


def test_a_backend_without_windows_says_that_nothing_is_shown() -> None:
    assert plt.get_backend().lower() == "agg"
    display = plots.umatrix(line_map())
    with pytest.warns(SomscapeWarning, match=r"'agg' .* cannot open windows\. Save"):
        display.show()
    assert plt.get_fignums() == []


# Where to draw

COLUMNS = ["amount", "answer", "color"]


def test_planes_are_drawn_one_by_one_into_axes_that_are_given() -> None:
    axes = Figure(figsize=(9, 6)).subplots(2, 2)
    display = plots.planes(mixed_map(), ax=axes)
    assert display.axes_ == tuple(axes.flat[:3])
    assert [ax.get_title() for ax in axes.flat] == [*COLUMNS, ""]
    assert display.figure_ is axes[0, 0].figure
    assert display.figure_.texts == []  # the title of the picture is the caller's matter
    assert plots.planes(mixed_map(), ["answer"], ax=axes[1, 1]).axes_ == (axes[1, 1],)


def areas() -> dict[str, Any]:
    """Return by kind the left half of a figure that is 10 inches wide and 5 high."""
    axes = Figure(figsize=(10, 5)).add_axes((0, 0, 0.5, 1))
    of_subfigure = Figure(figsize=(10, 5)).subfigures(1, 2)[0].add_axes((0, 0, 1, 1))
    subfigure = Figure(figsize=(10, 5)).subfigures(1, 2)[0]
    return {"axes": axes, "axes of a subfigure": of_subfigure, "subfigure": subfigure}


@pytest.mark.parametrize("kind", areas())
def test_an_area_is_divided_among_the_drawings(kind: str, tmp_path: Path) -> None:
    display = plots.planes(mixed_map(), ax=areas()[kind])
    assert isinstance(display.figure_, Figure)
    display.save(tmp_path / "picture.png")
    boxes = [ax.get_window_extent() for ax in display.axes_]
    dpi = display.figure_.dpi
    assert min(box.x0 for box in boxes) > 0
    assert max(box.x1 for box in boxes) < 5 * dpi
    assert min(box.y0 for box in boxes) > 0
    assert max(box.y1 for box in boxes) < 5 * dpi
    for i, a in enumerate(boxes):
        assert not any(a.overlaps(b) for b in boxes[:i])


def test_too_few_axes_are_refused() -> None:
    axes = list(Figure().subplots(1, 3))
    with rejected(parameter="ax"):
        plots.planes(mixed_map(), ax=axes[1:])
    with rejected(parameter="ax", value="int"):
        plots.planes(mixed_map(), ax=3)


def test_regions_are_passed_as_they_are_found() -> None:
    map_ = line_map()
    for draw in (plots.regions, lambda m, r: report.build(m, table_of_x(), regions=r)):
        with rejected(TypeError, parameter="regions", value="int"):
            draw(map_, 5)
        with rejected(parameter="regions", value=2):
            draw(map_, Regions(line_map(1, 2), np.array([0, 0])))


def table_of_x() -> Table:
    return table_from_columns({"x": [0.0, 5.0]})


# Cells


@pytest.mark.parametrize("kind", ["hexagonal", "rectangular"])
@pytest.mark.parametrize("draw", [plots.umatrix, plots.hits], ids=["umatrix", "hits"])
def test_cells_lie_at_the_positions_of_the_lattice(draw: Any, kind: str) -> None:
    map_ = line_map(3, 4, kind)
    paths = cells_of(draw(map_)).get_paths()
    middles = np.array([path.vertices[:-1].mean(axis=0) for path in paths])
    np.testing.assert_allclose(middles, map_.lattice.positions, **SAME)


def test_hexagons_of_neighboring_rows_share_an_edge() -> None:
    # 3 x 3: unit 4 (odd row, shifted right) touches 1 and 2 above, 7 and 8 below, 3 and 5 beside.
    map_ = line_map(3, 3)
    paths = cells_of(plots.umatrix(map_)).get_paths()
    corners = [{tuple(np.round(c, 6) + 0.0) for c in path.vertices} for path in paths]
    touching = {unit for unit in range(9) if unit != 4 and len(corners[4] & corners[unit]) == 2}
    assert touching == {1, 2, 3, 5, 7, 8}


def test_first_row_is_on_top() -> None:
    low, high = plots.umatrix(line_map()).ax_.get_ylim()
    assert low > high


def test_umatrix_shows_mean_distance_to_neighbors() -> None:
    # 1 x 3 units at 0, 1 and 2: the ends have one neighbor at distance 1, the middle two.
    display = plots.umatrix(line_map(1, 3))
    np.testing.assert_allclose(cells_of(display).get_array(), [1.0, 1.0, 1.0], **SAME)


# Classes


def spots(display: plots.Display) -> list[np.ndarray]:
    return [c.get_offsets() for c in display.ax_.collections if not isinstance(c, PolyCollection)]


def test_each_class_marks_its_winners() -> None:
    # Rows at 0, 2, 2: class 0 wins unit 0 alone and shares unit 2 with class 1.
    display = plots.umatrix(line_map(1, 3), [[0.0], [2.0], [2.0]], [0, 0, 1], y_name="Class")
    circles, squares = spots(display)
    np.testing.assert_allclose(circles, [[0.0, 0.0], [1.8, 0.0]], **SAME)
    np.testing.assert_allclose(squares, [[2.2, 0.0]], **SAME)
    legend = display.ax_.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1"]
    assert legend.get_title().get_text() == "Class"


def test_classes_are_ordered_as_numbers_and_unknown_ones_left_out() -> None:
    y = ["10", None, "9", float("nan")]
    display = plots.umatrix(line_map(), [[0.0], [1.0], [2.0], [3.0]], y)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["9", "10"]
    assert sum(map(len, spots(display))) == 2


def test_eight_classes_in_one_cell_do_not_cover_each_other() -> None:
    display = plots.umatrix(line_map(1, 2), np.zeros((8, 1)), range(8))
    places = np.vstack(spots(display))
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(8, 1)]
    assert gaps.min() > 0.2
    assert np.linalg.norm(places, axis=1).max() < 0.5  # all inside cell 0, at (0, 0)


def test_highlight_outlines_each_unit_once() -> None:
    plain, marked = plots.umatrix(line_map()), plots.umatrix(line_map(), highlight=[4, 1, 4])
    assert len(marked.ax_.collections) == len(plain.ax_.collections) + 2
    ring = marked.ax_.collections[1]
    middles = [path.vertices[:-1].mean(axis=0) for path in ring.get_paths()]
    np.testing.assert_allclose(middles, line_map().lattice.positions[[1, 4]], **SAME)


def test_highlight_outlines_the_cells_of_alerts() -> None:
    values, units = np.array([9.0, 8.0, 7.0, 1.0]), np.array([4, 2, -1, 0])
    first = (list("abcd"), np.arange(4), values, values, units, [()] * 3, 3)
    # One of the three alerts stands out: the cells of all three are outlined.
    alerts = Alerts("record", *first, np.arange(4) < 1, 0.1)
    map_ = line_map()
    ring = plots.umatrix(map_, highlight=alerts).ax_.collections[-1]
    assert isinstance(ring, PolyCollection)
    middles = [path.vertices[:6].mean(axis=0) for path in ring.get_paths()]
    # The third alert has no cell, and the fourth row is no alert.
    np.testing.assert_allclose(middles, map_.lattice.positions[[2, 4]], **SAME)


@pytest.mark.parametrize("wrong", ["a", [0.5], [True, False], {"units": [1]}])
def test_highlight_of_no_units_says_what_to_pass(wrong: Any) -> None:
    with rejected(TypeError, parameter="highlight"):
        plots.umatrix(line_map(), highlight=wrong)
    assert len(plots.umatrix(line_map(), highlight=[]).ax_.collections) == 3


def test_pies_are_cut_by_class_and_sized_by_rows() -> None:
    # Unit 0 wins three rows of a and one of b, unit 1 one of b: areas 4 to 1, so radii 2 to 1.
    rows = [[0.0], [0.0], [0.0], [0.0], [1.0]]
    display = plots.hits(line_map(1, 2), rows, ["a", "a", "a", "b", "b"])
    whole, quarter, small = (p.vertices[:-1] for p in display.ax_.collections[1].get_paths())
    reach = [np.ptp(whole, axis=0).max() / 2, np.ptp(small, axis=0).max() / 2]
    assert reach[0] == pytest.approx(
        2 * reach[1], rel=1e-2
    )  # arcs are drawn in steps of 7.5 degrees
    # The fourth quarter, left of noon: x from -r to 0, y from -r (up) to 0.
    np.testing.assert_allclose(quarter.min(axis=0), [-reach[0], -reach[0]], rtol=1e-2)
    np.testing.assert_allclose(quarter.max(axis=0), [0.0, 0.0], atol=1e-12)


def test_hits_count_the_rows_given_or_else_the_training_rows() -> None:
    np.testing.assert_array_equal(cells_of(plots.hits(line_map(1, 3))).get_array(), [0, 1, 2])
    given = plots.hits(line_map(1, 3), [[0.1], [0.2], [1.9]])
    np.testing.assert_array_equal(cells_of(given).get_array(), [2, 0, 1])


# Planes


def test_plane_of_two_levels_is_the_share_of_the_second() -> None:
    plane = plots.column_plane(mixed_map(), "answer")
    assert (plane.kind, plane.levels) == ("share", ("yes",))
    np.testing.assert_allclose(plane.values, [0.0, 0.25, 1.0], **SAME)
    assert cells_of(plots.planes(mixed_map(), ["answer"])).get_clim() == (0, 1)


def test_plane_of_more_levels_is_the_prevailing_one() -> None:
    plane = plots.column_plane(mixed_map(), "color")
    # Red prevails in units 0 and 1, blue in unit 2; green nowhere.
    assert (plane.kind, plane.levels) == ("level", ("red", "blue"))
    np.testing.assert_array_equal(plane.values, [0, 0, 1])
    legend = plots.planes(mixed_map(), ["color"]).ax_.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["red", "blue"]


def test_legend_names_eight_levels_and_counts_the_others() -> None:
    levels = tuple("abcdefghij")
    codebook = np.hstack([np.eye(10), np.zeros((10, 1))])
    encoding = Encoding((CategoryCode("letter", "asked", levels),))
    display = plots.planes(Map(codebook, Lattice(2, 5), encoding, np.ones(10)))
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == [*"abcdefgh", "other (2)"]


SEGMENTS = (
    "commercial property", "private household", "public administration", "agriculture",
    "small business", "industry", "non-profit organization", "education",
)  # fmt: skip
COUNTRIES = ("France", "Germany", "Italy", "Spain", "United Kingdom")


def inside(inner: Any, outer: Any) -> bool:
    """Whether one box lies in another, but for a pixel."""
    low, high = outer.min - 1, outer.max + 1
    return bool((inner.min >= low).all() and (inner.max <= high).all())


@pytest.mark.parametrize("draw", [plots.umatrix, plots.hits])
@pytest.mark.parametrize("names", [SEGMENTS, COUNTRIES, tuple(f"{s} of no kind" for s in SEGMENTS)])
@pytest.mark.parametrize("shape", [(4, 5), (12, 3)])
def test_a_legend_of_long_names_is_wrapped_into_the_picture(
    draw: Any, names: tuple[str, ...], shape: tuple[int, int]
) -> None:
    rows = np.arange(float(len(names)))[:, None]
    display = draw(line_map(*shape), rows, names, y_name="segment")
    legend = display.ax_.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == sorted(names)  # none is cut
    assert inside(legend.get_window_extent(), display.figure_.bbox)
    assert legend.get_window_extent().y1 <= display.ax_.get_window_extent().y0 + 1
    # The color bar stays as high as the map.
    for other in display.figure_.axes:
        bounds = [each.get_position().bounds[1::2] for each in (other, display.ax_)]
        np.testing.assert_allclose(*bounds, **SAME)


def test_names_with_formula_signs_and_rare_letters_can_be_drawn(tmp_path: Path) -> None:
    encoding = Encoding.plain([r"cost in $ (\frac{ US$", "a_b^{", "\U0001f4b3"])
    map_ = Map(np.zeros((2, 3)), Lattice(1, 2), encoding, np.ones(2))
    display = plots.planes(map_)
    display.save(tmp_path / "planes.png")
    assert display.ax_.get_title() == r"cost in \$ (\frac{ US\$"


# Refusals


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: plots.umatrix(m, y=[1]),
        lambda m: plots.hits(m, y=[1]),
        lambda m: plots.umatrix(m, [[0.0]], [1, 2]),
        lambda m: plots.umatrix(m, highlight=[6]),
        lambda m: plots.umatrix(m, highlight=[-1]),
        lambda m: plots.planes(m, ["nix"]),
        lambda m: plots.planes(m, []),
        lambda m: plots.planes(m, n_wide=0),
    ],
)
def test_what_cannot_be_drawn_is_refused(ask: Any) -> None:
    with rejected():
        ask(line_map())


def test_a_picture_without_an_ending_gets_one(tmp_path: Path) -> None:
    plots.planes(line_map()).save(str(tmp_path / "x"))
    plots.planes(line_map()).save(tmp_path / "y.png")
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()


def test_regions_are_drawn_on_their_own_map_without_the_map() -> None:
    map_ = line_map()
    joined = regions.find_regions(map_, n_regions=2)
    assert plots.regions(joined).ax_.get_title() == plots.regions(map_, joined).ax_.get_title()
    assert "2 regions" in plots.regions(joined).ax_.get_title()
