"""A row of weight 2 is encoded as the row twice is, and one of weight 0 as if it were not there."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOM, SOMDetector, TableEncoder
from somscape._weights import Counted, counts_of
from somscape.tables import table_from_columns, table_from_frame
from somscape.tables._fit_encoding import fit_encoding

TOLD = {"ordinals": {"size": ["S", "M", "L", "XL"]}, "dates": ["day"]}
SETTINGS = [{}, {"scale": "range"}, {"tame": False}, {"missing": "fill"}, {"missing": "mask"}]


def mixed(n=90, seed=0, gaps=False):
    """A data frame with a column of every kind, ties and a long tail, and whole weights."""
    rng = np.random.default_rng(seed)
    columns = {
        "amount": rng.lognormal(3, 2, n).round(2),
        "age": rng.normal(40, 9, n).round(1),
        "rare": np.where(rng.random(n) < 0.1, rng.random(n), 0.5),
        "count": rng.integers(0, 5000, n),
        "job": rng.choice(["clerk", "nurse", "smith"], n),
        "size": rng.choice(["S", "M", "L", "XL"], n),
        "day": [dt.date(2024, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 500, n)],
    }
    frame = pl.DataFrame(columns)
    if gaps:
        holes = [pl.Series(rng.random(n) < 0.2) for _ in frame.columns]
        frame = frame.with_columns(
            pl.when(hole).then(None).otherwise(pl.col(name)).alias(name)
            for name, hole in zip(frame.columns, holes, strict=True)
        )
    return frame, rng.integers(0, 4, n)


def repeated(frame, weights):
    return frame[np.repeat(np.arange(len(frame)), weights).tolist()]


@pytest.mark.parametrize("parameters", SETTINGS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_whole_weights_encode_as_repeated_rows_do_to_the_bit(parameters, seed):
    frame, weights = mixed(seed=seed, gaps="missing" in parameters)
    plain = TableEncoder(**TOLD, **parameters).fit(frame)
    weighted = TableEncoder(**TOLD, **parameters).fit(frame, sample_weight=weights)
    twice = TableEncoder(**TOLD, **parameters).fit(repeated(frame, weights))
    assert weighted.encoding_ == twice.encoding_
    assert weighted.encoding_ != plain.encoding_


@pytest.mark.parametrize("weight", [1, 1.0, 0.25, 0.1, 5000, 1e9])
def test_equal_weights_change_no_bit(weight):
    # Weights that count no rows (fractions, or more than 1000 on average) are shares of them.
    frame, _ = mixed(gaps=True)
    plain = TableEncoder(**TOLD, missing="fill").fit(frame).encoding_
    weights = np.full(len(frame), weight)
    assert TableEncoder(**TOLD, missing="fill").fit(frame, None, weights).encoding_ == plain


def test_weighted_range_and_median_by_hand():
    # 1.5 once, 2.5 three times, 9.5 once: of 5 values the third is 2.5; plain it is 2.5 as well,
    # but with 9.5 four times the median of 1.5 2.5 9.5 9.5 9.5 9.5 is 9.5.
    frame = pl.DataFrame({"c": [1.5, 2.5, 9.5], "d": [0.5, 1.5, 2.25]})
    fills = [
        TableEncoder(missing="fill").fit(frame, None, w).encoding_.columns[0].fill
        for w in ([1, 3, 1], [1, 1, 4], [0, 1, 1])
    ]
    assert fills == [2.5, 9.5, 6.0]
    # Of 101 rows the usual range leaves out two at each end: 0.5 weighs 2, 100.5 weighs 3.
    values = [0.5, *(i + 1.5 for i in range(96)), 100.5]
    encoding = fit_encoding(table_from_columns({"c": values}), sample_weight=[2, *[1] * 96, 3])
    assert (encoding.columns[0].low, encoding.columns[0].span) == (1.5, 100.5 - 1.5)


def test_rows_of_weight_0_teach_nothing_and_are_encoded():
    frame = pl.DataFrame(
        {
            "n": [0.5, 1.5, 2.5, 1e6],
            "job": ["a", "b", "a", "c"],
            "same": ["x", "x", "x", "y"],
        }
    )
    encoder = TableEncoder(categories=["job"]).fit(frame, sample_weight=[1, 1, 1, 0])
    assert encoder.encoding_ == TableEncoder(categories=["job"]).fit(frame[:3]).encoding_
    rows = encoder.transform(frame)
    assert rows[3, 0] == 1e6 / 2 - 0.25
    assert rows[3, 1:].tolist() == [0, 0, 0.5**0.5]
    assert encoder.inverse_transform(rows)["same"].to_list() == ["x"] * 4
    reverse = TableEncoder(categories=["job"]).fit(frame[::-1], sample_weight=[0, 1, 1, 1])
    assert reverse.inverse_transform(rows)["same"].to_list() == ["x"] * 4


def test_weights_repeat_values_where_a_rule_asks_whether_they_repeat():
    table = table_from_columns({"n": [1, 2, 3, 4], "t": ["a", "b", "c", "d"], "x": [0.5, 1, 2, 3]})
    kinds = [
        [c.kind for c in fit_encoding(table, sample_weight=w).columns] for w in (None, [2, 2, 2, 2])
    ]
    assert kinds == [["number", "dropped", "number"], ["category", "category", "number"]]


@pytest.mark.parametrize("missing", ["error", "fill", "mask"])
def test_a_map_of_a_weighted_table_is_that_of_the_repeated_rows(missing):
    frame, weights = mixed(gaps=missing != "error")
    table = table_from_frame(frame.drop("day", "size"))
    index = np.repeat(np.arange(len(frame)), weights)
    settings = {"n_rows": 3, "n_cols": 4, "algorithm": "batch", "missing": missing}
    weighted = SOM(**settings).fit(table, sample_weight=weights)
    twice = SOM(**settings).fit(table.take(index))
    assert weighted.map_.encoding == twice.map_.encoding
    np.testing.assert_array_equal(weighted.codebook_, twice.codebook_)
    np.testing.assert_array_equal(weighted.labels_[index], twice.labels_)
    if missing != "mask":
        detector = SOMDetector(missing=missing, random_state=0).fit(table, sample_weight=weights)
        assert detector.map_.encoding == twice.map_.encoding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaps_of_a_weighted_array_are_filled_with_the_median_of_the_repeated_rows(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(dtype)
    X[rng.random(X.shape) < 0.2] = np.nan
    weights = rng.integers(0, 4, 60)
    weighted = SOM(3, 4, missing="fill", algorithm="batch").fit(X, sample_weight=weights)
    twice = SOM(3, 4, missing="fill", algorithm="batch").fit(np.repeat(X, weights, axis=0))
    assert weighted.map_.encoding == twice.map_.encoding
    np.testing.assert_array_equal(weighted.codebook_, twice.codebook_)
    half = SOM(3, 4, missing="fill").fit(X, sample_weight=np.full(60, 0.5)).map_.encoding
    assert half == SOM(3, 4, missing="fill").fit(X).map_.encoding


@pytest.mark.parametrize(
    "weights",
    [
        [1, 1],
        [1, -1, 1],
        [1, np.nan, 1],
        [0, 0, 0],
        ["a", "b", "c"],
        [0, 1, 0],
    ],
)
def test_weights_that_cannot_be_are_refused(weights):
    frame = pl.DataFrame({"c": [1.5, 2.5, 9.5]})
    for fit in (
        lambda: TableEncoder().fit(frame, sample_weight=weights),
        lambda: fit_encoding(table_from_frame(frame), sample_weight=weights),
        lambda: SOM(1, 2).fit(table_from_frame(frame), sample_weight=weights),
    ):
        with rejected():
            fit()


# What weights make of the values of a column


counts = st.lists(st.integers(1, 5), min_size=1, max_size=30)


@given(counts, st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.25, 0.5, 0.75, 0.98, 1.0]))
def test_quantiles_are_those_of_numpy_of_the_repeated_values(times, seed, q):
    values = np.random.default_rng(seed).integers(-4, 5, len(times)) * 0.7
    expected = np.quantile(np.repeat(values, times), q)
    counted = Counted.of(values, np.array(times, float))
    assert counted.quantile(q) == expected
    assert counted.n == sum(times)
    assert counted.quantile(q) == Counted.of(np.repeat(values, times)).quantile(q)
    assert counted.median() == np.median(np.repeat(values, times))


def test_fractions_weigh_quantiles():
    # Shares of 3 rows: 0.6, 1.2 and 1.2 of one.  The middle of 3 rows, place 1, is the second's.
    counted = Counted.of(np.array([3.0, 1.0, 2.0]), counts_of(np.array([0.2, 0.1, 0.2])))
    assert (counted.quantile(0), counted.quantile(0.5), counted.quantile(1)) == (1, 2, 3)


def test_counts_are_whole_weights_or_shares():
    assert counts_of(np.array([1.0, 0, 2])).tolist() == [1, 0, 2]
    assert counts_of(np.array([0.5, 0.5])) is None
    assert counts_of(np.array([3e6, 3e6])) is None
    assert counts_of(np.array([1.0, 1.0])) is None
    assert counts_of(np.array([2.0, 2.0])).tolist() == [2, 2]
    np.testing.assert_allclose(counts_of(np.array([1e6, 3e6])), [0.5, 1.5], rtol=1e-15)
