"""`--roles` and `--save-roles` with `--per`: a file says what the transactions' columns are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import run, transactions, write
from nightly import nightly
from texts import rejected

from somscape import TableEncoder, load
from somscape.desk.app._settings import default_settings, settings_of
from somscape.desk.app._work import describe
from somscape.tables import read_table
from somscape.tables._roles import overridden, read_roles, roles_for
from somscape.tables.kinds import Roles

LISTS = ("alerts.csv", "alerts_rows.csv")


def rich_transactions() -> tuple[str, list[str]]:
    """Transactions with every kind of column, the same within a client or not."""
    header, lines = transactions()
    rows = []
    for i, line in enumerate(lines):
        client = int(line.split(",")[1])
        born = f"{1950 + client % 50}-0{1 + client % 9}-1{client % 10}"
        own = f"Ann {client:02d}x,EUR,{born},{client * 37 % 1000 + 0.5},{'fm'[client // 2 % 2]}"
        each = f"{i * 3},{'SML'[i * 7 % 3]},{i * 5 % 4 + 1},{i // 9 % 27 + 1}/{1 + i % 9}/2026"
        rows.append(f"{line},{own},{each},{['no', 'yes'][client % 3 == 0]}")
    more = "name,currency,born,limit,sex,counter,size,store,paid,default"
    return f"{header},{more}", rows


@pytest.fixture
def sales(here: Path) -> Path:
    return write(Path("sales.csv"), *rich_transactions())


def files_of(folder: str) -> dict[str, bytes]:
    return {name: Path(folder, name).read_bytes() for name in LISTS}


def detect(*words: Any) -> str:
    outcome = run("detect", *words)
    assert outcome.code == 0, outcome.err
    return outcome.out


WORDS = [
    (),
    ("--label", "fraud=yes", "--protect", "sex", "--drop", "largest amount"),
    ("--label", "most common channel=web", "--category", "number of rows", "--drop", "date"),
    ("--ordinal", "size=S<M<L", "--number", "store", "--date-format", "mdy"),
    ("--protect", "size", "--drop", "name", "--category", "fraud", "--date", "born"),
    ("--missing", "error", "--drop", "note", "--number", "limit"),
]


@pytest.mark.parametrize("words", [*WORDS[:2], *nightly(WORDS[2:])])
def test_the_same_list_comes_from_the_roles(sales: Path, words: tuple[str, ...]) -> None:
    said = detect(sales, "--per", "client", *words, "--out", "a", "--save-roles", "r.toml")
    assert "Wrote r.toml\n" in said
    again = detect(sales, "--roles", "r.toml", "--out", "b", "--save-roles", "again.toml")
    assert files_of("b") == files_of("a")
    assert read_roles("again.toml") == read_roles("r.toml")
    assert "lacks these columns" not in again
    assert "without a role" not in again
    first, second = (load(f"{folder}/map.som").map_ for folder in "ab")
    assert second.encoding.feature_names == first.encoding.feature_names
    assert second.codebook.tobytes() == first.codebook.tobytes()
    assert len(files_of("b")["alerts.csv"].splitlines()) > 1


def test_a_file_says_what_the_columns_of_the_transactions_are(sales: Path) -> None:
    words = ("--label", "fraud=yes", "--protect", "sex", "--drop", "total amount")
    detect(sales, "--per", "client", *words, "--out", "a", "--save-roles", "r.toml")
    assert read_roles("r.toml") == Roles(
        per=("client",),
        label="fraud",
        label_value="yes",
        drop=("note", "name", "currency", "counter", "default", "total amount", "born: weekday"),
        protect=("sex",),
        categories=("channel", "country", "size", "store"),
        numbers=("amount", "limit"),
        dates=("date", "born", "paid"),
        missing="fill",
        others="drop",
    )
    lines = [re.sub(" +", " ", line) for line in Path("r.toml").read_text().splitlines()]
    assert lines[0].startswith("# What the columns of sales.csv were taken for")
    assert 'client = "per" # names the customers' in lines
    made = next(line for line in lines if line.startswith('amount = "number" # '))
    assert made.partition(" # ")[2].split(", ")[:2] == ["mean amount", "largest amount"]
    assert 'note = "drop" # different in most rows' in lines
    assert 'counter = "drop" # a row counter' in lines
    assert "country = \"category\" # text with 2 different values; 'AT', 'DE'" in lines
    assert '"total amount" = "drop" # as asked' in lines


def test_a_file_says_why_dates_are_left_out(here: Path) -> None:
    header, lines = transactions()
    moments = [f"2026-03-{1 + i % 28:02d} {i // 60:02d}:{i % 60:02d}" for i in range(len(lines))]
    moments[5] = "2026-02-30 00:05"
    rows = [f"{line},{moment}" for line, moment in zip(lines, moments, strict=True)]
    detect(
        write(Path("s.csv"), f"{header},booked", rows),
        "--per",
        "client",
        "--out",
        "a",
        "--save-roles",
        "r.toml",
    )
    assert "booked = \"drop\" # '2026-02-30 00:05' is not a date" in [
        re.sub(" +", " ", line) for line in Path("r.toml").read_text().splitlines()
    ]


def test_the_order_of_two_columns_that_name_a_customer_lasts(here: Path) -> None:
    header, lines = transactions()
    rows = [f"{line},b{int(line.split(',')[1]) % 3}" for line in lines]
    write(Path("s.csv"), f"{header},bank", rows)
    keys = ("--per", "bank", "--per", "client")
    detect("s.csv", *keys, "--out", "a", "--save-roles", "r.toml")
    assert read_roles("r.toml").per == ("bank", "client")
    detect("s.csv", "--roles", "r.toml", "--out", "b")
    assert files_of("b") == files_of("a")


def test_roles_of_the_rows_also_serve_for_customers(sales: Path) -> None:
    """A file that a plain job saved knows its columns; `--per` names the customers."""
    detect(sales, "--id", "note", "--label", "fraud", "--out", "a", "--save-roles", "rows.toml")
    words = ("--roles", "rows.toml", "--per", "client", "--out", "b", "--save-roles", "r.toml")
    detect(sales, *words)
    roles = read_roles("r.toml")
    assert (roles.per, roles.id, roles.label) == (("client",), "note", "fraud")
    features = load("b/map.som").map_.encoding.feature_names
    assert "total amount" in features
    assert not [name for name in features if "note" in name or "fraud" in name]
    detect(sales, "--roles", "r.toml", "--out", "c")
    assert files_of("c") == files_of("b")


def test_columns_that_are_left_out_are_listed_where_a_customer_has_one_value(sales: Path) -> None:
    words = ("--drop", "country", "--protect", "sex", "--verbose")
    said = detect(sales, "--per", "client", *words, "--out", "a")
    assert re.search("country +dropped +as asked", said)
    assert re.search("default +dropped +looks like an outcome", said)
    assert said.count("--label default or --category default") == 1
    header = files_of("a")["alerts.csv"].decode().splitlines()[0].split(",")
    assert {"country", "sex", "name", "default"} <= set(header)
    features = load("a/map.som").map_.encoding.feature_names
    assert not {"country", "sex", "default"} & {name.split(" = ")[0] for name in features}


def test_what_is_typed_takes_precedence(sales: Path) -> None:
    detect(sales, "--per", "client", "--out", "a", "--save-roles", "r.toml")
    words = ("--roles", "r.toml", "--per", "country", "--drop", "amount", "--category", "client")
    detect(sales, *words, "--out", "b", "--save-roles", "other.toml")
    roles = read_roles("other.toml")
    assert (roles.per, "amount" in roles.drop, "client" in roles.categories) == (
        ("country",),
        True,
        True,
    )
    replaced = overridden(Roles(per=("client",), id="note"), Roles(per=("bank",)))
    assert replaced == Roles(per=("bank",), id="note", drop=("client",))


def test_columns_that_a_table_lacks_or_has_besides_are_told(sales: Path) -> None:
    detect(
        sales, "--per", "client", "--drop", "mean amount", "--out", "a", "--save-roles", "r.toml"
    )
    table = read_table("sales.csv")
    roles = read_roles("r.toml")
    assert roles_for(roles, "r.toml", table.names, "t.csv") == (roles, [])
    names = [*(name for name in table.names if name != "note"), "new"]
    kept, notes = roles_for(roles, "r.toml", names, "t.csv")
    assert notes == [
        "t.csv lacks these columns of r.toml: 'note'.",
        "Columns without a role in r.toml are left out: 'new'.",
    ]
    assert ("mean amount" in kept.drop, "note" in kept.drop) == (True, False)
    for gone, new in (
        ("client", "Client"),
        ("amount", ""),
    ):
        names = [new if name == gone else name for name in table.names]
        with rejected(file="t.csv"):
            roles_for(roles, "r.toml", names, "t.csv")


def test_a_file_alone_repeats_the_job_also_for_a_map(sales: Path) -> None:
    words = ("--per", "client", "--label", "fraud")
    assert run("fit", sales, *words, "--out", "a.som", "--save-roles", "r.toml").code == 0
    outcome = run("fit", sales, "--roles", "r.toml", "--out", "b.som")
    assert outcome.code == 0, outcome.err
    assert load("b.som").codebook.tobytes() == load("a.som").codebook.tobytes()
    detect(sales, "--roles", "r.toml", "--out", "found")
    command = json.loads(Path("found/report.json").read_text())["method"]["command"]
    assert command.startswith("somscape detect sales.csv --roles r.toml ")


def test_what_is_left_out_may_be_missing_another_month(sales: Path) -> None:
    more = '"share of rows with channel = tv" = "drop"\n"born: weekday" = "drop"\n'
    more += 'country = "drop"\n'
    Path("r.toml").write_text(f'[columns]\nclient = "per"\n{more}born = "date"\n')
    said = detect(sales, "--roles", "r.toml", "--out", "found", "--save-roles", "s.toml")
    assert "but not made from these rows: 'share of rows with channel = tv'" in said
    assert "share of rows with channel = tv" in read_roles("s.toml").drop
    again = detect(sales, "--roles", "s.toml", "--out", "again")
    assert "but not made from these rows: 'share of rows with channel = tv'" in again
    assert files_of("again") == files_of("found")


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ('client = "per"', ("--id", "note"), "another id column is not allowed"),
        ('klient = "per"', (), "sales.csv lacks these columns of r.toml: 'klient' (is it 'cl"),
        ('client = "per"\ntotal = "number"', (), "lacks these columns of r.toml: 'total'"),
        (
            'client = "per"\nnote = "number"',
            (),
            "Column 'note' contains text, which cannot",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    sales: Path, text: str, words: tuple[str, ...], said: str
) -> None:
    Path("r.toml").write_text(f"[columns]\n{text}\n")
    outcome = run("detect", sales, "--roles", "r.toml", *words, "--out", "found")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert said in outcome.err
    assert not Path("found").exists()


def test_who_takes_rows_as_they_are_refuses_to_put_them_together(sales: Path) -> None:
    text = '[columns]\nclient = "per"\namount = "number"\n'
    Path("r.toml").write_text(text)
    with rejected(file="r.toml"):
        TableEncoder.from_roles("r.toml")
    facts = describe(read_table("sales.csv").select(["client", "amount"]))
    with rejected(file="r.toml"):
        settings_of(text, "r.toml", default_settings(facts), facts)
