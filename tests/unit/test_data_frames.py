"""Data frames: columns are found by name, and alerts come for them too."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from somscape import SOM, SOMDetector, load, measures, plots
from somscape._errors import InputError


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
    with pytest.raises(InputError, match="lacks columns that this map was trained on: b"):
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


def test_text_in_a_frame_says_how_to_encode_it(frame):
    with pytest.raises(InputError, match=r"X holds text .*table_from_frame"):
        SOM().fit(frame.assign(d="x"))


def test_an_estimator_stands_for_its_map(frame):
    som = SOM(3, 4).fit(frame)
    assert measures.quantization_error(som, frame) == measures.quantization_error(som.map_, frame)
    assert plots.umatrix(som).ax_.get_title() == plots.umatrix(som.map_).ax_.get_title()
    with pytest.raises(TypeError, match=r"such as `som.map_`; got DataFrame"):
        plots.umatrix(frame)


def test_a_map_of_too_many_units_is_refused_before_memory_is(frame):
    with pytest.raises(InputError, match="at most 1000000 units; got 1000000 x 1000000"):
        SOM(1_000_000, 1_000_000).fit(frame)
