"""`detect --watch`, `run`, `watches` and `cases`, as people type them."""

import csv
import errno
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from command_line import RESULTS, Outcome, customers, listing, run, transactions, write

from somscape.desk.cases import State
from somscape.desk.cases._watch import command_anew
from somscape.desk.cases.decide import NewDecision, decide
from somscape.desk.cli._out import ResultFiles
from somscape.desk.jobs._detect import Found
from somscape.errors import InputError

HEADER, ROWS = customers()
KEY = ("--id", "cust_id", "--drop", "answer", "--alerts", "5")


def month(path: Path, **amounts: float) -> Path:
    """The customers' table with other amounts of some."""
    rows = [line.split(",") for line in ROWS]
    for key, amount in amounts.items():
        rows[int(key[1:])][1] = str(amount)
    return write(path, HEADER, [",".join(cells) for cells in rows])


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first month and a state in which its watch has begun."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SOMSCAPE_STATE", "state")
        path = month(Path("january.csv"), n3=900_000)
        outcome = run("detect", path, *KEY, "--watch", "cards", "--out", "found")
        assert outcome.code == 0, outcome.err
        assert "`somscape run cards TABLE`" in outcome.out
    return folder


@pytest.fixture
def watched(begun: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder anew; the watch's own table still lies where it was."""
    shutil.copytree(begun, here, dirs_exist_ok=True)
    monkeypatch.setenv("SOMSCAPE_STATE", "state")
    return here


def rows_of(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines()))


def ok(outcome: Outcome, code: int = 0) -> str:
    assert outcome.code == code, outcome.err
    return outcome.out


@pytest.mark.usefixtures("watched")
def test_a_run_says_by_its_exit_code_whether_something_is_new() -> None:
    assert "so no run was added" in ok(run("run", "cards"), 3)  # all is new as it was
    assert "5 still" in ok(run("run", "cards", month(Path("same.csv"), n3=900_001)), 0)
    february = month(Path("february.csv"), n3=900_100, n7=800_000)
    said = ok(run("run", "cards", february, "--out", "new"), 3)
    assert "Run 3 of cards, compared with run 2: 1 new" in said
    assert "  new 00007: amount is 800000" in said
    assert listing(Path("new")) == RESULTS
    table = rows_of("new/alerts.csv")
    assert [*table[0]][:6] == ["rank", "news", "why", "state", "comment", "cust_id"]
    assert {row["cust_id"]: row["news"] for row in table}["00007"] == "new"
    page = json.loads(Path("new/report.json").read_text(encoding="utf-8"))
    assert page["changed"]["counts"]["new"] == 1
    error = run("run", "cards", "nothing.csv")
    assert (error.code, len(error.err.splitlines())) == (2, 1)


@pytest.mark.usefixtures("watched")
def test_a_state_that_does_not_exist_is_not_made() -> None:
    for words in (["cases", "watches"], ["cases", "list", "cards"], ["run", "cards"]):
        refused = run(*words, "--state", "nosuch")
        assert refused.code == 2
        assert "The folder nosuch does not exist" in refused.err
    assert not Path("nosuch").exists()


def test_the_table_of_an_earlier_run_is_recorded_only_if_a_person_says_so(
    watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(run("run", "cards", month(Path("february.csv"), n3=900_000, n7=800_000)), 3)
    head, *rows = Path("january.csv").read_text(encoding="utf-8").splitlines()
    turned = write(Path("turned.csv"), head, rows[::-1])
    for words in (("run", "cards"), ("run", "cards", turned, "--out", "new")):
        refused = run(*words)
        assert refused.code == 2
        assert "This is the table of run 1 of cards, of 20" in refused.err
        assert "(--again)" in refused.err
        assert "Traceback" not in refused.err
    assert not Path("new").exists()
    [told] = json.loads(ok(run("cases", "watches", "--json")))
    assert told["runs"] == 2
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda asked, **_: "of run 1" not in asked)
    assert run("run", "cards").code == 2
    monkeypatch.setattr("click.confirm", lambda asked, **_: "of run 1" in asked)
    assert "Run 3 of cards" in ok(run("run", "cards", turned), 3)
    assert "Run 4 of cards" in ok(run("run", "cards", "february.csv", "--again"), 3)
    assert "Run 5 of cards" in ok(run("run", "cards", "february.csv", "--again"))  # all are still


