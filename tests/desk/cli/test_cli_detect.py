"""`detect` and `demo`: what they write, what they say, and that results appear whole."""

import csv
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from command_line import RESULTS, Found, listing, run, run_process, write

from somscape import load
from somscape.datasets._planted import card_transactions, flawed_applications
from somscape.desk.cli._detect import PlantedCase
from somscape.desk.jobs._detect import detect, rule_of
from somscape.desk.jobs._roles import ready, roles_from
from somscape.desk.jobs.job import Job
from somscape.outliers import Detector
from somscape.tables import read_table, write_csv

PNG = b"\x89PNG\r\n\x1a\n"


def rows_of(found: Found) -> list[dict[str, str]]:
    with (found.folder / "alerts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def detector_of(found: Found) -> Detector:
    detector = load(found.folder / "map.som")
    assert isinstance(detector, Detector)
    return detector


def report_of(page: str) -> dict[str, Any]:
    """The data that a report holds."""
    text = max(re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.S), key=len)
    match = re.search(r"<script[^>]*application/json[^>]*>(.*?)</script>", page, flags=re.S)
    return json.loads(match[1] if match else text)


def undated(path: Path) -> bytes:
    """A file's bytes without the report's date."""
    return re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC", b"", path.read_bytes())


def kinds_said(out: str) -> dict[str, list[str]]:
    """What is said of each column: the words after its name."""
    lines = out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["column", "taken"])
    return {line.split()[0]: line.split()[1:] for line in lines[start + 1 : lines.index("", start)]}


def detect_here(*words: Any) -> Found:
    outcome = run("detect", *words, "--out", "found", "--verbose")
    assert outcome.code == 0, outcome.err
    return Found(Path("found"), outcome)


# The article's job


def test_article_job_writes_exactly_its_files(article: Found) -> None:
    assert listing(article.folder.parent) == {"found", *(f"found/{name}" for name in RESULTS)}
    assert all((article.folder / name).stat().st_size > 1000 for name in RESULTS)
    for name in ("umatrix.png", "planes.png"):
        assert (article.folder / name).read_bytes().startswith(PNG)


def test_article_job_says_nothing_on_standard_error(article: Found) -> None:
    assert article.outcome.err == ""


def test_article_job_says_what_it_did_to_each_column(article: Found) -> None:
    said = kinds_said(run("info", article.folder / "map.som").out + "\n\n")
    assert "\nColumns: 6 numbers, 8 categories, 1 id, 1 known outcome (" in article.outcome.out
    assert {name: words[0] for name, words in said.items()} == {
        "CustomerID": "id",
        **{f"A{i}": "category" for i in (1, 4, 5, 6, 8, 9, 11, 12)},
        **{f"A{i}": "number" for i in (2, 3, 7, 10, 13, 14)},
        "Class": "label",
    }
    assert " ".join(said["A5"][1:]) == "whole numbers with 14 different values"
    assert " ".join(said["A10"][1:]) == "23 different values; long tail, tamed"


def test_article_alerts_have_the_promised_columns(article: Found) -> None:
    header = article.read("alerts.csv").splitlines()[0]
    results = "rank,CustomerID,score,p_value,stands_out,finding,unit,row,col,reasons"
    assert header == results + "".join(f",A{i}" for i in range(1, 15)) + ",Class"


def scores_and_p(found: Found) -> tuple[list[float], list[float]]:
    """The scores and p-values of all rows in the report, which has more digits."""
    rows = json.loads(found.read("report.json"))["rows"]
    return rows["scores"], rows["p_values"]


def check_order(found: Found) -> None:
    """Ranks from 1, the highest scores first, and p-values by definition."""
    rows = rows_of(found)
    assert [row["rank"] for row in rows] == [str(i + 1) for i in range(len(rows))]
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    all_scores, all_p = scores_and_p(found)
    assert scores == [float(f"{score:.6g}") for score in all_scores[: len(rows)]]
    p_values = [float(row["p_value"]) for row in rows]
    assert p_values == sorted(p_values)
    calibration = detector_of(found).calibration
    relations = calibration.relations
    expected = naive.estimated_p(all_scores, calibration.scores, relations)
    np.testing.assert_allclose(all_p, expected, rtol=1e-3)  # of scores with six digits
    np.testing.assert_allclose(p_values, all_p[: len(rows)], rtol=1e-5)
    # No more than the share of calibration rows that score as high.
    conformal = naive.conformal_p(scores, calibration.scores)
    assert (np.array(p_values) <= conformal * (1 + 1e-5)).all()


