"""Each feature of customers, against small tables worked out by hand."""

from typing import Any

import pytest
from texts import rejected

from somscape.tables import Grouped, per, table_from_columns

Cells = list[str | None]


def found(column: str, **options: Any) -> Cells:
    """Return a feature of the customers a and b in the table `ROWS`."""
    return feature(per(table_from_columns(ROWS), "who", **options), column)


def feature(grouped: Grouped, name: str) -> Cells:
    cells: Cells = grouped.table.column(name).cells.tolist()
    return cells


ROWS: dict[str, Any] = {
    "tx": [f"T{i}" for i in (3, 7, 1, 9, 2, 8, 5, 4)],
    "who": ["a", "a", "a", "a", "a", "b", "b", "b"],
    "date": [
        *("2026-07-03", "2026-07-03", "2026-07-03", "2026-07-04", "2026-07-20"),
        *("2026-07-06", "2026-07-20", "2026-07-21"),
    ],
    "time": ["23:30", "23:50", "23:50", "00:10", "12:00", "05:59", "06:00", None],
    "amount": [10.5, 20.25, 20.25, 20.25, -81.0, 9500.0, 8999.99, 10000.0],
    "shop": ["x", "y", "y", "x", "new", "x", "z", "z"],
}
"""July 3 and 4 are a Friday and a Saturday, and July 20 is a Monday."""


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("number of rows", "5", "3"),
        ("most rows within an hour", "4", "1"),  # from 23:30 to 0:10
        ("most rows within a day", "4", "2"),  # b: July 20 at 6:00 and July 21
        ("longest gap", "16.5", "14.0"),  # July 4 at 0:10 to July 20 at 12:00
        ("share at night", "0.2", "0.5"),  # 0:10 of five, and 5:59 of two rows with a time
        ("share at weekends", "0.2", "0.0"),
        ("share of rows in its last 7 days", "0.2", "0.6667"),
        (
            "largest size of amount relative to its median",
            "4.0",
            "1.05",
        ),  # 81 / 20.25, 10000 / 9500
        ("largest size of amount relative to the second largest", "4.0", "1.05"),
        ("most rows with the same amount", "3", "1"),
        # 81 to the mean of 10.5 and three times 20.25, and the mean of two to 9500
        ("mean size of amount in its last 7 days relative to before", "4.55", "1.0"),
        ("new shops in its last 7 days", "1", "1"),
        ("number of different shops", "3", "2"),
        ("repeated rows on the same day", "1", "0"),  # July 3, 20.25 and y
    ],
)
def test_one_feature_of_two_customers(name: str, a: str, b: str) -> None:
    cells = found(name, numbers=["amount"])
    assert [round(float(cell), 4) for cell in cells if cell] == [float(a), float(b)]


def test_numbers_just_below_a_limit_are_a_tenth_of_the_limit_below_it() -> None:
    name = "share of rows with amount just below 10000"
    assert found(name, just_below={"amount": 10_000}) == ["0.0", "0.3333"]  # only 9500
    again = per(table_from_columns(ROWS), "who", like=[name])  # the name contains the limit
    assert feature(again, name) == ["0.0", "0.3333"]
    both = per(table_from_columns(ROWS), "who", just_below={"amount": [10_000, 9000.5, 10_000]})
    assert feature(both, name) == ["0.0", "0.3333"]
    assert feature(both, "share of rows with amount just below 9000.5") == ["0.0", "0.3333"]
    with rejected(parameter="just_below", column="amount", value=0):
        per(table_from_columns(ROWS), "who", just_below={"amount": [10_000, 0]})
    with rejected(parameter="just_below", column="shop"):
        per(table_from_columns(ROWS), "who", just_below={"shop": 3})


def test_a_note_says_that_each_customer_has_one_row() -> None:
    table = table_from_columns(ROWS)
    note = "each value of 'tx' has one row, so no rows were combined"
    assert note in per(table, "tx").table.notes
    assert note not in per(table, "tx", like=["number of rows"]).table.notes
    assert not [each for each in per(table, "who").table.notes if "one row" in each]


