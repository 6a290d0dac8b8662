"""Dates in any common form: how they are read, what they become, what is said of them."""

import datetime as dt
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOMDetector, TableEncoder
from somscape.tables import Encoding, table_from_columns
from somscape.tables._dates import date_texts, dates_of
from somscape.tables._fit_encoding import fit_encoding, notes_of
from somscape.tables.kinds import Roles
from somscape.tables.ordered import CycleCode, DateCode, moment_text

MOMENT = dt.datetime(2026, 1, 31, 14, 5, 9)


def column(*cells):
    return table_from_columns({"c": list(cells)}).columns[0]


def read(cell, order="dmy"):
    (moment,) = dates_of(column(cell), order).moments.tolist()
    return moment


# How they are read


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-01-31", dt.datetime(2026, 1, 31)),
        ("2026/1/5", dt.datetime(2026, 1, 5)),
        ("2026-01-31T14:05:09", MOMENT),
        ("2026-01-31 14:05:09.25", MOMENT.replace(microsecond=250_000)),
        ("2026-01-31T14:05:09,1234567", MOMENT.replace(microsecond=123_456)),
        ("2026-01-31T14:05:09Z", MOMENT),
        ("2026-01-31T14:05:09+01:00", MOMENT.replace(hour=13)),
        ("2026-01-31 23:05:09-0530", dt.datetime(2026, 2, 1, 4, 35, 9)),
        ("31.01.2026", dt.datetime(2026, 1, 31)),
        ("31.1.26 14:05", MOMENT.replace(second=0)),
        ("31/01/2026 2:05:09 PM", MOMENT),
        ("31/01/2026, 02:05:09 pm", MOMENT),
        ("31-01-2026", dt.datetime(2026, 1, 31)),
        ("31-Jan-2026", dt.datetime(2026, 1, 31)),
        ("31 January 2026 14:05:09", MOMENT),
        ("31. Jan. 2026", dt.datetime(2026, 1, 31)),
        ("January 31, 2026", dt.datetime(2026, 1, 31)),
        ("JAN 31st, 2026", dt.datetime(2026, 1, 31)),
        ("1 Sept 26", dt.datetime(2026, 9, 1)),
        ("5.2.68", dt.datetime(2068, 2, 5)),
        ("5.2.69", dt.datetime(1969, 2, 5)),
        ("1.2.2026 12:00 am", dt.datetime(2026, 2, 1)),
        ("1.2.2026 12:30 pm", dt.datetime(2026, 2, 1, 12, 30)),
        ("29.02.2024", dt.datetime(2024, 2, 29)),
        # Only where they are known to be dates:
        ("20260131", dt.datetime(2026, 1, 31)),
        ("2026-W05-6", dt.datetime(2026, 1, 31)),
    ],
)
def test_a_date_is_read_in_its_form(cell, moment):
    assert read(cell) == moment


@pytest.mark.parametrize(
    "cell",
    [
        *("30.02.2026", "29.02.2025", "32.01.2026", "00.01.2026", "31/13/2026"),
        *("31.01.2026 24:00", "31.01.2026 10:60", "31.01.2026 13:00 pm", "31.01.2026 0:30 am"),
        *("1.2-2026", "31 Foo 2026", "2026", "soon", "1.2.3", "31.01.202", "31.01.2026 x"),
    ],
)
def test_what_is_no_date_is_none(cell):
    assert read(cell) is None
    assert date_texts(column(cell)) is None


def test_numbers_are_dates_only_where_named():
    numbers = table_from_columns({"c": [20260131, None, 20260201, 7]}).columns[0]
    assert date_texts(numbers) is None
    moments = dates_of(numbers, "dmy").moments.astype("datetime64[D]").astype(str).tolist()
    assert moments == ["2026-01-31", "NaT", "2026-02-01", "NaT"]


FORMS = {
    "dmy": ("%d.%m.%Y %H:%M:%S", "%d/%m/%y %H:%M:%S", "%d-%m-%Y %I:%M:%S %p"),
    "mdy": ("%m/%d/%Y %H:%M:%S", "%m/%d/%y %I:%M:%S %p"),
    "ymd": ("%Y-%m-%dT%H:%M:%S", "%d %b %Y %H:%M:%S", "%B %d, %Y %H:%M:%S"),
}


