"""Train a detector as options request, note what is odd in a table, and write the results."""

import hashlib
import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from somscape import report
from somscape._files import write_whole
from somscape._types import Bools, Float64s, Ints
from somscape._version import __version__
from somscape.checks.check import Check, check
from somscape.desk.jobs._roles import ROWS_FILE, Label, rows_of_alerts
from somscape.desk.jobs.job import RULES, STATES, Job
from somscape.errors import InputError
from somscape.fit.settings import Callback, Progress, Settings
from somscape.kernels._select import meanwhile
from somscape.maps.map import Map, table_and_rows
from somscape.measures.labels import Agreement, label_agreement
from somscape.outliers import AlertRule, Alerts, Detector, Reason, Reasons
from somscape.outliers._listing import Ruling
from somscape.outliers._train import Detection, train_detector
from somscape.outliers.alerts import FINDING, ranked
from somscape.report._parts import amount_column
from somscape.tables._fit_encoding import note_of_negatives, notes_of
from somscape.tables._messages import Note, check_libraries, counted, free_name, listed
from somscape.tables._recoded import recoded
from somscape.tables._sql import is_url
from somscape.tables._write import (
    Sheet,
    check_sink,
    rounded,
    table_bytes,
    workbook_bytes,
    write_csv,
    write_sql,
)
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.column import Column
from somscape.tables.customers import Grouped
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import BELOW_ZERO, FREE_TEXT
from somscape.tables.rules import rules_of
from somscape.tables.table import Table, table_from_columns

MAX_NAMES = 5
"""Maximum number of columns or ids that a note names."""

FEW_ROWS = 20
"""Number of rows below which a table is too small to say what is unusual."""

MISSING_ARE = {"fill": "filled", "mask": "left out", "error": ""}
"""What is done with missing values, in words, by the value of the option `missing`."""


def notes_on_table(
    encoding: Encoding, table: Table, checks: Iterable[Check] = (), *, is_learned: bool = True
) -> list[str]:
    """Return notes on a table, and on learning from it if it was used for learning.

    A check names the rows with numbers below 0, so these rows do not need a note.
    """
    checked = [name for each in checks if each.kind == "negative" for name in each.columns]

    def ids_of(code: NumberCode, is_meant: Callable[[Float64s], Bools]) -> str:
        numbers = code.read(table.column(code.name)).numbers
        is_row = np.zeros(0, dtype=bool) if numbers is None else is_meant(numbers)
        return f" ({_ids(encoding, table, is_row)})" if is_row.any() else ""

    if not is_learned:
        return [*gaps_of(encoding, table), *_negatives(encoding, table, checked)]
    notes = [*gaps_of(encoding, table), *notes_of(encoding, checked, ids_of)]
    ids = _likely_ids(encoding, table)
    if ids:
        verb = "has" if len(ids) == 1 else "have"
        text = (
            f"{listed(ids, MAX_NAMES)} {verb} a different value in each row and could name the rows"
        )
        notes.append(Note(text, f"--id {shlex.quote(ids[0])}"))
    return notes


def _negatives(encoding: Encoding, table: Table, checked: Collection[str]) -> list[Note]:
    """Return notes on the negative numbers of those columns that had few when they were learned."""
    notes = []
    for code in encoding.used:
        if not isinstance(code, NumberCode) or code.name in checked:
            continue
        numbers = code.read(table.column(code.name)).numbers
        if numbers is not None and code.why.endswith(BELOW_ZERO) and (numbers < 0).any():
            few = f"{np.count_nonzero(numbers < 0):,} of {np.count_nonzero(numbers == numbers):,}"
            ids = f" ({_ids(encoding, table, numbers < 0)})"
            notes.append(note_of_negatives(code.name, few, ids))
    return notes


def note_of_few(table: Table, noun: str) -> list[str]:
    """Return a note on a table with too few rows, if any."""
    if table.n_rows >= FEW_ROWS:
        return []
    verb = "is" if table.n_rows == 1 else "are"
    return [Note(f"{counted(table.n_rows, noun)} {verb} too few to say what is unusual")]


def sentence(note: str, *, has_options: bool) -> str:
    """Return a note as a sentence, with its options of the command line if asked."""
    if not isinstance(note, Note):
        return note
    options = f" ({note.options})" if has_options and note.options else ""
    return f"{note[:1].upper()}{note[1:]}{options}."


