"""The options of a job: their types, defaults and help, and the command that repeats the job."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from somscape._files import shown
from somscape._version import __version__


def option(help: str, part: str = "", default: Any = None, **typed: Any) -> Any:
    """Return a field of a dataclass for an option. The command line needs `help` and `typed`."""
    return field(default=default, metadata={"part": part, "typed": {"help": help, **typed}})


COLUMNS: dict[str, Any] = {"part": "columns", "metavar": "COL"}
KIND: dict[str, Any] = {"part": "kinds", "metavar": "COL", "default": ()}
LISTING: dict[str, Any] = {"part": "listing", "metavar": "RULE", "default": ()}
SHARE: dict[str, Any] = {"part": "rules", "limits": {"min": 0, "max": 1, "min_open": True}}
COUNT: dict[str, Any] = {"limits": {"min": 1}}


@dataclass(frozen=True)
class Job:
    """The options with which a table is read, its rows are ranked, and the list is written.

    The fields have the order in which a printed command contains them.  The metadata of a field
    contain its part of the job and its form on the command line.
    """

    id_column: str | None = option(
        "Column that identifies the rows in lists and reports.",
        **COLUMNS,
        flag="--id",
        show_default="detected, else the number of the row",
    )
    per: tuple[str, ...] = option(
        "Combine all rows with the same value of COL into one row, for example all transactions "
        "of a customer. Repeat the option if several columns together identify a customer.",
        **COLUMNS,
        default=(),
    )
    label: str | None = option(
        "Column with a known outcome, such as fraud=yes. The map does not use the column, but "
        "`detect` compares its ranking with it. Without VALUE, the rarer of two values is used.",
        "columns",
        metavar="COL[=VALUE]",
    )
    drop: tuple[str, ...] = option("Column to leave out (repeatable).", **KIND)
    protect: tuple[str, ...] = option(
        "Column that the map must not use, such as sex or nationality, but that the list "
        "shows (repeatable).",
        **KIND,
    )
    category: tuple[str, ...] = option(
        "Column whose values are categories, even if they are numbers (repeatable).", **KIND
    )
    number: tuple[str, ...] = option(
        "Column whose values are numbers, even if there are few of them (repeatable). As for all "
        "kinds, COL can be a pattern, such as 'pixel_*'.",
        **KIND,
    )
    ordinal: tuple[str, ...] = option(
        "Column whose values are ordered categories, with its levels from low to high in "
        "quotes, such as 'size=S<M<L' (repeatable). A column of numbers does not need levels.",
        **{**KIND, "metavar": "COL[=LOW<...<HIGH]"},
    )
    date: tuple[str, ...] = option("Column whose values are dates (repeatable).", **KIND)
    date_format: str | None = option(
        "Order of day (d), month (m) and year (y) in dates such as 03/04/2026.",
        "columns",
        choices=("dmy", "mdy", "ymd"),
        show_default="detected, else dmy",
    )
    just_below: tuple[str, ...] = option(
        "Limit of a column, such as amount=10000 (repeatable). With --per, customers are also "
        "compared by the share of their numbers from 90 % of the limit up to the limit.",
        "columns",
        default=(),
        metavar="COL=NUMBER",
    )
    roles: str | None = option(
        "Roles file with the kinds of the columns, as --save-roles writes it. Options on the "
        "command line override the file.",
        "columns",
        metavar="FILE",
    )
    dictionary: str | None = option(
        "Table with the columns column, code and words. Reasons and pages show these words "
        "instead of codes. A line with an empty code gives the words for the column itself.",
        "columns",
        metavar="FILE",
    )
    missing: str | None = option("Handling of missing values.", "columns")
    missing_values: tuple[str, ...] = option(
        "Word or number in place of a missing value, such as 999 (repeatable). Give '' if "
        "only empty values are missing.",
        "cells",
        default=(),
        metavar="WORD",
        show_default="NA, N/A, ?, null, NaN, -",
    )
    delimiter: str | None = option(
        "Character between the values of a text file, such as ; or the word tab.",
        "text",
        metavar="CHAR",
        show_default="detected",
    )
    decimal: str | None = option(
        "Decimal mark in numbers.", "text", choices=(".", ","), show_default="detected"
    )
    encoding: str | None = option(
        "Encoding of a text file, such as utf-8 or cp1252.",
        "text",
        metavar="NAME",
        show_default="detected",
    )
    sheet: str | None = option(
        "Name of a sheet of a workbook, or its number, counted from 1.",
        "workbook",
        metavar="NAME",
        show_default="the first sheet with a table",
    )
    header: int | None = option(
        "Line of a text file, or row of a sheet, that contains the column names, counted from 1. "
        "Lines above it are left out.",
        "header",
        **COUNT,
        metavar="N",
        show_default="the first line below title lines",
    )
    table: str | None = option(
        "Name of the table to read from a database.", "database", metavar="NAME"
    )
    query: str | None = option(
        "SQL statement whose result is read from a database, instead of --table.",
        "database",
        metavar="SQL",
    )
    always: tuple[str, ...] = option(
        "Rule for rows that are always listed, such as 'large: amount > 10000' or "
        "'gross != net + tax' (repeatable). The name before the colon is optional.",
        **LISTING,
    )
    never: tuple[str, ...] = option(
        "Rule for rows that are never listed, such as \"merchant = 'payroll' until 2027-03-31\" "
        "(repeatable). --always is stronger.",
        **LISTING,
    )
    floor: tuple[str, ...] = option(
        "Smallest number in a column, such as amount=50 (repeatable). Rows below it are not "
        "listed. --always and --never are stronger.",
        **{**LISTING, "metavar": "COL=NUMBER"},
    )
    direction: tuple[str, ...] = option(
        "Side on which the numbers of a column can be unusual, such as amount=high "
        "(repeatable). Numbers on the other side do not add to a score.",
        **{**LISTING, "metavar": "COL=high|low"},
    )
    alerts: int | None = option(
        "Number of rows in the list.",
        "rules",
        **COUNT,
        metavar="N",
        show_default="rows that stand out, at most 50 findings, or 10 rows if none stands out",
    )
    fdr: int | float | None = option(
        "Longest list in which about a share Q of the rows, such as 0.1, is expected to be "
        "usual (false discovery rate).",
        **SHARE,
        metavar="Q",
    )
    p_value: int | float | None = option(
        "Largest allowed p-value of rows in the list, such as 0.001.", **SHARE, metavar="P"
    )
    amount: str | None = option(
        "Column with the amount that is at stake in a row. Needs --cost.", "rules", metavar="COL"
    )
    cost: int | float | None = option(
        "Cost of the review of a row, in the unit of --amount. A row is listed if the amount "
        "at stake, times the probability that the row is not usual, exceeds the cost.",
        "rules",
        limits={"min": 0, "min_open": True},
        metavar="C",
    )
    fill: bool = option(
        "Also show rows that do not stand out, if fewer than ten rows stand out.", default=False
    )
    contamination: float | None = option(
        "Share of the rows in the list, such as 0.05 for 5 %.",
        "training",
        limits={"min": 0, "max": 0.5, "min_open": True},
        metavar="F",
    )
    seed: int | None = option(
        "Seed of the random numbers. The same seed gives the same files.",
        "training",
        limits={"min": 0},
        metavar="S",
    )
    to: str | None = option(
        "Database that also receives the listed rows: sqlite:///FILE, duckdb:///FILE or "
        "postgresql://USER@HOST/NAME.",
        metavar="URL",
    )
    to_table: str | None = option(
        "Table of the database of --to. It is created if it does not exist.", metavar="NAME"
    )
    watch: str | None = option(
        "Start a watch with this name, which `somscape run NAME` applies to later tables. If "
        "the watch exists, train its map again.",
        metavar="NAME",
    )
    key: tuple[str, ...] = option(
        "Column that identifies a row of the watch in every table, such as a customer number. "
        "Repeat the option if several columns together identify a row.",
        default=(),
        metavar="COL",
        show_default="the columns of --per, else the column of --id",
    )
    clear_for: int | None = option(
        "Number of months after which a cleared case of the watch is listed again.",
        **COUNT,
        metavar="MONTHS",
        show_default="12 for a new watch, else unchanged",
    )
    n_regions: int | str | None = option(
        "Regions of the map: the number of regions, auto for a number that fits the data, or a "
        "file of regions that a page has saved.",
        flag="--regions",
        metavar="N|auto|FILE",
        show_default="the regions in the map, else auto",
    )
    format: str | None = option(
        "Format of the list. csv and xlsx have rounded scores. xlsx also has filters and a column "
        "for decisions. parquet has all digits.",
        choices=("csv", "xlsx", "parquet"),
        show_default="the extension of --out, else csv",
    )
    bom: bool = option(
        "Begin a CSV file with a byte order mark, so that Excel shows all characters correctly.",
        default=False,
    )
    sort: bool = option("Write the most unusual rows first.", default=False)
    columns: tuple[str, ...] = option(
        "Column of TABLE to write after the scores (repeatable), or all columns.",
        default=(),
        metavar="all|none|COL",
        show_default="none",
    )
    ask_password: bool = option(
        "Ask on the terminal for the password of a PostgreSQL database.", default=False
    )

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Job":
        """Return a job from saved data. Options of other versions are left out."""
        # Late, because the help of the command line does not need it.
        from somscape.tables._checked import converted

        return converted(said, cls, "the saved options")

    def to_json(self) -> dict[str, Any]:
        """Return those given options that a watch saves, as data for JSON."""
        kept = self.only(*KEPT).given().items()
        return {name: list(v) if isinstance(v, tuple) else v for name, v in kept}

    def given(self) -> dict[str, Any]:
        """Return the given options by name."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: v for name, v in values if v is not None and v is not False and v != ()}

    def only(self, *names: str) -> "Job":
        """Return a job with only some of the options. The others are not given."""
        return Job(**{name: getattr(self, name) for name in names})

    def without(self, *names: str) -> "Job":
        """Return a job in which some options are not given."""
        return self.only(*(f.name for f in fields(self) if f.name not in names))

    def then(self, other: "Job") -> "Job":
        """Return a job in which the given options of another job replace those of this job."""
        return replace(self, **other.given())

    @property
    def files(self) -> list[Path]:
        """Input files that the options name, without the table."""
        return [Path(file) for file in (self.roles, self.dictionary) if file]

    def command(self, words: Sequence[str], out: str) -> str:
        """Return the command that makes the same result files in any folder."""
        words = ["somscape", *words]
        for name, given in self.given().items():
            for value in given if isinstance(given, tuple) else (given,):
                words += [FLAGS[name]] if value is True else [FLAGS[name], str(value)]
        return f"{' '.join(map(_quoted, words))} --out {out}"


