"""The same map, bit for bit, on processors with other instruction sets.

Older processors are imitated by telling NumPy, the C library and the core not to use what this
one has.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.nightly

PROGRAM = """
import hashlib, sys
import numpy as np
from somscape import SOM, SOMDetector
from somscape.kernels._select import select_kernels
from somscape.tables import table_from_columns

if select_kernels().name.startswith("core"):
    from somscape.kernels import _core
    _core.use_instruction_set(_core.instruction_sets()[int(sys.argv[1])])
rng = np.random.default_rng(0)
amount = np.array([float(v) for v in rng.integers(1, 400, 300)]) ** 3
table = table_from_columns(
    {"amount": amount, "age": rng.random(300), "job": [str(v) for v in rng.integers(0, 3, 300)]}
)
digest = hashlib.sha256()
detector = SOMDetector(random_state=0).fit(table)
digest.update(detector.map_.codebook.tobytes() + detector.detector_.calibration.scores.tobytes())
for lattice in ("rectangular", "hexagonal"):
    som = SOM(4, 5, lattice=lattice, algorithm="online", init="sample", random_state=0)
    digest.update(som.fit(rng.random((200, 4))).codebook_.tobytes())
print(digest.hexdigest())
"""


def run(which: int, **environment: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(which)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.skipif(
    find_spec("somscape.kernels._core") is None,
    reason="the promise is the compiled core's; NumPy's own kernels agree to rounding",
)
@pytest.mark.parametrize(
    "older",
    [
        {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F"},
        {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL"},
        {"OPENBLAS_CORETYPE": "Prescott"},
    ],
    ids=lambda older: next(iter(older)),
)
def test_an_older_processor_makes_the_same_map(older: dict[str, str]) -> None:
    assert run(-1, **older) == run(0)
