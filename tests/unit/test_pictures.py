"""Pictures of a map: each says what it drew, on maps small enough to work out by hand."""

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from nightly import nightly
from scipy.sparse import csr_array
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, measures, paths, plots, regions
from somscape.errors import InputError
from somscape.grid.lattice import neighbor_pairs
from somscape.plots import relevance
from somscape.plots._cells import (
    COLORS,
    FEW,
    SEVERAL,
    checked_limits,
    ends_of_bar,
    region_colors,
)
from somscape.plots.columns import by_likeness, plane_correlations
from somscape.regions import Regions
from somscape.tables import Encoding, table_from_columns
from somscape.tables.codes import NumberCode

RNG = np.random.default_rng(0)


def map_of(codebook: Any, lattice: Lattice, hits: Any = None, names: Any = None) -> Map:
    codebook = np.asarray(codebook, dtype=np.float64)
    names = [f"x{i}" for i in range(codebook.shape[1])] if names is None else names
    hits = np.ones(len(codebook)) if hits is None else np.asarray(hits, dtype=np.float64)
    return Map(codebook, lattice, Encoding.plain(names), hits)


def line(n: int = 4, kind: str = "rectangular") -> Map:
    """Return a map of one row whose unit i stands at i."""
    return map_of(np.arange(float(n))[:, None], Lattice(1, n, kind=kind))


LATTICES = {
    "hexagonal": Lattice(3, 4),
    "rectangular": Lattice(3, 4, kind="rectangular"),
    "cylinder": Lattice(3, 4, boundary="cylinder"),
    "torus": Lattice(4, 4, boundary="torus"),
    "one unit": Lattice(1, 1),
    "graph": Graph(np.eye(5, k=1) + np.eye(5, k=-1)),
}
FIRST = ("hexagonal", "one unit", "graph")
ROWS = RNG.normal(size=(60, 4))
CLASSES = np.array(["a", "b", "c"])[np.arange(60) % 3]


def some_map(kind: str) -> Map:
    lattice = LATTICES[kind]
    return map_of(np.random.default_rng(1).normal(size=(lattice.n_units, 4)), lattice)


def moved(m: Map) -> Map:
    """Return a map of next month."""
    return replace(m, codebook=m.codebook + 0.1 * np.arange(4), hits=m.hits[::-1])


def few(m: Map) -> Regions:
    return regions.find_regions(m, min(4, m.n_units))


PICTURES = {
    "values": lambda m, **more: plots.values(m, "x0", **more),
    "levels": lambda m, **more: plots.values(m, [f"l{i % 3}" for i in range(m.n_units)], **more),
    "umatrix": lambda m, **more: plots.umatrix(m, ROWS, CLASSES, **more),
    "hits": plots.hits,
    "pies": lambda m, **more: plots.hits(m, ROWS, CLASSES, **more),
    "majority": lambda m, **more: plots.majority(m, ROWS, CLASSES, **more),
    "labels": lambda m, **more: plots.labels(m, ROWS, names=range(60), **more),
    "regions": plots.regions,
    "path": lambda m, **more: plots.paths(paths.follow(m, ROWS), **more),
    "paths": lambda m, **more: plots.paths(paths.follow(m, ROWS, ids=CLASSES), **more),
    "planes": plots.planes,
    "difference": lambda m, **more: plots.difference(m, moved(m), regions=True, **more),
    "dendrogram": lambda m, **more: plots.dendrogram(m, few(m), **more),
}
SEVERAL_AXES = ("planes", "difference")


# Every picture


@pytest.mark.parametrize("kind", [*FIRST, *nightly(name for name in LATTICES if name not in FIRST)])
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_on_every_lattice(name: str, kind: str) -> None:
    display = PICTURES[name](some_map(kind))
    assert display.drawn_
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_goes_into_axes_that_are_given(name: str) -> None:
    figure = Figure(figsize=(9, 5))
    axes = list(figure.subplots(1, 4)) if name in SEVERAL_AXES else figure.add_subplot()
    display = PICTURES[name](some_map("hexagonal"), ax=axes)
    assert display.figure_ is figure
    assert set(display.axes_) <= set(np.ravel(axes))
    if cells := display.drawn_.get("cells"):
        figure.colorbar(cells, ax=display.ax_)
    display._repr_png_()


