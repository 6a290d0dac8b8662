"""What must hold for rows on a device of any library; tests of a library give the two ways."""

import numpy as np
import pytest

import somscape
from somscape import SOM, SOMClassifier, SOMDetector, SOMImputer, TableEncoder
from somscape.errors import InputError
from somscape.estimators import _elsewhere as _libraries
from somscape.estimators._intake import take
from somscape.kernels import _select
from somscape.kernels._select import kernels_for, select_kernels
from somscape.kernels._sparse import DeviceArray

ERROR = 1e-4
"""Most by which the quantization error may differ from the core's, relative."""


def rows_of(n=1500, d=5, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + rng.integers(3, size=(n, 1))).astype(dtype)


def small(n_rows, n_cols, **options):
    """A map that trains in a few short epochs."""
    return SOM(n_rows, n_cols, **{"n_init": 1, "n_epochs": 6} | options)


def margin(X, codebook):
    """By how much two squared distances must differ for float products to tell them apart."""
    center = codebook.mean(axis=0)
    size = np.abs(X - center).max() + np.abs(codebook - center).max()
    return 16 * (X.shape[1] + 2) * np.finfo(X.dtype).eps * X.shape[1] * size**2


def squares(X, codebook):
    return ((X[:, None, :].astype(np.float64) - codebook[None]) ** 2).sum(axis=2)


def assert_nearest(units, X, codebook):
    """All units are nearest, but for near ties."""
    far = squares(X, codebook)
    found = far[np.arange(len(X)), units]
    assert (found - far.min(axis=1) <= margin(X, codebook)).all()


