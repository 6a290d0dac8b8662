"""Pictures of paths: lines from cell to cell, over edges that meet, their ends and times."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from texts import rejected

from somscape import SOM, Graph, paths, plots
from somscape.grid import Lattice


@pytest.fixture(name="X")
def make_rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, 2))


def lines_of(ax) -> list[LineCollection]:
    return [each for each in ax.collections if isinstance(each, LineCollection)]


def nearest_units(lattice: Lattice, places) -> np.ndarray:
    apart = ((np.asarray(places)[:, None] - lattice.positions) ** 2).sum(axis=2)
    return apart.argmin(axis=1)


def test_a_line_leads_from_visit_to_visit_in_the_colors_of_time(X) -> None:
    som = SOM(4, 5, random_state=0).fit(X)
    found = paths.follow(som, X)
    display = plots.paths(found)
    (lines,) = lines_of(display.ax_)
    ends = np.array(lines.get_segments())
    units = found.units[np.append(True, found.units[1:] != found.units[:-1])]
    assert nearest_units(som.map_.lattice, ends[:, 0]).tolist() == units[:-1].tolist()
    assert nearest_units(som.map_.lattice, ends[:, 1]).tolist() == units[1:].tolist()
    times = np.asarray(lines.get_array())
    assert (np.diff(times) > 0).all()
    assert display.drawn_["lines"] is lines
    assert display.drawn_["ids"] == [0]
    np.testing.assert_allclose(display.drawn_["places"][0][:-1], ends[:, 0])
    assert lines.get_clim() == (0, len(X) - 1)
    assert display.ax_.get_title() == "1 path: 120 rows, 4 x 5 units"
    assert len(display.figure_.axes) == 2


def test_a_line_over_an_edge_of_a_torus_is_drawn_on_both_sides() -> None:
    lattice = Lattice(4, 6, kind="rectangular", boundary="torus")
    som = SOM(lattice=lattice, random_state=0).fit(np.random.default_rng(0).normal(size=(90, 3)))
    found = paths.follow(som, som.codebook_[[0, 5, 0, 1]])
    assert found.units.tolist() == [0, 5, 0, 1]
    (lines,) = lines_of(plots.paths(found).ax_)
    ends = np.array(lines.get_segments())
    assert len(ends) == 5  # two steps over the edge, each twice, and one within
    assert np.abs(np.diff(ends, axis=1)).max() < 2


def test_up_to_eight_paths_are_named_and_more_are_faint(X) -> None:
    som = SOM(4, 5, random_state=0).fit(X)
    display = plots.paths(paths.follow(som, X, ids=np.repeat(["mill$", "lathe"], 60)))
    assert sorted(text.get_text() for text in display.ax_.texts) == ["lathe", r"mill\$"]
    assert display.ax_.get_title() == "2 paths: 120 rows, 4 x 5 units"
    many = plots.paths(paths.follow(som, X, ids=np.repeat(np.arange(12), 10)))
    assert not many.ax_.texts
    (lines,) = lines_of(many.ax_)
    found = paths.follow(som, X, ids=np.repeat(np.arange(12), 10))
    assert len(lines.get_segments()) == found.transitions(stays=False)["steps"].sum()


def test_the_bar_shows_dates(X, tmp_path) -> None:
    som = SOM(4, 5, random_state=0).fit(X)
    days = pd.date_range("2026-01-01", periods=len(X))
    display = plots.paths(paths.follow(som, X, ids=["mill"] * len(X), times=days))
    assert display.figure_.axes[1].get_ylabel() == "time"
    labels = [label.get_text() for label in display.figure_.axes[1].get_yticklabels()]
    assert (labels[0], labels[-1]) == ("2026-01-01", "2026-04-30")
    assert display.ax_.get_title().startswith("Path of mill")
    display.save(tmp_path / "path.png")


@pytest.mark.parametrize("n", [1, 2])
def test_short_paths_and_graphs_are_drawn(n: int, X) -> None:
    line = np.eye(3, k=1) + np.eye(3, k=-1)
    som = SOM(lattice=Graph(line), random_state=0).fit(X)
    axes = Figure().add_subplot()
    display = plots.paths(paths.follow(som, X[:n]), ax=axes)
    assert display.ax_ is axes


def test_something_else_than_paths_is_refused(X) -> None:
    with rejected(TypeError, parameter="paths", value="SOM"):
        plots.paths(SOM(2, 2).fit(X))


def test_lines_can_be_seen_on_a_light_and_on_a_dark_page(X) -> None:
    som = SOM(4, 5, random_state=0).fit(X)
    many = paths.follow(som, X, ids=np.repeat(np.arange(12), 10))
    for page in (contextlib.nullcontext(), plots.dark()):
        with page:
            ax = plots.paths(many).ax_
        cells = ax.collections[0].get_facecolor()[:, :3].mean(axis=1)
        (lines,) = lines_of(ax)
        assert np.abs(lines.get_color()[0, :3].mean() - cells).min() > 0.5


def test_a_color_map_that_is_not_there_is_refused(X) -> None:
    with rejected(parameter="colormap", value="virids"):
        plots.paths(paths.follow(SOM(2, 2).fit(X), X), colormap="virids")