def test_several_runs_are_replaced_only_if_a_person_says_so(
    watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, amount in enumerate((700_000, 800_000, 900_000), 2):
        ok(run("run", "cards", month(Path(f"{n}.csv"), n3=900_000, n7=amount)), 3)
    right = month(Path("right.csv"), n3=900_001)
    refused = run("run", "cards", right, "--instead-of", "2")
    assert refused.code == 2
    assert "The new run replaces runs 2, 3 and 4." in refused.err
    assert "Repeat the command, and agree with this option (--yes)." in refused.err
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda asked, **_: asked != "Replace runs 2, 3 and 4?")
    assert run("run", "cards", right, "--instead-of", "2").code == 2
    assert "--instead-of is 9, but there" in run("run", "cards", right, "--instead-of", "9").err
    said = ok(run("run", "cards", right, "--instead-of", "4"), 3)  # only the newest run
    assert "It replaces run 4." in said
    said = ok(run("run", "cards", "2.csv", "--instead-of", "3", "--yes"), 0)
    assert "It replaces runs 3 and 5." in said


@pytest.mark.usefixtures("watched")
def test_files_that_cannot_be_written_leave_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    february = month(Path("february.csv"), n3=900_100, n7=800_000)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "new/report.html")

    with monkeypatch.context() as patch:
        patch.setattr(ResultFiles, "write_lists", full)
        for words in (("run", "cards", february), ("detect", february, *KEY, "--watch", "other")):
            outcome = run(*words, "--out", "new")
            assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
            assert "is full. Free some space" in outcome.err
    assert not Path("new").exists()
    with State(Path("state")) as state:
        assert [watch.name for watch in state.watches()] == ["cards"]
        assert len(state.runs("cards")) == 1


@pytest.mark.usefixtures("watched")
def test_a_disk_that_fills_up_just_then_leaves_a_run_whose_files_one_command_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    february = month(Path("february.csv"), n3=900_100, n7=800_000)
    write_lists = ResultFiles.write_lists

    def full_once_recorded(self: ResultFiles, folder: Path, found: Found, outcome: Any) -> None:
        if outcome is not None and outcome.audit_head:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "new/report.html")
        write_lists(self, folder, found, outcome)

    with monkeypatch.context() as patch:
        patch.setattr(ResultFiles, "write_lists", full_once_recorded)
        error = run("run", "cards", february, "--out", "new").err
    assert "Run 2 of the watch cards is recorded, but new was not written (No space left" in error
    command = error.rpartition("somscape run")[2].split("--out")[0].split()
    assert (command[0], Path(command[1])) == ("cards", february.resolve())
    assert not Path("new").exists()
    ok(run("run", *command, "--out", "new"), 3)
    assert listing(Path("new")) == RESULTS
    with State(Path("state")) as state:
        assert len(state.runs("cards")) == 2


@pytest.mark.usefixtures("watched")
def test_a_run_as_json_is_alone_on_standard_output() -> None:
    outcome = run("run", "cards", month(Path("f.csv"), n3=900_000, n7=800_000), "--json")
    told = json.loads(outcome.out)
    assert (outcome.code, told["has_news"], told["counts"]["new"]) == (3, True, 1)
    assert {"drift", "unseen", "gone", "cases", "train_anew"} <= told.keys()
    assert "compared with run 1" in outcome.err


@pytest.mark.usefixtures("watched")
def test_cases_are_decided_listed_and_folded() -> None:
    said = ok(run("cases", "mark", "cards", "00003", "cleared", "--comment", "a doctor"))
    assert " marked 00003 of cards as cleared (line " in said
    listed = json.loads(ok(run("cases", "list", "cards", "--format", "json")))
    assert listed[0] | {"decision": "cleared", "comment": "a doctor"} == listed[0]
    text = ok(run("cases", "list", "cards", "--state-of", "cleared", "--format", "csv"))
    assert [row["key"] for row in csv.DictReader(text.splitlines())] == ["00003"]
    assert "The watch cards does not have a later case." in ok(
        run("cases", "list", "cards", "--state-of", "later")
    )
    assert "1 folded" in ok(run("run", "cards", "--again"), 3)  # another row moved up
    assert "cards" in ok(run("cases", "watches"))
    assert json.loads(ok(run("cases", "watches", "--json")))[0]["runs"] == 2


