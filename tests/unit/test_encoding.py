"""Columns become numbers on one scale, and come back in original units."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape.tables import Encoding, Table, read_table, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.codes import CategoryCode, NumberCode, level_texts, number_text
from somscape.tables.kinds import Roles

# A few roundings of float64, where a value is scaled and scaled back.
CLOSE = {"rtol": 1e-12, "atol": 1e-12}

# Amounts of money: quartiles 30 and 70 around the median 50, so the half interquartile range is
# 20, and 100000 lies (100000 - 50) / 20 = 4997 of them above the median, far more than 10.
AMOUNTS = [10, 20, 30, 40, 50, 60, 70, 80, 100_000]


def encode(columns: dict, **roles: object) -> tuple[Encoding, np.ndarray]:
    table = table_from_columns(columns)
    encoding = fit_encoding(table, Roles(**roles))
    return encoding, encoding.encode(table)


def only_number(values: list) -> tuple[NumberCode, np.ndarray]:
    encoding, rows = encode({"x": values})
    (code,) = encoding.features
    assert isinstance(code, NumberCode)
    return code, rows[:, 0]


# Numbers


def test_number_is_scaled_to_0_and_1() -> None:
    # From -4.5 to 15.5 is a range of 20: 0.5 lies a quarter up.
    code, encoded = only_number([-4.5, 15.5, 0.5])
    assert encoded.tolist() == [0.0, 1.0, 0.25]
    assert (code.low, code.span, code.width) == (-4.5, 20.0, 0.0)


def test_number_of_a_larger_table_leaves_2_percent_of_each_end_outside() -> None:
    # 201 rows 0.5, 1.5, ... 200.5: 2 % of 200 steps are 4 rows at each end, so 4.5 becomes 0 and
    # 196.5 becomes 1, and the first row lies 4 / 192 below 0.
    code, encoded = only_number([i + 0.5 for i in range(201)])
    assert (code.low, code.span) == (4.5, 192.0)
    np.testing.assert_allclose(encoded[[0, 4, 196, 200]], [-4 / 192, 0, 1, 1 + 4 / 192], **CLOSE)


def test_number_that_hardly_varies_is_scaled_by_its_full_range() -> None:
    # 98 of 100 rows are 7: the usual range is empty, so the full one takes its place.
    code, encoded = only_number([7.5] * 98 + [5.5, 10.5])
    assert sorted(set(encoded.round(12))) == pytest.approx([0.0, encoded[0], 1.0])
    assert code.span > 0


def test_number_without_a_long_tail_is_not_tamed() -> None:
    # Median 5.5, quartiles 3.25 and 7.75: half the distance is 2.25, and 10 of them reach
    # 5.5 + 22.5 = 28.
    below = [*range(1, 10), 27.9]
    above = [*range(1, 10), 28.1]
    assert only_number(below)[0].width == 0.0
    code = only_number(above)[0]
    assert code.width == 2.25
    assert code.center == 5.5
    assert code.why.endswith("; long tail, tamed")


def test_tamed_number_is_the_inverse_hyperbolic_sine_by_hand() -> None:
    code, encoded = only_number(AMOUNTS)
    assert (code.center, code.width) == (50.0, 20.0)
    # asinh(-2) is the lowest and asinh(4997.5) the highest; the median is asinh(0) = 0.
    low, high = np.log(-2 + np.sqrt(5)), np.log(4997.5 + np.sqrt(4997.5**2 + 1))
    assert encoded[4] == pytest.approx(-low / (high - low), rel=1e-12)
    assert (encoded[0], encoded[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("values", [AMOUNTS, [1.25, 2.5, 4.0], [-v for v in AMOUNTS]])
def test_encoding_does_not_depend_on_the_unit(values: list) -> None:
    _, dollars = only_number(values)
    _, cents = only_number([100 * v for v in values])
    np.testing.assert_allclose(cents, dollars, **CLOSE)


@pytest.mark.parametrize("values", [AMOUNTS, [-4.5, 15.5, 0.5], [1e-9, 2e-9, 4e-9], [1e300, 1, 2]])
def test_decoded_numbers_are_the_originals(values: list) -> None:
    code, encoded = only_number(values)
    # sinh undoes asinh with an error of about |asinh| roundings.
    np.testing.assert_allclose(code.decode(encoded[:, None]), values, rtol=1e-11)


@given(
    st.lists(st.floats(-1e9, 1e9).map(lambda v: round(v, 3)), min_size=16, max_size=60, unique=True)
)
def test_decoding_undoes_encoding_for_any_numbers(values: list[float]) -> None:
    values = [v + 0.5 if v == int(v) else v for v in values]
    if len(set(values)) < len(values):
        return
    code, encoded = only_number(values)
    decoded = code.decode(encoded[:, None])
    size = np.max(np.abs(values))
    np.testing.assert_allclose(decoded, values, rtol=1e-9, atol=1e-9 * size)
    order = np.argsort(values)
    assert (np.diff(encoded[order]) >= 0).all()


def test_number_is_shown_as_the_range_that_prototypes_span() -> None:
    code = NumberCode("x", "", 0.0, 0.0, 10.0, 20.0, 15.0, is_whole=True)
    # 10 + 20 * 0.1 = 12 and 10 + 20 * 0.52 = 20.4, a whole number of months.
    assert code.usual(np.array([[0.52], [0.1]])) == "12 to 20"
    assert code.usual(np.array([[0.5], [0.501]])) == "20"


# Categories, and what they share with numbers


@pytest.mark.parametrize("levels", [["a", "b"], ["a", "b", "c", "d", "e"]])
def test_one_mismatch_is_one_full_range_is_distance_1(levels: list[str]) -> None:
    columns = {
        "n": [2.5, 9.5] * len(levels),
        "c": [level for level in levels for _ in range(2)],
    }
    _, rows = encode(columns)
    # Rows 0 and 1 differ by the full range of n, rows 0 and 2 by one level of c.
    assert np.linalg.norm(rows[0] - rows[1]) == pytest.approx(1.0, rel=1e-15)
    assert np.linalg.norm(rows[0] - rows[2]) == pytest.approx(1.0, rel=1e-15)
    assert np.linalg.norm(rows[0] - rows[3]) == pytest.approx(np.sqrt(2), rel=1e-15)


def test_unseen_level_mismatches_every_level_by_1() -> None:
    table = table_from_columns({"c": ["a", "b", "a", "b", "c", "c"]})
    encoding = fit_encoding(table)
    new = encoding.encode(table_from_columns({"c": ["new"]}))
    gaps = np.linalg.norm(encoding.encode(table) - new, axis=1)
    np.testing.assert_allclose(gaps, 1.0, rtol=1e-15)


def test_levels_of_whole_numbers_are_in_numeric_order() -> None:
    encoding, _ = encode({"c": [10, 2, 1, 10, 2, 1, 10, 2]})
    (code,) = encoding.features
    assert isinstance(code, CategoryCode)
    assert code.levels == ("1", "2", "10")
    assert encoding.feature_names == ["c=1", "c=2", "c=10", "c=(unseen)"]


def test_category_is_shown_as_its_prevailing_level_with_its_share() -> None:
    code = CategoryCode("c", "", ("a", "b"))
    w = np.sqrt(0.5)
    # Means: a 0.75, b 0.25.
    assert code.usual(np.array([[w, 0, 0], [w / 2, w / 2, 0]])) == "a (75 %)"
    assert code.usual(np.array([[0, w, 0]])) == "b"


def test_levels_do_not_depend_on_how_numbers_are_written() -> None:
    column = table_from_columns({"c": [1, 2.0, 10]}).columns[0]
    assert level_texts(column) == ["1", "2", "10"]


@pytest.mark.parametrize("cells", [["1.0", "1.3", "2.0", "n.b."], ["1.50", "2.50", "7", "x"]])
def test_level_stays_the_same_in_a_file_without_the_words(tmp_path: Path, cells: list[str]) -> None:
    # Marks and "n.b.": with the words the column is text, without them it is numbers.
    rows = [f"{cells[i % 4]},{i * 1.25}" for i in range(24)]
    (tmp_path / "all.csv").write_text("grade,x\n" + "\n".join(rows) + "\n")
    whole = read_table(tmp_path / "all.csv")
    encoding = fit_encoding(whole)
    kept = [i for i in range(24) if i % 4 != 3]
    (tmp_path / "part.csv").write_text("grade,x\n" + "\n".join(rows[i] for i in kept) + "\n")
    part = read_table(tmp_path / "part.csv")
    np.testing.assert_array_equal(encoding.encode(part), encoding.encode(whole)[kept])


def test_level_stays_the_same_in_a_file_with_a_word(tmp_path: Path) -> None:
    rows = [f"{1 + i % 3}.0,{i * 1.25}" for i in range(24)]
    (tmp_path / "all.csv").write_text("kind,x\n" + "\n".join(rows) + "\n")
    encoding = fit_encoding(read_table(tmp_path / "all.csv"))
    (tmp_path / "new.csv").write_text("kind,x\n" + "\n".join([*rows[:3], "new,1.25"]) + "\n")
    new = read_table(tmp_path / "new.csv")
    assert (encoding.encode(new)[:, 3] > 0).tolist() == [False] * 3 + [True]


# Missing cells


def missing_table() -> Table:
    return table_from_columns(
        {
            "n": [1.5, None, 3.5, 9.5, None, 4.5],
            "c": ["a", "b", None, "a", "b", "a"],
            "full": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
        }
    )


def test_missing_numbers_become_the_median() -> None:
    table = missing_table()
    encoding = fit_encoding(table, missing="fill")
    code = encoding.features[0]
    # 1.5 3.5 4.5 9.5 present: the median is 4, and 4 lies (4 - 1.5) / 8 up the range.
    assert code.fill == 4.0
    np.testing.assert_allclose(encoding.encode(table)[[1, 4], 0], 2.5 / 8, **CLOSE)


def test_missing_categories_are_a_level_of_their_own() -> None:
    table = missing_table()
    encoding = fit_encoding(table, missing="fill")
    assert encoding.features[1].levels == ("a", "b", "(missing)")
    rows = encoding.encode(table)[:, encoding.slices[1]]
    assert np.linalg.norm(rows[2] - rows[0]) == pytest.approx(1.0, rel=1e-15)


def test_missing_cells_are_counted_by_column() -> None:
    encoding = fit_encoding(missing_table(), missing="fill")
    assert encoding.n_missing(missing_table()) == {"n": 2, "c": 1}


def test_missing_cells_are_refused() -> None:
    with rejected(parameter="missing", row=1, column="n", options="--missing fill"):
        fit_encoding(missing_table())


def test_new_rows_with_missing_cells_follow_the_rule_of_the_fit() -> None:
    full = table_from_columns({"n": [1.5, 2.5, 4.5], "m": [3.5, 1.5, 2.5]})
    new = table_from_columns({"n": [None, 1.5], "m": [1.5, 1.5]})
    with rejected(parameter="missing", file="table", row=0, column="n"):
        fit_encoding(full).encode(new)
    filled = fit_encoding(full, missing="fill").encode(new)
    assert filled[0, 0] == pytest.approx(1 / 3)


def test_unknown_way_with_missing_cells_is_refused() -> None:
    with rejected(ValueError, parameter="missing", value="drop"):
        fit_encoding(missing_table(), missing="drop")


def test_plain_encoding_leaves_rows_as_they_are() -> None:
    encoding = Encoding.plain(["a", "b"])
    rows = np.array([[1.5, -2.0], [np.nan, 4.0]])
    assert encoding.fill(rows) is rows
    table = table_from_columns({"a": [1.5, 3.0], "b": [-2.0, 4.0]})
    assert encoding.encode(table).tolist() == [[1.5, -2.0], [3.0, 4.0]]


def test_plain_encoding_fills_with_the_values_given() -> None:
    encoding = Encoding.plain(["a", "b"], fills=[7.0, 8.0])
    rows = np.array([[1.0, np.nan], [np.nan, 4.0]])
    assert encoding.fill(rows).tolist() == [[1.0, 8.0], [7.0, 4.0]]


# The whole table


def mixed() -> tuple[Table, Encoding]:
    table = table_from_columns(
        {
            "id": [f"k{i}" for i in range(9)],
            "amount": AMOUNTS,
            "kind": list("abcabcabc"),
            "always": [3] * 9,
            "x": [i + 0.5 for i in range(9)],
        }
    )
    return table, fit_encoding(table)


def test_slices_say_where_each_column_stands() -> None:
    table, encoding = mixed()
    assert [c.name for c in encoding.features] == ["amount", "kind", "x"]
    assert encoding.slices == (slice(0, 1), slice(1, 5), slice(5, 6))
    assert encoding.n_features == 6
    assert encoding.encode(table).shape == (9, 6)
    assert len(encoding.feature_names) == 6


def test_columns_are_found_by_name_in_any_order() -> None:
    table, encoding = mixed()
    turned = table.select(reversed(table.names))
    np.testing.assert_array_equal(encoding.encode(turned), encoding.encode(table))


def test_missing_column_is_named_and_a_close_name_proposed() -> None:
    table, encoding = mixed()
    part = table.without(["amount"])
    with rejected(file="table", column="amount"):
        encoding.encode(part)
    renamed = table_from_columns({"Amount": AMOUNTS, "kind": list("abcabcabc"), "x": range(9)})
    with rejected(file="table", column="amount"):
        encoding.encode(renamed)


def test_text_where_the_map_has_numbers_names_the_place_and_the_cell() -> None:
    _, encoding = mixed()
    new = table_from_columns({"amount": ["much", "little"], "kind": ["a", "b"], "x": [1, 2]})
    with rejected(file="table", row=0, column="amount", value="much"):
        encoding.encode(new)


def test_encoding_survives_json() -> None:
    table, _ = mixed()
    encoding = fit_encoding(table, Roles(id="id", label="kind", drop=("x",)), missing="fill")
    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json(), allow_nan=False)))
    assert again == encoding
    np.testing.assert_array_equal(again.encode(table), encoding.encode(table))
    plain = Encoding.plain(["a", "b"], fills=[0.1, 1 / 3])
    assert Encoding.from_json(json.loads(json.dumps(plain.to_json()))) == plain


def test_sums_by_column_merge_the_levels_of_a_category() -> None:
    _, encoding = mixed()
    by_feature = np.array([[1.0, 10, 20, 30, 40, 5]])
    assert encoding.sum_by_column(by_feature).tolist() == [[1.0, 100.0, 5.0]]


@pytest.mark.parametrize("n_rows", [1, 3, 40])
def test_sums_by_column_have_the_bits_of_each_column_added_by_itself(n_rows: int) -> None:
    widths = (1, 2, 6, 7, 8, 9, 30)
    columns = {f"c{w}": [f"level {i % w}" for i in range(60)] for w in widths}
    encoding = fit_encoding(table_from_columns(columns), Roles())
    rng = np.random.default_rng(0)
    by_feature = rng.lognormal(0, 9, (n_rows, encoding.n_features))
    each = [by_feature[:, part].sum(axis=1) for part in encoding.slices]
    assert encoding.sum_by_column(by_feature).tolist() == np.stack(each, axis=1).tolist()


CELLS = st.sampled_from(["1", "1.0", "01", "a", "A", "(missing)", "new", None])


@given(st.lists(CELLS, min_size=1))
def test_a_row_is_encoded_alone_as_among_many(cells: list[str | None]) -> None:
    seen = table_from_columns({"c": ["1", "01", "a", None, "b"]})
    (code,) = fit_encoding(seen, Roles(categories=("c",)), missing="fill").features
    assert isinstance(code, CategoryCode)
    column = table_from_columns({"c": [*cells, *["x"] * 20]}).columns[0]
    among = code.places(column)[: len(cells)].tolist()
    assert [int(code.places(column.take([i]))[0]) for i in range(len(cells))] == among


def test_number_spanning_more_than_a_float_is_refused_in_one_line() -> None:
    # Warnings are errors here: an overflow on the way would print lines of its own.
    values = [(-1) ** i * (1 + i / 100) * 1e308 for i in range(20)]
    with rejected(column="x"):
        fit_encoding(table_from_columns({"x": values}))


def test_tiny_numbers_beside_a_huge_one_are_refused_in_one_line() -> None:
    table = table_from_columns({"x": [1e-10 * (i + 0.5) for i in range(20)] + [1e300]})
    with rejected(column="x"):
        fit_encoding(table)


@pytest.mark.parametrize(
    ("value", "is_whole", "digits", "text"),
    [
        (0.0, False, 4, "0"),
        (-0.5, False, 4, "-0.5"),
        (1234.56, False, 4, "1235"),
        (0.000123456, False, 4, "0.0001235"),
        (0.0000123456, False, 4, "1.235e-05"),
        (99.996, False, 4, "100"),
        (1234.5, True, 4, "1234"),
        (123456789.0, True, 4, "123456789"),
        (2e15, True, 4, "2.000e+15"),
    ],
)
def test_number_text(value: float, is_whole: bool, digits: int, text: str) -> None:
    assert number_text(value, is_whole, digits) == text
