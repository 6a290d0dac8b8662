"""`convert`: what goes in comes out, in another program's form, or one line says why not."""

from pathlib import Path
from typing import Any

import minisom
import numpy as np
import pytest
from command_line import Outcome, listing, run, write

from somscape import SOM, Lattice, load, save
from somscape.tables import read_table


def convert(*words: Any) -> Outcome:
    outcome = run("convert", *words)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(f"Wrote {words[1]}: ")
    return outcome


def refused(*words: Any) -> str:
    before = listing(Path())
    outcome = run("convert", *words)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1), outcome.err
    assert listing(Path()) == before
    return outcome.err


@pytest.fixture
def fitted(table: Path) -> Path:
    assert (
        run("fit", table, "--id", "cust_id", "--rows", 3, "--cols", 4, "--out", "m.som").code == 0
    )
    return Path("m.som")


@pytest.mark.filterwarnings("always")  # shown, as on the command line
def test_a_map_goes_through_other_programs_and_back(fitted: Path) -> None:
    map_ = load(fitted)
    assert "3 x 4 units" in convert(fitted, "m.cod").out
    convert("m.cod", "back.som")
    np.testing.assert_array_equal(load("back.som").codebook, map_.codebook)
    assert load("back.som").lattice == map_.lattice
    outcome = convert(fitted, "m.wts")
    assert "Warning: A .wts file" in outcome.err
    assert "hexagonal" in outcome.err
    outcome = convert("m.wts", "back.cod", "--boundary", "plane")
    assert "rectangular, plane (change with --lattice and --boundary)" in outcome.err
    np.testing.assert_array_equal(load("back.cod").codebook, map_.codebook)
    outcome = convert("m.wts", "b.som", "--boundary", "plane", "--lattice", "hexagonal")
    assert outcome.err == ""
    assert load("b.som").lattice == map_.lattice
    convert(fitted, "m.umx")
    np.testing.assert_array_equal(save.read_umx("m.umx").ravel(), map_.u_heights)


@pytest.mark.filterwarnings("always")  # shown, as on the command line
def test_tables_of_a_map(fitted: Path, table: Path) -> None:
    map_ = load(fitted)
    convert(fitted, "planes.csv")
    assert read_table("planes.csv").names[:6] == (
        *("unit", "row", "col", "hits", "u_height", "amount"),
    )
    convert(fitted, "codebook.csv", "--what", "codebook")
    outcome = convert("codebook.csv", "again.cod")
    assert "codebook.csv does not contain the lattice" in outcome.err
    np.testing.assert_array_equal(load("again.cod").codebook, map_.codebook)
    convert(fitted, "winners.csv", "--what", "winners", "--table", table)
    expected = map_.winners(read_table(table))
    np.testing.assert_array_equal(read_table("winners.csv").to_numpy(["unit"])[:, 0], expected)
    ids = read_table(table).column("cust_id").cells.tolist()
    assert read_table("winners.csv").names == ("cust_id", "unit", "row", "col", "distance")
    assert read_table("winners.csv").column("cust_id").cells.tolist() == ids
    convert(fitted, "m.bm", "--table", table)
    np.testing.assert_array_equal(save.read_bm("m.bm").units, expected)
    convert(fitted, "m.wts")
    convert("m.wts", "hits.som", "--winners", "m.bm")
    np.testing.assert_array_equal(load("hits.som").hits, map_.hits)


def test_rows_in_place_of_a_codebook_are_told_apart(fitted: Path, table: Path) -> None:
    message = refused(table, "out.som")
    assert "customers.csv" in message
    assert "'row'" in message
    assert "`somscape fit`" in message


def test_one_row_is_one_row(fitted: Path, table: Path) -> None:
    header, first, *_ = table.read_text().splitlines()
    one = write(Path("one.csv"), header, [first])
    outcome = convert(fitted, "w.csv", "--what", "winners", "--table", one)
    assert "1 row on 3 x 4 units" in outcome.out
    assert "1 row, 5 columns" in convert(one, "again.csv").out


def test_winners_are_numbered_where_nothing_names_them(fitted: Path, table: Path) -> None:
    header, *rows = table.read_text().splitlines()
    nameless = write(Path("nameless.csv"), header.replace("cust_id", "other"), rows)
    convert(fitted, "w.csv", "--what", "winners", "--table", nameless)
    assert read_table("w.csv").to_numpy(["record"])[:, 0].tolist() == list(range(1, 61))


def test_rows_go_from_program_to_program(here: Path) -> None:
    write(Path("rows.csv"), "a,b", ["1,2.5", "3,", "4,5"])
    convert("rows.csv", "rows.lrn")
    convert("rows.lrn", "rows.dat")
    outcome = convert("rows.dat", "again.csv")
    assert "3 rows, 2 columns" in outcome.out
    table = read_table("again.csv")
    np.testing.assert_array_equal(table.to_numpy(), [[1, 2.5], [3, np.nan], [4, 5]])
    assert table.names == ("a", "b")
    convert("rows.csv", "rows.parquet")
    assert read_table("rows.parquet").n_rows == 3