def test_names_of_the_columns_do_not_matter() -> None:
    names = dict(zip(ROWS, ("nr", "who", "Tag", "Zeit", "Betrag", "Laden_Nr"), strict=True))
    other = per(table_from_columns({names[name]: cells for name, cells in ROWS.items()}), "who")
    here = per(table_from_columns(ROWS), "who")
    assert [len(c) for c in other.table.columns] == [len(c) for c in here.table.columns]
    assert other.table.names[-1] == "repeated rows on the same day"
    assert feature(other, "share at night") == feature(here, "share at night")
    assert feature(other, "number of different values of Laden_Nr") == ["3", "2"]


def test_a_time_is_joined_with_a_date_next_to_it_only() -> None:
    here = per(table_from_columns(ROWS), "who")
    assert feature(here, "first date") == ["2026-07-03T23:30:00", "2026-07-06T05:59:00"]
    assert here.taken["time"] == "time"
    assert here.made["share at night"].column == "time"
    apart = {name: ROWS[name] for name in ("who", "date", "amount", "time")}
    found_apart = per(table_from_columns(apart), "who")
    assert feature(found_apart, "first date") == ["2026-07-03", "2026-07-06"]
    assert feature(found_apart, "share at night") == ["0.2", "0.5"]
    assert "most rows within an hour" not in found_apart.table.names
    category = per(table_from_columns(ROWS), "who", categories=["time"])
    assert "number of different times" in category.table.names
    assert feature(category, "first date") == ["2026-07-03", "2026-07-06"]


def test_the_times_of_a_single_day_are_moments() -> None:
    rows = {**ROWS, "date": ["2026-07-04"] * 8, "time": [*ROWS["time"][:7], "23:00"]}
    here = per(table_from_columns(rows), "who")
    assert feature(here, "first date") == ["2026-07-04T00:10:00", "2026-07-04T05:59:00"]
    assert feature(here, "most rows within an hour") == ["3", "2"]  # from 23:30, and from 5:59
    assert feature(here, "longest gap") == ["0.493", "0.708"]  # 11 h 50 min, 17 h


def test_times_without_dates_give_the_share_at_night() -> None:
    rows = {name: ROWS[name] for name in ("who", "time", "amount", "shop")}
    here = per(table_from_columns(rows), "who")
    assert feature(here, "share at night") == ["0.2", "0.5"]
    assert feature(here, "repeated rows") == ["1", "0"]  # 20.25 and y
    missing = {"longest gap", "most rows within a day", "share at weekends", "different time"}
    assert not missing & {*here.table.names}
    assert not [name for name in here.table.names if "last 7 days" in name]
    like = ["share at night", "repeated rows", "total amount", "number of different shops"]
    again = per(table_from_columns(rows), "who", like=like)
    assert feature(again, "share at night") == ["0.2", "0.5"]
    assert feature(again, "repeated rows") == ["1", "0"]


def test_dates_without_times_have_no_hours() -> None:
    rows = {name: cells for name, cells in ROWS.items() if name != "time"}
    here = per(table_from_columns(rows), "who")
    assert not {"share at night", "most rows within an hour"} & {*here.table.names}
    assert feature(here, "most rows within a day") == ["3", "1"]
    for name in ("share at night", "most rows within an hour"):
        with rejected(parameter="like", value=name):  # a later month lacks the column of times
            per(table_from_columns(rows), "who", like=[name, "longest gap"])
    blank = table_from_columns({**ROWS, "time": [None] * 8})
    again = per(blank, "who", like=["share at night", "longest gap"])
    assert feature(again, "share at night") == [None, None]


