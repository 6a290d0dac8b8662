"""The first page and the page on peers say what the code and the records say."""

import importlib
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```python\n.*?^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


@pytest.fixture
def script(monkeypatch):
    """Import a script of docs/, which are no part of the package."""
    monkeypatch.syspath_prepend(str(DOCS))
    yield importlib.import_module
    for name in ("charts", "learn_figures", "losses", "records", "tumors", "unfolding"):
        sys.modules.pop(name, None)


def test_the_moving_picture_is_the_one_that_the_script_draws(script):
    shown = (DOCS / "images" / "unfolding.svg").read_text(encoding="utf-8")
    assert shown == script("unfolding").draw(), "docs/unfolding.py writes it anew"
    assert len(shown) < 150_000
    assert "prefers-reduced-motion" in shown
    assert ET.fromstring(shown).get("aria-label")


def test_the_tables_of_the_comparison_are_those_of_the_records(script):
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    assert page == script("charts").with_tables(page), "docs/charts.py writes them anew"


def test_what_the_text_says_of_one_program_is_in_the_record(script):
    record = script("records").table("defaults/README.md", "mnist")
    ours = [row for row in record.rows if row[0] == "somscape"]
    te, qe = ([float(row[i]) for row in ours] for i in (2, 3))
    said = f"QE of {max(qe):.1f} or {min(qe):.1f}, and a TE of {min(te):.3f} or {max(te):.3f}"
    assert said in words(DOCS / "comparison.md")


def words(path):
    """The text of a page, in one line."""
    return " ".join(path.read_text(encoding="utf-8").split())


def in_text(name, pattern):
    """What the groups of a pattern find in the text of a record."""
    found = re.search(pattern, words(ROOT / "benchmarks" / name))
    assert found, f"benchmarks/{name} no longer says {pattern!r}"
    return found.groups()


def test_what_the_text_says_of_speed(script):
    records, charts = script("records"), script("charts")
    page = words(DOCS / "comparison.md")
    rounds = r"There are five rounds of .*, digits and .*, and three of the others .*/(run\.py)`\."
    in_text("README.md", rounds)  # without options
    assert "medians of five rounds of the first three problems and of three rounds of" in page

    of_problem = {name: charts.times(name) for name in (*charts.PROBLEMS, *charts.LARGE)}
    assert (
        "Both k-means are faster than our map on `article-batch` and `digits`, and slower" in page
    )
    for peer in ("scikit-learn k-means", "faiss"):
        faster = [name for name, x in of_problem.items() if x.get(peer, 1) < 1]
        assert faster == ["article-batch", "digits"]

    minisom, pixels, large = in_text(
        "README.md", r"(\d+) times MiniSom.*`pixels` ([\d.]+),.*`large-map` (\d+) times fastersom"
    )
    assert (
        f"{pixels} (`pixels`) to {large} times (`large-map`) our time, and MiniSom takes {minisom} "
        in page
    )
    assert float(pixels) < of_problem["pixels"]["fastersom"]
    assert float(large) < of_problem["large-map"]["fastersom"]

    article = records.table("README.md", "article-online")
    ours, minisom = article.row("somscape 0.2.0"), article.row("MiniSom 2.3.6")
    said = (each[name] for each in (ours, minisom) for name in ("import, ms", "peak MiB"))
    assert "{} ms and {} MiB; MiniSom {} ms and {}".format(*said) in page


def test_what_the_text_says_of_the_random_search(script):
    record = script("records").table("defaults/README.md", "Random search")
    luck = {
        row[0]: 100 * (1 - float(row[4]) / float(row[2]))
        for row in record.rows
        if float(row[5]) <= float(row[3])
    }
    most = max(map(float, record.column("median excess, %")))
    others = max(lower for name, lower in luck.items() if name != "iris")
    said = (
        f"has a QE at most {most} % lower on any of the twelve tables (median over seeds). With "
        f"the luckiest seed, the QE is {luck['iris']:.1f} % lower on iris, and at most "
        f"{others:.1f} % lower on the other tables"
    )
    assert len(luck) == 12
    assert said in words(DOCS / "comparison.md")


