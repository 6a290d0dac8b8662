"""What can be typed: commands, options and their help."""

import gc
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from somscape._files import naming, shown
from somscape._version import __version__
from somscape.cli._typed import as_typed, without_password
from somscape.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])


class BadInput(click.ClickException):
    """One line for the user, and exit code 2."""

    exit_code = 2


class WholeNumber(click.IntRange):
    """A whole number, in a message that calls it so."""

    name = "whole number"


class Number(click.FloatRange):
    """A number, in a message that calls it so."""

    name = "number"


OBJECTS_BEFORE_COLLECTING = 100_000, 50, 50
"""New objects, and collections of younger ones, after which Python looks for cycles."""

MISSING_CELLS = {
    "fill": "fill takes the median of numbers and a level of their own for categories",
    "error": "error stops",
    "mask": "mask leaves them out of all distances and means",
}


class MissingCells(click.Choice[str]):
    """What happens to missing cells; commands for complete rows say why not "mask"."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the way, or fail with what to do."""
        if value == "mask" and value not in self.choices:
            self.fail(
                "'mask' leaves cells out, and a detector supports only complete rows; fill them "
                "(--missing fill), or train a map alone with `somscape fit`.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class Commands(click.Group):
    """A group whose commands end with one line and exit code 2 on bad input."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what is wrong with the input becomes a click error."""
        # A list of many rows is many small objects and no cycles; to look for some took a tenth of
        # the time.
        gc.set_threshold(*OBJECTS_BEFORE_COLLECTING)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # for letters that a terminal lacks
        # Ours are the threads that pay; those of the libraries below NumPy mostly wait, busily.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with warnings.catch_warnings(), _stopped_as_by_ctrl_c():
            warnings.showwarning = lambda message, *_, **__: click.echo(
                f"Warning: {self._typed(ctx, message)}", err=True
            )
            try:
                with naming("standard output"):  # all other files have been named
                    answer = super().invoke(ctx)
                    sys.stdout.flush()  # so that click, not the interpreter, meets a closed pipe
                return answer
            except BrokenPipeError:  # the reader, such as head, has seen enough
                raise
            except OSError as error:
                _drop_unwritten()
                place = f"{error.filename}: " if error.filename else ""
                raise BadInput(
                    shown(f"{place}{error.strerror}." if error.strerror else str(error))
                ) from error
            except InputError as error:
                _drop_unwritten()
                raise BadInput(self._typed(ctx, error)) from error
            except MemoryError as error:
                raise BadInput("not enough memory for this table and map.") from error
            except click.UsageError as error:
                see = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
                raise BadInput(without_password(f"{error.format_message()}{see}")) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which people meet them."""
        return list(self.commands)

    def _typed(self, ctx: click.Context, message: object) -> str:
        return as_typed(message, self.commands.get(ctx.invoked_subcommand or ""))


def _drop_unwritten() -> None:
    """Drop what a full standard output does not take, or Python tries again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _stopped_as_by_ctrl_c() -> Iterator[None]:
    """Clean up on SIGTERM and SIGHUP, too, unless they are ignored, as under nohup."""
    before = {}
    for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")):
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


option = partial(click.option, show_default=True)


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
save_roles_option = option(
    "--save-roles",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what each column was taken for to a file for --roles, such as roles.toml.",
)


def table_options(command: Command) -> Command:
    """Add the options that say how to read a table and what its columns are."""
    options = [
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
        save_roles_option,
        *reading_options,
        *database_options,
    ]
    for add in reversed(options):
        command = add(command)
    return command


def _unless_a_file_says(ctx: click.Context, param: click.Parameter, value: str) -> str | None:
    """Return how --missing is given; None where it is not, and a roles file may say it."""
    is_typed = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    return value if is_typed or ctx.params.get("roles") is None else None


def missing_option(*ways: str) -> Callable[[Command], Command]:
    """Return the option that says what becomes of missing cells, with some of its ways."""
    return option(
        "--missing",
        type=MissingCells(ways),
        default="fill",
        callback=_unless_a_file_says,
        help=f"Missing cells: {'; '.join(MISSING_CELLS[way] for way in ways)}.",
    )


reading_options = [
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
]


def _ask_password(_ctx: click.Context, _param: click.Parameter, asked: bool) -> bool:
    """Ask for a password, and leave it where PostgreSQL's client looks for it."""
    if asked:
        os.environ["PGPASSWORD"] = click.prompt("Password", hide_input=True, err=True)
    return asked


database_options = [
    option("--table", metavar="NAME", help="Table of a database to read."),
    option("--query", metavar="SQL", help="Query of a database to read: one statement."),
    option(
        "--ask-password",
        is_flag=True,
        callback=_ask_password,
        help="Ask for the password of a PostgreSQL database.",
    ),
]


def read_options(command: Command) -> Command:
    """Add the options that say how to read a table."""
    for add in reversed([*reading_options, *database_options]):
        command = add(command)
    return command


def with_database_options(command: Command) -> Command:
    """Add the options that say what to read of a database."""
    for add in reversed(database_options):
        command = add(command)
    return command


def text_options(command: Command) -> Command:
    """Add the options that say how to read a table from a text file."""
    for add in reversed(reading_options):
        command = add(command)
    return command


def sink_options(command: Command) -> Command:
    """Add the options that send the listed rows to a database."""
    for add in reversed(
        [
            option("--to", metavar="URL", help="Database that gets the listed rows, too."),
            option("--to-table", metavar="NAME", help="Its table, which is made if need be."),
        ]
    ):
        command = add(command)
    return command


rule_options = [
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
]


format_options = [
    option(
        "--format",
        type=click.Choice(["csv", "xlsx", "parquet"]),
        help="How the list is written: for people, with rounded scores, as CSV (if not given) or "
        "in Excel with filters and a column for decisions; or with all digits as Parquet.",
    ),
    option("--bom", is_flag=True, help="Begin a CSV file so that Excel reads its letters right."),
]


def ranking_options(command: Command) -> Command:
    """Add the options that say how many rows to list, and where results go."""
    options = [
        option("--alerts", type=WholeNumber(1), metavar="N", help="List the first N rows."),
        option(
            "--contamination",
            type=Number(0, 0.5, min_open=True),
            default=0.05,
            metavar="F",
            help="Share of the rows to list, where nothing else says how many.",
        ),
        *rule_options,
        option(
            "--calibration",
            type=click.Choice(["global", "regional"]),
            help="Compare p-values with all rows (global, as if not given), or with those of the "
            "row's region of the map.",
        ),
        option(
            "--seed", type=WholeNumber(0), default=0, metavar="S", help="Same seed, same files."
        ),
        *format_options,
        option("--force", is_flag=True, help="Replace DIR even if it holds other files."),
    ]
    for add in reversed(options):
        command = add(command)
    return command


def list_options(command: Command) -> Command:
    """Add the options that say how a list is written."""
    for add in reversed(format_options):
        command = add(command)
    return command


def flag_options(command: Command) -> Command:
    """Add the options that say which rows are flagged."""
    first = option("--alerts", type=WholeNumber(1), metavar="N", help="Flag the first N rows.")
    for add in reversed([first, *rule_options]):
        command = add(command)
    return command


seed_option = option(
    "--seed", type=WholeNumber(0), default=0, metavar="S", help="Same seed, same map."
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="somscape")
def main() -> None:
    """Self-organizing maps: find the unusual rows of a table, and why.

    \b
    somscape demo                                 see it work on real credit applications
    somscape detect customers.csv --id ID --out found    your own table
    """


@main.command()
@option(
    "--out",
    type=click.Path(path_type=Path),
    default="somscape-demo",
    metavar="DIR",
    help="Where results go.",
)
@ranking_options
def demo(out: Path, **options: Any) -> None:
    """Rank 1,000 bundled credit applications (UCI Statlog German Credit)."""
    from somscape.cli._detect import detect_demo

    detect_demo(out, **options)


@main.command()
@click.argument("path", metavar="TABLE")
@table_options
@missing_option("fill", "error")
@ranking_options
@sink_options
@option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where results go."
)
def detect(path: str, out: Path, **options: Any) -> None:
    """Rank the rows of TABLE by how unusual they are, with reasons.

    TABLE is a .csv, .tsv, .csv.gz, .parquet or .feather file, a workbook (.xlsx, .xls, .ods, ...),
    a folder of such files or a pattern in quotes ('data/*.csv'), - for standard input, or a
    database: sqlite:///FILE, duckdb:///FILE or postgresql://USER@HOST/NAME, with --table or
    --query.  DIR gets alerts.csv (or what --format says), report.html, report.json, map.som,
    umatrix.png and planes.png, all or none.  With --per it ranks customers instead, and
    alerts_rows.csv has the rows of those that are listed.
    """
    from somscape.cli._detect import detect_file

    detect_file(path, out, **options)