def test_only_rows_with_a_time_are_at_night_or_in_an_hour() -> None:
    rows = {**ROWS, "time": ["23:30", None, None, None, "12:00", None, None, None]}
    here = per(table_from_columns(rows), "who")
    assert feature(here, "most rows within an hour") == ["1", None]
    assert feature(here, "share at night") == ["0", None]
    assert feature(here, "most rows within a day") == ["3", "1"]  # others begin at midnight
    # The same cells as one column of dates, in which some dates have no time.
    joined = [f"{d} {t or ''}".strip() for d, t in zip(rows["date"], rows["time"], strict=True)]
    one = per(table_from_columns({**ROWS, "date": joined, "time": list("abcdefgh")}), "who")
    assert feature(one, "most rows within an hour") == ["1", None]
    assert feature(one, "share at night") == ["0", None]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"time": {0: "24:10"}}, "1 cell of 'time' not read as times of day, such as '24:10'"),
        (
            {"time": dict.fromkeys(range(30), "24:10")},
            "'time' taken as a category, because '24:10' is not a time of day",
        ),
        (
            {"date": {5: "2026-02-30"}},
            "'date' taken as a category, because '2026-02-30' is not a date",
        ),
        ({"when": {}}, "'when' left out, because only some dates have a time zone"),
    ],
)
def test_dates_and_times_that_cannot_be_read_are_named(
    changes: dict[str, dict[int, str]], note: str
) -> None:
    numbers = range(800)
    rows: dict[str, list[Any]] = {
        "who": [f"k{i % 40}" for i in numbers],
        "date": [f"2026-07-{1 + i % 28:02}" for i in numbers],
        "time": [f"{i % 24:02}:{i % 60:02}" for i in numbers],
        "amount": [i + 0.5 for i in numbers],
    }
    if "when" in changes:
        rows["when"] = [f"2026-07-08T{i // 60:02}:{i % 60:02}{'Z' * (i % 2)}" for i in numbers]
    for name, cells in changes.items():
        for i, cell in cells.items():
            rows[name][i] = cell
    assert note in per(table_from_columns(rows), "who").table.notes
    given = per(table_from_columns(rows), "who", kept=list(changes)).table.notes
    assert note not in given


@pytest.mark.parametrize("n", [4, 5])
def test_midnight_in_more_than_half_of_the_rows_is_no_time(n: int) -> None:
    times = ["00:00"] * n + ["12:00", "01:00", "13:00", "14:00"][: 8 - n]
    rows = {**ROWS, "date": ["2026-07-04"] * 8, "time": times}
    here = per(table_from_columns(rows), "who")
    assert feature(here, "share at night") == ([["0.8", "0.3333"], [None, "0.3333"]][n - 4])


def test_a_later_month_has_the_features_of_the_first() -> None:
    table = table_from_columns(ROWS)
    here = per(table, "who", numbers=["amount"], just_below={"amount": 10_000})
    asked = [name for name in here.table.names[1:] if here.made[name].kind == "number"]
    again = per(table, "who", like=["last date", *asked])
    for name in asked:
        assert feature(again, name) == feature(here, name), name


@pytest.mark.parametrize(
    "changes",
    [
        {"date": ["2026-07-03"] * 8},
        {"date": [None] * 8},
        {"date": ["2026-07-03", *[None] * 7]},
        {"amount": [None] * 8},
        {"amount": [0.0] * 8},
        {"amount": [1e308, -1e308, *[0.1] * 6]},
        {"time": [None] * 8},
        {"time": ["00:00"] * 8},
        {"time": ["25:00", *["01:00"] * 7]},
        {"who": list("abcdefgh")},
        {"who": ["a", *[None] * 6, "b"]},
        {"date": ["0001-01-01", "9999-12-31"] * 4},
        {"time 2": ROWS["time"], "date 2": ROWS["date"]},
        {"longest gap": [1.5, 2.5] * 4, "repeated rows on the same day": ["x", "y"] * 4},
    ],
)
def test_hostile_tables_have_features_too(changes: dict[str, Any]) -> None:
    here = per(table_from_columns({**ROWS, **changes}), "who", numbers=["amount"])
    for column in here.table.columns:
        assert len(column) == here.table.n_rows
    numbers = [here.table.column(name).numbers for name in here.names("number")]
    assert all(values is not None for values in numbers)


def test_a_customer_without_rows_of_a_kind_has_no_value() -> None:
    amounts = [None] * 5 + ROWS["amount"][5:]
    here = per(table_from_columns({**ROWS, "amount": amounts}), "who")
    for name in ("largest amount", "largest amount relative to its median"):  # none is negative
        assert feature(here, name)[0] is None
    one = {name: cells[4:6] for name, cells in ROWS.items()}  # one row of each customer
    single = per(table_from_columns(one), "who", like=[n for n in here.table.names if " " in n])
    for name in ("longest gap", "share of rows in its last 7 days", "new shops in its last 7 days"):
        assert feature(single, name) == [None, None], name