def test_what_the_text_says_of_goals_that_are_missed():
    page = words(DOCS / "comparison.md")
    cost, asked = in_text(
        "README.md", r"`large-map`, where tables[^|]*\| \*\*([\d.]+)\*\* \| (\S+)"
    )
    said = f"{cost} times the time without skipping, in the first epoch of `large-map` "
    assert f"{said}(goal: {asked})" in page
    most, row, goal = in_text(
        "README.md", r"short of the goal up to (\d+)\*\*.*takes (\d+) micro.*\*\*goal: (\d+)\*\*"
    )
    assert f"up to {most} features, and one row takes {row} microseconds (goal: {goal})" in page


def test_what_the_text_says_of_unusual_rows(script):
    charts = script("charts")
    page, table = words(DOCS / "comparison.md"), script("records").table
    all_rows, usual_rows = (
        {method: float(cell) for method, cell in found.items() if method in charts.DETECTORS}
        for found in (
            table("detection/README.md", f"64 tables, {title}, reporting half").by(
                "average precision"
            )
            for title in ("unsupervised", "clean")
        )
    )
    assert max(all_rows, key=all_rows.__getitem__) == "somscape"
    assert max(usual_rows, key=usual_rows.__getitem__) == "somscape"
    said = "On 64 other tables, somscape also has a better mean AUROC and average precision"
    assert said in words(ROOT / "README.md")

    by_chance = {
        title: [
            name
            for name, ends in table("detection/README.md", f"64 tables, {title}, reporting half")
            .by("ours above it, 95 %")
            .items()
            if ends and float(ends.split(" to ")[0]) <= 0
        ]
        for title in ("unsupervised", "clean")
    }
    assert by_chance == {"unsupervised": ["ECOD", "OCSVM"], "clean": []}
    assert "includes 0 for ECOD and OCSVM (all rows)" in page

    five = "digits, letter, phoneme, texture and vowel"
    lead = {}
    for title in ("unsupervised", "semi-supervised"):
        record = table("detection/README.md", f"AUROC, {title}, percent")
        ours, theirs = (
            dict(
                zip(
                    map(charts.plain, record.column("set")), map(charts.number, column), strict=True
                )
            )
            for column in map(record.column, ("somscape", "KNN"))
        )
        lead[title] = {name: round(theirs[name] - ours[name], 1) for name in ours}
    behind = {
        name: by for name, by in lead["unsupervised"].items() if by > 3 and "mean" not in name
    }
    assert " and ".join([", ".join([*behind][:-1]), [*behind][-1]]) == five
    assert (min(behind.values()), max(behind.values())) == (3.1, 28.8)
    assert f"AUROC 3.1 to 28.8 points below KNN on {five}" in page
    assert all(lead["semi-supervised"][name] < 0 for name in behind)
    assert "Then we are ahead of KNN on all five" in page


def test_every_goal_that_is_missed_has_its_line(script, monkeypatch):
    losses = script("losses")
    assert len(losses.missed()) == 18
    header, rows = losses.lost()
    assert all(len(row) == len(header) and all(row) for row in rows)
    missed = {**losses.missed(), "a goal that no line knows": "1"}
    monkeypatch.setattr(losses, "missed", lambda: missed)
    with pytest.raises(SystemExit, match="a goal that no line knows"):
        losses.lost()


