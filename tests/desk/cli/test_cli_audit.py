"""The commands of the state, typed as people do."""

import csv
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command_line import customers, run, write

from somscape.desk.cases import Decision, State
from somscape.desk.cases.records import CLEARED

HEAD = re.compile(r"head ([0-9a-f]{64})")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A watch of 60 customers, run twice, and a decision."""
    folder = tmp_path_factory.mktemp("audit")
    write(folder / "customers.csv", *customers())
    write(folder / "march.csv", *customers(50))
    words = ("--state", folder / "state", "--author", "ann")
    detect = ("detect", folder / "customers.csv", "--id", "cust_id", "--label", "answer=yes")
    assert run(*detect, "--alerts", 6, "--watch", "w", "--out", folder / "out", *words).code == 0
    assert run("run", "w", folder / "march.csv", *words).code in (0, 3)
    with State(folder / "state") as state:
        key = state.cases("w")[0].key
        state.decide(Decision("w", key, CLEARED, "her own", "bob"), token="t")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it; the table lies where the watch reads it."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.setenv("SOMSCAPE_STATE", str(tmp_path / "copy" / "state"))
    before = (made / "customers.csv").read_text()
    yield made
    (made / "customers.csv").write_text(before)


def spoil(tmp_path: Path, sql: str) -> None:
    with closing(sqlite3.connect(tmp_path / "copy" / "state" / "cases.sqlite")) as db, db:
        db.execute(sql)


def runs(tmp_path: Path) -> list[str]:
    with State(tmp_path / "copy" / "state") as state:
        return [each.id for each in reversed(state.runs("w"))]


def test_an_audit_that_holds_ends_with_0(folder: Path, tmp_path: Path) -> None:
    outcome = run("audit", "verify")
    assert outcome.code == 0
    head = HEAD.search(outcome.out)[1]
    assert run("audit", "head").out == f"{head}\n"
    assert outcome.out.splitlines()[:2] == ["The audit is valid.", f"4 lines, head {head}"]
    assert "of line 4, written 20" in run("audit", "verify", "--head", head).out
    outcome = run("audit", "verify", "--head", "f" * 64)
    assert outcome.code == 2
    assert "Wrong: no line has the head ffff" in outcome.out


def test_a_run_and_its_page_show_the_head(folder: Path, tmp_path: Path) -> None:
    outcome = run("run", "w", folder / "customers.csv", "--again", "--out", tmp_path / "out")
    head = run("audit", "head").out.strip()
    assert f"Head of the audit: {head}" in outcome.out
    page = (tmp_path / "out" / "report.html").read_text()
    assert f'"audit_head":"{head}"' in page.replace('": "', '":"')


def test_an_audit_that_was_changed_ends_with_2(folder: Path, tmp_path: Path) -> None:
    spoil(tmp_path, "UPDATE decisions SET comment = 'x'")
    outcome = run("audit", "verify")
    assert outcome.code == 2
    assert "Wrong: the decision of line 4 differs from the line (comment)." in outcome.out
    assert outcome.out.startswith("The audit is not valid.\n")


def test_an_empty_place_is_no_audit_that_holds(tmp_path: Path) -> None:
    outcome = run("audit", "verify", "--state", tmp_path / "slip")
    assert outcome.code == 2
    assert "slip" in outcome.err
    assert outcome.err.rstrip().endswith("--state.")


def test_seals_are_checked_with_the_file_of_the_key(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    key.chmod(0o644)
    outcome = run("audit", "verify", "--audit-key", key)
    assert (outcome.code, f"--audit-key {key} has mode 0644" in outcome.err) == (2, True)
    shared = run("audit", "verify", "--audit-key", key, "--allow-readable-secrets")
    assert "has a seal of this key" in shared.out
    key.chmod(0o600)
    assert "has a seal of this key" in run("audit", "verify", "--audit-key", key).out
    with State(tmp_path / "copy" / "state", b"k" * 32) as state:
        state.decide(Decision("w", state.cases("w")[0].key, "open"))
    outcome = run("audit", "verify", "--audit-key", key)
    assert (outcome.code, "1 of 5 lines has the seal of this key." in outcome.out) == (0, True)
    assert "give --audit-key FILE" in run("audit", "verify").out


def test_lines_of_forgotten_cases_are_shown_and_need_the_key(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    key.chmod(0o600)
    with State(tmp_path / "copy" / "state") as state:
        first, second = (case.key for case in state.cases("w")[:2])
    assert run("cases", "forget", "w", first, "--author", "eve").code == 0
    outcome = run("audit", "verify")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "The audit is valid.")
    assert (
        "1 line about forgotten cases (1 case):\nForgotten: eve forgot 1 case of the watch 'w'"
        in (outcome.out)
    )
    assert run("cases", "mark", "w", second, "later", "--audit-key", key).code == 0
    refused = run("cases", "forget", "w", second)
    assert (refused.code, "Give --audit-key." in refused.err) == (2, True)
    assert run("cases", "forget", "w", second, "--audit-key", key).code == 0
    outcome = run("audit", "verify", "--audit-key", key)
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "The audit is valid.")


def test_lines_are_listed_for_people_and_programs(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("audit", "list").out)))
    assert [row["kind"] for row in rows] == ["watch", "run", "run", "decision"]
    assert (rows[3]["author"], rows[3]["comment"], rows[3]["state"]) == ("bob", "her own", CLEARED)
    lines = json.loads(run("audit", "list", "--format", "json").out)
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert lines[1]["facts"]["n_rows"] == 60
    assert lines[3]["key"] == rows[3]["key"]


def test_a_clock_that_was_ahead_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "clock" not in run("audit", "verify").out
    with State(tmp_path / "copy" / "state") as state:
        with monkeypatch.context() as wrong:
            wrong.setattr("somscape.desk.cases.records.now", lambda: "2999-01-01T00:00:00+00:00")
            state.decide(Decision("w", state.cases("w")[0].key, "open"))
        last = state.decide(Decision("w", state.cases("w")[0].key, CLEARED))
    outcome = run("audit", "verify")
    assert (outcome.code, last.made) == (0, "2999-01-01T00:00:00+00:00")
    assert "The time of the last line is 2999-01-01T00:00:00+00:00" in outcome.out


def test_a_mistyped_state_has_no_head_and_no_backup(folder: Path, tmp_path: Path) -> None:
    for words in (("head",), ("verify",)):
        outcome = run("audit", *words, "--state", tmp_path / "mistyped")
        assert (outcome.code, outcome.out) == (2, "")
        assert "mistyped" in outcome.err
    assert run("backup", tmp_path / "b", "--state", tmp_path / "mistyped").code == 2


def test_a_backup_is_written_and_restored(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "monday.sqlite"
    outcome = run("backup", file)
    assert outcome.code == 0
    assert (
        outcome.out == f"Wrote {file}: 4 lines of the audit, head {HEAD.search(outcome.out)[1]}\n"
    )
    refused = run("restore", file)
    assert refused.code == 2
    assert "is not empty. Its audit has 4 lines" in refused.err
    assert "--force replaces this state" in refused.err
    for words in (("--force",), ("--state", tmp_path / "new")):
        assert HEAD.search(run("restore", file, *words).out)[1] == HEAD.search(outcome.out)[1]


def test_a_case_is_forgotten_by_key_and_old_ones_by_months(folder: Path, tmp_path: Path) -> None:
    with State(tmp_path / "copy" / "state") as state:
        key = state.cases("w")[0].key
    assert "KEY of a case or --older-than" in run("cases", "forget", "w").err
    assert "--decided needs --older-than" in run("cases", "forget", "w", key, "--decided").err
    outcome = run("cases", "forget", "w", key)
    assert outcome.code == 0
    assert "Forgot 1 case." in outcome.out
    assert "written results and the original table still contain these cases." in outcome.out
    assert key not in run("audit", "list").out
    assert run("audit", "verify").code == 0
    for more in ((), ("--decided",)):
        assert "No case is that old" in run("cases", "forget", "w", "--older-than", 3, *more).out
    assert f"'{key}'" in run("cases", "forget", "w", key).err