def test_rows_of_another_program_find_their_units(here: Path) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    save.write_lrn("rows.lrn", X)
    save.write_cod("m.cod", _som(X))
    convert("m.cod", "m.bm", "--table", "rows.lrn")
    np.testing.assert_array_equal(save.read_bm("m.bm").units, _som(X).labels_)


def _som(X: Any) -> Any:
    from somscape import SOM

    return SOM(3, 3, random_state=0).fit(X)


def test_lists_become_tables(here: Path) -> None:
    write(Path("a.cls"), "% 2", ["% 1 good", "% 2 bad", "7 2", "8 1"])
    write(Path("a.bm"), "% 2 2", ["% 1", "9 1 0"])
    write(Path("a.umx"), "% 1 2", ["0.5 1.5"])
    convert("a.cls", "cls.csv")
    convert("a.bm", "bm.csv")
    convert("a.umx", "umx.csv")
    assert Path("cls.csv").read_text() == "key,class\n7,bad\n8,good\n"
    assert Path("bm.csv").read_text() == "key,unit,row,col\n9,2,1,0\n"
    assert Path("umx.csv").read_text() == "row,col,height\n0,0,0.5\n0,1,1.5\n"


@pytest.mark.filterwarnings("always")  # shown, as on the command line
def test_a_pickled_minisom_is_read_with_a_warning(here: Path) -> None:
    import pickle

    som = minisom.MiniSom(4, 3, 2, random_seed=0)
    Path("som.pkl").write_bytes(pickle.dumps(som))
    outcome = convert("som.pkl", "m.som")
    assert "Warning: som.pkl is a pickle." in outcome.err
    assert load("m.som").lattice == Lattice(3, 4, "rectangular")


def test_a_model_for_onnx(fitted: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    convert(fitted, "m.onnx")
    session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    assert {i.name for i in session.get_inputs()} == {"amount", "age", "job", "answer"}
    assert {o.name for o in session.get_outputs()} == {"winner", "distance"}


def test_what_cannot_be_converted_is_said_in_a_line(fitted: Path, table: Path) -> None:
    write(Path("a.umx"), "% 1 1", ["1"])
    write(Path("a.lrn"), "% 1", ["% 2", "1 2"])
    write(Path("a.cod"), "2 hexa 1 1 gaussian", ["1 two"])
    assert "OUT is m.xyz" in refused(fitted, "m.xyz")
    assert "OUT is m.som, which the command also reads" in refused(fitted, "m.som")
    for out in ("m.umx", "m.bm", "m.cod"):
        for what in ("planes", "winners"):
            assert f"{out} are not such files" in refused(fitted, out, "--what", what)
    assert "--what" in refused(table, "b.csv", "--what", "codebook")
    both = refused(fitted, table, "--table", table, "--what", "winners")
    assert "Give OUT another name" in both
    assert "--table TABLE" in refused(fitted, "m.bm")
    assert "--table TABLE" in refused(fitted, "w.csv", "--what", "winners")
    assert "m.som does not contain rows of numbers" in refused(fitted, "m.dat")
    assert "a.umx does not contain a map" in refused("a.umx", "m.som")
    assert "a.lrn does not contain a map" in refused("a.lrn", "m.cod")
    assert "m.som already contains the lattice" in refused(fitted, "m.cod", "--boundary", "torus")
    assert "a.cod, line 2, field 2: 'two'" in refused("a.cod", "m.som")
    assert "text" in refused(table, "rows.dat")
    assert "nothing.cod" in refused("nothing.cod", "m.som")
    assert "nothing.som" in refused("nothing.som", "m.cod")


def test_rows_that_would_not_be_looked_at_are_refused(fitted: Path, table: Path) -> None:
    for words in ((fitted, "o.cod"), (fitted, "planes.csv"), (table, "o.lrn")):
        assert f"{words[1]} is not such a list" in refused(*words, "--table", table)


def test_numbers_stay_numbers_in_a_parquet_file(fitted: Path) -> None:
    del fitted
    save.write_lrn("a.lrn", [[0.5, 7.0], [np.nan, np.nan], [1.25, 3.0]])
    convert("a.lrn", "a.parquet")
    table = read_table("a.parquet")
    np.testing.assert_array_equal(table.to_numpy()[:, 0], [1, 2, 3])
    assert table.column("x0").cells.tolist() == ["0.5", None, "1.25"]
    assert table.column("x1").cells.tolist() == ["7", None, "3"]
    convert("a.parquet", "b.lrn")
    np.testing.assert_array_equal(save.read_lrn("b.lrn").values[:, 1:], table.to_numpy()[:, 1:])


def test_a_missing_value_in_another_programs_rows_is_named_by_its_line(fitted: Path) -> None:
    del fitted
    save.write_cod("m.cod", SOM(2, 2, lattice="rectangular", random_state=0).fit(np.eye(20, 2)))
    write(Path("a.lrn"), "% 2", ["% 3", "% 9 1 1", "% Key x y", "# a comment", "1 0 1", "2 1 NaN"])
    message = refused("m.cod", "w.csv", "--what", "winners", "--table", "a.lrn")
    assert "a.lrn, line 7: a value is missing in column 'y'" in message
    error = run("fit", "a.lrn", "--out", "b.som").err
    assert "somscape convert a.lrn a.csv" in error
