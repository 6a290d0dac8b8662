"""`report`: the page of a saved map and a table, of `detect`, of `fit` and of another program."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Found, listing, run, write

from somscape import load, regions
from somscape.outliers import Detector
from somscape.tables import read_table


def data_in(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    return dict(json.loads(text))


def customers_of(found: Found) -> Path:
    return found.folder.parent / "customers.csv"


def detector_of(found: Found) -> Detector:
    detector = load(found.folder / "map.som")
    assert isinstance(detector, Detector)
    return detector


def report(found: Found, *words: Any) -> dict[str, Any]:
    outcome = run("report", found.folder / "map.som", *words, "--out", "page.html")
    assert (outcome.code, outcome.err) == (0, "")
    return data_in(Path("page.html"))


def data_in_page_of(map_file: str, *words: Any) -> dict[str, Any]:
    assert run("report", map_file, *words, "--out", "p.html").code == 0
    return data_in(Path("p.html"))


def test_page_of_a_detector_is_that_of_detect(found: Found, here: Path) -> None:
    ours = report(found, customers_of(found), "--label", "answer")
    theirs = data_in(found.folder / "report.html")
    assert listing(here) == {"page.html"}
    assert theirs.pop("trained_on") == theirs["source"]  # a saved map does not name its table
    differing = {key for key in theirs if ours[key] != theirs[key]}
    # The paths differ with the working folder.
    assert differing <= {"method", "source", "title"}
    assert (ours["n_alerts"], ours["headline"]) == (10, "No row of 60 stands out")
    assert ours["agreement"]["value"] == "yes"
    assert ours["method"]["command"].startswith("somscape report ")
    assert ours["method"]["command"].endswith("--label answer --out page.html")
    assert json.loads((found.folder / "report.json").read_text("utf-8")).items() >= theirs.items()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([], "those that stand out, at most 50 findings, or 10 rows if none stands out"),
        (["--alerts", 3], "the 3 highest scores, as asked for"),
        (["--fdr", 0.2], "those that stand out, with a false discovery rate of at most about 0.2"),
        (["--p-value", 0.1], "a p-value of at most 0.1"),
        (
            ["--cost", 5, "--amount", "amount"],
            "an expected amount in 'amount' above the review cost of 5",
        ),
    ],
)
def test_page_names_the_rule_that_chose_its_alerts(
    found: Found, here: Path, asked: list[Any], says: str
) -> None:
    assert report(found, customers_of(found), *asked)["rule"] == says
    text = Path("page.html").read_text("utf-8")
    assert '<strong data-fill="headline"></strong>.' in text
    assert 'Listed rows are called alerts<span data-fill="rule"></span>.' in text
    assert "data.rule" in text


def test_a_map_of_another_program_names_some_of_the_columns_that_lack(here: Path) -> None:
    names = [f"{'ab'[i % 2]}={i}" for i in range(45)]
    lines = ["45 hexa 1 1 gaussian", "#n " + " ".join(names), " ".join("1" for _ in names)]
    Path("m.cod").write_text("\n".join(lines) + "\n")
    table = write(here / "new.csv", "other", ["1", "2"])
    outcome = run("report", "m.cod", table, "--out", "page.html")
    assert outcome.code == 2
    assert "'a=4' and 40 more." in outcome.err
    assert "=5'" not in outcome.err


def test_new_rows_are_encoded_as_score_encodes_them(found: Found, here: Path) -> None:
    # Columns in another order, a level that the map never saw, a missing cell, no label.
    rows = ["clerk,33,100.5,a", "pilot,44,9.25,b", "nurse,,1e6,c"]
    table = write(here / "new.csv", "job,age,amount,cust_id", rows)
    outcome = run("report", found.folder / "map.som", table, "--out", "page.html")
    assert outcome.code == 0
    assert outcome.out.splitlines()[:4] == [
        "3 rows of new.csv, 2 listed.",
        f"{data_in(here / 'page.html')['headline']}.",
        "Missing values filled: age 1 (id c).",
        "Values that the training table does not have: job 1 (id b).",
    ]
    data = data_in(here / "page.html")
    scores = detector_of(found).scores(read_table(table))
    assert data["rows"]["scores"] == pytest.approx(np.sort(scores)[::-1], rel=1e-5)
    assert set(data["rows"]["ids"]) == {"a", "b", "c"}
    assert (data["n_alerts"], set(data["rows"]["ids"][:2])) == (2, {"b", "c"})
    assert data["notes"][-2:] == outcome.out.splitlines()[2:4]


def test_rows_that_stand_out_are_listed_unless_a_rule_says_others(found: Found, here: Path) -> None:
    detector, table = detector_of(found), read_table(customers_of(found))
    usual = report(found, customers_of(found))
    assert (usual["n_alerts"], usual["n_stand_out"], usual["n_by_chance"]) == (10, 0, 0)
    assert usual["n_before_line"] is None
    assert report(found, customers_of(found), "--alerts", 7)["n_alerts"] == 7
    # Twenty of 60 new rows with amounts that no other has, and so many stand out, or nearly.
    lines = customers_of(found).read_text("utf-8").splitlines()
    far = [
        re.sub(r"^(\d+),[^,]+", rf"\1,{10 ** (9 + i % 7)}", line) for i, line in enumerate(lines)
    ]
    new = write(here / "new.csv", lines[0], [*far[1:21], *lines[21:]])
    data = report(found, new)
    alerts = detector.alerts(read_table(new))
    assert table.n_rows == data["n_rows"] == 60
    assert 10 < alerts.n_stand_out < 40
    assert (data["n_alerts"], data["n_stand_out"]) == (alerts.n_stand_out, alerts.n_stand_out)
    assert data["headline"] == alerts.headline
    outcome = run("report", found.folder / "map.som", new, "--out", "page.html")
    assert outcome.out.splitlines()[:2] == [
        f"60 rows of new.csv, {alerts.n_alerts} listed.",
        f"{alerts.headline}.",
    ]
    few = report(found, new, "--alerts", alerts.n_stand_out + 5)
    assert few["n_before_line"] == alerts.n_stand_out


def test_map_of_fit_has_a_page_without_alerts(table: Path) -> None:
    assert run("fit", table, "--id", "cust_id", "--label", "answer", "--out", "m.som").code == 0
    outcome = run("report", "m.som", table, "--label", "answer=no", "--out", "page.html")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == ["60 rows of customers.csv.", "Wrote page.html"]
    data = data_in(Path("page.html"))
    assert (data["n_rows"], data["n_alerts"], data["score"]) == (60, 0, None)
    shares = [plane["levels"] for plane in data["planes"] if plane["group"] == "label"]
    assert shares == [["no"], ["yes"]]


def test_regions_can_be_asked_for(found: Found, here: Path) -> None:
    data = report(found, customers_of(found), "--regions", 4)
    assert len(data["regions"]) == 4
    plane = next(plane for plane in data["planes"] if plane["key"] == "regions")
    expected = regions.find_regions(load(found.folder / "map.som"), 4).labels
    assert plane["values"] == expected.tolist()
    assert "--regions 4" in data["method"]["command"]


def test_regions_of_a_file_and_of_the_map(found: Found, here: Path) -> None:
    detector = detector_of(found)
    two = regions.rename(regions.find_regions(detector.map_, 2), {1: "odd ones"})
    two.save("two.json")
    data = report(found, customers_of(found), "--regions", "two.json")
    assert data["regions"][1]["name"] == "odd ones"
    assert "--regions two.json" in data["method"]["command"]
    outcome = run("convert", found.folder / "map.som", "new.som", "--regions", "two.json")
    assert outcome.code == 0, outcome.err
    assert run("report", "new.som", customers_of(found), "--out", "page.html").code == 0
    assert [region["name"] for region in data_in(Path("page.html"))["regions"]][1] == "odd ones"
    assert regions.kept(load(found.folder / "map.som")) is None
    data = data_in_page_of("new.som", customers_of(found), "--regions", "auto")
    assert [region["is_named"] for region in data["regions"]].count(True) == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("0", "Invalid value for '--regions': 0 is not in the range x>=1"),
        ("nothing.json", "'nothing.json' is not a whole number"),
        ("customers.csv", "does not contain regions, because it is not JSON"),
        ("short.json", "short.json: The regions have 2 units, but the map has"),
        ("other.json", 'The data are not regions, because "schema" is not'),
    ],
)
def test_regions_that_cannot_be_taken(found: Found, here: Path, given: str, says: str) -> None:
    json_of = {"schema": "somscape-regions", "schema_version": 1, "labels": [0, 1]}
    write(here / "short.json", json.dumps(json_of), [])
    write(here / "other.json", "{}", [])
    path = customers_of(found) if given == "customers.csv" else given
    outcome = run(
        "report",
        found.folder / "map.som",
        customers_of(found),
        "--regions",
        path,
        "--out",
        "p.html",
    )
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert says in outcome.err
    assert not Path("p.html").exists()


def test_codebook_of_another_program_has_a_page(here: Path) -> None:
    cells = [f"{i % 3} {i // 3}.5" for i in range(6)]
    write(here / "m.cod", "2 rect 3 2 bubble", cells)
    table = write(here / "t.csv", "x0,x1", [f"{i % 4},{i % 5}.25" for i in range(20)])
    outcome = run("report", "m.cod", table, "--out", "page.html")
    assert (outcome.code, outcome.err) == (0, "")
    assert data_in(here / "page.html")["n_rows"] == 20


BAD = {
    "rule without detector": (["m.som", "t.csv", "--alerts", 3], "a map without a detector"),
    "column that is lacking": (["m.som", "other.csv"], "'a'"),
    "text among numbers": (["m.som", "text.csv"], "text.csv, line 3"),
    "no such map": (["none.som", "t.csv"], "none.som"),
    "a table for a map": (["t.csv", "t.csv"], "t.csv"),
    "no such table": (["m.som", "none.csv"], "none.csv"),
    "label that is a feature": (
        ["m.som", "t.csv", "--label", "a"],
        "--label is a, but",
    ),
    "label that is not there": (["m.som", "t.csv", "--label", "z"], "z"),
    "more regions than units": (["m.som", "t.csv", "--regions", 999], "--regions"),
    "a number in words": (["m.som", "t.csv", "--regions", "four"], "'four' is not a whole number"),
}


@pytest.fixture
def bad(here: Path) -> Path:
    rows = [f"{i % 7},{i % 5}.5,{i % 2}" for i in range(40)]
    write(here / "t.csv", "a,b,y", rows)
    write(here / "other.csv", "b,y", ["1,0", "2,1"])
    write(here / "text.csv", "a,b,y", ["1,2,0", "x,3,1"])
    assert run("fit", "t.csv", "--label", "y", "--number", "a", "--out", "m.som").code == 0
    return here


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_one_line_and_no_page(bad: Path, name: str) -> None:
    words, said = BAD[name]
    before = listing(bad)
    outcome = run("report", *words, "--out", "page.html")
    assert (outcome.code, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1
    assert said in outcome.err
    assert listing(bad) == before


@pytest.mark.parametrize("over", ["t.csv", "m.som"])
def test_what_is_read_is_not_written_over(bad: Path, over: str) -> None:
    before = Path(over).read_bytes()
    outcome = run("report", "m.som", "t.csv", "--out", over)
    assert outcome.code == 2
    assert f"--out is {over}, which the command also reads" in outcome.err
    assert Path(over).read_bytes() == before


def test_same_input_gives_the_same_page_but_for_the_date(found: Found, here: Path) -> None:
    first = report(found, customers_of(found))
    assert report(found, customers_of(found)) == first


def test_report_lists_by_the_threshold_of_the_map_as_detect_does(table: Path, here: Path) -> None:
    words = ("--id", "cust_id", "--label", "answer", "--contamination", 0.3, "--seed", 0)
    assert run("detect", table, *words, "--out", "found").code == 0
    theirs = data_in(Path("found/report.html"))
    done = run("report", "found/map.som", table, "--out", "p.html")
    ours = data_in(Path("p.html"))
    assert theirs["n_alerts"] > 10
    assert (ours["n_alerts"], ours["rule"]) == (theirs["n_alerts"], theirs["rule"])
    assert f", {theirs['n_alerts']} listed." in done.out
