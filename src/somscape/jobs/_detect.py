"""From a table and options to a ranked list, its map and its report."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from somscape import report
from somscape._files import write_whole
from somscape._types import Ints
from somscape.encode import Encoding, recoded
from somscape.errors import InputError
from somscape.fit import Callback, Settings
from somscape.jobs._agreement import agreement_of, page_agreement
from somscape.jobs._per import ROWS_FILE, rows_of_alerts
from somscape.jobs._results import Results
from somscape.jobs._roles import Label
from somscape.kernels import meanwhile
from somscape.maps import Map
from somscape.measures import Agreement
from somscape.outliers import (
    AlertRule,
    Alerts,
    Detection,
    Detector,
    Outermost,
    ranked,
    train_detector,
)
from somscape.tables import Grouped, Table, write_csv

MANY_ROWS = 1 << 18
"""Rows from which they are put in order while pictures are drawn."""


@dataclass(frozen=True, eq=False)
class Found:
    """The result of a detection.

    Attributes
    ----------
    table : Table
    detector : Detector
    ranking : callable
        Returns `alerts`.
    rule : AlertRule
        The rule that chose the alerts.
    label : Label or None
    agreement : Agreement or None
        Agreement of the ranking with the label.
    grouped : Grouped or None
        The rows of each row of the table, where those of a customer were put together.
    """

    table: Table
    detector: Detector
    ranking: Callable[[], Alerts]
    rule: AlertRule
    label: Label | None = None
    agreement: Agreement | None = None
    grouped: Grouped | None = None

    @property
    def alerts(self) -> Alerts:
        """All rows, the most unusual first; waits where they are still put in order."""
        return self.ranking()

    def report(
        self, command: str, notes: Iterable[str] = (), changed: Mapping[str, Any] | None = None
    ) -> report.Report:
        """Return the data of the report."""
        label = self.label
        return report.build(
            self.detector,
            self.table,
            self.alerts,
            rule=self.rule,
            agreement=None if label is None else page_agreement(label, self.agreement),
            command=command,
            notes=[*self.table.notes, *notes],
            grouped=self.grouped,
            changed=changed,
        )

    def content(
        self,
        kind: str = "csv",
        *,
        bom: bool = False,
        command: str = "",
        alerts: Table | None = None,
    ) -> Iterator[bytes]:
        """Return the content of the list's file, piece by piece; see `write`."""
        if alerts is None:
            alerts = self.alerts.to_table(self.detector.map_, self.table)
        results = Results("alerts", alerts, self.detector, self.rule, self.table, command)
        return results.content(kind, bom=bom)

    def write(
        self,
        folder: Path,
        kind: str = "csv",
        *,
        bom: bool = False,
        command: str = "",
        alerts: Table | None = None,
    ) -> None:
        """Write the list, its customers' rows, and the detector."""
        content = self.content(kind, bom=bom, command=command, alerts=alerts)
        write_whole(folder / f"alerts.{kind}", content)
        if self.grouped is not None:
            write_csv(folder / ROWS_FILE, rows_of_alerts(self.grouped, self.alerts))
        self.detector.save(folder / "map.som")


def detection_of(options: Mapping[str, Any]) -> Detection:
    """Return how options ask for rows to be scored."""
    calibration = options.get("calibration") or "global"
    given = options.get("contamination")
    share = {} if given is None else {"contamination": given}
    return Detection(**share, calibration=calibration)


def detect(
    table: Table,
    encoding: Encoding,
    rule: AlertRule,
    options: Mapping[str, Any],
    *,
    label: Label | None = None,
    callbacks: Sequence[Callback] = (),
    known: Ints | None = None,
    grouped: Grouped | None = None,
    after: Map | None = None,
    outermost: Outermost | None = None,
) -> Found:
    """Train a detector on a table and rank its rows."""
    start = _start_from(after, encoding)
    settings = Settings(seed=options["seed"], callbacks=tuple(callbacks), **start)
    rows = encoding.encode(table)
    detection = detection_of(options)
    trained = train_detector(
        rows,
        None,
        encoding,
        settings,
        detection,
        known,
        outermost=outermost,
    )
    detector = trained.detector
    marks, scores = detector.marks, trained.scores
    scores = scores if marks is None else marks.with_held(rows, scores)
    work = partial(ranked, detector, table, rows, rule, trained.of_all_rows.units, scores)
    ranking = meanwhile(work, is_long=len(rows) >= MANY_ROWS)
    _ = detector.map_.joins  # kept for its file; found while rows are put in order
    if ranking is work:  # at once, or it would hold all rows
        ranking = _done(work())
    agreement = None if label is None else agreement_of(ranking(), label)
    return Found(table, detector, ranking, rule, label, agreement, grouped)


def _done(alerts: Alerts) -> Callable[[], Alerts]:
    return lambda: alerts


def _start_from(after: Map | None, encoding: Encoding) -> dict[str, Any]:
    if after is None:
        return {}
    try:
        start = recoded(after.codebook, after.encoding, encoding)
    except InputError:
        return {}
    return {"lattice": after.lattice, "init": start}
