"""Ten million winners against a long-double oracle: no mismatch (`make test-nightly`)."""

import ctypes
import itertools
import logging
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from somscape.grid import Lattice

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]

N_ROWS, LATTICE, N_FEATURES = 2_000_000, Lattice(20, 20, "rectangular"), 10
KINDS = ["clusters", "offset", "ties", "scales", "denormal"]

# Nothing clever: every distance in full, 64 bits of mantissa where long double has them.
ORACLE = r"""
void nearest(const float *x, const float *w, long n, long m, long d, long *unit) {
    for (long i = 0; i < n; ++i) {
        long double best = -1;
        for (long u = 0; u < m; ++u) {
            long double sum = 0;
            for (long f = 0; f < d; ++f) {
                long double t = (long double)x[i * d + f] - w[u * d + f];
                sum += t * t;
            }
            if (best < 0 || sum < best) { best = sum; unit[i] = u; }
        }
    }
}
"""


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the oracle needs a C compiler")
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "oracle.c").write_text(ORACLE, encoding="utf-8")
    library = folder / "oracle.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", library, folder / "oracle.c"]
    subprocess.run(command, check=True)
    function = ctypes.CDLL(str(library)).nearest
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_long] * 3, ctypes.c_void_p]
    return function


def nearest_by(oracle, rows, codebook):
    """Run the oracle, on all processors: ctypes lets go of the interpreter."""
    units = np.empty(len(rows), dtype=np.int64)

    def run(part):
        out = units[part]
        x = rows[part]
        oracle(x.ctypes.data, codebook.ctypes.data, len(x), *codebook.shape, out.ctypes.data)

    edges = np.linspace(0, len(rows), 33).astype(int)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, [slice(a, b) for a, b in itertools.pairwise(edges)]))
    return units


def case(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    m, d = LATTICE.n_units, N_FEATURES
    centers = 3 * rng.normal(size=(40, d))
    rows = centers[rng.integers(0, 40, N_ROWS)] + 0.5 * rng.normal(size=(N_ROWS, d))
    codebook = centers[rng.integers(0, 40, m)] + 0.5 * rng.normal(size=(m, d))
    codebook = codebook[np.lexsort(np.round(codebook[:, :2].T))]
    if kind == "offset":  # 10,000 times the spread
        rows, codebook = rows + 3e4, codebook + 3e4
    elif kind == "ties":  # whole numbers and copies
        rows, codebook = np.round(rows), np.round(codebook[rng.integers(0, m, m)])
    elif kind == "scales":
        scale = 10.0 ** rng.integers(-6, 7, d)
        rows, codebook = rows * scale, codebook * scale
    elif kind == "denormal":
        rows, codebook = rows * 1e-39, codebook * 1e-39
    return rows.astype(np.float32), codebook.astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_no_winner_differs_from_the_long_double_oracle(core, oracle, kind):
    if core.name != f"core/{best_set()}":
        pytest.skip("the others give the same bits, as other tests show")
    rows, codebook = case(kind)
    expected = nearest_by(oracle, rows, codebook)
    for order in (None, LATTICE.walk):
        units = core.search(rows, codebook, order=order)[0][:, 0]
        differing = np.flatnonzero(units != expected)
        # Long double rounds, too: where they differ, fractions say who is right.
        wrong = [i for i in differing if not is_nearer(rows[i], codebook, units[i], expected[i])]
        logger.info("%s: %d rows, %d differ, %d wrong", kind, len(rows), len(differing), len(wrong))
        assert not wrong


def best_set():
    from somscape.kernels import _core

    return _core.instruction_sets()[0]


def is_nearer(row, codebook, a, b):
    x = [Fraction(v) for v in row.tolist()]
    near, far = (
        sum((p - Fraction(q)) ** 2 for p, q in zip(x, codebook[u].tolist(), strict=True))
        for u in (a, b)
    )
    return (near, a) < (far, b)
