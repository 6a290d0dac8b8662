"""Checks of columns in the console, in the data of the page, and in a workbook."""

import json
from pathlib import Path

import openpyxl
import pytest
from command_line import customers, run, write

AGE = "age 127 (next 53.4): cust_id 00007"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    header, lines = customers()
    cells = lines[7].split(",")
    lines[7] = ",".join([*cells[:2], "127", *cells[3:]])
    return write(tmp_path_factory.mktemp("checks") / "customers.csv", header, lines)


def test_detect_shows_checks_of_columns(table: Path) -> None:
    folder = table.parent / "found"
    outcome = run("detect", table, "--id", "cust_id", "--out", folder, "--format", "xlsx")
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("age 127"))
    assert line.split("  ")[0] == AGE
    assert line.rstrip().endswith("59 of 60")
    (found,) = json.loads((folder / "report.json").read_text(encoding="utf-8"))["checks"]
    assert found["sentence"] == AGE
    assert found["key"] == "extreme|age|00007"
    assert (found["rows"], found["n_obey"], found["n_rows"]) == ([7], 59, 60)
    header, row = openpyxl.load_workbook(folder / "alerts.xlsx")["checks"].iter_rows(
        values_only=True
    )
    assert header == ("check", "rows", "rows that obey", "of rows", "kind")
    assert row == ("age 127 (next 53.4)", "00007", 59, 60, "extreme")


def test_checks_of_customers_are_checks_of_their_rows(table: Path) -> None:
    folder = table.parent / "per"
    outcome = run("detect", table, "--per", "job", "--drop", "cust_id", "--out", folder)
    assert "age 127 (next 53.4): row 8" in outcome.out
