"""Rules next to scores, from the command line over the roles file to watches and `score`."""

import csv
import json
from pathlib import Path

import pytest
from command_line import customers, run, write

from somscape.tables._roles import read_roles

RULES = {
    "always": ("large: amount > 10000", "gross != net + tax"),
    "never": ("merchant = 'payroll' until 2999-12-31",),
    "floor": ("amount=50",),
    "direction": ("other=high",),
}
OPTIONS = [word for kind, texts in RULES.items() for text in texts for word in (f"--{kind}", text)]


@pytest.fixture
def payments(here: Path) -> Path:
    """A table of 90 payments. p03 is large, p04 has a wrong sum, and p05 is a payroll."""
    rows = []
    for i in range(90):
        amount, net, merchant = 60 + i % 7, 10 + i % 5, ("shop", "rent", "fuel")[i % 3]
        gross, other = net + 0.5, (i * 37 % 90) / 10
        amount = {3: 12000, 5: 9000, 6: 5}.get(i, amount)
        gross = 99.0 if i == 4 else gross
        merchant = "payroll" if i in (5, 8) else merchant
        rows.append(f"p{i:02d},{amount},{gross},{net},0.5,{merchant},{other}")
    return write(Path("payments.csv"), "id,amount,gross,net,tax,merchant,other", rows)


def listed(path: str, column: str = "rule") -> dict[str, str]:
    rows = csv.DictReader(Path(path).read_text().splitlines())
    return {row["id"]: row[column] for row in rows}


def test_rules_list_and_hide_rows_everywhere(payments: Path) -> None:
    found = run("detect", payments, *OPTIONS, "--save-roles", "r.toml", "--out", "found")
    assert found.code == 0, found.err
    rules = listed("found/alerts.csv")
    first = dict([*rules.items()][:2])
    assert first == {"p03": "always large", "p04": "always gross != net + tax"}
    assert not {"p05", "p06", "p08"} & rules.keys()
    assert read_roles("r.toml").rules == RULES
    data = json.loads(Path("found/report.json").read_text())
    assert [rule["n_rows"] for rule in data["rules"]][:4] == [1, 1, 2, 1]
    assert "--always 'large: amount > 10000'" in data["method"]["command"]

    scored = run("score", "found/map.som", payments, "--out", "scores.csv")
    assert scored.code == 0, scored.err
    assert "rule large: amount > 10000 (always): 1 row listed" in scored.err
    rules, flags = listed("scores.csv"), listed("scores.csv", "flagged")
    assert {name: rules[name] for name in ("p03", "p05", "p06", "p07")} == {
        "p03": "always large",
        "p05": "never merchant = 'payroll' until 2999-12-31",
        "p06": "floor amount=50",
        "p07": "",
    }
    assert [flags[name] for name in ("p03", "p04", "p05", "p06")] == ["yes", "yes", "no", "no"]

    again = run("detect", payments, "--roles", "r.toml", "--never", "amount < 1", "--out", "two")
    assert again.code == 0, again.err
    assert "rule: amount < 1 (never): no row matches this rule (rows" in again.out
    assert "payroll" not in again.out.split("Table:")[0].split("rule large")[-1]
    assert "rule: amount=50 (floor)" in again.out


def test_a_list_without_rows_says_that_rules_hide_them(payments: Path) -> None:
    found = run("detect", payments, "--never", "amount > 0", "--out", "found")
    assert found.code == 0, found.err
    assert "No row is listed, because your rules hide 3 rows of the list." in found.out


def test_a_table_of_a_database_can_get_rows_by_rules_later(payments: Path) -> None:
    words = ("--id", "id", "--to", "sqlite:///found.db", "--to-table", "alerts")
    assert run("detect", payments, *words, "--out", "found").code == 0
    again = run("detect", payments, *words, *OPTIONS, "--out", "found")
    assert again.code == 0, again.err


def test_a_rule_of_a_map_needs_its_column(payments: Path, table: Path) -> None:
    words = ("--never", "merchant = 'payroll'", "--drop", "merchant")
    assert run("detect", payments, *words, "--out", "found").code == 0
    text = payments.read_text().replace("merchant", "shop")
    other = run(
        "score", "found/map.som", write(Path("other.csv"), text.split()[0], text.split()[1:])
    )
    assert other.code == 2


