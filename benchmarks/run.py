"""Measure somscape beside its peers and write the tables into README.md.

    python benchmarks/run.py [--repeats 7] [--out FILE]

Every measurement is a fresh process, so that imports, threads and caches of one library do not
touch another. Within a round the libraries take turns; a ratio is taken within its round and its
median over the rounds reported, so that a machine that slows down slows both sides.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from problems import PROBLEMS, credit_csv, quality

README = Path(__file__).resolve().parent / "README.md"
LIBRARIES = ("somscape", "minisom", "fastersom", "xpysom")
OURS = "somscape"
# Problem, peer, and how many times our time the peer has to take at least.
SPEEDUPS = (
    ("article-online", "minisom", 30.0),
    ("article-batch", "fastersom", 1.0),
    ("article-batch", "xpysom", 1.0),
)
# Calls after the first in one process: at least so many, and until so much time has passed.
MIN_CALLS, MIN_SECONDS = 3, 0.5
BEGIN, END = "<!-- results: written by run.py -->", "<!-- end of results -->"

Result = dict[str, Any]
Rounds = dict[str, list[Result]]  # results of a problem by library, one per round
_TEXTS = ("name", "kernels")  # what has no median


# Measuring: one process each


def measure_training(library_name: str, problem_name: str, seed: int) -> Result:
    """Time one library on one problem in this process.

    Returns
    -------
    dict
        ``import``, ``first`` and ``later`` (median) in seconds, ``peak`` resident MiB, ``qe``,
        ``te``, ``name`` with version, ``kernels``; or ``missing`` with the reason.
    """
    problem = PROBLEMS[problem_name](seed)
    started = time.perf_counter()
    try:
        library = importlib.import_module(f"libraries.bench_{library_name}")
    except ModuleNotFoundError as error:
        if error.name != library_name:  # there, but broken: no reason to leave it out
            raise
        return {"missing": "not installed"}
    import_seconds = time.perf_counter() - started
    if problem.algorithm not in library.ALGORITHMS:
        return {"missing": f"not compared on {problem.algorithm} training"}

    seconds: list[float] = []
    while len(seconds) < 1 + MIN_CALLS or sum(seconds[1:]) < MIN_SECONDS:
        started = time.perf_counter()
        codebook = library.train(problem)
        seconds.append(time.perf_counter() - started)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    qe, te = quality(problem, codebook)
    return {
        "name": f"{library.NAME} {version(library.DISTRIBUTION)}",
        "kernels": library.kernels(problem) if library_name == OURS else "",
        "import": import_seconds,
        "first": seconds[0],
        "later": median(seconds[1:]),
        "peak": peak_kib / 1024,
        "qe": qe,
        "te": te,
    }


def run_process(command: list[str]) -> tuple[float, str]:
    """Return the wall-clock seconds and the output of a whole process, with byte code cached."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{process.stderr}")
    return seconds, process.stdout


def run_training(problem_name: str, repeats: int) -> Rounds:
    """Let the libraries take turns on a problem; the number of the round is the seed."""
    rounds: Rounds = {}
    libraries = list(LIBRARIES)
    for seed in range(repeats):
        for library in tuple(libraries):
            worker = [sys.executable, __file__, "--worker", library, problem_name, str(seed)]
            output = run_process(worker)[1]
            result = json.loads(output.splitlines()[-1])  # some peers print before
            if "missing" in result:
                libraries.remove(library)
                print(f"{problem_name}: {library} left out, {result['missing']}")
                continue
            rounds.setdefault(library, []).append(result)
            print(f"{problem_name}: round {seed}, {library}: {result['later'] * 1e3:.2f} ms")
    return rounds


def startup_pairs(folder: Path) -> list[tuple[str, list[str], str, float]]:
    """Return what to time as whole processes.

    Each entry is a label and its command, the imports to compare with, and how many times their
    duration is allowed.
    """
    somscape = Path(sys.executable).parent / "somscape"
    if not somscape.exists():
        print(f"whole processes left out, no {somscape}")
        return []
    detect = [str(somscape), "detect", str(credit_csv(folder)), "--id", "CustomerID"]
    detect += ["--label", "Class", "--out", str(folder / "out")]
    return [
        ("import somscape", [sys.executable, "-c", "import somscape"], "import numpy", 1.5),
        ("somscape --help", [str(somscape), "--help"], "import numpy", 1.5),
        ("somscape detect", detect, "import sklearn, matplotlib", 2.0),
        ("somscape detect", detect, "import sklearn.base, matplotlib.figure", 2.0),
    ]


