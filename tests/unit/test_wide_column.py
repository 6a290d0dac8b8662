"""One column that carries nearly all of the distance is named, once, and only where it does."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from somscape import SOM, Map, SOMDetector, TableEncoder
from somscape.errors import SomscapeWarning

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")


def messages(som: SOM, X, **fit) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        som.fit(X, **fit)
    return [str(each.message) for each in caught if each.category is SomscapeWarning]


@pytest.fixture(name="X")
def make_rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 4)) * [1, 1, 1e6, 1]


@pytest.mark.parametrize("table", TABLES)
def test_scaled_tables_and_images_do_not_warn(table: str) -> None:
    X = getattr(datasets, f"load_{table}")().data
    for rows in (X, *(scaler().fit_transform(X) for scaler in (StandardScaler, MinMaxScaler))):
        if table != "wine" or rows is not X:
            assert not messages(SOM(3, 4), rows)
    assert not messages(SOM(3, 4), RobustScaler().fit_transform(X))


def test_the_warning_points_to_the_line_that_fits(X) -> None:
    with pytest.warns(SomscapeWarning, match="Column 'x2' causes 100 %") as caught:
        SOM(3, 4).fit(X)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("how", ["weights", "mahalanobis", "cosine", "encoder", "warm"])
def test_who_has_thought_of_scales_is_not_warned(how: str, X) -> None:
    settings = {
        "weights": {"feature_weight": [1, 1, 1e-12, 1]},
        "mahalanobis": {"metric": "mahalanobis"},
        "cosine": {"metric": "cosine"},
        "encoder": {"encoder": TableEncoder()},
        "warm": {},
    }[how]
    som, rows = SOM(3, 4, **settings), X
    if how == "encoder":
        rows = pd.DataFrame(X).rename(columns=str).assign(job=["a", "b"] * 100)
    if how == "warm":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SomscapeWarning)
            start = SOM(3, 4).fit(X).map_
        assert isinstance(start, Map)
        som = SOM(init=start)
    assert not messages(som, rows)
    SOMDetector(random_state=0).fit(X)


def test_constant_columns_and_single_ones_are_not_wide(X) -> None:
    assert not messages(SOM(2, 3), X[:, 2:3])
    X[:, [0, 1, 3]] = 7.0
    assert not messages(SOM(2, 3), X)
    assert not messages(SOM(1, 1), np.zeros((9, 2)))


def test_gaps_and_weights_do_not_hide_a_wide_column(X) -> None:
    X[:30, 2] = np.nan
    (message,) = messages(SOM(3, 4, missing="mask"), X)
    assert "'x2'" in message
    weights = np.ones(len(X))
    weights[5:] = 0
    assert messages(SOM(2, 2), np.nan_to_num(X), sample_weight=weights) == []


def test_widths_are_compared_at_any_size(X) -> None:
    X[:, 2] /= 1e6
    for size in (1e-120, 1e150):
        assert not messages(SOM(2, 3), X * size)
        assert messages(SOM(2, 3), X * [1, 1, 100, 1] * size)


def test_suggest_warns_once(X) -> None:
    with pytest.warns(SomscapeWarning, match="Column 'x2' causes") as caught:
        SOM.suggest(X, n_samples=60, n_seeds=2)
    assert len(caught) == 1
