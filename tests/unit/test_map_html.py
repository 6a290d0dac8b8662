"""A map in a notebook: a small picture without scripts."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from somscape import SOM, Graph, Lattice, Map
from somscape.tables import Encoding


def made(lattice: Lattice) -> Map:
    codebook = np.arange(lattice.n_units, dtype=float)[:, None] ** 2
    return Map(codebook, lattice, Encoding.plain(["x"]), np.ones(lattice.n_units))


@pytest.mark.parametrize("kind", ["hexagonal", "rectangular"])
def test_map_shows_a_cell_for_each_unit_where_it_lies(kind: str) -> None:
    map_ = made(Lattice(3, 2, kind))
    figure = ET.fromstring(map_._repr_html_())
    cells = figure.findall("./svg/polygon")
    assert len(cells) == 6
    for cell, position in zip(cells, map_.lattice.positions, strict=True):
        corners = np.array([p.split(",") for p in cell.attrib["points"].split()], dtype=float)
        assert corners.mean(axis=0) == pytest.approx(position, abs=2e-3)
    left, top, wide, tall = map(float, figure[0].attrib["viewBox"].split())
    every = np.vstack([[p.split(",") for p in c.attrib["points"].split()] for c in cells])
    low, high = every.astype(float).min(axis=0), every.astype(float).max(axis=0)
    assert (left, top) == pytest.approx(tuple(low), abs=2e-3)
    assert (left + wide, top + tall) == pytest.approx(tuple(high), abs=4e-3)


def test_darkest_cell_is_the_highest() -> None:
    map_ = made(Lattice(1, 4))
    cells = ET.fromstring(map_._repr_html_()).findall("./svg/polygon")
    # By hand: heights 1, 2, 4 and 5 of prototypes 0, 1, 4 and 9.
    assert [cells[i].attrib["fill"] for i in (0, 3)] == ["rgb(246, 249, 249)", "rgb(11, 11, 18)"]
    assert cells[2].findtext("title") == "row 0, column 2: 4, 1 rows"


def test_flat_graph_and_huge_maps_are_shown_too() -> None:
    flat = SOM(2, 2, random_state=0).fit(np.tile([1.0, 2.0], (5, 1))).map_
    assert flat._repr_html_().count("<polygon") == 4
    ring = np.roll(np.eye(5), 1, axis=1)
    assert made(Graph(ring + ring.T))._repr_html_().count("<polygon") == 5
    huge = made(Lattice(60, 60))._repr_html_()
    assert "<svg" not in huge
    assert "Map(60 x 60 hexagonal, 1 features)" in huge
