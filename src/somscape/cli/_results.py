"""The files that `detect` and `run` write: all of them, or none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from somscape import report
from somscape._files import whole
from somscape.cases import RunOutcome, recording
from somscape.jobs import Found, Label, now, send_alerts
from somscape.plots import planes, umatrix
from somscape.tables import Table

MAX_CLASSES = 5
"""Label values that the map marks apart; of more, the one compared with and the others."""


@dataclass(frozen=True, eq=False)
class Results:
    """The files of a detection, and the rows of a database, written whole or not at all.

    Attributes
    ----------
    options : mapping
        Of the command line.
    command : str
        That makes them again.
    notes : sequence of str or None, default=None
        For the page; None: those of the run.
    """

    options: Mapping[str, Any]
    command: str
    notes: Sequence[str] | None = None

    def write(self, folder: Path, found: Found, outcome: RunOutcome | None = None) -> None:
        """Write all files into a new folder."""
        folder.mkdir()
        planes(found.detector.map_).save(folder / "planes.png")  # while rows are put in order
        table, label, alerts = found.table, found.label, found.alerts
        classes = None if label is None else np.array(_classes(table, label), dtype=object)
        rows = None if classes is None else table
        top = alerts.units[: alerts.n_alerts]
        picture = umatrix(found.detector.map_, rows, classes, highlight=top)
        picture.ax_.set_title("U-matrix: dark where neighbors differ, outlined where alerts lie")
        picture.save(folder / "umatrix.png")
        self.write_lists(folder, found, outcome)

    def write_lists(self, folder: Path, found: Found, outcome: RunOutcome | None) -> None:
        """Write the list, the map and the page.

        With the `outcome` of a watch, the list says what is new, and the page begins with it.
        """
        kind = self.options["format"] or "csv"
        listed = None if outcome is None else outcome.table()
        bom = self.options["bom"]
        found.write(folder, kind, bom=bom, command=self.command, alerts=listed)
        notes = outcome.notes if self.notes is None and outcome else self.notes or ()
        data = found.report(self.command, notes, None if outcome is None else outcome.to_json())
        pages = {"report.html": report.render(data, made_at=now()), "report.json": data.to_json()}
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def send(self, found: Found) -> str | None:
        """Send the rows to a database, if there is one."""
        return send_alerts(found.alerts, found.detector, found.table, found.rule, self.options)


@contextmanager
def results_in(out: Path) -> Iterator[tuple[Path, list[RunOutcome]]]:
    """Give a folder that takes the place of `out`, and a list for the run that was recorded."""
    with recording(out) as recorded, whole(out) as folder:
        yield folder, recorded


def _classes(table: Table, label: Label) -> list[str]:
    cells = table.column(label.column).cells
    named = [f"{label.column} {'missing' if cell is None else cell}" for cell in cells]
    if len(set(named)) <= MAX_CLASSES:
        return named
    return [f"{label.column} {label.value}" if has else "other" for has in label.has_value]
