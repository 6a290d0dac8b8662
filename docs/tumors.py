"""Makes the report that the first page of the site shows, as the command line makes it.

The rows are scikit-learn's tumors: all 357 benign ones and every tenth malignant one.  The
ranking is not told which is which.
"""

import contextlib
import io
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

from somscape.desk.cli._commands import main

AGREEMENT = re.compile(
    r"\((\d+) of (\d+) rows\).*?(\d+) % of (\d+) alerts have this value", re.DOTALL
)
WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
OPTIONS = ("--label", "malignant=yes", "--alerts", "10", "--out", "found")


def write_table(path: Path) -> None:
    """Write the rows: ten measures of the largest cells of a tumor, and what it was."""
    data = load_breast_cancer(as_frame=True)
    malignant = (data.target == 0).to_numpy()
    kept = ~malignant | (np.cumsum(malignant) % 10 == 1)
    largest = data.data.filter(like="worst ")
    rows = largest.rename(columns=lambda name: name.removeprefix("worst "))[kept]
    rows["malignant"] = np.where(malignant[kept], "yes", "no")
    rows.to_csv(path, index=False)


def sentence(said: str) -> str:
    """Return the sentences about the list, with the numbers that the command printed."""
    found = AGREEMENT.search(said)
    if not found:
        raise SystemExit(f"somscape detect no longer says how the list agrees: {said[-400:]!r}")
    few, rows, percent, alerts = map(int, found.groups())
    hits = percent * alerts / 100
    return (
        f"In the following report, the rows are {rows} tumors with ten measures of their largest "
        f"cells. The map does not know that {few} tumors are malignant. The list contains "
        f"{WORDS[alerts]} tumors, of which {WORDS[round(hits)]} are malignant. A random list of "
        f"{WORDS[alerts]} would contain {alerts * few / rows:.1f} on average."
    )


def check(said: str, page: Path) -> None:
    """Raise an error if a page does not contain the numbers that the command printed."""
    if (wanted := sentence(said)) not in " ".join(page.read_text(encoding="utf-8").split()):
        raise SystemExit(f"{page} does not contain: {wanted}")


def write_report(folder: Path) -> str:
    """Write `tumors.html` into a folder, and return the output of the command."""
    folder.mkdir(parents=True, exist_ok=True)
    said = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as place,
        contextlib.chdir(place),
        contextlib.redirect_stdout(said),
    ):
        write_table(Path("tumors.csv"))
        main(["detect", "tumors.csv", *OPTIONS], standalone_mode=False)
        shutil.copy("found/report.html", folder / "tumors.html")
    return said.getvalue()
