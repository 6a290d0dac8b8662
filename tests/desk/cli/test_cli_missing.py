"""`--missing`: what commands make of empty cells."""

from pathlib import Path

import numpy as np
import pytest
from command_line import run, write

from somscape import SOM, load
from somscape.tables import read_table
from somscape.tables._fit_encoding import fit_encoding

N = 80


@pytest.fixture
def holes(here: Path) -> Path:
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(size=(N, 2)), 2)
    rows = []
    for a, b in values:
        cells = [f"{a:.2f}", f"{b:.2f}", str(rng.choice(["clerk", "nurse", "smith"]))]
        rows.append(",".join(cell if rng.random() > 0.15 else "" for cell in cells))
    rows[7], rows[8] = ",,", "0.50,-1.25,clerk"
    return write(Path("holes.csv"), "amount,age,job", rows)


def n_missing(path: Path) -> dict[str, int]:
    table = read_table(path)
    return {column.name: column.n_missing for column in table.columns}


def counts_of(path: Path) -> str:
    return ", ".join(f"{name} {n}" for name, n in n_missing(path).items())


@pytest.mark.filterwarnings("default:1 row is without any value")
def test_fit_leaves_missing_cells_out_when_asked(holes: Path) -> None:
    outcome = run("fit", holes, "--missing", "mask", "--rows", 3, "--cols", 4, "--out", "m.som")
    assert outcome.code == 0, outcome.err
    assert f"Missing values left out: {counts_of(holes)}." in outcome.out
    assert outcome.err.count("\n") == 1
    assert "Warning: 1 row is without any value (row 7). It does not train" in outcome.err
    map_, table = load("m.som"), read_table(holes)
    assert map_.encoding.missing == "mask"
    assert map_.hits.sum() == N - 1
    assert map_.winners(table)[7] == -1
    # The same as in Python, on the rows that have a value.
    kept = table.take(np.arange(N) != 7)
    expected = SOM(3, 4, missing="mask", random_state=0).fit(kept)
    np.testing.assert_array_equal(map_.codebook, expected.codebook_)
    assert np.isfinite(map_.codebook).all()
    assert "quantization error" in outcome.out
    assert "nan" not in outcome.out


@pytest.mark.parametrize("words", [(), ("--missing", "fill")])
def test_fit_fills_missing_cells_unless_told_otherwise(holes: Path, words: tuple) -> None:
    outcome = run("fit", holes, *words, "--out", "m.som")
    assert (outcome.code, outcome.err) == (0, "")
    assert load("m.som").encoding == fit_encoding(read_table(holes), missing="fill")
    assert f"Missing values filled: {counts_of(holes)}." in outcome.out
    outcome = run("fit", holes, *words, "--out", "m.som", "--verbose")
    assert f"; {n_missing(holes)['age']} missing filled" in outcome.out


@pytest.mark.parametrize("command", ["fit", "detect"])
def test_missing_cells_stop_the_command_when_asked(holes: Path, command: str) -> None:
    outcome = run(command, holes, "--missing", "error", "--out", "m.som")
    assert outcome.code == 2
    assert "holes.csv" in outcome.err
    for name, n in n_missing(holes).items():
        assert f"{n} in '{name}'" in outcome.err
    assert not Path("m.som").exists()


def test_a_table_without_a_gap_trains_the_same_map_however_gaps_are_met(here: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [f"{a:.2f},{b:.2f}" for a, b in rng.normal(size=(60, 2))]
    write(Path("t.csv"), "a,b", rows)
    codebooks = []
    for way in ("error", "fill", "mask"):
        assert run("fit", "t.csv", "--missing", way, "--out", f"{way}.som").code == 0
        codebooks.append(load(f"{way}.som").codebook)
    np.testing.assert_array_equal(codebooks[0], codebooks[1])
    np.testing.assert_array_equal(codebooks[0], codebooks[2])


@pytest.mark.filterwarnings("default:1 row is without any value")
def test_a_map_that_leaves_cells_out_is_described_shown_and_lists_winners(holes: Path) -> None:
    run("fit", holes, "--missing", "mask", "--out", "m.som")
    assert run("info", "m.som").code == 0
    outcome = run("report", "m.som", holes, "--out", "page.html")
    assert outcome.code == 2
    assert "holes.csv, line 9 has only missing values in the columns of this map" in outcome.err
    header, *rows = holes.read_text().splitlines()
    some = write(Path("some.csv"), header, [row for row in rows if row != ",,"])
    outcome = run("report", "m.som", some, "--out", "page.html")
    assert outcome.code == 0, outcome.err
    assert "Missing values left out: amount" in outcome.out
    words = ("--what", "winners", "--table", holes)
    assert run("convert", "m.som", "w.csv", *words).code == 0
    found = [line.split(",") for line in Path("w.csv").read_text().splitlines()]
    unit = found[0].index("unit")
    assert found[8][unit] == "-1"  # row 7 has no value
    assert sum(line[unit] == "-1" for line in found[1:]) == 1
