"""Rules next to scores: how their texts are read, and which rows of a table obey them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from texts import rejected

from somscape.errors import InputError
from somscape.tables import Table, table_from_columns
from somscape.tables.rules import (
    MAX_PARTS,
    MAX_RULE,
    RULE_KINDS,
    deciding_rules,
    rules_of,
)

TABLE = table_from_columns(
    {
        "amount": [5.0, 20000.0, None, 50.0],
        "merchant": ["payroll", "it's", None, "rent"],
        "gross": [10.1, 3.0, 0.3, 12.02],
        "net": [9.0, 1.0, 0.1, 10.1],
        "tax": [1.1, 1.0, 0.2, 1.92],
        "when": ["2027-03-31 10:00", "2027-04-01 00:00", "2026-01-01 00:00", None],
        "net amount": [1, 0, 0, 2],
        "empty": [None, None, None, None],
        "in": ["a", "b", "c", "d"],
    },
    source="tx.csv",
)


def obeyed(text: str, kind: str = "always", **more: Any) -> list[int]:
    """The numbers of the rows of `TABLE` that obey a rule."""
    found = deciding_rules(rules_of({kind: [text]}), TABLE, **more)
    return np.flatnonzero(found == 0).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("amount > 10000", [1]),
        ("amount >= 50", [1, 3]),
        ("amount <> 50", [0, 1]),
        ("amount == 5", [0]),
        ("amount > -1e-3", [0, 1, 3]),
        ("not amount > 10000", [0, 3]),  # a missing amount obeys neither
        ("amount is missing", [2]),
        ("amount IS NOT MISSING", [0, 1, 3]),
        ("gross != net + tax", [1]),  # 9 + 1.1 is not 10.1 in binary floats
        ("gross = net + tax", [0, 2, 3]),
        ("gross - net - tax = 0", [0, 2, 3]),
        ("abs(gross - net - tax) > 0.5", [1]),
        ("2 * (net + tax) < 3 * gross - 4", [0, 1, 3]),
        ("1 / [net amount] > 0", [0, 3]),  # a division by zero has no result
        ("not 1 / [net amount] > 0", []),
        ('amount / 0 > 1 or "net amount" = 2', [3]),
        ("merchant = 'payroll'", [0]),
        ("merchant != 'payroll'", [1, 3]),
        ("merchant = 'it''s'", [1]),
        ("merchant in ('rent', 'payroll')", [0, 3]),
        ("merchant not in ('rent', 'payroll')", [1]),
        ("[net amount] in (2, -1)", [3]),
        ("merchant = [in]", []),
        ("when < 2027-01-01", [2]),
        ("when <= '2027-03-31'", [0, 2]),  # a day contains its times
        ("when <= '2027-03-31 09:00'", [2]),
        ("when > '2027-03-31T23:00:00+02:00'", [1]),
        ("empty > 5 or empty = 'x' or empty < 2027-01-01", []),
        ("amount > 1 and (merchant = 'rent' or net = 1)", [1, 3]),
        ("amount > 1 or merchant is missing", [0, 1, 2, 3]),
    ],
)
def test_rows_that_obey_are_found(text: str, rows: list[int]) -> None:
    assert obeyed(text) == rows


def test_a_floor_hides_smaller_numbers_only() -> None:
    assert obeyed("amount=50", "floor") == [0]
    assert obeyed("net amount=1.5", "floor") == obeyed("[net amount]=1.5", "floor") == [0, 1, 2]
    assert rules_of({"direction": ["[net amount]=high"]})[0].column == "net amount"


def test_a_rule_has_its_text_as_name_or_its_own() -> None:
    plain, named = rules_of({"always": ["amount > 1", " large one :amount  >  1 "]})
    assert (plain.name, plain.label, str(plain)) == (
        "amount > 1",
        "always amount > 1",
        "rule: amount > 1",
    )
    assert (named.name, str(named)) == ("large one", "rule large one: amount > 1")
    (time,) = rules_of({"never": ["when > '2027-03-31 10:30' and merchant = 'a: b'"]})
    assert time.name == time.text


def test_the_stronger_rule_decides() -> None:
    texts = {
        "floor": ["amount=60"],
        "never": ["pay: merchant = 'payroll'", "small: amount < 60"],
        "always": ["rent: merchant = 'rent'"],
    }
    rules = rules_of(texts)
    assert [rule.kind for rule in rules] == ["always", "never", "never", "floor"]
    found = deciding_rules(rules, TABLE)
    assert [rules[i].name if i >= 0 else "" for i in found] == ["pay", "", "", "rent"]


def test_a_rule_is_valid_until_the_end_of_its_last_day() -> None:
    text = "merchant = 'payroll' until 2027-03-31"
    (rule,) = rules_of({"never": [text]})
    assert rule.until == "2027-03-31"
    assert obeyed(text, "never", today="2027-03-31T23:59:59") == [0]
    assert obeyed(text, "never", today="2027-04-01") == []


def test_codes_give_the_form_of_columns() -> None:
    table = table_from_columns({"channel": ["4", "x"], "text": ["1,5", "2,5"]})
    (rule,) = rules_of({"always": ["text > 2"]})
    assert deciding_rules([rule], table).tolist() == [-1, 0]
    (rule,) = rules_of({"always": ["channel = 4"]})

    class Code:
        levels = ("3", "4")

    assert deciding_rules([rule], table, {"channel": Code()}).tolist() == [0, -1]


WRONG = [
    ("always", "amont > 1"),
    ("always", "merchant > 5"),
    ("always", "amount > 'x'"),
    ("always", "merchant < 'x'"),
    ("always", "when > 'tomorrow'"),
    ("always", "when > 5"),
    ("always", "merchant + 1 > 5"),
    ("always", "when - 1 > 5"),
    ("always", "zzz = 1"),
]


@pytest.mark.parametrize(("kind", "text"), WRONG)
def test_a_rule_that_does_not_fit_the_table_is_one_line(kind: str, text: str) -> None:
    rules = rules_of({kind: [text]})
    with rejected(parameter=kind, file="tx.csv", value=text) as caught:
        deciding_rules(rules, TABLE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("always", ""),
        ("always", "amount"),
        ("always", "1 > 2"),
        ("always", "amount > 10,000"),
        ("always", "amount > 1 && net > 1"),
        ("always", "!amount > 1"),
        ("always", "net amount > 1"),
        ("always", "a = b = c"),
        ("always", "(amount > 1"),
        ("always", "(amount > 1) + 1 > 2"),
        ("always", "amount and merchant"),
        ("always", "amount > 1e999"),
        ("always", "amount > " + "1" * MAX_RULE),
        ("always", "amount > 1" + " and a > 1" * 90),
        ("always", "amount > " + "(" * 400 + "1" + ")" * 400),
        ("never", "amount > 1 until 2027-02-31"),
        ("never", "amount > 1 until tomorrow"),
        ("floor", "amount"),
        ("floor", "amount=high"),
        ("floor", "amount=nan"),
        ("direction", "amount=up"),
        ("direction", "=high"),
    ],
)
def test_a_text_that_is_not_a_rule_is_one_line(kind: str, text: str) -> None:
    with rejected(parameter=kind) as caught:
        rules_of({kind: [text]})
    assert "\n" not in str(caught.value)


def test_names_of_rules_are_different() -> None:
    with rejected(parameter="never", value="x"):
        rules_of({"always": ["x: a > 1"], "never": ["x: b > 1"]})


PARTS = "amount merchant when [net amount] 'x' 5 -1 2027-03-31 + - * / ( ) < >= = !="
SIGNS = "and or not in is missing until , : abs \" ' [ ] . é \n"
WORDS = st.sampled_from([*PARTS.split(), *SIGNS.split(" ")])


@given(
    st.sampled_from(RULE_KINDS), st.lists(WORDS, max_size=20).map(" ".join) | st.text(max_size=40)
)
@example("always", "not " * 100 + "amount > 1")
@example("always", "-" * 300 + "1 > amount")
@example("always", "amount > 1" + " + 1" * 90)
def test_any_text_is_a_rule_or_one_line(kind: str, text: str) -> None:
    found: Any = None
    try:
        found = rules_of({kind: [text]})
        deciding_rules(found, TABLE)
    except InputError as error:
        found = error
    if isinstance(found, InputError):
        assert "\n" not in str(found)
        assert found.parameter in (kind, None)
    else:
        assert all(len([*rule.condition.walk()]) <= MAX_PARTS for rule in found if rule.condition)


NUMBERS = st.lists(st.none() | st.integers(-3, 3), min_size=1, max_size=8)


@given(NUMBERS, NUMBERS, st.sampled_from(["and", "or"]), st.booleans(), st.integers(-2, 2))
def test_conditions_have_three_values(
    a: list[int | None], b: list[int | None], joint: str, is_not: bool, limit: int
) -> None:
    n = min(len(a), len(b))
    table = table_from_columns({"a": [*a[:n], 1], "b": [*b[:n], 1]})
    inner = f"a / b > {limit} {joint} b != 1"
    (rule,) = rules_of({"always": [f"not ({inner})" if is_not else inner]})
    found = (deciding_rules([rule], table) == 0).tolist()
    assert found == [
        _expected(x, y, joint, is_not, limit) for x, y in zip(*_cells(table), strict=True)
    ]


def _cells(table: Table) -> list[list[float | None]]:
    return [[None if cell is None else float(cell) for cell in c.cells] for c in table.columns]


def _expected(x: float | None, y: float | None, joint: str, is_not: bool, limit: int) -> bool:
    """The same condition with None for what is not known."""
    left = None if x is None or y is None or y == 0 else x / y > limit
    right = None if y is None else y != 1
    decisive = joint == "or"
    if decisive in (left, right):
        found: bool | None = decisive
    else:
        found = None if None in (left, right) else not decisive
    return found is not None and found != is_not


def test_a_column_has_one_direction() -> None:
    with pytest.raises(InputError, match=r"two directions \(a=high and a=low\)"):
        rules_of({"direction": ["a=high", "a=low"]})
    assert len(rules_of({"direction": ["a=high", "b=low"]})) == 2