def test_what_the_text_says_of_classes_and_groups(script):
    table, number = script("records").table, script("records").number
    page = words(DOCS / "comparison.md")
    accuracy = table("recognition/README.md", "Accuracy (%)")
    sets = [row[0] for row in accuracy.rows if not row[0].startswith("mean")]
    where = {
        peer: [s for s in sets if accuracy.row(s)[peer] > accuracy.row(s)["somscape"]]
        for peer in ("1-NN", "GMLVQ")
    }
    assert where == {"1-NN": ["vowel", "phoneme"], "GMLVQ": ["iris"]}
    assert "right on vowel 98.7 (we 94.6), phoneme 89.7 (we 88.6) %; GMLVQ on iris 96.0" in page
    assert len(sets) == 11

    groups = table("regions/README.md", "Groups kept back, for reporting only")
    ours, theirs = (groups.by(name) for name in ("auto", "HDBSCAN"))
    better = [name for name in ours if number(theirs[name]) > number(ours[name])]
    assert better == ["sheets", "mean"]
    said = f"| Groups that are sheets | adjusted Rand index {ours['sheets']}, HDBSCAN "
    said += f"{theirs['sheets']}; the mean of six kinds of groups is {ours['mean']} and "
    assert said + theirs["mean"] in page
    assert len(ours) == 7


def test_what_the_text_says_of_torchsom_and_of_large_files(script):
    page, number = words(DOCS / "comparison.md"), script("records").number
    record = script("charts").torchsom()
    rows = [dict(zip(record[0], row, strict=True)) for row in record[1]]
    both = [row for row in rows if row["its QE"]]
    of = [
        (number(r["its TE, %"]) < number(r["TE, %"]), number(r["QE"]) < number(r["its QE"]))
        for r in both
    ]
    assert [sum(column) for column in zip(*of, strict=True)] == [4, 5]
    assert "torchsom has the lower TE in four of the five cases run here, and" in page
    assert "and somscape has the lower QE in all five cases" in page
    at_its_te = [r for r in both if r["our QE at its TE"] != "none"]
    assert all(number(r["our QE at its TE"]) < number(r["its QE"]) for r in at_its_te)
    assert [r["rows"] for r in both if r not in at_its_te] == ["4,000 x 4"]
    assert "our QE is lower in four cases. For 4,000 rows of 4 columns, we did not find" in page
    (large,) = [r for r in rows if r["map"] == "90 x 70" and r["QE"]]
    seconds = f"{number(large['torchsom, 8 cores, s']):.0f}"
    assert f"takes {large['somscape, s']} s, and torchsom publishes {seconds} s on eight" in page
    assert f"on 6,300 units: {large['somscape, s']} s; torchsom publishes {seconds} s" in page

    numbers = script("records").table("scale/README.md", "Numbers", 1)
    fit = numbers.row("fit of arrays that come in batches")
    memory, took = fit["peak anonymous MiB"], number(fit["s"])
    assert f"ten epochs take {took:.0f} s on two cores, in {memory} MiB" in page


def test_what_the_text_says_of_reading_files(script):
    record = script("records").table("tables/README.md", "From a file to a list", 2)
    ratio = {row[0]: row[4].split()[0] for row in record.rows if row[1] == "polars"}
    page = words(DOCS / "comparison.md")
    for name in ("big.csv", "mixed.csv", "big.parquet"):
        assert f"{ratio[f'read {name}']} (`{name}`)" in page


def test_what_the_readme_says_of_speed(script):
    table, number = script("records").table, script("records").number
    readme = words(ROOT / "README.md")
    online = table("README.md", "article-online")
    ours, theirs = (
        number(online.row(name)["time, ms"]) for name in ("somscape 0.2.0", "MiniSom 2.3.6")
    )
    assert f"somscape trained a 10 x 10 map of the applications {theirs / ours:.0f} times" in readme
    assert f"20,000 online updates, {ours:.1f} and {theirs:.0f} ms on the same processor" in readme
    assert readme.count("times as fast") == 1


def test_what_the_chart_of_maps_says_of_itself(script, tmp_path):
    record = script("records").table("defaults/README.md", "mnist")
    script("charts").draw(tmp_path)
    picture = (tmp_path / "trade_off.html").read_text(encoding="utf-8")
    assert "at each peer's TE, or below it, a map of somscape's curve has the lower QE" in picture
    peers = [row for row in record.rows if row[0] != "somscape"]
    assert all(float(row[4]) < float(row[3]) for row in peers)
    axes = re.findall(r">([\d.]+)</text>", picture)
    assert axes == ["0", "0.7", "19.0", "14.2"]
    assert "QE 19.0, TE 0.007<" in picture
    assert "QE 14.2, TE 0.390<" in picture


