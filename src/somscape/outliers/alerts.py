"""Alerts, which are the first rows of a ranking, with their ids and reasons."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, overload

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape.kernels._select import stable_order
from somscape.maps.map import Map
from somscape.outliers._listing import Ruling, on_other_side
from somscape.outliers.alert_rule import (
    MAX_LISTED,
    MAX_ROWS,
    MIN_COUNTED,
    STAND_OUT_RATE,
    STANDING_OUT,
    AlertRule,
)
from somscape.outliers.findings import Finding, findings_of, numbers_of
from somscape.outliers.reasons import NONE_STANDS_OUT, Reason, Reasons, reasons_of
from somscape.outliers.scoring import Scoring
from somscape.tables._messages import counted, free_name, in_columns
from somscape.tables.column import Column
from somscape.tables.rules import RuleEffect
from somscape.tables.sources import Source
from somscape.tables.table import Table, frame_of, html_of, table_from_columns

RECORD = "record"
"""Name of the id column in results for a table without ids.  Ids are then row numbers from 1."""

FINDING = "finding"
"""Name of the column with the number of a row's finding."""

RESULT_NAMES = (
    *("rank", "score", "p_value", "stands_out", FINDING, "unit", "row", "col", "reasons"),
)

LINE = "-- from here on rows do not stand out --"
"""Line in a printed list of alerts, below the last row that stands out."""

SHOWN = 20
"""Maximum number of findings that are printed."""

NAMED_IDS = 3
"""Maximum number of ids in the printed line of a finding."""


