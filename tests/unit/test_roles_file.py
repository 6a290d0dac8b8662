"""Roles files: what is written is read again, what is wrong is named, and the next table is met."""

import json
import time
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOM, Map, TableEncoder, load
from somscape.errors import InputError
from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables._roles import (
    overridden,
    pinned,
    read_roles,
    roles_for,
    roles_from_text,
    roles_text,
)
from somscape.tables.kinds import (
    MISSING_CHOICES,
    OTHERS_CHOICES,
    READING,
    ROLE_WORDS,
    SETTINGS,
    Roles,
)

N = 40
COLUMNS: dict[str, Any] = {
    "key_id": [f"k{i}" for i in range(N)],
    "amount": [1.5 * i for i in range(N)],
    "job": ["clerk", None, "nurse", "smith"] * 10,
    "size": ["S", "M", "L", "M"] * 10,
    "since": [f"2026-01-{i % 28 + 1:02d}" for i in range(N)],
    "churned": ["no", "no", "yes", "no"] * 10,
    "same": [1] * N,
}
TABLE = table_from_columns(COLUMNS, source="t.csv")
TOLD = Roles(
    label="churned",
    ordinals={"size": ("S", "M", "L")},
    dates=("since",),
    numbers=("same",),
    label_value="yes",
    reading={"delimiter": ";"},
)

# Written and read

NAMES = st.text(max_size=6) | st.sampled_from(
    [
        "a.b",
        'say "x"',
        "über",
        "a b",
        "",
        "line\nend\r",
        "\x00\x7f",
        "a=1 # no",
        "'",
        "\u202ex",
        "\\",
    ]
)
LEVELS = st.lists(
    st.text(max_size=4) | st.integers(-5, 5) | st.floats(-1e9, 1e9) | st.booleans(),
    min_size=2,
    max_size=4,
    unique_by=str,
).map(tuple)


@st.composite
def any_roles(draw: st.DrawFn) -> Roles:
    """Roles of any columns, and a value for everything else that roles may say."""
    names = iter(draw(st.lists(NAMES, unique=True, max_size=12)))
    said: dict[str, Any] = {}
    for role in ROLE_WORDS:
        default = getattr(Roles(), role)
        if default is None:
            said[role] = next(names, None)
        elif isinstance(default, tuple):
            said[role] = tuple(name for name, _ in zip(names, range(2), strict=False))
        else:
            said[role] = {n: draw(LEVELS) for n, _ in zip(names, range(2), strict=False)}
    choices = {"missing": MISSING_CHOICES, "others": OTHERS_CHOICES}
    for name in SETTINGS:
        if name in choices:
            said[name] = draw(st.sampled_from(choices[name]))
        elif name == "dictionary":
            words = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
            said[name] = draw(st.dictionaries(NAMES, words, max_size=2))
        elif name == "layers":
            columns = st.lists(NAMES, max_size=2).map(tuple)
            said[name] = draw(st.dictionaries(NAMES, columns, max_size=2))
        elif name == "layer_weights":
            weights = st.floats(1e-9, 1e9) | st.integers(1, 9)
            said[name] = draw(st.dictionaries(NAMES, weights, max_size=2))
        elif name == "just_below":
            limits = st.floats(-1e9, 1e9) | st.integers(-9, 9)
            several = st.lists(limits, max_size=3).map(tuple)
            said[name] = draw(st.dictionaries(NAMES, limits | several, max_size=2))
        elif name == "reading":
            texts = [n for n in READING if n != "header"]
            said[name] = draw(st.dictionaries(st.sampled_from(texts), st.text(max_size=3)))
            said[name] |= draw(st.sampled_from([{}, {"header": 3}]))
        elif name == "rules":
            some = st.sampled_from([{}, {"always": ("big: amount > 1",), "floor": ("a b=5",)}])
            said[name] = draw(some)
        elif name == "missing_values":
            said[name] = draw(st.none() | st.lists(st.text(max_size=3)).map(tuple))
        else:
            said[name] = draw(st.none() | st.text(max_size=3))
    if said["label"] is None:
        said["label_value"] = None
    return Roles(**said)


