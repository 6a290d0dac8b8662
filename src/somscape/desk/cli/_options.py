"""Common options of commands, and their help."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Command = TypeVar("Command", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """Type of an integer option, which messages call a whole number."""

    name = "whole number"


class NumberOrFile(click.ParamType[int | str]):
    """Type of an option whose value is a whole number of at least 1 or the name of a file."""

    name = "number or file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or the unchanged name."""
        if not isinstance(value, str) or value.lstrip("-").isdecimal():
            return WholeNumber(1).convert(value, param, ctx)
        if value != "auto" and not Path(value).exists():
            self.fail(f"'{value}' is not a whole number, auto or an existing file.", param, ctx)
        return value


class Number(click.FloatRange):
    """Float option. Error messages call its type a number."""

    name = "number"


MISSING_CELLS = {
    "fill": "fill replaces a missing number by the median, a missing category by an extra level",
    "error": "error stops with a message",
    "mask": "mask leaves missing values out of all distances and means",
}


class MissingCells(click.Choice[str]):
    """Type of the option for missing values. Commands that do not support "mask" give advice."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the chosen value, or raise an error with advice."""
        if value == "mask" and value not in self.choices:
            self.fail(
                "'mask' leaves missing values out, but a detector needs complete rows. Fill the "
                "values (--missing fill), or train only a map with `somscape fit`.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


option = partial(click.option, show_default=True)
result_option = partial(option, type=click.Path(path_type=Path), metavar="FILE")
"""Decorator that adds an option for the path of a result, which is a file or a folder."""
file_option = partial(option, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
"""Option for the path of a file."""


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator that adds the given options to a command."""

    def add_all(command: Command) -> Command:
        for add in reversed(options):
            command = add(command)
        return command

    return add_all


date_format_option = option(
    "--date-format",
    type=click.Choice(["dmy", "mdy", "ymd"]),
    show_default="detected, else dmy",
    help="Order of day (d), month (m) and year (y) in dates such as 03/04/2026.",
)
per_option = option(
    "--per",
    multiple=True,
    metavar="COL",
    help="Combine all rows with the same value of COL into one row, for example all transactions "
    "of a customer. Repeat the option if several columns together identify a customer.",
)
save_roles_option = result_option(
    "--save-roles",
    help="Roles file to write, such as roles.toml. The file contains the kind of each column, for "
    "use with --roles.",
)

readable_option = option(
    "--allow-readable-secrets",
    is_flag=True,
    envvar="SOMSCAPE_ALLOW_READABLE_SECRETS",
    help="Accept files with passwords or keys that other users of this computer can read. "
    "Containers and systemd provide files with such permissions.",
)

verbose_option = option(
    "--verbose", is_flag=True, help="Print the kind of each column, and the reason for it."
)

force_option = option(
    "--force",
    is_flag=True,
    help="Replace an existing file or folder even if somscape did not write it.",
)

state_options = together(
    option(
        "--state",
        metavar="DIR|URL",
        envvar="SOMSCAPE_STATE",
        show_default="your own state folder",
        help="Folder, or database postgresql://USER@HOST/NAME, with the watches, cases and audit. "
        "The environment variable SOMSCAPE_STATE sets this place for all commands.",
    ),
    file_option(
        "--audit-key",
        envvar="SOMSCAPE_AUDIT_KEY",
        help="File with a secret of at least 16 bytes that seals the lines of the audit. Store it "
        "outside the state. The environment variable SOMSCAPE_AUDIT_KEY can name this file.",
    ),
    readable_option,
)

author_option = option(
    "--author",
    metavar="NAME",
    show_default="the user of this computer",
    help="Name of the person that the audit records as the author.",
)

watch_options = together(
    option(
        "--watch",
        metavar="NAME",
        help="Start a watch with this name, which `somscape run NAME` applies to later tables. If "
        "the watch exists, train its map again.",
    ),
    option(
        "--key",
        multiple=True,
        metavar="COL",
        show_default="the columns of --per, else the column of --id",
        help="Column that identifies a row of the watch in every table, such as a customer number. "
        "Repeat the option if several columns together identify a row.",
    ),
    option(
        "--clear-for",
        type=WholeNumber(1),
        metavar="MONTHS",
        show_default="12 for a new watch, else unchanged",
        help="Number of months after which a cleared case of the watch is listed again.",
    ),
    option(
        "--replace",
        is_flag=True,
        help="Replace the map of the watch even if the new map uses other columns.",
    ),
    state_options,
    author_option,
)


def _missing_or_none(ctx: click.Context, param: click.Parameter, value: str) -> str | None:
    """Return the value of --missing. If a roles file is given but --missing is not, return None."""
    is_typed = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    return value if is_typed or ctx.params.get("roles") is None else None


def missing_option(*ways: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the option --missing with the given choices to a command."""
    return option(
        "--missing",
        type=MissingCells(ways),
        default="fill",
        callback=_missing_or_none,
        help=f"Handling of missing values: {'; '.join(MISSING_CELLS[way] for way in ways)}.",
    )


text_options = together(
    option(
        "--delimiter",
        metavar="CHAR",
        show_default="detected",
        help="Character between the values of a text file, such as ; or the word tab.",
    ),
    option(
        "--decimal",
        type=click.Choice([".", ","]),
        show_default="detected",
        help="Decimal mark in numbers.",
    ),
    option(
        "--encoding",
        metavar="NAME",
        show_default="detected",
        help="Encoding of a text file, such as utf-8 or cp1252.",
    ),
    option(
        "--missing-values",
        multiple=True,
        metavar="WORD",
        show_default="NA, N/A, ?, null, NaN, -",
        help="Word or number in place of a missing value, such as 999 (repeatable). Give '' if "
        "only empty values are missing.",
    ),
    option(
        "--sheet",
        metavar="NAME",
        show_default="the first sheet with a table",
        help="Name of a sheet of a workbook, or its number, counted from 1.",
    ),
)


def _ask_password(_ctx: click.Context, _param: click.Parameter, asked: bool) -> bool:
    """Ask for the password of the database, and store it in the variable PGPASSWORD."""
    if asked:
        os.environ["PGPASSWORD"] = click.prompt("Password", hide_input=True, err=True)
    return asked


database_options = together(
    option("--table", metavar="NAME", help="Name of the table to read from a database."),
    option(
        "--query",
        metavar="SQL",
        help="SQL statement whose result is read from a database, instead of --table.",
    ),
    option(
        "--ask-password",
        is_flag=True,
        callback=_ask_password,
        help="Ask on the terminal for the password of a PostgreSQL database.",
    ),
)

read_options = together(text_options, database_options)

table_options = together(
    option(
        "--id",
        "id_column",
        metavar="COL",
        show_default="detected, else the number of the row",
        help="Column that identifies the rows in lists and reports.",
    ),
    per_option,
    option(
        "--label",
        metavar="COL[=VALUE]",
        help="Column with a known outcome, such as fraud=yes. The map does not use the column, but "
        "`detect` compares its ranking with it. Without VALUE, the rarer of two values is used.",
    ),
    option("--drop", multiple=True, metavar="COL", help="Column to leave out (repeatable)."),
    option(
        "--protect",
        multiple=True,
        metavar="COL",
        help="Column that the map must not use, such as sex or nationality, but that the list "
        "shows (repeatable).",
    ),
    option(
        "--category",
        multiple=True,
        metavar="COL",
        help="Column whose values are categories, even if they are numbers (repeatable).",
    ),
    option(
        "--number",
        multiple=True,
        metavar="COL",
        help="Column whose values are numbers, even if there are few of them (repeatable).",
    ),
    option(
        "--ordinal",
        multiple=True,
        metavar="COL[=LOW<...<HIGH]",
        help="Column whose values are ordered categories, with its levels from low to high in "
        "quotes, such as 'size=S<M<L' (repeatable). A column of numbers does not need levels.",
    ),
    option(
        "--date", multiple=True, metavar="COL", help="Column whose values are dates (repeatable)."
    ),
    date_format_option,
    option(
        "--roles",
        metavar="FILE",
        help="Roles file with the kinds of the columns, as --save-roles writes it. Options on the "
        "command line override the file.",
    ),
    option(
        "--dictionary",
        metavar="FILE",
        help="Table with the columns column, code and words. Reasons and pages show these words "
        "instead of codes. A line with an empty code gives the words for the column itself.",
    ),
    save_roles_option,
    read_options,
)

sink_options = together(
    option(
        "--to",
        metavar="URL",
        help="Database that also receives the listed rows: sqlite:///FILE, duckdb:///FILE or "
        "postgresql://USER@HOST/NAME.",
    ),
    option(
        "--to-table",
        metavar="NAME",
        help="Table of the database of --to. It is created if it does not exist.",
    ),
)

rule_options = together(
    option(
        "--fdr",
        type=Number(0, 1, min_open=True),
        metavar="Q",
        help="Longest list in which about a share Q of the rows, such as 0.1, is expected to be "
        "usual (false discovery rate).",
    ),
    option(
        "--p-value",
        "p_value",
        type=Number(0, 1, min_open=True),
        metavar="P",
        help="Largest allowed p-value of rows in the list, such as 0.001.",
    ),
    option(
        "--amount",
        metavar="COL",
        help="Column with the amount that is at stake in a row. Needs --cost.",
    ),
    option(
        "--cost",
        type=Number(0, min_open=True),
        metavar="C",
        help="Cost of the review of a row, in the unit of --amount. A row is listed if the amount "
        "at stake, times the probability that the row is not usual, exceeds the cost.",
    ),
)


def _format_options(about: str, default: str) -> Callable[[Command], Command]:
    bom = "Begin a CSV file with a byte order mark, so that Excel shows all characters correctly."
    formats = click.Choice(["csv", "xlsx", "parquet"])
    return together(
        option("--format", type=formats, show_default=default, help=about),
        option("--bom", is_flag=True, help=bom),
    )


LIST_FORMATS = (
    "Format of the list. csv and xlsx have rounded scores. xlsx also has filters and a column for "
    "decisions. parquet has all digits."
)
list_options = _format_options(LIST_FORMATS, "csv")

score_options = _format_options(LIST_FORMATS, "the extension of --out, else csv")

prediction_options = _format_options(
    "Format of the predictions.", "the extension of --out, else csv"
)

ranking_options = together(
    option(
        "--alerts",
        type=WholeNumber(1),
        metavar="N",
        show_default="rows that stand out, at least 10 and at most 50",
        help="Number of rows in the list.",
    ),
    option(
        "--contamination",
        type=Number(0, 0.5, min_open=True),
        metavar="F",
        help="Share of the rows in the list, such as 0.05 for 5 %.",
    ),
    rule_options,
    option(
        "--calibration",
        type=click.Choice(["global", "regional"]),
        show_default="global",
        help="Rows with which a row is compared for its p-value: all rows (global), or only rows "
        "in the same region of the map (regional).",
    ),
    option(
        "--seed",
        type=WholeNumber(0),
        default=0,
        metavar="S",
        help="Seed of the random numbers. The same seed gives the same files.",
    ),
    verbose_option,
    list_options,
    force_option,
)

flag_options = together(
    option(
        "--alerts",
        type=WholeNumber(1),
        metavar="N",
        show_default="rows with a score above the threshold of the map",
        help="Number of rows that are flagged and listed.",
    ),
    rule_options,
)

team_options = together(
    file_option("--users", help="File with the users who may log in. `app-user` writes it."),
    file_option("--tls-cert", help="Certificate of the server with its chain, in PEM format."),
    file_option("--tls-key", help="Key of the certificate, in PEM format, without a passphrase."),
    option(
        "--behind-proxy",
        metavar="https://NAME",
        help="Public address of a proxy on this computer that handles TLS for the app.",
    ),
    file_option(
        "--socket",
        metavar="PATH",
        help="Unix socket on which the app listens for the proxy, instead of a port.",
    ),
    option("--socket-group", metavar="GROUP", help="Group of users that may also use the socket."),
    option(
        "--user-header",
        metavar="NAME",
        help="Header in which the proxy names the user, such as X-Remote-User. Needs --socket.",
    ),
    readable_option,
)

seed_option = option(
    "--seed",
    type=WholeNumber(0),
    default=0,
    metavar="S",
    help="Seed of the random numbers. The same seed gives the same map.",
)
