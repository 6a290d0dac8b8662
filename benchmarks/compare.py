"""Whether one version of somscape is slower than another: base against head.

    python benchmarks/compare.py BASE HEAD [--only PROBLEM ...] [--repeats N]

BASE and HEAD are git revisions, each built into an environment of its own under ``.env/compare``
and kept there, or paths of interpreters that have somscape installed. Both do the problems of this
checkout, in turn. The exit status is 1 if a problem is slower by more than 15 % and also by more
than 50 ms: less than either is what a quiet machine still varies by.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from markdown_tables import OURS, Result, markdown
from problems import PROBLEMS
from startup import run_process

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / ".env" / "compare"
DEFAULT_PROBLEMS = ("article-online", "article-batch", "digits", "clusters", "winners-clusters")
SLOWER_RATIO, SLOWER_SECONDS = 1.15, 0.05


def interpreter_of(version: str) -> str:
    """Return the interpreter with a version of somscape, built first where that is a revision."""
    if Path(version).is_file():
        return version
    git = ["git", "-C", str(HERE.parent)]
    revision = subprocess.check_output(
        [*git, "rev-parse", "--verify", f"{version}^{{commit}}"], text=True
    ).strip()
    environment = ENVIRONMENTS / revision
    python, ready = environment / "bin" / "python", environment / "ready"
    if not ready.exists():
        print(f"building {version} ({revision[:10]})", flush=True)
        source = environment / "source"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        source.mkdir(exist_ok=True)
        archive = subprocess.check_output([*git, "archive", revision])
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, str(source)], check=True)
        ready.touch()
    return str(python)


def seconds_of(python: str, problem: str, seed: int) -> float | None:
    """Return the seconds a version takes, None where it cannot do the problem."""
    try:
        output = run_process([python, str(HERE / "worker.py"), OURS, problem, str(seed)])[1]
    except RuntimeError as error:
        print(f"{problem}: {python} cannot: {error}", flush=True)
        return None
    result: Result = json.loads(output.splitlines()[-1])
    return float(result["later"])


def is_slower(base: float, head: float) -> bool:
    """Return whether head is slower past both limits."""
    return head > SLOWER_RATIO * base and head > base + SLOWER_SECONDS


def compared(problem: str, base: str, head: str, repeats: int) -> tuple[list[str], bool]:
    """Return the row of a problem, medians over the rounds, and whether head is slower."""
    rounds = [[seconds_of(python, problem, n) for python in (base, head)] for n in range(repeats)]
    pairs = [(one, other) for one, other in rounds if one is not None and other is not None]
    if len(pairs) < len(rounds):
        return [problem, "", "", "", "not comparable"], False
    one, other = (median(side) for side in zip(*pairs, strict=True))
    verdict = is_slower(one, other)
    row = [problem, f"{1e3 * one:.2f}", f"{1e3 * other:.2f}", f"{other / one:.2f}"]
    return [*row, "**slower**" if verdict else "fine"], verdict


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Compare two versions of somscape.")
    parser.add_argument("base", help="git revision or interpreter")
    parser.add_argument("head", help="git revision or interpreter")
    parser.add_argument("--only", nargs="+", choices=PROBLEMS, metavar="PROBLEM")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (default: 5)")
    arguments = parser.parse_args()
    base, head = (interpreter_of(version) for version in (arguments.base, arguments.head))
    problems = arguments.only or DEFAULT_PROBLEMS
    rows, verdicts = zip(
        *(compared(name, base, head, arguments.repeats) for name in problems), strict=True
    )
    print(markdown(["problem", "base, ms", "head, ms", "head / base", "verdict"], list(rows)))
    sys.exit(any(verdicts))


if __name__ == "__main__":
    main()