class Ids(Sequence[str]):
    """Ids of some rows.  Each id is created only when needed.

    Parameters
    ----------
    column : Column or None
        Id column.  If None, the id of each row is its number, from 1.
    rows : ndarray of shape (n_ids,)
        Numbers of the rows with these ids in the table, from 0.
    """

    def __init__(self, column: Column | None, rows: Ints) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(list(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(Ids(self._column, self._rows[place]))
        if self._column is None:
            return str(self._rows[place] + 1)
        row = int(self._rows[place])
        return self._column.cell(row) or f"{RECORD} {row + 1}"

    def __iter__(self) -> Iterator[str]:
        if self._column is None:
            return map(str, (self._rows + 1).tolist())
        cells = self._column.take(self._rows).each_cell()
        pairs = zip(cells, self._rows, strict=True)
        return (cell or f"{RECORD} {row + 1}" for cell, row in pairs)

    @property
    def are_unique(self) -> bool:
        """Whether the ids of all rows of the table are different."""
        column = self._column
        return column is None or column.n_distinct + column.n_missing == len(column)

    def take(self, places: Ints) -> "Ids":
        """Return the ids at some positions."""
        return Ids(self._column, self._rows[places])


def ids_of(map_: Map, table: Table, rows: Ints | None = None) -> tuple[str, Ids]:
    """Return two values: the name of the id column, and the ids of all rows of the table."""
    rows = np.arange(table.n_rows) if rows is None else rows
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        return name, Ids(table.column(name), rows)
    return RECORD, Ids(None, rows)


def ids_column(map_: Map, table: Table, rows: Ints) -> Column:
    """Return the ids of some rows as a column that has the type of the original id column."""
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        column = table.column(name).take(rows)
        if not column.n_missing:
            return column
        return table_from_columns({name: ids_of(map_, table)[1].take(rows)}).columns[0]
    return table_from_columns({RECORD: rows + 1}).columns[0]


@dataclass(frozen=True, eq=False)
class Alerts:
    """Ranking of the rows of a table, from the most to the least unusual row.

    ``print`` shows the alerts.

    Attributes
    ----------
    id_name : str
        Name of the id column, or "record".
    ids : Ids, a sequence of str
        Id of each row of the table.  All arrays have this order, with ``n_alerts`` alerts first.
    rows : ndarray of shape (n_rows,)
        Number of each ranked row in the table, from 0.
    scores, p_values : ndarray of shape (n_rows,)
    units : ndarray of shape (n_rows,)
        Best matching unit of each row.
    reasons : list of Reasons
        Reasons of the first ``n_alerts`` rows.
    n_alerts : int
        Number of alerts.
    stands_out : ndarray of shape (n_rows,), bool
        Whether a row stands out.  About 20 % of the rows that stand out are expected by chance
        (false discovery rate).  A rule can set another share.  Without clean training data, this
        percentage is only an estimate.  See `SOMDetector.p_values`.  Marked rows never stand out.
    n_by_chance : float
        Number of rows that are expected to stand out by chance.
    n_filled : int, default=0
        Number of alerts at the end of the list that only fill the list up to ten.  Printed lists
        and pages show these alerts only if no row stands out.
    n_marked : int, default=0
        Number of rows that a person has confirmed or cleared.  The headline counts only the others.
    noun : str, default="row"
        Word for a row in texts, such as "customer".
    by_rule : ndarray of shape (n_rows,) or None
        For each row, the index of the rule in `effects` that lists or hides the row, or -1.  None
        without rules.
    effects : tuple of RuleEffect
        The rules, with the numbers of rows that they list or hide.

    See Also
    --------
    AlertRule : Decides which rows are alerts.
    Finding : Alerts with the same reasons.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> alerts = SOMDetector(random_state=0).fit(X).alerts(X, 2)
    >>> alerts.ids[0], alerts.n_alerts
    ('8', 2)
    >>> print(alerts.reasons[0][0])
    x1 -9.0: lowest of 100 rows; usual -1.32 to 1.1
    """

    id_name: str
    ids: Ids
    rows: Ints
    scores: Float64s
    p_values: Float64s
    units: Ints
    reasons: list[Reasons]
    n_alerts: int
    stands_out: Bools
    n_by_chance: float
    n_filled: int = 0
    n_marked: int = 0
    noun: str = "row"
    by_rule: Ints | None = None
    effects: tuple[RuleEffect, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Groups of alerts with the same reasons at the same place of the map."""
        return findings_of(self.units, self.p_values, self.stands_out, self.reasons)

    @property
    def shown(self) -> "Alerts":
        """The ranking without the alerts that fill the list, unless no row stands out."""
        n = self.n_alerts - self.n_filled
        if not self.n_filled or not n:
            return self
        return replace(self, n_alerts=n, reasons=self.reasons[:n], n_filled=0)

    def called(self, noun: str) -> "Alerts":
        """Return the ranking with another word for a row.

        Parameters
        ----------
        noun : str
            Word in the singular, such as "customer".

        Returns
        -------
        Alerts
        """
        reasons = [
            Reasons(
                one if one.occurs is None else replace(one, occurs=replace(one.occurs, noun=noun))
                for one in of_row
            )
            for of_row in self.reasons
        ]
        effects = tuple(replace(each, noun=noun) for each in self.effects)
        return replace(self, reasons=reasons, effects=effects, noun=noun)

    @property
    def n_stand_out(self) -> int:
        """Number of rows that stand out."""
        return int(np.count_nonzero(self.stands_out))

    @property
    def n_before_line(self) -> int | None:
        """Number of alerts above the line in a printed list, or None without a line."""
        is_above = self.stands_out[: self.n_alerts]
        if self.by_rule is not None:
            is_above = is_above | (self.by_rule[: self.n_alerts] >= 0)
        n = int(np.count_nonzero(is_above))
        return n if 0 < n < self.n_alerts and bool(is_above[:n].all()) else None

    @property
    def n_left_out(self) -> int:
        """Number of rows that stand out but are not alerts."""
        return self.n_stand_out - int(np.count_nonzero(self.stands_out[: self.n_alerts]))

    @property
    def headline(self) -> str:
        """Text such as "5 of 690 rows stand out (about 1 of them by chance)"."""
        n, n_rows = self.n_stand_out, counted(len(self.ids) - self.n_marked, self.noun)
        marked = ""
        if self.n_marked:
            verb = "is" if self.n_marked == 1 else "are"
            marked = f"{counted(self.n_marked, self.noun)} {verb} marked; "
            n_rows = f"the other {n_rows}"
        if n == 0 and marked:
            return f"{marked}of {n_rows}, none stands out"
        if n == 0:
            return f"No {self.noun} of {len(self.ids):,} stands out"
        about = round(self.n_by_chance)
        if n == 1:
            return f"{marked}1 of {n_rows} stands out"
        by_chance = f"about {about:,}" if about else "fewer than one"
        return f"{marked}{n:,} of {n_rows} stand out ({by_chance} of them by chance)"

    def __repr__(self) -> str:
        return f"Alerts({self.n_alerts} of {len(self.ids)} rows)"

    def __str__(self) -> str:
        names, rows, n_above = self._printed()
        lines = in_columns([[name, *cells] for name, *cells in zip(names, *rows, strict=True)])
        if n_above:
            lines.insert(1 + n_above, LINE)
        return "\n".join([self.headline, *lines, *self._lines_of_rest()])

    def _repr_html_(self) -> str:
        names, rows, _ = self._printed()
        return html_of(names, rows, ". ".join([self.headline, *self._lines_of_rest()]))

    def _printed(self) -> tuple[list[str], list[list[str]], int]:
        """Return the column names of the printed list, its lines, and the number above `LINE`."""
        shown, lines = self.shown, self._lines(SHOWN)
        rows = [
            [str(i + 1), shown.ids[i], f"{shown.scores[i]:.4g}", f"{shown.p_values[i]:.4g}", text]
            for i, text in lines.items()
        ]
        names = ["rank", self.id_name, "score", "p-value", "reasons"]
        return names, rows, self._n_lines_above(lines)

    def _lines(self, n_lines: int) -> dict[int, str]:
        """Return the reasons in each line of a printed list, by the position of its first alert.

        Parameters
        ----------
        n_lines : int
            Maximum number of lines.  Each line is a finding.

        Returns
        -------
        dict of int to str
        """
        shown = self.shown
        return {each.places[0]: shown._text(each) for each in shown.findings[:n_lines]}

    def _n_lines_above(self, lines: Mapping[int, str]) -> int:
        """Return how many printed lines are above `LINE`, or 0 without a line."""
        n = self.shown.n_before_line
        above = 0 if n is None else sum(place < n for place in lines)
        return above if above < len(lines) else 0

    def _text(self, finding: Finding) -> str:
        """Return the reasons of a finding, with the ids of its first alerts if it has several."""
        n, first = len(finding.places), finding.places[0]
        if n == 1:
            return str(self.reasons[first])
        some = [self.ids[place] for place in finding.places[:NAMED_IDS]]
        ids = ", ".join([*some, "..."] if n > len(some) else some)
        return f"{counted(n, self.noun)} like this ({ids}): {finding.what or NONE_STANDS_OUT}"

    def _left_out(self, how: str = "") -> str:
        """Return a sentence on the rows that stand out but are not alerts, and how to list them."""
        n, lowest = self.n_left_out, self.scores[self.stands_out].min()
        is_ranked = self.scores >= lowest  # also confirmed rows, which come first
        if self.by_rule is not None:
            is_ranked[self.n_alerts :] &= self.by_rule[self.n_alerts :] < 0
        rows = f"{n:,} more {self.noun}{'s stand' if n > 1 else ' stands'} out"
        n_all = np.count_nonzero(is_ranked)
        how = how.format(n_all) or f"a list of {n_all:,} {self.noun}s contains all that stand out"
        return f"{rows}; {how}."

    def _lines_of_rest(self) -> list[str]:
        shown = self.shown
        n = sum(len(finding.places) for finding in shown.findings[SHOWN:])
        filled = self.n_alerts - shown.n_alerts
        return [
            *([f"... {n:,} more alerts"] if n else []),
            *([f"... {filled:,} more alerts do not stand out"] if filled else []),
            *([self._left_out("n_alerts={} lists all of them")] if self.n_left_out else []),
        ]

    def to_frame(self, library: str | None = None) -> Any:
        """Return the alerts as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Library of the data frame.  By default, the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row per alert, with ``rank``, the id, ``table_row`` (number of the row in the
            table, from 0), ``score``, ``p_value``, ``stands_out``, ``finding`` (number of the
            finding, counted from 1), ``unit`` and ``reasons``.
            `to_table` adds the columns of the table.
        """
        columns = self._columns()
        ids = {free_name(self.id_name, columns): self.ids[: self.n_alerts]}
        return frame_of({"rank": columns.pop("rank"), **ids, **columns}, library)

    def rule_names(self, places: Any = slice(None)) -> dict[str, list[str]]:
        """Return the column "rule", which names the rule that lists or hides each row.

        Parameters
        ----------
        places : ndarray or slice, optional
            Positions in the ranking.  By default, all rows.

        Returns
        -------
        dict of str to list
            The column by its name.  Empty without rules.
        """
        if self.by_rule is None:
            return {}
        names = [*(effect.rule.label for effect in self.effects), ""]
        return {"rule": [names[i] for i in self.by_rule[places].tolist()]}

    def _columns(self) -> dict[str, Any]:
        """Return, by name, the columns that contain the results of the alerts."""
        n = self.n_alerts
        return {
            "rank": np.arange(1, n + 1),
            "table_row": self.rows[:n],
            "score": self.scores[:n],
            "p_value": self.p_values[:n],
            "stands_out": self.stands_out[:n],
            FINDING: numbers_of(self.findings),
            **self.rule_names(slice(n)),
            "unit": self.units[:n],
            "reasons": [str(reasons) for reasons in self.reasons],
        }

    def to_table(self, som: Map, table: Table | Source) -> Table:
        """Return the alerts as a table with the results before the original columns.

        If an original column has the name of a result column, ``_input`` is added to the original
        name.  If two rows have the same id, a column "record" contains row numbers from 1.

        Parameters
        ----------
        som : Map
            The map of the detector.
        table : Table or Source
            The table that was ranked.

        Returns
        -------
        Table
            Table with one row per alert.
        """
        table = table if isinstance(table, Table) else table.table()
        found = self._columns()
        rows, reasons = found.pop("table_row"), found.pop("reasons")
        found["row"], found["col"] = som.lattice.rows_and_cols(found["unit"])
        found["stands_out"] = np.where(found["stands_out"], "yes", "no").tolist()
        is_repeated = not self.ids.are_unique
        taken = (*RESULT_NAMES, *self.rule_names(slice(0)), *[RECORD] * is_repeated)
        id_name = free_name(self.id_name, taken)
        record = {RECORD: rows + 1} if is_repeated else {}
        results = table_from_columns(
            {"rank": found.pop("rank"), **record, **found, "reasons": reasons}
        )
        ids = ids_column(som, table, rows)
        rank, *others = results.columns
        columns = [rank, ids.renamed(id_name), *others]
        id_column = som.encoding.named("id")
        for column in table.take(rows).columns:
            if column.name != id_column:
                names = [c.name for c in columns]
                columns.append(column.renamed(free_name(column.name, names)))
        return Table(tuple(columns), source="alerts")


def ranked(
    detector: Scoring,
    table: Table,
    rows: Floats,
    rule: "AlertRule",
    units: Ints | None = None,
    scores: Float64s | None = None,
    today: str = "",
    *,
    is_filled: bool = False,
    are_customers: bool = False,
) -> Alerts:
    """Return the ranking of the rows of a table, as `Detector.alerts` does.

    `today`, by default the current day, decides which rules of the user have ended.  With
    `is_filled`, printed lists also show the alerts that fill the list up to ten.  With
    `are_customers`, reasons begin with numbers that no other row reaches.
    """
    units = detector.map_._winners_of_rows(rows) if units is None else units
    scores = detector._scores_of_rows(rows) if scores is None else scores
    order = stable_order(-scores)
    scores, units = scores[order], units[order]  # everything below is in this order
    p = detector.calibration.p_values(scores, units)
    is_marked, is_leading = np.zeros((2, len(p)), dtype=bool)
    if detector.marks is not None:
        is_marked, is_leading = (which[order] for which in detector.marks.are_held(rows))
    map_, counts = detector.map_, detector.counts
    # The rows of another table are very unlikely to have the same units.
    is_training = counts is not None and counts.total == len(rows)
    is_training &= np.array_equal(np.bincount(units, minlength=map_.n_units), map_.hits)
    known = rows if is_training else None, rows if are_customers else None
    about = (detector, table, rows, rule, order)
    ranking = _Ranking(*about, scores, p, units, is_marked, is_leading, *known)
    places, n_alerts, stands_out, n_by_chance = ranking.chosen(np.arange(len(p)))
    ruling, effects = None, tuple[RuleEffect, ...]()
    if detector.map_.encoding.roles.rules:
        ruling = Ruling(detector.map_.encoding, table, today)
        is_other = on_other_side(detector.of_all_rows, detector.directions, rows)
        n_other = [int(np.count_nonzero(is_other[:, j])) for j in detector.directions]
        fills = ranking.fills(places[:n_alerts], stands_out, is_filled=is_filled)
        listed = places[:n_alerts] if fills.all() else places[:n_alerts][~fills]
        effects = ruling.effects(order[listed], n_other)
        is_hidden = ruling.is_hidden[order]
        places, n_alerts, stands_out, n_by_chance = ranking.chosen(np.flatnonzero(~is_hidden))
        places = np.concatenate([places, np.flatnonzero(is_hidden)])
        of_list, n_alerts = ruling.first(order[places], n_alerts, (stands_out | is_leading)[places])
        places = places[of_list]
    order, first = order[places], order[places[:n_alerts]]
    fills = ranking.fills(places[:n_alerts], stands_out, is_filled=is_filled)
    if ruling is not None:
        fills &= ~ruling.is_always[first]
    reasons = ranking.reasons(first)
    return Alerts(
        *ids_of(detector.map_, table, order),
        order,
        scores[places],
        p[places],
        units[places],
        reasons if ruling is None else with_rules(reasons, ruling, first),
        n_alerts,
        stands_out[places],
        n_by_chance,
        int(np.count_nonzero(fills)),
        int(np.count_nonzero(is_marked)),
        by_rule=None if ruling is None else ruling.by_row[order],
        effects=effects,
    )


@dataclass(frozen=True, eq=False)
class _Ranking:
    """The rows of a table in the order by score."""

    detector: Scoring
    table: Table
    rows: Floats
    rule: "AlertRule"
    order: Ints
    scores: Float64s
    p: Float64s
    units: Ints
    is_marked: Bools
    is_leading: Bools
    training: Floats | None
    among: Floats | None
    known: dict[int, Reasons] = field(default_factory=dict)

    def reasons(self, rows: Ints) -> list[Reasons]:
        """Return the reasons of some rows of the table. The reasons of a row are found once."""
        new = np.array([row for row in rows.tolist() if row not in self.known], dtype=np.intp)
        of_new = self.detector, self.table.take(new), np.ascontiguousarray(self.rows[new])
        found = reasons_of(*of_new, None, self.training, self.among) if len(new) else []
        self.known.update(zip(new.tolist(), found, strict=True))
        return [self.known[row] for row in rows.tolist()]

    def chosen(self, some: Ints) -> tuple[Ints, int, Bools, float]:
        """Return the list of some rows, the length of the list, which rows stand out, and how many
        of them by chance.  Rows are given by their places in the order by score."""
        p, rule = self.p[some], self.rule
        stands_out = np.zeros(len(self.p), dtype=bool)
        is_given = rule.fdr is not None and rule != STANDING_OUT
        # A row that is more unusual than all calibration rows can stand out in any table.
        calibration = self.detector.calibration
        able = int(STAND_OUT_RATE / calibration.smallest_p_value)
        n_least = 0 if is_given else min(able, MIN_COUNTED, len(calibration.scores))
        # A rule that hides rows does not change which of the other rows stand out.
        of_all, n_by_chance = rule.outstanding(self.p, self.is_marked, n_least)
        stands_out[some] = of_all[some]
        n_by_chance *= len(some) / max(1, len(of_all)) if stands_out.any() else 0.0
        counts = [int(np.count_nonzero(which)) for which in (stands_out, self.is_leading[some])]
        if rule.n_alerts is not None and len(some) < rule.n_alerts <= len(self.p):
            rule = replace(rule, n_alerts=len(some))
        given = self.detector, self.order[some], self.scores[some], p, self.table
        places, n_alerts = rule.choose(*given, *counts)
        if rule == AlertRule() and counts[0] > MAX_LISTED:
            n_alerts = self._length(some[places], stands_out, counts[1])
        return some[places], n_alerts, stands_out, n_by_chance

    def _length(self, places: Ints, stands_out: Bools, n_leading: int) -> int:
        """Return the length of a list of 50 findings and all confirmed rows."""
        first = places[: n_leading + min(int(np.count_nonzero(stands_out)), MAX_ROWS)]
        reasons = self.reasons(self.order[first])
        found = findings_of(self.units[first], self.p[first], stands_out[first], reasons)
        begin = [finding.places[0] for finding in found]
        return [*begin, *[len(first)] * (n_leading + MAX_LISTED)][n_leading + MAX_LISTED]

    def fills(self, places: Ints, stands_out: Bools, *, is_filled: bool) -> Bools:
        """Return which rows of a list only fill the list up to ten, unless lists show these."""
        if is_filled or self.rule != AlertRule():
            return np.zeros(len(places), dtype=bool)
        return np.asarray(~(stands_out | self.is_leading)[places])


def with_rules(reasons: Iterable[Reasons], ruling: Ruling, rows: Ints) -> list[Reasons]:
    """Return the reasons of rows, after the rule that always lists a row."""
    found = []
    for row, own in zip(rows.tolist(), reasons, strict=True):
        if ruling.is_always[row]:
            rule = ruling.rules[ruling.by_row[row]]
            own = Reasons((Reason(rule.heading, rule.text, "", 0.0, is_rule=True), *own))
        found.append(own)
    return found
