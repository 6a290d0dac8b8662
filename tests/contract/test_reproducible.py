"""Same data, same parameters, same seed: the same bits, whoever computes them and in what order."""

import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from somscape import SOM, SOMDetector
from somscape.fit import problem as passes

SOURCE = Path(passes.__file__).resolve().parents[2]
FLOATS = [np.float32, np.float64]
# Once as maps train by themselves, which takes the NumPy kernels half a second, and then shortly.
TRAININGS = [{}, *[{"n_epochs": 6}] * 5]

# Enough work for several threads in each kernel: more than 1e7 operations, in `search` and `sums`
# of the first (rows x units x features, 4 x rows x features) and in `smooth` of the second
# (2 x units x features x (rows + columns of the map)).
MANY_ROWS = {"n": 66_000, "d": 40, "shape": (3, 4), "n_epochs": 2}
LARGE_MAP = {"n": 2_400, "d": 33, "shape": (40, 55), "n_epochs": 2}


def rows_of(n=200, d=5, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.linspace(2, 0.5, d) - 3).astype(dtype)


def bits(fitted):
    """What must be the same: codebook, hits and history."""
    map_ = fitted.map_
    parts = [map_.codebook, map_.hits, *map_.history.values()]
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


def fitted(case, dtype):
    X = rows_of(case["n"], case["d"], dtype)
    return SOM(*case["shape"], n_epochs=case["n_epochs"], radius_start=3.0).fit(X)


# Threads


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", [MANY_ROWS, LARGE_MAP], ids=["many rows", "large map"])
def test_any_number_of_threads_gives_the_same_bits(case, dtype):
    found = set()
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads):
            found.add(bits(fitted(case, dtype)))
    assert len(found) == 1


@pytest.mark.parametrize("algorithm", ["batch", "online"])
def test_any_number_of_threads_gives_the_same_detector(algorithm):
    X = rows_of(600, 8)
    som = SOM(8, 12, algorithm=algorithm, n_epochs=2)
    found = []
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads):
            detector = SOMDetector(som=som, random_state=0).fit(X)
        settings = detector.detector_
        found.append((bits(detector), settings.threshold, settings.calibration.scores.tobytes()))
    assert found[0] == found[1] == found[2]


@pytest.mark.nightly
def test_any_number_of_threads_gives_the_same_relations_of_many_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 120)) + 0.3 * rng.normal(size=(300, 120))
    found = set()
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads):
            relation = SOMDetector(som=SOM(3, 3), random_state=0).fit(X).detector_.relation
        found.add(
            b"".join(np.ascontiguousarray(part).tobytes() for part in vars(relation).values())
        )
    assert len(found) == 1


def in_a_new_process(code, **environment):
    """Run code in a fresh interpreter and return what it prints."""
    paths = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    inherited = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(code)],
        env=inherited | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


# Without scikit-learn, which would take most of the time: the training under the estimators.
TRAIN = """
import hashlib
import numpy as np
from somscape.tables import Encoding
from somscape.fit._map import train_map
from somscape.fit.settings import Settings

def digest():
    X = np.random.default_rng(0).normal(size=(30_000, 33))
    settings = Settings(30, 40, n_epochs=1, radius_start=2.0)
    map_, _, _ = train_map(X, None, Encoding.plain([f"x{j}" for j in range(33)]), settings)
    return hashlib.sha256(map_.codebook.tobytes() + map_.hits.tobytes()).hexdigest()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_works_after_its_parent_used_the_threads():
    parent, child, pooled = in_a_new_process(
        TRAIN
        + """
import multiprocessing, os, sys
print(digest(), flush=True)
pid = os.fork()
if pid == 0:
    print(digest(), flush=True)
    os._exit(0)
