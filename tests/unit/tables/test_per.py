"""From transactions to customers, against sums worked out by hand."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import write
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOMDetector, TableEncoder
from somscape.tables import Column, Table, per, read_table, table_from_columns

TRANSACTIONS = {
    "client": ["ann", "bob", "ann", None, "cid", "bob", "ann", "cid"],
    "amount": [10.1, 20.2, 0.1, 5.0, -3.0, 7.5, None, 8.0],
    "channel": ["web", "shop", "web", "web", "atm", "shop", "shop", None],
    "date": [
        *("2026-01-01", "2026-01-05", "2026-01-11", "2026-05-01"),
        *("2026-02-01", "2026-01-06", "2026-01-04", "2026-02-11"),
    ],
    "country": ["DE", "AT", "DE", "FR", "DE", None, "DE", "DE"],
    "number": [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007],
}
CUSTOMERS = {
    "client": ["ann", "bob", "cid"],
    "number of rows": ["3", "2", "2"],
    "total amount": ["10.2", "27.7", "5.0"],
    "mean amount": ["5.1", "13.85", "2.5"],
    "largest amount": ["10.1", "20.2", "8.0"],
    "smallest amount": ["0.1", "7.5", "-3.0"],
    "largest size of amount relative to its median": [
        "1.98",
        "1.46",
        "1.45",
    ],  # 10.1 / 5.1, ..., 8 / 5.5
    "largest size of amount relative to the second largest": ["101.0", "2.69", "2.67"],  # 8 / 3
    "most rows with the same amount": ["1", "1", "1"],
    "mean size of amount in its last 7 days relative to before": [
        "0.0099",
        None,
        "2.67",
    ],  # 0.1 / 10.1
    "number of different channels": ["2", "1", "1"],
    "most common channel": ["web", "shop", "atm"],  # shop is implied by the shares of web and atm
    "share of rows with channel = web": ["0.6667", "0.0", "0.0"],
    "share of rows with channel = atm": ["0", "0", "1"],
    "new channels in its last 7 days": ["0", None, "0"],  # bob has no row before
    "first date": ["2026-01-01", "2026-01-05", "2026-02-01"],
    "last date": ["2026-01-11", "2026-01-06", "2026-02-11"],
    "days since first date": ["41", "37", "10"],  # back from February 11
    "days since last date": ["31", "36", "0"],
    "longest gap": ["7", "1", "10"],  # ann's days are 1, 4 and 11
    "most rows within a day": ["1", "1", "1"],
    "share of rows in its last 7 days": ["0.3333", None, "0.5"],
    "share at weekends": ["0.6667", "0.0", "0.5"],  # January 4 and 11, and February 1
    "repeated rows on the same day": ["0", "0", "0"],
    "country": ["DE", "AT", "DE"],  # as it is: the same in all rows of each
}


def made_of(**changes: Any) -> Table:
    return table_from_columns({**TRANSACTIONS, **changes}, "sales.csv")


def cells_of(table: Table) -> dict[str, list[Any]]:
    return {column.name: column.cells.tolist() for column in table.columns}


def test_eight_transactions_of_three_customers_by_hand() -> None:
    found = per(made_of(), "client")
    assert cells_of(found.table) == CUSTOMERS
    assert found.table.source == "sales.csv per client"
    assert found.table.notes == (
        "combined from 7 rows",
        "1 row without a value of 'client' left out",
        "different in most rows, so left out: 'number'",
    )
    assert [found.rows_of(i).tolist() for i in range(3)] == [[0, 2, 6], [1, 5], [4, 7]]
    assert found.names("category") == ["most common channel"]
    assert found.names("date") == ["first date", "last date"]
    assert repr(found) == "Grouped('sales.csv per client', 3 of 8 rows)"


def test_what_is_kept_stays_as_it_is_or_is_left_out() -> None:
    found = per(made_of(), "client", kept=["country", "channel", "amount"])
    assert found.taken == {
        "amount": "",
        "channel": "",
        "date": "date",
        "country": "same",
        "number": "",
    }
    others = {
        name: cells
        for name, cells in CUSTOMERS.items()
        if not {"amount", "channel", "channels", "repeated"}.intersection(name.split())
    }
    assert cells_of(found.table) == others
    assert found.table.notes[-1] == "different in most rows, so left out: 'number'"
    assert per(made_of(), "client").taken["channel"] == "category"
    with rejected(file="sales.csv", column="x"):
        per(made_of(), "client", kept=["x"])


def test_a_later_month_gets_the_columns_of_an_earlier_one() -> None:
    like = [name for name in CUSTOMERS if name not in ("client", "country")]
    one = table_from_columns({**TRANSACTIONS, "channel": ["tv"] * 8}).take([0, 2])
    later = per(one, "client", like=[*like, "country"]).table
    assert set(later.names) == set(CUSTOMERS)
    found = cells_of(later)
    assert found["share of rows with channel = web"] == ["0"]  # a level that nobody has
    assert found["smallest amount"] == ["0.1"]  # although none is negative
    assert found["country"] == ["DE"]
    moved = made_of(country=["DE", "AT", "AT", "FR", "DE", None, "AT", "DE"])  # ann's, in the end
    assert cells_of(per(moved, "client", like=["country"]).table)["country"] == ["DE", "AT", "DE"]


def test_several_columns_name_a_customer_together() -> None:
    bank = ["x", "x", "y", "x", None, "x", "x", "y"]
    found = per(made_of(bank=bank), ("bank", "client"))
    assert found.table.names[0] == "bank / client"
    assert cells_of(found.table)["bank / client"] == ["x / ann", "x / bob", "y / ann", "y / cid"]
    assert [len(found.rows_of(i)) for i in range(4)] == [2, 2, 1, 1]


@pytest.mark.parametrize("names", [["007", "008"], ["7", "8"]])
def test_a_customer_keeps_the_text_of_the_file(names: list[str], tmp_path: Path) -> None:
    one, other = names
    path = write(tmp_path / "t.csv", "client,amount", [f"{one},1.5", f"{other},2", f"{one},3"])
    assert cells_of(per(read_table(path), "client").table)["client"] == names


@pytest.mark.parametrize(
    ("amounts", "total", "mean", "largest"),
    [
        (["4500.00", "4500.40", "0.20"], "9000.40", "4500.20", "4500.40"),
        (["4.500,00", "4.500,50", "1.000,10"], "9.000,50", "4.500,25", "4.500,50"),
        (["4'500.00", "4'500.50", "0.10"], "9'000.50", "4'500.25", "4'500.50"),
        (["4500", "4501", "7"], "9001", "4500.5", "4501"),
    ],
)
def test_amounts_have_the_decimals_and_separators_of_the_file(
    amounts: list[str], total: str, mean: str, largest: str, tmp_path: Path
) -> None:
    rows = zip(["ann", "ann", "bob"], amounts, strict=True)
    lines = [*(f"{client};{amount}" for client, amount in rows), "cid;"]
    path = write(tmp_path / "paid.csv", "client;amount", lines)
    table = per(read_table(path, delimiter=";"), "client").table
    names = ("total amount", "mean amount", "largest amount")
    assert [table.column(name).cell(0) for name in names] == [total, mean, largest]
    assert [table.column(name).cell(2) for name in names] == [None] * 3  # cid has no amount


def test_names_that_the_transactions_have_get_an_ending() -> None:
    clash = {"total amount": [9, 8, 9, 1, 7, 8, 9, 7]}
    table = table_from_columns({**TRANSACTIONS, **clash})
    found = per(table, "client")
    assert cells_of(found.table)["total amount"] == ["9", "8", "7"]
    assert cells_of(found.table)["total amount (rows)"] == CUSTOMERS["total amount"]
    again = per(table, "client", like=["total amount (rows)"])
    assert again.table.names == ("client", "total amount (rows)")


def test_whole_numbers_with_few_values_are_levels_unless_named() -> None:
    table = made_of(shop=[3, 3, 4, 3, 4, 4, 3, 3])
    assert cells_of(per(table, "client").table)["share of rows with shop = 4"] == [
        "0.3333",
        "0.5",
        "0.5",
    ]
    named = cells_of(per(table, "client", numbers=["shop"]).table)
    assert named["total shop"] == ["10", "7", "7"]
    assert not {"number of different shops", "smallest shop"} & set(named)  # none is negative
    few = cells_of(per(made_of(), "client", categories=["number"]).table)
    assert few["number of different numbers"] == ["3", "2", "2"]


def test_levels_of_which_none_is_frequent_are_only_counted() -> None:
    n = 60
    levels = [f"m{i % 30}" for i in range(n)]
    table = table_from_columns({"client": [i % 5 for i in range(n)], "merchant": levels})
    found = per(table, "client").table
    assert found.names[2:] == (
        "number of different merchants",
        "rows for each different merchant",
        "mean share of customers with the same merchant",
    )
    assert cells_of(found)["rows for each different merchant"] == ["2"] * 5  # 12 rows, 6 merchants


def test_merchants_that_few_customers_use_have_a_low_share_of_customers() -> None:
    merchants = {"ann": "ppq", "bob": "pr", "cid": "stu", "dan": [None]}  # p: 2 of 3 customers
    clients = [client for client, own in merchants.items() for _ in own]
    columns = {"client": clients, "merchant": [each for own in merchants.values() for each in own]}
    table = per(table_from_columns(columns), "client", categories=["merchant"]).table
    found = table.column("mean share of customers with the same merchant")
    assert [*found.cells] == ["0.5556", "0.5", "0.3333", None]  # (2/3 + 2/3 + 1/3) / 3, ...


def test_dates_with_a_time_of_day_and_a_zone() -> None:
    dates = [f"2026-01-0{1 + i}T12:00:00+0{i % 2}:00" for i in range(8)]
    found = cells_of(per(made_of(date=dates), "client").table)
    assert found["first date"][0] == "2026-01-01T12:00:00"
    assert found["first date"][1] == "2026-01-02T11:00:00"  # in UTC
    assert found["longest gap"] == ["4.0", "4.0", "2.96"]  # 2 days and 23 hours


def as_written(form: str) -> list[str]:
    """The days of the transactions in another form."""
    days = [date.fromisoformat(str(day)) for day in TRANSACTIONS["date"]]
    return [day.strftime(form) for day in days]


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%d-%m-%y"])
@pytest.mark.parametrize("options", [{}, {"dates": ["date"]}])
def test_dates_in_another_form_are_the_same_dates(form: str, options: Any) -> None:
    month = {"paid": ["1/31/2026"] * 7 + ["2/1/2026"]} if form.startswith("%m") else {}
    table = made_of(date=as_written(form), **month)
    named = {"date_format": "mdy" if month else None, **options}
    found = per(table, "client", **named).table
    assert {name: cells_of(found)[name] for name in CUSTOMERS} == CUSTOMERS
    again = per(table, "client", date_format=named["date_format"], like=["last date"]).table
    assert cells_of(again)["last date"] == CUSTOMERS["last date"]


def test_an_order_of_dates_that_is_a_guess_is_said() -> None:
    table = made_of(date=[f"0{1 + i}/02/2026" for i in range(8)])
    found = per(table, "client").table
    assert cells_of(found)["last date"] == ["2026-02-07", "2026-02-06", "2026-02-08"]
    note = next(
        note for note in found.notes if "fit several orders" in note and "day first" in note
    )
    assert note.options == "--date-format mdy"
    other = per(table, "client", date_format="mdy").table
    assert cells_of(other)["last date"] == ["2026-07-02", "2026-06-02", "2026-08-02"]
    assert not any("fit several orders" in note for note in other.notes)


def test_what_is_no_date_is_refused_where_dates_are_named() -> None:
    table = made_of(date=["soon", *as_written("%d.%m.%Y")[1:]])
    with rejected(file="sales.csv", row=0, column="date", value="soon"):
        per(table, "client", dates=["date"])


def test_padded_counts_that_are_named_as_numbers_have_a_sum() -> None:
    table = made_of(count=[f"0{1 + i}" for i in range(8)])
    found = cells_of(per(table, "client", numbers=["count"]).table)
    assert found["total count"] == ["11", "8", "13"]  # 1 + 3 + 7, 2 + 6, 5 + 8


@pytest.mark.parametrize(
    ("by", "options", "facts"),
    [
        ("klient", {}, {"column": "klient"}),
        ("country", {}, {"parameter": "by", "column": "country"}),
        ("empty", {}, {"parameter": "by", "column": "empty"}),
        ((), {}, {"parameter": "by"}),
        ("client", {"date_format": "iso"}, {"parameter": "date_format", "value": "iso"}),
        ("client", {"numbers": ["channel"]}, {"column": "channel"}),
        ("client", {"numbers": ["amont"]}, {"column": "amont"}),
        ("client", {"like": ["total price"]}, {"parameter": "like", "value": "total price"}),
        ("client", {"like": ["total channel"]}, {"column": "channel"}),
    ],
)
def test_wrong_input_is_named(by: Any, options: dict[str, Any], facts: dict[str, Any]) -> None:
    with rejected(**facts):
        per(made_of(country=["DE"] * 8, empty=[None] * 8), by, **options)


def test_a_word_among_numbers_is_refused_as_it_is_without_customers(tmp_path: Path) -> None:
    lines = [f"{'ab'[i % 2]},{i if i != 7 else 'seven'}" for i in range(40)]
    table = read_table(write(tmp_path / "t.csv", "client,amount", lines))
    with rejected(column="amount") as caught:
        per(table, "client")
    assert caught.value.options == "--category amount or --drop amount"
    assert "number of different amounts" in per(table, "client", categories=["amount"]).table.names


def test_sums_beyond_a_float_are_refused() -> None:
    with rejected(column="amount"):
        per(made_of(amount=[1e308, 2.0, 1e308, 4.0, 5.0, 6.0, 7.0, 8.0]), "client")


rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.one_of(st.none(), st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)),
        st.sampled_from(["x", "y", "z", None]),
    ),
    min_size=1,
    max_size=40,
)


@given(rows)
def test_groups_add_up_to_the_whole(rows: list[tuple[Any, Any, Any]]) -> None:
    cells = [("a", 1.25, "x"), ("a", 2.5, "y"), ("b", 3.5, "x"), *rows]
    client, amount, level = (list(values) for values in zip(*cells, strict=True))
    table = table_from_columns({"client": client, "amount": amount, "level": level})
    found = per(table, "client", numbers=["amount"], categories=["level"])
    column = {c.name: c.numbers for c in found.table.columns if c.numbers is not None}
    kept = [row for row in cells if row[0] is not None]
    assert column["number of rows"].sum() == len(kept)
    total = sum(value for _, value, _ in kept if value is not None)
    assert np.nansum(column["total amount"]) == pytest.approx(total, abs=1e-6)
    together = np.concatenate([found.rows_of(i) for i in range(found.table.n_rows)])
    assert sorted(together.tolist()) == [i for i, row in enumerate(cells) if row[0] is not None]
    for i, name in enumerate(found.table.columns[0].cells):
        own = [row for row in cells if row[0] == name]
        levels = [row[2] for row in own if row[2] is not None]
        assert column["number of different levels"][i] == len(set(levels))
        values = [row[1] for row in own if row[1] is not None]
        if values:
            assert column["largest amount"][i] == max(values)


def test_planted_customers_are_found() -> None:
    rng = np.random.default_rng(1)
    n, n_clients = 4000, 200
    client = rng.integers(0, n_clients, n)
    amount = np.round(rng.lognormal(4, 0.5, n), 2)
    channel = np.array(["web", "shop"])[rng.integers(0, 2, n)]
    day = np.datetime64("2026-01-01") + rng.integers(0, 180, n)
    amount[np.flatnonzero(client == 5)[0]] = 17077.94
    channel[client == 6] = "web"
    day[client == 7] = np.datetime64("2026-04-01")
    found = per(
        table_from_columns(
            {"client": client, "amount": amount, "channel": channel, "day": day.astype(str)}
        ),
        "client",
    )
    encoder = TableEncoder(
        id="client", numbers=found.names("number"), drop=found.names("date"), missing="fill"
    )
    detector = SOMDetector(encoder=encoder, random_state=0).fit(found.table)
    alerts = detector.alerts(found.table, 3)
    assert set(alerts.ids[:3]) == {"5", "6", "7"}
    why = {alerts.ids[i]: alerts.reasons[i][0].column for i in range(3)}
    lone = {
        "largest amount relative to its median",
        "largest amount relative to the second largest",
    }
    assert {reason.column for reason in alerts.reasons[alerts.ids.index("5")]} & lone
    assert why["6"] == "number of different channels"
    assert {"longest gap", "most rows within a day"} & {
        reason.column for reason in alerts.reasons[alerts.ids.index("7")]
    }


def test_long_customer_numbers_stay_apart() -> None:
    ids = [str(10**18 + i // 2) for i in range(40)]
    table = table_from_columns({"cust": ids, "amount": np.arange(40.0)})
    whole = replace(
        table,
        columns=(
            Column("cust", table.column("cust").cells, numbers=np.array(ids, float)),
            table.column("amount"),
        ),
    )
    assert per(whole, "cust").table.n_rows == 20
