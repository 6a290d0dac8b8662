"""Rows in pieces give the map of the same rows in one array, bit for bit."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from texts import rejected

from somscape import SOM, SOMClassifier, SOMDetector, TableEncoder
from somscape.fit import Pairs, Pieces, merge, partial, prepare, step
from somscape.grid import Lattice
from somscape.measures import quantization_error, trustworthiness
from somscape.tables import table_from_frame


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    """Small data stay where they are."""
    monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", 0)


class InTurn(Pieces):
    """Pieces whose functions travel as they would to another process."""

    def __init__(self, blocks):
        self.blocks = list(blocks)
        self.n_passes = 0

    def each(self, function):
        self.n_passes += 1
        function = pickle.loads(pickle.dumps(function))
        return map(function, range(len(self.blocks)), self.blocks)


class AllAtOnce(InTurn):
    """Pieces that are worked on in any order, and merged from the last to the first."""

    def each(self, function):
        with ThreadPoolExecutor(4) as pool:
            return iter(list(pool.map(function, range(len(self.blocks)), self.blocks)))

    def total(self, function, merge):
        return reduce(merge, reversed(list(self.each(function))))


def rows_of(n, d=4, *, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.arange(1, d + 1)).astype(dtype)


def assert_same(apart, whole):
    assert np.array_equal(apart.codebook_, whole.codebook_)
    assert np.array_equal(apart.map_.hits, whole.map_.hits)
    assert apart.stop_reason_ == whole.stop_reason_
    reasons = [dict(som.explain_defaults_, encoder="") for som in (apart, whole)]
    assert reasons[0] == reasons[1]
    assert apart.map_.parameters == whole.map_.parameters
    for name, values in whole.history_.items():
        assert np.array_equal(apart.history_[name], values, equal_nan=True), name
    assert np.array_equal(apart.map_.told.rows, whole.map_.told.rows, equal_nan=True)


CASES = {
    "all defaults": {},
    "rows drawn to start": {"init": "sample", "random_state": 3, "n_init": 2},
    "several starts": {"n_rows": 3, "n_cols": 3},
    "units that move": {"radius_end": 0.3},
    "angles": {"metric": "cosine", "n_init": 1},
    "whitened": {"metric": "mahalanobis", "n_init": 1},
    "weighted columns": {"metric": "manhattan", "feature_weight": [1, 2, 0, 4], "n_init": 1},
    "a torus": {"boundary": "torus", "n_rows": 6, "n_cols": 6, "n_init": 1},
    "samples first": {"algorithm": "multires", "n_rows": 16, "n_cols": 16},
    "a given start": {"init": np.eye(4), "n_rows": 2, "n_cols": 2},
}


@pytest.mark.parametrize("name", CASES)
def test_pieces_give_the_map_of_one_array(name):
    dtype = np.float64 if name == "all defaults" else np.float32
    rows = rows_of(2000 if name == "samples first" else 300, dtype=dtype)
    whole = SOM(**CASES[name]).fit(rows)
    for pieces in (InTurn, AllAtOnce):
        cut = np.split(rows, [0, 7, 7, 120])
        assert_same(SOM(**CASES[name]).fit(pieces(cut)), whole)


@given(st.lists(st.integers(0, 120), max_size=6), st.integers(0, 3))
def test_any_cuts_give_the_same_map(cuts, seed):
    rows = rows_of(120, seed=seed)
    quick = {"n_rows": 3, "n_cols": 5, "n_epochs": 4}
    assert_same(SOM(**quick).fit(InTurn(np.split(rows, sorted(cuts)))), SOM(**quick).fit(rows))


def test_more_rows_than_the_axes_are_taken_from():
    rows = rows_of(100_500, 2)
    apart = SOM(4, 5, n_epochs=3).fit(InTurn(np.split(rows, [10, 50_001])))
    assert_same(apart, SOM(4, 5, n_epochs=3).fit(rows))


def test_missing_values_are_left_out_as_in_memory():
    rows = rows_of(400)
    rows[np.random.default_rng(1).random(rows.shape) < 0.2] = np.nan
    rows = rows[~np.isnan(rows).all(axis=1)]
    apart = SOM(4, 5, missing="mask").fit(InTurn(np.split(rows, [1, 100])))
    assert_same(apart, SOM(4, 5, missing="mask").fit(rows))


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_frames_train_by_their_numbers_and_keep_their_names(library):
    rows = rows_of(200, 3)
    frame = library(dict(zip("abc", rows.T, strict=True)))
    apart = SOM(4, 5).fit(InTurn([frame[:60], frame[60:]]))
    assert_same(apart, SOM(4, 5).fit(frame))
    assert apart.feature_names_in_.tolist() == ["a", "b", "c"]
    assert np.array_equal(apart.predict(frame), SOM(4, 5).fit(frame).labels_)


def test_a_fitted_encoder_encodes_each_piece():
    rows = rows_of(200, 2)
    sexes = np.where(rows[:, 0] > 0, "f", "m")
    frame = pd.DataFrame({"age": rows[:, 0], "sex": sexes, "income": rows[:, 1]})
    frame.loc[3, "income"] = 1e12  # a slip: it teaches no map anything
    encoder = TableEncoder().fit(frame)
    apart = SOM(4, 5, encoder=encoder).fit(InTurn([frame[:60], frame[60:]]))
    assert_same(apart, SOM(4, 5, encoder=encoder).fit(frame))
    assert_same(apart, SOM(4, 5, encoder=encoder).fit(table_from_frame(frame)))


def test_answers_come_for_pieces_too():
    rows = rows_of(200)
    som = SOM(4, 5).fit(rows)
    assert np.array_equal(som.predict(InTurn(np.split(rows, [5, 90]))), som.predict(rows))
    assert som.predict(InTurn([])).shape == (0,)
    apart = SOM(4, 5).fit(InTurn([rows]))
    assert not hasattr(apart, "labels_")  # nobody collects what may not fit into memory


def mixed(n):
    """A frame of numbers, words and dates."""
    rows = rows_of(n, 2)
    return pd.DataFrame(
        {
            "age": rows[:, 0],
            "sex": pd.Categorical(np.where(rows[:, 1] > 0, "f", "m")),
            "since": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) % 97, unit="D"),
        }
    )


@pytest.mark.filterwarnings("ignore:X has text, categories or dates")
@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas])
def test_what_all_rows_decide_is_learned_from_pieces(library):
    frame = library(mixed(200))
    cut = InTurn([frame[:60], frame[60:]])
    for encoder in ("auto", TableEncoder()):
        apart, whole = (SOM(4, 5, n_init=1, encoder=encoder).fit(X) for X in (cut, frame))
        assert_same(apart, whole)
    apart, whole = (TableEncoder().fit(X) for X in (cut, frame))
    assert apart.encoding_.to_json() == whole.encoding_.to_json()
    assert np.array_equal(apart.transform(cut), whole.transform(frame))


def test_estimators_that_need_all_rows_fetch_them():
    frame, labels = mixed(200), np.arange(200) % 2
    cut = InTurn([frame[:60], frame[60:]])
    som = SOM(4, 5, n_epochs=3)
    detector = SOMDetector(som=som, encoder=TableEncoder(), random_state=0)
    apart, whole = (clone(detector).fit(X) for X in (cut, frame))
    assert np.array_equal(apart.score_samples(cut), whole.score_samples(frame))
    assert apart.alerts(frame, 3).rows.tolist() == whole.alerts(frame, 3).rows.tolist()
    rows = rows_of(200)
    apart, whole = (
        SOMClassifier(SOM(n_init=1), random_state=0).fit(X, labels)
        for X in (InTurn(np.split(rows, [9])), rows)
    )
    assert np.array_equal(apart.predict_proba(rows), whole.predict_proba(rows))
    som = SOM(4, 5).fit(rows)
    assert np.array_equal(som.transform(InTurn([rows[:7], rows[7:]])), som.transform(rows))
    assert som.score(InTurn([rows[:7], rows[7:]])) == som.score(rows)


def test_a_map_goes_on_from_another():
    rows = rows_of(300)
    first = SOM(4, 5, n_epochs=2).fit(rows)
    apart, whole = (SOM(init=first.map_).fit(X) for X in (InTurn([rows[:9], rows[9:]]), rows))
    assert_same(apart, whole)


def test_small_data_are_fetched_and_large_ones_are_not(monkeypatch):
    rows, n_passes = rows_of(300), []
    for limit in (1200, 1199):
        monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", limit)
        pieces = InTurn([rows[:50], rows[50:]])
        assert_same(SOM(4, 5, n_epochs=20).fit(pieces), SOM(4, 5, n_epochs=20).fit(rows))
        n_passes.append(pieces.n_passes)
    assert n_passes[0] < 6
    assert n_passes[1] > 20


def test_the_four_verbs_train_as_som_does():
    rows = rows_of(300)
    problem = prepare(rows).on(Lattice(4, 5))
    codebook = rows[:20].copy()
    radii = [2.0, 1.0, 0.7]
    expected = SOM(4, 5, init=codebook, radius_decay=radii, n_epochs=3).fit(rows)
    for radius in radii:
        parts = [partial(problem, part, codebook=codebook) for part in np.split(rows, [3, 77])]
        codebook, _ = step(problem, reduce(merge, parts), radius=radius, codebook=codebook)
    assert np.array_equal(codebook, expected.codebook_)


BAD = {
    "no pieces": [],
    "no rows": [np.empty((0, 3))],
    "one column fewer": [rows_of(5, 3), rows_of(5, 2)],
    "a gap": [rows_of(5, 2), np.array([[1.0, 2.0], [3.0, np.nan]])],
    "infinite": [rows_of(5, 2), np.array([[1.0, np.inf]])],
    "no columns": [np.empty((3, 0))],
    "masked": [np.ma.masked_equal([[1.0, 2.0]], 2.0)],
    "dates": [np.array([["2026-01-01"]], dtype="datetime64[D]")],
    "complex": [np.array([[1 + 2j]])],
    "an array and a frame": [pd.DataFrame({"a": [1.0]}), np.array([[1.0]])],
    "one dimension": [np.arange(3.0)],
    "text": [np.array([["a", "b"]])],
    "text in a frame": [pd.DataFrame({"a": [1.0], "b": ["x"]})],
    "a column lacks": [pd.DataFrame({"a": [1.0], "b": [2.0]}), pd.DataFrame({"a": [1.0]})],
    "a column more": [pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [1.0], "b": [2.0]})],
    "another order": [
        pd.DataFrame({"a": [1.0], "b": [2.0]}),
        pd.DataFrame({"b": [1.0], "a": [2.0]}),
    ],
}


def test_pieces_that_do_not_fit_together_are_named():
    narrow, wide, nothing = rows_of(5, 3), rows_of(5), rows_of(0)
    for make in (np.array, lambda rows: pd.DataFrame(rows).add_prefix("c")):
        with rejected(file="piece 2 of X"):
            TableEncoder().fit(InTurn([make(nothing), make(wide), make(narrow)]))
        with rejected(parameter="X"):
            TableEncoder().fit(InTurn([make(nothing)]))


@pytest.mark.parametrize("name", BAD)
def test_pieces_that_do_not_fit_are_named(name):
    with rejected(parameter="X"):
        SOM(2, 2, encoder=None).fit(InTurn(BAD[name]))


def test_pieces_without_rows_change_nothing():
    frame = mixed(200)
    encoder = TableEncoder().fit(frame)
    cut = InTurn([frame[:0], frame[:60], frame[60:60], frame[60:], frame[:0]])
    apart, whole = (SOM(4, 5, n_init=1, encoder=encoder).fit(X) for X in (cut, frame))
    assert_same(apart, whole)
    assert np.array_equal(whole.predict(cut), whole.labels_)
    rows = rows_of(200)
    for metric in ("correlation", "mahalanobis", "cosine"):
        cut = InTurn(np.split(rows, [0, 1, 1, 70]))
        apart, whole = (SOM(4, 5, n_init=1, metric=metric).fit(X) for X in (cut, rows))
        assert_same(apart, whole)
    nameless = InTurn([pd.DataFrame(frame[["age"]]), pd.DataFrame()])
    assert_same(SOM(2, 2).fit(nameless), SOM(2, 2).fit(frame[["age"]]))


def test_what_needs_no_rows_is_checked_for_pieces_too():
    rows = InTurn([rows_of(50)])
    with rejected(TypeError, parameter="encoder", value="foo"):
        SOM(2, 2, encoder="foo").fit(rows)
    with rejected(parameter="missing", value="mask"):
        SOM(2, 2, encoder=TableEncoder(), missing="mask").fit(rows)
    assert np.array_equal(SOM(2, 2).fit_predict(rows), SOM(2, 2).fit(rows_of(50)).labels_)


@pytest.mark.parametrize(
    ("parameters", "more"),
    [
        ({"algorithm": "online"}, {}),
        ({"missing": "fill"}, {}),
        ({}, {"sample_weight": [1.0] * 50}),
    ],
)
def test_what_needs_all_rows_at_once_is_refused(parameters, more):
    with rejected():
        SOM(2, 2, **parameters).fit(InTurn([rows_of(50)]), **more)


class LosesOne(InTurn):
    """Pieces of which one is lost when units are to move."""

    def total(self, function, merge):
        found = list(self.each(function))
        return reduce(merge, found[isinstance(found[0], Pairs) :])


def test_a_piece_that_is_lost_while_units_move_is_one_error():
    pieces = LosesOne(np.split(rows_of(300), [100, 200]))
    with rejected(parameter="X", value=200.0):
        SOM(5, 6, radius_end=0.2).fit(pieces)


def test_rows_that_change_between_passes_are_one_error():
    class Shrinking(InTurn):
        def each(self, function):
            self.blocks = [block[:-1] for block in self.blocks]
            return super().each(function)

    class Growing(InTurn):
        def each(self, function):
            self.blocks = [block * 2 for block in self.blocks]
            return super().each(function)

    class Moving(InTurn):
        """The same sums in each pass after that for the mean."""

        def each(self, function):
            if self.n_passes == 4:
                self.blocks = [block + 0.5 for block in self.blocks]
            return super().each(function)

    class Losing(InTurn):
        def each(self, function):
            return iter(list(super().each(function))[: 2 if self.n_passes < 3 else 1])

    class Gaps(InTurn):
        def each(self, function):
            if self.n_passes > 4:
                self.blocks[0][3] = np.nan
            return super().each(function)

    with rejected(parameter="X", value=397):
        SOM(2, 2).fit(Shrinking([rows_of(400)]))
    for kind in (Moving, Gaps):
        with rejected(parameter="X"):
            SOM(2, 2).fit(kind([rows_of(400)]))
    with rejected(parameter="X", value=1):
        SOM(2, 2).fit(Losing([rows_of(200), rows_of(200)]))
    with rejected(parameter="X"):
        SOM(2, 2).fit(Growing([rows_of(400)]))


class OnACard:
    """An array whose library gives none of it to NumPy unasked, as CuPy and torch do."""

    shape = (60, 4)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


@pytest.mark.parametrize(
    "X",
    [
        InTurn([rows_of(60)]),
        OnACard(),
    ],
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda som, X: som.map_.winners(X),
        lambda som, X: som.map_.nearest(X),
        lambda som, X: quantization_error(som, X),
        lambda som, X: trustworthiness(som, X),
    ],
)
def test_maps_and_measures_say_what_they_take(X, ask):
    som = SOM(3, 3).fit(rows_of(60))
    with rejected(parameter="X"):
        ask(som, X)


def test_maps_take_arrays_with_gradients():
    som, rows = SOM(3, 3).fit(rows_of(60)), rows_of(60)

    class WithGradient(OnACard):
        def detach(self):
            return rows

    assert np.array_equal(som.map_.winners(WithGradient()), som.labels_)