@given(
    moments=st.lists(
        st.datetimes(dt.datetime(1969, 1, 1), dt.datetime(2068, 12, 31)), min_size=1, max_size=8
    ),
    order_and_form=st.sampled_from([(o, form) for o, forms in FORMS.items() for form in forms]),
)
def test_what_is_written_is_read_back(moments, order_and_form):
    order, form = order_and_form
    seconds = [moment.replace(microsecond=0) for moment in moments]
    cells = [moment.strftime(form) for moment in seconds]
    read = date_texts(column(*cells))
    assert order in read.orders
    assert read.dates(order).moments.tolist() == seconds


# The order of day and month


def orders(**columns):
    roles = Roles(date_format=columns.pop("date_format", None))
    table = table_from_columns({**columns, "x": [1.5, 2.5]})
    codes = fit_encoding(table, roles).columns
    return {code.name: getattr(code, "order", code.kind) for code in codes if code.name != "x"}


def test_one_13_in_the_column_decides():
    assert orders(c=["1/2/2026", "13/2/2026"]) == {"c": "dmy"}
    assert orders(c=["1/2/2026", "2/13/2026"]) == {"c": "mdy"}
    assert orders(c=["26-02-13", "27-02-28"], date_format="ymd") == {"c": "ymd"}
    # No order reads both: text.
    assert orders(c=["13/1/2026", "1/13/2026"]) == {"c": "category"}


def test_an_open_order_is_day_first_or_that_of_another_column_and_said():
    assert orders(c=["1/2/2026", "3/4/2026"]) == {"c": "dmy"}
    other = ["12/31/2025", "1/1/2026"]
    assert orders(c=["1/2/2026", "3/4/2026"], d=other) == {"c": "mdy", "d": "mdy"}
    asked = orders(c=["1/2/2026", "3/4/2026"], d=other, date_format="dmy")
    assert asked == {"c": "dmy", "d": "mdy"}
    table = table_from_columns({"c": ["1/2/2026", "3/4/2026"]})
    (note,) = notes_of(fit_encoding(table))
    assert note == "dates in 'c' fit several orders and are read day first"
    assert note.options == "--date-format mdy"
    assert notes_of(fit_encoding(table, Roles(date_format="dmy"))) == []
    # The same day either way: nothing to say.
    assert notes_of(fit_encoding(table_from_columns({"c": ["1/1/2026", "2/2/2026"]}))) == []


def test_an_order_that_is_none_is_refused():
    with rejected(parameter="date_format", value="ydm"):
        fit_encoding(table_from_columns({"x": [1.5, 2.5]}), Roles(date_format="ydm"))


def test_later_rows_are_read_in_the_order_of_the_fit():
    encoding = fit_encoding(table_from_columns({"c": ["12/31/2025", "1/2/2026"]}))
    rows = encoding.encode(table_from_columns({"c": ["1/2/2026", "2026-01-02"]}))
    np.testing.assert_array_equal(rows[0], rows[1])
    with rejected(file="table", row=0, column="c", value="31/1/26"):
        encoding.encode(table_from_columns({"c": ["31/1/26"]}))


@pytest.mark.parametrize(
    ("order", "cell", "other"),
    [("dmy", "05/01/2024", "01/13/2024"), ("mdy", "01/05/2024", "31.12.2024")],
)
def test_a_date_of_another_order_keeps_no_other_from_being_read(order, cell, other):
    for cells in ([cell, other], [other, cell]):
        found = dates_of(table_from_columns({"due": cells}).column("due"), order)
        at = cells.index(cell)
        assert str(found.moments[at]).startswith("2024-01-05")
        assert found.missing.tolist() == [i != at for i in range(2)]


