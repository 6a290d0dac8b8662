"""Months of a watch: what is new, folded, back, and drifted; nothing is doubled or lost."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from texts import rejected

from somscape.desk.app._calls import summary_of
from somscape.desk.cases import (
    RunOutcome,
    State,
    _compare,
    _run,
    audit_lines,
    exchange,
    import_decisions,
    run_watch,
    verify,
)
from somscape.desk.cases import _run as _subject
from somscape.desk.cases._drift import sentences
from somscape.desk.cases._run import begin_watch, check_name, detector_of_watch, known_cases
from somscape.desk.cases._watch import key_columns, other_spelling, source_of
from somscape.desk.cases.decide import Seen
from somscape.desk.cases.exchange import cases_table, filled_in, spread_over_findings
from somscape.desk.cases.records import CLEARED, CONFIRMED, OPEN, KnownTableError, is_waiting
from somscape.desk.jobs._detect import Found, detect, rule_of
from somscape.desk.jobs._roles import encoding_from
from somscape.desk.jobs.job import STATES, Job
from somscape.outliers import AlertRule
from somscape.tables import read_table, table_from_columns
from somscape.tables.kinds import Roles

N = 120
FIVE = Job(alerts=5, seed=0)


def month(path: Path, seed: int, times: float = 1.0, **cells: Any) -> Path:
    """Write customers, the same ones each month, with other numbers; `cells` are of some."""
    base, rng = np.random.default_rng(0), np.random.default_rng(seed)
    income = base.lognormal(8, 0.3, N) * np.exp(rng.normal(0, 0.01, N)) * times
    job = base.choice(["clerk", "nurse", "cook"], N).tolist()
    age = base.integers(20, 70, N).tolist()
    rows = [[f"c{i:03d}", f"{income[i]:.2f}", str(age[i]), job[i]] for i in range(N)]
    for key, (column, cell) in cells.items():
        rows[int(key[1:])][column] = str(cell)
    lines = ["id,income,age,job", *map(",".join, rows)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


INCOME, JOB = 1, 3
ODD = {"c005": (INCOME, 90_000), "c009": (INCOME, 60_000)}


def found_in(path: Path, job: Job = FIVE, **more: Any) -> Found:
    table = read_table(path)
    roles = Roles("id", categories=("job",))
    return detect(table, encoding_from(table, roles), rule_of(job, table), job, **more)


def begun(state: State, path: Path, job: Job = FIVE, **more: Any) -> RunOutcome:
    found = found_in(path, job, **more)
    said = {"key": ("id",), "source": source_of(str(path)), "job": job, "author": "ann"}
    return begin_watch(state, "cards", found, **said)


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The first month, and a state in which its watch has begun."""
    folder = tmp_path_factory.mktemp("january")
    path = month(folder / "january.csv", 1, **ODD)
    with State(folder / "state") as state:
        begun(state, path)
        state.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        file = Path(state.database.name)
    return path, file.read_bytes()


@pytest.fixture
def state(january: tuple[Path, bytes], tmp_path: Path) -> Iterator[State]:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "cases.sqlite").write_bytes(january[1])
    with State(folder) as state:
        yield state


def run(state: State, path: Path, **more: Any) -> RunOutcome:
    return run_watch(state, "cards", author="ann", source=str(path), **more)


def say(state: State, key: str, word: str, comment: str = "") -> None:
    state.decide(Seen.of(state, "cards").decision(key, word, comment=comment, author="ann"))


def news(outcome: RunOutcome) -> dict[str, str]:
    return {row.key: row.news for row in outcome.listed}


def test_the_first_run_has_only_new_rows_and_no_drift(state: State) -> None:
    [first] = state.runs("cards")
    listed = state.listed(first.id)
    assert [row.key for row in listed[:2]] == ["c005", "c009"]
    assert {row.news for row in listed} == {"new"}
    assert first.facts["drift"]["is_first"]
    assert "the map was trained on this table" in summary_of(state, "cards")["last"]["drift"]
    assert len(state.kept(first.id)) == N
    assert len(state.kept(first.id, only_listed=True)) == 5  # and no checks


def test_a_table_on_which_the_map_was_not_trained_is_not_said_to_be(
    state: State, tmp_path: Path
) -> None:
    outcome = run(state, month(tmp_path / "f.csv", 2, **ODD), instead_of=1)
    said = "Drift cannot be judged yet, because the map was trained on the table of a replaced run."
    assert outcome.drift.sentence == said
    assert outcome.run.facts["drift"]["is_first"]
    assert summary_of(state, "cards")["last"]["drift"] == said
    # The share of rows above the threshold is that of this table.
    assert outcome.drift.month is not None
    assert outcome.drift.month.means[-1] == outcome.drift.n_above / N
    later = run(state, month(tmp_path / "m.csv", 3, **ODD))
    assert "the only earlier table" in later.drift.sentence


def test_next_month_says_what_is_new_still_there_and_gone(state: State, tmp_path: Path) -> None:
    february = month(tmp_path / "f.csv", 2, c005=ODD["c005"], c020=(INCOME, 70_000))
    outcome = run(state, february)
    found = news(outcome)
    assert (found["c005"], found["c020"]) == ("still", "new")
    assert outcome.has_news
    assert "c009" in {each.key for each in outcome.gone if each.is_there}
    assert not outcome.drift.is_found
    assert outcome.usual.by == "keys"
    assert outcome.counts["gone"] == len(outcome.gone)


def test_a_row_below_the_line_of_a_rule_is_not_said_to_be_outdone(tmp_path: Path) -> None:
    january = month(tmp_path / "j.csv", 3, **ODD)
    with State(tmp_path / "other") as other:
        last = begun(other, january, Job(p_value=0.07)).listed[-1].key
        lines = january.read_text(encoding="utf-8").splitlines()
        [cells] = [line.split(",") for line in lines if line.startswith(last)]
        less = {last: (INCOME, 0.9965 * float(cells[INCOME]))}
        outcome = run(other, month(tmp_path / "f.csv", 3, **ODD, **less))
    assert set(news(outcome).values()) == {"still"}
    said = "about as unusual as before, but below the rule's threshold now"
    assert [(each.key, each.why) for each in outcome.gone] == [(last, said)]


def test_a_row_that_a_full_list_leaves_out_is_not_said_to_be_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("alerts", "alert_rule"):
        monkeypatch.setattr(f"somscape.outliers.{module}.MAX_LISTED", 5)
    monkeypatch.setattr("somscape.outliers.alerts.MAX_ROWS", 20)
    with State(tmp_path / "other") as other:
        begun(other, month(tmp_path / "j.csv", 1, **ODD, c010=(INCOME, 80_000)), Job(seed=0))
        others = {f"c{i:03d}": (INCOME, 9_000_000) for i in range(60, 90)}
        less = {"c005": (INCOME, 60_000), "c009": (INCOME, 500_000), "c010": (INCOME, 80_100)}
        outcome = run(other, month(tmp_path / "f.csv", 1, **others, **less))
    alerts = outcome.found.alerts
    assert (alerts.n_alerts, alerts.n_stand_out > 30) == (20, True)
    why = {each.key: each.why for each in outcome.gone}
    assert why["c005"] == "other rows are more unusual now"
    assert why["c009"] == "more unusual than before, but other rows are more unusual now"
    assert why["c010"] == "about as unusual as before, but other rows are more unusual now"


