"""Measure from file to list beside the readers and the script that one would take instead.

    python benchmarks/tables/run.py [--base INTERPRETER] [--parts PART ...] [--rounds N]
        [--folder FOLDER] [--out FILE] [--quick]

Each measurement is a fresh process with two threads; ours and theirs take turns. ``--base`` is an
interpreter with another version of somscape. ``--folder`` keeps the tables there for the next run.
``--quick`` takes a tenth of the rows, to try it; its ratios are no result. The exit status is 1 if
something could not be measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from comparisons import TIMES_FILE, Comparison, Side, comparisons  # noqa: E402
from markdown_tables import markdown  # noqa: E402
from processes import Usage, usage_of  # noqa: E402
from readme import machine, write_between_markers  # noqa: E402

N_ROWS, N_LISTED, QUICK = 1_000_000, 50_000, 10
PARTS = ("read", "encode", "list", "detect", "base")
PACKAGES = ("numpy", "pyarrow", "polars", "pandas", "scikit-learn", "matplotlib")

Rounds = list[list[Usage]]  # of each round ours, and theirs where there are


def measured(comparison: Comparison, n_rounds: int) -> Rounds | str:
    """Return what was used in each round, or why that cannot be said."""
    sides = [comparison.ours] + ([comparison.theirs] if comparison.theirs else [])
    rounds: Rounds = []
    for _ in range(n_rounds * comparison.times_rounds):
        of_round = []
        for side in sides:
            try:
                of_round.append(usage_of(side))
            except RuntimeError as error:
                return f"{side.name} could not be measured: {error}"
        rounds.append(of_round)
    return rounds


def goal_rows(comparison: Comparison, rounds: Rounds) -> list[list[str]]:
    """Return the rows of a comparison: its time, and its memory where that has a goal."""
    ours = median(of_round[0].processor for of_round in rounds)
    what, goal = comparison.what, comparison.at_most
    rows = []
    if comparison.theirs is None:
        rows.append([what, "", f"{ours:.2f} s", "", "", *verdict(ours, goal, " s")])
    else:
        theirs = median(of_round[1].processor for of_round in rounds)
        ratios = [ours.processor / theirs.processor for ours, theirs in rounds]
        ratio = median(ratios)
        spread = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        row = [what, comparison.theirs.name, f"{ours:.2f} s", f"{theirs:.2f} s", spread]
        rows.append([*row, *verdict(ratio, goal, "")])
    if comparison.of_file is not None:
        peak = median(of_round[0].peak for of_round in rounds)
        size = comparison.of_file.stat().st_size / 2**20
        row = [f"{what}: memory", comparison.of_file.name, f"{peak:,.0f} MiB", f"{size:,.0f} MiB"]
        ratio = peak / size
        rows.append([*row, f"{ratio:.2f}", *verdict(ratio, TIMES_FILE, "")])
    return rows


def verdict(value: float, at_most: float | None, unit: str) -> list[str]:
    """Return the goal and whether it is reached."""
    if at_most is None:
        return ["", ""]
    return [f"{at_most:g}{unit}", "yes" if value <= at_most else "**no**"]


def usage_rows(comparison: Comparison, rounds: Rounds) -> list[list[str]]:
    """Return what each side used, medians over the rounds."""
    sides: list[Side] = [comparison.ours] + ([comparison.theirs] if comparison.theirs else [])
    rows = []
    for side, used in zip(sides, zip(*rounds, strict=True), strict=True):
        row = [comparison.what, side.name]
        row += [f"{median(u.processor for u in used):.2f}", f"{median(u.wall for u in used):.2f}"]
        rows.append([*row, f"{median(u.peak for u in used):,.0f}"])
    return rows


def report(results: list[tuple[Comparison, Rounds | str]], heading: str) -> str:
    """Return both tables, and a line for what could not be measured."""
    goals, used, problems = [], [], []
    for comparison, rounds in results:
        if isinstance(rounds, str):
            problems.append(f"- {comparison.what}: not measured, {rounds}")
            goals.append([comparison.what, "", "", "", "", *verdict(0, comparison.at_most, "")])
            goals[-1][-1] = "not measured"
            continue
        goals += goal_rows(comparison, rounds)
        used += usage_rows(comparison, rounds)
    texts = [heading, "Processor time:"]
    texts.append(
        markdown(["what", "beside", "ours", "theirs", "ratio", "goal", "reached"], goals, 2)
    )
    if problems:
        texts.append("\n".join(problems))
    if used:
        header = ["what", "who", "processor, s", "wall, s", "peak MiB"]
        texts += ["What each used:", markdown(header, used, n_left=2)]
    return "\n\n".join(texts)


def with_tables(folder: Path, n_rows: int) -> Path:
    """Return the folder, once the tables of that size are in it."""
    found = folder / f"rows_{n_rows}"
    if not (found / "ready").exists():
        print(f"making tables of {n_rows:,} rows", flush=True)
        command = [sys.executable, str(HERE / "data.py"), str(found), str(n_rows)]
        subprocess.run(command, check=True)
        (found / "ready").touch()
    return found


def parsed_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description="Measure somscape from file to list.")
    add = parser.add_argument
    add("--base", metavar="INTERPRETER", help="one with another version of somscape")
    add("--parts", nargs="+", choices=PARTS, default=PARTS, help=f"default: {', '.join(PARTS)}")
    add("--rounds", type=int, default=3, help="(default: 3)")
    add("--folder", type=Path, help="where the tables are kept (default: nowhere)")
    add("--out", type=Path, help="file to write the tables into (default: none, they are printed)")
    add("--quick", action="store_true", help="a tenth of the rows, to try it")
    return parser.parse_args()


def command_of(arguments: argparse.Namespace) -> str:
    """Return the command, without paths that only this machine has."""
    words = ["python benchmarks/tables/run.py"]
    words += ["--base INTERPRETER"] * bool(arguments.base)
    words += [] if set(arguments.parts) == set(PARTS) else ["--parts", *arguments.parts]
    words += [f"--rounds {arguments.rounds}", *["--quick"] * arguments.quick]
    return " ".join(words)


def main() -> None:
    """Run the command line."""
    arguments = parsed_arguments()
    if arguments.base and not os.access(arguments.base, os.X_OK):
        raise SystemExit(f"--base {arguments.base} is no interpreter")
    share = QUICK if arguments.quick else 1
    heading = f"{machine(PACKAGES)}. Command: `{command_of(arguments)}`."
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = with_tables(arguments.folder or Path(temporary), N_ROWS // share)
        for comparison in comparisons(folder, N_LISTED // share, arguments.base):
            if comparison.part not in arguments.parts:
                continue
            rounds = measured(comparison, arguments.rounds)
            results.append((comparison, rounds))
            rows = [[rounds]] if isinstance(rounds, str) else goal_rows(comparison, rounds)
            for row in rows:
                print(f"{comparison.what}: {', '.join(filter(None, row[-6:]))}", flush=True)
        if "base" in arguments.parts and not arguments.base:
            print("what is compared with another version is left out: no --base", flush=True)
        text = report(results, heading)
    print(f"\n{text}")
    if arguments.out:
        write_between_markers(arguments.out, text)
    sys.exit(any(isinstance(rounds, str) for _, rounds in results))


if __name__ == "__main__":
    main()
