"""What the reports in the README files share: the machine's line, and where results stand."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scikit-learn", "matplotlib", "torch", "numba")

BEGIN, END = "<!-- results: written by run.py -->", "<!-- end of results -->"


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Return processor, cores, system, versions, and who else had the processor, in one line."""
    cpu, cpuinfo = platform.machine(), Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    parts = [cpu, f"{os.cpu_count()} cores", platform.system()]
    parts += [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    load, niceness = os.getloadavg()[0], os.nice(0)
    return f"{', '.join(parts)}; load average {load:.1f} before the run, niceness {niceness}"


def write_between_markers(path: Path, text: str) -> None:
    """Replace what stands between the markers in the file by the text; make a new file of it."""
    if not path.exists():
        path.write_text(f"{BEGIN}\n\n{text}\n\n{END}\n", encoding="utf-8")
        return
    before, found, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise SystemExit(f"{path} lacks the lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