def test_zones_in_some_cells_only_are_no_dates_and_refused_where_named():
    cells = ["2026-01-01T10:00Z", "2026-01-02T10:00", "2026-01-03T10:00Z"]
    table = table_from_columns({"c": cells, "x": [1.5, 2.5, 4]})
    assert fit_encoding(table).columns[0].kind == "dropped"
    with rejected(file="table", row=1, column="c", value="2026-01-02T10:00"):
        fit_encoding(table, Roles(dates=("c",)))


# What they become


WEEK = [f"2026-01-{day:02}" for day in range(5, 12)]  # Monday to Sunday


def test_weekdays_lie_on_a_circle_half_a_turn_at_distance_one():
    encoding = fit_encoding(table_from_columns({"c": WEEK}))
    assert encoding.feature_names == ["c", "c: weekday (cos)", "c: weekday (sin)"]
    places = encoding.encode(table_from_columns({"c": WEEK}))[:, 1:]
    np.testing.assert_allclose(np.hypot(*places.T), 0.5, rtol=1e-8)
    apart = np.hypot(*(places - places[0]).T)
    # Chords of sevenths of a turn: 2 * 0.5 * sin(k pi / 7), and Sunday beside Monday.
    expected = [np.sin(k * np.pi / 7) for k in (0, 1, 2, 3, 3, 2, 1)]
    np.testing.assert_allclose(apart, expected, atol=1e-8)
    (code,) = encoding.parts
    assert code.decode(places).tolist() == list(code.levels)


def test_weekdays_that_are_even_are_left_out_and_working_days_are_not():
    def parts(weekdays):
        monday = np.datetime64("2024-01-01")
        apart = [7 * (i % 13) + weekdays[i % len(weekdays)] for i in range(210)]
        days = monday + np.array(apart, "timedelta64[D]")
        return [code.name for code in fit_encoding(table_from_columns({"c": days})).parts]

    assert parts(range(7)) == []
    assert parts(range(5)) == ["c: weekday"]
    # Births: a fifth fewer at the weekend.
    assert parts([*range(5)] * 5 + [5, 6] * 4) == []


def test_hours_are_there_where_the_time_varies():
    times = ["2026-01-05T00:00", "2026-01-05T12:00", "2026-01-05T06:00", "2026-01-05T23:59"]
    encoding = fit_encoding(table_from_columns({"c": times}))
    (code,) = encoding.parts
    assert (code.name, code.kind, code.part) == ("c: hour", "circle", "hour")
    rows = encoding.encode(table_from_columns({"c": times}))[:, 1:]
    np.testing.assert_allclose(rows[:3], [[0.5, 0], [-0.5, 0], [0, 0.5]], atol=1e-8)
    assert [code.text(row) for row in rows] == ["00:00", "12:00", "06:00", "23:59"]
    assert code.decode(rows).tolist() == ["00:00", "12:00", "06:00", "23:00"]


def test_two_columns_have_a_difference_and_five_have_three():
    table = table_from_columns(
        {
            "opened": ["2026-01-01", "2026-01-05", "2026-02-01"],
            "closed": ["2026-01-04", "2026-02-05", None],
            **{f"d{i}": ["2026-03-01", "2026-03-02", f"2026-0{i}-05"] for i in (4, 5, 6)},
        }
    )
    encoding = fit_encoding(table, missing="fill")
    spans = [code for code in encoding.parts if code.kind == "days"]
    assert [code.name for code in spans] == [
        "days from opened to closed",
        "days from closed to d4",
        "days from d4 to d5",
    ]
    # 3 and 31 days; the missing one is filled with their median, 17.
    place = encoding.slices[encoding.features.index(spans[0])]
    np.testing.assert_allclose(encoding.encode(table)[:, place].ravel(), [0, 1, 0.5])
    masked = fit_encoding(table, missing="mask").encode(table)[:, place]
    assert np.isnan(masked).ravel().tolist() == [False, False, True]


def test_what_dates_tell_can_be_dropped_and_a_wrong_name_is_told():
    table = table_from_columns({"c": WEEK})
    assert fit_encoding(table, Roles(drop=("c: weekday",))).parts == ()
    with rejected(file="table", column="c: hour"):
        fit_encoding(table, Roles(drop=("c: hour",)))


