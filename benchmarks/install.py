"""The peers, and how each comes into the environment that runs this script.

    .env/VERSION/bench/bin/python benchmarks/install.py

One peer after the other, so that one that does not install leaves the rest alone. NumPy stays at
the version that somscape was installed with: a peer that needs another is left out. What failed,
and why, goes to ``peers.json`` in the environment, from where it gets into the report.

torch comes from the index that pip is set up for. On Linux that is usually PyPI's build with CUDA,
3 GB; a CPU build installed beforehand is kept:

    pip install torch --index-url https://download.pytorch.org/whl/cpu
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTCOME = Path(sys.prefix) / "peers.json"

PEERS: dict[str, tuple[str, ...]] = {
    "minisom": ("minisom",),
    "fastersom": ("fastersom",),
    "xpysom": ("xpysom",),
    "somoclu": ("somoclu",),
    "numbasom": ("numbasom",),
    "python_som": ("python-som", "numba"),  # numba speeds its search up, as its README tells
    "torchsom": ("torchsom", "faiss-cpu"),  # it searches with faiss where that is
    "sparse_som": ("sparse-som",),
    "kmeans": ("scikit-learn",),
    "faiss": ("faiss-cpu",),
}
"""Requirements by the name of the peer's module in ``libraries``."""

PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
# Old source distributions import NumPy while they are built, without saying so; and Somoclu takes
# any nvcc for a working CUDA, unless it is told to look where there is none. What pip has cached of
# a build that failed half is not used again.
OLD_BUILD = ["--no-build-isolation", "--no-cache-dir"]
NO_CUDA = {"CUDAHOME": "/nonexistent"}


def failure_of(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Return why a command failed in one line, empty if it did not."""
    process = subprocess.run(
        command,
        cwd=HERE,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode == 0:
        return ""
    lines = [line.strip(" │╰─>\t") for line in process.stderr.strip().splitlines()]
    told = [line for line in lines if "error" in line.lower()]
    return (told or lines or [f"exit status {process.returncode}"])[-1]


def install(name: str, requirements: tuple[str, ...], constraints: Path) -> str:
    """Install one peer and import it; return why that failed, empty if it did not.

    What fails is built once more, in the way of old source distributions.
    """
    pip = [*PIP, "--constraint", str(constraints), *requirements]
    importing = [sys.executable, "-c", f"import libraries.bench_{name}"]
    failure = failure_of(pip) or failure_of(importing)
    if not failure:
        return ""
    failure_of([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", requirements[0]])
    return (failure_of([*pip, *OLD_BUILD], NO_CUDA) or failure_of(importing)) and failure


def main() -> None:
    """Install all peers and say which are left out."""
    failures = {}
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(f"numpy=={version('numpy')}\n", encoding="utf-8")
        failure_of([*PIP, "setuptools", "wheel"])
        for name, requirements in PEERS.items():
            print(f"installing {name}", flush=True)
            if failure := install(name, requirements, constraints):
                failures[name] = failure
                print(f"{name} is left out: {failure}", flush=True)
    OUTCOME.write_text(json.dumps(failures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
