"""Measure somscape beside its peers and write the tables into README.md.

    python benchmarks/run.py [--only PROBLEM ...] [--libraries NAME ...] [--repeats N] [--out FILE]

Every measurement is a fresh process, so that imports, threads and caches of one library do not
touch another. Within a round the libraries take turns; a ratio is taken within its round and its
median over the rounds reported, so that a machine that slows down slows both sides. A part of the
problems or libraries is printed, and written only where ``--out`` says so.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from statistics import median

from goals import Run, goal_rows
from install import OUTCOME, PEERS
from markdown_tables import OURS, Result, Rounds, markdown, search_table, training_table
from problems import PROBLEMS
from readme import machine, write_between_markers
from startup import Timing, run_process, time_startups

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
LIBRARIES = (OURS, *PEERS, "matmul", "reference")
ONCE = ("reference",)
"""Libraries of the first round only, like those that do a share of the work."""
QUICK = ("article-online", "article-batch", "digits")
"""Problems of all rounds; the others, of seconds a call, have half as many."""
ANCHORS = "anchors"
"""What ``--only`` calls the matrix multiply, the search and the latencies."""
TIMEOUT = 300


def run_problem(
    problem: str, libraries: list[str], rounds: int, left_out: dict[str, str]
) -> Rounds:
    """Let the libraries take turns on a problem; the number of the round is the seed.

    A library that fails is noted in `left_out` and not tried again.
    """
    results: Rounds = {}
    waiting = [name for name in libraries if name not in left_out]
    for seed in range(rounds):
        for library in tuple(waiting):
            worker = [sys.executable, str(HERE / "worker.py"), library, problem, str(seed)]
            try:
                output = run_process(worker, TIMEOUT)[1]
            except RuntimeError as error:
                waiting.remove(library)
                left_out[f"{library} on {problem}"] = str(error)
                print(f"{problem}: {library} left out, {error}", flush=True)
                continue
            result = json.loads(output.splitlines()[-1])  # some peers print before
            if "skipped" in result:
                waiting.remove(library)
                continue
            if result["share"] < 1 or library in ONCE:
                waiting.remove(library)
            results.setdefault(library, []).append(result)
            print(f"{problem}: round {seed}, {library}: {result['later']:.4f} s", flush=True)
    return results


def run_anchors(rounds: int) -> list[Result]:
    """Measure what the machine can do, and the search and latencies beside it."""
    worker = [sys.executable, str(HERE / "anchors.py")]
    results = []
    for number in range(rounds):
        results.append(json.loads(run_process(worker)[1]))
        print(f"anchors: round {number}, {results[-1]['matmul']:.0f} GFLOP/s", flush=True)
    return results


def startup_table(timings: list[Timing]) -> str:
    """Return the table of whole processes."""
    header = ["process", "seconds", "compared with", "its seconds", "ratio"]
    rows = []
    for timing in timings:
        process, imports = (f"`{text}`" for text in (timing.startup.label, timing.startup.imports))
        ours, theirs = (f"{seconds:.3f}" for seconds in (timing.ours, timing.theirs))
        rows.append([process, ours, imports, theirs, f"{timing.ratio:.2f}"])
    return markdown(header, rows)


def report(run: Run, heading: str, left_out: dict[str, str]) -> str:
    """Return the text between the markers of README.md."""
    parts = [heading, "### Goals", markdown(["goal", "measured", "met"], goal_rows(run))]
    for name, rounds in run.problems.items():
        if not rounds:
            continue
        title = next(iter(rounds.values()))[0]["title"]
        parts += [f"### {name}", f"{title}.", training_table(rounds)]
        if OURS in rounds:
            parts += [f"somscape's kernels: `{rounds[OURS][0]['kernels']}`."]
    if run.anchors:
        peak = median(r["matmul"] for r in run.anchors)
        latency = ", ".join(
            f"`{name}` {median(r['latency'][name] for r in run.anchors):.1f} microseconds"
            for name in run.anchors[0]["latency"]
        )
        parts += ["### Search and one row", f"Matrix multiply: {peak:.0f} GFLOP/s at its best."]
        parts += ["GFLOP/s of the search, and its share of that:", search_table(run.anchors)]
        parts += [f"One row: {latency}."]
    if run.startups:
        parts += ["### Whole processes", startup_table(run.startups)]
    if left_out:
        rows = [[name, reason.replace("|", "\\|")] for name, reason in left_out.items()]
        parts += ["### Left out", markdown(["what", "why"], rows, n_left=2)]
    return "\n\n".join(parts)


def parsed_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description="Measure somscape beside its peers.")
    choices = (*PROBLEMS, ANCHORS)
    parser.add_argument("--only", nargs="+", choices=choices, metavar="PROBLEM", help=str(choices))
    names = ", ".join(LIBRARIES)
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, metavar="NAME", help=names)
    help_repeats = "rounds of the quick problems, half as many of the others (default: 5)"
    parser.add_argument("--repeats", type=int, default=5, help=help_repeats)
    help_out = "file to write (default: README.md after a complete run, else none)"
    parser.add_argument("--out", type=Path, help=help_out)
    return parser.parse_args()


def main() -> None:
    """Run the command line."""
    arguments = parsed_arguments()
    command = shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]])
    heading = f"{machine()}. Command: `{command}`."
    is_complete = not (arguments.only or arguments.libraries)
    chosen, libraries = arguments.only or (*PROBLEMS, ANCHORS), arguments.libraries or LIBRARIES
    quick, slow = arguments.repeats, (arguments.repeats + 1) // 2
    failed = json.loads(OUTCOME.read_text(encoding="utf-8")) if OUTCOME.exists() else {}
    left_out = {name: reason for name, reason in failed.items() if name in libraries}
    run = Run(
        problems={
            name: run_problem(name, list(libraries), quick if name in QUICK else slow, left_out)
            for name in PROBLEMS
            if name in chosen
        },
        anchors=run_anchors(slow) if ANCHORS in chosen else [],
        startups=time_startups(quick) if is_complete else [],
    )
    text = report(run, heading, left_out)
    print(f"\n{text}")
    if out := arguments.out or (README if is_complete else None):
        write_between_markers(out, text)


if __name__ == "__main__":
    main()
