"""A mixed table becomes numbers on one scale, and comes back as what it was."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from texts import rejected

from somscape import SOM, TableEncoder
from somscape.tables import Encoding, Table, table_from_columns, table_from_frame
from somscape.tables._fit_encoding import fit_encoding

HALF = 0.5**0.5
N = 12
MIXED = {
    "amount": [1.25 + 0.75 * i for i in range(N)],
    "count": [100 + i for i in range(N)],
    "paid": [True, False, False] * 4,
    "city": ["Ulm", "Bonn", "Köln"] * 4,
    "size": ["S", "M", "L", "M"] * 3,
    "day": [dt.date(2024, 1, 1) + dt.timedelta(days=17 * i) for i in range(N)],
    "time": [dt.datetime(2024, 1, 1, 10, 30) + dt.timedelta(hours=17 * i) for i in range(N)],
    "rank": [1, 2, 3] * 4,
    "always": [7] * N,
}
TOLD = {"ordinals": {"size": ["S", "M", "L"]}, "dates": ["day", "time"]}


def encoded(values, **parameters):
    """The features of one column, and the encoder."""
    encoder = TableEncoder(**parameters)
    return encoder.fit_transform(pl.DataFrame({"c": values})), encoder


# By hand


def test_number_by_its_usual_range_and_by_its_full_range():
    # 201 rows 0.5 ... 200.5: the usual range leaves out 4 rows at each end, so 4.5 becomes 0
    # and 196.5 becomes 1.
    values = [i + 0.5 for i in range(201)]
    rows, _ = encoded(values)
    np.testing.assert_allclose(rows[[0, 4, 196], 0], [-4 / 192, 0, 1], rtol=1e-12)
    rows, _ = encoded(values, scale="range")
    np.testing.assert_allclose(rows[[0, 50, 200], 0], [0, 0.25, 1], rtol=1e-12)


def test_skew_is_tamed_unless_told_not_to():
    # Median 50, half interquartile range 20: 100,000 becomes asinh(4997.5), 10 asinh(-2).
    amounts = [10, 20, 30, 40, 50, 60, 70, 80, 100_000]
    rows, _ = encoded(amounts)
    low, high = np.arcsinh(-2), np.arcsinh(4997.5)
    np.testing.assert_allclose(rows[4, 0], -low / (high - low), rtol=1e-12)
    rows, _ = encoded(amounts, tame=False)
    np.testing.assert_allclose(rows[1, 0], 10 / 99_990, rtol=1e-12)


def test_category_and_boolean_have_a_feature_per_level_and_one_for_others():
    rows, encoder = encoded([True, False, True, True])
    assert encoder.get_feature_names_out().tolist() == ["c=False", "c=True", "c=(unseen)"]
    np.testing.assert_allclose(rows[:2], [[0, HALF, 0], [HALF, 0, 0]], rtol=1e-15)


def test_ordered_levels_are_equal_steps():
    rows, encoder = encoded(["M", "XL", "S", "M"], ordinals={"c": ["S", "M", "L", "XL"]})
    np.testing.assert_allclose(rows[:, 0], [1 / 3, 1, 0, 1 / 3], rtol=1e-15)
    assert encoder.inverse_transform([[0.49], [0.51], [7], [-7]])["c"].to_list() == [
        "M",
        "L",
        "XL",
        "S",
    ]


def test_ordered_numbers_come_back_as_numbers_also_where_none_was_seen():
    _, encoder = encoded([1, 5, 1], ordinals={"c": [1, 2, 5]})
    back = encoder.inverse_transform([[0.0], [0.5], [1.0]])
    assert back["c"].to_list() == [1, 2, 5]


def test_dates_are_scaled_by_their_days():
    days = [dt.date(2024, 2, 28), dt.date(2024, 3, 4), dt.date(2024, 2, 29)]
    # A leap year: 28 February to 4 March are 5 days.
    rows, encoder = encoded(days, dates=["c"])
    np.testing.assert_allclose(rows[:, 0], [0, 1, 0.2], rtol=1e-12)
    # 0.38 of the range are 1.9 days, nearest to 2.
    assert encoder.encoding_.features[0].unit == "D"
    assert encoder.inverse_transform([[0.38, 0, 0]])["c"].to_list() == [dt.date(2024, 3, 1)]
    # A time of day in a new row counts as the part of the day that it is.
    noon = pl.DataFrame({"c": [dt.datetime(2024, 2, 29, 12)]})
    np.testing.assert_allclose(encoder.transform(noon)[:, 0], [0.3], rtol=1e-12)


def test_dates_with_zones_are_compared_in_utc():
    texts = ["2024-01-01T01:00+01:00", "2024-01-01T02:00+00:00", "2024-01-01T01:00+00:00"]
    rows, encoder = encoded(texts, dates=["c"])
    np.testing.assert_allclose(rows[:, 0], [0, 1, 0.5], rtol=1e-12)
    back = encoder.inverse_transform(rows)["c"].to_list()
    assert back[0] == "2024-01-01T00:00:00+00:00"
    with rejected(file="X", row=0, column="c", value="2024-01-01T01:00"):
        encoder.transform(pl.DataFrame({"c": ["2024-01-01T01:00"]}))


@pytest.mark.parametrize(
    ("values", "parameters", "fill"),
    [
        ([1.5, None, 3.5, 9.5], {}, 3.5),
        (["M", "L", None, "S", "M"], {"ordinals": {"c": ["S", "M", "L"]}}, "M"),
        # The lower of the two in the middle, so that a level stands in.
        (["L", "S", None], {"ordinals": {"c": ["S", "M", "L"]}}, "S"),
        (
            [dt.date(2024, 1, 1), None, dt.date(2024, 1, 3), dt.date(2024, 1, 9)],
            {"dates": ["c"]},
            dt.date(2024, 1, 3),
        ),
        (["a", None, "b", "a", "b"], {}, None),
    ],
)
def test_missing_cells_become_the_median_or_a_level(values, parameters, fill):
    with rejected(parameter="missing", file="X", column="c"):
        encoded(values, **parameters)
    rows, encoder = encoded(values, missing="fill", **parameters)
    back = encoder.inverse_transform(rows)["c"].to_list()
    assert back == [fill if value is None else value for value in values]


# The same encoding as the map's, and what the parameters add


def test_encoding_is_that_of_the_table():
    frame = pl.DataFrame(MIXED)
    table = table_from_frame(frame)
    encoder = TableEncoder().fit(frame)
    assert encoder.encoding_ == fit_encoding(table)
    np.testing.assert_array_equal(encoder.transform(frame), fit_encoding(table).encode(table))
    piped = make_pipeline(TableEncoder(), SOM(3, 4)).fit(frame)
    np.testing.assert_array_equal(piped.predict(frame), SOM(3, 4).fit(table).labels_)


def test_encoding_with_dates_and_ordered_levels_survives_json():
    encoder = TableEncoder(**TOLD).fit(pl.DataFrame(MIXED))
    kinds = {code.name: code.kind for code in encoder.encoding_.columns}
    assert kinds == {
        "amount": "number",
        "count": "number",
        "paid": "category",
        "city": "category",
        "size": "ordinal",
        "day": "date",
        "time": "date",
        "rank": "category",
        "always": "constant",
    }
    text = json.dumps(encoder.encoding_.to_json(), allow_nan=False)
    assert Encoding.from_json(json.loads(text)) == encoder.encoding_


def test_columns_are_taken_as_told():
    told = TableEncoder(categories=["count"], numbers=["rank"], drop=["city"])
    kinds = {c.name: c.kind for c in told.fit(pl.DataFrame(MIXED)).encoding_.columns}
    assert (kinds["count"], kinds["rank"], kinds["city"]) == ("category", "number", "dropped")
    assert kinds["day"] == "date"


@pytest.mark.parametrize(("n_levels", "is_refused"), [(60, False), (61, True)])
def test_max_levels_is_the_most_that_text_may_have(n_levels, is_refused):
    frame = pl.DataFrame({"c": [f"t{i % n_levels}" for i in range(200)]})
    if is_refused:
        with rejected(parameter="max_levels", file="X", column="c", value=61):
            TableEncoder(max_levels=60).fit(frame)
    else:
        assert TableEncoder(max_levels=60).fit_transform(frame).shape == (200, 61)


def test_level_that_was_not_seen_is_far_from_all_and_comes_back_as_missing():
    frame = pl.DataFrame({"c": ["a", "b", "a", "b"]})
    encoder = TableEncoder().fit(frame)
    rows = encoder.transform(pl.DataFrame({"c": ["new"]}))
    np.testing.assert_allclose(rows, [[0, 0, HALF]], rtol=1e-15)
    assert encoder.inverse_transform(rows)["c"].to_list() == [None]


def test_level_that_an_ordered_category_lacks_is_refused_with_its_place():
    _, encoder = encoded(["S", "M", "S"], ordinals={"c": ["S", "M"]})
    with rejected(file="X", row=1, column="c", value="XL"):
        encoder.transform(pl.DataFrame({"c": ["S", "XL"]}))
    with rejected(file="X", row=2, column="c", value="M"):
        encoded(["S", "L", "M"], ordinals={"c": ["S", "L"]})


# And back


def pandas_frame():
    frame = pd.DataFrame(MIXED)
    frame["time"] = pd.to_datetime(frame["time"])
    frame["zone"] = frame["time"].dt.tz_localize("Europe/Berlin")
    frame["kind"] = frame["city"].astype("category")
    frame["whole"] = frame["count"].astype("Int64")
    frame["small"] = frame["amount"].astype("float32")
    return frame


def polars_frame():
    return pl.DataFrame(MIXED).with_columns(
        zone=pl.col("time").dt.replace_time_zone("Europe/Berlin"),
        kind=pl.col("city").cast(pl.Categorical),
        whole=pl.col("count").cast(pl.UInt8),
        small=pl.col("amount").cast(pl.Float32),
    )


def told(frame):
    return TableEncoder(**{**TOLD, "dates": ["day", "time", "zone"]}).fit(frame)


def test_pandas_frame_comes_back_with_its_types():
    frame = pandas_frame()
    encoder = told(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    pd.testing.assert_frame_equal(back, frame, rtol=1e-12)


def test_polars_frame_comes_back_with_its_types():
    frame = polars_frame()
    encoder = told(frame)
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)
    encoder = told(frame.lazy())
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame.lazy())), frame)


def test_arrow_table_comes_back_with_its_types():
    table = polars_frame().drop("kind").to_arrow()
    encoder = told(table)
    back = encoder.inverse_transform(encoder.transform(table))
    assert isinstance(back, pa.Table)
    assert back.schema.types == table.schema.types
    assert back["day"].to_pylist() == table["day"].to_pylist()


def test_table_comes_back_as_a_table():
    table = table_from_columns(MIXED, "mixed")
    encoder = TableEncoder(**TOLD).fit(table)
    assert encoder.feature_names_in_.tolist() == list(MIXED)
    back = encoder.inverse_transform(encoder.transform(table))
    assert isinstance(back, Table)
    assert back.source == "mixed"
    for name in ("count", "paid", "city", "size", "day", "rank", "always"):
        assert back.column(name).cells.tolist() == table.column(name).cells.tolist(), name
    moments = [dt.datetime.fromisoformat(cell) for cell in back.column("time").cells]
    assert moments == MIXED["time"]
    part = table.select(["rank", "time", "size", "day", "city", "paid", "count", "amount"])
    np.testing.assert_array_equal(encoder.transform(part), encoder.transform(table))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_array_of_numbers_comes_back_with_its_type(dtype):
    X = np.array([[1, 2, 7], [3, 1, 7], [2, 9, 7], [3, 9, 7]], dtype=dtype)
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1"]  # x2 never varies
    back = encoder.inverse_transform(encoder.transform(X))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, X, rtol=1e-6)
    assert not hasattr(encoder, "feature_names_in_")


def test_array_of_objects_is_read_as_a_frame_is():
    rows = [["a", 1.5, True], ["b", 2.5, False], ["a", 4.0, False], ["b", 2.0, True]]
    encoder = TableEncoder().fit(rows)
    assert [c.kind for c in encoder.encoding_.columns] == ["category", "number", "category"]
    back = encoder.inverse_transform(encoder.transform(rows))
    assert back.dtype == object
    assert back.tolist() == rows
    np.testing.assert_array_equal(
        encoder.transform(np.array(rows, object)), encoder.transform(rows)
    )


def test_columns_left_out_of_an_array_come_back_empty():
    X = np.array([[1.5, 2.5, np.nan], [3.5, 1.5, np.nan], [2.5, 9.5, np.nan]])
    encoder = TableEncoder(missing="fill", drop=["x0"]).fit(X)
    back = encoder.inverse_transform(encoder.transform(X))
    np.testing.assert_allclose(back, np.where([True, False, True], np.nan, X), rtol=1e-12)


def test_text_comes_back_as_it_was_written():
    grades = ["1.50", "2.0", "n.b.", "1.50", "2.0", "n.b."]
    rows, encoder = encoded(grades)
    assert encoder.inverse_transform(rows)["c"].to_list() == grades


@pytest.mark.parametrize("values", [[1, 2, 1, 2], [True, False, True, False]])
def test_unseen_level_of_a_type_that_cannot_miss_gets_one_that_can(values):
    encoder = TableEncoder().fit(pd.DataFrame({"c": values}))
    back = encoder.inverse_transform([[HALF, 0, 0], [0, 0, HALF]])["c"]
    assert back.isna().tolist() == [False, True]
    assert back[0] == min(values)


def numbers_and_more(n):
    numbers = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))
    days = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
    moments = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(
        lambda m: m.replace(microsecond=0)
    )
    columns = {
        "number": st.lists(numbers, min_size=n, max_size=n),
        "whole": st.lists(st.integers(-(10**9), 10**9), min_size=n, max_size=n),
        "truth": st.lists(st.booleans(), min_size=n, max_size=n),
        "text": st.lists(st.sampled_from(["a", "b b", "7", "ü"]), min_size=n, max_size=n),
        "level": st.lists(st.sampled_from(["low", "mid", "high"]), min_size=n, max_size=n),
        "day": st.lists(days, min_size=n, max_size=n),
        "moment": st.lists(moments, min_size=n, max_size=n),
    }
    return st.fixed_dictionaries(columns)


@pytest.mark.nightly
@settings(max_examples=60, deadline=None)
@given(
    numbers_and_more(20),
    st.sampled_from(["robust", "range"]),
    st.booleans(),
    st.sampled_from([pd.DataFrame, pl.DataFrame]),
)
def test_decoding_undoes_encoding(columns, scale, tame, make):
    frame = make({**columns, "anchor": np.arange(20) + 0.5})
    encoder = TableEncoder(
        scale=scale,
        tame=tame,
        ordinals={"level": ["low", "mid", "high"]},
        dates=["day", "moment"],
    ).fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert "anchor" in back.columns
    for name in back.columns:
        found, original = back[name].to_list(), frame[name].to_list()
        if name in ("number", "anchor"):
            size = max(map(abs, original))
            np.testing.assert_allclose(found, original, rtol=1e-9, atol=1e-12 * size)
        else:
            assert found == original, name


# Hostile


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_one_row_and_no_row_are_refused_by_fit(make):
    with rejected(file="X", value=1):
        TableEncoder().fit(make({"x": [1.5]}))
    with rejected(file="X"):
        TableEncoder().fit(make({"x": []}))
    encoder = TableEncoder().fit(make({"x": [1.5, 2.5]}))
    assert encoder.transform(make({"x": [2.0]})).tolist() == [[0.5]]
    with rejected(file="X"):
        encoder.transform(make({"x": []}))


def test_columns_without_a_difference_are_left_out_and_nothing_left_is_refused():
    frame = pl.DataFrame({"empty": [None] * 4, "same": [3] * 4, "x": [1.5, 2, 3, 4]})
    encoder = TableEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["x"]
    assert encoder.inverse_transform([[0.0]]).to_dict(as_series=False) == {"same": [3], "x": [1.5]}
    with rejected(file="X"):
        TableEncoder().fit(frame.drop("x"))


def test_columns_of_the_same_name_are_refused():
    frame = pd.DataFrame([[1.5, 2.5], [3.5, 4.5]], columns=["a", "a"])
    with rejected(file="X"):
        TableEncoder().fit(frame)


def test_column_of_mixed_values_is_text_and_comes_back_as_it_was():
    values = ["a", 1, 2.5, None, "a", 1, 2.5, True, True]
    frame = pd.DataFrame({"c": pd.Series(values, dtype=object), "x": np.arange(9) + 0.5})
    encoder = TableEncoder(missing="fill").fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))["c"].tolist()
    assert [None if pd.isna(v) else v for v in back] == values


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, pd.NA])
def test_every_kind_of_missing_cell_is_missing(missing):
    frame = pd.DataFrame({"c": pd.Series(["a", missing, "b", "a", "b"], dtype=object)})
    with rejected(parameter="missing", file="X", row=1, column="c"):
        TableEncoder().fit(frame)
    assert TableEncoder(missing="fill").fit(frame).encoding_.features[0].levels == (
        "a",
        "b",
        "(missing)",
    )


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinities_are_refused_with_their_place(value):
    X = np.arange(12.0).reshape(6, 2)
    encoder = TableEncoder().fit(X)
    X[3, 1] = value
    with rejected(parameter="X", column="x1"):
        TableEncoder().fit(X)
    with rejected(parameter="X", column="x1"):
        encoder.transform(X)
    with rejected(column="b"):
        TableEncoder().fit(pl.DataFrame(X, schema=["a", "b"]))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_missing_columns_are_named(make):
    frame = make({name: MIXED[name] for name in ("amount", "city", "rank")})
    encoder = TableEncoder().fit(frame)
    with pytest.raises(ValueError, match=r"(?s)missing.*city"):
        encoder.transform(frame[["amount", "rank"]])
    table = table_from_frame(frame).without("city")
    with rejected(file="data frame", column="city"):
        encoder.transform(table)


def test_columns_without_text_as_names_are_taken_in_their_order():
    frame = pd.DataFrame([["a", 1.5], ["b", 2.5], ["a", 3.5], ["b", 2]])
    encoder = TableEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    pd.testing.assert_frame_equal(back, frame)
    np.testing.assert_array_equal(encoder.transform(frame.to_numpy()), encoder.transform(frame))


@pytest.mark.parametrize(
    "cell",
    ["soon", "2024-01-31T10:00Z", 45_000],
)
def test_what_is_no_date_is_refused_with_its_place(cell):
    values = ["2024-01-01", "2024-01-02"]
    _, encoder = encoded(values, dates=["c"])
    with rejected(file="X", row=0, column="c"):
        encoder.transform(pl.DataFrame({"c": [cell]}))
    if isinstance(cell, str):
        with rejected(file="X", row=2, column="c"):
            encoded([*values, cell], dates=["c"])


def test_one_date_written_in_two_ways_is_constant():
    frame = pl.DataFrame({"c": ["2024-01-01", "2024-01-01T00:00"], "x": [1.5, 2.5]})
    encoder = TableEncoder(dates=["c"]).fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["x"]
    assert encoder.inverse_transform([[0.0]])["c"].to_list() == ["2024-01-01"]


def test_far_dates_stay_within_what_a_frame_can_hold():
    days = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 1, 1)]
    rows, encoder = encoded(days, dates=["c"])
    assert encoder.inverse_transform(rows)["c"].to_list() == days
    assert encoder.inverse_transform([[-5, 0, 0], [1e6, 0, 0]])["c"].to_list() == days[:2]


@pytest.mark.parametrize(
    "parameters",
    [
        {"missing": "drop"},
        {"scale": "minmax"},
        {"tame": "yes"},
        {"max_levels": 1},
        {"max_levels": 1001},
        {"drop": "city"},
        {"dates": [3]},
        {"numbers": 3},
        {"ordinals": ["size"]},
        {"ordinals": {"size": "SML"}},
        {"ordinals": {"size": ["S"]}},
        {"ordinals": {"size": ["S", "M", "L", "S"]}},
        {"ordinals": {"size": ["NA", "S", "M", "L"]}},
        {"drop": ["citi"]},
        {"ordinals": {"sizes": ["S", "M"]}},
        {"drop": ["city"], "categories": ["city"]},
    ],
)
def test_parameters_that_cannot_be_used_are_named(parameters):
    with rejected((TypeError, ValueError)):
        TableEncoder(**parameters).fit(pl.DataFrame(MIXED))


def test_encoded_rows_of_another_width_are_refused():
    encoder = TableEncoder().fit(pl.DataFrame(MIXED))
    with rejected(parameter="X", value=3):
        encoder.inverse_transform(np.zeros((2, 3)))


def test_rows_that_are_no_encoded_ones_are_refused_by_name():
    amounts = [10, 20, 30, 40, 50, 60, 70, 80, 100_000]
    _, encoder = encoded(amounts)
    with rejected(parameter="X", column="c"):
        encoder.inverse_transform([[0.5], [1e5]])


def test_features_of_the_same_name_are_refused():
    frame = pl.DataFrame({"c": ["x", "y"] * 3, "c=x": [1.5, 2, 3, 4, 5, 6]})
    with rejected(column="c=x"):
        TableEncoder().fit(frame)


def test_array_of_booleans_is_numbers():
    X = np.array([[True, False], [False, True], [True, True]])
    encoder = TableEncoder().fit(X)
    assert encoder.transform(X).tolist() == [[1, 0], [0, 1], [1, 1]]
    assert encoder.inverse_transform(encoder.transform(X)).tolist() == X.tolist()


# In scikit-learn


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_transform_gives_data_frames_on_request_and_takes_them_back(library):
    frame = pandas_frame() if library == "pandas" else polars_frame()
    encoder = told(frame).set_output(transform=library)
    rows = encoder.transform(frame)
    assert type(rows).__module__.startswith(library)
    assert list(rows.columns) == encoder.get_feature_names_out().tolist()
    assert encoder.inverse_transform(rows)["size"].to_list() == MIXED["size"]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_stands_in_a_column_transformer_and_a_pipeline(make):
    frame = make({name: MIXED[name] for name in ("amount", "city", "size")})
    columns = ColumnTransformer(
        [
            ("mixed", TableEncoder(), ["amount", "city"]),
            ("ordered", TableEncoder(ordinals=TOLD["ordinals"]), ["size"]),
        ]
    )
    pipeline = make_pipeline(columns, SOM(2, 3)).fit(frame)
    assert pipeline.predict(frame).shape == (N,)
    names = pipeline[0].get_feature_names_out().tolist()
    assert names[0] == "mixed__amount"
    assert names[-1] == "ordered__size"
    whole = TableEncoder(ordinals=TOLD["ordinals"]).fit_transform(frame)
    np.testing.assert_array_equal(pipeline[0].transform(frame), whole)
