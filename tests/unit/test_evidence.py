"""What names and values of columns show: counters, codes, outcomes, counts, persons, slips."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOMDetector, TableEncoder
from somscape.tables import Encoding, table_from_columns, write_csv
from somscape.tables._fit_encoding import fit_encoding, notes_of
from somscape.tables.kinds import Roles

N = 200
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)


def why(values, name="c", **roles):
    table = table_from_columns({name: values, "x": [i + 0.5 for i in range(len(values))]})
    code = fit_encoding(table, Roles(**roles), "fill").columns[0]
    return code.kind, code.why


# Counters


@pytest.mark.parametrize(
    "values",
    [
        range(1, 41),
        range(0, 400, 10),
        range(40, 0, -1),
        RNG.permutation(40) + 1,
        RNG.permutation(40),
    ],
)
def test_a_row_counter_is_left_out(values):
    assert why(list(values)) == ("dropped", "a row counter")
    assert why(list(values), numbers=("c",)) == ("number", "as asked")


@pytest.mark.parametrize(
    "values",
    [
        list(range(19)),  # too few rows to tell
        [*range(30), 31],
        [None, *range(1, 30)],
        list(range(1990, 2021)),  # years
        (RNG.permutation(40) + 5).tolist(),
        [i / 2 for i in range(1, 41, 2)],  # a grid
    ],
)
def test_what_is_no_row_counter_is_a_number(values):
    assert why(values)[0] == "number"


# Codes


@pytest.mark.parametrize(
    "name", ["customer_no", "CustomerID", "account", "Account Number", "invoiceNr", "ref", "KD-Nr"]
)
def test_a_nearly_unique_column_called_a_code_is_left_out(name):
    numbers = RNG.integers(1, 10**6, N)
    numbers[1] = numbers[0]
    assert why(numbers.tolist(), name) == ("dropped", "nearly unique: looks like a code")
    texts = [f"K{n}" for n in numbers]
    assert why(texts, name) == ("dropped", "nearly unique: looks like a code")


@pytest.mark.parametrize("name", ["PAID", "volcano", "n_children", "number_of_rows", "balance"])
def test_a_word_that_only_holds_one_for_a_code_says_nothing(name):
    assert why((X * 1000).round().tolist(), name)[0] == "number"


def test_a_fraction_is_no_code_whatever_its_name():
    assert why(X.tolist(), "Reynolds number")[0] == "number"


def test_long_even_whole_numbers_are_codes_and_amounts_are_not():
    assert why(RNG.integers(10**7, 10**8, 300).tolist()) == (
        "dropped",
        "nearly unique: looks like a code",
    )
    sizes = {
        "amounts in cents": np.exp(RNG.normal(9, 1, 300)).round(2) * 100,
        "prices of one length": RNG.normal(500_000, 90_000, 300),
        "salaries": RNG.integers(20_000, 99_000, 300),
        "skewed": 100_000 + RNG.exponential(90_000, 300),
        "fewer rows": RNG.integers(10**7, 10**8, 90),
        "of many lengths": RNG.integers(0, 10**7, 300),
    }
    for name, values in sizes.items():
        assert why(np.rint(values).tolist(), name)[0] == "number", name


def test_an_id_that_repeats_is_a_code_unless_it_has_few_values():
    customers = RNG.integers(1000, 1100, N).tolist()
    assert why(customers, "customer_id") == ("dropped", "called an id: looks like a code")
    assert why([f"k{c}" for c in customers], "customer_id")[0] == "dropped"
    assert why([i % 5 for i in range(N)], "shop_id")[0] == "category"


def test_rows_of_one_id_are_told_apart_by_their_number():
    customers = [f"k{i // 4}" for i in range(N)]
    customers[3] = None
    table = table_from_columns({"customer_id": customers, "x": X, "y": X**2})
    detector = SOMDetector(encoder=TableEncoder(id="customer_id"), random_state=0).fit(table)
    alerts = detector.alerts(table, N)
    listed = alerts.to_table(detector.map_, table)
    assert listed.names[:3] == ("rank", "customer_id", "record")
    records = listed.column("record").numbers.astype(int)
    assert sorted(records) == list(range(1, N + 1))
    ids = listed.column("customer_id").cells
    assert all(ids[i] == (customers[r - 1] or "record 4") for i, r in enumerate(records))
    alone = detector.alerts(table.take(range(0, N, 4)), 5).to_table(detector.map_, table)
    assert "record" not in alone.names


# Outcomes


@pytest.mark.parametrize(
    "name", ["Class", "Y", "label", "TARGET", "outcome", "is_fraud", "isFraud", "default.payment"]
)
def test_what_looks_like_an_outcome_is_used_only_if_named(name):
    values = [0, 1, 1, 0] * (N // 4)
    kind, said = why(values, name)
    assert kind == "dropped"
    assert said.startswith("looks like an outcome")
    assert why(values, name, categories=(name,)) == ("category", "as asked")
    assert why(values, name, label=name)[0] == "label"
    assert why([0, 1, 2, 0] * (N // 4), name)[0] == "category"


def test_other_names_of_two_values_are_categories():
    for name in ("classic", "year", "y2", "paid", "my label"):
        assert why(["no", "yes"] * (N // 2), name)[0] == "category"


# Counts with leading zeros


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"{i % 12 + 1:02}" for i in range(N)], "number"),
        ([f"{i % 16:02}" for i in range(N)], "number"),
        ([f"{i % 120:03}" for i in range(N)], "number"),
        ([f"{i % 5 + 1:02}" for i in range(N)], "category"),  # codes of five kinds
        ([f"{7 * (i % 12):02}" for i in range(N)], "category"),  # gaps
        ([f"{i % 12 + 30:03}" for i in range(N)], "category"),  # far from 1
        ([f"{i % 12:04}" for i in range(N)], "category"),
        (["007", "0815"] * (N // 2), "category"),
    ],
)
def test_padded_texts_are_numbers_where_they_count(values, kind):
    assert why(values)[0] == kind
    if kind == "number":
        assert why(values, categories=("c",))[0] == "category"


def test_padded_texts_are_numbers_on_request():
    values = ["007", "0815", "12", None] * 5
    table = table_from_columns({"c": values})
    with rejected(column="c"):
        fit_encoding(table_from_columns({"c": ["007", "x"]}), Roles(numbers=("c",)))
    encoding = fit_encoding(table, Roles(numbers=("c",)), "fill")
    # The median is 12, the range 7 to 815.
    expected = [0, 1, 5 / 808, 5 / 808]
    np.testing.assert_allclose(encoding.encode(table)[:4, 0], expected, rtol=1e-12)
    assert Encoding.from_json(encoding.to_json()) == encoding
    back = TableEncoder(numbers=["c"], missing="fill").fit(table).inverse_transform([[0.0]])
    assert back.column("c").cells.tolist() == ["7"]


# Persons


def test_a_protected_column_is_listed_and_no_feature(tmp_path):
    table = table_from_columns({"sex": ["f", "m"] * 20, "x": X[:40], "y": X[40:80]})
    encoder = TableEncoder(protect=["sex"])
    detector = SOMDetector(encoder=encoder, random_state=0).fit(table)
    code = detector.map_.encoding.columns[0]
    assert (code.kind, code.why) == ("protected", "as asked")
    assert detector.map_.encoding.feature_names == ["x", "y"]
    without = SOMDetector(random_state=0).fit(table.without(["sex"]))
    np.testing.assert_array_equal(detector.score_samples(table), without.score_samples(table))
    write_csv(tmp_path / "a.csv", detector.alerts(table, 3).to_table(detector.map_, table))
    lines = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert {line["sex"] for line in lines} <= {"f", "m"}
    assert detector.score_samples(table.without(["sex"])).shape == (40,)
    with rejected(column="sex"):
        fit_encoding(table, Roles(drop=("sex",), protect=("sex",)))


@pytest.mark.parametrize(
    ("name", "is_personal"),
    [
        *((n, True) for n in ("sex", "Gender", "last_name", "surname", "personal_status_sex")),
        *((n, True) for n in ("nationality", "Religion", "ethnicity", "CustomerName")),
        *((n, False) for n in ("age", "product_name", "file name", "sextant", "amount", "Essex")),
    ],
)
def test_features_that_say_who_somebody_is_are_noted(name, is_personal):
    table = table_from_columns({name: ["a", "b"] * 20, "x": X[:40]})
    notes = notes_of(fit_encoding(table))
    assert [note.options for note in notes] == [f"--protect {name}"] * is_personal
    assert notes_of(fit_encoding(table, Roles(protect=(name,)))) == []


def test_notes_name_outcomes_counters_and_codes_once():
    table = table_from_columns(
        {
            "row": range(1, N + 1),
            "account": RNG.permutation(10**6)[:N],
            "Class": [0, 1] * (N // 2),
            "sex": ["f", "m"] * (N // 2),
            "surname": list("abcdefgh") * (N // 8),
            "x": X,
        }
    )
    outcome, unused, personal = notes_of(fit_encoding(table))
    assert outcome.startswith("'Class' looks like an outcome and is left out")
    assert outcome.options == "--label Class or --category Class"
    assert "'row' (a row counter), 'account' (nearly unique: looks like a code)" in unused
    assert personal == "'sex', 'surname' may be personal data. Consider protecting these columns"
    assert personal.options == "--protect sex --protect surname"


# Slips


def of_slip(value, row=7, column=3, n=300):
    cells = np.random.default_rng(1).normal(size=(n, 5))
    cells[:, 2] = np.exp(cells[:, 2])
    cells[row, column] = value
    return table_from_columns({f"c{j}": cells[:, j] for j in range(5)})


@pytest.mark.parametrize("column", [2, 3])
@pytest.mark.parametrize("value", [1e300, -1e300, 1e9])
def test_one_absurd_number_moves_no_other_score(value, column):
    table = of_slip(value, column=column)
    detector = SOMDetector(random_state=0).fit(table)
    scores = -detector.score_samples(table)
    gap = of_slip(np.nan, column=column)
    expected = -SOMDetector(random_state=0, missing="fill").fit(gap).score_samples(gap)
    others = np.arange(300) != 7
    np.testing.assert_allclose(scores[others], expected[others], rtol=0.01)
    alerts = detector.alerts(table, 1)
    assert alerts.rows[0] == 7
    assert alerts.reasons[0][0].column == f"c{column}"
    (note,) = notes_of(detector.map_.encoding)
    assert note.startswith(f"'c{column}' contains {value:g}, over a million times")
    saved = Encoding.from_json(detector.map_.encoding.to_json())
    np.testing.assert_array_equal(saved.encode(table), detector.map_.encoding.encode(table))


@pytest.mark.parametrize(
    "values",
    [
        [1e300] * 3,
        [1e12] * 3,
        [-1e12, 1e20, 1e300],
        [1e300, -1e300, 1e15, -1e20, 1e9],
        [1e9, 2e9, 3e9, 4e9, 5e9],
    ],
)
@pytest.mark.parametrize("n", [60, 200])
def test_a_handful_of_absurd_numbers_moves_no_other_score(values, n):
    rows = [7, 50, 21, 33, 44][: len(values)]
    table, gap = of_slip(values, rows, n=n), of_slip(np.nan, rows, n=n)
    detector = SOMDetector(random_state=0).fit(table)
    expected = -SOMDetector(random_state=0, missing="fill").fit(gap).score_samples(gap)
    others = np.delete(np.arange(n), rows)
    scores = -detector.score_samples(table)
    np.testing.assert_allclose(scores[others], expected[others], rtol=0.01)
    assert sorted(detector.alerts(table, len(rows)).rows[: len(rows)]) == sorted(rows)
    (note,) = notes_of(detector.map_.encoding)
    named = note.partition("contains ")[2].partition(", over a million times")[0].split(", ")
    assert named == [f"{value:g}" for value in sorted({*values})]


def test_many_slips_are_counted():
    values = RNG.normal(size=2000)
    values[:20] = 1e9 + np.arange(20) * 1e8
    assert "nothing learned from 1e+09, 1.1e+09, 1.2e+09, 1.3e+09, 1.4e+09 and 15 more" in (
        fit_encoding(table_from_columns({"c": values})).features[0].why
    )


HEAVY_TAILS = {
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "lognormal": lambda rng, n: rng.lognormal(0, 5, n),
    "lognormal, far from 0": lambda rng, n: 1e6 + rng.lognormal(0, 5, n),
    "Pareto": lambda rng, n: rng.pareto(1, n),
    "Student": lambda rng, n: rng.standard_t(1.5, n),
    "two sizes": lambda rng, n: rng.lognormal(0, 1, n) * np.where(rng.random(n) < 0.1, 1e8, 1),
}


@given(st.sampled_from([*HEAVY_TAILS]), st.integers(0, 2**32), st.sampled_from([60, 200, 5000]))
def test_heavy_tails_are_no_slips(name, seed, n):
    values = HEAVY_TAILS[name](np.random.default_rng(seed), n)
    if name == "two sizes":
        assume((values > 1e6).sum() > max(5, n / 100))
    code = fit_encoding(table_from_columns({"c": values, "d": np.arange(n) * 0.3})).features[0]
    assert (code.name, code.reach) == ("c", 0)


@given(
    st.lists(st.integers(-700, 700), min_size=30, max_size=60, unique=True),
    st.lists(st.sampled_from([1e10, -1e12, 1e300]), max_size=5),
    st.integers(0, 2**32),
)
def test_a_code_is_that_of_the_numbers_that_are_no_slips(values, slips, seed):
    mixed = np.random.default_rng(seed).permutation([*(v / 7 for v in values), *slips])
    gaps = np.where(np.abs(mixed) > 1e6, np.nan, mixed)
    given_, left = (
        fit_encoding(table_from_columns({"c": v}), Roles(numbers=("c",)), "fill").features[0]
        for v in (mixed, gaps)
    )
    assert (given_.reach > 0) == bool(slips)
    same = {"why": "", "is_whole": False, "has_gaps": False}
    assert replace(given_, reach=0, **same) == replace(left, **same)


def test_a_long_tail_is_no_slip():
    values = np.exp(RNG.normal(5, 3, 300))
    values[0] = 1e5 * values.max()
    code = fit_encoding(table_from_columns({"c": values})).features[0]
    assert (code.reach, code.width > 0) == (0, True)


@pytest.mark.parametrize(("n", "most"), [(300, 5), (900, 9)])
def test_more_than_a_handful_or_a_hundredth_are_no_slips(n, most):
    values = RNG.normal(size=n)
    values[:most] = 1e20
    assert fit_encoding(table_from_columns({"c": values})).features[0].reach > 0
    values[: most + 1] = 1e20
    assert fit_encoding(table_from_columns({"c": values})).features[0].reach == 0


def test_few_numbers_below_zero_are_told_of():
    amounts = np.random.default_rng(0).lognormal(5, 1, 200).round(2)
    amounts[7] = -12.5
    encoding = fit_encoding(table_from_columns({"amount": amounts}))
    (code,) = encoding.features
    assert code.why.endswith("; 1 of 200 below 0")
    assert notes_of(encoding) == [
        "'amount' is below 0 in 1 of 200 rows. Check these rows, because a wrong sign does not "
        "always cause a high score"
    ]
    assert notes_of(Encoding.from_json(encoding.to_json())) == notes_of(encoding)
    amounts[:3] = -1.0  # three of 200 are no slips any more
    assert notes_of(fit_encoding(table_from_columns({"amount": amounts}))) == []
    assert notes_of(fit_encoding(table_from_columns({"amount": np.abs(amounts)}))) == []