def test_a_more_unusual_row_that_does_not_stand_out_any_more_is_said_to_have_risen(
    tmp_path: Path,
) -> None:
    with State(tmp_path / "other") as other:
        begun(other, month(tmp_path / "j.csv", 1), Job(seed=0))
        eight = {f"c{i:03d}": (INCOME, 5600 + 10 * i) for i in range(8)}
        before = run(other, month(tmp_path / "f.csv", 1, **eight))
        outcome = run(other, month(tmp_path / "m.csv", 1, c003=(INCOME, 5690)))
    assert news(before)["c003"] == "new"  # because several rows stand out together
    why = {each.key: each.why for each in outcome.gone}
    assert why["c003"] == "more unusual than before, but below the rule's threshold now"
    # The list of a rule has a place for each row, also if more rows stand out.
    with State(tmp_path / "of a rule") as other:
        begun(other, month(tmp_path / "j.csv", 1), Job(p_value=0.004, seed=0))
        run(other, month(tmp_path / "a.csv", 1, c003=(INCOME, 9000)))
        outcome = run(other, month(tmp_path / "f.csv", 1, **eight))
    assert outcome.found.alerts.n_left_out > 5
    why = {each.key: each.why for each in outcome.gone}
    assert why["c003"] == "not unusual enough any more"


def test_an_unchanged_row_is_gone_because_the_map_was_trained_again(
    state: State, tmp_path: Path
) -> None:
    before = detector_of_watch(state, "cards")
    assert before is not None
    others = {f"c{i:03d}": (INCOME, 9_000_000 + i) for i in range(60, 65)}
    february = month(tmp_path / "f.csv", 1, **ODD, **others)
    [first] = state.runs("cards")
    listed = {row.key for row in state.listed(first.id) if row.key.startswith("c0")}
    outcome = begun(state, february, after=before.map_)
    assert {each.key for each in outcome.gone} == listed - {row.key for row in outcome.listed}
    why = {each.why for each in outcome.gone}
    assert why == {"its row did not change, but the map was trained again"}
    assert outcome.drift.sentence.endswith("because the map was trained on this table.")


def test_the_same_run_again_adds_nothing_and_says_the_same(state: State, tmp_path: Path) -> None:
    february = month(tmp_path / "f.csv", 2, c020=(INCOME, 70_000))
    first, again = run(state, february), run(state, february)
    assert again.is_again
    assert not first.is_again
    assert (first.run, first.listed, first.gone) == (again.run, again.listed, again.gone)
    assert len(state.runs("cards")) == 2
    # A table of an earlier run needs an answer, and `again` also repeats the newest run.
    run(state, month(tmp_path / "m.csv", 3))
    with pytest.raises(KnownTableError, match="This is the table of run 2 of cards, of 20"):
        run(state, february)
    assert len(state.runs("cards")) == 3
    for number in (4, 5):
        once_more = run(state, february, again=True)
        assert (once_more.run.number, once_more.is_again) == (number, False)
    assert run(state, february).is_again


def test_the_table_of_a_replaced_run_is_recorded_only_if_a_person_says_so(
    state: State, tmp_path: Path
) -> None:
    wrong, right = (month(tmp_path / f"{n}.csv", n, c020=(INCOME, 70_000)) for n in (2, 3))
    run(state, wrong)
    run(state, right, instead_of=2)
    said = r"the table of run 2 of cards, of 20\d\d-\d\d-\d\d, which run 3 replaced\. Nothing"
    with pytest.raises(KnownTableError, match=said):
        run(state, wrong)
    assert run(state, right).is_again
    assert run(state, wrong, again=True).run.number == 4
    # The table of a counting run comes before that of a replaced run.
    run(state, month(tmp_path / "m.csv", 4))
    with pytest.raises(KnownTableError, match=r"run 4 of cards, of [-\d]+\. Nothing"):
        run(state, wrong)
    assert run(state, right, instead_of=4).run.number == 6
    # The table of run 2 was right after all.
    outcome = run(state, wrong, instead_of=3)
    assert (outcome.run.number, outcome.is_again) == (7, False)
    assert [each.number for each in outcome.replaced] == [6, 3]
    assert run(state, wrong).is_again