@main.command()
@click.argument("path", metavar="TABLE")
@table_options
@missing_option("fill", "error", "mask")
@option(
    "--rows",
    "n_rows",
    type=WholeNumber(1),
    metavar="R",
    help="Rows of the map; chosen from the data by default.",
)
@option("--cols", "n_cols", type=WholeNumber(1), metavar="C", help="Columns of the map.")
@option(
    "--epochs",
    type=WholeNumber(1),
    metavar="E",
    help="Passes over the rows; by default until the map settles.",
)
@seed_option
@option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The map, such as map.som.",
)
def fit(path: str, out: Path, **options: Any) -> None:
    """Train a map of TABLE and save it."""
    from somscape.cli._fit import fit_file

    fit_file(path, out, **options)


@main.command()
@click.argument("map_file", metavar="MAP")
@click.argument("path", metavar="TABLE")
@per_option
@date_format_option
@read_options
@flag_options
@option(
    "--drift",
    is_flag=True,
    help="Also say where the rows, in the order of the file, drift from the training rows.",
)
@option("--sort", is_flag=True, help="Write the most unusual rows first.")
@option(
    "--columns",
    multiple=True,
    metavar="all|none|COL",
    help="Columns of TABLE to write after the scores (repeatable); none if not given.",
)
@list_options
@option(
    "--out",
    default="-",
    metavar="FILE",
    help="The scores; its ending says the format. - for standard output.",
)
@sink_options
def score(map_file: str, path: str, out: str, **options: Any) -> None:
    """Score new rows of TABLE against a saved detector, with its encoding.

    MAP is the map.som of a `detect`.  Columns are found by name, in any order.  Rows above its
    threshold are flagged, or those that --alerts, --fdr, --p-value or --cost choose.
    """
    from somscape.cli._score import score_file

    score_file(map_file, path, out, **options)