# The size and the title


SIZES = [(4, 3), [12.0, 9.0], np.array([3, 8])]


@pytest.mark.parametrize("figsize", SIZES, ids=str)
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_the_wanted_size_and_title(name: str, figsize: Any) -> None:
    display = PICTURES[name](some_map("hexagonal"), figsize=figsize, title="March $1")
    display.figure_.draw_without_rendering()
    figure, page = display.figure_, display.figure_.bbox
    assert tuple(figure.get_size_inches()) == tuple(figsize)
    titles = [ax.get_title(loc) for ax in figure.axes for loc in ("left", "center")]
    titles += [text.get_text() for text in figure.texts]
    assert titles.count("March $1") == 1
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts]
    for box in boxes:
        assert box.x0 >= page.x0 - 1
        assert box.y0 >= page.y0 - 1
        assert box.x1 <= page.x1 + 1
        assert box.y1 <= page.y1 + 1


@pytest.mark.parametrize("wrong", [(1, 5), (5, 101), (4,), 5, "ab", (4, np.nan), (4, "3")])
@pytest.mark.parametrize("name", ["hits", "planes"])
def test_a_wrong_size_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"`figsize` .* 2 to 100 inches, but is .*\(8, 6\)"):
        PICTURES[name](some_map("hexagonal"), figsize=wrong)


@pytest.mark.parametrize("name", PICTURES)
def test_a_size_or_title_that_cannot_be_is_refused(name: str) -> None:
    m, figure = some_map("hexagonal"), Figure(figsize=(9, 5))
    axes = list(figure.subplots(1, 4)) if name in SEVERAL_AXES else figure.add_subplot()
    with pytest.raises(ValueError, match=r"`figsize` and `ax` are both given.* leave out one"):
        PICTURES[name](m, ax=axes, figsize=(5, 4))
    with pytest.raises(TypeError, match=r"`title` must be a text or None, but is an int.* Pass a"):
        PICTURES[name](m, title=3)
    if name in SEVERAL_AXES:
        with pytest.raises(ValueError, match=r"`title` is given.*figure\.suptitle"):
            PICTURES[name](m, ax=axes, title="March")
    else:
        ax = PICTURES[name](m, ax=axes, title="March").ax_
        assert "March" in (ax.get_title("left"), ax.get_title())


@pytest.mark.parametrize("wrong", ["x.xyz", Path("x.json"), 5, None, b"x.png"])
def test_a_name_that_no_picture_can_have_is_refused(wrong: Any, tmp_path: Path) -> None:
    target = tmp_path / wrong if isinstance(wrong, str | Path) else wrong
    with pytest.raises(InputError) as caught:
        plots.hits(some_map("hexagonal")).save(target)
    message, error = str(caught.value), caught.value
    assert (error.parameter, error.value) == ("path", target)
    assert {".png", ".svg", ".pdf"} <= set(error.allowed)
    assert re.search(r"`path` .* ends in .*\.png.*, but is .*Pass a name such as", message)
    assert repr(target if target is wrong else str(target)) in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_dark_on_a_dark_page(name: str) -> None:
    with plots.dark():
        display = PICTURES[name](some_map("hexagonal"))
    assert max(display.figure_.get_facecolor()[:3]) < 0.2
    for ax in display.figure_.axes:
        for text in (ax.title, ax.xaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()):
            if text.get_text():
                assert luminance(text.get_color()) > 0.6
    assert luminance(PICTURES[name](some_map("hexagonal")).figure_.get_facecolor()) > 0.9