def gaps_of(encoding: Encoding, table: Table) -> list[str]:
    """Return notes on missing values and on values that are new to the map, with a few ids."""
    missing: dict[str, Bools] = {}
    unseen: dict[str, Bools] = {}
    for code in encoding.used:
        column = table.column(code.name)
        missing[code.name] = column.missing
        if isinstance(code, CategoryCode):
            unseen[code.name] = (code.places(column) == len(code.levels)) & ~column.missing
    found = {
        f"Missing values {MISSING_ARE[encoding.missing]}": missing,
        "Values that the training table does not have": unseen,
    }
    notes = []
    for what, rows in found.items():
        said = [_counted(name, is_row, encoding, table) for name, is_row in rows.items()]
        said = [each for each in said if each]
        notes += [f"{what}: {', '.join(said)}."] if said else []
    return notes


def _counted(name: str, is_row: Bools, encoding: Encoding, table: Table) -> str:
    n = int(np.count_nonzero(is_row))
    if not n:
        return ""
    return f"{name} {n}" + (f" ({_ids(encoding, table, is_row)})" if n <= MAX_NAMES else "")


def _ids(encoding: Encoding, table: Table, is_row: Bools) -> str:
    """Return the ids of the first rows, or their numbers counted from 1 for a table without ids."""
    rows, name = np.flatnonzero(is_row), encoding.named("id")
    shown = [str(row + 1) for row in rows[:MAX_NAMES].tolist()]
    what = "record" if len(rows) == 1 else "records"
    if name in table.names:
        column = table.column(str(name)).take(rows[:MAX_NAMES])
        shown = [cell or row for cell, row in zip(column.each_cell(), shown, strict=True)]
        what = "id" if len(rows) == 1 else "ids"
    return f"{what} {', '.join([*shown, *['...'][: len(rows) - len(shown)]])}"


