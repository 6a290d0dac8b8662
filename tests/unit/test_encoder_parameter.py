"""``encoder``: what estimators make of tables, data frames and arrays, and what they say of it."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from nightly import nightly
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from texts import rejected

from somscape import SOM, SOMClassifier, SOMDetector, SOMImputer, SOMRegressor, TableEncoder
from somscape.errors import SomscapeWarning
from somscape.tables import table_from_frame

N = 96

by_rule = pytest.mark.filterwarnings("ignore:X has text, categories or dates")
"""For tests of encoder="auto"; Further tests test the warning."""


def columns():
    """A column of each kind, most with missing cells."""
    rng = np.random.default_rng(0)
    ages = rng.integers(18, 90, N)
    return {
        "customer_id": [f"c{i:02}" for i in range(N)],
        "amount": [None if i % 17 == 0 else v for i, v in enumerate(rng.normal(50, 9, N).tolist())],
        "age": [None if i % 11 == 0 else v for i, v in enumerate(ages.tolist())],
        "visits": rng.integers(0, 600, N).tolist(),
        "job": ["clerk", "nurse", None, "cook"] * (N // 4),
        "paid": rng.integers(0, 2, N).astype(bool).tolist(),
        "member": [True, None, False] * (N // 3),
        "since": [dt.date(2020, 1, 1) + dt.timedelta(int(d)) for d in rng.integers(0, 900, N)],
        "churned": ["no", "yes", None] * (N // 3),
    }


def in_pandas(columns):
    frame = pd.DataFrame(columns)
    return frame.assign(kind=frame["job"].astype("category"))


def in_polars(columns):
    return pl.DataFrame(columns).with_columns(kind=pl.col("job").cast(pl.Categorical))


LIBRARIES = {
    "pandas": in_pandas,
    "pandas with missing values": lambda columns: in_pandas(columns).convert_dtypes(),
    "pandas from polars": lambda columns: in_polars(columns).to_pandas(),
    "polars": in_polars,
    "lazy polars": lambda columns: in_polars(columns).lazy(),
    "pyarrow": lambda columns: in_polars(columns).to_arrow(),
    "table": lambda columns: table_from_frame(in_polars(columns), "X"),
}


def part_of(data, names):
    return data[names] if isinstance(data, pd.DataFrame) else data.select(names)


ENCODERS = {
    "auto": {"encoder": "auto", "missing": "fill"},
    "given": {"encoder": TableEncoder(label="churned", dates=["since"], missing="fill")},
}


# The same table from every library


@by_rule
@pytest.mark.parametrize("encoder", ["auto", *nightly(sorted(ENCODERS.keys() - {"auto"}))])
@pytest.mark.parametrize("library", LIBRARIES)
def test_each_library_gives_the_same_map(library, encoder):
    data, expected = (LIBRARIES[name](columns()) for name in (library, "polars"))
    som = SOM(4, 5, **ENCODERS[encoder]).fit(data)
    same = SOM(4, 5, **ENCODERS[encoder]).fit(expected)
    np.testing.assert_array_equal(som.codebook_, same.codebook_)
    assert som.map_.encoding == same.map_.encoding
    for rows in (data, expected):
        np.testing.assert_array_equal(som.predict(rows), same.labels_)
        np.testing.assert_array_equal(som.transform(rows), same.transform(expected))
    som = SOM(4, 5)
    detector = SOMDetector(som=som, random_state=0, **ENCODERS[encoder]).fit(data)
    same = SOMDetector(som=som, random_state=0, **ENCODERS[encoder]).fit(expected)
    np.testing.assert_array_equal(detector.score_samples(data), same.score_samples(expected))
    np.testing.assert_array_equal(detector.p_values(data), same.p_values(expected))


@pytest.mark.parametrize("library", [name for name in LIBRARIES if name != "table"])
def test_a_frame_of_numbers_is_taken_as_it_is(library):
    names = ("amount", "age", "visits", "paid", "member")
    chosen = {name: columns()[name] for name in names}
    data = LIBRARIES[library]({**chosen, "job": columns()["job"]})
    data = part_of(data, list(names))
    array = np.array([[np.nan if v is None else v for v in chosen[name]] for name in names]).T
    som = SOM(4, 5, missing="fill").fit(data)
    np.testing.assert_array_equal(
        som.codebook_, SOM(4, 5, missing="fill").fit(array.astype(float)).codebook_
    )
    assert som.feature_names_in_.tolist() == list(names)
    assert som.explain_defaults_["encoder"].startswith("The data frame contains only numbers")
    np.testing.assert_array_equal(som.predict(data), som.labels_)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        som.predict(array)


@by_rule
def test_values_of_a_column_of_objects_say_what_it_is():
    numbers = pd.DataFrame({"a": pd.Series([1, None, 2.5] * 9, dtype=object), "b": range(27)})
    assert SOM(2, 3, missing="fill").fit(numbers).map_.encoding.is_plain
    huge = numbers.assign(a=pd.Series([1, None, 10**400] * 9, dtype=object))
    with rejected(parameter="X", column="a"):
        SOM(2, 3, missing="fill").fit(huge)
    mixed = numbers.assign(a=pd.Series([1, None, "x"] * 9, dtype=object))
    assert not SOM(2, 3, missing="fill").fit(mixed).map_.encoding.is_plain


# What was done


def test_none_never_encodes():
    frame = in_pandas(columns())
    with rejected(parameter="X", column="job"):
        SOM(2, 3, encoder=None).fit(frame[["job", "visits"]])
    with rejected(file="data frame", row=0, column="job", value="clerk"):
        SOM(2, 3, encoder=None).fit(table_from_frame(frame[["job", "visits"]]))
    numbers = frame[["visits", "paid"]].astype(float) / [600, 1]
    som = SOM(2, 3, encoder=None).fit(numbers)
    assert "encoder" not in som.explain_defaults_
    of_table = SOM(2, 3, encoder=None).fit(table_from_frame(numbers))
    np.testing.assert_array_equal(of_table.codebook_, som.codebook_)
    assert of_table.feature_names_in_.tolist() == ["visits", "paid"]
    np.testing.assert_array_equal(of_table.predict(table_from_frame(numbers)), som.labels_)


def test_durations_are_refused_by_name():
    frame = in_pandas(columns()).assign(wait=pd.to_timedelta(np.arange(N), unit="D"))
    with rejected(parameter="X", column="customer_id"):
        SOM(2, 3, missing="fill").fit(frame)


def test_dates_alone_are_enough():
    days = pd.DataFrame({"since": pd.bdate_range("2026-01-01", periods=60)})
    som = SOM(2, 3).fit(days)
    names = ["since", "since: weekday (cos)", "since: weekday (sin)"]
    assert som.map_.encoding.feature_names == names
    assert som.explain_defaults_["encoder"].endswith("from dates also 'since: weekday'.")


# Numbers that another column scales


def estimators(**settings):
    som = SOM(2, 3)
    return {
        "SOM": SOM(2, 3, **settings),
        "SOMDetector": SOMDetector(som=som, random_state=0, **settings),
        "SOMClassifier": SOMClassifier(som, random_state=0, **settings),
        "SOMRegressor": SOMRegressor(som, random_state=0, **settings),
    }


@pytest.mark.nightly
@pytest.mark.parametrize("kind", estimators())
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "lazy polars"])
def test_numbers_that_are_scaled_because_of_another_column_are_named_once(kind, library):
    names = {"visits", "job", "since"}
    cells = {name: cells for name, cells in columns().items() if name in names}
    cells["job"] = ["clerk", "nurse", "cook", "cook"] * (N // 4)
    frame, target = LIBRARIES[library](cells), [True, False] * (N // 2)
    frame = part_of(frame, ["visits", "job", "since"])
    with pytest.warns(SomscapeWarning) as caught:
        fitted = estimators()[kind].fit(frame, target)
    assert len(caught) == 1
    assert all(f"'{name}'" in str(caught[0].message) for name in names)
    assert caught[0].filename == __file__
    fitted.predict(frame)  # in silence, as all below
    stated = estimators(encoder=TableEncoder())[kind].fit(frame, target)
    assert stated.map_.encoding == fitted.map_.encoding
    np.testing.assert_array_equal(stated.map_.codebook, fitted.map_.codebook)
    estimators()[kind].fit(part_of(frame, ["visits"]), target)
    estimators()[kind].fit(table_from_frame(frame), target)  # a table is encoded in any case


def test_a_frame_whose_numbers_stay_as_they_are_needs_no_warning():
    frame = in_pandas(columns())
    SOM(2, 3, missing="fill").fit(frame[["job", "paid", "kind"]])  # no number is a feature
    start = SOM(2, 3, encoder=TableEncoder(missing="fill")).fit(frame[["visits", "job"]])
    SOM(init=start.map_, missing="fill").partial_fit(frame[["visits", "job"]])


# An encoder that is passed


def test_an_unfitted_encoder_learns_from_the_data_and_stays_as_it_was():
    frame = in_pandas(columns())
    encoder = TableEncoder(label="churned", missing="fill")
    som = SOM(4, 5, encoder=encoder).fit(frame)
    assert not hasattr(encoder, "encoding_")
    learned = clone(encoder).fit(frame)
    assert som.map_.encoding == learned.encoding_
    np.testing.assert_array_equal(som.codebook_, SOM(4, 5).fit(learned.transform(frame)).codebook_)
    assert som.map_.encoding.named("label") == "churned"
    other = som.fit(frame.assign(visits=frame["visits"] * 7)).map_.encoding
    assert other != learned.encoding_


def test_a_fitted_encoder_is_used_as_it_is():
    frame = in_pandas(columns())
    encoder = TableEncoder(missing="fill").fit(frame)
    later = frame.assign(visits=frame["visits"] * 7)
    som = SOM(4, 5, encoder=encoder).fit(later)
    assert som.map_.encoding is encoder.encoding_
    np.testing.assert_array_equal(som.codebook_, SOM(4, 5).fit(encoder.transform(later)).codebook_)


def test_weights_reach_the_encoder():
    frame, weights = in_pandas(columns()), np.arange(N) % 3
    encoder = TableEncoder(missing="fill")
    som = SOM(4, 5, encoder=encoder).fit(frame, sample_weight=weights)
    assert som.map_.encoding == encoder.fit(frame, sample_weight=weights).encoding_


def test_an_encoder_reads_arrays_too():
    rows = [[job, float(n), True] for job, n in zip("abab" * 6, range(24), strict=True)]
    encoder = TableEncoder()
    som = SOM(2, 3, encoder=encoder).fit(rows)
    expected = SOM(2, 3).fit(clone(encoder).fit_transform(rows))
    np.testing.assert_array_equal(som.codebook_, expected.codebook_)
    assert (som.n_features_in_, hasattr(som, "feature_names_in_")) == (3, False)
    np.testing.assert_array_equal(som.predict(np.array(rows, dtype=object)), som.labels_)
    with pytest.raises(ValueError, match="2 features, but SOM is expecting 3"):
        som.predict([row[:2] for row in rows])
    fitted = SOM(2, 3, encoder=TableEncoder().fit(rows)).fit(rows)
    np.testing.assert_array_equal(fitted.codebook_, som.codebook_)
    frame = pl.DataFrame(rows, list("abc"), orient="row")
    with pytest.warns(UserWarning, match="has feature names"):  # in the order of its columns
        np.testing.assert_array_equal(fitted.predict(frame), som.labels_)
    X = np.random.default_rng(0).normal(size=(60, 3)) * [1, 100, 1]
    scaled = SOM(2, 3, encoder=TableEncoder()).fit(X)
    np.testing.assert_array_equal(scaled.predict(X), scaled.labels_)
    np.testing.assert_array_equal(
        scaled.codebook_, SOM(2, 3).fit(TableEncoder().fit_transform(X)).codebook_
    )


@by_rule
@pytest.mark.parametrize("estimator", [SOM(2, 3), SOMDetector(som=SOM(2, 3), random_state=0)])
def test_an_array_after_named_columns_is_refused(estimator):
    frame = in_pandas(columns())[["visits", "paid", "kind"]].assign(kind=["a", "b"] * (N // 2))
    fitted = clone(estimator).fit(frame)
    with rejected(parameter="X", value="ndarray"):
        fitted.predict(frame.to_numpy())
    encoder = TableEncoder().fit(frame)
    with rejected(parameter="X", value="ndarray"):
        clone(estimator).set_params(encoder=encoder).fit(frame.to_numpy())


@pytest.mark.parametrize(
    ("missing", "own", "is_refused"),
    [
        ("error", "fill", False),
        ("fill", "fill", False),
        ("mask", "mask", False),
        ("fill", "error", True),
        ("fill", "mask", True),
        ("mask", "fill", True),
    ],
)
@pytest.mark.parametrize("is_fitted", [False, True])
def test_missing_may_not_contradict_the_encoder(missing, own, is_refused, is_fitted):
    frame = in_pandas(columns())[["visits", "kind"]].assign(kind=["a", "b"] * (N // 2))
    encoder = TableEncoder(missing=own)
    som = SOM(2, 3, missing=missing, encoder=encoder.fit(frame) if is_fitted else encoder)
    if is_refused:
        with rejected(parameter="missing"):
            som.fit(frame)
    else:
        assert som.fit(frame).map_.encoding.missing == own
    assert som.__sklearn_tags__().input_tags.allow_nan == (own != "error")


def test_rows_without_a_value_train_nothing_where_the_encoder_masks():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    holed = np.vstack([rows, [[np.nan, np.nan]]])
    with pytest.warns(SomscapeWarning, match=r"1 row .* \(row 60\)"):
        som = SOM(3, 4, encoder=TableEncoder(missing="mask")).fit(holed)
    assert som.labels_[-1] == -1
    assert som.map_.hits.sum() == 60


def test_other_estimators_do_not_encode_twice():
    frame = in_pandas(columns())[["visits", "age"]].astype(float)
    inner = SOM(3, 4, encoder=TableEncoder(missing="fill"))
    np.testing.assert_array_equal(
        SOMImputer(som=inner).fit_transform(frame), SOMImputer(som=SOM(3, 4)).fit_transform(frame)
    )
    scores = [
        SOMDetector(som=som, missing="fill", random_state=0).fit(frame).score_samples(frame)
        for som in (inner, SOM(3, 4))
    ]
    np.testing.assert_array_equal(*scores)


@by_rule
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_is_encoded_as_the_map_that_training_starts_from(library):
    first, later = (LIBRARIES[library](columns() | {"visits": [v * k for v in columns()["visits"]]})
                    for k in (1, 3))  # fmt: skip
    som = SOM(3, 4, missing="fill", warm_start=True).fit(first)
    encoding = som.map_.encoding
    assert som.fit(later).map_.encoding is encoding
    assert som.explain_defaults_["encoder"].startswith("Columns are encoded as in the map")
    other = SOM(init=som.map_, encoder=TableEncoder(missing="fill")).fit(later)
    assert other.map_.encoding is encoding
    piece = SOM(init=som.map_, missing="fill").partial_fit(later)
    assert piece.map_.encoding is encoding
    numbers = in_pandas(columns())[["visits", "age"]].astype(float)
    scaled = SOM(3, 4, missing="fill").fit(table_from_frame(numbers)).map_
    assert SOM(init=scaled, missing="fill").fit(numbers).map_.encoding is scaled.encoding


# Ids and labels


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "table"])
def test_alerts_show_the_ids_of_the_encoder(library):
    data = LIBRARIES[library](columns() | {"key": [f"k{i}" for i in range(N)]})
    encoder = TableEncoder(id="key", label="churned", drop=["customer_id"], missing="fill")
    detector = SOMDetector(som=SOM(3, 4), encoder=encoder, random_state=0).fit(data)
    alerts = detector.alerts(data, 5)
    assert alerts.id_name == "key"
    lowest = np.argsort(detector.score_samples(data), kind="stable")[:5]
    assert alerts.ids[:5] == [f"k{i}" for i in lowest]
    names = {code.name for code in detector.map_.encoding.features}
    assert not names & {"key", "churned", "customer_id"}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "table"])
def test_later_rows_may_lack_what_is_no_feature(library):
    data = LIBRARIES[library](columns())
    encoder = TableEncoder(label="churned", missing="fill").fit(data)
    rows = encoder.transform(data)
    features = [code.name for code in encoder.encoding_.used]
    for kept in ([n for n in [*columns(), "kind"] if n != "churned"], features):
        part = part_of(data, kept)
        np.testing.assert_array_equal(encoder.transform(part), rows)
        np.testing.assert_array_equal(SOM(2, 3, encoder=encoder).fit(data).predict(part),
                                      SOM(2, 3, encoder=encoder).fit(data).labels_)  # fmt: skip
    piped = make_pipeline(TableEncoder(label="churned", missing="fill"), SOM(3, 4)).fit(data)
    np.testing.assert_array_equal(piped.predict(part), piped[-1].labels_)


def test_the_label_of_an_array_is_no_feature_and_may_be_missing():
    X = np.random.default_rng(0).normal(size=(20, 3))
    X[:, 2] = np.nan
    encoder = TableEncoder(label="x2").fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1"]
    assert encoder.transform(X).shape == (20, 2)
    with rejected(parameter="X", row=0):
        TableEncoder().fit(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"id": 3},
        {"label": ["churned"]},
        {"label": "churn"},
        {"id": "age", "numbers": ["age"]},
    ],
)
def test_ids_and_labels_that_cannot_be_are_named(parameters):
    with rejected((TypeError, ValueError)):
        TableEncoder(missing="fill", **parameters).fit(in_pandas(columns()))


def test_a_pattern_stands_for_columns() -> None:
    frame = pd.DataFrame({f"p_{j}": np.arange(30) % (j + 2) for j in range(4)})
    frame["note_1"] = [f"text {i}" for i in range(30)]
    encoder = TableEncoder(numbers=["p_*"], categories=["p_2"], drop=["note_?"]).fit(frame)
    kinds = [code.kind for code in encoder.encoding_.columns]
    assert kinds == ["number", "number", "category", "number", "dropped"]
    with rejected(parameter="protect", value="z*"):
        TableEncoder(protect=["z*"]).fit(frame)


def test_a_pattern_leaves_columns_of_an_array_out() -> None:
    X = np.c_[np.arange(30.0), np.arange(30.0) % 7, np.full(30, np.nan)]
    names = TableEncoder(drop=["x*2"]).fit(X).encoding_.feature_names
    assert names == TableEncoder(drop=["x2"]).fit(X).encoding_.feature_names