def luminance(color: Any) -> float:
    return float(np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("name", ["umatrix", "pies", "majority", "levels"])
def test_legends_are_outside_and_whole(name: str) -> None:
    m = map_of(
        RNG.normal(size=(12, 4)), Lattice(3, 4), names=[f"a long name {i}" for i in range(4)]
    )
    display = PICTURES[name](m)
    display.figure_.draw_without_rendering()
    legend, ax = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    page = display.figure_.bbox
    assert legend.x0 >= page.x0
    assert legend.x1 <= page.x1
    assert legend.y0 >= page.y0
    assert legend.y1 <= page.y1
    assert legend.y1 <= ax.y0 + 1 or legend.x0 >= ax.x1 - 1


# Any value per unit


def test_values_are_an_array_in_either_shape_or_a_column() -> None:
    m = map_of(np.arange(12.0).reshape(6, 2), Lattice(2, 3), names=["income", "age"])
    flat = np.array([5.0, 3, 1, 2, 4, 6])
    for what, expected in (
        (flat, flat),
        (flat.reshape(2, 3), flat),
        (list(flat), flat),
        ("age", m.codebook[:, 1]),
        (np.int64(0), m.codebook[:, 0]),
    ):
        display = plots.values(m, what)
        np.testing.assert_array_equal(display.drawn_["values"], expected)
        np.testing.assert_array_equal(display.ax_.collections[0].get_array(), expected)
    assert plots.values(m, "age").ax_.get_title() == "age, 2 x 3 units"
    assert plots.values(m, flat, name="rank").ax_.get_title() == "rank, 2 x 3 units"
    for series in (pd.Series(flat, name="rank"), pl.Series("rank", flat)):
        assert plots.values(m, series).ax_.get_title() == "rank, 2 x 3 units"
        assert plots.values(m, series, name="place").ax_.get_title() == "place, 2 x 3 units"
    assert plots.values(m, pd.Series(flat)).ax_.get_title() == "2 x 3 units"


def test_a_bar_is_in_original_units() -> None:
    code = NumberCode("amount", "asked", 0.0, 0.0, 100.0, 200.0, 100.0, True)
    m = Map(np.array([[0.0], [0.5], [1.0]]), Lattice(1, 3), Encoding((code,)), np.ones(3))
    display = plots.values(m, "amount")
    np.testing.assert_allclose(display.drawn_["limits"], (100, 300))
    assert display.figure_.axes[1].get_ylabel() == "amount"


def test_a_function_gets_the_rows_of_each_unit() -> None:
    # Rows 0.1 and 0.2 are unit 0's, 2.9 is unit 3's; units 1 and 2 have none.
    rows = np.array([[0.1], [2.9], [0.2]])
    display = plots.values(line(), lambda own: own[:, 0].sum(), X=rows)
    np.testing.assert_allclose(display.drawn_["values"], [0.3, np.nan, np.nan, 2.9])
    assert display.ax_.get_title() == "1 x 4 units"
    without_module = eval("lambda own: own[:, 0].sum()", {})  # as in a console of one's own
    again = plots.values(line(), without_module, X=rows)
    np.testing.assert_allclose(again.drawn_["values"], [0.3, np.nan, np.nan, 2.9])
    found = plots.values(line(), lambda own: "low" if own.max() < 1 else "high", X=rows)
    assert found.drawn_["levels"] == ("high", "low")
    np.testing.assert_array_equal(found.drawn_["values"], [1, -1, -1, 0])


@pytest.mark.parametrize("kind", ["array", "list", "sparse", "pandas", "polars", "arrow", "table"])
def test_the_rows_of_a_function_are_of_the_type_that_was_passed(kind: str) -> None:
    columns = {"x0": [0.1, 2.9, 0.2], "other": [10.0, 20.0, 30.0]}
    numbers = np.array([[0.1], [2.9], [0.2]])
    X, last = {
        "array": (numbers, lambda own: own[-1, 0]),
        "list": (numbers.tolist(), lambda own: own[-1, 0]),
        "sparse": (csr_array(numbers), lambda own: own.toarray()[-1, 0]),
        "pandas": (pd.DataFrame(columns), lambda own: own["other"].iloc[-1]),
        "arrow": (pa.table(columns), lambda own: own["other"][len(own) - 1].as_py()),
        "polars": (pl.DataFrame(columns), lambda own: own["other"][-1]),
        "table": (table_from_columns(columns), lambda own: own.column("other").numbers[-1]),
    }[kind]
    is_plain = kind in ("array", "list", "sparse")
    m = line() if is_plain else named_line()
    expected = [0.2, np.nan, np.nan, 2.9] if is_plain else [30, np.nan, np.nan, 20]
    np.testing.assert_allclose(plots.values(m, last, X=X).drawn_["values"], expected)


def named_line() -> Map:
    code = NumberCode("x0", "asked", 0.0, 0.0, 0.0, 1.0, 1.0, False)
    return Map(np.arange(4.0)[:, None], Lattice(1, 4), Encoding((code,)), np.ones(4))


def test_a_measure_is_called_with_the_map_and_the_rows_of_each_unit() -> None:
    som = SOM(3, 4, random_state=0).fit(ROWS)
    display = plots.values(som, measures.quantization_error, X=ROWS)
    assert display.ax_.get_title() == "quantization error, 3 x 4 units"
    by_unit = measures.by_unit(som, ROWS, which=["quantization_error"])
    np.testing.assert_allclose(display.drawn_["values"], by_unit["quantization_error"], rtol=1e-9)


def test_texts_and_truth_are_levels_dates_are_years_and_gaps_are_empty() -> None:
    texts = plots.values(line(), ["b", None, "a", "b"])
    assert texts.drawn_["levels"] == ("b", "a")
    assert [t.get_text() for t in texts.ax_.get_legend().get_texts()] == ["b", "a"]
    colors = texts.ax_.collections[0].get_facecolor()
    assert (colors[0] == colors[3]).all()
    assert len(np.unique(colors, axis=0)) == 3
    assert plots.values(line(), [True, False, False, True]).drawn_["levels"] == ("False", "True")
    days = np.array(["1970-01-01", "NaT", "2000-01-01", "1970-01-01"], dtype="datetime64[D]")
    years = plots.values(line(), days).drawn_["values"]
    np.testing.assert_allclose(years, [1970, np.nan, 2000, 1970], atol=0.01)
    assert plots.values(line(), [1, None, 2, pd.NA]).drawn_["limits"] == (1, 2)
    assert plots.values(line(), [np.nan] * 4).drawn_["limits"] == (0, 1)


def test_of_more_levels_the_rest_is_gray() -> None:
    m = map_of(np.arange(32.0)[:, None], Lattice(4, 8))
    names = [f"level {i:02d}" for i in range(16)] * 2
    few = plots.values(m, names)
    shown = [t.get_text() for t in few.ax_.get_legend().get_texts()]
    assert shown[-1] == "other (4)"
    assert len(shown) == 13


# Limits


def test_robust_limits_leave_a_few_outlying_units_out() -> None:
    values = np.arange(100.0)
    assert checked_limits(values, "robust") == (0, 99)
    outlying = np.append(values, [1e6, -1e6])
    # 5 of 102 left out at each end: from 4 to 95, and half of 91 beyond.
    assert checked_limits(outlying, "robust") == (4 - 45.5, 95 + 45.5)
    assert checked_limits(outlying, "full") == (-1e6, 1e6)
    assert ends_of_bar(outlying, (-41.5, 140.5)) == "both"
    assert ends_of_bar(values, (1, 99)) == "min"
    assert ends_of_bar(values, (0, 98)) == "max"
    assert ends_of_bar(np.array([np.nan, 1, 2]), (0, 2)) == "neither"
    assert checked_limits(np.array([0.0] * 99 + [7]), "robust") == (0, 7)  # nothing is usual
    assert checked_limits(np.array([1.0, 2, 3, 1e9]), "robust") == (1, 1e9)  # too few to tell
    assert checked_limits(values, (2, 5)) == (2, 5)


@given(
    st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=1, max_size=200),
    st.sampled_from([FEW, SEVERAL]),
)
@settings(deadline=None)
def test_robust_limits_hold_the_middle_and_no_more_than_all(values: list, share: float) -> None:
    given_values = np.array(values)
    known = np.sort(given_values[~np.isnan(given_values)])
    low, high = checked_limits(given_values, "robust", share)
    if not len(known):
        assert (low, high) == (0, 1)
        return
    n_out = max(1, int(share * len(known)))
    assert known[0] <= low <= known[min(n_out, len(known) - 1)]
    assert known[max(0, len(known) - 1 - n_out)] <= high <= known[-1]
    assert checked_limits(-given_values, "robust", share) == (-high, -low)