def _quoted(word: str) -> str:
    name = shown(word)
    if word.isprintable() or "\\" not in name:
        return shlex.quote(name)
    plain = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{shown(plain)}'"  # a shell turns this text into the same bytes


STATES = ("open", "confirmed", "cleared", "later")
"""States of a case. A case is undecided, an anomaly, usual, or postponed, in this order."""

WAITING = "waiting"
"""Name for the open and returned cases of the last list."""


def roles_heading(source: str, name: str, found: Sequence[str]) -> list[str]:
    """Return the first lines of a roles file. One line contains a command that uses the file."""
    again = Job(roles=name).command(["detect", "TABLE"], "DIR")
    return [
        f"What the columns of {source} were taken for, by somscape {__version__}.",
        f"To use it again, edited or not: {again}",
        *([f"Found: {'; '.join(found)}."] if found else []),
    ]


def _names(*parts: str) -> tuple[str, ...]:
    return tuple(f.name for f in fields(Job) if f.metadata["part"] in parts)


FLAGS = {
    f.name: f.metadata["typed"].get("flag", f"--{f.name.replace('_', '-')}") for f in fields(Job)
}
"""Name of each option on the command line."""

KINDS = _names("kinds")
"""Options for the kinds of columns."""

READING = {
    "text": _names("text", "header"),
    "workbook": _names("workbook", "header"),
    "database": _names("database"),
}
"""Options for reading a table that apply only to some kinds of sources."""

IN_ROLES_FILE = _names("text", "workbook", "header")
"""Options for reading a table that a roles file may contain."""

READ = _names("cells", "header", *READING)
"""Options for reading a table."""

RULES = _names("rules")
"""Options that choose the rows to list."""

LISTED = _names("listing")
"""Options with rules that list or hide rows, whatever their scores are."""

AT_A_RUN = ("per", "date_format", *READING["database"], *RULES, "contamination")
"""Options of a watch that a run needs. The map contains the kinds of columns."""

KEPT = _names("columns", "cells", "kinds", "header", *READING, "listing", "rules", "training")
"""Options that a watch saves."""
