"""Where results go: Excel, Parquet and CSV; sheets that are read; what `score` repeats."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from command_line import RESULTS, Found, customers, listing, run, run_process, write
from workbooks import ods, xlsx

from somscape import load
from somscape.desk import jobs
from somscape.desk.cli._commands import main
from somscape.outliers import Detector
from somscape.tables import read_table
from somscape.tables._messages import install_command

OTHERS = RESULTS - {"alerts.csv"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    header, lines = customers()
    lines[48] = lines[48].replace(",22.3,", ",400.0,")
    return write(tmp_path_factory.mktemp("table") / "customers.csv", header, lines)


@pytest.fixture(scope="module")
def found(table: Path) -> Found:
    folder = table.parent / "found"
    outcome = run("detect", table, "--id", "cust_id", "--out", folder, "--format", "xlsx")
    assert outcome.code == 0, outcome.err
    return Found(folder, outcome)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pages_of(path: Path) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(path)
    return {page.title: [[cell.value for cell in row] for row in page] for page in book}


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def scores_of(found: Found, table: Path, *words: Any) -> list[dict[str, str]]:
    outcome = run("score", found.folder / "map.som", table, *words)
    assert outcome.code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out)))


# detect --format


def test_a_workbook_of_alerts(found: Found, table: Path) -> None:
    assert listing(found.folder) == OTHERS | {"alerts.xlsx"}
    assert "alerts.xlsx, report.html" in found.outcome.out
    pages = pages_of(found.folder / "alerts.xlsx")
    assert list(pages) == ["alerts", "checks", "columns", "method"]
    header, *rows = pages["alerts"]
    assert header == [
        *("rank", "cust_id", "amount", "reasons", "decision", "comment"),
        *("score", "p_value", "stands_out", "finding", "unit", "row", "col"),
        *("age", "job", "answer"),
    ]
    assert [row[0] for row in rows] == list(range(1, 11))
    full = json.loads(found.read("report.json"))["rows"]
    assert [row[1] for row in rows] == full["ids"][:10]  # text: leading zeros stay
    assert [row[6] for row in rows] == [float(f"{score:.6g}") for score in full["scores"][:10]]
    assert [row[8] for row in rows] == ["yes"] + ["no"] * 9
    assert found.outcome.out.startswith("1 of 60 rows stands out.\n")
    assert all(isinstance(row[2], int | float) for row in rows)
    assert [row[4:6] for row in rows] == [[None, None]] * 10
    assert ["job", "category", "text with 3 different values"] in pages["columns"]
    method = dict(pages["method"][1:])
    detector = load(found.folder / "map.som")
    assert isinstance(detector, Detector)
    assert method["threshold"] == f"{detector.threshold:.4g}"
    assert method["map"].startswith(detector.map_.lattice.size_text)
    assert (
        method["rule"] == "those that stand out, at most 50 findings, or 10 rows if none stands out"
    )
    assert method["table"] == "customers.csv, 60 rows"
    assert method["command"].endswith("--format xlsx --out DIR")
    assert method["command"] in found.read("report.html").replace("&#x27;", "'")


def test_a_sheet_to_decide_in(found: Found) -> None:
    page = openpyxl.load_workbook(found.folder / "alerts.xlsx")["alerts"]
    (menu,) = page.data_validations.dataValidation
    assert (str(menu.sqref), menu.formula1) == ("E2:E11", '"confirmed,cleared,later"')
    assert page.auto_filter.ref == "A1:P11"
    assert page.freeze_panes == "A2"
    assert page.print_area == "'alerts'!$A$1:$J$11"  # up to the cells of the map
    assert page["G2"].number_format == page["H2"].number_format == "[<0.001]0.0E+00;0.000"


def test_the_same_in_every_format(found: Found, table: Path, here: Path) -> None:
    for kind in ("csv", "parquet"):
        outcome = run("detect", table, "--id", "cust_id", "--out", kind, "--format", kind)
        assert outcome.code == 0, outcome.err
        assert listing(Path(kind)) == OTHERS | {f"alerts.{kind}"}
        assert Path(kind, "map.som").read_bytes() == (found.folder / "map.som").read_bytes()
    full = pyarrow.parquet.read_table("parquet/alerts.parquet").to_pydict()
    rows = rows_of(Path("csv/alerts.csv"))
    assert list(full) == list(rows[0])
    detector = load(found.folder / "map.som")
    assert isinstance(detector, Detector)
    assert full["score"] == sorted(detector.scores(read_table(table)), reverse=True)[:10]
    assert full["stands_out"] == ["yes"] + ["no"] * 9
    assert full["stands_out"] == [row["stands_out"] for row in rows]
    for name in ("score", "p_value"):
        assert [row[name] for row in rows] == [str(float(f"{x:.6g}")) for x in full[name]]
    assert full["cust_id"] == [row["cust_id"] for row in rows]


def test_another_format_takes_the_place_of_the_first(table: Path, here: Path) -> None:
    for kind in ("xlsx", "parquet", "csv"):
        outcome = run("detect", table, "--out", "found", "--format", kind)
        assert outcome.code == 0, outcome.err
    assert listing(Path("found")) == RESULTS


def test_records_and_original_columns_with_our_names(here: Path) -> None:
    rows = [f"{i * 1.37 % 7:.2f},{'ab'[i % 2]},=x{i % 3}" for i in range(40)]
    write(Path("t.csv"), "decision,comment,score", rows)
    outcome = run("detect", "t.csv", "--alerts", 2, "--out", "f", "--format", "xlsx")
    assert outcome.code == 0, outcome.err
    header, first, second = pages_of(Path("f/alerts.xlsx"))["alerts"]
    assert header[:5] == ["rank", "record", "reasons", "decision", "comment"]
    assert header[-3:] == ["decision_input", "comment_input", "score_input"]
    assert [type(row[1]) for row in (first, second)] == [int, int]  # numbers of rows
    assert str(first[-1]).startswith("=x")


def test_excel_is_told_the_letters_of_a_csv_file(table: Path, here: Path) -> None:
    for words in ((), ("--bom",)):
        assert run("detect", table, "--out", "found", *words).code == 0
        assert Path("found/alerts.csv").read_bytes().startswith(b"\xef\xbb\xbf") is bool(words)
    assert "--bom --out DIR" in Path("found/report.html").read_text(encoding="utf-8")
    outcome = run("detect", table, "--out", "other", "--bom", "--format", "xlsx")
    assert (outcome.code, listing(here)) == (2, {"found", *(f"found/{name}" for name in RESULTS)})
    assert "--bom" in outcome.err
    assert ".xlsx" in outcome.err


# --sheet


def workbook(kind: str = "xlsx") -> bytes:
    header, lines = customers()
    rows: list[list[Any]] = [header.split(",")]
    for line in lines:
        name, amount, age, *others = line.split(",")
        rows.append([name, float(amount), float(age), *others])
    write_ = {"xlsx": xlsx, "ods": ods}[kind]
    return write_({"Cover": [["Customers"]], "Customers": rows, "Old": rows[:31]})


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_sheet_is_asked_for(here: Path, kind: str) -> None:
    name = f"t.{kind}"
    Path(name).write_bytes(workbook(kind))
    outcome = run("detect", name, "--id", "cust_id", "--out", "a")
    assert outcome.code == 0, outcome.err
    assert f"60 rows of t.{kind} (" in outcome.out
    for words in ("'Customers'", "'Customers', 'Old'", "(--sheet NAME)", "leading zeros"):
        assert words in outcome.out
    outcome = run("detect", name, "--id", "cust_id", "--sheet", "Old", "--out", "b")
    assert f"30 rows of {name} (leading" in outcome.out
    page = Path("b/report.html").read_text(encoding="utf-8")
    assert f"somscape detect {name} --id cust_id --missing fill --sheet Old" in page
    outcome = run("score", "a/map.som", name, "--sheet", "3")
    assert len(outcome.out.splitlines()) == 31
    outcome = run("fit", name, "--sheet", "Odl", "--out", "m.som")
    assert outcome.err.startswith(f"Error: {name} has no sheet 'Odl'; did you")
    assert "mean 'Old'? Its sheets are 'Cover', 'Customers', 'Old'" in outcome.err
    assert outcome.err.endswith(". Give one of these names (--sheet NAME).\n")
    outcome = run("report", "a/map.som", name, "--sheet", "Old", "--out", "p.html")
    assert f"30 rows of {name}" in outcome.out
    assert run("convert", name, "rows.xlsx", "--sheet", "2").code == 0
    assert read_table("rows.xlsx").n_rows == 60


# --header


def test_the_line_of_the_names_is_kept_by_a_watch(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMSCAPE_STATE", "state")
    header, lines = customers()
    for month, rows in {"may": lines, "june": lines[1:]}.items():  # three cells are no title
        text = "\n".join([f"Report,2026,{month}", "", header, *rows])
        Path(f"{month}.csv").write_text(text, encoding="utf-8")
    words = ("--id", "cust_id", "--header", "3", "--out", "a")
    assert run("detect", "may.csv", *words, "--watch", "w", "--save-roles", "r.toml").code in (0, 3)
    assert "header = 3" in Path("r.toml").read_text(encoding="utf-8")
    assert "--header 3" in Path("a/report.html").read_text(encoding="utf-8")
    assert run("detect", "may.csv", "--roles", "r.toml", "--out", "b").code == 0
    outcome = run("run", "w", "june.csv")
    assert outcome.code in (0, 3), outcome.err
    assert "2 numbers, 2 categories, 1 id" in outcome.out
    assert len(run("score", "a/map.som", "june.csv").out.splitlines()) == 60
    outcome = run("run", "w", "june.csv", "--header", "90", "--again")
    assert (outcome.code, outcome.out) == (2, "")
    says = "Error: --header must be from 1 to 61, because june.csv has 62 lines, but is 90."
    assert outcome.err.rstrip() == says


@pytest.mark.parametrize("header", ["0", "-1", "x", "1.5", ""])
@pytest.mark.parametrize("command", ["detect", "fit", "convert"])
def test_a_header_that_is_no_line(here: Path, command: str, header: str) -> None:
    Path("t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    out = ["o.csv"] if command == "convert" else ["--out", "o"]
    outcome = run(command, "t.csv", *out, "--header", header)
    assert outcome.code == 2
    assert "--header" in outcome.err
    assert len(outcome.err.splitlines()) == 1


# score


def test_the_worst_first(found: Found, table: Path) -> None:
    rows = scores_of(found, table)
    first = scores_of(found, table, "--sort")
    assert sorted(first, key=lambda row: row["cust_id"]) == rows
    scores = [float(row["score"]) for row in first]
    assert scores == sorted(scores, reverse=True)
    assert [row["flagged"] for row in first[:4]] == ["yes", "no", "no", "no"]
    assert [row["cust_id"] for row in first[:10]] == [
        row[1] for row in pages_of(found.folder / "alerts.xlsx")["alerts"][1:]
    ]


def test_columns_of_the_table_are_repeated(found: Found, table: Path) -> None:
    plain = scores_of(found, table)
    assert scores_of(found, table, "--columns", "none") == plain
    own = {row["cust_id"]: row for row in rows_of(table)}
    rows = scores_of(found, table, "--sort", "--columns", "all")
    assert list(rows[0]) == [*plain[0], "amount", "age", "job", "answer"]
    for row in rows:
        assert {**row, **own[row["cust_id"]]} == row
    rows = scores_of(found, table, "--columns", "job", "--columns", "age")
    assert list(rows[0]) == [*plain[0], "job", "age"]
    rows = scores_of(found, table, "--columns", "cust_id")
    assert list(rows[0]) == [*plain[0], "cust_id_input"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--columns", "jop"), "did you mean 'job'?"),
        (("--columns", "none", "--columns", "job"), "--columns none"),
        (("--format", "xlsx", "--out", "s.csv"), "--out the name s.xlsx"),
        (("--out", "s.txt"), "must end in .csv"),
        (("--bom", "--out", "s.parquet"), ".parquet"),
        (("--format", "json"), "'json' is not one of"),
    ],
)
def test_what_score_refuses(
    found: Found, table: Path, here: Path, words: tuple[str, ...], says: str
) -> None:
    outcome = run("score", found.folder / "map.som", table, *words)
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert says in outcome.err
    assert listing(here) == set()


def test_scores_in_every_format(found: Found, table: Path, here: Path) -> None:
    for name in ("s.csv", "s.xlsx", "s.parquet"):
        words = ("--columns", "all", "--out", name)
        outcome = run("score", found.folder / "map.som", table, *words)
        assert (outcome.code, outcome.out) == (0, "")
        assert read_table(name, sheet="scores" if name == "s.xlsx" else None).n_rows == 60
    pages = pages_of(Path("s.xlsx"))
    assert list(pages) == ["scores", "columns", "method"]
    command = dict(pages["method"][1:])["command"]
    assert command.endswith("--columns all --out scores.xlsx")
    detector = load(found.folder / "map.som")
    assert isinstance(detector, Detector)
    full = pyarrow.parquet.read_table("s.parquet").column("score").to_pylist()
    assert full == detector.scores(read_table(table)).tolist()


@pytest.mark.parametrize(("kind", "magic"), [("xlsx", b"PK\x03\x04"), ("parquet", b"PAR1")])
def test_bytes_go_to_standard_output(found: Found, table: Path, kind: str, magic: bytes) -> None:
    words = ["score", str(found.folder / "map.som"), str(table), "--format", kind]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0
    assert result.stdout_bytes.startswith(magic)
    assert "60 rows scored, 1 flagged: those that stand out, " in result.stderr
    assert "\n1 of 60 rows stands out.\n" in result.stderr


def test_no_bytes_go_to_a_terminal(
    found: Found, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    outcome = run("score", found.folder / "map.som", table, "--format", "xlsx")
    assert (outcome.code, outcome.out) == (2, "")
    assert ".xlsx" in outcome.err
    assert "--out FILE" in outcome.err


def test_a_byte_order_mark_on_standard_output(found: Found, table: Path) -> None:
    outcome = run_process("score", found.folder / "map.som", table, "--bom")
    assert outcome.out.startswith("\ufeffcust_id,score")


def test_too_many_rows_for_excel(
    found: Found, table: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somscape.tables._write.MAX_ROWS", 60)
    words = ("--out", "s.xlsx")
    outcome = run("score", found.folder / "map.som", table, *words)
    assert outcome.code == 2
    assert "59 rows below the header" in outcome.err
    assert listing(here) == set()


def test_without_the_extra_nothing_is_computed(
    table: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    outcome = run("detect", table, "--format", "xlsx", "--out", "found")
    assert outcome.code == 2
    assert "xlsxwriter" in outcome.err
    assert install_command("excel") in outcome.err
    assert listing(here) == set()


@pytest.mark.usefixtures("pictures")
def test_many_rows_give_the_same_files_and_refuse_the_same_rules(
    table: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("detect", table, "--id", "cust_id", "--out", "at-once").code == 0
    monkeypatch.setattr(jobs._detect, "MANY_ROWS", 1)
    assert run("detect", table, "--id", "cust_id", "--out", "meanwhile").code == 0
    for name in ("alerts.csv", "map.som", "planes.png", "umatrix.png"):
        assert Path("meanwhile", name).read_bytes() == Path("at-once", name).read_bytes()
    refused = run("detect", table, "--id", "cust_id", "--p-value", "1e-9", "--out", "refused")
    assert refused.code == 2
    assert "can be at most 1e-09" in refused.err
    assert not Path("refused").exists()
