"""Options that several commands share, and their help."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Command = TypeVar("Command", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """Integer that messages call a whole number."""

    name = "whole number"


class NumberOrFile(click.ParamType[int | str]):
    """Whole number of at least 1, or the name of a file."""

    name = "number or file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or the unchanged name."""
        is_name = isinstance(value, str) and not value.lstrip("-").isdecimal()
        return value if is_name else WholeNumber(1).convert(value, param, ctx)


class Number(click.FloatRange):
    """Float that messages call a number."""

    name = "number"


MISSING_CELLS = {
    "fill": "fill takes the median of numbers and a level of their own for categories",
    "error": "error stops",
    "mask": "mask leaves them out of all distances and means",
}


class MissingCells(click.Choice[str]):
    """Choice for missing values. Commands that need complete rows explain why not "mask"."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the choice, or fail with advice."""
        if value == "mask" and value not in self.choices:
            self.fail(
                "'mask' leaves cells out, and a detector supports only complete rows; fill them "
                "(--missing fill), or train a map alone with `somscape fit`.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


option = partial(click.option, show_default=True)
result_option = partial(option, type=click.Path(path_type=Path), metavar="FILE")
"""Option for the path of a result, which is a file or a folder."""
file_option = partial(option, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
"""Option for the path of a file, not of a folder."""


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator for adding options to a command in this order."""

    def add_all(command: Command) -> Command:
        for add in reversed(options):
            command = add(command)
        return command

    return add_all


date_format_option = option(
    "--date-format",
    type=click.Choice(["dmy", "mdy", "ymd"]),
    help="Order of day, month and year in dates that do not show it; the day first, or as "
    "another column of dates shows.",
)
per_option = option(
    "--per",
    multiple=True,
    metavar="COL",
    help="Put the rows with the same COL together, such as all transactions of a customer "
    "(repeatable: the columns that name one together).",
)
save_roles_option = result_option(
    "--save-roles",
    help="Write what each column was taken for to a file for --roles, such as roles.toml.",
)

readable_option = option(
    "--allow-readable-secrets",
    is_flag=True,
    envvar="SOMSCAPE_ALLOW_READABLE_SECRETS",
    help="Accept files of secrets that other users of this computer can read, as containers and "
    "systemd mount them.",
)

force_option = option(
    "--force",
    is_flag=True,
    help="Replace the file or folder of the result even if somscape did not write it.",
)

state_options = together(
    option(
        "--state",
        metavar="DIR|URL",
        envvar="SOMSCAPE_STATE",
        help="Where watches, cases and the audit are kept: a folder, by default your own, "
        "or postgresql://USER@HOST/NAME. The variable SOMSCAPE_STATE says it for all commands.",
    ),
    file_option(
        "--audit-key",
        envvar="SOMSCAPE_AUDIT_KEY",
        help="File of a secret, kept apart from the state, that seals the lines of the audit.",
    ),
    readable_option,
)
"""Options for the place of watches, cases and the audit."""

author_option = option(
    "--author", metavar="NAME", help="Who decides; by default the user of this computer."
)

watch_options = together(
    option(
        "--watch",
        metavar="NAME",
        help="Keep this as a watch of that name, which `somscape run NAME` runs again; of one "
        "that is there already, the map is trained anew.",
    ),
    option(
        "--key",
        multiple=True,
        metavar="COL",
        help="Column that tells the rows of a watch apart (repeatable: columns that do so "
        "together); by default those of --per, else --id.",
    ),
    option(
        "--clear-for",
        type=WholeNumber(1),
        metavar="MONTHS",
        help="Months after which a cleared case of a watch returns; as before, or 12, if not "
        "given.",
    ),
    option(
        "--replace",
        is_flag=True,
        help="Let the map of a watch be replaced by one of other columns.",
    ),
    state_options,
    author_option,
)
"""Options for starting a watch."""


def _missing_or_none(ctx: click.Context, param: click.Parameter, value: str) -> str | None:
    """Return the value of --missing, or None if only a roles file may set it."""
    is_typed = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    return value if is_typed or ctx.params.get("roles") is None else None


def missing_option(*ways: str) -> Callable[[Command], Command]:
    """Return the option --missing with the given choices."""
    return option(
        "--missing",
        type=MissingCells(ways),
        default="fill",
        callback=_missing_or_none,
        help=f"Missing cells: {'; '.join(MISSING_CELLS[way] for way in ways)}.",
    )


text_options = together(
    option("--delimiter", metavar="CHAR", help="Cell delimiter; detected by default."),
    option("--decimal", type=click.Choice([".", ","]), help="Decimal mark; detected by default."),
    option("--encoding", metavar="NAME", help="Text encoding; detected by default."),
    option(
        "--missing-values",
        multiple=True,
        metavar="WORD",
        help="What a missing cell holds, instead of NA, N/A, ?, null, NaN or - (repeatable); may "
        "be a number, such as 999.  Give '' where only empty cells are missing.",
    ),
    option(
        "--sheet",
        metavar="NAME",
        help="Sheet of a workbook, or its number from 1; by default the first with a table.",
    ),
)
"""Options for reading a table from a text file or a workbook."""


def _ask_password(_ctx: click.Context, _param: click.Parameter, asked: bool) -> bool:
    """Ask for a password, and store it where the PostgreSQL client reads it."""
    if asked:
        os.environ["PGPASSWORD"] = click.prompt("Password", hide_input=True, err=True)
    return asked


database_options = together(
    option("--table", metavar="NAME", help="Table of a database to read."),
    option("--query", metavar="SQL", help="Query of a database to read: one statement."),
    option(
        "--ask-password",
        is_flag=True,
        callback=_ask_password,
        help="Ask for the password of a PostgreSQL database.",
    ),
)
"""Options for reading a table from a database."""

read_options = together(text_options, database_options)
"""Options for reading a table."""

table_options = together(
    option("--id", "id_column", metavar="COL", help="Column that names the rows."),
    per_option,
    option(
        "--label",
        metavar="COL[=VALUE]",
        help="Column with a known outcome, which is not a feature; `detect` compares the "
        "ranking with it. Without VALUE the rarer one counts.",
    ),
    option("--drop", multiple=True, metavar="COL", help="Leave a column out (repeatable)."),
    option(
        "--protect",
        multiple=True,
        metavar="COL",
        help="Keep a column such as sex or nationality out of the features, and list it.",
    ),
    option("--category", multiple=True, metavar="COL", help="Take a column as a category."),
    option("--number", multiple=True, metavar="COL", help="Take a column as a number."),
    option(
        "--ordinal",
        multiple=True,
        metavar="COL[=LOW<...<HIGH]",
        help="Take a column as an ordered category, in quotes for the shell; a column of "
        "numbers needs no levels.",
    ),
    option("--date", multiple=True, metavar="COL", help="Take a column as dates."),
    date_format_option,
    option(
        "--roles",
        metavar="FILE",
        help="A roles file, which says all of this; what is typed takes precedence over it.",
    ),
    option(
        "--dictionary",
        metavar="FILE",
        help="Words for codes, for reasons and pages: a table of column, code and words; an "
        "empty code names the column.",
    ),
    save_roles_option,
    read_options,
)
"""Options for reading a table and for the kinds of the columns."""

sink_options = together(
    option("--to", metavar="URL", help="Database that gets the listed rows, too."),
    option("--to-table", metavar="NAME", help="Its table, which is made if need be."),
)
"""Options for writing the listed rows to a database."""

rule_options = together(
    option(
        "--fdr",
        type=Number(0, 1, min_open=True),
        metavar="Q",
        help="List as many rows as possible, of which at most a share of about Q is expected to be "
        "usual (the false discovery rate).",
    ),
    option(
        "--p-value",
        "p_value",
        type=Number(0, 1, min_open=True),
        metavar="P",
        help="List the rows with a p-value of at most P.",
    ),
    option("--amount", metavar="COL", help="Column with what is at stake in a row; with --cost."),
    option(
        "--cost",
        type=Number(0, min_open=True),
        metavar="C",
        help="List the rows that are worth a review that costs C.",
    ),
)
"""Options for the rule of a list."""


def _format_options(said: str) -> Callable[[Command], Command]:
    bom = "Begin a CSV file so that Excel reads its letters right."
    return together(
        option("--format", type=click.Choice(["csv", "xlsx", "parquet"]), help=said),
        option("--bom", is_flag=True, help=bom),
    )


list_options = _format_options(
    "How the list is written: for people, with rounded scores, as CSV (if not given) or in Excel "
    "with filters and a column for decisions; or with all digits as Parquet."
)
"""Options for the format of a list."""

prediction_options = _format_options(
    "How predictions are written; as CSV if neither this nor the ending of --out says it."
)
"""Options for the format of predictions."""

ranking_options = together(
    option("--alerts", type=WholeNumber(1), metavar="N", help="List the first N rows."),
    option(
        "--contamination",
        type=Number(0, 0.5, min_open=True),
        metavar="F",
        help="List this share of the rows.",
    ),
    rule_options,
    option(
        "--calibration",
        type=click.Choice(["global", "regional"]),
        help="Compare p-values with all rows (global, as if not given), or with those of the "
        "row's region of the map.",
    ),
    option("--seed", type=WholeNumber(0), default=0, metavar="S", help="Same seed, same files."),
    list_options,
    force_option,
)
"""Options for ranking rows and for the results."""

flag_options = together(
    option("--alerts", type=WholeNumber(1), metavar="N", help="Flag the first N rows."),
    rule_options,
)
"""Options for the rule of flagged rows."""

team_options = together(
    file_option("--users", help="Users who log in: see `app-user`."),
    file_option("--tls-cert", help="Certificate of the server, in PEM."),
    file_option("--tls-key", help="Its key, without a passphrase."),
    option(
        "--behind-proxy",
        metavar="https://NAME",
        help="What browsers call a proxy on this computer that speaks TLS for the app.",
    ),
    file_option("--socket", metavar="PATH", help="Unix socket for the proxy."),
    option("--socket-group", metavar="GROUP", help="Group that may use the socket, too."),
    option(
        "--user-header",
        metavar="NAME",
        help="Header in which the proxy says who it is, such as X-Remote-User; with --socket.",
    ),
    readable_option,
)
"""Options of the app for a team: users, and the connection to browsers."""

seed_option = option(
    "--seed", type=WholeNumber(0), default=0, metavar="S", help="Same seed, same map."
)
