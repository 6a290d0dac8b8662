"""What each column is taken as, and why: the rules, what overrides them, what is refused."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from texts import rejected

from somscape.errors import InputError
from somscape.tables import Encoding, Table, read_table, table_from_columns
from somscape.tables._fit_encoding import fit_encoding, notes_of
from somscape.tables.kinds import Roles

# A column that is always usable, so that the others may be anything.
N = 60
X = [i + 0.5 for i in range(N)]


def fitted(roles: Roles | None = None, missing: str = "fill", **columns: Any) -> Encoding:
    return fit_encoding(table_from_columns({**columns, "x": X}), roles, missing)


def kind_of(values: list, name: str = "c", **roles: Any) -> str:
    encoding = fitted(Roles(**roles), **{name: values})
    return encoding.columns[0].kind


def why_of(values: list, name: str = "c", **roles: Any) -> str:
    return fitted(Roles(**roles), **{name: values}).columns[0].why


# Whole numbers


@pytest.mark.parametrize(("n_values", "kind"), [(2, "category"), (15, "category"), (16, "number")])
def test_whole_numbers_with_at_most_15_values_are_a_category(n_values: int, kind: str) -> None:
    values = [i % n_values for i in range(N)]
    assert kind_of(values) == kind
    assert f"{n_values} different values" in why_of(values)


def test_numbers_with_a_fraction_are_numbers_however_few() -> None:
    assert kind_of([0.5, 1.0] * (N // 2)) == "number"


def test_whole_numbers_that_hardly_repeat_are_a_number() -> None:
    # 5 values in 8 rows: more than half of the rows have a value of their own.
    table = table_from_columns({"c": [1, 2, 3, 4, 5, 5, 5, 5]})
    assert fit_encoding(table).columns[0].kind == "number"
    table = table_from_columns({"c": [1, 2, 3, 4, 4, 4, 4, 4]})
    assert fit_encoding(table).columns[0].kind == "category"


def pixels(name: str = "pixel_{}", n_full: int = 4) -> dict[str, list[int]]:
    """Columns from 0 to 16, of which the first `n_full` have many values, and two few values."""
    full = {name.format(i): [(7 * k + i) % 17 for k in range(N)] for i in range(n_full)}
    few = {name.format(n_full + i): [k % 3 + 7 * i for k in range(N)] for i in range(2)}
    return {**full, **few}


def test_few_whole_numbers_among_numbers_of_the_same_range_are_numbers() -> None:
    codes = fitted(**pixels()).columns
    assert [code.kind for code in codes[:6]] == ["number"] * 6
    assert codes[4].why.startswith(
        "3 different values, in one of 6 columns of similar names, mostly 0 to 16"
    )
    beyond = {**pixels(), "pixel_9": [k % 3 + 15 for k in range(N)]}
    assert fitted(**beyond).columns[6].kind == "category"
    assert fitted(Roles(categories=("pixel_4",)), **pixels()).columns[4].kind == "category"


@pytest.mark.parametrize(
    "columns",
    [
        pixels(n_full=2),  # too few columns
        dict(zip("abcdef", pixels().values(), strict=True)),  # names without a number
        {f"q{i}": [(k + i) % 5 + 1 for k in range(N)] for i in range(8)},  # no numbers
        {f"x{i}": [(7 * k) % (17 + i) for k in range(N)] for i in range(5)}  # other ranges
        | {"x9": [k % 3 for k in range(N)]},
    ],
    ids=["few", "names", "answers", "ranges"],
)
def test_other_columns_do_not_make_numbers(columns: dict[str, list[int]]) -> None:
    kinds = {c.name: c.kind for c in fitted(**columns).columns}
    few = [name for name, values in columns.items() if len(set(values)) <= 15]
    assert few
    assert {kinds[name] for name in few} == {"category"}


DELAYS = [*[-2] * 5, *[-1] * 9, *[0] * 30, *[1] * 1, *[2] * 9, *[3] * 6]
COUNTS = [*[0] * 20, *[1] * 18, *[2] * 12, *[3] * 6, *[4] * 3, *[5] * 1]
CODES = [*[1] * 20, *[2] * 2, *[3] * 17, *[4] * 1, *[5] * 18, *[6] * 2]


@pytest.mark.parametrize(
    ("values", "is_ordered"),
    [(DELAYS, True), (COUNTS, True), (CODES, False), ([1, 2, 3] * 20, False)],
)
def test_whole_numbers_that_may_have_an_order_are_named(
    values: list[int], is_ordered: bool
) -> None:
    encoding = fitted(c=values)
    assert encoding.columns[0].kind == "category"
    assert ("they may have an order" in encoding.columns[0].why) == is_ordered
    notes = [note for note in notes_of(encoding) if "order" in note]
    assert [note.options for note in notes] == ["--ordinal c"] * is_ordered


def test_missing_cells_are_no_value_in_the_rule() -> None:
    values = [i % 15 for i in range(N - 5)] + [None] * 5
    assert kind_of(values) == "category"


def test_negative_whole_numbers_are_a_category_too() -> None:
    assert kind_of([-1, 0, 1] * 20) == "category"


# Text


def test_text_with_few_values_is_a_category() -> None:
    assert kind_of(list("abcdef") * 10) == "category"
    assert why_of(list("abcdef") * 10) == "text with 6 different values"


@pytest.mark.parametrize(("n_values", "kind"), [(50, "category"), (51, "dropped")])
def test_text_with_more_than_50_values_is_dropped(n_values: int, kind: str) -> None:
    table = table_from_columns(
        {"c": [f"t{i % n_values}" for i in range(120)], "x": [i + 0.5 for i in range(120)]}
    )
    assert fit_encoding(table).columns[0].kind == kind


def test_names_are_dropped_with_the_reason() -> None:
    names = [f"Ann {i}" for i in range(N)]
    assert kind_of(names) == "dropped"
    assert why_of(names) == f"text with {N} different values, like a name or an id"
    comments = [f"called on day {i} about the fee" for i in range(N)]
    assert why_of(comments) == f"text with {N} different values, free text"


@pytest.mark.parametrize("odd", ["ERR", "99.9 m3/h"])
def test_numbers_with_many_other_texts_are_dropped_with_a_note(odd: str) -> None:
    flow = [odd if i % 5 == 0 else f"{100 + i * 0.37:.2f}" for i in range(N)]
    assert why_of(flow) == f"numbers and texts such as '{odd}'"
    table = table_from_columns({"flow": flow, "x": [i / 7 for i in range(N)]})
    notes = notes_of(fit_encoding(table))
    assert any(
        f"left out 'flow' (numbers and texts such as '{odd}'). Correct the cells, or name the "
        "text as a code for missing values" in note
        for note in notes
    )


def test_long_texts_of_digits_take_little_time() -> None:
    codes = [f"{i:0100000d}x" for i in range(60)]  # a pattern that starts anew takes hours
    assert why_of(codes) == "text with 60 different values, like a name or an id"


@pytest.mark.parametrize(
    "pattern", ["2024-01-{:02d}", "{:02d}.03.2024", "{}/12/2023", "2024-01-{:02d} 10:30"]
)
def test_dates_are_dates_however_they_are_written(pattern: str) -> None:
    dates = [pattern.format(i % 28 + 1) for i in range(N)]
    assert kind_of(dates) == "date"
    assert why_of(dates) == "dates"


# Constant and empty


@pytest.mark.parametrize("value", [7, 2.5, "same"])
def test_constant_column_is_reported_and_not_used(value: Any) -> None:
    encoding = fitted(c=[value] * N)
    assert encoding.columns[0].kind == "constant"
    assert encoding.columns[0].why == f"always {value}"
    assert [c.name for c in encoding.features] == ["x"]


def test_text_that_is_there_or_not_is_a_category() -> None:
    encoding = fitted(c=["yes", None] * (N // 2))
    assert encoding.features[0].levels == ("yes", "(missing)")


def test_column_without_any_value_is_dropped() -> None:
    encoding = fitted(c=[None] * N)
    assert encoding.columns[0].kind == "dropped"
    assert encoding.columns[0].why == "no value in any row"
    # And it counts as no missing cell to refuse.
    assert fitted(missing="error", c=[None] * N).columns[0].kind == "dropped"


@pytest.mark.parametrize("role", ["categories", "numbers"])
def test_column_without_any_value_is_no_feature_even_when_asked(role: str) -> None:
    encoding = fitted(Roles(**{role: ("c",)}), c=[None] * N)
    assert [c.name for c in encoding.features] == ["x"]


# The id


def test_id_is_never_a_feature() -> None:
    for values in ([f"k{i}" for i in range(N)], list(range(N))):
        encoding = fitted(Roles(id="c"), c=values)
        assert encoding.columns[0].kind == "id"
        assert encoding.columns[0].why == "names the rows"
        assert [c.name for c in encoding.features] == ["x"]


@pytest.mark.parametrize(
    "name", ["id", "ID", "Id", "customer_id", "CustomerID", "customerId", "Customer ID", "user-id"]
)
def test_id_is_found_by_its_name(name: str) -> None:
    encoding = fitted(**{name: list(range(N))})
    assert encoding.named("id") == name
    assert encoding.columns[0].why == "found by its name, all different"


@pytest.mark.parametrize(
    "name", ["paid", "valid", "grid", "identity", "liquid", "AMT_PAID", "PAID", "BID", "Paid"]
)
def test_word_that_ends_like_id_is_no_id(name: str) -> None:
    # Upper-case headers are what banks' systems export: an amount paid must stay a feature.
    encoding = fitted(**{name: [i * 7.5 for i in range(N)]})
    assert encoding.named("id") is None
    assert encoding.columns[0].kind == "number"


def test_column_called_id_whose_values_repeat_is_not_taken_for_the_id() -> None:
    encoding = fitted(shop_id=[i % 5 for i in range(N)])
    assert encoding.named("id") is None


def test_first_of_several_ids_names_the_rows() -> None:
    encoding = fitted(a_id=list(range(N)), b_id=list(range(N)))
    assert encoding.named("id") == "a_id"
    assert (encoding.columns[1].kind, encoding.columns[1].why) == ("dropped", "a row counter")


def test_id_given_comes_before_the_id_found_by_name() -> None:
    encoding = fitted(Roles(id="key"), id=list(range(N)), key=[f"k{i}" for i in range(N)])
    assert encoding.named("id") == "key"


def test_an_id_may_repeat_or_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,x\nk1,1.5\n,2.5\nk1,3.5\n")
    encoding = fit_encoding(read_table(path), Roles(id="id"))
    assert [(c.name, c.kind) for c in encoding.columns] == [("id", "id"), ("x", "number")]


# What the user says


def test_roles_come_before_the_rules() -> None:
    few = [i % 3 for i in range(N)]
    assert kind_of(few, numbers=("c",)) == "number"
    assert why_of(few, numbers=("c",)) == "as asked"
    many = list(range(N))
    assert kind_of(many, categories=("c",)) == "category"
    assert kind_of([f"name {i}" for i in range(N)], categories=("c",)) == "category"
    assert kind_of(["2024-01-31", "2024-02-29"] * 30, categories=("c",)) == "category"
    assert kind_of(few, drop=("c",)) == "dropped"
    assert kind_of(few, label="c") == "label"


def test_text_cannot_be_a_number() -> None:
    with rejected(column="c") as caught:
        fitted(Roles(numbers=("c",)), c=["a", "b"] * 30)
    assert caught.value.options == "--category c or --drop c"


@pytest.mark.parametrize(("n_levels", "is_refused"), [(1000, False), (1001, True)])
def test_more_than_1000_levels_are_refused(n_levels: int, is_refused: bool) -> None:
    table = table_from_columns({"c": [f"t{i}" for i in range(n_levels)], "x": range(n_levels)})
    if is_refused:
        with rejected(column="c", value=1001):
            fit_encoding(table, Roles(categories=("c",)))
    else:
        assert fit_encoding(table, Roles(categories=("c",))).columns[0].kind == "category"


def test_forced_column_with_one_value_is_constant() -> None:
    assert kind_of([3] * N, categories=("c",)) == "constant"
    assert kind_of([3] * N, numbers=("c",)) == "constant"


@pytest.mark.parametrize(
    ("roles", "first", "second"),
    [
        ({"id": "c", "label": "c"}, "the id --id", "the label --label"),
        ({"id": "c", "drop": ("c",)}, "the id --id", "dropped --drop"),
        (
            {"categories": ("c",), "numbers": ("c",)},
            "a category --category",
            "a number --number",
        ),
        (
            {"ordinals": {"c": [1, 2]}, "dates": ("c",)},
            "an ordered category --ordinal",
            "a date --date",
        ),
    ],
)
def test_column_with_two_roles_is_refused(roles: dict, first: str, second: str) -> None:
    with rejected(column="c") as caught:
        fitted(Roles(**roles), c=list(range(N)))
    options = " or ".join(f"--{text.split(' --')[1]}" for text in (first, second))
    assert caught.value.options == options


def test_role_given_twice_is_no_conflict() -> None:
    assert kind_of(list(range(N)), drop=("c", "c")) == "dropped"


@pytest.mark.parametrize("role", ["id", "label", "drop", "categories", "numbers"])
def test_role_of_an_unknown_column_is_refused_and_a_close_name_proposed(role: str) -> None:
    name = "Cc" if role in ("id", "label") else ("Cc",)
    with rejected(file="table", column="Cc"):
        fitted(Roles(**{role: name}), cc=list(range(N)))


# Columns meant as numbers that hold something else


@pytest.mark.parametrize("cell", ["forty", "inf", "-inf", "1e999", "Infinity"])
def test_cell_that_is_no_number_is_refused_with_its_place(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("age,x\n" + "".join(f"{cell if i == 30 else i + 0.5},{i}\n" for i in range(60)))
    with pytest.raises(InputError) as caught:
        fit_encoding(read_table(path))
    message = str(caught.value)
    assert message.startswith(f"t.csv, line 32, column 'age': '{cell}' is not a")
    assert caught.value.options == "--category age or --drop age"
    assert "\n" not in message


@pytest.mark.parametrize(
    ("role", "kind"), [("drop", "dropped"), ("categories", "category"), ("label", "label")]
)
def test_column_with_a_slip_is_taken_as_the_user_says(role: str, kind: str) -> None:
    cells = ["forty", *(f"{i}.5" for i in range(N - 1))]
    path_table = _table_from_text("age", cells)
    with rejected(column="age"):
        fit_encoding(path_table)
    name = "age" if role == "label" else ("age",)
    assert fit_encoding(path_table, Roles(**{role: name})).columns[0].kind == kind


def _table_from_text(name: str, cells: list[str]) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(f"{name},x\n" + "".join(f"{c},{i}.25\n" for i, c in enumerate(cells)))
        return read_table(path)


# Whole tables


def test_table_of_one_row_is_refused() -> None:
    with rejected(file="table", value=1):
        fit_encoding(table_from_columns({"x": [1.5], "y": [2.5]}))


def test_table_without_a_column_to_use_lists_what_each_is() -> None:
    table = table_from_columns({"name": [f"Ann {i}" for i in range(9)], "same": [1] * 9})
    with pytest.raises(InputError) as caught:
        fit_encoding(table)
    message = str(caught.value)
    assert caught.value.file == "table"
    assert "name: dropped, text with 9 different values" in message
    assert "same: constant, always 1" in message
    assert caught.value.options == "--number COL or --category COL"


# The article's file, by the README beside it

KINDS = {
    "CustomerID": "id",
    **dict.fromkeys(("A1", "A4", "A5", "A6", "A8", "A9", "A11", "A12"), "category"),
    **dict.fromkeys(("A2", "A3", "A7", "A10", "A13", "A14"), "number"),
    "Class": "label",
}


@pytest.fixture(scope="module")
def article(article_file: Path) -> Table:
    digest = hashlib.sha256(article_file.read_bytes()).hexdigest()
    assert digest.startswith("7ec643837a80130a")
    return read_table(article_file)


def test_article_columns_are_8_categories_and_6_numbers(article: Table) -> None:
    encoding = fit_encoding(article, Roles(id="CustomerID", label="Class"))
    assert {c.name: c.kind for c in encoding.columns} == KINDS


def test_article_skewed_amounts_are_tamed_and_ages_are_not(article: Table) -> None:
    widths = {c.name: c.width for c in fit_encoding(article).features if c.kind == "number"}
    assert widths["A14"] > 0
    assert widths["A2"] == 0


def test_article_has_one_feature_per_level_and_one_for_new_levels(article: Table) -> None:
    encoding = fit_encoding(article, Roles(id="CustomerID", label="Class"))
    # Levels by the README: 2, 3, 14, 8, 2, 2, 2, 3 and one more each, and 6 numbers.
    assert encoding.n_features == (2 + 3 + 14 + 8 + 2 + 2 + 2 + 3) + 8 + 6