def standing_out(p_values: list[float]) -> tuple[int, float]:
    """How many rows stand out at a rate of 0.2, and how many by chance (Benjamini-Hochberg)."""
    n = len(p_values)
    usual = min(1.0, (1 + sum(p > 0.5 for p in p_values)) / (n / 2)) * n
    ascending = sorted(p_values)
    k = max((k for k, p in enumerate(ascending, 1) if p * usual / k <= 0.2), default=0)
    return k, ascending[k - 1] * usual if k else 0.0


def headline_of(n: int, n_by_chance: float) -> str:
    """Return the headline of the article's 690 rows."""
    if not n:
        return "No row of 690 stands out"
    about = f"about {round(n_by_chance)}" if round(n_by_chance) else "fewer than one"
    return f"{n} of 690 rows stand out ({about} of them by chance)"


def test_article_has_rows_that_stand_out(article: Found) -> None:
    n, n_by_chance = standing_out(scores_and_p(article)[1])
    assert (n, round(n_by_chance)) == (3, 0)


def test_article_alerts_are_the_rows_that_stand_out_in_order(article: Found) -> None:
    rows = rows_of(article)
    n, n_by_chance = standing_out(scores_and_p(article)[1])
    n_alerts = max(10, n)
    assert [row["stands_out"] for row in rows] == ["yes"] * n + ["no"] * (n_alerts - n)
    check_order(article)
    data = report_of(article.read("report.html"))
    assert (data["n_alerts"], data["n_stand_out"], data["n_before_line"]) == (n, n, None)
    assert data["n_by_chance"] == pytest.approx(n_by_chance, rel=1e-4)
    assert data["headline"] == headline_of(n, n_by_chance)
    assert (
        data["rule"] == "those that stand out, at most 50 findings, or 10 rows if none stands out"
    )
    assert article.outcome.out.startswith(f"{data['headline']}.\nrank ")
    assert "from here on" not in article.outcome.out


def test_5_percent_of_the_article_are_listed_where_asked_for(
    article: Found, here: Path, article_file: Path
) -> None:
    found = detect_here(
        *(article_file, "--id", "CustomerID", "--label", "Class", "--contamination", 0.05)
    )
    rows = rows_of(found)
    assert len(rows) == 34  # 5 % of 690 are 34.5
    check_order(found)
    n, n_by_chance = standing_out(scores_and_p(found)[1])
    assert [row["stands_out"] for row in rows] == ["yes"] * n + ["no"] * (34 - n)
    threshold = detector_of(found).threshold
    assert sum(score > threshold for score in scores_and_p(found)[0]) == 34
    data = report_of(found.read("report.html"))
    assert data["rule"] == f"a score above {threshold:.4g}, the threshold of the map"
    assert (data["n_alerts"], data["n_stand_out"], data["n_before_line"]) == (34, n, n or None)
    assert data["method"]["command"].endswith(
        "--id CustomerID --label Class --missing fill --contamination 0.05 --seed 0 --out DIR"
    )
    assert found.outcome.out.startswith(f"{headline_of(n, n_by_chance)}.\n")
    assert "% of 34 alerts have this value" in " ".join(found.outcome.out.split())
    # The first of these are those listed by default, with the same map of another threshold.
    assert rows[: max(10, n)] == rows_of(article)
    asked, default = detector_of(found), detector_of(article)
    assert (asked.map_.codebook == default.map_.codebook).all()
    assert (asked.is_threshold_auto, default.is_threshold_auto) == (False, True)
    assert asked.threshold < default.threshold


def test_article_alerts_agree_with_the_saved_map(article: Found, article_file: Path) -> None:
    detector = detector_of(article)
    table = read_table(article_file)
    scores = detector.scores(table)
    ids = table.column("CustomerID").cells.tolist()
    for row in rows_of(article):
        i = ids.index(row["CustomerID"])
        assert float(row["score"]) == float(f"{scores[i]:.6g}")
        assert row["A14"] == table.column("A14").cells[i]
    np.testing.assert_allclose(detector.contributions(table).sum(axis=1), scores, rtol=1e-12)