@pytest.mark.usefixtures("watched")
def test_only_the_app_marks_the_rows_of_an_upload() -> None:
    Path("said.csv").write_text("key,decision\n1,later\n")
    for words in (("mark", "upload/a", "1", "later"), ("import", "upload/a", "said.csv")):
        outcome = run("cases", *words)
        assert outcome.code == 2
        assert "'upload/a' is an upload of the app" in " ".join(outcome.err.split())
    with State("state") as state, pytest.raises(InputError, match="number of its row"):
        decide(state, "upload/a", [NewDecision("id-1", "later")], author="ann")


@pytest.mark.usefixtures("watched")
def test_what_waits_is_of_the_last_run_and_what_it_does_not_list_is_gone() -> None:
    ok(run("run", "cards", month(Path("february.csv"), n7=800_000)), 3)
    ok(run("cases", "mark", "cards", "00007", "confirmed", "--comment", "=cmd|calc"))
    listed = json.loads(ok(run("cases", "list", "cards", "--format", "json")))
    assert {case["key"]: case["news"] for case in listed}["00003"] == "gone"
    [told] = json.loads(ok(run("cases", "watches", "--json")))
    assert (told["waiting"], told["cases"] > 5) == (4, True)
    text = ok(run("cases", "list", "cards", "--format", "csv"))
    assert next(csv.DictReader(text.splitlines()))["comment"] == "'=cmd|calc"


@pytest.mark.usefixtures("watched")
def test_the_second_of_two_people_sees_the_first() -> None:
    first = ("cases", "mark", "cards", "00003")
    ok(run(*first, "cleared", "--author", "ann"))
    said = ok(run(*first, "confirmed", "--author", "bob"))
    assert said.startswith("bob marked 00003 of cards as confirmed (line ")
    assert said.endswith("The previous decision, by ann, was cleared.\n")
    unknown = run("cases", "mark", "cards", "nobody", "cleared")
    assert (unknown.code, "No run of cards has listed a case 'nobody'" in unknown.err) == (2, True)


@pytest.mark.usefixtures("watched")
def test_several_cases_are_decided_together_or_not_at_all() -> None:
    mark = ("cases", "mark", "cards")
    ok(run(*mark, "00003", "later", "--author", "ann"))
    said = ok(run(*mark, "00009", "00003", "00009", "cleared", "--author", "bob"))
    assert said == (
        "bob marked 2 cases of cards as cleared (lines 4, 5 of the audit).\n"
        "1 of these cases had a decision before.\n"
    )
    for words, error in ((("00001", "nobody", "confirmed"), "has listed a case 'nobody'"),):
        outcome = run(*mark, *words)
        assert (outcome.code, error in outcome.err) == (2, True)
    listed = json.loads(ok(run("cases", "list", "cards", "--format", "json")))
    decided = {case["key"]: case["decision"] for case in listed if case["line"]}
    assert decided == {"00003": "cleared", "00009": "cleared"}