def test_a_run_that_ends_while_another_does_compares_with_it(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    march = month(tmp_path / "m.csv", 3, c020=(INCOME, 70_000))
    others, drift_of = [march], _run.drift_of

    def meanwhile(*args: Any, **more: Any) -> Any:
        if others:
            run(state, others.pop())
        return drift_of(*args, **more)

    monkeypatch.setattr(_run, "drift_of", meanwhile)
    outcome = run(state, month(tmp_path / "f.csv", 2, c020=(INCOME, 70_000)))
    assert outcome.last is not None
    assert (outcome.run.number, outcome.last.number) == (3, 2)
    assert news(outcome)["c020"] == "still"


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from test_watch_runs import FIVE, found_in, source_of
from somscape.desk.cases import State
from somscape.desk.cases._run import begin_watch
State.name_upload = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
with State(sys.argv[2]) as state:
    begin_watch(
        state, "cards", found_in(Path(sys.argv[1])), key=("id",), source="", job=FIVE,
        author="ann", of_upload=("upload/a", ()),
    )
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGKILL")
def test_a_watch_that_is_killed_before_it_has_its_marks_has_not_begun(
    january: tuple[Path, bytes], tmp_path: Path
) -> None:
    folder = Path(__file__).parent  # its tests import `texts` from the folder of all tests
    code = KILLED.format(path=[str(folder), str(folder.parents[1])])
    words = [sys.executable, "-c", code, str(january[0]), str(tmp_path / "state")]
    assert subprocess.run(words, check=False).returncode == -9
    with State(tmp_path / "state") as state:
        assert state.watches() == []
        assert state.database.rows("SELECT * FROM maps") == []
        assert state.database.rows("SELECT * FROM audit") == []
        assert begun(state, january[0]).run.number == 1


def test_a_file_of_other_cases_is_doubted_and_not_compared_with(
    state: State, tmp_path: Path
) -> None:
    wrong = month(tmp_path / "w.csv", 2)
    wrong.write_text(wrong.read_text().replace("\nc", "\nx").replace("\nx007", "\nc007"))
    first = run(state, wrong)
    said = (
        f"Only 1 of {N} cases of run 1 is in this table. Is this the right file? If not, run the "
        "right file with `--instead-of 2`, or click 'Wrong table?' in the app."
    )
    assert said in first.lines()
    assert first.to_json()["question"] == said
    assert run(state, wrong).lines()[2:] == first.lines()[1:]
    right = run(state, month(tmp_path / "f.csv", 3, **ODD))
    assert right.last is not None
    assert right.last.number == 1
    said = f"Only 1 of {N} cases of run 2 is in this table, so the table is compared with run 1."
    assert said in right.lines()
    assert right.to_json()["question"] is None
    assert news(right)["c005"] == "still"
    # The question is repeated until it has an answer.
    for number, letter in ((4, "y"), (5, "z")):
        path = renamed(month(tmp_path / f"{letter}.csv", number), "c", letter)
        assert f"`--new-ids --instead-of {number}`" in run(state, path).question
    assert not run(state, path, new_ids=True, instead_of=5, again=True).question
    assert not run(state, renamed(month(tmp_path / "a.csv", 6), "c", "a")).question


def test_a_small_table_does_not_hide_the_change_of_a_cleared_row(
    state: State, tmp_path: Path
) -> None:
    say(state, "c005", CLEARED)
    small = month(tmp_path / "s.csv", 2, **ODD)
    lines = small.read_text(encoding="utf-8").splitlines(keepends=True)
    for n_rows, income in ((24, 900_000), (23, 90_000)):  # 24 of 120 rows are a fifth
        small.write_text("".join(lines[: 1 + n_rows]), encoding="utf-8")
        run(state, small)
        outcome = run(state, month(tmp_path / "f.csv", n_rows, **ODD | {"c005": (INCOME, income)}))
        assert outcome.last is not None
        assert (outcome.last.number == 2) == (n_rows == 24)
        assert news(outcome)["c005"] == "returned"
        say(state, "c005", CLEARED)
    said = "Run 4 has fewer than a fifth of the 120 cases of this table, so the table is compared "
    assert f"{said}with run 3." in outcome.lines()


def test_a_first_table_of_few_rows_is_compared_with(tmp_path: Path) -> None:
    with State(tmp_path / "other") as other:
        small = month(tmp_path / "s.csv", 1, **ODD)
        lines = small.read_text(encoding="utf-8").splitlines(keepends=True)
        small.write_text("".join(lines[:21]), encoding="utf-8")
        begun(other, small)
        outcome = run(other, month(tmp_path / "f.csv", 2, **ODD))
        assert outcome.last is not None
        assert "Run 1 has fewer than a fifth of the 120 cases of this table." in outcome.lines()


def test_a_cleared_row_folds_and_others_move_up(state: State, tmp_path: Path) -> None:
    say(state, "c005", CLEARED, "a doctor")
    february = month(tmp_path / "f.csv", 2, c005=(INCOME, 90_100), c009=ODD["c009"])
    outcome = run(state, february)
    assert news(outcome)["c005"] == "folded"
    assert outcome.listed[-1].key == "c005"
    assert outcome.found.alerts.n_alerts == 5  # as many as were asked for
    assert outcome.found.alerts.rows[-1] == 5
    assert sorted(outcome.found.alerts.rows) == list(range(N))
    table = outcome.table()
    assert table.column("news").cells[-1] == "folded"
    assert table.column("id").cells[-1] == "c005"
    assert table.column("comment").cells[-1] == "a doctor"
    assert table.column("income").cells[-1] == "90100"
    assert outcome.to_json()["counts"]["folded"] == 1


def test_no_cleared_row_comes_up_where_others_fold(state: State, tmp_path: Path) -> None:
    path = month(tmp_path / "f.csv", 2, **ODD)
    order = run(state, path).found.alerts.ids[:8]
    assert order[:2] == ["c005", "c009"]
    file = decisions(key=order, decision=["cleared"] * 8)
    import_decisions(state, "cards", file, author="ann")
    outcome = run(state, path, again=True)
    assert [row.key for row in outcome.listed if row.news == "folded"] == order
    assert not set(order) & {row.key for row in outcome.listed if row.news != "folded"}
    assert outcome.found.alerts.n_alerts == 5


@pytest.mark.parametrize("n_rows", [N, 40])  # 40 rows are too few to find drift
def test_a_month_in_another_unit_does_not_hide_cleared_rows(
    january: tuple[Path, bytes], tmp_path: Path, n_rows: int
) -> None:
    def part(name: str, seed: int, times: float = 1.0, **cells: Any) -> Path:
        path = month(tmp_path / name, seed, times, **cells)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[: 1 + n_rows]), encoding="utf-8")
        return path

    with State(tmp_path / "state") as state:
        begun(state, part("j.csv", 1, **ODD))
        say(state, "c005", CLEARED)
        say(state, "c009", CLEARED)
        cents = {"c005": (INCOME, 9_000_000), "c009": (INCOME, 6_000_000)}
        wrong = run(state, part("w.csv", 2, times=100, **cents))
        assert wrong.drift.is_found == (n_rows == N)
        assert (news(wrong)["c005"], news(wrong)["c009"]) == ("returned", "returned")
        # All rows move back, so the moves between these two months are not usual either.
        right = run(state, part("f.csv", 3, c005=(INCOME, 90_100), c009=(INCOME, 9_000_000)))
        assert news(right)["c005"] == "folded"
        assert news(right)["c009"] in ("still", "risen")
        # Nor are those to a table of an earlier run, whose drift is not judged.
        again = run(state, tmp_path / "w.csv", again=True)
        assert "folded" not in news(again).values()
        moved = {"c005": (INCOME, 90_000), "c009": (INCOME, 6_000_000)}
        table = read_table(part("m.csv", 4, times=100, **moved))
        known = known_cases(state, "cards", table, ("id",), detector_of_watch(state, "cards"))
        assert known is not None
        assert (known[5], known[9]) == (0, -1)