def short_list(names: Sequence[str]) -> str:
    """Return the first few names as text, with the number of further names."""
    more = [f"{len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return ", ".join([*names[:MAX_NAMES], *more])


def _likely_ids(encoding: Encoding, table: Table) -> list[str]:
    """Return those columns not used in the training that could contain ids."""
    if encoding.named("id") is not None:
        return []
    left_out = {
        code.name
        for code in encoding.columns
        if code.kind == "dropped" and not code.why.endswith(("as asked", FREE_TEXT))
    }
    return [
        column.name
        for column in table.columns
        if column.name in left_out and column.n_distinct == table.n_rows
    ]


def agreement_of(alerts: Alerts, label: Label) -> Agreement:
    """Return how well the ranking agrees with the known labels of rows."""
    is_known = label.is_known[alerts.rows]
    rows = alerts.rows[is_known]
    n_alerts = int(is_known[: alerts.shown.n_alerts].sum())
    return label_agreement(alerts.scores[is_known], label.has_value[rows], n_alerts)


def page_agreement(label: Label, agreement: Agreement | None) -> dict[str, Any]:
    """Return data for the page on the label, and on how well the ranking agrees with it."""
    is_compared = agreement is not None and agreement.n_alerts > 0
    more = vars(agreement) if is_compared else {}
    return {"label": label.column, "value": label.value, **more}


def rule_of(job: Job, table: Table, *, otherwise: AlertRule | None = None) -> AlertRule:
    """Return the rule that chooses the listed rows. Only one option can set a rule.

    Without an option, the rule is `otherwise`, or else the default of `AlertRule`.
    """
    amount, cost, alerts = job.amount, job.cost, job.alerts
    if (amount is None) != (cost is None):
        lacking, given = ("`cost`", "`amount`") if cost is None else ("`amount`", "`cost`")
        raise InputError(
            f"{given} requires {lacking}. Give both `amount`, the column with the amount at risk, "
            "and `cost`, the cost of a review.",
            parameter="cost" if cost is None else "amount",
        )
    rules = [f"`{name}`" for name in job.only(*RULES).without("amount").given()]
    if len(rules) > 1:
        raise InputError(
            f"{' and '.join(rules)} each set the number of rows to list. Give only one of them.",
            parameter=rules[0].strip("`"),
        )
    if (alerts or 0) > table.n_rows:
        raise InputError(
            f"`alerts` is {alerts}, but {table.source} has only {counted(table.n_rows, 'row')}. "
            "Give a smaller number.",
            value=alerts,
        )
    is_share = job.contamination is not None
    if otherwise is not None and not rules and not is_share:
        return otherwise
    rule = AlertRule(alerts, job.p_value, job.fdr, amount, cost, is_share and not rules)
    rule.check(table)
    return rule


def now() -> str:
    """Return the current date and time as text for the footer of a page."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


FORMATS = ("csv", "xlsx", "parquet")

# Decisions that the menu of a cell in an Excel workbook offers.
DECISIONS = STATES[1:]

# Name of the sheet with the checks of the columns.
CHECKS = "checks"

# Names of the number columns whose values are rounded in lists for people.
NUMBERS = ("score", "p_value")

# Columns with which the list of a watch continues after the place of a row.
TOLD = ("news", "why", "state", "comment")

# Excel's number format for these columns.
SHOWN = "[<0.001]0.0E+00;0.000"


def check_format(kind: str, *, bom: bool = False) -> None:
    """Raise InputError if a list cannot be written in a file format."""
    if kind == "xlsx":
        check_libraries("writing a .xlsx file", ("excel",), "xlsxwriter")
    if bom and kind != "csv":
        raise InputError(f"`bom` is only for CSV files, but this file is .{kind}. Leave `bom` out.")


def score_words(detector: Detector) -> str:
    """Return a phrase with the kind of score and the number of prototypes of a detector."""
    n = len(detector.members)
    by = f", by {n} maps" if n else ""
    return f"{detector.score}, {detector.of_all_rows.n_prototypes} prototypes{by}"


@dataclass(frozen=True, eq=False)
class ResultList:
    """A list of rows, with the detector and the rule from which the list was made.

    Attributes
    ----------
    name : str
        Name of the list, for example "alerts".
    rows : Table
        The listed rows, with the columns ``score``, ``p_value`` and ``reasons``.
    detector : Detector
    rule : AlertRule
        The rule that chose or flagged rows.
    table : Table
        The ranked table.
    command : str
        The command for making the list again.
    checks : callable
        Function that returns the checks of the columns.
    keys : tuple of str, default=()
        Columns that identify the cases of a watch.
    cases : sequence of dict, default=()
        For each check of a watch, its key, change, state and comment.
    """

    name: str
    rows: Table
    detector: Detector
    rule: AlertRule
    table: Table
    command: str
    checks: Callable[[], Sequence[Check]] = tuple
    keys: tuple[str, ...] = ()
    cases: Sequence[Mapping[str, str]] = ()

    def content(self, kind: str, *, bom: bool = False) -> Iterator[bytes]:
        """Yield the bytes of the file of the list in pieces."""
        if kind == "parquet":
            yield from table_bytes(kind, self.rows)
        elif kind == "csv":
            yield from table_bytes(kind, _for_people(self.rows), bom=bom)
        else:
            checks = [_sheet_of(found, self.cases)] if (found := self.checks()) else []
            yield workbook_bytes([self._list(), *checks, self._columns(), self._method()])

    def _list(self) -> Sheet:
        """Return a worksheet of the listed rows with empty columns for decisions and comments."""
        rows = _for_people(self.rows)
        found: dict[str, Column | list[str]] = {column.name: column for column in rows.columns}
        first = rows.names[: rows.names.index("score")]  # the place and the id of each row
        told = TOLD if first[1 : 1 + len(TOLD)] == TOLD else ()
        amounts = [*filter(None, [amount_column(found, self.rule.amount)])]
        blank = [""] * rows.n_rows
        comment = found.pop("comment") if told else blank  # a watch has a comment on each row
        own = {"decision": blank, "comment": comment}
        order = [*(name for name in first if name not in told), *amounts, *told[:-1]]
        columns: dict[str, Column | list[str]] = {}
        for name in dict.fromkeys((*order, "reasons", *found)):
            columns[free_name(name, (*own, *found)) if name in own else name] = found[name]
            columns |= own if name == "reasons" else {}
        looks = {"decision": DECISIONS}, dict.fromkeys(NUMBERS, SHOWN)
        return Sheet(self.name, columns, *looks, (*first, *self.keys), [*columns].index("unit"))

    def _columns(self) -> Sheet:
        codes = self.detector.map_.encoding.columns
        columns = {
            "column": [code.name for code in codes],
            "taken as": [code.kind for code in codes],
            "because": [code.why for code in codes],
        }
        return Sheet("columns", columns)

    def _method(self) -> Sheet:
        detector, lattice = self.detector, self.detector.map_.lattice
        rules = detector.map_.encoding.roles.rules
        facts = {
            "table": f"{self.table.source}, {counted(self.table.n_rows, 'row')}",
            "read": "; ".join(self.table.notes) or "as it is",
            "map": f"{lattice.size_text}, {lattice.kind}, {lattice.boundary}",
            "score": score_words(detector),
            "threshold": f"{detector.threshold:.4g}",
            "rule": self.rule.words(detector),
            **({"rules": "; ".join(map(str, rules_of(rules)))} if rules else {}),
            "p-values": f"compare with {counted(len(detector.calibration.scores), 'row')}",
            "date": now(),
            "command": self.command,
            "program": f"somscape {__version__}",
        }
        return Sheet("method", {"what": list(facts), "how": list(facts.values())})


def _sheet_of(checks: Sequence[Check], cases: Sequence[Mapping[str, str]]) -> Sheet:
    """Return a worksheet of the checks of the columns. The checks of a watch can be decided."""
    told = {name: [case[name] for case in cases] for name in ("key", "news", "state") if cases}
    decided = {"decision": [""] * len(cases), "comment": [case["comment"] for case in cases]}
    columns: dict[str, list[Any]] = {
        **told,
        "check": [each.text for each in checks],
        "rows": [", ".join(each.ids) for each in checks],
        **(decided if cases else {}),
        "rows that obey": [each.n_obey for each in checks],
        "of rows": [each.n_rows for each in checks],
        "kind": [each.kind for each in checks],
    }
    return Sheet(CHECKS, columns, {"decision": DECISIONS} if cases else {})


def _for_people(rows: Table) -> Table:
    """Return the listed rows with rounded scores and p-values."""
    return Table(tuple(map(_rounded, rows.columns)), rows.source)


def _rounded(column: Column) -> Column:
    if column.name not in NUMBERS or column.numbers is None:
        return column
    return table_from_columns({column.name: rounded(column.numbers)}).columns[0]


# Rows in which ids are looked at.
FIRST = slice(20)

# Minimum number of rows in a table for ranking them in parallel to other work.
MANY_ROWS = 1 << 18


def _checks_of_rows(grouped: Grouped) -> list[Check]:
    """Return the checks of the original rows of customers, with ids or customers of the rows."""
    rows, key = grouped.rows, grouped.table.columns[0]
    others = [rows.column(name) for name, kind in grouped.taken.items() if not kind]
    ids = [column for column in others if column.n_distinct == rows.n_rows]
    ids = [
        column for column in ids if not any(" " in str(text) for text in column.take(FIRST).cells)
    ]
    if ids:
        return check(rows, id=ids[0].name)

    def named(row: str, group: int) -> str:
        return row if group < 0 else f"{row} of {key.cell(group)}"

    found = check(rows)
    groups = [grouped.groups[[*each.rows[: len(each.ids)]]].tolist() for each in found]
    return [
        replace(each, ids=tuple(map(named, each.ids, of)))
        for each, of in zip(found, groups, strict=True)
    ]


def checks_of(map_: Map, table: Table, grouped: Grouped | None) -> list[Check]:
    """Return the checks of the columns of a table, or of the original rows of its customers."""
    if grouped is not None:
        return _checks_of_rows(grouped)
    id_name, label = map(map_.encoding.named, ("id", "label"))
    return check(
        table,
        id=id_name if id_name in table.names else None,
        label=label if label in table.names else None,
    )


@dataclass(frozen=True, eq=False)
class Found:
    """The result of a detection.

    Attributes
    ----------
    table : Table
    detector : Detector
    ranking : callable
        Function that returns `alerts`.
    rule : AlertRule
        The rule that chose the alerts.
    label : Label or None
    agreement : Agreement or None
        Agreement of the ranking with the label.
    grouped : Grouped or None
        The original rows of each customer, if each row of `table` is a customer.
    known_checks : sequence of Check or None
        The checks to show. None if they must be found.
    is_learned : bool
        Whether the detector learned from this table, so that notes on its columns are about it.
    """

    table: Table
    detector: Detector
    ranking: Callable[[], Alerts]
    rule: AlertRule
    label: Label | None = None
    agreement: Agreement | None = None
    grouped: Grouped | None = None
    known_checks: Sequence[Check] | None = None
    is_learned: bool = True

    @property
    def alerts(self) -> Alerts:
        """All rows, most unusual row first. Access waits for the ranking."""
        return self.ranking()

    @cached_property
    def checks(self) -> list[Check]:
        """Checks of the columns."""
        if self.known_checks is not None:
            return [*self.known_checks]
        return checks_of(self.detector.map_, self.table, self.grouped)

    @cached_property
    def notes(self) -> list[str]:
        """Notes on the table, in addition to notes on reading it."""
        noun = "row" if self.grouped is None else self.grouped.noun
        about = self.detector.map_.encoding, self.table, self.checks
        notes = notes_on_table(*about, is_learned=self.is_learned)
        return [*notes, *note_of_few(self.table, noun)]

    def report(
        self,
        command: str,
        notes: Iterable[str] = (),
        changed: Mapping[str, Any] | None = None,
        *,
        has_checks: bool = True,
        has_options: bool = False,
    ) -> report.Report:
        """Return the data of the report.

        With `has_options`, notes name the options of the command line.
        """
        label = self.label
        own = [sentence(n, has_options=has_options) for n in self.notes] if has_checks else []
        return report.build(
            self.detector,
            self.table,
            self.alerts,
            rule=self.rule,
            agreement=None if label is None else page_agreement(label, self.agreement),
            command=command,
            notes=[*self.table.notes, *notes, *own],
            grouped=self.grouped,
            changed=changed,
            checks=self.checks if has_checks else None,
            trained_on=self.table.source if self.is_learned else (changed or {}).get("trained_on"),
        )

    def result_list(
        self, alerts: Table | None = None, command: str = "", *of_watch: Any
    ) -> ResultList:
        """Return the list for a file, by default of all rows. `of_watch` gives keys and cases."""
        if alerts is None:
            alerts = self.alerts.to_table(self.detector.map_, self.table)
        about = (self.detector, self.rule, self.table, command)
        return ResultList("alerts", alerts, *about, lambda: self.checks, *of_watch)

    def write(
        self, folder: Path, results: ResultList, kind: str = "csv", *, bom: bool = False
    ) -> None:
        """Write the list, the rows of the listed customers, and the detector to a folder."""
        write_whole(folder / f"alerts.{kind}", results.content(kind, bom=bom))
        if self.grouped is not None:
            write_csv(folder / ROWS_FILE, rows_of_alerts(self.grouped, self.alerts))
        self.detector.save(folder / "map.som")


def detection_of(job: Job) -> Detection:
    """Return the settings of the detection of a job."""
    return Detection(**job.only("contamination").given())


def detect(
    table: Table,
    encoding: Encoding,
    rule: AlertRule,
    job: Job,
    *,
    label: Label | None = None,
    callbacks: Sequence[Callback] = (),
    known: Ints | None = None,
    grouped: Grouped | None = None,
    after: Map | None = None,
) -> Found:
    """Train a detector on a table, and rank the rows of the table."""
    start = _start_from(after, encoding)
    settings = Settings(seed=job.seed or 0, callbacks=tuple(callbacks), **start)
    rows = encoding.encode(table)
    asked = (settings, detection_of(job), known)
    hidden = Ruling(encoding, table).is_hidden if encoding.roles.rules else None
    trained = train_detector(rows, None, encoding, *asked, hidden=hidden)
    detector, scores = trained.detector, trained.scores
    if detector.marks is not None:
        scores = detector.marks.with_held(rows, scores)
    asked_of = (detector, table, rows, rule, trained.of_all_rows.units, scores)
    work = partial(_ranking, *asked_of, is_filled=job.fill, grouped=grouped)
    ranking = meanwhile(work, is_long=len(rows) >= MANY_ROWS)
    _ = detector.map_.joins  # needed for its file, and computed during the ranking
    if ranking is work:  # rank now, because `work` would keep all rows in memory
        ranking = _done(work())
    agreement = None if label is None else agreement_of(ranking(), label)
    return Found(table, detector, ranking, rule, label, agreement, grouped)


def of_customers(alerts: Alerts, grouped: Grouped | None) -> Alerts:
    """Return the ranking with the word for a customer and with units, if its rows are customers."""
    if grouped is None:
        return alerts

    def shown(reason: Reason) -> Reason:
        said = partial(grouped.with_units, reason.column)
        fitting = None if reason.fitting is None else said(reason.fitting)
        return replace(reason, value=said(reason.value), usual=said(reason.usual), fitting=fitting)

    alerts = alerts.called(grouped.noun)
    return replace(alerts, reasons=[Reasons(map(shown, of_row)) for of_row in alerts.reasons])


def alerts_of(detector: Detector, rule: AlertRule, table: Table, grouped: Grouped | None) -> Alerts:
    """Return the ranking of a table, whose rows can be customers."""
    about = detector, *table_and_rows(detector.map_, table), rule
    return _ranking(*about, is_filled=False, grouped=grouped)


def _ranking(*about: Any, is_filled: bool, grouped: Grouped | None) -> Alerts:
    alerts = ranked(*about, is_filled=is_filled, are_customers=grouped is not None)
    return of_customers(alerts, grouped)


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


@dataclass
class MapCount:
    """Counter of the maps that are finished in a training of several maps.

    Attributes
    ----------
    n_done : int
        Number of finished maps.
    share : float
        Finished share of the training of the current map, from 0 to 1.
    """

    n_done: int = 0
    share: float = 0.0

    def note(self, step: Progress) -> None:
        """Update the counter from the progress that the training passes to a callback."""
        share = step.step / step.n_steps
        if share <= self.share:
            self.n_done += 1
        self.share = share


# Number of hexadecimal digits in the name of a run.
RUN_LETTERS = 16


def run_of(table: Table, detector: Detector, rule: AlertRule) -> str:
    """Return the name of a run. Runs with the same table, detector and rule have the same name."""
    digest = _digest_of(table)
    record = detector.to_record()
    _add(digest, {name: value for name, value in record.header.items() if name != "versions"})
    for name, array in sorted(record.arrays.items()):
        _add(digest, name, str(array.dtype), array.shape, np.ascontiguousarray(array).tobytes())
    _add(digest, repr(rule))
    return str(digest.hexdigest()[:RUN_LETTERS])


def data_hash(table: Table) -> str:
    """Return a hash of the names and values of all columns of a table."""
    return str(_digest_of(table).hexdigest())


def _digest_of(table: Table) -> Any:
    digest = hashlib.sha256()
    for column in table.columns:
        if column.numbers is None:
            codes, texts = column.coded()
            _add(digest, column.name, codes.tobytes(), texts)
        else:
            numbers = np.where(column.missing, np.nan, column.numbers)
            _add(digest, column.name, numbers.tobytes())
    return digest


def _add(digest: Any, *parts: Any) -> None:
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "little") + data)


def check_sink_of(job: Job) -> None:
    """Raise InputError if the options for writing listed rows to a database are not valid."""
    url, name = job.to, job.to_table
    if url is None and name is None:
        return
    if url is None or name is None:
        lacking, given = ("`to_table`", "`to`") if name is None else ("`to`", "`to_table`")
        raise InputError(
            f"{given} requires {lacking}. Give the URL of a database and the name of its table.",
            parameter="to_table" if name is None else "to",
        )
    if not is_url(url):
        raise InputError(
            f"`to` must be the URL of a database, such as sqlite:///alerts.sqlite, but is {url!r}.",
            value=url,
        )
    check_sink(url, name)


def send_alerts(
    alerts: Alerts, detector: Detector, table: Table, rule: AlertRule, job: Job
) -> str | None:
    """Write the listed rows to the database that the options name, if any."""
    if job.to is None or job.to_table is None:
        return None
    n, run = alerts.n_alerts, run_of(table, detector, rule)
    key = alerts.ids[:n] if alerts.ids.are_unique else [int(row) + 1 for row in alerts.rows[:n]]
    rows = alerts.to_table(detector.map_, table)
    # Existing tables do not have these columns, and the reasons name the rule.
    left_out = (FINDING, *alerts.rule_names(slice(0)))
    columns = [column for column in rows.columns if column.name not in left_out]
    write_sql(replace(rows, columns=tuple(columns)), job.to, job.to_table, run=run, key=key)
    return f"{counted(n, 'row')} to the table {job.to_table}, run {run}"