@pytest.mark.usefixtures("watched")
def test_a_case_is_cleared_with_a_category_of_the_watch() -> None:
    first = ["known customer", "data error corrected", "seasonal", "other"]
    assert ok(run("cases", "categories", "cards")).splitlines() == first
    mark = ("cases", "mark", "cards", "00003")
    ok(run(*mark, "cleared", "--category", "seasonal", "--comment", "each May"))
    for words, error in (
        (("cleared", "--category", "moved"), "'moved' is not a category of the watch cards"),
        (("confirmed", "--category", "other"), "confirmed has no category"),
        (
            ("cleared", "--category", "seasonal", "--comment", "x" * 1991),
            "--comment on case '00003' must have at most 2,000 characters with its category, but "
            "has 2,001. Shorten the comment.",
        ),
    ):
        outcome = run(*mark, *words)
        assert (outcome.code, error in outcome.err) == (2, True)
    for words in (("a", "A"), ("a: b",), ("x" * 61,), (" ",), [str(n) for n in range(13)]):
        assert run("cases", "categories", "cards", *words).code == 2
    assert ok(run("cases", "categories", "cards", "moved", " wrong  unit")) == "moved\nwrong unit\n"
    ok(run("cases", "mark", "cards", "00009", "cleared", "--category", "moved"))
    ok(run("cases", "export", "cards", "--out", "cases.csv"))
    found = {row["key"]: (row["comment"], row["category"]) for row in rows_of("cases.csv")}
    # "seasonal" is no category any more, but the comment still begins with it.
    assert found["00003"] == ("seasonal: each May", "")
    assert found["00009"] == ("moved", "moved")
    assert "The audit is valid" in ok(run("audit", "verify")) or run("audit", "verify").code == 0