def test_a_watch_keeps_its_rules(payments: Path) -> None:
    state = ("--state", "state")
    words = ("--always", "large: amount > 10000", "--never", "amount < 7", "--watch", "w")
    begun = run("detect", payments, "--id", "id", *words, *state, "--out", "w")
    assert begun.code == 0, begun.err
    assert begun.out.count("rule large: amount > 10000 (always)") == 1
    text = payments.read_text().replace("p03,12000", "p03,4").replace("p09,62", "p09,11000")
    Path("next.csv").write_text(text)
    ran = run("run", "w", "next.csv", *state, "--out", "next", "--json")
    assert ran.code in (0, 3), ran.err
    data = json.loads(ran.out)
    assert data["cases"][0]["key"] == "p09"
    assert data["cases"][0]["reasons"].startswith("Rule large: amount > 10000.")
    gone = {each["key"]: each["why"] for each in data["gone"]}
    assert gone["p03"] == "hidden by a rule (never amount < 7)"
    assert [rule["n_rows"] for rule in data["rules"]] == [1, 2]


def test_a_rule_cannot_be_for_listed_and_for_hidden_rows(here: Path) -> None:
    path = write(Path("a.csv"), "id,amount", [f"{i},{i * i}" for i in range(30)])
    both = ("--always", "amount > 1", "--never", "amount > 1")
    refused = run("detect", path, "--id", "id", *both, "--out", "out")
    assert refused.code == 2
    assert "'amount > 1' is given for rows that are always listed" in refused.err
    assert "(leave out" not in refused.err


def test_an_unknown_example_is_named_with_the_known_one(here: Path) -> None:
    refused = run("example", "nosuch")
    assert refused.code == 2
    assert "There is no example table 'nosuch'" in refused.err
    assert "somscape example applications" in refused.err


@pytest.mark.parametrize("words", [("run", "w"), ("score", "map.som", "t.csv")])
def test_rules_belong_to_the_training(here: Path, words: tuple[str, ...]) -> None:
    outcome = run(*words, "--never", "amount < 7")
    assert outcome.code == 2


def test_rules_of_customers_use_the_made_columns(here: Path) -> None:
    rows = [f"c{i % 20},{10 + i * 7 % 50 + (900 if i == 5 else 0)}" for i in range(200)]
    table = write(Path("tx.csv"), "customer,amount", rows)
    words = ("--per", "customer", "--always", "[largest amount] > 500")
    found = run("detect", table, *words, "--out", "found")
    assert found.code == 0, found.err
    assert "(always): 1 customer listed" in found.out
    scored = run("score", "found/map.som", table, "--per", "customer", "--out", "s.csv")
    assert scored.code == 0, scored.err
    first = next(csv.DictReader(Path("found/alerts.csv").read_text().splitlines()))
    assert (first["customer"], first["rule"]) == ("c5", "always [largest amount] > 500")


@pytest.mark.parametrize(
    "words",
    [
        ("--always", "amont > 10000"),
        ("--always", "merchant > 5"),
        ("--never", "amount = 'x'"),
        ("--never", "amount >"),
        ("--floor", "amount=high"),
        ("--floor", "merchant=5"),
        ("--direction", "merchant=high"),
        ("--direction", "amount=up"),
        ("--always", "x: amount > 1", "--never", "x: amount > 2"),
    ],
)
def test_a_wrong_rule_is_one_line(payments: Path, words: tuple[str, ...]) -> None:
    outcome = run("detect", payments, *words, "--out", "found")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert not Path("found").exists()


def test_a_roles_file_with_a_wrong_rule_names_its_line(table: Path) -> None:
    for text in ('always = ["amount >"]', 'sometimes = ["amount > 1"]', "always = 5"):
        Path("r.toml").write_text(f"[rules]\n{text}\n")
        outcome = run("detect", table, "--roles", "r.toml", "--out", "found")
        assert outcome.code == 2
        assert outcome.err.startswith("Error: r.toml, line 1: ")
        assert outcome.err.count("\n") == 1


def test_a_division_by_zero_and_a_missing_cell_obey_no_rule(here: Path) -> None:
    header, rows = customers()
    rows[3] = rows[3].replace(rows[3].split(",")[1], "", 1)
    table = write(Path("gaps.csv"), header, rows)
    words = ("--always", "zero: 1 / (amount - amount) > 0", "--never", "gap: not amount > -1")
    found = run("detect", table, *words, "--out", "found")
    assert found.code == 0, found.err
    assert "rule zero: 1 / (amount - amount) > 0 (always): no row matches this rule" in found.out
    assert "rule gap: not amount > -1 (never): no row matches this rule" in found.out
