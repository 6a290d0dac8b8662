"""A model card says what a map was made from, in Markdown and as JSON."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from command_line import customers, run, write

from somscape import load
from somscape.desk.cases import card_of, card_text
from somscape.desk.cases._card import FOR


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    header, rows = customers()
    write(folder / "customers.csv", header.replace("age", "a|ge*"), rows)
    table = folder / "customers.csv"
    words = ("--protect", "job", "--watch", "w", "--state", folder / "state")
    assert run("detect", table, "--id", "cust_id", *words, "--out", folder / "out").code == 0
    words = ("--target", "answer", "--out", folder / "model.som")
    assert run("fit", table, *words).code == 0
    assert run("fit", table, "--rows", 3, "--cols", 4, "--out", folder / "map.som").code == 0
    return folder


def card(folder: Path, *words: object) -> dict:
    assert run("card", *words, "--out", folder / "card.json").code == 0
    return json.loads((folder / "card.json").read_text())


def test_a_detectors_card_tells_what_its_file_knows(folder: Path) -> None:
    file = folder / "out" / "map.som"
    said = card(folder, file)
    assert said["kind"] == "detector"
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (said["for"], said["not_for"]) == FOR["detector"]
    trained = said["trained_on"]
    assert trained["rows"] == 60
    columns = {each["name"]: (each["taken_as"], each["holds"]) for each in trained["columns"]}
    assert columns["cust_id"] == ("id", "")
    assert columns["answer"] == ("category", "no, yes")
    amounts = [float(row.split(",")[1]) for row in customers()[1]]
    assert columns["amount"] == ("number", f"{min(amounts):.15g} to {max(amounts):.15g}")
    assert any(re.search(r"\bjob\b", line) for line in said["limits"])
    assert said["settings"]["seed"] == 0
    assert "topographic_error" not in said["measures"]
    assert set(said["measures"]) >= {"units", "quantization_error", "threshold", "score"}


def test_errors_are_measured_on_a_table(folder: Path) -> None:
    measured = card(folder, folder / "out" / "map.som", folder / "customers.csv")["measures"]
    assert 0 <= measured["topographic_error"] <= 1
    assert measured["quantization_error"] > 0
    assert measured["measured_on"].endswith("60 rows")


def test_a_watch_adds_its_runs_and_decisions(folder: Path) -> None:
    words = ("--watch", "w", "--state", folder / "state")
    said = card(folder, folder / "out" / "map.som", *words)["watch"]
    assert [(each["number"], each["rows"], each["drift"]) for each in said["runs"]] == [
        (1, 60, False)
    ]
    assert said["decisions"] == {}
    head = run("audit", "head", "--state", folder / "state").out.strip()
    assert said["audit_head"] == head
    printed = run("card", folder / "out" / "map.som", *words).out
    assert "## Since then, in the watch w\n\n| run | made | rows" in printed
    n = said["runs"][0]["alerts"]
    assert said["runs"][0]["decided"]["listed"] <= n
    assert f"| {said['runs'][0]['decided']['listed']} listed, 0 confirmed, 0 cleared, " in printed
    assert f"Cases decided: none yet. Head of the audit: `{head}`\n" in printed
    refused = run("card", folder / "map.som", *words)
    assert refused.code == 2
    assert "the watch 'w'" in refused.err
    assert "leave --watch out" in refused.err


def test_replaced_runs_are_only_counted(folder: Path, tmp_path: Path) -> None:
    words = ("--state", tmp_path / "state")
    begin = ("detect", folder / "customers.csv", "--id", "cust_id", "--watch", "w", *words)
    assert run(*begin, "--out", tmp_path / "out").code == 0
    for n, more in ((50, ()), (40, ("--instead-of", 2))):
        header, rows = customers(n)
        table = write(tmp_path / f"{n}.csv", header.replace("age", "a|ge*"), rows)
        assert run("run", "w", table, *more, *words).code in (0, 3)
    words = ("--watch", "w", *words)
    said = card(folder, tmp_path / "out" / "map.som", *words)["watch"]
    assert [(each["number"], each["rows"]) for each in said["runs"]] == [(1, 60), (3, 40)]
    assert said["n_replaced"] == 1
    printed = run("card", tmp_path / "out" / "map.som", *words).out
    assert "changed columns. 1 replaced run is left out.\n" in printed


def test_a_classifier_and_a_map_say_what_they_are(folder: Path) -> None:
    said = card(folder, folder / "model.som")
    assert said["kind"] == "classifier"
    assert said["measures"]["quality"].startswith("cross-validated accuracy")
    assert card(folder, folder / "map.som")["kind"] == "map"


def test_names_from_the_data_are_no_markup(folder: Path) -> None:
    printed = run("card", folder / "out" / "map.som").out
    assert printed.startswith("# map.som: a detector\n")
    assert r"| a\|ge\* | number |" in printed
    thing = load(folder / "out" / "map.som")
    assert card_text(card_of(thing, "x"), "map.som").count("\n## ") == 6


def test_a_card_has_a_name_that_says_its_kind(folder: Path) -> None:
    outcome = run("card", folder / "map.som", "--out", folder / "card.txt")
    assert outcome.code == 2
    assert "the name of a card must end in .md or .json" in outcome.err