def test_without_an_amount_cases_have_only_ranks(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMSCAPE_STATE", "state")
    table = write(here / "plain.csv", HEADER.replace("amount", "size"), ROWS)
    ok(run("detect", table, *KEY, "--watch", "plain", "--out", "found"))
    assert "amount" not in json.loads(ok(run("cases", "list", "plain", "--format", "json")))[0]
    assert "amount" not in json.loads(Path("found/report.json").read_text("utf-8"))


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_what_is_exported_is_imported_again_and_changes_nothing(ending: str) -> None:
    ok(run("cases", "mark", "cards", "00003", "confirmed", "--comment", "=1+1"))
    ok(run("cases", "export", "cards", "--out", f"cases.{ending}"))
    said = ok(run("cases", "import", "cards", f"cases.{ending}"))
    assert said == "New decisions: none. Unchanged: 5. Empty: 0.\n"


@pytest.mark.usefixtures("watched")
def test_an_export_with_entered_decisions_is_imported_and_not_overwritten() -> None:
    export = ("cases", "export", "cards", "--out", "cases.csv")
    ok(run(*export))
    ok(run(*export))  # nothing was entered
    text = Path("cases.csv").read_text("utf-8")
    (line,) = [each for each in text.splitlines() if each.startswith("00003,")]
    cells, imports = line.split(","), ("cases", "import", "cards", "cases.csv")
    for category, words, error in (
        ("nonsense", imports, "has an unknown category"),
        ("nonsense", export, "has an unknown category"),
        ("seasonal", export, "1 decision that you have not imported"),
    ):
        new = ",".join([cells[0], "cleared", "each May", category, *cells[4:]])
        Path("cases.csv").write_text(text.replace(line, new), "utf-8")
        outcome = run(*words)
        assert (outcome.code, error in outcome.err) == (2, True)
    assert "1 cleared" in ok(run(*imports))
    ok(run(*export))
    found = {row["key"]: (row["comment"], row["category"]) for row in rows_of("cases.csv")}
    assert found["00003"] == ("seasonal: each May", "seasonal")


@pytest.mark.usefixtures("watched")
def test_decisions_come_in_from_files_of_people() -> None:
    lines = ["00003,4,cleared", "00009,10,confirmed", "x,1,later"]
    file = write(Path("decisions.csv"), "id,record,decision", lines)
    outcome = run("cases", "import", "cards", file)
    assert (outcome.code, "'x' (line 4)" in outcome.err) == (2, True)
    assert "(--skip-unknown)" in outcome.err
    said = ok(run("cases", "import", "cards", file, "--skip-unknown"))
    assert said.startswith("New decisions: 1 cleared, 1 confirmed.")
    assert "Ignored, because no run has listed these keys: x." in said
    header, words = "key,decision,comment,category", ("cases", "import", "cards", "decisions.csv")
    write(file, header, ["00003,cleared,each May,nonsense"])
    assert "has an unknown category: 'nonsense' (line 2)" in run(*words).err
    write(file, header, ["00003,cleared,each May,seasonal"])
    assert ok(run(*words)).startswith("New decisions: 1 cleared.")
    write(file, "amount," + header, ["7,00009,cleared,,nonsense"])  # a column of the data
    assert ok(run(*words)).startswith("New decisions: 1 cleared.")
    found = run("cases", "list", "cards", "--format", "csv").out
    assert (found.count("seasonal: each May"), "nonsense" in found) == (1, False)


@pytest.mark.usefixtures("watched")
def test_a_long_comment_in_a_file_is_refused_with_its_line_and_column() -> None:
    lines = ["00009,confirmed,", f"00003,cleared,{'x' * 2001}"]
    file = write(Path("decisions.csv"), "key,decision,comment", lines)
    outcome = run("cases", "import", "cards", file)
    assert (outcome.code, "--comment" in outcome.err) == (2, False)
    said = "decisions.csv has a comment that is too long: '2,001 characters' (line 3). Shorten"
    assert said in outcome.err
    assert "the column 'comment' to at most 2,000 characters, with the category" in outcome.err
    with State("state") as state:
        assert not state.last_decisions("cards")
    write(Path("decisions.csv"), "key,decision,comment", [lines[0], lines[1][:-1]])
    assert "1 confirmed, 1 cleared" in ok(run("cases", "import", "cards", file))


@pytest.mark.usefixtures("watched")
def test_a_filled_in_list_of_excel_is_imported() -> None:
    ok(run("run", "cards", "--out", "excel", "--format", "xlsx"), 3)
    page = openpyxl.load_workbook("excel/alerts.xlsx")["alerts"]
    header = [cell.value for cell in next(page.iter_rows())]
    assert header[:8] == [
        *("rank", "cust_id", "amount", "news", "why", "state", "reasons", "decision")
    ]
    assert [name for name in header if "comment" in name] == ["comment"]  # only one
    said = ok(run("cases", "import", "cards", "excel/alerts.xlsx"))
    assert said == "New decisions: none. Unchanged: 0. Empty: 5.\n"


@pytest.mark.usefixtures("watched")
def test_a_decision_on_a_finding_is_asked_for_if_it_covers_many_rows() -> None:
    keys = [f"{i:05d}" for i in range(1, 31)]
    lines = [f"{key},1,{'later' if key == '00003' else ''}" for key in keys]
    file = write(Path("decisions.csv"), "id,finding,decision", lines)
    asked = run("cases", "import", "cards", file, "--findings", "--skip-unknown")
    assert (asked.code, "also cover 29 other rows of their findings" in asked.err) == (2, True)
    assert "(--yes)" in asked.err
    words = ("cases", "import", "cards", file, "--findings", "--yes", "--skip-unknown")
    said = ok(run(*words))
    assert re.match(r"New decisions: \d+ later\.", said)
    few = write(Path("few.csv"), "id,finding,decision", lines[:3])
    assert ok(run("cases", "import", "cards", few, "--findings", "--skip-unknown"))


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--watch", "w"), "No column identifies the rows"),
        (("--watch", "w", "--key", "job"), "have the same key"),
        (("--watch", "w", "--key", "nobody"), "has no column 'nobody'"),
        (("--key", "job"), "--key is only for a watch."),
        (("--clear-for", "3"), "--clear-for is only for a watch"),
        (("--replace",), "--replace is only for a watch"),
        (("--watch", " ", "--id", "cust_id"), "--watch must be a name"),
        (("--watch", "a/b", "--id", "cust_id"), "contain /"),
    ],
)
def test_what_cannot_be_a_watch_is_refused_before_training(
    words: tuple[str, ...], said: str
) -> None:
    table = write(Path("t.csv"), "amount,age,job", [",".join(r.split(",")[1:4]) for r in ROWS])
    path = "january.csv" if "cust_id" in words else table
    outcome = run("detect", path, *words, "--out", "w")
    assert (outcome.code, outcome.err.count("\n"), said in outcome.err) == (2, 1, True)
    assert not Path("w").exists()
    assert "w" not in {each["watch"] for each in json.loads(ok(run("cases", "watches", "--json")))}


@pytest.mark.usefixtures("watched")
def test_a_watch_keeps_its_key() -> None:
    outcome = run("detect", "january.csv", "--key", "amount", "--watch", "cards", "--out", "w")
    assert (outcome.code, "identifies rows by 'cust_id'" in outcome.err) == (2, True)


