"""`fit`, `score` and `info`: maps are saved, score new rows, and say what they hold."""

import csv
import io
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Found, listing, run, run_process, write
from forked import start

from somscape import Map, load
from somscape.outliers import Detector
from somscape.tables import read_table

RESULT_COLUMNS = ["score", "p_value", "flagged", "stands_out", "unit", "row", "col", "reasons"]


def read_scores(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def score(found: Found, *words: Any) -> list[dict[str, str]]:
    outcome = run("score", found.folder / "map.som", *words)
    assert outcome.code == 0, outcome.err
    return read_scores(outcome.out)


def detector_of(found: Found) -> Detector:
    detector = load(found.folder / "map.som")
    assert isinstance(detector, Detector)
    return detector


# fit


@pytest.fixture
def fitted(table: Path) -> Path:
    outcome = run("fit", table, "--id", "cust_id", "--label", "answer", "--out", "m.som")
    assert outcome.code == 0, outcome.err
    return Path("m.som")


def test_fit_writes_the_map_and_nothing_else(fitted: Path) -> None:
    assert listing(Path()) == {"customers.csv", "m.som"}
    map_ = load(fitted)
    assert isinstance(map_, Map)
    assert map_.hits.sum() == 60
    assert [c.name for c in map_.encoding.features] == ["amount", "age", "job"]


def test_fit_takes_size_epochs_and_seed(table: Path) -> None:
    words = ("--rows", 3, "--cols", 5, "--epochs", 4, "--seed", 9)
    outcome = run("fit", table, *words, "--out", "m.som")
    assert outcome.code == 0
    map_ = load("m.som")
    assert (map_.lattice.n_rows, map_.lattice.n_cols) == (3, 5)
    assert (map_.parameters["n_epochs"], map_.parameters["seed"]) == (4, 9)
    assert "3 x 5 units" in outcome.out
    assert "Wrote m.som" in outcome.out


def test_fit_gives_the_same_bytes_for_the_same_seed(fitted: Path, table: Path) -> None:
    run("fit", table, "--id", "cust_id", "--label", "answer", "--out", "again.som")
    assert Path("again.som").read_bytes() == fitted.read_bytes()


def test_map_with_more_units_than_rows_is_warned_of_in_plain_words(table: Path) -> None:
    outcome = run_process("fit", table, "--rows", 20, "--cols", 20, "--out", "m.som")
    assert outcome.code == 0
    said = " ".join((outcome.out + outcome.err).split())
    assert "400 units for 60 rows" in said
    # Not as Python's warnings, with a path and a line of source.
    assert ".py:" not in outcome.err


def test_failed_fit_leaves_the_old_map(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fitted.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    outcome = run("fit", "customers.csv", "--seed", 3, "--out", "m.som")
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert "is full. Free some space" in outcome.err
    assert fitted.read_bytes() == before
    assert listing(Path()) == {"customers.csv", "m.som"}


# info


def test_info_says_what_a_map_without_a_detector_is(fitted: Path) -> None:
    outcome = run("info", fitted)
    assert (outcome.code, outcome.err) == (0, "")
    lattice = load(fitted).lattice
    assert f"{lattice.n_rows} x {lattice.n_cols} units, hexagonal, plane" in outcome.out
    assert "this map cannot score rows" in outcome.out
    assert re.search(r"^rows trained on +60 *$", outcome.out, flags=re.M)
    assert re.search(r"^seed +0 *$", outcome.out, flags=re.M)
    for column, kind in (("cust_id", "id"), ("amount", "number"), ("job", "category")):
        assert re.search(rf"^{column} +{kind} ", outcome.out, flags=re.M)


def test_info_says_what_a_detector_is(found: Found) -> None:
    outcome = run("info", found.folder / "map.som")
    assert outcome.code == 0
    assert re.search(r"^score +combined, 32 prototypes, by 4 maps *$", outcome.out, flags=re.M)
    assert re.search(r"^calibration rows +60 *$", outcome.out, flags=re.M)
    assert f"{detector_of(found).threshold:.4g}" in outcome.out


@pytest.mark.parametrize("command", ["info", "score"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"", "not a somscape map"),
        (b"x,y\n1,2\n3,4\n", "not a somscape map. Give a map from `fit`, `detect` or"),
        (b"\x02\0\0\0\0\0\0\0{}", "not a somscape map"),
    ],
)
def test_file_that_is_no_map_is_refused_in_one_line(
    table: Path, command: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        Path("m.som").write_bytes(content)
    outcome = run(command, "m.som", *([table] if command == "score" else []))
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert "m.som" in outcome.err
    assert says in outcome.err


def test_truncated_map_is_refused_in_one_line(fitted: Path) -> None:
    whole = fitted.read_bytes()
    for n in (7, 100, len(whole) // 2, len(whole) - 1):
        fitted.write_bytes(whole[:n])
        outcome = run("info", fitted)
        assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
        assert "m.som" in outcome.err


# score


def customers_of(found: Found) -> Path:
    return found.folder.parent / "customers.csv"


def test_scores_stand_in_the_order_of_the_file(found: Found) -> None:
    rows = score(found, customers_of(found))
    assert list(rows[0]) == ["cust_id", *RESULT_COLUMNS]
    assert [row["cust_id"] for row in rows] == [f"{i:05d}" for i in range(60)]


def test_training_rows_score_as_they_did_in_the_alerts(found: Found) -> None:
    alerts = read_scores(found.read("alerts.csv"))
    assert len(alerts) == 10
    by_id = {row["cust_id"]: row for row in score(found, customers_of(found), "--alerts", 10)}
    for alert in alerts:
        row = by_id[alert["cust_id"]]
        for name in ("score", "p_value", "stands_out", "unit", "row", "col", "reasons"):
            assert row[name] == alert[name], name
        assert row["flagged"] == "yes"
    assert sum(row["flagged"] == "yes" for row in by_id.values()) == 10


def test_rows_that_stand_out_are_flagged_by_default(found: Found, here: Path) -> None:
    rows = score(found, customers_of(found))
    assert [row["flagged"] for row in rows] == [row["stands_out"] for row in rows]
    share = ("--contamination", 0.2, "--id", "cust_id", "--label", "answer", "--out", "other")
    assert run("detect", customers_of(found), *share).code == 0
    outcome = run("score", "other/map.som", customers_of(found))
    assert sum(row["flagged"] == "yes" for row in read_scores(outcome.out)) == 12
    flagged = {r["cust_id"] for r in read_scores(outcome.out) if r["flagged"] == "yes"}
    listed = read_scores(Path("other/alerts.csv").read_text(encoding="utf-8"))
    assert flagged == {row["cust_id"] for row in listed}


def test_scores_say_which_rows_stand_out(here: Path) -> None:
    rng = np.random.default_rng(0)
    usual, far = rng.normal(size=(200, 3)), rng.normal(9, 1, size=(5, 3))
    for name, X in (("usual", usual), ("new", np.concatenate([far, usual[:95]]))):
        write(Path(f"{name}.csv"), "a,b,c", [",".join(f"{x:.4f}" for x in row) for row in X])
    assert run("detect", "usual.csv", "--out", "found").code == 0
    outcome = run("score", "found/map.som", "new.csv")
    rows = read_scores(outcome.out)
    detector = load("found/map.som")
    assert isinstance(detector, Detector)
    alerts = detector.alerts(read_table("new.csv"))
    stand_out = set(alerts.rows[alerts.stands_out].tolist())
    assert stand_out >= {0, 1, 2, 3, 4}
    assert len(stand_out) < 20
    assert {i for i, row in enumerate(rows) if row["stands_out"] == "yes"} == stand_out
    assert {row["stands_out"] for row in rows} == {"yes", "no"}
    said = outcome.err.splitlines()
    n = sum(row["flagged"] == "yes" for row in rows)
    assert n == len(stand_out)
    rule = "those that stand out, with a false discovery rate of at most about 0.2"
    assert said[:2] == [f"100 rows scored, {n} flagged: {rule}.", f"{alerts.headline}."]


def test_only_flagged_rows_have_reasons(found: Found) -> None:
    rows = score(found, customers_of(found), "--alerts", 3)
    assert {row["flagged"] for row in rows} == {"yes", "no"}
    for row in rows:
        assert bool(row["reasons"]) == (row["flagged"] == "yes")


def test_scores_equal_those_of_the_library(found: Found) -> None:
    detector, table = detector_of(found), read_table(customers_of(found))
    rows = score(found, customers_of(found))
    scores = detector.scores(table)
    assert [row["score"] for row in rows] == [str(float(f"{s:.6g}")) for s in scores]
    p_values = detector.p_values(table)
    assert [row["p_value"] for row in rows] == [str(float(f"{p:.6g}")) for p in p_values]
    assert [int(row["unit"]) for row in rows] == detector.map_.winners(table).tolist()


def test_category_that_the_map_never_saw_is_scored_and_counted(found: Found, here: Path) -> None:
    write(Path("t.csv"), "age,job,amount", ["40.5,clerk,100.5", "40.5,pilot,100.5"])
    outcome = run("score", found.folder / "map.som", "t.csv")
    assert outcome.code == 0
    known, new = (float(row["score"]) for row in read_scores(outcome.out))
    assert new > known
    assert "Values that the training table does not have: job 1 (record 2)." in outcome.err


def test_huge_number_of_a_new_row_is_flagged_or_refused_without_a_warning(
    found: Found, here: Path
) -> None:
    write(Path("t.csv"), "age,job,amount", ["40.5,clerk,100.5", "1e300,clerk,100.5"])
    outcome = run_process("score", found.folder / "map.som", "t.csv")
    assert ".py:" not in outcome.err
    if outcome.code == 0:
        row = read_scores(outcome.out)[1]
        assert row["flagged"] == "yes"
        assert np.isfinite(float(row["score"]))
        assert row["reasons"].startswith("age 1e300 ")
    else:
        assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
        assert "t.csv, line 3" in outcome.err
        assert "'age'" in outcome.err


def test_map_of_fit_is_refused(fitted: Path, table: Path) -> None:
    outcome = run("score", fitted, table)
    assert outcome.code == 2
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1
    assert "a map without a detector, so it cannot score rows" in outcome.err
    assert "`somscape detect`" in outcome.err
    # Before a table, perhaps a long one, is read.
    assert run("score", fitted, "nowhere.csv").err == outcome.err


def test_scores_go_to_a_file_whole(found: Found, here: Path) -> None:
    outcome = run("score", found.folder / "map.som", customers_of(found), "--out", "s.csv")
    assert (outcome.code, outcome.out) == (0, "")
    rule = "those that stand out, with a false discovery rate of at most about 0.2"
    assert f"60 rows scored, 0 flagged: {rule}.\nNo row of 60 stands out.\n" in outcome.err
    written = Path("s.csv").read_text(encoding="utf-8")
    assert read_scores(written) == score(found, customers_of(found))
    assert listing(here) == {"s.csv"}


@pytest.mark.parametrize("out", ["nowhere/s.csv", "folder"])
def test_target_that_cannot_be_a_file_is_refused(found: Found, here: Path, out: str) -> None:
    Path("folder").mkdir()
    outcome = run("score", found.folder / "map.som", customers_of(found), "--out", out)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert out in outcome.err
    assert listing(here) == {"folder"}


def test_failure_while_scores_are_written_leaves_the_old_file(
    found: Found, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("s.csv").write_text("old")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("somscape.desk.jobs._detect.ResultList.content", fail)
    outcome = run("score", found.folder / "map.som", customers_of(found), "--out", "s.csv")
    assert outcome.code == 2
    assert Path("s.csv").read_text() == "old"
    assert listing(here) == {"s.csv"}


@pytest.mark.parametrize("name", ["score", "unit", "reasons"])
def test_id_called_like_a_result_is_kept(here: Path, name: str) -> None:
    rows = [f"k{i},{i * 1.37 % 7:.2f}" for i in range(40)]
    write(Path("t.csv"), f"{name},x", rows)
    assert run("detect", "t.csv", "--id", name, "--out", "found").code == 0
    outcome = run("score", "found/map.som", "t.csv")
    assert outcome.code == 0
    records = read_scores(outcome.out)
    assert "k7" in records[7].values(), f"the ids are lost; there is {records[7]}"


def test_standard_input_is_scored(found: Found) -> None:
    map_file = found.folder / "map.som"
    outcome = run("score", map_file, "-", stdin=customers_of(found).read_bytes())
    assert read_scores(outcome.out) == score(found, customers_of(found))


def test_article_round_trip(article: Found, article_file: Path, here: Path) -> None:
    outcome = run_process(
        "score",
        article.folder / "map.som",
        article_file,
        "--out",
        "s.csv",
    )
    assert outcome.code == 0
    headline, _, _ = article.outcome.out.partition("\n")
    assert re.search(
        r"^690 rows scored, 3 flagged: those that stand out, with .* about 0\.2\.\n"
        + re.escape(headline)
        + "$",
        outcome.err,
        flags=re.M,
    )
    by_id = {row["CustomerID"]: row for row in read_scores(Path("s.csv").read_text())}
    for alert in read_scores(article.read("alerts.csv")):
        assert by_id[alert["CustomerID"]]["score"] == alert["score"]
        assert by_id[alert["CustomerID"]]["flagged"] == alert["stands_out"]
        assert by_id[alert["CustomerID"]]["p_value"] == alert["p_value"]
        assert by_id[alert["CustomerID"]]["stands_out"] == alert["stands_out"]
    n = sum(row["stands_out"] == "yes" for row in by_id.values())
    assert sum(row["flagged"] == "yes" for row in by_id.values()) == n == 3
    assert headline.startswith(f"{n} of 690 rows stand out (" if n else "No row of 690 stands out.")


def test_a_reader_that_has_seen_enough_is_no_error(found: Found) -> None:
    words = ["score", str(found.folder / "map.som"), str(customers_of(found))]
    pipe = subprocess.PIPE
    with start(*words, is_fork=False, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as `head` does
        said = process.stderr.read().decode()
    assert "pipe" not in said.lower()
    assert "Traceback" not in said


# Ordered categories and dates


@pytest.fixture
def orders(here: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = [
        f"{rng.normal(9, 2):.2f},{('low', 'middle', 'high')[i % 3]},{i % 4},"
        f"2020-{1 + i % 12:02}-0{1 + i % 9}"
        for i in range(60)
    ]
    return write(Path("orders.csv"), "amount,grade,stars,since", rows)


def test_ordered_categories_and_dates_are_taken_as_such(orders: Path) -> None:
    words = ("--ordinal", "grade=low<middle < high", "--ordinal", "stars", "--date", "since")
    assert run("fit", orders, *words, "--out", "m.som").code == 0
    kinds = {code.name: code.kind for code in load("m.som").encoding.columns}
    assert kinds == {"amount": "number", "grade": "ordinal", "stars": "ordinal", "since": "date"}
    levels = {code.name: getattr(code, "levels", ()) for code in load("m.som").encoding.columns}
    assert levels["grade"] == ("low", "middle", "high")
    assert levels["stars"] == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--ordinal", "grade"),
            "unknown. Give the levels from low to high (--ordinal",
        ),
        (("--ordinal", "grade=low"), "because there are fewer than two levels"),
        (("--ordinal", "grade=low"), "to the highest (--ordinal 'grade=LOW<MIDDLE<HIGH')."),
        (
            ("--ordinal", "grade=low<high"),
            "must contain one of its levels low, high, but contains 'middle'. The given levels do "
            "not contain this value. Add the value",
        ),
        (("--ordinal", "nothing"), "has no column 'nothing'"),
        (("--ordinal", "nothing=a<b"), "has no column 'nothing'"),
        (("--date", "grade"), "must contain dates"),
        (("--date", "grade", "--drop", "grade"), "cannot be both"),
    ],
)
def test_an_order_or_date_that_cannot_be_is_refused(
    orders: Path, words: tuple[str, ...], message: str
) -> None:
    outcome = run("fit", orders, *words, "--out", "m.som")
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert message in outcome.err