@pytest.mark.parametrize("limits", ["wide", (2, 1), (1,), 3, (1, "a"), None])
def test_other_limits_are_refused(limits: Any) -> None:
    with rejected(parameter="limits"):
        plots.values(line(), "x0", limits=limits)


# Lattices


def test_a_torus_repeats_the_cells_of_the_other_edge() -> None:
    lattice = Lattice(4, 4, kind="rectangular", boundary="torus")
    m = map_of(np.arange(16.0)[:, None], lattice)
    own, beyond = [
        c for c in plots.values(m, "x0").ax_.collections if isinstance(c, PolyCollection)
    ]
    middles = np.array([path.vertices[:4].mean(axis=0) for path in beyond.get_paths()])
    seen = {tuple(xy): v for xy, v in zip(middles.tolist(), beyond.get_array(), strict=True)}
    assert len(seen) == 20  # four sides of four and four corners
    assert seen[-1.0, 0.0] == 3
    assert seen[4.0, 2.0] == 8
    assert seen[0.0, 4.0] == 0
    assert seen[-1.0, -1.0] == 15
    assert 0 < beyond.get_alpha() < 1
    assert len(own.get_paths()) == 16
    plain = plots.values(map_of(m.codebook, Lattice(4, 4)), "x0")
    assert len(plain.ax_.collections) == 1