def test_article_says_how_unusual_and_label_agree(article: Found, article_file: Path) -> None:
    said = " ".join(article.outcome.out.split())
    match = re.search(
        r"Unusual against Class = 1 \(307 of 690 rows, the rarer value\): AUROC (0\.\d{3}) "
        r"\([^)]*\)\. (\d+) % of (\d+) alerts have this value, (\d\.\d\d) times the share",
        said,
    )
    assert match
    table = read_table(article_file)
    scores = detector_of(article).scores(table)
    auroc = naive.auroc(scores, table.column("Class").cells == "1")
    assert float(match[1]) == pytest.approx(auroc, abs=0.0005)
    # Rows that only fill the file up to ten do not count.
    shown = [row for row in rows_of(article) if row["stands_out"] == "yes"]
    alerted = [row["Class"] == "1" for row in shown]
    share = sum(alerted) / len(alerted)
    assert (int(match[2]), int(match[3])) == (round(100 * share), len(alerted))
    assert float(match[4]) == pytest.approx(share / (307 / 690), abs=0.005)


def test_report_holds_the_alerts_and_the_command(article: Found) -> None:
    page = article.read("report.html")
    data = report_of(page)
    rows = rows_of(article)
    assert data["n_alerts"] == sum(row["stands_out"] == "yes" for row in rows)
    assert len(rows) >= 10
    assert data["rows"]["ids"][: len(rows)] == [row["CustomerID"] for row in rows]
    assert data["trained_on"] == data["source"]
    command = data["method"]["command"]
    assert command.startswith("somscape detect ")
    assert command.endswith("--id CustomerID --label Class --missing fill --seed 0 --out DIR")
    assert not re.search(r"https?://", page)


