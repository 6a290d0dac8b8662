"""Checks of columns in the console, in the data of the page, and in a workbook."""

import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from command_line import customers, run, write

from somscape.desk.cases import Decision, State
from somscape.desk.cases.records import is_check

STATE, NEWS = ("--state", "state"), ("new", "returned", "risen")
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


def test_checks_of_customers_name_the_ids_or_the_customers_of_their_rows(table: Path) -> None:
    outcome = run("detect", table, "--per", "job", "--out", table.parent / "per")
    assert AGE in outcome.out
    lines = [line.partition(",")[2] for line in table.read_text(encoding="utf-8").splitlines()]
    job = lines[8].split(",")[lines[0].split(",").index("job")]
    path = write(table.parent / "nameless.csv", lines[0], lines[1:])
    outcome = run("detect", path, "--per", "job", "--out", table.parent / "nameless")
    assert f"age 127 (next 53.4): row 8 of {job}" in outcome.out


def checks_of(*words: Any) -> dict[str, tuple[str, str]]:
    """News and state of each check of a run, by the key of its case."""
    outcome = run("run", "cards", *words, "--again", "--state", "state", "--json")
    told = json.loads(outcome.out)
    has_new_check = any(check["news"] in NEWS for check in told["checks"])
    assert told["has_news"] == (has_new_check or told["n_outstanding"] > 0)
    assert outcome.code == (3 if told["has_news"] else 0), outcome.err
    (line,) = (line for line in outcome.err.splitlines() if line.endswith(" for a decision."))
    listed = run("cases", "list", "cards", "--state-of", "waiting", "--format", "csv", *STATE)
    (watch,) = json.loads(run("cases", "watches", "--json", *STATE).out)
    n_listed = len(listed.out.splitlines()) - 1 if "," in listed.out else 0
    assert told["n_waiting"] == watch["waiting"] == n_listed == int(line.split()[0])
    return {c["key"]: (c["news"], c["state"]) for c in told["checks"]}


def test_a_check_is_decided_like_an_alert(table: Path, here: Path) -> None:
    state = ("--state", "state")
    begun = run("detect", table, "--id", "cust_id", "--watch", "cards", "--out", "found", *state)
    (line,) = (line for line in begun.out.splitlines() if line.startswith("age 127"))
    key = line.split()[-2]
    assert (is_check(key), line.split()[-1]) == (True, "new")

    text = table.read_text()
    Path("next.csv").write_text(text.replace("00009,", "00099,"))
    assert checks_of("next.csv") == {key: ("still", "open")}
    assert AGE in run("cases", "list", "cards", *state, "--format", "csv").out
    marked = run("cases", "mark", "cards", key, "cleared", "--comment", "she is 127", *state)
    assert f" marked {key} ({AGE}" in marked.out, marked.err

    ran = run("run", "cards", "next.csv", "--again", "--out", "again", *state)
    assert "1 cleared check is not shown." in ran.out
    assert "age 127" not in ran.out
    data = json.loads(Path("again/report.json").read_text())
    assert (data["checks"], data["changed"]["checks"][0]["news"]) == ([], "folded")
    with State("state") as opened:
        assert opened.cases("cards", key=key)[0].state == "cleared"

    # Another value of the row is the same case, and a question until the case is decided again.
    Path("other.csv").write_text(text.replace(",127,", ",139,"))  # 9.4 % more
    assert checks_of("other.csv") == {key: ("folded", "cleared")}
    Path("other.csv").write_text(text.replace(",127,", ",140,"))  # 10.2 % more
    assert checks_of("other.csv") == {key: ("returned", "cleared")}
    assert checks_of("other.csv") == {key: ("still", "cleared")}
    said = run("cases", "list", "cards", *state, "--format", "csv").out
    assert re.search(r"Cleared on 20[-\d]+ by \w+; 00007 has another value now. age 140 \(", said)
    again = write(Path("said.csv"), "key,decision,comment", [f"{key},cleared,she is 127"])
    for n in (1, 0):  # the decision on a returned case is new, also if it is the earlier decision
        imported = run("cases", "import", "cards", again, *state).out
        assert f"New decisions: {'1 cleared' if n else 'none'}. Unchanged: {1 - n}." in imported
    Path("other.csv").write_text(text.replace(",127,", ",160,"))
    assert checks_of("other.csv") == {key: ("returned", "cleared")}
    table_of_decisions = write(Path("said.csv"), "key,decision", [f"{key},later"])
    assert run("cases", "import", "cards", table_of_decisions, *state).code == 0
    assert checks_of("other.csv") == {key: ("still", "later")}

    # A forgotten row is also forgotten in the text of its checks.
    forgotten = run("cases", "forget", "cards", "00007", *state)
    assert "and 1 check of columns." in " ".join(forgotten.out.split()), forgotten.err
    assert "00007" not in run("cases", "list", "cards", *state, "--format", "csv").out
    verified = run("audit", "verify", *state)
    assert verified.code == 0, verified.err