@given(any_roles(), st.dictionaries(NAMES, st.text()), st.lists(st.text(), max_size=2))
def test_what_is_written_is_read_again(
    roles: Roles, comments: dict[str, str], heading: list[str]
) -> None:
    assert roles_from_text(roles_text(roles).encode(), "r.toml") == roles
    text = roles_text(roles, comments, heading)
    again = roles_from_text(text.encode(), "r.toml")
    assert again.by_column() == roles.by_column()  # in the order of the comments
    assert roles_text(again, comments, heading) == text
    assert all(line.isprintable() for line in text.split("\n"))


def test_bare_names_may_be_given_in_any_way_that_toml_has() -> None:
    text = """\ufeff
others = 'drop'
reading.decimal = ","
[columns.size]
kind = "ordinal"
levels = [
    "S",  # small
    "L",
]
[columns]
"a.b" = "number"
'c"d' = "drop"
""".replace("\n", "\r\n")
    expected = Roles(
        ordinals={"size": ("S", "L")},
        numbers=("a.b",),
        drop=('c"d',),
        others="drop",
        reading={"decimal": ","},
    )
    assert roles_from_text(text.encode(), "r.toml") == expected


def test_nothing_said_is_nothing() -> None:
    assert roles_from_text(b"", "r.toml") == Roles()
    assert tomllib.loads(roles_text(Roles())) == {"reading": {}, "columns": {}}


def test_names_that_no_file_can_hold_are_refused() -> None:
    with rejected():
        roles_text(Roles(drop=("a\ud800",)))
    with rejected(column="a"):
        roles_text(Roles(drop=("a",), numbers=("a",)))


# Wrong files

WRONG_COLUMNS = [
    'a = "numbr"',
    "a = 3",
    "a = {levels = [1, 2]}",
    'a = {kind = "number", levels = [1]}',
    'a = "ordinal"',
    'a = {kind = "ordinal", levels = ["x"]}',
    'a = {kind = "ordinal", levels = ["x", "x"]}',
    'a = {kind = "ordinal", levels = [["x"], ["y"]]}',
    'a = {kind = "ordinal", levels = [nan, 1]}',
    'a = {kind = "ordinal", levels = [1, "1"]}',
    'a = {kind = "ordinal", levels = [1, 9223372036854775808]}',
    'a = {kind = "label", value = [1]}',
    'b = "id"\na = "id"',
]
WRONG = [
    *((f"[columns]\n# of it\n{text}", 3 + text.count("\n"), "columns") for text in WRONG_COLUMNS),
    ("[columns]\nage is a number", 2, None),
    ("id,age\n1,2\n", 1, None),
    ('[columns]\na = "drop"\na = "id"\n', 3, None),
    ('[columns]\na = "drop', None, None),
    ("\nmising = 'fill'", 2, "mising"),
    ('[colums]\na = "id"', 1, "colums"),
    ("columns = 3", 1, "columns"),
    ('missing = "skip"', 1, "missing"),
    ("others = []", 1, "others"),
    ("[reading]\ndelimeter = ';'", 2, "reading"),
    ("[reading]\nheader = '3'", 1, "reading"),
    ("[reading]\nheader = 0", 1, "reading"),
    ("[reading]\ndelimiter = 3", 1, "reading"),
    ('missing = "fill"\n[layers]\none = "a"', 2, "layers"),
    *(
        (f"[layer_weights]\none = {wrong}", 1, "layer_weights")
        for wrong in ("0", "-1", "nan", "inf", '"2"', "true")
    ),
    ("a = " + "[" * 50_000, None, None),
    ("a" + ".a" * 500_000 + " = 1", 1, None),
    ("[columns]\na = 0x" + "f" * 9999, None, None),
    ("missing = " + "1" * 9999, None, None),
    ("#" * 2_000_001, None, None),
]