def test_borders_of_regions_go_round_a_torus() -> None:
    lattice = Lattice(2, 4, kind="rectangular", boundary="cylinder")
    m = map_of(np.arange(8.0)[:, None], lattice)
    sides = plots.values(m, "x0", regions=Regions(m, np.array([0, 0, 1, 1] * 2))).drawn_["borders"]
    # Between columns 1 and 2, and between 3 and 0, which meet on both sides of the picture.
    assert sorted(set(sides.mean(axis=1)[:, 0])) == [-0.5, 1.5, 3.5]


# Classes


def test_beyond_the_most_classes_the_smallest_are_joined() -> None:
    rows = np.repeat(np.arange(4.0), [4, 3, 2, 1])[:, None]
    y = ["d"] * 4 + ["c"] * 3 + ["b"] * 2 + ["a"]
    for draw in (plots.hits, plots.umatrix, plots.majority):
        drawn = draw(line(), rows, y, max_classes=2).drawn_
        assert drawn["classes"] == ("c", "d", "other (2)")
        np.testing.assert_array_equal(drawn["counts"], [[0, 4, 0], [3, 0, 0], [0, 0, 2], [0, 0, 1]])


def test_the_majority_colors_a_cell_and_its_share_makes_it_pale() -> None:
    rows = np.array([0.0, 0, 0, 0, 1, 1, 2])[:, None]
    display = plots.majority(line(), rows, ["a", "a", "a", "b", "b", "a", None])
    assert display.drawn_["majority"].tolist() == [0, 0, -1, -1]  # of a tie the first
    np.testing.assert_allclose(display.drawn_["share"], [0.75, 0.5, np.nan, np.nan])
    colors = display.ax_.collections[0].get_facecolor()
    assert luminance(colors[0]) < luminance(colors[1])
    assert [t.get_text() for t in display.ax_.texts] == ["A", "A"]
    assert [t.get_text() for t in display.ax_.get_legend().get_texts()] == ["A a", "B b"]


