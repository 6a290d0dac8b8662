"""What a command loads and starts in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import write

UNNEEDED = ("pandas", "polars", "narwhals", "scipy.stats", "sklearn", "pyarrow.parquet")

DETECT = f"""
import sys
from somscape.desk.cli._commands import main
from threadpoolctl import threadpool_info
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
print("loaded:", *[name for name in {UNNEEDED!r} if name in sys.modules])
blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
print("threads:", *blas)
"""


@pytest.mark.parametrize("given", [None, "2"])
def test_detect_loads_and_starts_no_more_than_it_needs(tmp_path: Path, given: str | None) -> None:
    days = [i % 28 + 1 for i in range(60)]
    rows = [f"{d % 7},{'ab'[d % 2]},2026-01-{d:02},{d:02}.02.2026,{d} May 2025" for d in days]
    path = write(tmp_path / "t.csv", "n,kind,begun,seen,ended", rows)
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    if given is not None:
        environment["OPENBLAS_NUM_THREADS"] = given
    command = [sys.executable, "-c", DETECT, "detect", str(path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded, threads = done.stdout.splitlines()[-2:]
    assert loaded == "loaded:"
    allowed = min(int(given or 1), os.cpu_count() or 1)
    # One pool each for NumPy and SciPy, which regions need; none where they have another library.
    assert set(threads.split()[1:]) <= {str(allowed)}