def test_goals_of_the_service_leave_the_list_once_they_are_met(script, tmp_path, monkeypatch):
    records, losses = script("records"), script("losses")
    assert len(losses.missed_by_the_service()) == 2
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve" / "README.md").write_text(
        "# A row asked over HTTP\n\n"
        "| route | 99 %, times the empty route's |\n|---|---|\n| one row with reasons | 3.9 |\n\n"
        "| rows at once | rows a second |\n|---|---|\n| JSON | 50,100 |\n| Arrow | 90,000 |\n"
    )
    monkeypatch.setattr(records, "BENCHMARKS", tmp_path)
    assert losses.missed_by_the_service() == {}


def test_the_first_page_is_held_to_what_the_command_says_of_tumors(script, tmp_path):
    tumors = script("tumors")
    said = "malignant = yes (22 of 379 rows): AUROC 0.955. 70 % of 10 alerts have this value, 12.06"
    tumors.check(said, DOCS / "index.md")
    with pytest.raises(SystemExit, match="of which four are"):
        tumors.check(said.replace("70 %", "40 %"), DOCS / "index.md")
    with pytest.raises(SystemExit, match="no longer says"):
        tumors.check("nothing", DOCS / "index.md")


def test_a_run_of_torchsoms_cases_keeps_what_it_does_not_measure(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    before = set(sys.modules)
    cases = importlib.import_module("torchsom_cases")
    for name in set(sys.modules) - before:
        if str(ROOT / "benchmarks") in str(getattr(sys.modules[name], "__file__", "")):
            sys.modules.pop(name)
    record = (ROOT / "benchmarks" / "torchsom_cases.md").read_text(encoding="utf-8")
    monkeypatch.setattr(cases, "OUT", tmp_path / "cases.md")
    cases.OUT.write_text(record, encoding="utf-8")
    runs, known = cases.earlier()
    cases.write(runs, known)
    assert cases.OUT.read_text(encoding="utf-8") == record

    monkeypatch.setattr(cases, "measured", lambda *_: ["9", "8", "7"])
    cases.measure([2], 0)
    again, found = cases.earlier()
    assert again[:-1] == runs
    assert again[-1].startswith("- Cases 2, without torchsom: ")
    changed = [case for case in cases.CASES if found.get(case) != known.get(case)]
    assert changed == [cases.CASES[1]]
    assert found[cases.CASES[1]] == ["9", "8", "7", *known[cases.CASES[1]][3:]]


def test_every_chart_is_a_whole_picture_with_a_text(script, tmp_path):
    script("charts").draw(tmp_path)
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    drawn = sorted(path.stem for path in tmp_path.iterdir())
    assert drawn == sorted(re.findall(r"<!-- chart: (\w+) -->", page))
    for path in tmp_path.iterdir():
        pictures = list(ET.fromstring(path.read_text(encoding="utf-8")).iter("svg"))
        assert pictures
        assert all(picture.get("aria-label") for picture in pictures)


def test_a_record_that_changed_its_form_is_refused(script, tmp_path, monkeypatch):
    records = script("records")
    (tmp_path / "a.md").write_text("# Goals\n\n| goal | met |\n|---|---|\n| **x** | 1,200 ms |\n")
    (tmp_path / "torn.md").write_text("# Goals\n\n| goal | met |\n|---|---|\n| x |\n")
    monkeypatch.setattr(records, "BENCHMARKS", tmp_path)
    found = records.table("a.md", "Goals")
    assert records.number(found.row("x")["met"]) == 1200
    refused = (
        lambda: records.table("b.md", "Goals"),
        lambda: records.table("a.md", "Aims"),
        lambda: records.table("torn.md", "Goals"),
        lambda: found.column("speed"),
        lambda: found.row("y"),
        lambda: records.number("-"),
    )
    for ask in refused:
        with pytest.raises(records.RecordError):
            ask()
