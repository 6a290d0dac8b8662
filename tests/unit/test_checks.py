"""Checks of columns: one table for each kind, and a near miss that must not be reported."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somscape.checks import Check, check
from somscape.checks._columns import Fact
from somscape.checks.check import _chosen
from somscape.tables import table_from_columns, write_csv

N = 400


def drawn(seed=0):
    return np.random.default_rng(seed)


def found(kind, columns, **parameters):
    return [each for each in check(table_from_columns(columns), **parameters) if each.kind == kind]


def ages(seed=0, n=N):
    return drawn(seed).integers(21, 75, n).astype(object)


def amounts(seed=0, n=N):
    return np.round(np.exp(drawn(seed).normal(5, 1, n)), 2).astype(object)


def with_value(values, row, value):
    values = np.array(values, dtype=object)
    values[row] = value
    return values


def test_lone_extremes_name_the_next_value_and_the_row():
    (high,) = found("extreme", {"a": with_value(ages(), 6, 127)})
    assert str(high) == "a 127 (next 74): row 7"
    assert (high.n_obey, high.n_rows, high.rows) == (N - 1, N, (6,))
    (low,) = found("extreme", {"a": with_value(ages(), 6, 2)})
    assert str(low) == "a 2 (next 21): row 7"
    assert not found("extreme", {"a": with_value(ages(), 6, 80)})
    assert not found("extreme", {"a": amounts()})  # a long tail has no lone extreme
    (date,) = found("extreme", {"a": with_value(days(), 5, "2011-01-03")})
    assert str(date).startswith("a 2011-01-03 (next 2024-01-0")
    incomes = np.round(np.exp(drawn().normal(8.3, 0.5, N)), 2).astype(object)
    (low,) = found("extreme", {"a": with_value(incomes, 6, 1.0)})
    assert str(low) == "a 1 (next 610.25): row 7"  # the next incomes are 851, 927 and 1,213
    assert not found("extreme", {"a": incomes})
    gains = np.concatenate([np.zeros(2 * N), with_value(incomes, 6, 3.0)]).astype(object)
    assert not found("extreme", {"a": gains})  # the most common value is even lower
    even = [*np.linspace(500, 1000, N), *[2600.0] * 2 * N, 2500.0]
    (high,) = found("extreme", {"a": with_value(even, 5, 1e6)})  # not 2500, which is below 2600
    assert high.rows == (5,)


def days(seed=0, n=N, first="2024-01-01", width=300):
    moments = np.datetime64(first) + drawn(seed).integers(0, width, n)
    return np.array([str(day) for day in moments], dtype=object)


def test_rare_negative_values():
    (low,) = found("negative", {"a": with_value(amounts(), 6, -120)}) or found(
        "extreme", {"a": with_value(amounts(), 6, -120)}
    )
    assert low.ids == ("7",)
    values = amounts()
    values[:40] = -values[:40]
    assert not found("negative", {"a": values})


@pytest.mark.parametrize("code", [-999, 9999, -1])
def test_codes_for_missing_values(code):
    values = ages()
    values[::12] = code
    (one,) = found("missing code", {"a": values})
    assert f"a {code} (next" in one.text
    assert one.ids[:2] == ("1", "13")
    assert one.n_rows - one.n_obey == len(values[::12])


def test_codes_among_usual_values_are_no_codes():
    assert not found("missing code", {"a": with_value(drawn().integers(0, 12_000, N), 3, 9999)})
    assert not found("missing code", {"a": drawn().integers(-1, 5, N)})
    assert not found("missing code", {"a": drawn().poisson(3, N)})


def test_dates_that_mean_a_missing_value():
    (one,) = found("missing code", {"a": with_value(days(), slice(3, 5), "1900-01-01")})
    assert one.ids == ("4", "5")
    assert not found("missing code", {"a": days()})


def test_ids_that_occur_twice():
    (number,) = found(
        "id twice", {"a": with_value(np.arange(1000, 1000 + N), 9, 1003), "b": ages()}
    )
    assert number.text == "a 1003 occurs in several rows"
    assert number.ids == ("4", "10")
    texts = [f"K{i:05}" for i in range(N)]
    (text,) = found("id twice", {"a": with_value(texts, 9, "K00003"), "b": ages()})
    assert text.ids == ("4", "10")
    assert not found("id twice", {"a": texts, "b": ages()})
    assert not found("id twice", {"a": drawn().integers(0, 10**5, N)})  # amounts


def rows_of(n=N):
    return {
        "id": np.arange(n) + 500,
        "a": amounts(1, n),
        "b": amounts(2, n),
        "c": amounts(3, n),
        "d": amounts(4, n),
        "e": ages(5, n),
    }


def test_equal_rows_with_another_id():
    columns = rows_of()
    for name in "abcde":
        columns[name][77] = columns[name][5]
    (one,) = found("equal rows", columns)
    assert sorted(one.ids) == ["6", "78"]
    assert "another id" in one.text
    assert not found(
        "equal rows", {"a": drawn().integers(0, 3, N), "b": drawn(1).integers(0, 3, N)}
    )


def test_rows_that_equal_another_row_except_for_one_value():
    columns = rows_of()
    for name in "abce":
        columns[name][77] = columns[name][5]
    (one,) = found("nearly equal rows", columns)
    assert sorted(one.ids) == ["6", "78"]
    assert one.columns == ("d",)
    columns["b"][77] += 1
    assert not found("nearly equal rows", columns)


def test_rows_of_totals():
    columns = {"a": ages(n=40), "b": amounts(1, 40)}
    columns = {name: [*values, round(sum(values), 2)] for name, values in columns.items()}
    (one,) = found("total row", columns)
    assert one.ids == ("41",)
    columns["a"][-1] += 5
    columns["b"][-1] += 5
    assert not found("total row", columns)
    (named,) = found("total row", {"a": [*("xyz" * 20), "Total"], "b": [*ages(n=60), 70]})
    assert named.ids == ("61",)


def test_dates_in_several_forms():
    (one,) = found("date form", {"a": with_value(days(), slice(2, 4), "03/04/2024")})
    assert one.ids == ("3", "4")
    (serial,) = found("date form", {"a": with_value(days(), 2, "45321")})
    assert serial.ids == ("3",)
    assert not found("date form", {"a": days()})
    day_first = [f"{day[8:]}/{day[5:7]}/{day[:4]}" for day in days()]
    assert not found("date form", {"a": day_first})
    (order,) = found("date form", {"a": with_value(day_first, 2, "04/23/2024")})
    assert order.ids == ("3",)


def test_texts_that_are_no_dates():
    (one,) = found("date form", {"a": with_value(days(), 2, "2024-02-30")})
    assert one.text == "a '2024-02-30' is not a date"
    assert one.ids == ("3",)


def test_excel_serial_dates():
    assert found("serial date", {"a": drawn().integers(45_000, 45_900, N)})
    assert not found("serial date", {"a": drawn().integers(38, 48, N) * 1000})
    assert not found("serial date", {"a": drawn().integers(10_000, 90_000, N)})


def test_future_dates():
    (one,) = found("future date", {"a": with_value(days(), 2, "2093-01-05")})
    assert one.ids == ("3",)
    (near,) = found(
        "future date", {"a": with_value(days(first="2012-01-01", width=5000), 2, "2030-01-05")}
    )
    assert near.ids == ("3",)
    assert not found("future date", {"a": days(first="2092-01-01")})


def test_values_outside_a_range():
    shares = np.round(drawn().random(N), 3)
    (one,) = found("range", {"a": with_value(shares, 2, 1.2)})
    assert one.ids == ("3",)
    (per_cent,) = found("range", {"a": with_value(np.round(100 * shares), 2, 108)})
    assert per_cent.ids == ("3",)
    assert not found("range", {"a": np.round(drawn().normal(0.5, 0.17, 2000), 3)})


def test_steps():
    (one,) = found("step", {"a": with_value(drawn().integers(1, 60, N) * 10_000, 2, 5000)})
    assert one.text == "a 5000 is not a multiple of 10,000"
    assert one.ids == ("3",)
    (whole,) = found("step", {"a": with_value(ages(), 2, 43.5)})
    assert whole.text == "a 43.5 is not a whole number"
    assert not found("step", {"a": drawn().integers(1, 60_000, N)})


def test_amounts_off_by_a_factor_in_their_group():
    price = {f"p{i}": 1.7**i for i in range(12)}
    names = drawn().choice([*price], N)
    amount = [
        round(price[name] * x, 2)
        for name, x in zip(names, drawn(1).uniform(0.9, 1.1, N), strict=True)
    ]
    assert not found("factor", {"product": names, "amount": amount})
    (one,) = found(
        "factor", {"product": names, "amount": with_value(amount, 2, round(amount[2] * 100, 2))}
    ) or found(
        "extreme", {"product": names, "amount": with_value(amount, 2, round(amount[2] * 100, 2))}
    )
    assert one.ids == ("3",)
    row = list(names).index("p8")
    (small,) = found(
        "factor", {"product": names, "amount": with_value(amount, row, round(amount[row] / 10, 2))}
    )
    assert small.ids == (str(row + 1),)
    assert "10 times less" in small.text


def bills(n=4000):
    level = np.exp(drawn().normal(8, 1.5, n))
    return {
        f"m{i}": np.round(level * np.exp(drawn(i).normal(0, 0.02, n))).astype(object)
        for i in range(4)
    }


def test_numbers_off_by_a_factor_or_a_sign_beside_similar_columns():
    columns = bills()
    assert not found("factor", columns)
    assert not found("sign", columns)
    row = int(np.argmax(columns["m0"] > 20_000))
    columns["m2"][row] = round(columns["m2"][row] / 10)
    (one,) = found("factor", columns) or found("ratio", columns)
    assert one.ids == (str(row + 1),)
    columns = bills()
    columns["m2"][row] = -columns["m2"][row]
    (sign,) = found("sign", columns) or found("extreme", columns)
    assert sign.ids == (str(row + 1),)


def test_sums_products_and_ratios():
    net, tax = amounts(1), amounts(2)
    gross = np.round((net + tax).astype(float), 2)
    assert not found("sum", {"net": net, "tax": tax, "gross": gross})
    (one,) = found(
        "sum", {"net": net, "tax": tax, "gross": with_value(gross, 7, round(gross[7] + 3, 2))}
    )
    assert one.ids == ("8",)
    assert one.n_obey == N - 1
    count = drawn().integers(1, 40, N).astype(object)
    total = np.round((net * count).astype(float), 2)
    (times,) = found(
        "sum", {"n": count, "price": net, "total": with_value(total, 7, total[7] + 50)}
    )
    assert times.ids == ("8",)
    assert "n x price" in times.text
    vat = np.round(net.astype(float) * 0.19, 2)
    (ratio,) = found("ratio", {"net": net, "vat": with_value(vat, 7, vat[7] + 9)})
    assert ratio.ids == ("8",)
    said = re.fullmatch(
        r"vat is not 0.19 x net \(vat is ([\d.]+), the product is ([\d.]+)\)", ratio.text
    )
    assert said is not None
    assert [*map(float, said.groups())] == pytest.approx([vat[7] + 9, vat[7]], abs=0.01)
    assert not found("sum", {"a": amounts(1), "b": amounts(2), "c": amounts(3)})


def test_sums_of_many_columns():
    columns = {f"m{i}": amounts(i) for i in range(6)}
    total = np.round(np.sum([*columns.values()], axis=0).astype(float), 2)
    assert not found("sum", columns | {"all": total})
    (one,) = found("sum", columns | {"all": with_value(total, 3, round(total[3] - 20, 2))})
    assert one.ids == ("4",)
    assert one.text.startswith("all is not m0 + ... + m5 (all is ")
    assert ", the sum is " in one.text


def test_order_of_two_columns():
    start = drawn().integers(0, 5000, N)
    end = start + drawn(1).integers(0, 60, N)
    both = {"start": np.datetime64("2010-01-01") + start, "end": np.datetime64("2010-01-01") + end}
    both = {name: np.array([str(day) for day in of], dtype=object) for name, of in both.items()}
    assert not found("order", both)
    both["start"][9], both["end"][9] = both["end"][9], both["start"][9]
    (one,) = found("order", both)
    assert one.ids == ("10",)


def test_functional_dependencies():
    zips = drawn().integers(10, 60, N)
    town = np.array([f"town {code % 17}" for code in zips], dtype=object)
    assert not found("dependency", {"zip": zips, "town": town})
    (one,) = found(
        "dependency",
        {"zip": zips, "town": with_value(town, 9, "town 3" if town[9] != "town 3" else "town 4")},
    )
    assert one.ids == ("10",)
    assert not found("dependency", {"zip": zips, "town": drawn(1).choice(["a", "b"], N)})


def test_rules_between_values():
    state = drawn().choice(["open", "paid"], 1000)
    due = np.where(state == "paid", 0, drawn(1).integers(5, 900, 1000))
    assert not found("implication", {"state": state, "due": due})
    row = int(np.argmax(state == "paid"))
    (one,) = found("implication", {"state": state, "due": with_value(due, row, 320)})
    assert one.ids == (str(row + 1),)
    assert one.text == "due is not 0 although state is paid"


def test_an_extreme_of_a_column_without_a_long_tail_needs_no_logarithm():
    rng = drawn()
    years = np.clip(21 + rng.gamma(1.8, 10.0, 1500), 21, 82).round()
    years[7] = 127.0
    (one,) = found("extreme", {"years": years})
    assert one.ids == ("8",)
    assert one.text.startswith("years 127 (next ")
    amounts = np.exp(rng.normal(3, 1, 1500)).round(2)
    amounts[7] = 1.6 * amounts.max()
    assert not found("extreme", {"amount": amounts})


def test_two_broken_rules_are_one_check():
    state = drawn().choice(["open", "paid"], 1000)
    due = np.where(state == "paid", 0, drawn(1).integers(5, 900, 1000))
    left = np.where(state == "paid", 0, drawn(2).integers(5, 900, 1000))
    first, second = np.flatnonzero(state == "paid")[:2].tolist()
    columns = {"due": with_value(due, first, 320), "left": with_value(left, second, 320)}
    (one,) = found("implication", {"state": state, **columns})
    assert one.text == "due is not 0 although state is paid, and 1 rule like this"
    assert {*one.ids} == {str(first + 1), str(second + 1)}


def bills_and_limits(shares, n=3000):
    """Return limits in steps of 10,000 and bills up to a share of the limit."""
    limits = 10_000 * drawn().integers(1, 31, n)
    shares = drawn(1).beta(1.5, 1.5, n) * np.where(limits < limits.mean(), *shares)
    return {"limit": limits, "bill": np.round(shares * limits)}


@pytest.mark.parametrize(("shares", "limit"), [((1.2, 1.2), 10_000), ((30.0, 1.2), 200_000)])
def test_a_ratio_far_above_its_bound(shares, limit):
    columns = bills_and_limits(shares)
    assert not found("ratio", columns)
    columns["limit"][9], columns["bill"][9] = limit, 5.5 * limit
    (one,) = found("ratio", columns)
    assert one.ids == ("10",)
    assert one.text.startswith(f"bill {5.5 * limit:,.0f} is 5.5 times limit (next 1.")


def test_one_value_in_many_columns():
    columns = {f"p{i}": drawn(i).integers(100, 90_000, N).astype(object) for i in range(6)}
    assert not found("repeated", columns)
    for values in columns.values():
        values[4] = 9999
    (one,) = found("repeated", columns)
    assert one.ids == ("5",)
    assert one.text.startswith("9999 in 6 columns")


def test_forms_and_spellings_of_texts():
    codes = [f"AB-{i:04}" for i in drawn().integers(0, 150, N)]
    (form,) = found("text form", {"a": with_value(codes, 3, "AB0007")})
    assert form.ids == ("4",)
    assert not found("text form", {"a": codes})
    towns = drawn().choice(["Hamburg", "Bremen", "Berlin"], N)
    (same,) = found("spelling", {"a": with_value(towns, 3, "Hambrug")})
    assert same.ids == ("4",)
    assert "looks like 'Hamburg'" in same.text
    assert not found("spelling", {"a": with_value(towns, 3, "Hannover")})


def test_clean_noise_has_no_checks():
    rng = drawn()
    columns = {f"n{i}": rng.normal(size=2000) for i in range(6)}
    columns |= {f"l{i}": np.exp(rng.normal(size=2000)) for i in range(6)}
    columns |= {f"c{i}": rng.choice(["a", "b", "c"], 2000) for i in range(4)}
    assert len(check(table_from_columns(columns))) <= 1


def test_ids_keys_and_json_of_checks(tmp_path):
    columns = {"customer": [f"K{i}" for i in range(N)], "age": with_value(ages(), 6, 127)}
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        write_csv(file, columns)
    (one,) = check(path, id="customer")
    assert isinstance(one, Check)
    assert str(one) == "age 127 (next 74): customer K6"
    assert one.key == "extreme|age|K6"
    assert one.to_json()["sentence"] == str(one)
    assert check(path, id="customer", label="age") == []


def test_checks_are_at_most_25():
    rng = drawn()
    columns = {f"c{i}": with_value(rng.integers(20, 80, N), i, 500 + i) for i in range(60)}
    assert len(check(table_from_columns(columns))) == 8  # of one kind


CELLS = st.one_of(
    st.none(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=True, allow_infinity=False),
    st.sampled_from(
        ["", "a", "Total", "1900-01-01", "2024-02-30", "3/4/24", "-999", "1,5", "x y z"]
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=5), st.integers(1, 80)
)
def test_odd_tables_do_not_fail(columns, n):
    table = {
        f"c{i}": [values[j % len(values)] for j in range(n)] for i, values in enumerate(columns)
    }
    table["again"] = table["c0"]
    for each in check(table_from_columns(table)):
        assert 0 <= each.n_obey <= each.n_rows
        assert len(each.ids) <= 5


def test_extreme_values_are_also_in_a_column_only_in_the_same_rows():
    def fact(column, rows, strength):
        return Fact("extreme", (column,), column, np.array(rows), 100, strength)

    facts = [fact("age", [1, 2], 30.0), fact("debt", [3], 20.0), fact("income", [2, 3], 10.0)]
    assert [each.text for each in _chosen(facts)] == ["age", "debt"]
    facts[2] = fact("income", [3], 10.0)
    assert [each.text for each in _chosen(facts)] == ["age", "debt, also in income"]


def test_equal_rows_with_the_same_id_are_not_said_to_have_another_id():
    rng = np.random.default_rng(0)
    columns = {
        "id": [f"A{i}" for i in range(400)],
        **{name: rng.normal(size=400).round(4) for name in "xyz"},
    }
    for row, same, is_same_id in ((7, 300, True), (9, 310, False)):
        for name, cells in columns.items():
            if name != "id" or is_same_id:
                cells[same] = cells[row]
    said = [str(each) for each in check(table_from_columns(columns), id="id")]
    assert "2 rows equal another row but have another id: id A9, A310" in said
    assert "id A7 occurs in several rows: rows 8, 301" in said