def test_checks_and_rows_of_an_edited_workbook_are_imported_with_one_command(
    table: Path, here: Path
) -> None:
    state = ("--state", "state")
    words = ("--id", "cust_id", "--watch", "cards", "--out", "found", "--format", "xlsx")
    assert run("detect", table, *words, *state).code == 0
    book = openpyxl.load_workbook("found/alerts.xlsx")
    alerts, checks = book["alerts"], book["checks"]
    rows = [*checks.iter_rows(values_only=True)]
    names = ("key", "news", "state", "check", "rows", "decision", "comment")
    assert rows[0][: len(names)] == names
    assert rows[1][1:7] == ("new", "open", "age 127 (next 53.4)", "00007", None, None)
    (menu,) = checks.data_validations.dataValidation
    assert (str(menu.sqref), menu.formula1) == ("F2", '"confirmed,cleared,later"')

    def write_in(page: Any, name: str, value: str) -> None:
        header = [cell.value for cell in page[1]]
        page.cell(2, header.index(name) + 1, value)

    write_in(checks, "decision", "cleared")
    write_in(checks, "comment", "she is 127")
    write_in(alerts, "decision", "doubtful")
    book.save("edited.xlsx")
    refused = run("cases", "import", "cards", "edited.xlsx", *state)
    assert (refused.code, "unknown decision: 'doubtful'" in refused.err) == (2, True)
    write_in(alerts, "decision", "later")
    book.save("edited.xlsx")
    for told in ("1 later, 1 cleared. Unchanged: 0", "none. Unchanged: 2"):
        done = run("cases", "import", "cards", "edited.xlsx", *state)
        assert f"New decisions: {told}." in done.out, done.err
    assert checks_of(table) == {rows[1][0]: ("folded", "cleared")}

    # An error in one sheet names the sheet, and no sheet is imported.
    write_in(checks, "decision", "doubtful")
    write_in(alerts, "decision", "confirmed")
    book.save("edited.xlsx")
    refused = run("cases", "import", "cards", "edited.xlsx", *state)
    said = "1 row of edited.xlsx, sheet 'checks' has an unknown decision: 'doubtful' (line 2)"
    assert (refused.code, said in refused.err) == (2, True), refused.err
    with State("state") as opened:
        assert {said.state for said in opened.last_decisions("cards").values()} == {
            "cleared", "later",
        }  # fmt: skip
    checks.delete_rows(2)
    book.save("edited.xlsx")
    assert "1 confirmed." in run("cases", "import", "cards", "edited.xlsx", *state).out


def test_a_cleared_check_returns_after_some_months(table: Path, here: Path) -> None:
    words = ("--id", "cust_id", "--watch", "cards", "--clear-for", "1", "--state", "state")
    assert run("detect", table, *words, "--out", "found").code == 0
    with State("state") as opened:
        (key,) = (case.key for case in opened.cases("cards") if is_check(case.key))
        opened.decide(Decision("cards", key, "cleared"))
        assert checks_of(table) == {key: ("folded", "cleared")}
        opened.decide(Decision("cards", key, "cleared", made="2020-01-01T00:00:00+00:00"))
    assert checks_of(table) == {key: ("returned", "cleared")}
    assert checks_of(table) == {key: ("still", "cleared")}
    Path("fixed.csv").write_text(table.read_text().replace(",127,", ",40,"))
    assert "; checks of columns: 1 gone." in run("run", "cards", "fixed.csv", *STATE).out
    assert "checks of columns" not in run("run", "cards", "fixed.csv", "--again", *STATE).out


def test_checks_of_the_rows_of_customers_are_decided(table: Path, here: Path) -> None:
    lines = [line.partition(",")[2] for line in table.read_text().splitlines()]
    table = write(Path("nameless.csv"), lines[0], lines[1:])
    words = ("--per", "job", "--watch", "cards", "--state", "state")
    assert run("detect", table, *words, "--out", "found").code == 0
    (key,) = checks_of(table)
    assert run("cases", "mark", "cards", key, "cleared", "--state", "state").code == 0
    assert checks_of(table) == {key: ("folded", "cleared")}
    shown = run("cases", "list", "cards", *STATE, "--format", "csv").out
    (job,) = re.findall(r"row 8 of (\w+)", shown)
    assert "and 1 check of columns." in run("cases", "forget", "cards", job, *STATE).out