@pytest.mark.usefixtures("pictures")
def test_same_seed_gives_the_same_bytes(
    article: Found, here: Path, article_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    again = detect_here(article_file, "--id", "CustomerID", "--label", "Class")
    for name in RESULTS:
        assert undated(again.folder / name) == undated(article.folder / name), name
    said = [each.outcome.out.partition("\nTable: ")[0] for each in (again, article)]
    assert said[0] == said[1]


# Options


def test_alerts_option_says_how_many_rows_are_listed(table: Path) -> None:
    found = detect_here(table, "--alerts", 12, "--drop", "answer")
    assert len(rows_of(found)) == 12
    assert report_of(found.read("report.html"))["rule"] == "the 12 highest scores, as asked for"
    n_shown = sum(int(row["finding"]) <= 10 for row in rows_of(found))
    assert f"... and {12 - n_shown} more in alerts.csv" in found.outcome.out or n_shown == 12


def test_more_alerts_than_rows_are_refused(table: Path) -> None:
    outcome = run("detect", table, "--alerts", 10000, "--out", "found")
    assert outcome.code == 2
    assert outcome.err == (
        "Error: --alerts is 10000, but customers.csv has only 60 rows. Give a smaller number.\n"
    )
    assert listing(Path()) == {"customers.csv"}


def test_so_low_a_share_that_no_row_is_an_alert(table: Path) -> None:
    found = detect_here(table, "--contamination", 0.001, "--label", "answer")
    assert rows_of(found) == []
    assert "nan" not in found.outcome.out.lower()


def test_a_column_of_names_is_offered_as_the_id(here: Path) -> None:
    rows = [f"Ann {i},note {i},2024-01-{i % 28 + 1:02},{i * 1.37 % 7:.2f}" for i in range(28)]
    write(Path("t.csv"), "who,note,day,x", rows)
    detected = [detect_here("t.csv", "--force", *words) for words in ([], ["--drop", "note"])]
    said = [" ".join(found.outcome.out.split()) for found in detected]
    assert all("(--id who)" in text for text in said)
    assert ["'who', 'note' have a different value" in text for text in said] == [True, False]
    with_id = detect_here("t.csv", "--force", "--id", "who").outcome.out
    assert "different value in each row" not in " ".join(with_id.split())


def noted_rows(n: int) -> list[str]:
    """Rows with a missing cell, a number with too many digits, comments, and a column of words."""
    rng = np.random.default_rng(0)
    return [
        f"C{i},{'' if i == 3 else f'{rng.lognormal(8, 1):.2f}'},"
        f"{1e19 if i == 7 else round(rng.lognormal(4, 1), 2)},{'mf'[i % 2]},"
        f"called on day {i} about the late fee"
        for i in range(n)
    ]


def test_notes_of_the_command_line_are_in_the_report_with_ids(here: Path) -> None:
    write(Path("t.csv"), "customer,income,gross,sex,comment", noted_rows(60))
    said = detect_here("t.csv", "--id", "customer").outcome.out.splitlines()
    notes = json.loads(Path("found/report.json").read_text())["notes"]
    printed = [line.removeprefix("Note: ") for line in said if line.startswith("Note: ")]
    assert [note[0].lower() + note[1:] for note in notes[-len(printed) :]] == printed
    assert len(printed) == 3
    assert "Missing values filled: income 1 (id C3)." in set(notes) & set(said)
    assert any("'gross' contains 1e+19 (id C7), over" in note for note in notes)
    assert any("'comment' (text with 60 different values, free text)" in note for note in notes)
    assert any("(--protect sex)" in note for note in notes)
    assert not any("could name the rows" in note for note in notes)


def test_a_check_of_negative_numbers_replaces_the_note(here: Path) -> None:
    rng = np.random.default_rng(0)
    amounts = rng.lognormal(5, 1, 300).round(2)
    amounts[7] = -12.5
    rows = [
        f"C{i},{x},{y:.3f}"
        for i, (x, y) in enumerate(zip(amounts, rng.normal(size=300), strict=True))
    ]
    write(Path("t.csv"), "customer,amount,y", rows)
    said = " ".join(detect_here("t.csv", "--id", "customer").outcome.out.split())
    assert "amount is below 0 (lowest -12.5): customer C7" in said
    assert "Check these rows" not in said
    outcome = run("fit", "t.csv", "--id", "customer", "--out", "m.som")  # without checks
    assert "'amount' is below 0 in 1 of 300 rows (id C7). Check these rows" in outcome.out


def test_label_value_can_be_named(table: Path) -> None:
    found = detect_here(table, "--label", "answer=no", "--alerts", 5)
    said = " ".join(found.outcome.out.split())
    assert "Unusual against answer = no (" in said
    assert "rarer" not in said
    data = report_of(found.read("report.html"))
    assert (data["agreement"]["label"], data["agreement"]["value"]) == ("answer", "no")
    assert "answer" not in [c["column"] for reasons in data["reasons"] for c in reasons]


def test_rows_whose_label_is_missing_are_left_out_of_the_comparison(here: Path) -> None:
    rows = [f"{'?' if i % 3 else 'ny'[i % 2]},{i * 1.37 % 7:.2f}" for i in range(60)]
    write(Path("t.csv"), "answer,x", rows)
    found = detect_here("t.csv", "--label", "answer=y", "--alerts", 60)
    said = " ".join(found.outcome.out.split())
    # 20 rows have an answer, every second one of them is a y.
    assert "answer = y (10 of 20 rows)" in said
    assert "50 % of 20 alerts" in said


def test_number_column_has_a_label_value_as_people_write_it(here: Path) -> None:
    write(Path("t.csv"), "y,x", [f"{i % 4 == 0:d}.0,{i * 1.37 % 7:.2f}" for i in range(40)])
    found = detect_here("t.csv", "--label", "y=1")
    assert "y = 1 (10 of 40 rows)" in " ".join(found.outcome.out.split())


def test_overrides_and_dropped_columns_are_said(table: Path) -> None:
    found = detect_here(
        table, "--drop", "answer", "--category", "age", "--number", "amount", "--id", "cust_id"
    )
    said = kinds_said(found.outcome.out)
    assert said["age"] == ["category", "as", "asked"]
    assert said["amount"][:3] == ["number", "as", "asked;"]  # and tamed
    assert said["answer"] == ["dropped", "as", "asked"]


def test_command_in_the_report_gives_the_same_files_again(here: Path) -> None:
    rows = [f"{i % 3},{i * 1.37 % 7:.2f},{i % 5},{i * 2.71 % 5:.2f},k{i}" for i in range(60)]
    write(Path("my table.csv"), "a kind,x,few,y,key", rows)
    first = detect_here(
        *("my table.csv", "--id", "key", "--label", "a kind=1", "--drop", "y", "--number", "few"),
        *("--category", "x", "--missing", "error", "--alerts", 7, "--seed", 5),
    )
    files = {name: undated(first.folder / name) for name in RESULTS}
    words = shlex.split(report_of(first.read("report.html"))["method"]["command"])
    assert words[0] == "somscape"
    assert run(*words[1:]).code == 0
    assert {name: undated(first.folder / name) for name in RESULTS} == files


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("sign", ["[b]{}", "[/]{}", "k:100:{}", ":{}:"])
def test_names_and_cells_are_shown_as_they_are(here: Path, sign: str) -> None:
    # The console must take none of them for markup or for the name of an emoji.
    column, number = sign.format("x"), sign.format(100)
    rows = [f"{number}-{i},{i * 1.37 % 7:.2f},{'ab'[i % 2]}" for i in range(40)]
    write(Path("t.csv"), f"key,{column},job", rows)
    found = detect_here("t.csv", "--id", "key", "--alerts", 10, "--drop", "job")
    said = found.outcome.out
    assert column in kinds_said(said)
    first = rows_of(found)[0]
    assert first["key"].startswith(number)
    assert f" {first['key']} " in said
    assert re.search(rf"{re.escape(column)}\s+(\d+\.\d+:|from)\s", said)
    assert column in kinds_said(run("info", "found/map.som").out + "\n\n")


# Inputs that just work


def test_standard_input_is_read(table: Path) -> None:
    outcome = run("detect", "-", "--out", "found", stdin=table.read_bytes())
    assert outcome.code == 0
    assert "60 rows of <stdin>" in outcome.out
    assert {p.name for p in Path("found").iterdir()} == RESULTS


def test_table_as_people_export_it_just_works(here: Path) -> None:
    rng = np.random.default_rng(0)
    ages = ["?", *(f"{age:.1f}".replace(".", ",") for age in rng.normal(40, 9, 59))]
    rows = [
        f"00{i:02d};{rng.integers(1, 9)}.{rng.integers(100, 999)},50 €;Jürgen {i};"
        f"{i % 28 + 1:02d}.03.2024;{ages[i]}"
        for i in range(60)
    ]
    text = "\n".join(["Kunde;Betrag;Name;Datum;Alter", *rows]) + "\n"
    Path("t.csv").write_bytes(text.encode("cp1252"))
    found = detect_here("t.csv", "--id", "Kunde", "--alerts", 3)
    said = " ".join(found.outcome.out.split())
    for note in ("delimiter ';'", "decimal comma", "thousands separators", "cp1252", "currency €"):
        assert note in said
    kinds = kinds_said(found.outcome.out)
    assert {name: words[0] for name, words in kinds.items()} == {
        **{"Kunde": "id", "Betrag": "number", "Name": "dropped", "Datum": "date"},
        **{"Alter": "number", "Datum:": "weekday"},
    }
    assert " ".join(kinds["Alter"]).endswith("1 missing filled")
    rows = rows_of(found)
    assert all(re.fullmatch(r"00\d\d", row["Kunde"]) for row in rows)
    assert all(re.fullmatch(r"\d\.\d{3},50 €", row["Betrag"]) for row in rows)
    assert all(row["Name"].startswith("Jürgen ") for row in rows)


def test_huge_number_is_the_first_alert(here: Path) -> None:
    rows = [*(f"{i * 1.37 % 7:.2f},{i * 2.71 % 5:.2f}" for i in range(60)), "1e300,1.25"]
    write(Path("t.csv"), "x,y", rows)
    outcome = run_process("detect", "t.csv", "--out", "found")
    assert (outcome.code, outcome.err) == (0, "")
    first = rows_of(Found(Path("found"), outcome))[0]
    assert (first["record"], first["x"]) == ("61", "1e300")
    assert first["reasons"].startswith("x 1e300: highest of 61 rows; usual ")


@pytest.mark.usefixtures("pictures")
def test_two_rows_are_enough(here: Path) -> None:
    write(Path("t.csv"), "x,y", ["1.5,2.5", "3.5,0.5"])
    found = detect_here("t.csv", "--alerts", 1)
    assert len(rows_of(found)) == 1


# The folder


def test_earlier_results_are_replaced(table: Path) -> None:
    detect_here(table, "--alerts", 5)
    detect_here(table, "--alerts", 7)
    assert len(rows_of(Found(Path("found"), run("info", "found/map.som")))) == 7
    assert listing(Path()) == {"customers.csv", "found", *(f"found/{name}" for name in RESULTS)}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_of_results_is_not_a_table(table: Path, kind: str) -> None:
    detect_here(table, "--format", kind)
    before = listing(Path())
    for command in ("detect", "fit"):
        outcome = run(command, "found", "--out", "again" if command == "detect" else "again.som")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        assert "'found'" in outcome.err
        assert f"'found/alerts.{kind}'" in outcome.err
    assert listing(Path()) == before
    Path("found/map.som").unlink()  # the list alone is a table
    assert run("detect", "found", "--out", "again").code == 0


def test_folder_with_other_files_is_replaced_only_with_force(table: Path) -> None:
    Path("found").mkdir()
    Path("found/mine.txt").write_text("keep me")
    outcome = run("detect", table, "--out", "found")
    assert outcome.code == 2
    assert "--out is found" in outcome.err
    assert "(mine.txt)" in outcome.err
    assert "--force" in outcome.err
    assert listing(Path()) == {"customers.csv", "found", "found/mine.txt"}
    detect_here(table, "--force")
    assert {p.name for p in Path("found").iterdir()} == RESULTS


def test_folder_can_be_read_by_others_as_usual(found: Found) -> None:
    usual = found.folder.parent / "usual"
    usual.mkdir(exist_ok=True)
    assert found.folder.stat().st_mode == usual.stat().st_mode
    file = usual / "file"
    file.touch()
    for name in RESULTS:
        assert (found.folder / name).stat().st_mode == file.stat().st_mode, name


@pytest.mark.parametrize("error", [RuntimeError("in the middle"), KeyboardInterrupt(), OSError(28)])
def test_failure_in_the_middle_leaves_the_old_results_and_nothing_else(
    table: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    Path("found").mkdir()
    for name in RESULTS:
        Path("found", name).write_text(f"old {name}")
    before = {name: Path("found", name).read_bytes() for name in RESULTS}
    names = listing(Path())

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("somscape.desk.cli._out.planes", fail)
    try:
        outcome = run("detect", table, "--out", "found")
    except RuntimeError:
        pass
    else:
        assert outcome.code != 0
        assert len(outcome.err.strip().splitlines()) <= 1
    assert listing(Path()) == names
    assert {name: Path("found", name).read_bytes() for name in RESULTS} == before


def test_failure_in_the_middle_leaves_no_new_folder(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr("somscape.desk.cli._out.planes", fail)
    with pytest.raises(RuntimeError):
        run("detect", table, "--out", "found")
    assert listing(Path()) == {"customers.csv"}


def test_failure_while_the_folders_change_places_brings_the_old_results_back(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect_here(table, "--alerts", 5)
    before = Path("found/alerts.csv").read_bytes()
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.parent.name == "new" and self.name == "found":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr("somscape._files._exchange", lambda *_: False)
    monkeypatch.setattr(Path, "replace", replace)
    outcome = run("detect", table, "--alerts", 7, "--out", "found")
    assert outcome.code == 2
    assert "is full. Free some space" in outcome.err
    assert Path("found/alerts.csv").read_bytes() == before
    assert listing(Path()) == {"customers.csv", "found", *(f"found/{name}" for name in RESULTS)}


def test_working_folder_as_target_is_filled_or_refused_without_leftovers(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    outcome = run("detect", Path("..") / table, "--out", ".")
    left = listing(Path())
    assert left == (RESULTS if outcome.code == 0 else set())


# The demo


def demo(*words: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """What the demo printed of each table, and the data of both reports."""
    outcome = run("demo", "--out", "shown", *words)
    assert (outcome.code, outcome.err) == (0, "")
    said = [" ".join(part.split()) for part in outcome.out.split("\n\n")]
    data = [Path("shown", name, "report.json").read_text() for name in DEMO]
    return said, [json.loads(text) for text in data]


DEMO = ("transactions", "applications")
CASES = (card_transactions, flawed_applications)


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("seed", [0, 3])
def test_demo_says_of_each_planted_case_where_it_is_found(here: Path, seed: int) -> None:
    said, reports = demo("--seed", seed)
    files = {f"shown/{name}/{file}" for name in DEMO for file in RESULTS}
    tables = {f"shown/{name}.csv" for name in DEMO}
    folders = {"shown", *(f"shown/{name}" for name in DEMO)}
    assert listing(here) == {*files, *tables, *folders, "shown/transactions/alerts_rows.csv"}
    for name, make, text, data in zip(DEMO, CASES, said, reports, strict=False):
        with Path("shown", name, "alerts.csv").open(encoding="utf-8", newline="") as file:
            listed = {row["customer"]: row for row in csv.DictReader(file)}
        ranks = {name: int(row["rank"]) for name, row in listed.items()}
        columns, planted = make(seed)
        n_found, n_listed, n_filled = 0, 0, 0
        for case in planted:
            by_check = [
                each["text"]
                for each in data["checks"]
                if {*each["columns"]} & {*case.columns} or not (each["columns"] or case.columns)
                if case.id in {columns["customer"][i] for i in each["rows"][:5]}
            ]
            places = rf"(rank \d+(?: \(filled\))?(?:, check)?|check|missed) {case.id} "
            (place,) = re.findall(places, text)
            is_listed = place.startswith("rank")
            stands_out = is_listed and listed[case.id]["stands_out"] == "yes"
            filled = "" if stands_out else " (filled)"
            assert not is_listed or place.split(",")[0] == f"rank {ranks[case.id]}{filled}"
            assert f"{place} {case.id} {case.text} " in text
            n_found, n_listed = n_found + (stands_out or bool(by_check)), n_listed + stands_out
            n_filled += is_listed and not (stands_out or by_check)
            assert ("check" in place) == bool(by_check)
            assert not by_check or f"{case.text} {by_check[0]}" in text
            if not case.columns:  # the reasons of the others must name one of the columns
                assert is_listed == (case.id in ranks)
            if place == "missed" and case.id not in ranks:
                assert f"of {data['n_rows']}, the list has {data['n_alerts']}: " in text
        fill = "fills" if n_filled == 1 else "fill"
        more = f"({n_filled} more only {fill} the list) " if n_filled else ""
        n_rows = len(columns["customer"])
        assert re.match(
            rf"Found {n_found} of {len(planted)} \w+ {re.escape(more)}in {n_rows:,} ", text
        )
        assert f" {n_listed} of the {data['n_stand_out']} " in text
        command = data["method"]["command"].split()
        assert command[:3] == ["somscape", "detect", f"shown/{name}.csv"]
        assert command[-4:] == ["--seed", str(seed), "--out", "DIR"]
    assert said[-1].count("Open file://") == 2


@pytest.mark.usefixtures("pictures")
def test_demo_finds_what_the_page_of_the_project_says(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    readme = Path(__file__).parents[3] / "README.md"
    (shown,) = re.findall(r"```text\n(Found \d.*?)```", readme.read_text(), flags=re.S)
    said = "\n".join(line.rstrip() for line in run("demo").out.splitlines())
    assert said[: len(shown)] == shown
    (n_errors,) = re.findall(r"finds (\d of \d) errors", readme.read_text())
    assert f"Found {n_errors} errors" in said


@pytest.mark.nightly
@pytest.mark.usefixtures("pictures")
def test_demo_replaces_its_own_files_alone(here: Path) -> None:
    Path("shown").mkdir()
    Path("shown", "mine.txt").write_text("mine")
    demo()
    demo("--seed", 1)
    assert Path("shown", "mine.txt").read_text() == "mine"
    Path("shown", "applications", "mine.txt").write_text("mine")
    refused = run("demo", "--out", "shown")
    assert refused.code == 2
    assert "applications, which contains other files (mine.txt)" in refused.err
    Path("shown", "applications", "mine.txt").unlink()
    Path("shown", "transactions.csv").write_text("a,b\n1,2\n")
    refused = run("demo", "--out", "shown")
    assert refused.code == 2
    assert "transactions.csv, which already exists" in refused.err


def test_case_listed_for_other_columns_is_missed(here: Path) -> None:
    columns, planted = flawed_applications()
    write_csv("applications.csv", columns)
    table = read_table("applications.csv").without(["class"])
    job = Job(id_column="customer", alerts=table.n_rows)
    subject = ready(table, roles_from(table, job))
    found = detect(table, subject.encoding(), rule_of(job, table), job)
    cases = [PlantedCase(case, found) for case in planted]
    for case in cases:
        reasons = found.alerts.reasons[case.rank - 1]
        assert found.alerts.ids[case.rank - 1] == case.planted.id
        is_meant = not case.planted.columns or any(
            reason.column in case.planted.columns for reason in reasons
        )
        assert case.is_listed == is_meant
    (exchanged,) = [case for case in cases if case.planted.text == "A3 and A7 are exchanged"]
    assert not exchanged.is_found
    rank = exchanged.rank
    assert exchanged.line()[0] == "missed"
    assert f"it has rank {rank} because of other columns: " in exchanged.line()[2]


# Kernels


def test_unknown_kernels_are_refused_in_one_line(table: Path) -> None:
    outcome = run_process("detect", table, "--out", "found", SOMSCAPE_KERNELS="fast")
    assert len(outcome.err.strip().splitlines()) == 1
    assert "SOMSCAPE_KERNELS must be 'core' or 'numpy', but is 'fast'" in outcome.err
    assert outcome.code == 2
    assert listing(Path()) == {"customers.csv"}


def test_library_does_not_print() -> None:
    code = (
        "from somscape import SOM, SOMDetector, datasets; X = [[0.0, 1.0], [2.0, 3.0]] * 20; "
        "SOM(2, 2).fit(X); SOMDetector(som=SOM(2, 2)).fit(X); datasets.load_german_credit()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# Which rows are listed


def write_planted(n: int) -> None:
    """400 rows of four numbers; the first n are far from the others, each on its own."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(400, 4))
    X[:n] += rng.choice([-9.0, 9.0], size=(n, 4))
    write(Path("t.csv"), "a,b,c,d", [",".join(f"{x:.3f}" for x in row) for row in X])


def test_a_line_follows_the_rows_that_stand_out(here: Path) -> None:
    write_planted(4)
    found = detect_here("t.csv")
    n, _ = standing_out(scores_and_p(found)[1])
    assert 4 <= n < 10
    assert len(rows_of(found)) == 10
    assert (data := report_of(found.read("report.html")))["n_alerts"] == n
    assert data["n_before_line"] is None
    assert "from here on" not in found.outcome.out
    assert f"alerts.csv also has {10 - n} rows that do not stand out" in found.outcome.out
    found = detect_here("t.csv", "--fill")
    said = found.outcome.out.splitlines()
    assert report_of(found.read("report.html"))["n_before_line"] == n
    (line,) = (
        i for i, text in enumerate(said) if "-- from here on rows do not stand out --" in text
    )
    ranks = [(i, int(text.split()[0])) for i, text in enumerate(said) if re.match(r"\d+ +\d", text)]
    assert max(rank for i, rank in ranks if i < line) <= n
    assert min(rank for i, rank in ranks if i > line) > n
    assert len(ranks) == len({row["finding"] for row in rows_of(found)})
    # None where no row stands out, or none that does not is listed.
    for words in (["--alerts", n], ["--alerts", n - 1], ["--fdr", 0.2]):
        assert "from here on" not in detect_here("t.csv", *words).outcome.out
    longer = detect_here("t.csv", "--alerts", 40)
    assert longer.outcome.out.count("-- from here on rows do not stand out --") == 1
    assert report_of(longer.read("report.html"))["n_before_line"] == n


def test_a_share_besides_a_rule_only_sets_the_threshold(table: Path) -> None:
    found = detect_here(table, "--contamination", 0.2, "--alerts", 5)
    assert len(rows_of(found)) == 5
    scores, _ = scores_and_p(found)
    assert sum(score > detector_of(found).threshold for score in scores) == 12
    command = report_of(found.read("report.html"))["method"]["command"]
    assert "--contamination 0.2" in command
    assert "--alerts 5" in command
    assert len(rows_of(detect_here(table, "--contamination", 0.2))) == 12


@pytest.mark.parametrize(
    "words",
    [("--fdr", "0.5"), ("--p-value", "0.1"), ("--amount", "amount", "--cost", "100")],
    ids=lambda words: words[0],
)
def test_a_rule_chooses_the_rows_and_is_written_into_the_command(table: Path, words: Any) -> None:
    found = detect_here(table, *words)
    p = np.array([float(row["p_value"]) for row in rows_of(found)])
    if words[0] == "--p-value":
        assert len(p)
        assert (p <= 0.1).all()
    page = (found.folder / "report.html").read_text()
    assert " ".join(words).replace("100", "100.0") in page


def test_a_folder_that_holds_the_table_is_not_replaced_even_with_force(table: Path) -> None:
    folder = Path("results")
    folder.mkdir()
    inside = folder / "t.csv"
    inside.write_bytes(Path(table).read_bytes())
    outcome = run("detect", inside, "--out", folder, "--force")
    assert outcome.code == 2
    assert "--out is results, which contains results/t.csv" in outcome.err
    assert inside.exists()


def test_rules_that_contradict_each_other_are_refused(table: Path) -> None:
    for words, message in (
        (("--fdr", 0.1, "--alerts", 3), "--alerts and --fdr each set the number of rows to list"),
        (("--cost", 5), "--cost requires --amount"),
        (("--amount", "amount"), "--amount requires --cost"),
        (("--amount", "nix", "--cost", 5), "'nix'"),
    ):
        outcome = run("detect", table, "--out", "found", *words)
        assert outcome.code == 2
        assert message in outcome.err
        assert outcome.err.count("\n") == 1
