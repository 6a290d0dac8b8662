"""Training that goes on from a map: warm starts, saved maps and streams."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice, SOMDetector, load
from somscape.tables import table_from_columns


def rows_of(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.linspace(2, 0.5, d)


def ring(n, length=1.0):
    return Graph(length * (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)))


# At which radius


def test_a_map_as_start_stays_at_the_radius_that_it_was_trained_to():
    X = rows_of()
    map_ = SOM(8, 20, radius_end=0.6).fit(X).map_
    som = SOM(init=map_).fit(X)
    assert set(som.history_["radius"]) == {0.6}
    # It had settled: what it is given is what it gives.
    assert np.abs(som.codebook_ - map_.codebook).max() < 0.2
    wide = SOM(init=map_, radius_start=4.0, n_epochs=5).fit(X)
    assert (wide.history_["radius"][0], wide.history_["radius"][-1]) == (4.0, 0.7)
    sharper = SOM(init=map_, radius_end=0.5, n_epochs=3).fit(X)
    assert (sharper.history_["radius"][0], sharper.history_["radius"][-1]) == (0.6, 0.5)


def test_a_warm_start_stays_at_the_resolved_final_radius():
    X = rows_of(4000)  # 200 rows per unit, which lower the final radius
    som = SOM(4, 5, warm_start=True, n_epochs=5).fit(X)
    last = som.history_["radius"][-1]
    assert last < 0.6
    assert set(som.fit(X).history_["radius"]) == {last}
    assert set(som.fit(X).history_["radius"]) == {last}


@pytest.mark.parametrize("decay", ["constant", "asymptotic", "linear"])
def test_every_way_of_going_on_uses_the_last_radius_of_the_fit(decay):
    X = rows_of()
    som = SOM(5, 6, radius_start=2.0, radius_decay=decay, n_epochs=5, warm_start=True).fit(X)
    last = som.history_["radius"][-1]
    assert som.map_.parameters["radius_last"] == last
    assert set(SOM(init=som.map_, n_epochs=2).fit(X).history_["radius"]) == {last}
    assert som.partial_fit(X[:50]).history_["radius"][-1] == last


def test_radii_of_a_graph_are_in_the_unit_of_its_edges_when_it_goes_on():
    som = SOM(lattice=ring(12, length=10.0), warm_start=True, n_epochs=5).fit(rows_of(200))
    assert som.history_["radius"][-1] == 7.0
    assert set(som.fit(rows_of(200)).history_["radius"]) == {7.0}
    assert SOM(init=som.map_).partial_fit(rows_of(50)).history_["radius"][-1] == 7.0


def test_a_training_cut_short_goes_on_to_the_radius_that_it_was_to_reach():
    X = rows_of()
    som = SOM(8, 20, warm_start=True, callbacks=[lambda progress: progress.step == 3]).fit(X)
    reached = som.history_["radius"][-1]
    assert reached > 3
    som.set_params(callbacks=()).fit(X)
    assert (som.history_["radius"][0], som.history_["radius"][-1]) == (reached, 0.7)


# The first step from a map


def test_the_first_piece_on_a_map_is_one_step_of_the_stream():
    X, new = rows_of(), rows_of(50, seed=1)
    trained = SOM(5, 6).fit(X)
    som = SOM(init=trained.map_).partial_fit(new)
    assert len(som.history_["step"]) == len(trained.history_["step"]) + 1
    assert som.map_.hits.sum() == 350
    assert (som.n_iter_, som.n_features_in_) == (1, 4)
    assert np.abs(som.codebook_ - trained.codebook_).max() < 1
    np.testing.assert_array_equal(som.labels_, trained.predict(new))
    assert som.stop_reason_ == trained.stop_reason_
    with rejected(ValueError, parameter="X", value=3):
        SOM(init=trained.map_).partial_fit(new[:, :3])
    with rejected(ValueError, parameter="tol", value=-1):
        SOM(init=trained.map_, tol=-1).partial_fit(new)


# What must fit


@pytest.mark.parametrize(
    "changed",
    [
        {"n_rows": 9},
        {"n_cols": 9},
        {"lattice": "rectangular"},
        {"boundary": "cylinder"},
        {"lattice": ring(30)},
    ],
)
def test_another_lattice_than_the_maps_is_refused(changed):
    X = rows_of()
    som = SOM(5, 6, warm_start=True).fit(X)
    with rejected():
        SOM(init=som.map_, **changed).fit(X)
    if isinstance(changed.get("lattice"), Graph):
        changed = changed | {"n_rows": "auto", "n_cols": "auto"}
    som.set_params(**changed)
    with rejected():
        som.fit(X)


def test_a_warm_start_knows_a_change_back_to_a_default():
    som = SOM(5, 6, lattice="rectangular", warm_start=True).fit(rows_of())
    with rejected(parameter="lattice", value="hexagonal"):
        som.set_params(lattice="hexagonal").fit(rows_of())


def test_a_lattice_is_compared_as_a_whole():
    X, lattice = rows_of(), Lattice(5, 6, "rectangular", "torus")
    som = SOM(lattice=lattice, warm_start=True, n_epochs=1).fit(X)
    assert som.fit(X).map_.lattice == lattice
    assert SOM(lattice=lattice, init=som.map_, n_epochs=1).fit(X).map_.lattice == lattice
    with rejected(parameter="lattice"):
        som.set_params(lattice=Lattice(6, 5)).fit(X)


def test_a_map_brings_its_lattice_where_none_was_chosen():
    X = rows_of()
    map_ = SOM(5, 6, lattice="rectangular", boundary="torus").fit(X).map_
    som = SOM(init=map_, warm_start=True, n_epochs=1).fit(X)
    assert som.fit(X).map_.lattice == map_.lattice
    assert SOM(5, 6, lattice="rectangular", init=map_).fit(X).map_.lattice == map_.lattice


def test_another_number_of_features_names_what_brought_the_map():
    som = SOM(4, 4, warm_start=True).fit(rows_of())
    with rejected(parameter="X", value=3):
        som.fit(rows_of(d=3))
    with rejected(parameter="X", value=3):
        SOM(init=som.map_).fit(rows_of(d=3))
    with rejected(parameter="X", value=3):
        SOMDetector(som=SOM(init=som.map_)).fit(rows_of(d=3))


def test_a_detector_starts_from_a_map_on_its_lattice():
    X = rows_of()
    map_ = SOM(4, 7, lattice="rectangular").fit(X).map_
    detector = SOMDetector(som=SOM(init=map_), random_state=0).fit(X)
    assert detector.map_.lattice == map_.lattice
    assert set(detector.map_.history["radius"]) == {0.7}


def test_tables_are_encoded_as_those_of_the_map():
    def table(low, high):
        return table_from_columns({"a": np.linspace(low, high, 60).tolist(), "b": ["x", "y"] * 30})

    som = SOM(3, 4, warm_start=True).fit(table(0, 1))
    encoding = som.map_.encoding
    assert som.fit(table(5, 9)).map_.encoding is encoding
    assert SOM(init=som.map_).fit(table(5, 9)).map_.encoding is encoding
    som = SOM(init=som.map_).partial_fit(table(5, 9))
    assert som.map_.encoding is encoding
    assert som.n_features_in_ == encoding.n_features
    detector = SOMDetector(som=SOM(init=som.map_), random_state=0).fit(table(5, 9))
    assert detector.map_.encoding.to_json() == encoding.to_json()


# Streams


def test_the_history_of_a_stream_goes_on_in_the_units_of_the_fit():
    X = rows_of()
    som = SOM(4, 5, n_epochs=5).fit(X)
    spread = np.linalg.norm(X - X.mean(axis=0), axis=1).mean()
    assert som.map_.parameters["spread"] == pytest.approx(spread)
    before = som.codebook_
    som.partial_fit(100 * X[:20])
    moved = np.linalg.norm(som.codebook_ - before, axis=1).max()
    assert som.history_["movement"][-1] == pytest.approx(moved / spread)
    assert som.history_["step"].tolist() == [1, 2, 3, 4, 5, 6]


def test_the_steps_of_a_stream_count_on_where_old_ones_are_dropped(monkeypatch):
    monkeypatch.setattr("somscape.fit._train.MAX_HISTORY", 4)
    som = SOM(3, 3, n_epochs=3).fit(rows_of())
    for _ in range(4):
        som.partial_fit(rows_of(20))
    assert som.history_["step"].tolist() == [4, 5, 6, 7]


def test_training_starts_from_a_saved_detector_as_from_its_map(tmp_path):
    X = rows_of()
    detector = SOMDetector(som=SOM(3, 4), random_state=0).fit(X)
    detector.detector_.save(tmp_path / "d.som")
    start = load(tmp_path / "d.som")
    for given in (start, detector):
        np.testing.assert_array_equal(
            SOM(init=given).fit(X + 1).codebook_, SOM(init=detector.map_).fit(X + 1).codebook_
        )
        np.testing.assert_array_equal(
            SOM(init=given).partial_fit(X + 1).codebook_,
            SOM(init=detector.map_).partial_fit(X + 1).codebook_,
        )
    again = SOMDetector(som=SOM(init=start), random_state=0).fit(X)
    assert again.map_.n_units == 12