@pytest.mark.parametrize(("text", "line", "part"), WRONG, ids=lambda value: f"{value!s:.40}")
def test_a_wrong_file_is_refused_in_one_line_with_its_place(
    text: str, line: int | None, part: str | None
) -> None:
    column = "a" if part == "columns" and line != 1 else None
    with rejected(file="r.toml", line=line, parameter=part, column=column) as caught:
        roles_from_text(text.encode(), "r.toml")
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_a_column_may_be_called_as_a_part_is() -> None:
    text = b'[columns]\nmissing = "drop"\n[reading]\n'
    assert roles_from_text(text, "r.toml") == Roles(drop=("missing",))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with rejected():
        read_roles(tmp_path / "none.toml")
    with rejected():
        read_roles(tmp_path)
    (tmp_path / "latin.toml").write_bytes('[columns]\n"\xfcber" = "drop"'.encode("latin-1"))
    with rejected(line=2):
        read_roles(tmp_path / "latin.toml")


def test_hostile_files_take_no_time() -> None:
    keys = "\n".join("a." * 30 + f"b{i} = 1" for i in range(20_000))
    start = time.process_time()
    for text in (keys, '{"' * 900_000, "x = {" + "a." * 900_000, ", a." * 400_000):
        with pytest.raises(InputError):
            roles_from_text(text.encode(), "r.toml")
    assert time.process_time() - start < 20  # without a limit on keys: hours


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    for content in (text, f"[columns]\n{text}", f"[columns]\na = {text}"):
        with suppress(InputError):
            roles_from_text(content.encode(errors="replace"), "r.toml")


# The next table


def test_saved_roles_make_the_same_features() -> None:
    encoding = fit_encoding(TABLE, TOLD, "fill")
    text = roles_text(pinned(encoding, TOLD))
    roles = roles_from_text(text.encode(), "r.toml")
    again = fit_encoding(TABLE, roles, "fill")
    assert again.feature_names == encoding.feature_names
    assert np.array_equal(again.encode(TABLE), encoding.encode(TABLE))
    assert [c.kind for c in again.columns] == [c.kind for c in encoding.columns]
    assert pinned(again, roles) == roles


def test_a_column_that_varies_only_now_is_what_was_said_of_it() -> None:
    roles = pinned(fit_encoding(TABLE, TOLD, "fill"), TOLD)
    now = table_from_columns({**COLUMNS, "same": [*range(N)]})
    kinds = {c.name: c.kind for c in fit_encoding(now, roles, "fill").columns}
    assert kinds["same"] == "number"
    unsaid = pinned(fit_encoding(TABLE, missing="fill"))
    assert "same" in unsaid.drop


def test_columns_without_a_role_are_left_out_or_left_to_the_rules() -> None:
    roles = Roles(numbers=("amount",), others="drop")
    codes = fit_encoding(TABLE, roles, "fill").columns
    assert [c.name for c in codes if c.kind != "dropped"] == ["amount"]
    assert codes[0].why == "has no role, and only columns with one are used"
    codes = fit_encoding(TABLE, replace(roles, others="rules"), "fill").columns
    assert [c.kind for c in codes[:3]] == ["id", "number", "category"]


def test_what_a_table_lacks_and_has_besides_is_told() -> None:
    roles = Roles(label="churned", label_value="yes", drop=("note",), numbers=("amount",))
    names = ["amount", "new"]
    kept, notes = roles_for(roles, "r.toml", names, "t.csv")
    assert kept == Roles(numbers=("amount",))
    assert notes == [
        "t.csv lacks these columns of r.toml: 'churned', 'note'.",
        "Columns without a role in r.toml are used as their values suggest: 'new'.",
    ]
    _, notes = roles_for(replace(roles, others="drop"), "r.toml", names, "t.csv")
    assert notes[1] == "Columns without a role in r.toml are left out: 'new'."
    assert roles_for(roles, "r.toml", ["churned", "note", "amount"], "t.csv") == (roles, [])
    with pytest.raises(InputError) as caught:
        roles_for(replace(roles, id="key"), "r.toml", ["Amount", "x"], "t.csv")
    assert str(caught.value) == (
        "t.csv lacks these columns of r.toml: 'key', 'amount' (is it 'Amount'?). Add or rename "
        "the columns, or change r.toml."
    )