def test_of_many_rows_only_classes_above_their_share_are_marked() -> None:
    # 100 rows each; a fifth of unit 0's and half of unit 1's are b, of all 35 %.
    rows = np.repeat([0.0, 1.0], 100)[:, None]
    y = ["b"] * 20 + ["a"] * 80 + ["b"] * 50 + ["a"] * 50
    display = plots.umatrix(line(2), rows, y)
    a, b = (c for c in display.ax_.collections if not isinstance(c, PolyCollection))
    np.testing.assert_allclose(a.get_offsets(), [[0, 0]])
    np.testing.assert_allclose(b.get_offsets(), [[1, 0]])


# Names and numbers


def test_a_line_leads_from_a_cell_to_its_moved_text() -> None:
    names = ["a long name of a row", "another long name", None]
    display = plots.labels(line(3), [[0.0], [1.0], [2.0]], names=names)
    at = {text.get_text(): text.get_position() for text in display.ax_.texts}
    (lead,) = display.ax_.lines
    np.testing.assert_allclose(lead.get_xydata(), [[1, 0], at["another long name"]], atol=1e-9)
    assert at["a long name of a row"][1] == 0
    assert abs(at["another long name"][1]) > 0.1


def boxes_of_texts(display: plots.Display) -> list[Any]:
    display.figure_.draw_without_rendering()
    return [text.get_window_extent() for text in display.ax_.texts]


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(1, 14))
@settings(max_examples=15, deadline=None)
def test_names_do_not_cover_each_other(seed: int, side: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    m = map_of(rng.normal(size=(side * side, 2)), Lattice(side, side))
    rows = rng.normal(size=(80, 2))
    names = ["".join(rng.choice(list("abcWiMl "), length)) + "x" for _ in rows]
    display = plots.labels(m, rows, names=names)
    found = boxes_of_texts(display)
    assert len(found) == len(display.drawn_["labels"])
    for first, second in itertools.combinations(found, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        tall = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(wide, tall) < 3  # pixels
    units = set(m.winners(rows).tolist())
    assert set(display.drawn_["labels"]) | set(display.drawn_["left_out"]) == units


def test_names_of_a_cell_stand_below_each_other_and_further_ones_are_counted() -> None:
    names = ["a", "b", None, "c", float("nan"), "d"]
    drawn = plots.labels(line(), [[0.0]] * 5 + [[3.0]], names=names, max_names=2).drawn_
    assert drawn["labels"] == {0: "a\nb\n+1", 3: "d"}
    assert drawn["left_out"] == {}


def test_names_that_a_map_was_read_with_are_its_labels() -> None:
    m = replace(line(), unit_labels=("a", "", "c", ""))
    assert plots.hits(m, labels=["a", None, np.nan, pd.NA]).drawn_["labels"] == {0: "a"}
    assert plots.values(m, 0, labels=True).drawn_["labels"] == {0: "a", 2: "c"}
    with rejected(parameter="labels", value=True):
        plots.values(line(), 0, labels=True)


# Planes in order


def test_planes_that_are_alike_stand_side_by_side() -> None:
    # 0 and 2 most alike, 3 then nearest to 2, 1 to 0.
    alike = np.array(
        [[1, 0.5, -0.9, 0.1], [0.5, 1, 0.2, 0.0], [-0.9, 0.2, 1, 0.6], [0.1, 0.0, 0.6, 1]]
    )
    assert by_likeness(alike).tolist() == [1, 0, 2, 3]
    codebook = RNG.normal(size=(30, 3))
    codebook = np.column_stack([codebook, -codebook[:, 0]])
    m = map_of(codebook, Lattice(5, 6))
    np.testing.assert_allclose(
        plane_correlations(m, ["x0", "x1", "x2", "x3"]), np.corrcoef(codebook.T), atol=1e-12
    )
    columns = plots.planes(m, order="likeness").drawn_["columns"]
    assert abs(columns.index("x0") - columns.index("x3")) == 1


def test_planes_by_relevance_begin_with_the_widest_spread() -> None:
    # Weighted by hits 1, 1, 2: variances 0.6875 of x0 (means 0.75), 11 of x1, 0 of x2.
    m = map_of([[0.0, 0, 7], [1, 8, 7], [1, 2, 7]], Lattice(1, 3), hits=[1, 1, 2])
    variances = np.array([0.1875, 9.0, 0.0])
    np.testing.assert_allclose(relevance(m, ["x0", "x1", "x2"]), variances / variances.sum())
    assert plots.planes(m, order="relevance").drawn_["columns"] == ["x1", "x0", "x2"]
    shown = plots.planes(m, order="relevance", max_panels=1)
    assert shown.drawn_["columns"] == ["x1"]
    assert "2 more" in shown.figure_.texts[0].get_text()


def test_limits_of_planes_can_be_given() -> None:
    m = map_of(np.append(np.arange(99.0), 1e6)[:, None], Lattice(10, 10))
    for limits, expected in (("full", (0, 1e6)), ((0, 7), (0, 7))):
        ax = plots.planes(m, limits=limits).ax_
        assert ax.collections[0].get_clim() == expected
    assert plots.planes(m).ax_.collections[0].get_clim()[1] < 200


def test_columns_are_given_by_number_too() -> None:
    m = map_of(np.arange(6.0).reshape(2, 3), Lattice(1, 2))
    assert plots.planes(m, [2, "x0"]).drawn_["columns"] == ["x2", "x0"]
    assert plots.planes(m, 1).drawn_["columns"] == ["x1"]
    som = SOM(3, 4, random_state=0).fit(RNG.normal(size=(60, 9)))
    assert plots.planes(som, 7).drawn_["columns"] == ["x7"]
    assert plots.planes(som, np.int64(7)).drawn_["columns"] == ["x7"]


def test_pies_and_markers_of_small_cells_are_joined_to_blocks() -> None:
    m = map_of(np.arange(40_000.0)[:, None], Lattice(200, 200))
    rows, y = np.array([[0.0], [1], [200], [39_999]]), ["a", "b", "a", "b"]
    pies = plots.hits(m, rows, y)
    slices = next(c for c in pies.ax_.collections if c.get_zorder() == 3).get_paths()
    assert len(slices) == 3  # two in the first corner, one in the last
    assert "sums of 5 x 5" in pies.ax_.get_title()
    assert pies.drawn_["counts"].sum(axis=0).tolist() == [2, 2]
    marked = plots.umatrix(m, rows, y)
    a, b = (c.get_offsets() for c in marked.ax_.collections if not isinstance(c, PolyCollection))
    assert (len(a), len(b)) == (1, 2)
    assert marked.drawn_["counts"].shape == (40_000, 2)


# Refusals


INCOME = map_of(np.zeros((4, 2)), Lattice(2, 2), names=["income", "age"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda: plots.values(INCOME, "incme"),
        lambda: plots.planes(INCOME, "Incomes"),
        lambda: plots.values(INCOME, 2),
        lambda: plots.planes(INCOME, [-1]),
        lambda: plots.planes(INCOME, 1.0),
        lambda: plots.planes(INCOME, [None]),
        lambda: plots.values(INCOME, [1, 2, 3]),
        lambda: plots.values(INCOME, np.zeros((4, 2))),
        lambda: plots.values(INCOME, [[1], [1, 2]]),
        lambda: plots.values(INCOME, np.zeros(4, complex)),
        lambda: plots.values(INCOME, np.mean),
        lambda: plots.values(INCOME, lambda r: r, X=[[0.0, 0]]),
        lambda: plots.values(INCOME, "age", labels=["a"]),
        lambda: plots.values(INCOME, "age", labels="abcd"),
        lambda: plots.values(INCOME, "age", highlight=[4]),
        lambda: plots.values(INCOME, list("abcd"), max_classes=0),
        lambda: plots.values(INCOME, "age", colormap="virids"),
        lambda: plots.umatrix(INCOME, [[0, 0]], ["a"], max_classes=13),
        lambda: plots.hits(INCOME, [[0, 0]], ["a"], max_classes=99),
        lambda: plots.hits(INCOME, [[0, 0]], [None]),
        lambda: plots.hits(INCOME, [[0, 0]], pd.Series([np.nan])),
        lambda: plots.majority(INCOME, [[0, 0]], [float("nan")]),
        lambda: plots.labels(INCOME, [[0, 0]], names=["a", "b"]),
        lambda: plots.labels(INCOME, [[0, 0]], names=["a"], max_names=0),
    ],
)
def test_what_is_wrong_and_what_to_do_stands_in_one_line(ask: Any) -> None:
    with rejected() as caught:
        ask()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_one_row_of_a_class_and_maps_without_hits_are_drawn() -> None:
    empty = map_of(np.arange(12.0)[:, None], Lattice(3, 4), hits=np.zeros(12))
    for draw in PICTURES.values():
        draw(map_of(RNG.normal(size=(12, 4)), Lattice(3, 4), hits=np.zeros(12)))
    drawn = plots.hits(empty).drawn_
    assert drawn["limits"] == (0, 1)
    rare = plots.hits(empty, [[0.0]] * 9 + [[5.0]], ["a"] * 9 + ["b"]).drawn_
    assert rare["counts"][5].tolist() == [0, 1]


def regions_of_size_two(n_rows: int, n_cols: int, **lattice: Any) -> Regions:
    """Return a map whose units 0 and 1, 2 and 3 and so on are regions."""
    m = map_of(np.arange(float(n_rows * n_cols))[:, None], Lattice(n_rows, n_cols, **lattice))
    return Regions(m, np.arange(n_rows * n_cols) // 2)


def clashes(found: Regions, colors: Any) -> int:
    """Return how many pairs of neighbors are of two regions with one color."""
    ends = found.labels[neighbor_pairs(found.map_.lattice)]
    return sum(colors[a] == colors[b] for a, b in ends if a != b)


def test_the_first_twelve_regions_have_the_usual_colors() -> None:
    found = regions_of_size_two(4, 6)
    drawn = plots.regions(found.map_, found).drawn_
    assert drawn["colors"] == list(COLORS)


@given(
    st.integers(2, 9),
    st.integers(2, 9),
    st.sampled_from(["plane", "cylinder", "torus"]),
    st.sampled_from(["hexagonal", "rectangular"]),
    st.integers(1, 60),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_regions_that_touch_differ_in_color(
    n_rows: int, n_cols: int, boundary: str, kind: str, n: int, seed: int
) -> None:
    if boundary == "torus" and kind == "hexagonal":
        n_rows += n_rows % 2
    lattice = Lattice(n_rows, n_cols, kind=kind, boundary=boundary)
    m = map_of(np.arange(float(lattice.n_units))[:, None], lattice)
    drawn = np.random.default_rng(seed).integers(0, n, lattice.n_units)
    found = Regions(m, np.unique(drawn, return_inverse=True)[1])
    colors = region_colors(found)
    assert colors[:12] == list(COLORS[: found.n_regions])
    assert clashes(found, colors) == 0
    assert region_colors(found) == colors


def test_a_region_that_touches_all_twelve_colors_gets_another() -> None:
    # A star: region 12 in the middle touches all others.
    star = np.zeros((13, 13))
    star[12, :12] = star[:12, 12] = 1
    m = map_of(np.arange(13.0)[:, None], Graph(star))
    colors = region_colors(Regions(m, np.arange(13)))
    assert len(set(colors)) == 13


def test_regions_have_the_colors_that_were_given_and_neighbors_avoid_them() -> None:
    found = regions_of_size_two(6, 6)
    # Region 13 would have the color of 1; it touches 12, which is said to have that one.
    given = regions.recolor(found, {12: COLORS[1], 0: "#123456"})
    display = plots.regions(found.map_, given)
    colors = display.drawn_["colors"]
    assert colors[0] == "#123456"
    assert colors[1:12] == list(COLORS[1:])
    assert colors[12] == COLORS[1]
    assert colors[13] not in (COLORS[1], "")
    cells = display.ax_.collections[0].get_facecolor()
    assert to_rgb(cells[0]) == pytest.approx(to_rgb("#123456"))
    assert clashes(found, colors) == 0
