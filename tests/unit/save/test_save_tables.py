"""Codebook, planes and winners as CSV and Parquet."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from texts import rejected

from somscape import SOM, Graph, Lattice, Map
from somscape.fit._map import train_map
from somscape.fit.settings import Settings
from somscape.save import best_matches, read_codebook, write_codebook, write_planes, write_winners
from somscape.tables import Encoding, read_table, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.kinds import Roles


def rows_of(n=60, d=3):
    return np.random.default_rng(0).normal(size=(n, d))


@pytest.fixture(scope="module")
def of_table():
    """A map of a table with a column of each kind, and the table."""
    rng = np.random.default_rng(2)
    table = table_from_columns(
        {
            "amount": np.exp(rng.normal(5, 2, 60)).round(2).tolist(),
            "job": ["clerk", "nurse", "=cook"] * 20,
            "grade": ["low", "high"] * 30,
            "since": [f"2020-01-{1 + i % 28:02}" for i in range(60)],
            "row": rng.normal(size=60).round(3).tolist(),
        }
    )
    encoding = fit_encoding(
        table, Roles(dates=("since",), ordinals={"grade": ["low", "high"]}, numbers=("row",))
    )
    map_, _, _ = train_map(encoding.encode(table), None, encoding, Settings(3, 4, seed=0))
    return map_, table


@given(draws=st.data())
def test_a_codebook_comes_back_to_the_bit(draws, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "c.csv"
    n_rows, n_cols, d = (draws.draw(st.integers(1, 4)) for _ in range(3))
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    codebook = draws.draw(npst.arrays(np.float64, (n_rows * n_cols, d), elements=numbers))
    names = [f"{prefix}{i}" for i, prefix in zip(range(d), ("a ", "=b,", "'c", 'd"'), strict=False)]
    lattice = Lattice(n_rows, n_cols, "rectangular", "torus")
    write_codebook(path, Map(codebook, lattice, Encoding.plain(names), np.zeros(len(codebook))))
    back = Map.from_record(read_codebook(path, kind="rectangular", boundary="torus"))
    np.testing.assert_array_equal(back.codebook, codebook)
    assert (back.lattice, back.encoding.feature_names) == (lattice, names)


def test_units_may_stand_in_any_order(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("col,x,row\n1,11.5,1\n0,0.5,0\n0,10.5,1\n1,1.5,0\n")
    map_ = Map.from_record(read_codebook(path))
    assert map_.codebook.ravel().tolist() == [0.5, 1.5, 10.5, 11.5]
    assert map_.lattice == Lattice(2, 2)


def test_parquet_holds_the_same(tmp_path, of_table):
    map_, table = of_table
    matches = best_matches(map_, table)
    for ending in ("csv", "parquet"):
        write_codebook(tmp_path / f"c.{ending}", map_)
        write_planes(tmp_path / f"p.{ending}", map_)
        write_winners(tmp_path / f"w.{ending}", matches)
    for name in "cpw":
        one, other = (read_table(tmp_path / f"{name}.{ending}") for ending in ("csv", "parquet"))
        assert [n.removeprefix("'") for n in one.names] == list(other.names)
        for a, b in zip(one.columns, other.columns, strict=True):
            if a.is_number:
                np.testing.assert_array_equal(a.numbers, b.numbers)
    codebook = Map.from_record(read_codebook(tmp_path / "c.parquet")).codebook
    np.testing.assert_array_equal(codebook, map_.codebook)


def test_planes_are_in_original_units(tmp_path, of_table):
    map_, _ = of_table
    write_planes(tmp_path / "p.csv", map_)
    with (tmp_path / "p.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    # "row" of the table gives way to the row of the unit.
    of_units = ["unit", "row", "col", "hits", "u_height"]
    assert list(lines[0]) == [
        *of_units,
        *("amount", "job", "grade", "since", "row_", "since: weekday"),
    ]
    assert [line["row"] for line in lines] == [str(unit // 4) for unit in range(12)]
    assert {line["job"] for line in lines} <= {"clerk", "nurse", "'=cook"}
    assert {line["grade"] for line in lines} <= {"low", "high"}
    assert all(line["since"].startswith("2020-01-") for line in lines)
    assert all(line["since: weekday"].endswith("day") for line in lines)
    np.testing.assert_array_equal([float(x["amount"]) for x in lines], map_.plane("amount"))
    np.testing.assert_array_equal([float(x["hits"]) for x in lines], map_.hits)
    np.testing.assert_array_equal([float(x["u_height"]) for x in lines], map_.u_heights)


def test_winners_have_places_and_distances(tmp_path):
    X = rows_of()
    som = SOM(3, 4, missing="mask", random_state=0).fit(X)
    X[4] = np.nan
    units, distances = som.map_.nearest(X)
    write_winners(tmp_path / "w.csv", best_matches(som, X))
    table = read_table(tmp_path / "w.csv")
    assert table.names == ("record", "unit", "row", "col", "distance")
    np.testing.assert_array_equal(table.to_numpy(["unit"])[:, 0], units[:, 0])
    np.testing.assert_array_equal(table.to_numpy(["distance"]), distances)
    assert table.to_numpy()[4, :4].tolist() == [5, -1, -1, -1]
    keyed = best_matches(som, X, keys=range(60))
    write_winners(tmp_path / "w.csv", keyed)
    assert read_table(tmp_path / "w.csv").names[0] == "key"
    with rejected(parameter="keys", value=2):
        best_matches(som, X, keys=[1, 2])


def test_a_graph_is_one_column_of_units(tmp_path):
    map_ = SOM(lattice=Graph(1 - np.eye(5)), random_state=0).fit(rows_of()).map_
    write_codebook(tmp_path / "c.csv", map_)
    write_planes(tmp_path / "p.csv", map_)
    np.testing.assert_array_equal(read_table(tmp_path / "p.csv").to_numpy(["row"])[:, 0], range(5))
    assert Map.from_record(read_codebook(tmp_path / "c.csv")).lattice == Lattice(5, 1)


@pytest.mark.parametrize(
    ("text", "column", "row", "place"),
    [
        ("x,y\n1,2\n", "row", None, "c.csv"),
        ("row,col\n0,0\n", None, None, "c.csv"),
        ("row,col,x\n0,a,1\n", "col", None, "c.csv"),
        ("row,col,x\n0,-1,1\n", "col", None, "c.csv"),
        ("row,col,x\n0.5,0,1\n", "row", None, "c.csv"),
        ("row,col,x\n,0,1\n", "row", None, "c.csv"),
        ("row,col,x\n0,0,1\n0,99999999,1\n", None, None, "c.csv"),
        ("row,col,x\n0,0,1\n0,2,2\n0,2,3\n", None, 2, "c.csv, line 4"),
        ("row,col,x\n0,0,1\n0,1,\n", "x", 1, "c.csv, line 3"),
        ("row,col,x\n0,0,red\n0,1,2\n", "x", 0, "c.csv, line 2"),
    ],
)
def test_a_table_that_is_no_codebook_says_where(tmp_path, text, column, row, place):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with rejected(file="c.csv", column=column, row=row) as caught:
        read_codebook(path)
    assert str(caught.value).startswith(place)


def test_another_ending_is_refused_and_nothing_is_left(tmp_path):
    som = SOM(2, 2).fit(rows_of())
    with rejected(value=".ods"):
        write_codebook(tmp_path / "c.ods", som)
    assert not list(tmp_path.iterdir())
