"""Passes over all rows: what they take of the system."""

import os
import subprocess
import sys

import pytest

from somscape.fit.problem import CHUNK_ROWS
from somscape.kernels._select import is_core_built

PAGES_OF_A_PASS = """
import resource
import numpy as np
from somscape.fit import prepare
from somscape.fit.problem import CHUNK_ROWS, epoch_sums
from somscape.grid import Lattice

rows = np.random.default_rng(0).normal(size=(20 * CHUNK_ROWS, 2))
problem = prepare(rows).on(Lattice(2, 2))
epoch_sums(problem, rows[:4])
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
epoch_sums(problem, rows[:4])
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts pages as Linux does")
@pytest.mark.skipif(not is_core_built(), reason="the NumPy kernels make arrays for each chunk")
def test_the_system_gives_a_pass_memory_for_one_chunk():
    # Dask sets this in its workers: what is free goes back to the system at once.
    said = subprocess.run(
        [sys.executable, "-c", PAGES_OF_A_PASS],
        env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    of_a_chunk = CHUNK_ROWS * 16 / os.sysconf("SC_PAGE_SIZE")
    assert int(said.stdout) < 4 * of_a_chunk  # some 10 if each chunk had its own