_, status = os.waitpid(pid, 0)
assert status == 0, status
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.apply_async(digest).get(60))
""",
        OMP_NUM_THREADS="2",
    )
    assert parent == child == pooled


def test_threads_that_train_at_once_do_not_disturb_each_other(kernels):
    from concurrent.futures import ThreadPoolExecutor

    def train(case):
        seed, options = case
        return bits(SOM(4, 5, **options).fit(rows_of(400, seed=seed)))

    # The first two train as they would by themselves, at the same time.
    cases = list(enumerate([{}, *TRAININGS]))
    alone = [train(case) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, cases))
    assert together == alone


# Instruction sets


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("algorithm", ["batch", "online"])
@pytest.mark.parametrize("neighborhood", ["gaussian", "bubble"])
def test_every_instruction_set_gives_the_same_bits(core, dtype, algorithm, neighborhood):
    from somscape.kernels import _core

    X = rows_of(211, 7, dtype)
    options = {"algorithm": algorithm, "neighborhood": neighborhood, "random_state": 0}
    found = SOM(5, 7, **options).fit(X)
    assert found.kernels_used_ == core.name
    _core.use_instruction_set(_core.instruction_sets()[-1])
    expected = SOM(5, 7, **options).fit(X)
    np.testing.assert_array_equal(found.codebook_, expected.codebook_)
    assert bits(found) == bits(expected)
    units, distances = found.map_.nearest(X, 9)
    again = expected.map_.nearest(X, 9)
    np.testing.assert_array_equal(units, again[0])
    np.testing.assert_array_equal(distances, again[1])


@pytest.mark.parametrize("dtype", FLOATS)
def test_numpy_agrees_with_the_core_to_the_stated_tolerance(core, dtype, monkeypatch):
    X = rows_of(211, 7, dtype)
    for algorithm, tolerance in (("batch", 1e-12), ("online", 1e-12)):
        found = SOM(5, 7, algorithm=algorithm, random_state=0, n_epochs=3).fit(X)
        monkeypatch.setenv("SOMSCAPE_KERNELS", "numpy")
        expected = SOM(5, 7, algorithm=algorithm, random_state=0, n_epochs=3).fit(X)
        monkeypatch.setenv("SOMSCAPE_KERNELS", "core")
        assert expected.kernels_used_ == "numpy"
        # As `kernels._numpy_twin` says: 1e-12 relative in float64, 1e-4 in float32, times what
        # a hundred roundings of a codebook of size 10 make of it.
        atol = 100 * tolerance if dtype == np.float64 else 1e-3
        np.testing.assert_allclose(found.codebook_, expected.codebook_, rtol=0, atol=atol)


# Chunks and order


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("chunk_rows", [1, 2, 7, 50, 199, 200, 10**9])
def test_any_size_of_chunks_gives_the_same_bits(kernels, monkeypatch, chunk_rows, dtype):
    X, weights = rows_of(200, 5, dtype), np.random.default_rng(1).random(200)
    options = {"n_epochs": 3, "radius_start": 2.0}
    whole = [bits(SOM(3, 4, **options).fit(X, sample_weight=w)) for w in (None, weights)]
    monkeypatch.setattr(passes, "CHUNK_ROWS", chunk_rows)
    parts = [bits(SOM(3, 4, **options).fit(X, sample_weight=w)) for w in (None, weights)]
    assert parts == whole


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [200, 12])
@pytest.mark.parametrize("d", [1, 5])
def test_permuted_rows_give_the_same_codebook_bit_for_bit(kernels, dtype, n, d):
    X = rows_of(n, d, dtype)
    for seed, options in enumerate(TRAININGS[:3]):
        expected = SOM(3, 4, **options).fit(X)
        order = np.random.default_rng(seed).permutation(n)
        found = SOM(3, 4, **options).fit(X[order])
        np.testing.assert_array_equal(found.codebook_, expected.codebook_)
        np.testing.assert_array_equal(found.labels_, expected.labels_[order])


@pytest.mark.parametrize("dtype", FLOATS)
def test_permuted_rows_of_any_weight_give_the_same_codebook_bit_for_bit(kernels, dtype):
    X, weights = rows_of(200, 5, dtype), np.random.default_rng(1).random(200)
    for seed, options in enumerate(TRAININGS):
        expected = SOM(3, 4, **options).fit(X, sample_weight=weights)
        order = np.random.default_rng(seed).permutation(200)
        found = SOM(3, 4, **options).fit(X[order], sample_weight=weights[order])
        np.testing.assert_array_equal(found.codebook_, expected.codebook_)


def test_permuted_rows_fewer_than_features_give_the_same_codebook_bit_for_bit(kernels):
    for seed, options in enumerate(TRAININGS):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(12, 30))
        order = rng.permutation(12)
        found, expected = SOM(3, 4, **options).fit(X[order]), SOM(3, 4, **options).fit(X)
        np.testing.assert_array_equal(found.codebook_, expected.codebook_)


# Weights


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(3, 4), ("auto", "auto")])
def test_weight_two_is_the_row_twice_bit_for_bit(kernels, dtype, shape):
    X, weights = rows_of(60, 5, dtype), np.arange(60) % 3 + 1
    weighted = SOM(*shape).fit(X, sample_weight=weights)
    repeated = SOM(*shape).fit(X.repeat(weights, axis=0))
    np.testing.assert_array_equal(weighted.codebook_, repeated.codebook_)
    np.testing.assert_array_equal(weighted.map_.hits, repeated.map_.hits)
    assert weighted.n_iter_ == repeated.n_iter_


def test_weight_two_is_the_row_twice_also_for_fewer_rows_than_features(kernels):
    # Four rows, and eight once repeated, of six features.
    for seed, options in enumerate(TRAININGS):
        X = np.random.default_rng(seed).normal(size=(4, 6))
        weighted = SOM(1, 3, **options).fit(X, sample_weight=[2.0] * 4)
        repeated = SOM(1, 3, **options).fit(X.repeat(2, axis=0))
        np.testing.assert_array_equal(weighted.codebook_, repeated.codebook_)


def test_fractional_weights_are_shares_to_rounding(kernels):
    # A row of weight 1 is the row at 1/4 and again at 3/4.
    X = rows_of(60)
    split = np.vstack([X, X])
    found = SOM(3, 4).fit(split, sample_weight=np.repeat([0.25, 0.75], 60)).codebook_
    # The same total weight; terms round to 2^-61 of it, the start's covariance to 2^-22.
    np.testing.assert_allclose(found, SOM(3, 4).fit(X).codebook_, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
def test_zero_weight_is_absence_bit_for_bit(kernels, dtype):
    X, weights = rows_of(90, 5, dtype), np.arange(90) % 3 + 0.0
    weighted = SOM(3, 4).fit(X, sample_weight=weights)
    absent = SOM(3, 4).fit(X[weights > 0], sample_weight=weights[weights > 0])
    assert bits(weighted) == bits(absent)


def test_weights_of_one_are_no_weights_bit_for_bit(kernels):
    X = rows_of()
    for algorithm in ("batch", "online"):
        som = SOM(3, 4, algorithm=algorithm, random_state=0)
        plain = bits(som.fit(X))
        assert bits(som.fit(X, sample_weight=np.ones(200))) == plain


# Files


def test_the_same_fit_saves_the_same_bytes_on_any_number_of_threads(tmp_path):
    X = rows_of(400, 6)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            SOMDetector(random_state=0).fit(X).save(tmp_path / str(n_threads))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