@main.command()
@click.argument("map_file", metavar="MAP")
@click.argument("path", metavar="TABLE")
@option(
    "--label",
    metavar="COL[=VALUE]",
    help="Column with a known outcome that the map never saw, to compare the ranking with. "
    "Without VALUE the rarer one counts.",
)
@option(
    "--regions",
    "n_regions",
    type=WholeNumber(1),
    metavar="N",
    help="Regions of the map; by default as many as lie apart.",
)
@per_option
@date_format_option
@read_options
@flag_options
@option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The page, such as page.html.",
)
def report(map_file: str, path: str, out: Path, **options: Any) -> None:
    """Show the rows of TABLE on a saved map, as one page to click through.

    MAP is the map.som of a `detect`, or a map of `fit` or of another program, which flags no
    rows.  Columns are found by name and encoded as the map's own table was.
    """
    from somscape.cli._report import report_file

    report_file(map_file, path, out, **options)


@main.command()
@click.argument("source", metavar="IN")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@option(
    "--what",
    type=click.Choice(["planes", "codebook", "winners"]),
    help="What a .csv, .xlsx or .parquet of a map holds: each unit in original units (if not "
    "given), its prototype as encoded, or the unit of each row of --table.",
)
@option("--table", metavar="TABLE", help="The rows whose winners are written.")
@option(
    "--lattice",
    type=click.Choice(["hexagonal", "rectangular"]),
    help="Lattice, where IN does not name it.",
)
@option(
    "--boundary",
    type=click.Choice(["plane", "cylinder", "torus"]),
    help="Boundary, where IN does not name it.",
)
@option("--winners", metavar="FILE", help="The .bm of a .wts; its rows become the hits.")
@text_options
def convert(source: str, out: Path, **options: Any) -> None:
    """Convert maps and rows between programs; the endings say from what to what.

    \b
    maps    IN .som .cod .wts .p .pkl .pickle, or a codebook as a table
            OUT .som .cod .wts .umx .bm .onnx .csv .xlsx .parquet
    rows    IN .dat .lrn or a table        OUT .dat .lrn .csv .xlsx .parquet
    lists   IN .bm .cls .umx               OUT .csv .xlsx .parquet

    .cod and .dat are SOM_PAK's and the SOM Toolbox's, .wts .bm .umx .lrn and .cls those of ESOM
    Tools and Somoclu; a pickle is a MiniSom, which is read without running it.
    """
    from somscape.cli._convert import convert_file

    convert_file(source, out, **options)


@main.command()
@click.argument("path", metavar="[TABLE]", required=False)
@with_database_options
@option("--host", default="127.0.0.1", help="Address to listen on; any other lets others in.")
@option("--port", type=WholeNumber(0, 65535), default=0, help="Port; 0 takes a free one.")
@option("--browser/--no-browser", default=True, help="Whether to open the browser.")
@option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where uploads, results and decisions are kept; by default the user's state folder.",
)
@option("--max-upload", type=WholeNumber(1), default=200, metavar="MB", help="Largest file.")
@option("--jobs", type=WholeNumber(1), metavar="N", help="Runs at a time; by default one per core.")
@option(
    "--memory",
    type=Number(0.1),
    metavar="GB",
    help="Memory of each run; by default an equal share of 80 % of the machine's.",
)
def app(path: str | None, **options: Any) -> None:
    """Rank tables, look at the report and mark rows in the browser.

    TABLE, as of `detect`, is there from the start.  The browser gives files only: folders and
    databases are named here.

    Needs the extra `app`: pip install 'somscape[app]'.
    """
    from somscape.cli._app import run_app

    del options["ask_password"]  # which is done
    run_app(path, **options)


@main.command()
@click.argument("map_file", metavar="MAP")
@save_roles_option
def info(map_file: str, save_roles: Path | None) -> None:
    """Say what a saved map holds."""
    from somscape.cli._info import show_info

    show_info(map_file, save_roles)
