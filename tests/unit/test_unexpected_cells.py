"""Cells that are not what a column was taken for: numbers as text, new levels, complex, nested."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from texts import rejected

from somscape import SOM, SOMDetector, TableEncoder
from somscape.errors import SomscapeWarning
from somscape.tables import read_table, table_from_columns, table_from_frame
from somscape.tables._fit_encoding import fit_encoding

N = 40


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, N),
            "income": rng.gamma(2, 1000, N).round(2),
            "job": rng.choice(["clerk", "cook", "nurse"], N),
        }
    )


@pytest.fixture(scope="module")
def detector(frame):
    settings = {"som": SOM(3, 4), "n_maps": 1, "random_state": 0}
    return SOMDetector(encoder=TableEncoder(), **settings).fit(frame)


# Numbers as text


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_text_that_spells_numbers_is_read_where_a_number_is_due(frame, detector, library):
    text = frame.astype(str)
    text = text if library == "pandas" else pl.from_pandas(text)
    np.testing.assert_array_equal(detector.predict(text), detector.predict(frame))
    np.testing.assert_array_equal(detector.alerts(text, 5).rows, detector.alerts(frame, 5).rows)
    paid = detector.alerts(text, amount="income", cost=1.0)
    assert paid.n_alerts == detector.alerts(frame, amount="income", cost=1.0).n_alerts


def test_numbers_as_text_may_have_decimal_commas(frame, detector):
    with_commas = frame.astype({"income": str})
    with_commas["income"] = with_commas["income"].str.replace(".", ",")
    np.testing.assert_array_equal(detector.predict(with_commas), detector.predict(frame))


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "12"],  # leading zeros: a name
        ["12", "word"],
        ["1,234", "12"],  # 1.234 or 1234
        ["inf", "1"],
    ],
)
def test_text_that_is_no_number_is_named(frame, detector, cells):
    new = frame.head(2).assign(age=cells)
    with rejected(file="X", column="age"):
        detector.predict(new)


def test_a_file_with_leading_zeros_is_refused_in_one_line(frame, detector, tmp_path):
    (tmp_path / "new.csv").write_text("age,income,job\n007,1,cook\n010,2,cook\n")
    with rejected(file="new.csv", row=0, column="age", value="007"):
        detector.alerts(read_table(tmp_path / "new.csv"))


def test_a_column_named_as_numbers_may_be_text(frame):
    text = frame.astype({"age": str})
    encoder = TableEncoder(numbers=["age"]).fit(text)
    rows = encoder.transform(text)
    np.testing.assert_array_equal(
        rows, TableEncoder(numbers=["age"]).fit_transform(frame.astype({"age": int}))
    )
    assert encoder.inverse_transform(rows)["age"].tolist() == text["age"].tolist()
    with rejected(column="job"):
        TableEncoder(numbers=["job"]).fit(frame)


def test_numbers_that_are_taken_as_text_are_told(frame):
    with pytest.warns(SomscapeWarning, match="as text.*'age', 'income'.*to_numeric"):
        encoding = fit_encoding(table_from_frame(frame.astype(str)))
    assert [code.kind for code in encoding.columns] == ["dropped", "dropped", "category"]


def test_text_that_would_be_a_category_as_numbers_too_is_no_matter(frame):
    codes = frame.assign(code=[str(i % 4) for i in range(N)])  # 4 whole numbers, which repeat
    named = frame.assign(plz=[str(1000 + i) for i in range(N)], id=[str(i) for i in range(N)])
    assert fit_encoding(table_from_frame(codes)).columns[-1].kind == "category"
    TableEncoder(drop=["plz"]).fit(named)  # no warning, which would be an error


def test_numbers_as_text_that_an_encoder_refuses_are_named_as_such():
    many = pd.DataFrame({"x": [str(i) for i in range(200)], "y": range(200)})
    with rejected(parameter="max_levels", file="X", column="x", value=200):
        TableEncoder().fit(many)


# Levels


def test_most_cells_of_a_level_that_the_map_never_saw_are_told(frame, detector):
    with pytest.warns(
        SomscapeWarning, match=r"40 of 40 cells of 'job'.*not in the training table \('baker'\)"
    ):
        detector.predict(frame.assign(job="baker"))
    half = frame.assign(job=["baker", "cook"] * (N // 2))
    detector.predict(half)  # half are not most
    detector.predict(frame.head(9).assign(job="baker"))  # a few rows show nothing
    paid = fit_encoding(table_from_columns({"paid": [True, False] * 10, "x": range(20)}))
    words = table_from_columns({"paid": ["yes", "no"] * 10, "x": range(20)})
    with pytest.warns(SomscapeWarning, match=r"20 of 20 cells of 'paid'.*\('yes', 'no'\)"):
        paid.encode(words)


# What is no cell


@pytest.mark.parametrize("make", [SOM, TableEncoder])
@pytest.mark.parametrize(
    "values",
    [
        np.full(N, 1j),
        [[1, 2]] * N,
        [{"a": 1}] * N,
        ["a", (1, 2)] * (N // 2),
    ],
)
def test_complex_and_nested_values_are_refused(frame, make, values):
    with rejected(file="X", column="z"):
        make().fit(frame.assign(z=values))


def test_a_column_without_any_value_is_the_same_in_pandas_and_polars():
    numbers = {"x": np.arange(20.0).tolist(), "z": [None] * 20}
    for frame in (pd.DataFrame(numbers), pl.DataFrame(numbers)):
        with rejected(parameter="X", row=0):
            SOM(2, 2).fit(frame)