def test_a_name_that_is_taken_is_not_taken_again():
    table = table_from_columns({"c": WEEK, "c: weekday": [i / 2 for i in range(7)]})
    assert [code.name for code in fit_encoding(table).parts] == ["c: weekday_"]


def test_an_encoding_of_dates_survives_json_and_damaged_ones_do_not():
    times = [f"{day}T{hour:02}:30" for hour, day in enumerate(WEEK)]
    table = table_from_columns({"a": times, "b": times[::-1]})
    encoding = fit_encoding(table)
    assert len(encoding.parts) == 5
    data = encoding.to_json()
    assert Encoding.from_json(json.loads(json.dumps(data))) == encoding
    for i, change in [
        (0, {"part": "month"}),
        (0, {"fill": 7}),
        (0, {"source": "c"}),
        (4, {"start": ""}),
        (4, {"span": 0.0}),
        (0, {"kind": "number"}),
        (0, {"name": "a"}),
    ]:
        parts = [dict(part) for part in data["parts"]]
        parts[i] |= change
        with rejected(ValueError):
            Encoding.from_json({**data, "parts": parts})
    columns = [{**column, "order": "ydm"} for column in data["columns"]]
    with rejected(ValueError, column="a"):
        Encoding.from_json({**data, "columns": columns})


# What is said of them


def mean_of(code, *levels):
    return code.encoded_levels[list(levels)].mean(axis=0)[None]


def test_the_usual_weekdays_are_the_arc_whose_mean_a_prototype_is():
    weekday = CycleCode("c: weekday", "", "c", "weekday", 0)
    assert weekday.usual(mean_of(weekday, 0, 1, 2, 3, 4)) == "Monday to Friday"
    assert weekday.usual(mean_of(weekday, 5, 6)) == "Saturday to Sunday"
    assert weekday.usual(mean_of(weekday, 6, 0)) == "Sunday to Monday"
    assert weekday.usual(mean_of(weekday, 2)) == "Wednesday"
    assert weekday.usual(mean_of(weekday, *range(7))) == "any weekday"
    both = np.vstack([mean_of(weekday, 4), mean_of(weekday, 0)])
    assert weekday.usual(both) == "Friday to Monday"
    hour = CycleCode("c: hour", "", "c", "hour", 0)
    minutes = hour.circle[8 * 60 : 18 * 60].mean(axis=0)[None]
    assert hour.usual(minutes) == "08:00 to 18:00"
    night = np.vstack([hour.circle[23 * 60 :], hour.circle[:60]]).mean(axis=0)[None]
    assert hour.usual(night) == "23:00 to 01:00"
    assert hour.usual(hour.circle[1439:]) == "23:00 to 24:00"


@pytest.fixture(scope="module")
def accounts():
    """Accounts opened on working days and closed a year later, but for two."""
    rng = np.random.default_rng(0)
    opened = np.datetime64("2024-01-01") + 7 * rng.integers(0, 50, 300) + rng.integers(0, 5, 300)
    days = rng.integers(200, 400, 300)
    opened[7], days[9] = np.datetime64("2024-06-09"), 3
    amount = rng.normal(100, 10, 300).round(2)
    closed = opened + days
    table = table_from_columns(
        {
            "opened": [f"{day:%d.%m.%Y}" for day in opened.tolist()],
            "closed": [f"{day:%d.%m.%Y}" for day in closed.tolist()],
            "amount": amount,
        }
    )
    return table, SOMDetector(contamination=0.2, random_state=0).fit(table)


def test_reasons_say_weekdays_and_days_between(accounts):
    table, detector = accounts
    assert detector.alerts(table, 1).rows[0] == 9
    listed = detector.reasons(table.take([7, 9]))
    reasons = {row: {r.column: r for r in one} for row, one in zip((7, 9), listed, strict=True)}
    sunday = reasons[7]["opened: weekday"]
    assert (sunday.value, sunday.at) == ("Sunday", None)
    assert sunday.usual.startswith("Monday to ")
    short = reasons[9]["days from opened to closed"]
    assert short.value == "3"
    low, high = (float(end) for end in short.usual.split(" to "))
    assert 200 <= low < high <= 400


