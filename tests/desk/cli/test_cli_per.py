"""`--per`: customers instead of rows, in `detect`, `fit`, `score` and `report`."""

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import RESULTS, Found, run, transactions, write

from somscape import load
from somscape.tables import per, read_table, table_from_columns
from somscape.tables.codes import NumberCode


@pytest.fixture
def sales(here: Path) -> Path:
    return write(Path("sales.csv"), *transactions())


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("customers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        path, out = write(Path("sales.csv"), *transactions()), ("--out", "found", "--verbose")
        outcome = run("detect", path, "--per", "client", "--label", "fraud=yes", *out)
    assert outcome.code == 0, outcome.err
    return Found(folder / "found", outcome)


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_customers_are_ranked_with_reasons_in_these_words(customers: Found) -> None:
    alerts = lines_of(customers.read("alerts.csv"))
    assert alerts[0]["client"] == "0007"
    assert "largest amount 17077.94: highest of 80 clients; usual " in alerts[0]["reasons"]
    assert (alerts[0]["country"], alerts[0]["fraud"]) == ("DE", "yes")
    said = customers.outcome.out
    assert "\nTable: 80 clients of sales.csv (" in said
    assert "combined from 1,600 rows; different in most rows, so left out: 'note')." in said
    assert re.search("client +id +names the rows", said)
    assert re.search("total amount +number +made of amount", said)
    assert re.search("first date +dropped +a date; its days are used", said)


def test_a_customer_has_the_label_if_one_of_its_rows_does(customers: Found) -> None:
    assert "Unusual against fraud = yes (1 of 80 rows)" in customers.outcome.out
    data = json.loads(customers.read("report.json"))
    assert (data["agreement"]["n_labelled"], data["agreement"]["auroc"]) == (1, 1)


def test_the_rows_of_the_listed_customers_stand_beside_the_list(customers: Found) -> None:
    assert {path.name for path in customers.folder.iterdir()} == RESULTS | {"alerts_rows.csv"}
    assert "alerts.csv, alerts_rows.csv, report.html" in customers.outcome.out
    alerts, rows = (lines_of(customers.read(f)) for f in ("alerts.csv", "alerts_rows.csv"))
    table = lines_of((customers.folder.parent / "sales.csv").read_text(encoding="utf-8"))
    for alert in alerts:
        own = [row for row in rows if row["rank"] == alert["rank"]]
        assert len(own) == int(alert["number of rows"])
        originals = [row for row in table if row["client"] == alert["client"]]
        assert [{"rank": alert["rank"], **row} for row in originals] == own
    assert [int(row["rank"]) for row in rows] == sorted(int(row["rank"]) for row in rows)


def test_a_case_of_the_page_has_its_rows_the_largest_first(customers: Found) -> None:
    data = json.loads(customers.read("report.json"))
    rows = data["cases"][0]["rows"]
    cells = {column["name"]: column["values"] for column in rows["cells"]}
    assert list(cells) == ["note", "date", "amount", "channel", "country", "fraud"]
    assert rows["by"] == "amount"
    amounts = [float(amount) for amount in cells["amount"]]
    assert amounts[0] == 17077.94
    assert amounts == sorted(amounts, reverse=True)
    assert len(amounts) == rows["n_rows"] > 5
    assert data["title"] == "Unusual rows of sales.csv per client"


def test_a_case_shows_fifty_rows_at_most(here: Path) -> None:
    header, lines = transactions()
    many = [line for line in lines if line.split(",")[1] == "0007"] * 10
    path = write(Path("sales.csv"), header, [*lines, *many])
    assert run("detect", path, "--per", "client", "--out", "found").code == 0
    data = json.loads(Path("found/report.json").read_text(encoding="utf-8"))
    case = data["cases"][data["rows"]["ids"].index("0007")]
    assert case["rows"]["n_rows"] == len(many) + len(many) // 10
    assert {len(column["values"]) for column in case["rows"]["cells"]} == {50}


def test_the_command_of_the_report_makes_it_again(customers: Found, sales: Path) -> None:
    data = json.loads(customers.read("report.json"))
    command = shlex.split(data["method"]["command"])
    assert command[:5] == ["somscape", "detect", "sales.csv", "--per", "client"]
    assert run(*command[1:]).code == 0
    for name in ("alerts.csv", "alerts_rows.csv", "report.json", "map.som"):
        assert Path("DIR", name).read_bytes() == (customers.folder / name).read_bytes(), name


def test_a_later_month_is_scored_by_the_saved_detector(customers: Found, here: Path) -> None:
    map_file = customers.folder / "map.som"
    same = run("score", map_file, customers.folder.parent / "sales.csv", "--per", "client")
    alerts = {alert["client"]: alert for alert in lines_of(customers.read("alerts.csv"))}
    scores = lines_of(same.out)
    assert len(scores) == 80
    for line in scores:
        if line["client"] in alerts:
            assert float(line["score"]) == float(alerts[line["client"]]["score"])

    header, lines = transactions(seed=6)
    later = [line.replace("2026-0", "2027-0") for line in lines]
    later[5] = later[5].replace("shop", "phone")
    new = run("score", map_file, write(Path("new.csv"), header, later), "--per", "client")
    assert new.code == 0, new.err
    flagged = [line["client"] for line in lines_of(new.out) if line["flagged"] == "yes"]
    assert "0007" in flagged  # and not all, although every date is new
    assert len(flagged) < 20


def test_a_later_month_may_have_a_single_customer(customers: Found, here: Path) -> None:
    header, lines = transactions()
    own = [line for line in lines if line.split(",")[1] == "0007"]
    new_file = write(Path("n.csv"), header, own)
    new = run("score", customers.folder / "map.som", new_file, "--per", "client")
    assert [line["client"] for line in lines_of(new.out)] == ["0007"]


def test_a_report_of_a_saved_map_shows_the_rows(customers: Found, sales: Path) -> None:
    words = ("--per", "client", "--label", "fraud=yes", "--out", "page.html")
    outcome = run("report", customers.folder / "map.som", sales, *words)
    assert (outcome.code, outcome.err) == (0, "")
    page = Path("page.html").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    theirs = json.loads(customers.read("report.json"))
    assert data["cases"] == theirs["cases"]
    assert data["agreement"] == theirs["agreement"]
    assert " --per client " in data["method"]["command"]


def test_fit_makes_a_map_of_customers(sales: Path) -> None:
    outcome = run("fit", sales, "--per", "client", "--drop", "fraud", "--out", "m.som")
    assert outcome.code == 0, outcome.err
    map_ = load("m.som")
    assert map_.hits.sum() == 80
    assert "total amount" in [code.name for code in map_.encoding.features]


def test_options_name_columns_of_the_transactions_and_else_of_the_customers(sales: Path) -> None:
    drop = ("--drop", "date", "--drop", "largest amount", "--category", "number of rows")
    outcome = run("detect", sales, "--per", "client", *drop, "--out", "found", "--verbose")
    assert outcome.code == 0, outcome.err
    said = outcome.out
    assert "first date" not in said
    assert re.search("\nlargest amount +dropped +as asked", said)
    assert re.search("\nnumber of rows +category", said)
    assert "date" in read_table("found/alerts_rows.csv").names  # the rows stay whole


def test_a_column_of_the_customers_can_be_the_label(sales: Path) -> None:
    label = ("--label", "most common channel=web", "--ordinal", "country=AT<DE")
    outcome = run("detect", sales, "--per", "client", *label, "--out", "found", "--verbose")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert "Unusual against most common channel = web" in outcome.out
    assert ["country", "ordinal", "as", "asked"] in [line.split()[:4] for line in lines]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--per", "klient"], "no column 'klient'; did you mean 'client'?"),
        (
            ["--per", "client", "--drop", "client"],
            "identifies the customers, so it cannot be dropped",
        ),
        (["--per", "client", "--label", "client"], "so it cannot be the label"),
        (["--per", "client", "--id", "note"], "another id column is not allowed"),
        (["--per", "client", "--drop", "amont"], "sales.csv per client has no column 'amont'"),
        (
            ["--per", "client", "--number", "channel"],
            "'channel' contains text, which cannot be added",
        ),
        (["--per", "client", "--amount", "amount", "--cost", 5], "client, number of rows"),
        (["--per", "client", "--alerts", 81], "--alerts is 81, but "),
        (["--just-below", "amount=100"], "needs rows that are combined into customers"),
        (["--per", "client", "--just-below", "amount=many"], "but is 'amount=many'"),
        (["--per", "client", "--just-below", "amont=1"], "did you mean 'amount'?"),
        (["--per", "client", "--just-below", "channel=1"], "column 'channel', which does not"),
        (["--per", "client", "--just-below", "amount=0"], "limit of column 'amount' is 0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(sales: Path, words: Any, message: str) -> None:
    outcome = run("detect", sales, *words, "--out", "found")
    assert outcome.code == 2
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not Path("found").exists()


def test_a_map_of_customers_and_one_of_rows_say_what_they_need(
    customers: Found, found: Found, sales: Path
) -> None:
    without = run("score", customers.folder / "map.som", sales)
    assert (without.code, without.out) == (2, "")
    assert "(--per client)" in without.err
    other = run("score", found.folder / "map.som", sales, "--per", "client")
    assert (other.code, other.out) == (2, "")
    assert "(leave --per out)" in other.err


def test_a_limit_is_kept_in_the_map_and_in_a_roles_file(sales: Path) -> None:
    limits = ("--just-below", "amount=100", "--just-below", "amount=50.5")
    words = ("--per", "client", *limits, "--drop", "share at weekends")
    saved = run("detect", sales, *words, "--out", "a", "--save-roles", "r.toml")
    assert saved.code == 0, saved.err
    assert "\nTable: 80 clients of sales.csv (" in saved.out
    name = "share of rows with amount just below 100"
    values = {row["client"]: float(row[name]) for row in lines_of(Path("a/alerts.csv").read_text())}
    rows = [row for row in lines_of(sales.read_text()) if row["client"] in values]
    for client, share in values.items():
        amounts = [float(row["amount"]) for row in rows if row["client"] == client]
        assert share == round(sum(90 <= each < 100 for each in amounts) / len(amounts), 4)
    again = run("detect", sales, "--roles", "r.toml", "--out", "b")
    assert again.code == 0, again.err
    assert Path("b/alerts.csv").read_bytes() == Path("a/alerts.csv").read_bytes()
    names = [code.name for code in load("a/map.som").map_.encoding.features]
    assert name in names
    assert "share of rows with amount just below 50.5" in names
    assert "share at weekends" not in names
    scored = run("score", "a/map.som", sales, "--per", "client")
    assert scored.code == 0, scored.err


def test_an_outcome_and_a_counter_of_the_rows_are_left_out_unless_named(here: Path) -> None:
    header, lines = transactions()
    path = write(Path("s.csv"), f"n,{header}", [f"{i * 7},{line}" for i, line in enumerate(lines)])
    outcome = run("detect", path, "--per", "client", "--out", "found")
    assert outcome.code == 0, outcome.err
    assert "--label fraud or --category fraud" in outcome.out
    assert "'n' (a row counter)" in outcome.out
    features = [code.name for code in load("found/map.som").map_.encoding.features]
    assert not [name for name in features if "fraud" in name or name.endswith(" n")]
    assert {"n", "fraud"} <= set(read_table("found/alerts_rows.csv").names)
    named = run("detect", path, "--per", "client", "--category", "fraud", "--out", "other")
    assert named.code == 0, named.err
    features = [code.name for code in load("other/map.som").map_.encoding.features]
    assert "share of rows with fraud = yes" in features


def with_sex(column: str, of: Any) -> Path:
    """The transactions with one more column, of what `of` says of line and client."""
    header, lines = transactions()
    more = [f"{of(i, int(line.split(',')[1]))},{line}" for i, line in enumerate(lines)]
    return write(Path("s.csv"), f"{column},{header}", more)


def test_a_protected_column_that_customers_keep_is_listed_and_no_feature(here: Path) -> None:
    path = with_sex("sex", lambda i, client: "fm"[client // 2 % 2])
    words = ("--per", "client", "--protect", "sex", "--verbose")
    outcome = run("detect", path, *words, "--out", "found")
    assert outcome.code == 0, outcome.err
    assert ["sex", "protected"] in [line.split()[:2] for line in outcome.out.splitlines()]
    assert "sex" in lines_of(Path("found/alerts.csv").read_text(encoding="utf-8"))[0]
    features = [code.name for code in load("found/map.som").map_.encoding.features]
    assert not any("sex" in name for name in features)


def test_a_protected_column_that_differs_within_customers_is_left_out(here: Path) -> None:
    path = with_sex("sex", lambda i, client: "fm"[i % 2])
    outcome = run("detect", path, "--per", "client", "--protect", "sex", "--out", "found")
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.out.split())
    assert "protected, and different within customers, so left out: 'sex'" in said
    names = [code.name for code in load("found/map.som").map_.encoding.columns]
    assert not any("sex" in name for name in names)


def test_what_a_note_says_to_protect_can_be_protected(here: Path) -> None:
    path = with_sex("sex", lambda i, client: "fm"[i % 2])
    first = run("detect", path, "--per", "client", "--out", "found")
    assert first.code == 0
    [found] = re.findall(r"\((--protect [^)]*)\)", " ".join(first.out.split()))
    words = shlex.split(found)
    assert words[::2] == ["--protect"] * 2
    again = run("detect", path, "--per", "client", *words, "--out", "other")
    assert again.code == 0, again.err
    encoding = load("other/map.som").map_.encoding
    assert {c.name for c in encoding.columns if c.kind == "protected"} == set(words[1::2])


def test_dates_are_read_in_the_order_that_is_asked_for(here: Path) -> None:
    header, lines = transactions()
    days = [f"0{1 + i % 9}/0{1 + i // 9 % 9}/2026" for i in range(len(lines))]
    more = [f"{day},{line}" for day, line in zip(days, lines, strict=True)]
    path = write(Path("s.csv"), f"paid,{header}", more)
    words = ("--per", "client", "--date", "paid", "--date-format", "mdy", "--out", "found")
    outcome = run("detect", path, *words)
    assert outcome.code == 0, outcome.err
    alert = lines_of(Path("found/alerts.csv").read_text(encoding="utf-8"))[0]
    own = [d for d, line in zip(days, lines, strict=True) if line.split(",")[1] == alert["client"]]
    assert alert["last paid"] == max(f"2026-{day[:2]}-{day[3:5]}" for day in own)


def test_a_share_is_never_said_to_be_below_zero() -> None:
    code = NumberCode("share of a = b", "", 0.0, 0.0, 0.0, 1.0, 0.0, False)
    assert code.usual(np.array([[-1.78e-17], [3.03e-06]])) == "0 to 3.03e-06"
    assert code.usual(np.array([[-0.25], [1e-8]])) == "-0.25 to 0"


def test_the_order_of_dates_is_said_again_for_a_later_month(folder_of_dates: Path) -> None:
    said = run("score", "found/map.som", "later.csv", "--per", "cust", "--date-format", "dmy")
    assert said.code == 0
    alone = run("score", "found/map.som", "later.csv", "--date-format", "dmy")
    assert (alone.code, "--date-format" in alone.err) == (2, True)


@pytest.fixture
def folder_of_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Transactions of two months whose dates do not show what comes first, and a map of one."""
    monkeypatch.chdir(tmp_path)
    for name, step in (("now.csv", 5), ("later.csv", 7)):
        lines = [f"c{i % 30},{i * step % 13},0{1 + i % 9}/0{1 + i // 40}/2025" for i in range(300)]
        Path(name).write_text("\n".join(["cust,amount,day", *lines]))
    words = ("--per", "cust", "--date-format", "dmy", "--out", "found")
    assert run("detect", "now.csv", *words).code == 0
    return tmp_path


@pytest.mark.parametrize(
    ("column", "text", "shown"),
    [
        ("share of rows with channel = app", "0.6667", "66.67 %"),
        ("share of rows with channel = app", "0 to 0.125", "0 % to 12.5 %"),
        ("longest gap", "28.0", "28 days"),
        ("longest gap", "1.0", "1 day"),
        ("days since first date", "1.0", "1"),
        ("days since last date", "0 to 3.5", "0 to 3.5"),
        ("largest amount", "16.70", "16.70"),
        ("client", "12", "12"),
    ],
)
def test_shares_are_in_per_cent_and_gaps_in_days(column: str, text: str, shown: str) -> None:
    rows = {
        "client": ["1", "2"] * 4,
        "channel": ["web", "web", "app", "shop"] * 2,
        "date": [f"2026-07-0{i}" for i in range(1, 9)],
        "amount": [1.5, 2.5, 3.5, 4.5] * 2,
    }
    grouped = per(table_from_columns(rows), "client")
    assert column in grouped.table.names
    assert grouped.with_units(column, text) == shown
