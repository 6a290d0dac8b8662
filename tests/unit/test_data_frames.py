"""Data frames: columns are found by name, and alerts come for them too."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from texts import rejected

from somscape import SOM, SOMClassifier, SOMDetector, TableEncoder, load, measures, plots
from somscape.tables import read_table, table_from_frame


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"a": rng.normal(size=60), "b": rng.normal(size=60) * 9, "c": rng.random(60)}
    )


def test_a_loaded_map_finds_a_frames_columns_by_name(frame, tmp_path):
    som = SOM(3, 4).fit(frame)
    som.map_.save(tmp_path / "m.som")
    map_ = load(tmp_path / "m.som")
    for other in (
        frame,
        frame[["c", "a", "b"]],
        frame.assign(d=0.0),
        pl.from_pandas(frame)[["c", "b", "a"]],
    ):
        np.testing.assert_array_equal(map_.winners(other), som.labels_)
    with rejected(parameter="X", column="b"):
        map_.winners(frame[["a", "c"]])


def test_a_map_of_an_array_takes_a_frame_in_its_order(frame):
    som = SOM(3, 4).fit(frame.to_numpy())
    np.testing.assert_array_equal(som.map_.winners(frame), som.labels_)


def test_alerts_come_for_a_frame_and_for_an_array(frame):
    strange = frame.copy()
    strange.loc[7, "b"] = 99.5
    for data in (strange, pl.from_pandas(strange), strange.to_numpy()):
        alerts = SOMDetector(random_state=0).fit(data).alerts(data, 1)
        assert alerts.ids[0] == "8"
        assert alerts.reasons[0][0].value == "99.5"


def test_text_where_numbers_are_needed_says_how_to_encode_it(frame):
    with rejected(parameter="X", column="d"):
        SOM(encoder=None).fit(frame.assign(d="x"))
    with rejected(parameter="X"):
        SOM().fit(frame.assign(d="x").to_numpy())
    with rejected(parameter="X", column="b"):
        SOM(3, 4).fit(frame).map_.winners(frame.assign(b="x"))


def mixed(frame):
    return frame.assign(kind=["x", "y", "z"] * 20)


@pytest.mark.parametrize("library", [lambda frame: frame, pl.from_pandas, table_from_frame])
def test_a_frame_is_encoded_as_a_fitted_encoder_says(frame, library, tmp_path):
    encoder = TableEncoder().fit(mixed(frame))
    encoding = encoder.encoding_
    table = table_from_frame(mixed(frame))
    expected = SOM(3, 4).fit(encoding.encode(table))
    data = library(mixed(frame))
    som = SOM(3, 4, encoder=encoder).fit(data)
    assert som.map_.encoding is encoding
    np.testing.assert_array_equal(som.codebook_, expected.codebook_)
    assert som.feature_names_in_.tolist() == encoding.feature_names
    som.map_.save(tmp_path / "m.som")
    for predict in (som.predict, som.map_.winners, load(tmp_path / "m.som").winners):
        np.testing.assert_array_equal(predict(data), expected.labels_)
    np.testing.assert_array_equal(som.map_.winners(encoding.encode(table)), expected.labels_)
    with rejected(file="X", column="b"):
        som.predict(mixed(frame).drop(columns="b"))


@pytest.mark.parametrize("missing", ["fill", "mask"])
def test_nullable_columns_are_filled_or_masked_by_map_and_estimator_alike(frame, missing):
    holed = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.2)
    som = SOM(3, 4, missing=missing).fit(holed)
    for data in (holed, holed.convert_dtypes(), pl.from_pandas(holed), holed.to_numpy()):
        np.testing.assert_array_equal(som.map_.winners(data), som.labels_)
        if not isinstance(data, np.ndarray):  # which has no names
            np.testing.assert_array_equal(som.predict(data), som.labels_)
        assert measures.quantization_error(som.map_, data) > 0
    assert som.map_.rows_of(holed.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("unit", ["datetime64[D]", "datetime64[ns]", "timedelta64[s]"])
def test_dates_are_no_numbers(frame, unit):
    dates = np.arange(120).reshape(60, 2).astype(unit)
    columns = {"start": dates[:, 0], "end": dates[:, 1]}
    as_dates = frame.assign(end=dates[:, 1].astype("M8[ms]"))
    for data in (
        dates,
        pd.DataFrame(columns),
        frame.assign(end=dates[:, 1]),
        pl.from_pandas(as_dates),
    ):
        with rejected(parameter="X"):
            SOM(2, 2, encoder=None).fit(data)
    with rejected(parameter="X"):
        SOM(2, 2).fit(frame.to_numpy()[:, :2]).map_.winners(dates)


def test_an_estimator_stands_for_its_map(frame):
    som = SOM(3, 4).fit(frame)
    assert measures.quantization_error(som, frame) == measures.quantization_error(som.map_, frame)
    assert plots.umatrix(som).ax_.get_title() == plots.umatrix(som.map_).ax_.get_title()
    with rejected(TypeError, value="DataFrame"):
        plots.umatrix(frame)


def test_reasons_show_long_numbers_with_six_digits(tmp_path):
    size = np.append(np.arange(60) % 7 / 3, [1234567.5678, 1e-7 / 3, 100.25])
    frame = pd.DataFrame({"size": size, "kind": ["a", "b", "c"] * 21})
    is_large = np.where(size > 1, "large", "small")
    classifier = SOMClassifier(encoder=TableEncoder(), random_state=0).fit(frame, is_large)
    classed = {
        row: reason.value
        for row, why in enumerate(classifier.reasons(frame))
        for reason in why.columns
        if reason.column == "size"
    }
    shown = {1: "0.333333", 60: "1234568", 61: "3.33333e-08", 62: "100.25"}
    assert shown.items() <= classed.items()
    detector = SOMDetector(encoder=TableEncoder(), random_state=0).fit(frame).detector_
    reasons = detector.reasons(frame.take([60]))[0]
    assert [reason.value for reason in reasons if reason.column == "size"] == ["1234568"]
    lines = ["size,kind", *(f"{x!r},a" for x in size.tolist())]  # a file is shown in the same way
    path = tmp_path / "written.csv"
    path.write_text("\n".join(lines))
    (why,) = classifier.reasons(read_table(path).take([1]))
    assert why.columns[0].value == "0.333333"