def test_a_check_keeps_its_case_if_only_rows_of_a_later_run_remain(table: Path, here: Path) -> None:
    def ages(**given: int) -> Path:
        lines = table.read_text().replace("00007,", "00077,").splitlines()
        place = lines[0].split(",").index("age")
        for i, line in enumerate(lines):
            cells = line.split(",")
            if f"_{cells[0]}" in given:
                lines[i] = ",".join(
                    [*cells[:place], str(given[f"_{cells[0]}"]), *cells[place + 1 :]]
                )
        return write(Path("next.csv"), lines[0], lines[1:])

    words = ("--id", "cust_id", "--watch", "cards", *STATE, "--out", "found")
    assert run("detect", ages(), *words).code == 0
    (key,) = checks_of("next.csv")
    assert run("cases", "mark", "cards", key, "cleared", *STATE).code == 0
    assert checks_of(ages(_00011=126)) == {key: ("returned", "cleared")}
    assert checks_of(ages(_00077=40, _00011=126, _00013=125)) == {key: ("risen", "cleared")}


def test_a_cleared_check_is_folded_if_the_ids_of_each_table_are_new(
    table: Path, here: Path
) -> None:
    words = ("--id", "cust_id", "--watch", "cards", *STATE, "--out", "found")
    assert run("detect", table, *words).code == 0
    text = table.read_text()
    Path("next.csv").write_text(text.replace("\n000", "\n100"))
    (key,) = checks_of("next.csv", "--new-ids")
    assert run("cases", "mark", "cards", key, "cleared", *STATE).code == 0
    Path("next.csv").write_text(text.replace("\n000", "\n200"))
    assert checks_of("next.csv", "--new-ids") == {key: ("folded", "cleared")}
    lines = text.replace("\n000", "\n300").splitlines()
    age = next(line for line in lines if line.startswith("30007,"))
    again = [age.replace("30007", "30009") if line.startswith("30009") else line for line in lines]
    Path("next.csv").write_text("\n".join(again))
    assert checks_of("next.csv", "--new-ids") == {key: ("returned", "cleared")}  # two rows now


def test_a_decided_check_is_known_if_its_rows_change(table: Path, here: Path) -> None:
    def with_ages(**ages: int) -> Path:
        lines = table.read_text().splitlines()
        place = lines[0].split(",").index("age")
        for name, age in ages.items():
            row = next(i for i, line in enumerate(lines) if line.startswith(f"{name[1:]},"))
            cells = lines[row].split(",")
            lines[row] = ",".join([*cells[:place], str(age), *cells[place + 1 :]])
        return write(Path("next.csv"), lines[0], lines[1:])

    state = ("--state", "state")
    words = ("--id", "cust_id", "--watch", "cards", *state, "--out", "found")
    assert run("detect", with_ages(_00011=126), *words).code == 0
    (key,) = checks_of("next.csv")
    assert run("cases", "mark", "cards", key, "cleared", *state).code == 0
    assert checks_of(with_ages()) == {key: ("folded", "cleared")}  # fewer rows
    assert checks_of(with_ages(_00011=126)) == {key: ("folded", "cleared")}

    assert checks_of(with_ages(_00013=125)) == {key: ("returned", "cleared")}
    assert checks_of(with_ages(_00013=125)) == {key: ("still", "cleared")}  # not decided again
    assert run("run", "cards", "next.csv", "--again", "--out", "again", *state).code == 0
    data = json.loads(Path("again/report.json").read_text())
    (check,), (case,) = data["checks"], data["changed"]["checks"]
    assert case["sentence"].startswith(f"{check['sentence']}. Cases of the same rows: ")
    assert re.match(
        r"Cleared on 20[-\d]+ by \w+; also 00013 now. age 127, 125 \(next", case["sentence"]
    )
    assert run("cases", "mark", "cards", key, "cleared", *state).code == 0
    assert checks_of("next.csv") == {key: ("folded", "cleared")}

    # An undecided check keeps its case, and a confirmed check does not cover new rows.
    assert run("cases", "mark", "cards", key, "open", *state).code == 0
    assert checks_of(with_ages(_00011=120)) == {key: ("new", "open")}
    assert checks_of(with_ages(_00011=119)) == {key: ("still", "open")}
    assert checks_of(with_ages(_00011=119, _00012=121)) == {key: ("risen", "open")}
    listed = run("cases", "list", "cards", *STATE, "--format", "csv").out
    assert "Changed since the earlier run; also 00012 now. age 127, 121, 119 (" in listed
    assert checks_of(with_ages(_00011=119, _00012=121)) == {key: ("still", "open")}
    assert run("cases", "mark", "cards", key, "confirmed", *state).code == 0
    assert checks_of(with_ages(_00011=118, _00012=121)) == {key: ("still", "confirmed")}
    three = with_ages(_00011=117, _00013=116)
    ((other, said),) = checks_of(three).items()
    assert (other != key, said) == (True, ("new", "open"))
    assert run("cases", "mark", "cards", other, "later", *state).code == 0
    assert checks_of(with_ages(_00011=116, _00012=121)) == {key: ("new", "confirmed")}
    assert run("audit", "verify", *state).code == 0