def test_results_do_not_go_over_what_the_watch_reads(watched: Path, begun: Path) -> None:
    outcome = run("run", "cards", "--out", begun, "--force")
    assert (outcome.code, "an input of the command" in outcome.err) == (2, True)


@pytest.mark.usefixtures("here")
def test_standard_input_is_no_source_of_a_watch() -> None:
    outcome = run("detect", "-", "--watch", "w", "--id", "cust_id", "--out", "w", stdin=b"a\n1\n")
    assert (outcome.code, "standard input can only be read once" in outcome.err) == (2, True)


@pytest.mark.usefixtures("watched")
def test_a_watch_is_trained_anew_with_what_was_decided() -> None:
    ok(run("cases", "mark", "cards", "00003", "cleared"))
    february = month(Path("february.csv"), n3=900_000, n7=800_000)
    words = ("--id", "cust_id", "--drop", "answer", "--alerts", "5", "--clear-for", "3")
    said = ok(run("detect", february, *words, "--watch", "cards", "--out", "anew"))
    assert "1 mark (0 confirmed, 1 cleared)" in said
    assert "Comparison of the new map with the earlier map: " in said
    assert "Run 2 of cards, compared with run 1" in said
    [told] = json.loads(ok(run("cases", "watches", "--json")))
    assert told["source"] == str(february.resolve())
    ok(run("detect", february, *words[:-2], "--watch", "cards", "--out", "again"))
    with State("state") as state:
        watch = state.watch("cards")
    assert watch.clear_for == 3
    assert "--clear-for 3" in command_anew(watch, "march.csv")


@pytest.mark.usefixtures("watched")
def test_a_watch_is_not_replaced_by_another_table_unasked() -> None:
    rows = [",".join(row.split(",")[:3]) for row in ROWS]
    other = write(Path("other.csv"), "cust_id,amount,height", rows)
    words = ("detect", other, "--id", "cust_id", "--alerts", "5", "--watch", "cards")
    refused = run(*words, "--out", "refused")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "only the watch uses 'age', 'job'" in refused.err
    assert "only this training uses 'height'" in refused.err
    assert "(--replace)" in refused.err
    assert not Path("refused").exists()
    assert "Run 2" in ok(run(*words, "--replace", "--out", "replaced"))


def test_a_watch_of_a_database_takes_a_file_and_reads_the_database_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMSCAPE_STATE", "state")
    with closing(sqlite3.connect("bank.db")) as bank:
        bank.execute(f"CREATE TABLE clients ({HEADER})")
        for row in ROWS:
            bank.execute("INSERT INTO clients VALUES (?, ?, ?, ?, ?)", row.split(","))
        bank.commit()
    words = ("--table", "clients", "--id", "cust_id", "--drop", "answer", "--number", "amount")
    words = (*words, "--number", "age", "--alerts", "3", "--watch", "bank")
    ok(run("detect", "sqlite:///bank.db", *words, "--out", "found"))
    [told] = json.loads(ok(run("cases", "watches", "--json")))
    assert told["source"] == f"sqlite:///{(here / 'bank.db').resolve()}"
    assert "so no run was added" in ok(run("run", "bank"), 3)
    said = ok(run("run", "bank", month(Path("february.csv"), n7=800_000)), 3)
    assert "new 00007" in said
    empty = write(Path("empty.csv"), HEADER, [])
    outcome = run("run", "bank", empty)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)


def test_customers_are_cases(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMSCAPE_STATE", "state")
    january = write(Path("january.csv"), *transactions())
    words = ("--per", "client", "--drop", "note", "--drop", "fraud", "--alerts", "3")
    ok(run("detect", january, *words, "--watch", "clients", "--out", "found"))
    ok(run("cases", "mark", "clients", "0007", "cleared", "--comment", "a car"))
    said = ok(run("run", "clients", "--again", "--out", "again"), 3)
    assert "1 folded" in said
    assert "alerts_rows.csv" in listing(here / "again")
    last = rows_of("again/alerts.csv")[-1]
    assert (last["client"], last["news"], last["comment"]) == ("0007", "folded", "a car")