def test_many_cleared_rows_fold_at_once(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = month(tmp_path / "f.csv", 2, **ODD)
    order = run(state, path).found.alerts.ids[:60]
    for key in order:
        say(state, key, CLEARED)
    sizes, ranked = [], _subject.ranked

    def counted(*args: Any, **options: Any) -> Any:
        sizes.append(args[1].n_rows)
        return ranked(*args, **options)

    monkeypatch.setattr(_subject, "ranked", counted)
    outcome = run(state, path, again=True)
    assert [row.key for row in outcome.listed if row.news == "folded"] == order
    assert outcome.found.alerts.n_alerts == 5
    assert sizes == [N, N - 60, N - 60]  # all, all others, and all but those that fold


def test_a_cleared_row_that_moved_returns_and_says_why(state: State, tmp_path: Path) -> None:
    say(state, "c005", CLEARED)
    february = month(tmp_path / "f.csv", 2, c005=(INCOME, 900_000))
    outcome = run(state, february)
    assert news(outcome)["c005"] == "returned"
    assert "since then income moved from 90000 to 900000." in outcome.why["c005"]
    assert state.listed(outcome.run.id)[0].reasons.startswith("Cleared on ")
    none = np.zeros(len(outcome.found.alerts.rows), dtype=bool)
    alerts = replace(outcome.found.alerts, stands_out=none)
    without_rule = replace(outcome.found, ranking=lambda: alerts, rule=AlertRule())
    assert replace(outcome, found=without_rule).n_outstanding == 1
    march = month(tmp_path / "m.csv", 3, c005=(INCOME, 900_000))
    assert news(run(state, march))["c005"] == "still"
    say(state, "c005", CLEARED, "again")
    april = month(tmp_path / "a.csv", 4, c005=(INCOME, 901_000))
    assert news(run(state, april))["c005"] == "folded"


def test_a_row_in_the_unit_of_a_confirmed_case_says_so(state: State, tmp_path: Path) -> None:
    def like_c005(seed: int, *keys: str) -> dict[str, str]:
        """Run a month in which some rows are that of c005; return the reasons of its list."""
        path = month(tmp_path / f"{seed}.csv", seed, c005=ODD["c005"])
        lines = path.read_text().splitlines()
        for key in keys:
            lines[1 + int(key[1:])] = lines[6].replace("c005", key)
        path.write_text("\n".join(lines))
        return {row.key: row.reasons for row in run(state, path).listed}

    say(state, "c005", CONFIRMED)
    reasons = like_c005(2, "c020")
    assert reasons["c020"].endswith(" The confirmed case c005 is in the same unit.")
    assert "confirmed" not in reasons["c005"]  # which it is itself
    say(state, "c020", CONFIRMED)
    reasons = like_c005(3, "c020", "c030")
    assert reasons["c030"].endswith(" 2 confirmed cases are in the same unit, such as c005.")
    assert reasons["c005"].endswith(" The confirmed case c020 is in the same unit.")


def test_a_confirmed_case_that_comes_back_is_counted_and_named(
    state: State, tmp_path: Path
) -> None:
    say(state, "c009", CONFIRMED)
    gone = run(state, month(tmp_path / "f.csv", 2, c005=ODD["c005"]))
    assert "c009" in {each.key for each in gone.gone}
    assert "confirmed" not in gone.lines()[0]
    outcome = run(state, month(tmp_path / "m.csv", 3, **ODD))
    assert news(outcome)["c009"] == "new"
    assert re.search(r" \d+ new \(1 confirmed before\)", outcome.lines()[0])
    [row] = [row for row in outcome.listed if row.key == "c009"]
    today = outcome.decisions["c009"].made[:10]
    assert row.reasons.startswith(f"Confirmed on {today} by ann. ")
    assert outcome.why["c009"] == f"Confirmed on {today} by ann."
    still = run(state, month(tmp_path / "a.csv", 4, **ODD))
    assert "1 confirmed" in still.lines()[0]
    assert "before" not in still.lines()[0]
    assert "c009" not in still.why


def test_an_unchanged_table_tells_once_of_what_was_cleared_long_ago(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(state, "c005", CLEARED)
    path = month(tmp_path / "f.csv", 2, **ODD)
    assert news(run(state, path))["c005"] == "folded"
    monkeypatch.setattr(_run, "now", lambda: "2100-01-01T00:00:00+00:00")
    later = run(state, path, again=True)
    assert news(later)["c005"] == "returned"
    assert not later.is_again
    [case] = [case for case in state.cases("cards") if case.key == "c005"]
    assert case.listed is not None
    assert case.listed.news == "returned"
    again = run(state, path)
    assert again.is_again
    assert len(state.runs("cards")) == 3


def test_a_run_stands_in_place_of_one_whose_table_was_wrong(state: State, tmp_path: Path) -> None:
    wrong = month(tmp_path / "wrong.csv", 2, c020=(INCOME, 70_000))  # without those of January
    right = month(tmp_path / "right.csv", 2, c005=ODD["c005"], c020=(INCOME, 70_000))
    run(state, wrong)
    assert news(run(state, right))["c005"] == "new"  # as compared with the wrong one
    with rejected(parameter="instead_of", value=9):
        run_watch(state, "cards", author="ann", source=str(right), instead_of=9)

    mended = run_watch(state, "cards", author="ann", source=str(right), instead_of=2)
    assert mended.last is not None
    assert (mended.run.number, mended.last.number) == (4, 1)
    assert news(mended)["c005"] == "still"
    assert mended.lines()[1] == "It replaces runs 2 and 3."
    assert mended.to_json()["instead_of"] == [2, 3]
    # A page contains the names of earlier tables without their folders.
    found, [earlier] = mended.to_json(), mended.to_json()["precision"]
    names = [found["compared_with_table"], found["trained_on"], earlier["table"]]
    assert names == ["january.csv"] * 3
    for number in (2, None):  # again, as where results could not be written
        again = run_watch(state, "cards", author="ann", source=str(right), instead_of=number)
        assert again.is_again
        assert again.run.number == 4
    with rejected(parameter="instead_of", value=2):
        run_watch(state, "cards", author="ann", source=str(wrong), instead_of=2)

    later = run(state, month(tmp_path / "m.csv", 3, c005=ODD["c005"]))
    assert later.last == mended.run
    assert later.run.number == 5
    assert not verify(state).faults


def test_open_cases_of_a_replaced_run_disappear(state: State, tmp_path: Path) -> None:
    def now() -> dict[str, str]:
        return {case.key: case.state for case in state.cases("cards")}

    odd = {"c020": (INCOME, 70_000), "c030": (INCOME, 80_000), "c050": (INCOME, 60_000)}
    wrong = run(state, month(tmp_path / "wrong.csv", 2, **odd, c005=ODD["c005"])).run.id
    say(state, "c030", CONFIRMED)
    say(state, "c050", CLEARED)
    say(state, "c050", OPEN)
    assert {"c005", "c009", "c020", "c030", "c050"} <= now().keys()
    right = run(state, month(tmp_path / "right.csv", 3, **ODD), instead_of=2)
    left = now()
    assert {"c005", "c009", "c030"} <= left.keys()
    assert not {"c020", "c050"} & left.keys()
    assert left["c030"] == CONFIRMED  # decisions stay
    [case] = state.cases("cards", key="c005")
    assert case.run == right.run.id
    assert state.cases("cards", key="c020") == []
    exported_keys = cases_table(state.cases("cards"), last=right.run.id)["key"]
    assert not {"c020", "c050"} & {*exported_keys}
    # The audit and the replaced list keep these cases, so a decision on that list is possible.
    assert "c020" in {row.key for row in state.listed(wrong)}
    late = Seen.of(state, "cards", key="c020", run=wrong).decision("c020", CLEARED)
    assert (late.run, late.score is not None) == (wrong, True)
    assert not verify(state).faults


def test_a_much_shorter_table_is_a_question_also_with_new_ids(state: State, tmp_path: Path) -> None:
    whole = renamed(month(tmp_path / "f.csv", 2, **ODD), "c", "d")
    assert not run(state, whole, new_ids=True).question
    for n_rows, is_asked in ((N // 5 - 1, True), (N // 5, False)):
        lines = renamed(month(tmp_path / "m.csv", 3), "c", f"e{n_rows}").read_text().splitlines()
        short = tmp_path / f"{n_rows}.csv"
        short.write_text("\n".join([*lines[: n_rows + 1], ""]))
        question = run(state, short).question
        if is_asked:
            said = f"This table has only {n_rows} rows, but each earlier table has at least {N}. "
            assert question.startswith(f"{said}Is this the right file?")
            assert "`--instead-of 3`" in question
            state.database.rows("DELETE FROM listed WHERE run = ?", (state.last_run("cards"),))
            state.database.rows("DELETE FROM kept WHERE run = ?", (state.last_run("cards"),))
            state.database.rows("DELETE FROM runs WHERE number = 3")
        else:
            assert question == ""


def test_a_check_names_the_cases_of_its_rows(state: State, tmp_path: Path) -> None:
    outcome = run(state, month(tmp_path / "f.csv", 2, c033=(2, 127)))
    assert "c033" in news(outcome)
    [check] = [row for row in outcome.checks if row.reasons.startswith("age 127")]
    assert check.reasons.endswith(": id c033. Case of the same row: c033")


def test_a_row_that_became_more_unusual_has_risen(state: State, tmp_path: Path) -> None:
    february = month(tmp_path / "f.csv", 2, c005=ODD["c005"], c009=(INCOME, 600_000))
    found = news(run(state, february))
    assert (found["c005"], found["c009"]) == ("still", "risen")


def test_a_column_times_a_hundred_is_drift_with_its_name(state: State, tmp_path: Path) -> None:
    outcome = run(state, month(tmp_path / "f.csv", 2, times=100))
    assert outcome.drift.is_found
    assert "income is 100 times larger" in outcome.drift.sentence
    assert outcome.drift.sentence.startswith("Drift, compared with 1 earlier table: ")
    assert re.search(
        r"100 times larger \(median [^)]*\), most in (c\d{3}, ){4}c\d{3};", outcome.drift.sentence
    )
    assert "income is 100 times larger; " in summary_of(state, "cards")["last"]["drift"]
    assert not re.search(r"c\d{3}", json.dumps(outcome.run.facts["drift"]))
    said = " ".join(outcome.lines())
    assert said.count("above the threshold") == 1
    assert "If the table is wrong, correct the table and run `somscape run cards TABLE " in said
    assert "--instead-of 2`, or click 'Wrong table?' in the app. Train again? " in said
    assert outcome.to_json()["if_wrong"] in said
    assert "train again" in outcome.drift.train_anew
    assert replace(outcome.drift, columns=("income",)).train_anew.count("above the threshold") == 1
    assert outcome.command_anew.startswith("somscape detect ")
    assert "--watch cards" in outcome.command_anew


def test_changed_columns_after_the_third_are_named(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somscape.outliers.drift.MAX_DRIFTED", 1)
    older = {f"c{i:03d}": (2, 90 + i % 7) for i in range(N)}
    drift = run(state, month(tmp_path / "f.csv", 2, times=100, **older)).drift
    first, other = drift.columns
    assert {first, other} == {"age", "income"}
    assert drift.sentence.endswith(f"; {other} also changed.")


@pytest.mark.parametrize("column", [INCOME, JOB])
@pytest.mark.parametrize(("step", "percent", "example"), [(1, "100", ""), (2, "50", "c000, c002")])
def test_missing_cells_are_drift_with_the_column_and_the_shares(
    state: State, tmp_path: Path, column: int, step: int, percent: str, example: str
) -> None:
    cells = {f"c{i:03d}": (column, "") for i in range(0, N, step)}
    outcome = run(state, month(tmp_path / "f.csv", 2, **cells))
    name = "income" if column == INCOME else "job"
    said = f"{name} is missing in {percent} % of the rows instead of 0 %"
    assert f"{said}, for example in {example}" if example else said in outcome.drift.sentence
    assert not re.search(r"c\d{3}", json.dumps(outcome.run.facts["drift"]))
    assert said in summary_of(state, "cards")["last"]["drift"]
    # The cells that are present have not changed.
    assert f"{name} is " not in outcome.drift.sentence.replace(said, "")
    after = run(state, month(tmp_path / "m.csv", 3)).drift
    assert after.n_months == 2
    assert f"{name} is missing in 0 %" in after.sentence or name not in after.columns


def test_a_table_that_is_recorded_again_does_not_return_cleared_cases(
    state: State, tmp_path: Path
) -> None:
    say(state, "c005", "cleared")
    moved = {**ODD, "c005": (INCOME, 1.005 * ODD["c005"][1])}
    february = month(tmp_path / "f.csv", 2, **moved)
    first, again = run(state, february), run(state, february, again=True)
    assert news(first)["c005"] == news(again)["c005"] == "folded"
    assert again.usual == first.usual


def test_an_exported_list_has_its_own_column_of_keys() -> None:
    columns = {"key": ["a", "b"], "line": ["1", "2"], "run": ["r", "r"], "category": ["", "moved"]}
    assert exchange._keys(table_from_columns(columns), ["category"], None) == ["a", "b"]


def test_as_many_missing_cells_as_before_are_no_drift(tmp_path: Path) -> None:
    def lacking(path: Path, seed: int) -> Path:
        rows = np.random.default_rng(seed).permutation(N)[: N // 4]
        return month(path, seed, **{f"c{i:03d}": (INCOME, "") for i in rows})

    with State(tmp_path / "other") as other:
        begun(other, lacking(tmp_path / "j.csv", 1), Job(alerts=5, seed=0, missing="fill"))
        for seed in range(2, 6):
            drift = run(other, lacking(tmp_path / "f.csv", seed)).drift
            assert not drift.is_found, drift.sentence
        full = run(other, month(tmp_path / "f.csv", 7)).drift
        assert "income is missing in 0 % of the rows instead of 25 %" in full.sentence


def test_the_training_table_is_not_drift_and_months_are_counted(
    state: State, january: tuple[Path, bytes], tmp_path: Path
) -> None:
    said = [run(state, month(tmp_path / "m.csv", seed)).drift for seed in (2, 3)]
    assert [each.n_months for each in said] == [1, 2]
    assert "from the only earlier table" in said[0].sentence
    assert "from 2 earlier tables" in said[1].sentence
    again = run(state, january[0], again=True).drift
    assert (again.is_found, again.train_anew) == (False, "")
    assert again.sentence == "No drift: an earlier run had the same table."
    assert run(state, month(tmp_path / "m.csv", 4)).drift.n_months == 3


def test_a_table_sorted_by_a_column_is_not_drift(state: State, tmp_path: Path) -> None:
    february = month(tmp_path / "f.csv", 2)
    head, *lines = february.read_text(encoding="utf-8").splitlines()
    lines.sort(key=lambda line: float(line.split(",")[INCOME]))
    february.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    drift = run(state, february).drift
    assert (drift.is_found, drift.train_anew) == (False, "")


def test_a_level_of_many_rows_is_told_and_not_kept_for_good(tmp_path: Path) -> None:
    with State(tmp_path / "new") as state:
        begun(state, month(tmp_path / "j.csv", 1, c033=(JOB, "spy"), c034=(JOB, "spy")))
        spies = {f"c{i:03d}": (JOB, "spy") for i in range(110)}
        outcome = run(state, month(tmp_path / "f.csv", 2, **spies))
        assert "job is spy in 92 % of the rows" in outcome.drift.sentence
        assert any("job is spy" in each for each in outcome.to_json()["drift"]["changes"])
        (audit,) = [line for line in audit_lines(state) if line.get("run") == outcome.run.id]
        assert "spy" not in json.dumps(audit)
        assert "'job' changed" in summary_of(state, "cards")["last"]["drift"]


def test_unseen_levels_have_their_rows_and_facts_have_none(state: State, tmp_path: Path) -> None:
    outcome = run(state, month(tmp_path / "f.csv", 2, c033=(JOB, "spy"), c034=(JOB, "spy")))
    [unseen] = outcome.unseen
    assert (unseen.column, unseen.levels, unseen.n) == ("job", ("spy",), 2)
    assert (
        unseen.sentence
        == 'job has the value "spy", which the training table does not have: c033, c034.'
    )
    assert unseen.keys == ("c033", "c034")
    facts = json.dumps(outcome.run.facts)
    assert "c033" not in facts
    assert "spy" not in facts


def renamed(path: Path, old: str, new: str) -> Path:
    """Replace the beginning of each id in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(f"{new}{each.removeprefix(old)}" for each in lines), encoding="utf-8")
    path.write_text(path.read_text("utf-8").replace(f"{new}id,", "id,") + "\n", encoding="utf-8")
    return path


def test_new_ids_each_month_are_a_setting_and_rows_like_cleared_cases_fold(
    state: State, tmp_path: Path
) -> None:
    say(state, "c005", CLEARED)
    same = {"c005": (INCOME, 90_000), "c032": (INCOME, 91_000), "c050": (JOB, "spy")}
    base = month(tmp_path / "f.csv", 1, **same)
    proposed = run(state, renamed(base, "c", "d"))
    assert "run this table again with `--new-ids --instead-of 2`" in proposed.question
    assert proposed.question in proposed.lines()
    base = renamed(month(tmp_path / "m.csv", 3, **same), "c", "e")
    march = run_watch(state, "cards", author="ann", source=str(base), new_ids=True)
    assert not any("right file" in line for line in march.lines())
    assert march.gone == ()
    found = news(march)
    like = {
        row.key for row in march.listed if row.reasons.startswith("Like c005, which was cleared.")
    }
    assert like == {"e005"}
    assert (found["e005"], found["e032"]) == ("folded", "new")
    assert found["e050"] == "new"
    assert any(
        line.endswith(f"at the end of the list: {', '.join(sorted(like))}.")
        for line in march.lines()
    )
    [ids] = [c for c in march.table().columns if c.name == "id"]
    assert like <= {*ids.each_cell()}  # the file contains them
    # The next run keeps the setting.
    april = run(state, renamed(month(tmp_path / "a.csv", 4), "c", "f"))
    assert april.gone == ()
    assert april.run.facts["new_ids"]


@pytest.mark.parametrize("is_rarer", [True, False])
def test_a_row_ten_times_as_rare_as_the_cleared_case_is_listed(
    state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_rarer: bool
) -> None:
    say(state, "c005", CLEARED)
    monkeypatch.setattr(_compare, "TIMES_SMALLER", 0.0 if is_rarer else 1e9)
    path = renamed(month(tmp_path / "f.csv", 2, c005=(INCOME, 90_000)), "c", "d")
    outcome = run_watch(state, "cards", author="ann", source=str(path), new_ids=True)
    assert news(outcome)["d005"] == ("new" if is_rarer else "folded")


def test_a_row_with_a_larger_value_than_the_cleared_case_is_listed(
    state: State, tmp_path: Path
) -> None:
    say(state, "c005", CLEARED)
    first = state.listed(state.runs("cards")[0].id)
    lowest = min(row.p_value for row in first)
    assert next(row for row in first if row.key == "c005").p_value == lowest
    path = month(tmp_path / "f.csv", 2, c005=(INCOME, 90_000))
    path = renamed(path, "c", "d")
    lines = path.read_text(encoding="utf-8").splitlines()
    [like] = [line for line in lines if line.startswith("d005")]
    more = [like.replace("d005", f"d{i}").replace("90000", f"{i}000") for i in (89, 91, 900, 9000)]
    path.write_text("\n".join([*lines, *more, ""]), encoding="utf-8")
    outcome = run(state, path, new_ids=True)
    p_values = {row.key: row.p_value for row in outcome.listed}
    assert p_values["d9000"] == p_values["d005"] == lowest
    found = {key: news(outcome)[key] for key in ("d89", "d005", "d91", "d900", "d9000")}
    assert [*found.values()] == ["folded", "folded", "new", "new", "new"]


def test_ids_with_another_spelling_are_named() -> None:
    said = other_spelling(["000201", "000202"], ["201.0", "202.0"])
    assert "'201.0' instead of '000201'" in said
    assert other_spelling(["000201 / a", "2 / b"], ["201 / a"]) != ""
    assert other_spelling(["a", "b"], ["c", "d"]) == ""


def test_many_unseen_levels_are_told_of_in_one_line(state: State, tmp_path: Path) -> None:
    jobs = {f"c{i:03d}": (JOB, f"J{i}") for i in range(20, 50)}
    outcome = run(state, month(tmp_path / "f.csv", 2, **jobs))
    [unseen] = outcome.unseen
    assert (unseen.n_levels, len(unseen.keys)) == (30, 20)
    said = (
        'job has 30 values that the training table does not have, such as "J20", "J21" (30 rows, '
        "for example c020, c021, c022, c023, c024)."
    )
    assert [line for line in outcome.lines() if "not have" in line] == [said]
    assert outcome.drift.unseen == {"job": 30}
    assert len(sentences(outcome.unseen * 30)) == 21


def test_a_table_of_other_columns_is_refused_and_leaves_nothing(
    state: State, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("id,height\n" + "".join(f"{i},{i}\n" for i in range(20)))
    with rejected(file="other.csv", column="income"):
        run(state, other)
    repeated = tmp_path / "repeated.csv"
    repeated.write_text("id,income,age,job\na,1,2,cook\na,2,2,cook\n")
    with rejected(file="repeated.csv", row=1, value="a"):
        run(state, repeated)
    with rejected(parameter="watch", value="loans"):
        run_watch(state, "loans", author="ann")
    assert len(state.runs("cards")) == 1


def test_a_watch_whose_source_is_gone_says_so(tmp_path: Path) -> None:
    path = month(tmp_path / "january.csv", 1, **ODD)
    with State(tmp_path / "state") as state:
        begun(state, path)
        path.unlink()
        with rejected():
            run_watch(state, "cards", author="ann")


def test_a_watch_trained_anew_learns_from_decisions_and_keeps_places(
    state: State, january: tuple[Path, bytes], tmp_path: Path
) -> None:
    say(state, "c009", CONFIRMED)
    say(state, "c005", CLEARED)
    before = detector_of_watch(state, "cards")
    assert before is not None
    february = month(tmp_path / "f.csv", 2, c005=(INCOME, 90_100), c009=ODD["c009"])
    table = read_table(february)
    known = known_cases(state, "cards", table, ("id",), before)
    assert known is not None
    assert (known[9], known[5], np.count_nonzero(known >= 0)) == (1, 0, 2)
    outcome = begun(state, february, known=known, after=before.map_)
    detector = outcome.found.detector
    assert detector.effect_of_marks.startswith("2 marks (1 confirmed, 1 cleared)")
    assert detector.map_.lattice == before.map_.lattice
    assert outcome.run.number == 2
    assert outcome.drift.is_first
    assert [watch.name for watch in state.watches()] == ["cards"]
    # One that moved far is not known to be usual any more.
    moved = month(tmp_path / "m.csv", 3, c005=(INCOME, 9_000_000), c009=ODD["c009"])
    known = known_cases(state, "cards", read_table(moved), ("id",), before)
    assert known is not None
    assert (known[9], known[5]) == (1, -1)
    # If a value is not a number any more, the rows cannot be compared.
    text = month(tmp_path / "t.csv", 4, c009=(INCOME, "none at all"))
    known = known_cases(state, "cards", read_table(text), ("id",), before)
    assert known is not None
    assert known[9] == 1
    # A confirmed row whose error was corrected is no example of an anomaly.
    corrected = month(tmp_path / "c.csv", 4, c005=(INCOME, 90_100))
    known = known_cases(state, "cards", read_table(corrected), ("id",), before)
    assert known is not None
    assert (known[9], known[5]) == (-1, 0)


def test_usual_moves_of_small_tables_do_not_only_shrink(state: State, tmp_path: Path) -> None:
    def small(seed: int, **cells: Any) -> Path:
        path = month(tmp_path / f"{seed}{len(cells)}.csv", seed, **cells)
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:26]))
        return path

    first = str(small(1))
    found = found_in(Path(first))
    begin_watch(
        *(state, "few", found), key=("id",), source=source_of(first), job=FIVE, author="ann"
    )
    corrected = small(2, c003=(INCOME, 3000))  # all other cells are the same
    tables = [small(2), corrected, *map(small, range(3, 8))]
    far = [
        run_watch(state, "few", author="ann", source=str(path), again=True).run.facts[
            "usual_moves"
        ]["far"]
        for path in tables
    ]
    assert all(after > before / 1.3 for before, after in pairwise(far))
    assert far[-1] > 0.1


def test_a_map_of_other_columns_takes_over_with_what_it_can_compare(
    state: State, tmp_path: Path
) -> None:
    say(state, "c005", CLEARED)
    path = month(tmp_path / "f.csv", 2, c005=ODD["c005"])
    lines = path.read_text().splitlines()
    more = [f"{line},{'height' if i == 0 else 150 + i % 40}" for i, line in enumerate(lines)]
    path.write_text("\n".join([*more, ""]))
    before = detector_of_watch(state, "cards")
    assert before is not None
    outcome = begun(state, path, after=before.map_)
    assert news(outcome)["c005"] in ("folded", "returned")


def test_keys_are_asked_for_before_any_work() -> None:
    table = table_from_columns({"a": [1, 1, 2], "b": [1, 2, 2], "c": [1, None, 3]}, "t")
    assert key_columns(table, ["a", "b"]) == ("a", "b")
    assert key_columns(table, per=["a"]) == ("a",)
    for given_ in (["a"], ["c"], []):
        with rejected(file="t"):
            key_columns(table, given_)
    with rejected(parameter="key"):
        key_columns(table, ["b"], per=["a"])


def decisions(**columns: list[Any]) -> Any:
    return table_from_columns(columns, "decisions.csv")


def test_imported_decisions_are_kept_once(state: State) -> None:
    table = decisions(
        id=["c005", "c009", "c001", "c002"],
        decision=["cleared", "Confirmed", "open", None],
        comment=["a doctor", None, None, None],
    )
    done = import_decisions(state, "cards", table, author="bob")
    assert [(d.key, d.state, d.comment) for d in done.decisions] == [
        ("c005", CLEARED, "a doctor"),
        ("c009", CONFIRMED, ""),
    ]
    assert (done.n_same, done.n_empty) == (1, 1)
    assert done.decisions[0].cells["income"] == 90_000
    again = import_decisions(state, "cards", table, author="bob")
    assert (again.decisions, again.n_same) == ((), 3)


def test_an_import_with_unknown_ids_is_refused_as_a_whole(state: State) -> None:
    table = decisions(key=["c005", "x1", "x2"], decision=["cleared"] * 3)
    with rejected(file="decisions.csv", row=1, value="x1"):
        import_decisions(state, "cards", table, author="bob")
    assert not state.last_decisions("cards")
    done = import_decisions(state, "cards", table, author="bob", skip_unknown=True)
    assert [d.key for d in done.decisions] == ["c005"]
    assert done.unknown == ("x1", "x2")


@pytest.mark.parametrize(
    "table",
    [
        decisions(key=["c005"], decision=["guilty"]),
        decisions(key=["c005"], verdict=["cleared"]),
        decisions(name=["c005"], decision=["cleared"]),
        decisions(key=[None, "c005"], decision=["cleared"] * 2),
        decisions(key=["c005", "c005"], decision=["cleared", "confirmed"]),
    ],
)
def test_a_table_that_decides_nothing_is_refused(state: State, table: Any) -> None:
    with rejected(file="decisions.csv"):
        import_decisions(state, "cards", table, author="bob")


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", ".", "..", "-a", "a\nb", "a" * 101])
def test_what_no_watch_can_be_called(name: str) -> None:
    check_name("a" * 100)
    check_name("Cards - 2026.1 ü")
    with rejected(parameter="watch"):
        check_name(name)


def test_a_watch_of_an_upload_has_to_be_given_a_table(tmp_path: Path) -> None:
    path = month(tmp_path / "january.csv", 1)
    said = {"key": ("id",), "source": "", "job": FIVE, "author": "ann"}
    with State(tmp_path / "state") as state:
        begun = begin_watch(state, "cards", found_in(path), **said, shown_as="upload.csv")
        assert (begun.watch.source, begun.run.source) == ("", "upload.csv")
        with rejected():
            run_watch(state, "cards", author="ann")
        assert run(state, path).is_again


def exported(state: State, **changed: str) -> Any:
    """The cases as they are exported now, with other decisions of some."""
    columns = cases_table(state.cases("cards"), last=state.last_run("cards"))
    for key, word in changed.items():
        columns["decision"][columns["key"].index(key)] = word
    return decisions(**columns)


def test_an_import_takes_back_nothing_that_others_decided_since(state: State) -> None:
    say(state, "c009", CONFIRMED)
    of_ann = exported(state, c009=CLEARED)
    say(state, "c005", CONFIRMED, "by Ben")
    done = import_decisions(state, "cards", of_ann, author="ann")
    assert [(d.key, d.state) for d in done.decisions] == [("c009", CLEARED)]
    assert state.last_decisions("cards")["c005"].state == CONFIRMED


def test_an_import_against_what_others_said_since_is_refused_as_a_whole(state: State) -> None:
    of_ann = exported(state, c005=CLEARED, c009=CLEARED)
    say(state, "c005", CONFIRMED)
    with rejected(file="decisions.csv", row=0, value="c005"):
        import_decisions(state, "cards", of_ann, author="bob")
    assert [*state.last_decisions("cards")] == ["c005"]


def test_the_columns_of_the_key_say_which_case_it_is_before_others(state: State) -> None:
    table = decisions(key=["c009"], id=["c005"], decision=["cleared"])
    assert import_decisions(state, "cards", table, author="a").decisions[0].key == "c005"


def test_an_id_that_is_not_the_key_decides_nothing() -> None:
    table = decisions(id=["7"], decision=["cleared"])
    assert filled_in(table, ("client",), "client")[0].key == "7"
    for columns, id_name in ((("a", "b"), "client"), (("a",), None)):
        with rejected(file="decisions.csv", column="key"):
            filled_in(table, columns, id_name)
    own = decisions(a=["1"], b=["2"], key=["9"], decision=["cleared"])
    assert filled_in(own, ("a", "b"), None)[0].key == "1 / 2"
    both = decisions(id=["7"], key=["8"], decision=["cleared"])
    assert filled_in(both, ("a",), None)[0].key == "8"
    assert filled_in(both, ("a",), "a")[0].key == "7"
    assert (
        filled_in(decisions(id=["7"], key=["8"], run=["r"], decision=["open"]), ("a",), "a")[0].key
        == "8"
    )


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.integers(2, 4)),
            st.tuples(st.sampled_from(["c005", "c009", "c050"]), st.sampled_from(STATES)),
        ),
        max_size=8,
    )
)
def test_no_decision_is_lost_or_doubled_whatever_runs(
    january: tuple[Path, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, Any]],
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    (folder / "cases.sqlite").write_bytes(january[1])
    said: dict[str, list[str]] = {}
    with State(folder) as state:
        for what, how in steps:
            if what == "run":
                path = month(folder / f"{how}.csv", how, **ODD)
                listed = {row.key for row in run(state, path, again=True).listed}
                # c005 and c009 stay the most unusual: listed or folded, never out of sight.
                assert {"c005", "c009"} <= listed
            else:
                say(state, what, how)
                said.setdefault(what, []).append(how)
        for key, words in said.items():
            assert [d.state for d in state.history("cards", key)] == words
        by_key = {case.key: case.state for case in state.cases("cards")}
        assert {key: by_key[key] for key in said} == {key: words[-1] for key, words in said.items()}
        assert by_key["c005"] == (said.get("c005") or [OPEN])[-1]
    with closing(sqlite3.connect(folder / "cases.sqlite")) as db, db:
        [(n,)] = db.execute("SELECT count(*) FROM decisions").fetchall()
    assert n == sum(map(len, said.values()))


def test_rows_that_only_fill_the_list_are_neither_new_nor_gone(tmp_path: Path) -> None:
    with State(tmp_path / "other") as other:
        first = begun(other, month(tmp_path / "j.csv", 1, **ODD), Job(seed=0))
        n = first.found.alerts.n_stand_out
        assert 2 <= n < 10
        words = [row.news for row in first.listed]
        assert words == ["new"] * n + ["filled"] * (10 - n)
        assert first.counts["new"] == len(first.news) == first.n_outstanding == n
        assert sum(first.counts.values()) == n
        assert first.table().column("news").cells.tolist() == words  # the file keeps its rows
        second = run(other, month(tmp_path / "f.csv", 2, **ODD))
        assert {"c005", "c009"} <= {key for key, word in news(second).items() if word == "still"}
        filled = {key for key, word in news(second).items() if word == "filled"}
        assert filled
        kept = {row.key for row in first.listed if row.news != "filled"}
        assert {each.key for each in second.gone} <= kept
        assert not {row.key for row in second.news} & filled
        cases = {case.key: case for case in other.cases("cards")}
        last = other.runs("cards")[0]
        assert not any(is_waiting(cases[key], last) for key in filled)
        # A row that is only a filled row now is gone from the reported list.
        third = run(other, month(tmp_path / "m.csv", 3, c005=ODD["c005"]))
        assert "c009" in {each.key for each in third.gone}


def test_one_decision_covers_the_rows_of_its_finding() -> None:
    columns = {
        "id": ["a", "b", "c", "d", "e"],
        "finding": [1, 1, 2, 1, 2],
        "decision": ["cleared", "", "", "later", "later"],
        "comment": ["known", "", "", "", "x"],
    }
    with rejected(value="1"):
        spread_over_findings(table_from_columns(columns))
    columns["decision"][3] = columns["decision"][4] = ""
    table, rows = spread_over_findings(table_from_columns(columns))
    assert rows == [1, 3]
    found = {each.key: (each.state, each.comment) for each in filled_in(table, ["id"], None)}
    assert found == dict.fromkeys("abd", ("cleared", "known"))
    columns["state"] = ["open", "confirmed", "open", "open", "open"]
    assert spread_over_findings(table_from_columns(columns))[1] == [3]
    with rejected(column="finding"):
        spread_over_findings(table_from_columns({"id": ["a"], "decision": ["later"]}))


def test_notes_count_in_the_table_of_the_run(tmp_path: Path) -> None:
    def notes_of(outcome: RunOutcome) -> list[str]:
        return [*map(str, replace(outcome.found, known_checks=[]).notes)]

    ages = {"c030": (2, -5)}
    with State(tmp_path / "state") as state:
        first = begun(state, month(tmp_path / "january.csv", 1, **ages))
        (note,) = notes_of(first)
        assert "'age' is below 0 in 1 of 120 rows (id c030)" in note
        assert notes_of(run(state, month(tmp_path / "february.csv", 2))) == []
        march = month(tmp_path / "march.csv", 3, c031=(2, -6), c032=(2, -7))
        (note,) = notes_of(run(state, march))
        assert "'age' is below 0 in 2 of 120 rows (ids c031, c032)" in note