def test_roles_take_precedence_column_by_column() -> None:
    saved = Roles(
        id="key",
        label="churned",
        label_value="yes",
        drop=("a",),
        numbers=("b", "c"),
        ordinals={"size": ("S", "L")},
        missing="error",
        others="drop",
        reading={"delimiter": ";", "decimal": ","},
    )
    by = Roles(
        id="a", categories=("b",), numbers=("size",), missing="fill", reading={"decimal": "."}
    )
    assert overridden(saved, by) == Roles(
        id="a",
        label="churned",
        label_value="yes",
        drop=("key",),  # no feature, though it is the id no more
        categories=("b",),
        numbers=("c", "size"),
        missing="fill",
        others="drop",
        reading={"delimiter": ";", "decimal": "."},
    )
    assert overridden(saved, Roles()) == saved
    changed = overridden(saved, Roles(label="c"))
    assert (changed.label, changed.label_value, changed.drop) == ("c", None, ("churned", "a"))
    assert overridden(saved, Roles(drop=("churned",))).label_value is None


@given(any_roles(), any_roles())
def test_an_override_says_all_that_it_says(roles: Roles, by: Roles) -> None:
    both = overridden(roles, by).by_column()
    assert both.items() >= by.by_column().items()
    assert both.keys() == {*roles.by_column(), *by.by_column()}
    assert overridden(Roles(), by) == by


# Saved maps


def test_a_map_carries_what_its_columns_do_not_say(tmp_path: Path) -> None:
    encoding = fit_encoding(TABLE, TOLD, "fill")
    map_ = SOM(3, 4, encoder=None, random_state=0).fit(encoding.encode(TABLE)).map_
    replace(map_, encoding=encoding).save(tmp_path / "m.som")
    loaded = load(tmp_path / "m.som")
    assert isinstance(loaded, Map)
    assert loaded.encoding == encoding
    assert encoding.to_json()["roles"] == {"label_value": "yes", "reading": {"delimiter": ";"}}
    assert pinned(loaded.encoding) == replace(
        pinned(encoding, TOLD), drop=("same",), numbers=("amount",)
    )


@pytest.mark.parametrize(
    "roles", [3, {"x": 1}, {"reading": {"colour": "red"}}, {"label_value": 3}, {"reading": [";"]}]
)
def test_damaged_roles_of_a_map_are_refused(roles: Any) -> None:
    data = json.loads(json.dumps(fit_encoding(TABLE, missing="fill").to_json()))
    with rejected(ValueError):
        Encoding.from_json({**data, "roles": roles})


# In Python


def test_an_encoder_comes_back_from_its_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(COLUMNS)
    encoder = TableEncoder(
        label="churned", ordinals={"size": ["S", "M", "L"]}, drop=["key_id"], missing="fill"
    )
    encoder.save_roles(tmp_path / "plain.toml")
    told = TableEncoder.from_roles(tmp_path / "plain.toml")
    assert (told.label, told.ordinals, told.others) == (
        "churned",
        {"size": ("S", "M", "L")},
        "rules",
    )
    encoder.fit(frame).save_roles(tmp_path / "fitted.toml")
    again = TableEncoder.from_roles(tmp_path / "fitted.toml")
    assert (again.others, again.missing, again.categories) == ("drop", "fill", ("job",))
    expected = encoder.transform(frame)
    wider = frame.assign(extra=[i % 7 + i / 1000 for i in range(N)])
    assert np.array_equal(again.fit_transform(wider), expected)
    assert told.set_params(drop=["key_id"]).fit_transform(wider).shape[1] == expected.shape[1] + 1


def test_an_encoder_says_what_others_may_be() -> None:
    with rejected(ValueError, parameter="others", value="keep"):
        TableEncoder(others="keep").fit(pd.DataFrame(COLUMNS))
    rows = np.arange(12.0).reshape(4, 3) ** 2
    assert TableEncoder(numbers=["x1"], others="drop").fit_transform(rows).shape == (4, 1)