def run_startup(repeats: int) -> tuple[list[list[str]], list[list[str]]]:
    """Time whole processes, pair by pair in turn, and return their rows and those of the goals.

    One untimed run of each fills the caches of disk and byte code.
    """
    rows: list[list[str]] = []
    goals: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for label, command, imports, allowed in startup_pairs(Path(folder)):
            base = [sys.executable, "-c", imports]
            pairs = [(run_process(command)[0], run_process(base)[0]) for _ in range(repeats + 1)]
            ratio = median(ours / theirs for ours, theirs in pairs[1:])
            ours, theirs = (f"{median(side):.3f}" for side in zip(*pairs[1:], strict=True))
            rows.append([f"`{label}`", ours, f"`{imports}`", theirs, f"{ratio:.2f}"])
            claim = f"`{label}` takes at most {allowed:g} times `{imports}`"
            goals.append(goal(claim, ratio, ratio <= allowed))
            print(f"{label}: {ratio:.2f} times {imports}")
    return rows, goals


# Reporting


def goal(claim: str, measured: float, is_met: bool) -> list[str]:
    """Return the table row of a goal."""
    return [claim, f"{measured:.3g}", "yes" if is_met else "**no**"]


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """Return an aligned table with the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [
        [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        for row in [header, rule, *rows]
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in aligned)


def speedups(rounds: Rounds, peer: str) -> list[float]:
    """Return by round how many times our time the peer takes; empty if either is missing."""
    pairs = zip(rounds.get(peer, []), rounds.get(OURS, []), strict=False)
    return [float(theirs["later"] / ours["later"]) for theirs, ours in pairs]


def training_table(rounds: Rounds) -> str:
    """Return the table of one problem, medians over the rounds."""
    header = ["library", "train, ms", "fastest and slowest round", "x somscape", "first call, ms"]
    header += ["import, ms", "QE", "TE", "peak MiB"]
    rows = []
    for name, results in rounds.items():
        middle = {key: median(r[key] for r in results) for key in results[0] if key not in _TEXTS}
        later = [1e3 * r["later"] for r in results]
        ratios = speedups(rounds, name)
        row = [results[0]["name"], f"{median(later):.2f}", f"{min(later):.2f}, {max(later):.2f}"]
        row += [f"{median(ratios):.3g}" if ratios else ""]
        row += [f"{1e3 * middle['first']:.1f}", f"{1e3 * middle['import']:.0f}"]
        row += [f"{middle['qe']:.4f}", f"{middle['te']:.4f}", f"{middle['peak']:.0f}"]
        rows.append(row)
    return markdown(header, rows)


def machine() -> str:
    """Return processor, cores, system, versions, and who else had the processor, in one line."""
    cpu, cpuinfo = platform.machine(), Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    parts = [cpu, f"{os.cpu_count()} cores", platform.system()]
    parts += [f"Python {platform.python_version()}"]
    for package in ("numpy", "scikit-learn", "matplotlib", "torch"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    load, niceness = os.getloadavg()[0], os.nice(0)
    return f"{', '.join(parts)}; load average {load:.1f} before the run, niceness {niceness}"


def report(repeats: int) -> str:
    """Measure everything and return the text between the markers of README.md."""
    command = f"python benchmarks/run.py --repeats {repeats}"
    parts = [f"{machine()}. Command: `{command}`."]
    goals: list[list[str]] = []
    results = {name: run_training(name, repeats) for name in PROBLEMS}
    for name, peer, asked in SPEEDUPS:
        if ratios := speedups(results[name], peer):
            claim = f"{name}: {peer} takes at least {asked:g} times our time"
            goals.append(goal(claim, median(ratios), median(ratios) >= asked))
    startup_rows, startup_goals = run_startup(repeats)
    if goals + startup_goals:
        parts += ["### Goals", markdown(["goal", "measured", "met"], goals + startup_goals)]
    for name, rounds in results.items():
        parts += [f"### {name}", f"{PROBLEMS[name](0).title}.", training_table(rounds)]
        if OURS in rounds:
            parts += [f"somscape's kernels: `{rounds[OURS][0]['kernels']}`."]
    if startup_rows:
        header = ["process", "seconds", "compared with", "seconds", "ratio"]
        parts += ["### Whole processes", markdown(header, startup_rows)]
    return "\n\n".join(parts)


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


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure somscape beside its peers.")
    parser.add_argument("--repeats", type=int, default=7, help="rounds (default: 7)")
    parser.add_argument("--out", type=Path, default=README, help="file to write (default: README)")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        library_name, problem_name, seed = arguments.worker
        print("\n" + json.dumps(measure_training(library_name, problem_name, int(seed))))
        return
    text = report(arguments.repeats)
    print(f"\n{text}")
    write_between_markers(arguments.out, text)


if __name__ == "__main__":
    main()
