"""The sentence and the short rule of a region, against the rows that they speak of."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somscape import SOM, Lattice, Map, TableEncoder
from somscape.regions import Regions, find_regions
from somscape.regions.regions import _shortest
from somscape.tables import Encoding, table_from_columns


def two_regions(columns, is_first, **options):
    """Two regions of one unit each, described by rows of which each lies on its own."""
    table = table_from_columns(columns)
    encoder = TableEncoder(**options).fit(table)
    rows = np.asarray(encoder.transform(table))
    codebook = np.array([rows[is_first].mean(axis=0), rows[~is_first].mean(axis=0)])
    map_ = Map(codebook, Lattice(1, 2), encoder.encoding_, np.array([9.0, 9.0]))
    units = np.where(is_first, 0, 1)
    return Regions(map_, np.array([0, 1])).describe(table, units=units)


def test_a_rule_by_hand():
    """Of four rows with A over 500 and "t", three lie in the region; of four others, none."""
    columns = {
        "A14": [100.0, 480, 520, 900, 800, 700, 20, 30],
        "A8": ["t", "t", "t", "t", "t", "f", "t", "f"],
    }
    is_first = np.array([0, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
    first, _ = two_regions(columns, is_first, categories=["A8"])
    assert str(first.rule) == "A14 > 500 and A8 = t: 100 % of its rows, 0 % elsewhere"
    above, levels = first.rule.conditions
    assert (above.column, above.above, above.up_to, above.levels) == ("A14", 500.0, None, ())
    assert (levels.column, levels.above, levels.levels) == ("A8", None, ("t",))
    # Wilson, 3 of 3 and 0 of 5: the ends by his formula, z = 1.96.
    assert first.rule.inside_within == pytest.approx((0.4385, 1.0), abs=1e-4)
    assert first.rule.outside_within == pytest.approx((0.0, 0.4345), abs=1e-4)
    assert first.share_within == pytest.approx((0.1368, 0.6943), abs=1e-4)
    assert first.sentence.startswith("high A14, A8 = t: 3 rows, 38 % of all (14 to 69 %); A14 ")
    assert first.sentence.endswith(". A14 > 500 and A8 = t: 100 % of its rows, 0 % elsewhere.")


def test_limits_below_and_above_one_column():
    values = np.arange(100.0)
    first, second = two_regions(
        {"x": values, "y": values % 7}, (values >= 30) & (values < 60), numbers=["x", "y"]
    )
    assert first.rule.text == "29 < x <= 59"
    assert (first.rule.inside, first.rule.outside) == (1.0, 0.0)
    assert second.rule is None  # "or" is not said


def test_dates_weekdays_and_ordered_levels():
    days = [dt.date(2024, 1, 1) + dt.timedelta(days) for days in range(200)]
    is_late = np.array([day >= dt.date(2024, 4, 1) for day in days])
    late, early = two_regions({"since": days, "x": np.arange(200) % 7}, is_late, dates=["since"])
    assert late.rule.text == "since > 2024-03-31"
    assert early.rule.text == "since <= 2024-03-31"
    some = [day for i, day in enumerate(days) if day.weekday() > 3 or i % 3 == 0]
    is_weekend = np.array([day.weekday() >= 5 for day in some])
    numbers = {"since": some, "x": np.arange(len(some)) % 3}
    weekend, _ = two_regions(numbers, is_weekend, dates=["since"], numbers=["x"])
    assert (
        weekend.rule.text == "since weekday = Saturday or Sunday" or "weekday" in weekend.rule.text
    )
    sizes = np.array(["S", "M", "L", "XL"])[np.arange(200) % 4]
    large, _ = two_regions(
        {"size": sizes, "x": np.arange(200) % 3},
        np.isin(sizes, ["L", "XL"]),
        ordinals={"size": ["S", "M", "L", "XL"]},
    )
    assert large.rule.text == "size > M"


def test_regions_with_the_same_two_largest_differences_have_longer_names():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) + np.repeat([[0, 0, 0], [9, 9, 0], [9, 9, 0.6]], 100, axis=0)
    map_ = Map(X[::100], Lattice(1, 3), Encoding.plain(["x0", "x1", "x2"]), np.full(3, 100.0))
    described = Regions(map_, np.arange(3)).describe(X, units=np.repeat([0, 1, 2], 100))
    first, second, third = (region.name for region in described)
    assert set(first.split(", ")) == {"low x0", "low x1"}
    assert set(second.split(", ")[:2]) == set(third.split(", ")[:2]) == {"high x0", "high x1"}
    assert third.endswith(", high x2")


def test_missing_cells_hold_for_no_condition():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) + np.repeat([[0], [9]], 100, axis=0)
    X[::10, 0] = np.nan
    som = SOM(3, 4, missing="mask", random_state=0).fit(X)
    labels = (som.codebook_[:, 1] > 4.5).astype(int)
    high = Regions(som.map_, labels).describe(X)[1]
    assert high.rule.conditions[0].column == "x1"
    rule = Regions(som.map_, labels).describe(np.column_stack([X[:, 0], X[:, 1] * 0]))
    assert len(rule) == 2


def test_one_region_an_empty_one_and_noise_have_no_rule():
    X = np.random.default_rng(0).normal(size=(300, 2))
    som = SOM(4, 4, random_state=0).fit(X)
    (all_rows,) = find_regions(som).describe(X)
    assert (all_rows.rule, all_rows.sentence) == (None, "all rows: 300 rows.")
    two = find_regions(som, 2)
    empty = two.describe(X[two.of(X) == 0])[1]
    assert empty.rule is None
    assert empty.sentence == "no rows: 0 rows, 0 % of all (0 to 2 %)."
    map_ = Map(np.zeros((2, 1)), Lattice(1, 2), Encoding.plain(["x"]), np.ones(2))
    noise = Regions(map_, np.array([0, 1])).describe(
        np.random.default_rng(0).random((4000, 1)), units=np.arange(4000) % 2
    )
    assert all(each.rule is None for each in noise)


def test_a_number_far_out_moves_no_share():
    rng = np.random.default_rng(0)
    side = np.arange(3000) % 2
    income = rng.normal(size=3000) * 0.1 + 3 * side
    income[0] = 5e9
    high, low = two_regions({"income": income, "x": rng.normal(size=3000)}, side == 1)
    assert str(high.rule) == "income > 2: 100 % of its rows, 0 % elsewhere"
    assert str(low.rule) == "income <= 2: 100 % of its rows, 0 % elsewhere"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1.0, 1e-6, 1e9]),
    st.booleans(),
    st.integers(20, 400),
)
def test_shares_are_those_of_the_conditions(seed, unit, is_whole, n):
    """A reader who applies the printed numbers to the table gets the printed shares."""
    rng = np.random.default_rng(seed)
    amount = rng.lognormal(size=n) * 100
    amount = (np.rint(amount) if is_whole else amount) * unit
    columns = {"amount": amount, "job": rng.choice(list("abcd"), n), "age": rng.integers(0, 9, n)}
    is_first = (amount > np.median(amount)) & (columns["job"] != "b") | (rng.random(n) < 0.1)
    if not 0 < is_first.sum() < n:
        return
    first, _ = two_regions(columns, is_first, categories=["job"], numbers=["amount", "age"])
    if first.rule is None:
        return
    holds = np.ones(n, dtype=bool)
    for condition in first.rule.conditions:
        cells = columns[condition.column]
        if condition.levels:
            holds &= np.isin(cells, condition.levels)
        if condition.above is not None:
            holds &= cells > float(f"{condition.above:.15g}")
        if condition.up_to is not None:
            holds &= cells <= float(f"{condition.up_to:.15g}")
    assert first.rule.inside == pytest.approx(holds[is_first].mean(), abs=1e-12)
    assert first.rule.outside == pytest.approx(holds[~is_first].mean(), abs=1e-12)
    assert first.rule.inside > first.rule.outside
    assert len(first.rule.conditions) <= 3


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
def test_the_shortest_number_lies_between(low, width):
    found = _shortest(low, low + width)
    assert low <= found <= low + width


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (480, 520, 500),
        (2, 3, 2),
        (-120, -80, -100),
        (0.0123, 0.0187, 0.018),
        (-1, 1, 0),
        (7, 7, 7),
        (2e-309, 2e-309, 2e-309),
    ],
)
def test_shortest_numbers(low, high, expected):
    assert _shortest(float(low), float(high)) == expected
