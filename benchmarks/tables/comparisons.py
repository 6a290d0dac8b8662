"""What is compared with what, and how often theirs ours may take."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CREDIT = HERE.parents[1] / "src" / "somscape" / "datasets" / "german_credit.csv"

COMMAND_LINE = "from somscape.desk.cli._commands import main; main()"
TIMES_FILE = 4
"""Sizes of the file that may be resident at most."""
AS_QUICK = 1.05
"""What counts as quick as before: the processor times of two equal runs differ by so much."""


@dataclass(frozen=True)
class Side:
    """A process that is measured: whole, or the seconds that it prints itself."""

    name: str
    command: tuple[str, ...]
    is_stage: bool = False


@dataclass(frozen=True)
class Comparison:
    """Ours and theirs, and the goal.

    Attributes
    ----------
    part : str
        What to choose it by.
    what : str
    ours : Side
    theirs : Side or None
        None where ours alone has a goal, in seconds.
    at_most : float or None
        Ratio, or seconds.
    of_file : Path or None
        The file of which ours may keep `TIMES_FILE` sizes in memory.
    times_rounds : int
        How many times as many rounds as others a short one gets.
    """

    part: str
    what: str
    ours: Side
    theirs: Side | None
    at_most: float | None = None
    of_file: Path | None = None
    times_rounds: int = 1


def comparisons(folder: Path, n_listed: int, base: str | None) -> list[Comparison]:
    """Return all of them, with the tables of a folder."""
    of_base = [] if base is None else as_before(folder, base)
    return [*reading(folder), *stages(folder, n_listed), *detecting(folder, n_listed), *of_base]


def reading(folder: Path) -> list[Comparison]:
    """Return those of the readers."""
    found = []
    for file, rival, at_most in (
        ("big.csv", "pyarrow", 1.5),
        ("big.csv", "polars", None),
        ("mixed.csv", "polars", 2.5),
        ("mixed.csv", "pyarrow", None),
        ("big.parquet", "pyarrow", None),
        ("big.parquet", "polars", None),
    ):
        ours, theirs = (stage(name, who, folder / file) for name, who in
                        (("read", "somscape"), (rival, rival)))  # fmt: skip
        found.append(Comparison("read", f"read {file}", ours, theirs, at_most))
    return found


def stages(folder: Path, n_listed: int) -> list[Comparison]:
    """Return those of what follows reading, which have a goal in seconds."""
    big = folder / "big.csv"
    encode = stage("encode", "somscape", big)
    listed = stage("list", "somscape", big, str(n_listed))
    return [
        Comparison("encode", "encode big.csv", encode, None, 1),
        Comparison("list", f"list {n_listed:,} of big.csv with reasons", listed, None, 2),
    ]


def detecting(folder: Path, n_listed: int) -> list[Comparison]:
    """Return those of the whole command, beside the script that one would write."""
    found = []
    for file, n, at_most in (
        ("big.csv", n_listed, 1.6),
        ("big.csv", 50, 1.2),
        ("big.parquet", n_listed, 1.4),
    ):
        table = folder / file
        ours = detect(sys.executable, "somscape", table, folder / "found", "--alerts", str(n))
        script = (str(HERE / "forest.py"), str(table), str(n), str(folder / "forest.csv"))
        theirs = Side("polars, isolation forest", (sys.executable, *script))
        memory = folder / "big.csv" if file == "big.csv" else None
        what = f"somscape detect {file}, {n:,} listed"
        found.append(Comparison("detect", what, ours, theirs, at_most, memory))
    return found


def as_before(folder: Path, base: str) -> list[Comparison]:
    """Return those of a small table and of imports, beside another version of somscape."""
    commands = {
        "somscape --help": (COMMAND_LINE, "--help"),
        "import somscape": ("import somscape",),
        "from somscape.minisom import MiniSom": ("from somscape.minisom import MiniSom",),
    }
    versions = {"somscape": sys.executable, "base": base}
    pairs = {
        f"somscape detect {CREDIT.name}": [
            detect(python, name, CREDIT, folder / name) for name, python in versions.items()
        ],
        **{
            what: [Side(name, (python, "-c", *words)) for name, python in versions.items()]
            for what, words in commands.items()
        },
    }
    return [
        Comparison("base", what, ours, theirs, AS_QUICK, times_rounds=5)
        for what, (ours, theirs) in pairs.items()
    ]


def stage(name: str, who: str, path: Path, *words: str) -> Side:
    """Return a stage that times itself."""
    command = (sys.executable, str(HERE / "stages.py"), name, str(path), *words)
    return Side(who, command, is_stage=True)


def detect(python: str, name: str, table: Path, out: Path, *words: str) -> Side:
    """Return the whole command; every interpreter starts it in the same way."""
    command = (python, "-c", COMMAND_LINE, "detect", str(table), *words)
    return Side(name, (*command, "--out", str(out), "--force"))
