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
        """Return the data of the report.

        Parameters
        ----------
        command : str
            The command that makes it again.
        notes : iterable of str, default=()
            Sentences for the page, after the notes of the table's reader.
        changed : mapping or None, default=None
            What a run of a watch found changed; the page begins with it.

        Returns
        -------
        Report
        """
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
        """Write the list, its customers' rows, and the detector.

        They are alerts.csv or the like, alerts_rows.csv where rows were put together, and map.som.

        Parameters
        ----------
        folder : Path
        kind : str, default="csv"
            One of `FORMATS`.
        bom : bool, default=False
            Whether a CSV file begins with a byte order mark.
        command : str, default=""
            The command that makes it again, for a workbook.
        alerts : Table or None, default=None
            The list, where it says more than `Alerts.to_table`.
        """
        content = self.content(kind, bom=bom, command=command, alerts=alerts)
        write_whole(folder / f"alerts.{kind}", content)
        if self.grouped is not None:
            write_csv(folder / ROWS_FILE, rows_of_alerts(self.grouped, self.alerts))
        self.detector.save(folder / "map.som")


def detection_of(options: Mapping[str, Any]) -> Detection:
    """Return how options ask for rows to be scored.

    Parameters
    ----------
    options : mapping
        With ``contamination`` and ``calibration``, None where they are as by default.

    Returns
    -------
    Detection
    """
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
    """Train a detector on a table and rank its rows.

    Parameters
    ----------
    table : Table
    encoding : Encoding
        The encoding of that table.
    rule : AlertRule
        The rule that chooses the alerts.
    options : mapping
        With ``contamination`` and ``seed``, and ``calibration`` if it is not global.
    label : Label or None, default=None
        The label with which the ranking is compared.
    callbacks : sequence of callable, default=()
        Called after each epoch.
    known : ndarray of shape (n_rows,) or None, default=None
        1 for known anomalies, 0 for known usual rows, -1 for the others.  None means that nothing
        is known.
    grouped : Grouped or None, default=None
        The rows of each row of the table.
    after : Map or None, default=None
        The map before this one, such as last month's: training starts from its prototypes, on its
        lattice, so that units keep their places.  A map of other columns is left aside.
    outermost : Outermost or None, default=None
        What columns showed when the encoding was learned from this very table.

    Returns
    -------
    Found

    Raises
    ------
    InputError
        If the rule cannot be used.  Of many rows, only once their `alerts` are asked for.
    """
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
