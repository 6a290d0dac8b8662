"""Ways to train beside the batch rule: growing maps, streams, and how training ends."""

import naive
import numpy as np
import pytest
from texts import rejected

import somscape
from somscape import SOM, Lattice, measures
from somscape.callbacks import TimeLimit
from somscape.fit._start import placed, shrunk


def rows_of(n=400, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 3 * rng.integers(0, 3, (n, 1))


# Growing maps


@pytest.mark.parametrize("kind", ["rectangular", "hexagonal"])
@pytest.mark.parametrize("boundary", ["plane", "torus"])
@pytest.mark.parametrize(("n_rows", "n_cols"), [(8, 12), (16, 10), (1, 9), (10, 1), (2, 2)])
def test_a_plane_placed_on_a_larger_lattice_is_the_same_plane(kind, boundary, n_rows, n_cols):
    new = Lattice(2 * n_rows, n_cols, kind, boundary)
    old = shrunk(new, 2)
    assert old.n_units <= new.n_units
    assert (old.kind, old.boundary) == (kind, boundary)
    if boundary == "torus":
        # A constant is all that is linear on a torus.
        assert np.allclose(placed(np.full((old.n_units, 1), 3.5), old, new), 3.5)
        return
    extent_old, extent_new = (x.positions.max(axis=0) for x in (old, new))
    scale = np.divide(extent_old, extent_new, out=np.zeros(2), where=extent_new > 0)
    found = placed(old.positions, old, new)
    inside = np.ones(new.n_units, dtype=bool)
    if kind == "hexagonal":  # at the left and right rim a row has no unit to lean on
        x = new.positions[:, 0] * scale[0]
        inside = (x >= 0.5) & (x <= extent_old[0] - 0.5)
    np.testing.assert_allclose(found[inside], (new.positions * scale)[inside], rtol=0, atol=1e-12)


@pytest.mark.nightly
def test_growing_maps_end_like_batch_training_for_less_work():
    X = rows_of(20_000, 6)
    sizes = {"n_rows": 24, "n_cols": 24, "random_state": 0}
    grown, whole = SOM(**sizes, algorithm="multires").fit(X), SOM(**sizes, algorithm="batch").fit(X)
    error, full_error = (measures.quantization_error(s.map_, X) for s in (grown, whole))
    assert error < 1.05 * full_error
    apart, full_apart = (measures.topographic_error(s.map_, X) for s in (grown, whole))
    assert apart < full_apart + 0.03
    work = (grown.history_["n_units"] * grown.history_["n_samples"]).sum()
    assert work < 0.5 * (whole.history_["n_units"] * whole.history_["n_samples"]).sum()
    assert grown.history_["n_units"][0] < grown.history_["n_units"][-1] == 576
    assert grown.history_["radius"][-1] == pytest.approx(0.7 * 0.8)  # with 35 rows per unit
    again = SOM(**sizes, algorithm="multires").fit(X)
    np.testing.assert_array_equal(again.codebook_, grown.codebook_)


@pytest.mark.nightly
def test_auto_anneals_slowly_on_all_rows_where_several_starts_would_take_long():
    rng = np.random.default_rng(0)  # 6,000 x 20 x 2,400 units are 2.9e8 multiply-adds
    X = rng.normal(size=(6000, 20)) * np.linspace(2, 0.2, 20)
    sizes = {"n_rows": 40, "n_cols": 60}
    som, batch = SOM(**sizes).fit(X), SOM(**sizes, algorithm="batch").fit(X)
    assert som.map_.parameters["algorithm"] == "multires"
    units, epochs = np.unique(som.history_["n_units"], return_counts=True)
    assert (units.tolist(), epochs.tolist()) == ([150, 600, 2400], [96, 48, 60])
    assert set(som.history_["n_samples"]) == {6000}
    assert som.history_["radius"][-1] == batch.history_["radius"][-1]
    error, before = (measures.quantization_error(s.map_, X) for s in (som, batch))
    apart, apart_before = (measures.topographic_error(s.map_, X) for s in (som, batch))
    assert apart < apart_before
    assert error < 1.01 * before
    # Nothing is drawn, so that neither the order of rows nor the seed has a say.
    other = SOM(**sizes, random_state=5).fit(X[rng.permutation(6000)])
    np.testing.assert_array_equal(other.codebook_, som.codebook_)
    # One start by request is batch training.
    one = SOM(**sizes, n_init=1, callbacks=[TimeLimit(1e-9)]).fit(X)
    assert one.map_.parameters["algorithm"] == "batch"


# Stopping


@pytest.mark.parametrize("algorithm", ["batch", "online", "multires"])
def test_training_ends_at_the_time_limit(algorithm):
    settings = {"n_epochs": 100_000, "tol": 0, "random_state": 0}
    som = SOM(10, 10, algorithm=algorithm, callbacks=[TimeLimit(0.2)], **settings)
    som.fit(rows_of(3000))
    assert som.stop_reason_ == "time limit reached"


def test_radii_may_be_given_one_by_one():
    som = SOM(4, 4, radius_decay=[3, 2, 1.5, 1], n_epochs=4).fit(rows_of(60))
    assert som.history_["radius"].tolist() == [3, 2, 1.5, 1]
    assert som.map_.parameters["radius_decay"] == [3, 2, 1.5, 1]
    with rejected(ValueError, parameter="radius_end", value=1.0):
        SOM(4, 4, radius_decay=[3, 2], radius_end=1.0).fit(rows_of(60))
    with rejected(ValueError, parameter="radius_decay"):
        SOM(4, 4, radius_decay=[3, 0]).fit(rows_of(60))


# Streams


def test_the_first_piece_trains_and_the_next_ones_move_the_map():
    X = rows_of(900)
    som = SOM(5, 6, random_state=0).partial_fit(X[:300])
    np.testing.assert_array_equal(som.codebook_, SOM(5, 6, random_state=0).fit(X[:300]).codebook_)
    n_iter, hits = som.n_iter_, som.map_.hits.sum()
    before = measures.quantization_error(som.map_, X)
    for start in (300, 600):
        som.partial_fit(X[start : start + 300])
    assert som.n_iter_ == n_iter + 2
    assert som.map_.hits.sum() == hits + 600
    assert len(som.history_["radius"]) == n_iter + 2
    assert measures.quantization_error(som.map_, X) < before


def test_a_step_is_the_mean_of_old_and_new_sums(kernels):
    X, new = rows_of(120), rows_of(60, seed=1)
    som = SOM(3, 3, n_epochs=4, tol=0).fit(X)
    # The sums that led to the codebook, from the winners before the last update.
    before = SOM(3, 3, n_epochs=4, tol=0)
    states = []
    before.set_params(callbacks=[states.append]).fit(X)
    h = naive.neighborhood(naive.map_distances(3, 3, "hexagonal", "plane"), 0.7, "gaussian")
    old_counts, old_sums = (
        som._sums.counts,
        som._sums.totals + np.outer(som._sums.counts, som._sums.center),
    )
    np.testing.assert_allclose((h @ old_sums) / (h @ old_counts)[:, None], som.codebook_)
    units = som.predict(new)
    counts = old_counts * 0.5 + np.bincount(units, minlength=9)
    sums = old_sums * 0.5 + np.stack([new[units == u].sum(axis=0) for u in range(9)])
    som.partial_fit(new, half_life=60)
    np.testing.assert_allclose(som.codebook_, (h @ sums) / (h @ counts)[:, None], atol=1e-10)
    np.testing.assert_array_equal(som.labels_, units)


def test_weights_and_gaps_in_a_stream():
    X, new = rows_of(120), rows_of(40, seed=1)
    twice = SOM(3, 3).fit(X).partial_fit(np.vstack([new, new]))
    weighted = SOM(3, 3).fit(X).partial_fit(new, sample_weight=np.full(40, 2.0))
    np.testing.assert_allclose(twice.codebook_, weighted.codebook_, rtol=0, atol=1e-10)
    gappy = new.copy()
    gappy[::3, 1] = np.nan
    gappy[7] = np.nan
    som = SOM(3, 3, missing="mask").fit(X).partial_fit(gappy)
    assert np.isfinite(som.codebook_).all()
    assert som.labels_[7] == -1


def test_a_map_trained_online_or_loaded_goes_on(tmp_path):
    X = rows_of(300)
    som = SOM(4, 4, algorithm="online", random_state=0).fit(X).partial_fit(X[:50])
    assert np.isfinite(som.codebook_).all()
    som.map_.save(tmp_path / "m.som")
    loaded = somscape.load(tmp_path / "m.som")
    again = SOM(init=loaded, algorithm="batch", radius_start=0.7, n_epochs=1).fit(X)
    assert again.map_.lattice == loaded.lattice
    assert again.codebook_.shape == som.codebook_.shape


@pytest.mark.parametrize("half_life", [0, -1, float("nan"), "long"])
def test_a_wrong_half_life_is_named(half_life):
    som = SOM(2, 2).fit(rows_of(20))
    with rejected((ValueError, TypeError), parameter="half_life"):
        som.partial_fit(rows_of(20), half_life=half_life)
    with rejected((ValueError, TypeError), parameter="half_life"):
        SOM(2, 2).partial_fit(rows_of(20), half_life=half_life)


@pytest.mark.nightly
def test_samples_train_a_map_of_many_rows_before_all_rows_do():
    X = rows_of(500_000, 50)  # 500,000 x 50 x 100 units are 2.5e9 multiply-adds
    som = SOM(10, 10, random_state=0).fit(X)
    n_rows, n_units = som.history_["n_samples"], som.history_["n_units"]
    assert n_rows[n_units == 100].tolist() == [5_000] * 24 + [500_000] * 4
    assert som.stop_reason_ == "all epochs done"
    assert som.map_.parameters["algorithm"] == "multires"
    few = SOM(10, 10, algorithm="batch").fit(X[:20_000])
    errors = [measures.quantization_error(s.map_, X[-20_000:]) for s in (som, few)]
    assert errors[0] < 1.01 * errors[1]