def test_counterfactuals_change_dates_that_are_possible(accounts):
    table, detector = accounts
    columns = {c.name: list(c.cells) for c in table.columns}
    for row in (7, 9):
        (found,) = detector.counterfactuals(table.take([row]))
        assert found.changes
        assert {change.column for change in found.changes} <= set(table.names)
        for change in found.changes:
            if change.column == "opened":  # a day later, it is another weekday
                assert change.within.low == change.within.high == change.to
        changed = {name: [cells[row]] for name, cells in columns.items()}
        for change in found.changes:
            changed[change.column] = [str(change.to)]
        made = table_from_columns(changed)
        assert -detector.score_samples(made)[0] == pytest.approx(found.score, rel=1e-9)
        assert detector.predict(made)[0] == 1


def test_a_date_column_is_shown_in_pictures_and_regions(accounts):
    table, detector = accounts
    map_ = detector.map_
    assert set(map_.plane("opened: weekday")) <= set(CycleCode("", "", "", "weekday", 0).levels)
    assert 100 < np.median(map_.plane("days from opened to closed")) < 400
    page = _columns_of_report(detector, table)
    weekday = next(c for c in page if c["name"] == "opened: weekday")
    # Bars in the order of the week; only one Sunday.
    assert weekday["levels"][:2] == ["Monday", "Tuesday"]
    assert weekday["counts"][-1] == 1
    assert sum(weekday["counts"]) == 300


def _columns_of_report(detector, table):
    from somscape import report

    return report.build(detector, table, detector.alerts(table, 3))["columns"]


def test_a_table_encoder_gives_dates_back():
    frame = table_from_columns({"c": ["05.01.2026", "08.01.2026", None]})
    encoder = TableEncoder(missing="fill").fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert back.column("c").cells.tolist()[:2] == ["2026-01-05", "2026-01-08"]
    names = encoder.get_feature_names_out().tolist()
    assert names == ["c", "c: weekday (cos)", "c: weekday (sin)"]


def test_a_slip_among_dates_is_named_and_not_taken_for_a_name():
    days = [f"{1 + i % 28:02d}.{1 + i // 28:02d}.2025" for i in range(200)]
    days[150] = "31.02.2025"
    table = table_from_columns({"day": days, "x": np.arange(200.0) ** 2 % 17})
    code = fit_encoding(table).columns[0]
    assert code.kind == "dropped"
    assert code.why.startswith("dates but for '31.02.2025' at table, row 150")
    assert any("dates but for" in note for note in notes_of(fit_encoding(table)))
    names = table_from_columns({"who": [f"name {i}" for i in range(200)], "x": np.arange(200.0)})
    assert "like a name" in fit_encoding(names, Roles(numbers=("x",))).columns[0].why


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-07-21", "2026-07-21"),
        ("2026-07-21T15:31:00", "2026-07-21 15:31"),
        ("2026-07-21T00:00:00", "2026-07-21 00:00"),
        ("2026-07-21T15:31:20", "2026-07-21 15:31:20"),
        ("2026-07-21T15:31:00.000000", "2026-07-21 15:31"),
        ("2026-07-21T15:31:20.250000", "2026-07-21 15:31:20.25"),
    ],
)
def test_moments_are_plain_dates_and_times(moment, said):
    assert moment_text(np.datetime64(moment)) == said


def test_usual_moments_have_seconds_only_if_they_are_within_an_hour():
    moments = np.array(
        ["2026-07-21T15:31:10", "2026-07-21T15:40:20", "2026-07-25T22:53:49"], "M8[s]"
    )
    code = DateCode.fit(dates_of(table_from_columns({"when": moments}).columns[0], "dmy"), "")
    encoded = code.place(moments)[:, None]
    assert code.usual(encoded) == "2026-07-21 15:31 to 2026-07-25 22:53"
    assert code.usual(encoded[:2]) == "2026-07-21 15:31:10 to 2026-07-21 15:40:20"
    assert code.text(encoded[0]) == "2026-07-21 15:31:10"
