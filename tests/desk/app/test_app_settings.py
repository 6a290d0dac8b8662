"""What a page sends: whatever it is, it becomes settings that can be used, or is refused."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape.desk.app._context import MAX_NAME, shown_name
from somscape.desk.app._settings import (
    RunSettings,
    checked_settings,
    default_settings,
    features_of,
    job_of,
    settings_of,
    text_of,
)
from somscape.desk.app._work import describe
from somscape.desk.jobs._detect import rule_of
from somscape.desk.jobs._roles import find_label, roles_from
from somscape.errors import InputError
from somscape.outliers import AlertRule
from somscape.tables import per, table_from_columns

TABLE = table_from_columns(
    {
        "key_id": [f"k{i}" for i in range(12)],
        "a=b": list(range(12)),
        "kind": ["x", "y", "z"] * 4,
        "outcome=yes": ["no", "no=never", "no"] * 4,
        "day": [f"2026-01-{i + 1:02d}" for i in range(12)],
        "empty": [None] * 12,
    }
)
FACTS = describe(TABLE)
DEFAULT = default_settings(FACTS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = sorted(DEFAULT.to_json())
NUMBERS = st.sampled_from([str(i) for i in range(-1, 7)])
KINDS = st.dictionaries(
    NUMBERS, st.sampled_from(["drop", "category", "number", "ordinal", "date", "id", ""])
)


def use(settings: RunSettings) -> None:
    """Take settings as a job does, up to the training."""
    job = job_of(settings, FACTS)
    roles_from(TABLE, job).check(TABLE)
    find_label(TABLE, job.label)
    rule_of(job, TABLE)


@given(
    st.dictionaries(st.sampled_from(NAMES), JSON)
    | st.fixed_dictionaries(
        {},
        optional={
            "id": st.integers(-1, 6) | st.none(),
            "label": st.integers(-1, 6) | st.none(),
            "value": st.sampled_from(["x", "no", "no=never", "7"]) | st.none(),
            "kinds": KINDS,
            "alerts": st.integers(0, 13) | st.none(),
            "contamination": st.floats(0, 1) | st.none(),
        },
    )
    | JSON
)
def test_whatever_comes_is_settings_or_refused(given: Any) -> None:
    with contextlib.suppress(InputError):
        use(checked_settings(given, FACTS, DEFAULT))


def test_defaults_can_be_used() -> None:
    settings = checked_settings({}, FACTS, DEFAULT)
    assert (settings.id, settings.label) == (0, None)
    assert (settings.alerts, settings.contamination) == (None, None)
    use(settings)
    assert rule_of(job_of(settings, FACTS), TABLE) == AlertRule()


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"contamination": None}, AlertRule()),
        ({"contamination": 0.2}, AlertRule(above_threshold=True)),
        ({"alerts": 3}, AlertRule(n_alerts=3)),
        ({"alerts": 3, "contamination": None}, AlertRule(n_alerts=3)),
        ({"alerts": 3, "contamination": 0.2}, AlertRule(n_alerts=3)),
        ({"fdr": 0.2}, AlertRule(fdr=0.2)),
        ({"p_value": 0.01}, AlertRule(p_value=0.01)),
        ({"amount": 1, "cost": 10}, AlertRule(amount="a=b", cost=10)),
    ],
    ids=str,
)
def test_settings_say_which_rows_are_listed(given: dict[str, Any], rule: AlertRule) -> None:
    settings = checked_settings(given, FACTS, DEFAULT)
    assert rule_of(job_of(settings, FACTS), TABLE) == rule


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": None}, {"id_column": None, "drop": ("key_id",)}),
        ({"id": 0}, {"id_column": "key_id", "drop": ()}),
        ({"label": 3, "value": "no=never"}, {"label": "outcome=yes=no=never"}),
        ({"kinds": {"1": "ordinal", "4": "date"}}, {"ordinal": ("a=b",), "date": ("day",)}),
        (
            {"kinds": {"2": "ordinal"}, "orders": {"2": " z<y<x "}},
            {"ordinal": ("kind=z<y<x",)},
        ),
        # A column that has become the id or the label keeps no other kind.
        ({"id": 0, "kinds": {"0": "drop"}}, {"id_column": "key_id", "drop": ()}),
        ({"delimiter": "tab", "decimal": ","}, {"delimiter": "tab", "decimal": ","}),
        ({"sheet": "2"}, {"sheet": "2"}),
        ({"header": 3}, {"header": 3}),
        # Customers are named by their column, so that no other names the rows.
        (
            {"id": 0, "per": [2]},
            {"id_column": None, "per": ("kind",), "drop": ("key_id",), "category": ()},
        ),
    ],
    ids=str,
)
def test_settings_are_said_as_options(given: dict[str, Any], expected: dict[str, Any]) -> None:
    job = job_of(checked_settings(given, FACTS, DEFAULT), FACTS)
    assert {name: getattr(job, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"alerts": 3, "fdr": 0.1}, "in two ways"),
        ({"fdr": 1.5}, "above 0 and at most 1"),
        ({"p_value": True}, "above 0 and at most 1"),
        ({"amount": 1}, "the column with the amount at stake"),
        ({"amount": 1, "cost": 0}, "above 0"),
        ({"amount": 9, "cost": 1}, "'amount' must be a whole number"),
        ({"per": 2}, "'per' of the settings must be a list, but is 2"),
        ({"per": [2, 2]}, "different columns"),
        ({"per": [3], "label": 3}, "Choose two columns"),
        ({"sheet": ""}, "'sheet' must be the name"),
        ({"header": 0}, "a whole number from 1"),
        ({"header": "3"}, "a whole number from 1"),
    ],
    ids=str,
)
def test_what_cannot_be_a_rule_or_a_customer_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked_settings(given, FACTS, DEFAULT)


def test_settings_come_back_from_the_database() -> None:
    before = RunSettings(author="ann", instead_of=2)
    settings = RunSettings(
        **{"kinds": {"1": "drop"}, "per": (2,), "told": ("a note",), "amount": 1, "cost": 10},
        **{"roles": ("[columns]", "r.toml"), "before": before},
    )
    saved = json.loads(json.dumps(settings.to_json()))
    assert msgspec.convert(saved, RunSettings) == settings
    assert "--cost 10 " in job_of(settings, FACTS).command(["detect", "t.csv"], "DIR")


@pytest.mark.parametrize(
    "given", [{"author": "eve"}, {"instead_of": 1}, {"roles": ["", ""]}, {"before": {}}], ids=str
)
def test_a_page_cannot_set_what_the_app_sets(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be an object with some of alerts"):
        checked_settings(given, FACTS, DEFAULT)


def test_columns_say_what_they_may_be() -> None:
    may_be = {column["name"]: column["may_be"] for column in FACTS["columns"]}
    assert may_be == {
        "key_id": ["category", "ordinal"],
        "a=b": ["number", "category", "ordinal"],
        "kind": ["category", "ordinal"],
        "outcome=yes": ["category", "ordinal"],
        "day": ["category", "ordinal", "date"],
        "empty": [],
    }
    examples = FACTS["columns"][4]["examples"]
    assert examples == [f"2026-01-0{i}" for i in range(1, 6)]
    assert FACTS["columns"][3]["levels"] == [["no", 8], ["no=never", 4]]


def test_a_table_that_no_page_can_show_is_refused() -> None:
    wide = table_from_columns({f"c{i}": [i, 2 * i + 1] for i in range(5001)})
    with rejected(file="table"):
        describe(wide)
    long = table_from_columns({"x" * 6_000_000: [1, 2]})
    with rejected(file="table"):
        describe(long)


@given(st.text())
def test_a_name_is_shown_in_one_line_whatever_it_is(name: str) -> None:
    shown = shown_name(name)
    assert shown.isprintable()
    assert len(shown) <= MAX_NAME
    assert not set(shown) & {"/", "\\"}


def test_rules_of_the_page_are_those_of_the_command_line() -> None:
    rules = {"always": ["big: [a=b] > 1"], "never": ["[a=b] < -1"], "floor": [], "direction": []}
    settings = checked_settings(rules, FACTS, DEFAULT)
    job = job_of(settings, FACTS)
    assert roles_from(TABLE, job).rules == {
        "always": ("big: [a=b] > 1",),
        "never": ("[a=b] < -1",),
    }
    text = text_of(settings, FACTS, "t.csv")
    assert settings_of(text, "roles.toml", DEFAULT, FACTS).rules == settings.rules
    assert settings_of("[columns]\n", "roles.toml", settings, FACTS).rules == {}


@pytest.mark.parametrize(
    "given",
    [{"always": ["a >"]}, {"floor": ["a"]}, {"never": "a > 1"}, {"always": ["x" * 1001]}],
    ids=str,
)
def test_a_wrong_rule_of_the_page_is_refused(given: dict[str, Any]) -> None:
    with rejected():
        checked_settings(given, FACTS, DEFAULT)


def test_the_features_of_customers_are_known_before_they_are_computed() -> None:
    rows = {
        "tx": [f"T{i}" for i in range(24)],
        "who": ["a", "b", "c"] * 8,
        "date": [f"2026-07-{i + 1:02d}" for i in range(24)],
        "time": [f"{i:02d}:{i * 7 % 60:02d}" for i in range(24)],
        "amount": [i * i + 0.5 for i in range(24)],
        "channel": ["x", "x", "y", "z"] * 6,
        "device": [f"d{i % 9}" for i in range(24)],
        "balance": [(-1) ** i * i * 0.5 for i in range(24)],
        "n_items": [i // 3 % 4 for i in range(24)],
    }
    table = table_from_columns(rows)
    facts = describe(table)
    settings = checked_settings({"per": [1]}, facts, default_settings(facts))
    names = features_of(settings, facts)
    made = per(table, "who", kept=["tx"]).made
    assert {name for name in made if made[name].kind != "date"} == {*names}
    assert "share at night" in names
    assert not any("tx" in name for name in names)

    less = checked_settings(
        {"kinds": {"5": "drop"}, "left_out": ["share at night"]}, facts, settings
    )
    assert not any("channel" in name for name in features_of(less, facts))
    assert job_of(less, facts).drop == ("channel", "share at night")
    limits = checked_settings({"just_below": ["amount=100"]}, facts, less)
    assert job_of(limits, facts).just_below == ("amount=100",)
    single = checked_settings({"per": []}, facts, limits)
    assert job_of(single, facts).just_below == ()
    assert job_of(single, facts).drop[-1:] != ("share at night",)