class OnAnyDevice:
    """Tests for rows on a device; `put` takes rows there, `get` fetches them, `label` names it."""

    label = ""

    def put(self, values):
        raise NotImplementedError

    def get(self, array):
        raise NotImplementedError

    def is_there(self, array):
        raise NotImplementedError

    def on_device(self, X):
        return take(self.put(X), "X", (DeviceArray,)).data

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"algorithm": "multires", "random_state": 0, "n_init": 1},
            {"init": "sample", "random_state": 3, "n_init": 2},
            {"radius_end": 0.3, "n_epochs": 9, "n_init": 1},
            {"boundary": "torus", "neighborhood": "epanechnikov", "n_init": 1},
        ],
    )
    def test_the_map_is_the_cores_but_for_near_ties(self, dtype, options):
        X = rows_of(dtype=dtype)
        som, same = SOM(6, 8, **options).fit(self.put(X)), SOM(6, 8, **options).fit(X)
        error, expected = (s.history_["quantization_error"][-1] for s in (som, same))
        assert abs(error / expected - 1) < ERROR
        assert_nearest(self.get(som.labels_), X, som.map_.codebook)
        assert som.map_.hits.sum() == len(X)
        assert som.stop_reason_ == same.stop_reason_

    @pytest.mark.parametrize(
        ("scale", "offset"), [(1, 0), (1e-25, 0), (1e15, 0), (1, 1e4), (1, 1e6)]
    )
    @pytest.mark.parametrize("k", [1, 2, 7])
    def test_units_are_nearest_and_distances_exact(self, scale, offset, k):
        X = (rows_of(300) * scale + offset).astype(np.float32)
        codebook = (rows_of(40, seed=1) * scale + offset).astype(np.float64)
        rows = self.on_device(X)
        units, distances = map(np.asarray, kernels_for(rows).search(rows, codebook, k))
        expected, exact = select_kernels().search(X, codebook, k)
        far = squares(X, codebook)
        near = np.take_along_axis(far, units, axis=1)
        best = np.take_along_axis(far, expected, axis=1)
        assert (np.abs(near - best) <= margin(X, codebook)).all()
        np.testing.assert_allclose(distances, np.sqrt(near), rtol=1e-12)
        is_same = units == expected
        assert is_same.mean() > 0.95
        np.testing.assert_allclose(distances[is_same], exact[is_same], rtol=1e-12)

    def test_of_equal_units_the_lowest_wins(self):
        X = rows_of(200, dtype=np.float32)
        codebook = np.repeat(rows_of(5, seed=1), 3, axis=0)
        rows = self.on_device(X)
        units = np.asarray(kernels_for(rows).search(rows, codebook, 3)[0])
        assert (units == units[:, :1] + [0, 1, 2]).all()
        assert (units[:, 0] % 3 == 0).all()

    @pytest.mark.parametrize("weights", ["none", "whole", "parts", "both"])
    @pytest.mark.parametrize("tile", [1, 97, 1 << 25])
    def test_sums_are_the_cores_to_the_bit(self, weights, tile, monkeypatch):
        monkeypatch.setattr(_select, "MAX_VALUES", tile * 7)
        rng, X = np.random.default_rng(1), rows_of(400, dtype=np.float32)
        w = {
            "none": None,
            "whole": rng.integers(1, 1 << 20, 400).astype(float),
            "parts": rng.random(400),
            "both": np.where(rng.random(400) < 0.5, rng.integers(1, 9, 400), rng.random(400)),
        }[weights]
        units = rng.integers(11, size=400)
        far, rows = rng.random(400), self.on_device(X)
        center, scale = X.mean(axis=0).astype(float), np.ldexp(1.0, [20, 30, 11, 25, 28])
        found = []
        for kernels, given in ((kernels_for(rows), rows), (select_kernels(), X)):
            counts, totals = np.zeros(12, np.int64), np.ones((12, 5), np.int64)
            fixed = (center, scale, 2.0**10, counts, totals)
            error = kernels.sums(given, units, w, *fixed, far, 2.0**20)
            found.append((counts, totals, error))
        for mine, cores in zip(*found, strict=True):
            np.testing.assert_array_equal(mine, cores)

    def test_any_tile_gives_the_same_bits(self, monkeypatch):
        X = rows_of(700)
        whole = small(5, 7).fit(self.put(X))
        monkeypatch.setattr(_select, "MAX_VALUES", 2000)
        tiled = small(5, 7).fit(self.put(X))
        np.testing.assert_array_equal(tiled.map_.codebook, whole.map_.codebook)
        for ask in ("predict", "transform"):
            mine, all_at_once = (self.get(getattr(s, ask)(self.put(X))) for s in (tiled, whole))
            np.testing.assert_array_equal(mine, all_at_once)

    def test_no_array_is_larger_than_the_limit(self, monkeypatch):
        largest = [0]

        class Counted:
            def __init__(self, library):
                self.library = library

            def __getattr__(self, name):
                thing = getattr(self.library, name)
                if isinstance(thing, type) or not callable(thing):
                    return thing
                return lambda *a, **o: seen(thing(*a, **o))

        def seen(array):
            largest[0] = max(largest[0], int(np.prod(getattr(array, "shape", (1,)))))
            return array

        namespace = _libraries._namespace
        monkeypatch.setattr(_libraries, "_namespace", lambda *a: Counted(namespace(*a)))
        monkeypatch.setattr(_select, "MAX_VALUES", 30_000)
        X = self.put(rows_of(9_000))
        small(6, 8, n_epochs=3).fit(X)
        running = 5 + 2  # a running sum begins with a row of zeros
        assert 29_000 < largest[0] <= 30_000 + running

    def test_an_epoch_fetches_sums_and_no_rows(self, monkeypatch):
        values = [0]

        def counted(array):
            values[0] += int(np.prod(array.shape))
            return fetch(array)

        library = next(name for name in _libraries.LIBRARIES if self.label.startswith(name))
        fetch = _libraries.LIBRARIES[library].fetched
        own = vars(_libraries.LIBRARIES[library]) | {"fetched": counted}
        monkeypatch.setitem(_libraries.LIBRARIES, library, _libraries.Library(**own))
        X, needed = self.put(rows_of(5000)), []
        for n_epochs in (3, 10):
            values[0] = 0
            small(6, 8, n_epochs=n_epochs, radius_decay="linear").fit(X)
            needed.append(values[0])
        assert (needed[1] - needed[0]) <= 7 * (6 * 8 + 1) * (5 + 2)

    def test_results_lie_where_the_rows_do_and_the_map_here(self, tmp_path):
        X = rows_of()
        som = small(6, 8).fit(self.put(X))
        own = (som.codebook_, som.labels_, som.units_, som.predict(self.put(X)))
        for found in (*own, som.transform(self.put(X)), som.fit_predict(self.put(X))):
            assert self.is_there(found)
        np.testing.assert_array_equal(self.get(som.codebook_), som.map_.codebook)
        np.testing.assert_array_equal(self.get(som.predict(self.put(X))), som.predict(X))
        assert type(som.predict(X)) is type(som.map_.codebook) is np.ndarray
        assert som.kernels_used_ == som.map_.parameters["kernels"] == f"{self.label} float64"
        assert "kernels" not in small(2, 2).fit(X).map_.parameters
        som.save(tmp_path / "map.som")
        np.testing.assert_array_equal(
            somscape.load(tmp_path / "map.som").codebook_, som.map_.codebook
        )

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_transform_is_the_cores_to_rounding(self, dtype):
        X = rows_of(300, dtype=dtype) + dtype(1000)
        som = small(5, 6).fit(X)
        found = self.get(som.transform(self.put(X)))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, som.transform(X), rtol=1e-4 if dtype == "f4" else 1e-10)
        at = self.put(som.codebook_.astype(np.float64))
        np.testing.assert_array_equal(np.diag(self.get(som.transform(at))), 0)

    def test_weights_may_lie_anywhere_and_count_rows(self):
        X, w = rows_of(400), np.random.default_rng(2).integers(0, 4, 400)
        repeated = small(4, 5).fit(self.put(np.repeat(X, w, axis=0)))
        for weights in (w, self.put(w.astype(float)), w.tolist()):
            som = small(4, 5).fit(self.put(X), sample_weight=weights)
            np.testing.assert_array_equal(som.map_.codebook, repeated.map_.codebook)
            assert som.labels_.shape == (400,)
        near = small(4, 5).fit(X, sample_weight=self.put(w.astype(float)))
        np.testing.assert_array_equal(near.codebook_, small(4, 5).fit(X, sample_weight=w).codebook_)

    def test_any_layout_of_the_rows_will_do(self):
        X = rows_of(500)
        som = small(4, 5).fit(self.put(X))
        twice = self.put(np.repeat(X, 2, axis=0))[::2, :]
        turned = self.put(np.ascontiguousarray(X.T)).T
        for rows in (twice, turned):
            again = small(4, 5).fit(rows)
            np.testing.assert_array_equal(again.map_.codebook, som.map_.codebook)
            np.testing.assert_array_equal(
                self.get(som.predict(rows)), self.get(som.predict(self.put(X)))
            )

    def test_a_map_goes_on_from_a_codebook_on_the_device(self):
        X = rows_of(500)
        som = small(4, 5).fit(self.put(X))
        for start in (som.codebook_, som):
            small(4, 5, init=start, n_epochs=2).fit(self.put(X))
        warm = small(4, 5, warm_start=True, n_epochs=2).fit(self.put(X)).fit(self.put(X))
        assert self.is_there(warm.labels_)

    @pytest.mark.parametrize(
        "options",
        [
            {"metric": "cosine"},
            {"feature_weight": [1, 2, 1, 1, 1]},
            {"missing": "mask"},
            {"encoder": TableEncoder()},
            {"algorithm": "online"},
        ],
    )
    def test_what_a_device_does_not_do_is_refused(self, options):
        [name] = options
        with pytest.raises(InputError, match=f"supports only {name}=.*Leave `{name}` out"):
            small(3, 3, **options).fit(self.put(rows_of(50)))

    def test_the_cure_for_a_missing_value_is_one_that_a_device_has(self):
        X = rows_of(50)
        X[17, 3] = np.nan
        with pytest.raises(InputError, match=r"Fill .* pass X in this machine's memory") as caught:
            small(3, 3).fit(self.put(X))
        assert (caught.value.row, caught.value.column) == (17, "x3")

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
    def test_wrong_values_are_named_by_row_and_column(self, value):
        X, som = rows_of(50), small(3, 3).fit(rows_of(50))
        X[17, 3] = value
        for ask in (small(3, 3).fit, som.predict, som.transform):
            with pytest.raises(InputError) as caught:
                ask(self.put(X))
            assert (caught.value.row, caught.value.column) == (17, "x3")

    def test_wrong_shapes_and_types_are_refused(self):
        som = small(3, 3).fit(self.put(rows_of(50)))
        for wrong, words in (
            (np.zeros(5), "two dimensions"),
            (np.zeros((0, 5)), "at least one row"),
            (np.zeros((5, 0)), "one column"),
            (np.zeros((5, 5), dtype=np.int64), "float32 or float64, but .* has values of int64"),
        ):
            for ask in (small(3, 3).fit, som.predict, som.transform):
                with pytest.raises(InputError, match=words):
                    ask(self.put(wrong))
        with pytest.raises(ValueError, match="expecting 5 features"):
            som.predict(self.put(rows_of(9, 4)))
        with pytest.raises(InputError, match="requires a map with metric='euclidean'"):
            small(3, 3, metric="manhattan").fit(rows_of(50)).predict(self.put(rows_of(50)))
        with pytest.raises(InputError, match="`sample_weight` must have shape"):
            small(3, 3).fit(self.put(rows_of(50)), sample_weight=self.put(np.ones(49)))

    def test_who_works_in_memory_only_says_so(self):
        X, place = self.put(rows_of(50)), self.label.partition("/")[2]
        som = small(3, 3).fit(X)
        for ask in (
            som.partial_fit,
            small(3, 3).partial_fit,
            som.score,
            SOMDetector().fit,
            SOMDetector().fit(rows_of(50)).score_samples,
            SOMImputer().fit,
            TableEncoder().fit,
            lambda X: SOMClassifier().fit(X, [0, 1] * 25),
        ):
            with pytest.raises(InputError, match=f"memory, but X is an array of .* on {place}"):
                ask(X)
