"""Small tables, and ways to run the command line in this process and in one of its own."""

import random
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result
from forked import start

from somscape.desk.cli._commands import main

RESULTS = {"alerts.csv", "report.html", "report.json", "map.som", "umatrix.png", "planes.png"}


@dataclass(frozen=True)
class Outcome:
    """What a run of the command line left."""

    code: int
    out: str
    err: str


def run(*words: Any, stdin: bytes | None = None) -> Outcome:
    """Run a command in this process; what no command may raise is raised here."""
    result: Result = CliRunner().invoke(main, [str(w) for w in words], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def run_process(
    *words: Any, stdin: bytes | None = None, is_fork: bool = True, **environment: str
) -> Outcome:
    """Run a command in a process of its own, which is a fork or was started."""
    pipe = subprocess.PIPE
    streams = {"stdin": None if stdin is None else pipe, "stdout": pipe, "stderr": pipe}
    with start(*words, variables=environment, is_fork=is_fork, **streams) as process:
        out, err = process.communicate(stdin, timeout=120)
    return Outcome(process.returncode, out.decode(), err.decode())


def write(path: Path, header: str, rows: Iterable[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def customers(n: int = 60) -> tuple[str, list[str]]:
    """A header and rows: an id with leading zeros, an amount, an age, a job, an answer."""
    rng = random.Random(7)
    rows = [
        f"{i:05d},{rng.lognormvariate(6, 2):.2f},{rng.gauss(40, 9):.1f},"
        f"{rng.choice(['clerk', 'nurse', 'smith'])},{rng.choice(['yes', 'no', 'no'])}"
        for i in range(n)
    ]
    return "cust_id,amount,age,job,answer", rows


def customers_csv(n: int = 60) -> bytes:
    header, rows = customers(n)
    return "\n".join([header, *rows, ""]).encode()


def transactions(seed: int = 5, n_clients: int = 80) -> tuple[str, list[str]]:
    """Some twenty rows of each client; one pays 17,077.94 once, and is marked in one row."""
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(n_clients * 20):
        client = int(rng.integers(0, n_clients))
        amount = f"{rng.lognormal(4, 0.4):.2f}"
        day = np.datetime64("2026-01-01") + rng.integers(0, 90)
        channel = ("web", "shop", "shop")[int(rng.integers(0, 3))]
        lines.append(
            f"t{i},{client:04d},{day},{amount},{channel},{'DE' if client % 2 else 'AT'},no"
        )
    of_client = [i for i, line in enumerate(lines) if line.split(",")[1] == "0007"]
    cells = lines[of_client[2]].split(",")
    cells[3], cells[6] = "17077.94", "yes"
    lines[of_client[2]] = ",".join(cells)
    return "note,client,date,amount,channel,country,fraud", lines


@dataclass(frozen=True)
class Found:
    """A finished `detect`: its folder, and what it said."""

    folder: Path
    outcome: Outcome

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def listing(folder: Path) -> set[str]:
    """Everything below a folder, hidden files too."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
