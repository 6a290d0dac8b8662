"""Keep what this release writes, for later ones to read: ``python tests/golden/make.py``.

Run it once for each release, before the release.  A folder of a release is never written again.
`make_8cdcb1a4.py` wrote files of more kinds with the code of the commit 8cdcb1a4.
Two of the detectors in ``detectors-8cdcb1a4`` use methods that were removed later.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from somscape import SOM, Detector, SOMDetector, TableEncoder, __version__
from somscape.tables import Table, table_from_columns

HERE = Path(__file__).parent

KEY = b"5f" * 16
"""Of the sealed state."""


def table() -> Table:
    """A table with a column of each kind."""
    return table_from_columns(table_cells())


def table_cells() -> dict[str, Any]:
    """Return the cells of the table, by column."""
    rng = np.random.default_rng(1)
    return {
        "customer_id": [f"c{i:03}" for i in range(40)],
        "amount": np.exp(rng.normal(5, 2, size=40)).round(2).tolist(),
        "job": ["clerk", "nurse", None, "cook"] * 10,
        "grade": ["low", "high", "middle", "low", "high"] * 8,
        "since": [f"20{10 + i % 15}-0{1 + i % 9}-11" for i in range(40)],
        "country": ["AT"] * 40,
    }


def fitted() -> Detector:
    """A detector of the table."""
    kinds = {"dates": ["since"], "ordinals": {"grade": ["low", "middle", "high"]}}
    encoder = TableEncoder(id="customer_id", missing="fill", **kinds)
    options = {"som": SOM(3, 4), "encoder": encoder, "missing": "fill", "random_state": 0}
    return SOMDetector(n_maps=2, **options).fit(table()).detector_


def answers(detector: Detector) -> dict[str, Any]:
    """What a detector says of the table, as JSON data: encoded rows, scores below 0, p-values."""
    return {
        "encoder": detector.map_.rows_of(table()).tolist(),
        "detector": (-detector.scores(table())).tolist(),
        "p_values": detector.p_values(table()).tolist(),
    }


MONTHS = ("2021-01", "2021-02", "2021-03", "2023-04")


def state(file: Path, key: bytes | None) -> None:
    """Write a state to a file: two watches, runs, a return, decisions, forgotten cases."""
    from click.testing import CliRunner

    from somscape.desk.cases import State, forget, forget_old
    from somscape.desk.cli._commands import main as somscape

    with tempfile.TemporaryDirectory() as folder:
        sealed = []
        if key is not None:
            Path(folder, "key").write_bytes(key)
            Path(folder, "key").chmod(0o600)
            sealed = ["--audit-key", f"{folder}/key"]

        def run(month: str, *words: str) -> None:
            options = ["--state", f"{folder}/state", "--author", "ann", *sealed]
            with at(month):
                done = CliRunner().invoke(somscape, [*words, *options])
            assert done.exit_code in (0, 3), done.output

        for n, month in enumerate(MONTHS):
            Path(folder, f"{month}.csv").write_text(customers(n))
        first = f"{folder}/{MONTHS[0]}.csv"
        for watch in ("cards", "loans"):
            begin = ("detect", first, "--id", "id", "--alerts", "5", "--watch", watch)
            run(MONTHS[0], *begin, "--out", f"{folder}/{watch}")
        run(MONTHS[0], "cases", "mark", "cards", "c005", "cleared", "--comment", "a doctor")
        run(MONTHS[0], "cases", "mark", "cards", "c009", "confirmed", "--comment", "stolen")
        run(MONTHS[0], "cases", "mark", "loans", "c009", "later")
        for month in MONTHS[1:]:
            run(month, "run", "cards", f"{folder}/{month}.csv")
        run(MONTHS[3], "run", "loans", f"{folder}/{MONTHS[3]}.csv")
        run(MONTHS[3], "cases", "mark", "cards", "c005", "confirmed", "--comment", "she sold it")
        with at(MONTHS[3]), State(f"{folder}/state", key) as kept:
            forget(kept, "cards", "c009", author="eve")
            forget_old(kept, "loans", 24, author="cron")
            kept.database.swept()
        file.write_bytes(Path(folder, "state", "cases.sqlite").read_bytes())


@contextmanager
def at(month: str) -> Iterator[None]:
    """Have lines of the audit and runs be of a month."""
    now = f"{month}-05T08:00:00+00:00"
    with ExitStack() as stack:
        for module in ("_chain", "_run"):
            stack.enter_context(mock.patch(f"somscape.desk.cases.{module}.now", return_value=now))
        yield


def customers(month: int) -> str:
    """Forty customers in a month, of whom one moves far in the second."""
    rng = np.random.default_rng(0)
    income = np.exp(rng.normal(8, 0.3, size=40)).round(2)
    income[5], income[9] = (90_000 if month < 1 else 300), 60_000
    age = rng.integers(20, 70, size=40)
    rows = (f"c{i:03},{income[i] + month},{age[i]}" for i in range(40))
    return "\n".join(["id,income,age", *rows, ""])


def main() -> None:
    folder = HERE / __version__
    folder.mkdir()
    detector = fitted()
    detector.detector_.save(folder / "detector.som")
    (folder / "answers.json").write_text(json.dumps(answers(detector)))
    state(folder / "open.sqlite", None)
    state(folder / "sealed.sqlite", KEY)
    sys.stdout.write(f"wrote {folder}\n")


if __name__ == "__main__":
    main()
