"""`convert`: what goes in comes out in another form, or one line says why not."""

from pathlib import Path
from typing import Any

import minisom
import numpy as np
import pytest
from command_line import Outcome, listing, run, write

from somscape import Lattice, load
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


WTS = "% 1 2\n% 2\n0 1\n2 3\n"


@pytest.mark.filterwarnings("always")  # shown, as on the command line
def test_maps_of_other_programs(here: Path) -> None:
    Path("a.cod").write_text("2 hexa 2 1 gaussian\n0 1\n2 3\n")
    Path("a.wts").write_text(WTS)
    assert "1 x 2 units" in convert("a.cod", "a.som").out
    assert load("a.som").lattice == Lattice(1, 2)
    assert "torus (change with --boundary)" in convert("a.wts", "b.som").err
    outcome = convert("a.wts", "b.som", "--boundary", "plane", "--force")
    assert outcome.err == ""
    np.testing.assert_array_equal(load("b.som").codebook, load("a.som").codebook)
    assert load("b.som").lattice == Lattice(1, 2, "rectangular")


def test_tables_of_a_map(fitted: Path, table: Path) -> None:
    map_ = load(fitted)
    convert(fitted, "planes.csv")
    assert read_table("planes.csv").names[:6] == (
        *("unit", "row", "col", "hits", "u_height", "amount"),
    )
    outcome = convert(fitted, "winners.csv", "--what", "winners", "--table", table)
    assert "60 rows on 3 x 4 units" in outcome.out
    expected = map_.winners(read_table(table))
    found = read_table("winners.csv")
    np.testing.assert_array_equal(found.to_numpy(["unit"])[:, 0], expected)
    assert found.names == ("cust_id", "unit", "row", "col", "x", "y", "distance")
    ids = read_table(table).column("cust_id").cells.tolist()
    assert found.column("cust_id").cells.tolist() == ids


def test_rows_are_numbered_where_nothing_names_them(fitted: Path, table: Path) -> None:
    header, *rows = table.read_text().splitlines()
    nameless = write(Path("nameless.csv"), header.replace("cust_id", "other"), rows)
    convert(fitted, "w.csv", "--what", "winners", "--table", nameless)
    assert read_table("w.csv").to_numpy(["record"])[:, 0].tolist() == list(range(1, 61))


def test_rows_go_from_table_to_table(here: Path) -> None:
    write(Path("rows.lrn"), "% 3", ["% 3", "1 1 2.5", "2 3 NaN", "3 4 5"])
    assert "3 rows, 3 columns" in convert("rows.lrn", "rows.parquet").out
    convert("rows.parquet", "rows.csv")
    table = read_table("rows.csv")
    np.testing.assert_array_equal(table.to_numpy(), [[1, 1, 2.5], [2, 3, np.nan], [3, 4, 5]])
    assert table.names == ("key", "x0", "x1")
    assert "somscape convert rows.lrn rows.csv" in run("fit", "rows.lrn", "--out", "b.som").err


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
    write(Path("a.lrn"), "% 1", ["% 2", "1 2"])
    write(Path("a.cod"), "2 hexa 1 1 gaussian", ["1 two"])
    assert "OUT is m.xyz" in refused(fitted, "m.xyz")
    assert "OUT is m.cod" in refused(fitted, "m.cod")
    assert "OUT is m.som, which the command also reads" in refused(fitted, "m.som")
    for words in (("m.onnx", "--what", "planes"), ("b.som", "--what", "winners")):
        assert f"{words[0]} are not such files" in refused(fitted, *words)
    assert "--what" in refused(table, "b.csv", "--what", "planes")
    both = refused(fitted, table, "--table", table, "--what", "winners")
    assert "Give OUT another name" in both
    assert "--table gives the rows" in refused(fitted, "w.csv", "--what", "winners")
    assert "--table gives the rows" in refused(fitted, "planes.csv", "--table", table)
    assert "customers.csv can only be converted to .csv" in refused(table, "out.som")
    assert "a.lrn can only be converted to .csv" in refused("a.lrn", "m.som")
    assert "IN is m.som" in refused(fitted, "m.csv", "--boundary", "torus")
    assert "a.cod, line 2, field 2: 'two'" in refused("a.cod", "m.som")
    assert "nothing.cod" in refused("nothing.cod", "m.som")
    assert "nothing.som" in refused("nothing.som", "m.csv")
