"""Commands, options and their help."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import click

from somscape._version import __version__
from somscape.desk.cli._options import (
    Commands,
    Conversion,
    Number,
    Training,
    WholeNumber,
    address_options,
    author_option,
    database_options,
    field_options,
    file_option,
    flag_options,
    force_option,
    job_option,
    list_file_option,
    list_options,
    missing_option,
    option,
    ranking_options,
    read_options,
    result_option,
    rule_options,
    save_roles_option,
    seed_option,
    sink_options,
    state_options,
    table_options,
    team_options,
    text_options,
    tls_options,
    verbose_option,
)
from somscape.desk.jobs.job import STATES, WAITING

Work: TypeAlias = Callable[..., int | None]
"""The function that does the work of a command. Its parameters are the options of the command."""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=("demo", "detect applications.csv --id customer --label class --out found"),
)
@click.version_option(__version__, prog_name="somscape")
def main() -> None:
    """Find the unusual rows of a table with self-organizing maps, and explain them.

    Begin with `somscape demo`.  Then write a table with `somscape example applications`, and use
    `somscape detect` for this table or your own.  `somscape COMMAND --help` describes a command.
    """


@main.command(examples=("demo", "demo --seed 7 --out seven"))
@result_option("--out", default="somscape-demo", metavar="DIR", help="Folder for the results.")
@option(
    "--seed",
    type=WholeNumber(0),
    default=0,
    metavar="S",
    help="Seed of the tables and maps. Another seed gives other customers and errors.",
)
@force_option
def demo() -> Work:
    """Find planted frauds and errors, and show which are missed.

    The first table contains generated card payments of 400 customers, and six frauds.  The second
    table contains 690 credit-card applications from the UCI repository, and eight errors.  The
    command writes both tables, and the results of `somscape detect` for each.
    """
    from somscape.desk.cli._detect import show_demo

    return show_demo


def _example_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value != "applications":
        raise click.UsageError(
            f"There is no example table '{value}'. Write the only example table with `somscape "
            "example applications`.",
            context,
        )
    return value


@main.command(
    examples=(
        "example applications",
        "detect applications.csv --id customer --label class --out found",
    )
)
@click.argument("name", metavar="applications", callback=_example_name, expose_value=False)
@result_option("--out", default="applications.csv", metavar="FILE", help="File to write.")
@force_option
def example() -> Work:
    """Write an example table to the current folder.

    The table contains 690 credit-card applications (Statlog Australian Credit Approval from the UCI
    repository, CC BY 4.0) with an invented id `customer` and the decision of the bank, `class`.
    """
    from somscape.desk.cli._detect import write_example

    return write_example


@main.command(
    examples=(
        "detect applications.csv --id customer --label class --out found",
        "detect applications.csv --id customer --label class --watch cards --out cards",
    )
)
@click.argument("path", metavar="TABLE")
@table_options
@missing_option("fill", "error")
@rule_options
@ranking_options
@sink_options
@job_option("watch", "key", "clear_for")
@option(
    "--replace",
    is_flag=True,
    help="Replace the map of the watch even if the new map uses other columns.",
)
@state_options
@author_option
@result_option("--out", required=True, metavar="DIR", help="Folder for the results.")
def detect() -> Work:
    """Rank the rows of TABLE by how unusual they are, with reasons.

    TABLE is a .csv, .tsv, .csv.gz, .parquet or .feather file, a workbook (.xlsx, .xls, .ods, ...),
    a folder of such files, a pattern in quotes ('data/*.csv'), - for standard input, or a
    database: sqlite:///FILE, duckdb:///FILE or postgresql://USER@HOST/NAME, with --table or
    --query.

    The command writes all of these files or none: alerts.csv (the list of unusual rows, in the
    format of --format), report.html (a page about them), report.json (its data), map.som (the
    map, which `somscape score` uses), umatrix.png and planes.png (pictures of the map).  With
    --per, the list contains customers, and alerts_rows.csv contains their rows.  With --watch
    NAME, the command also starts a watch, which `somscape run NAME` continues.
    """
    from somscape.desk.cli._detect import detect_file

    return detect_file


@main.command(
    examples=(
        "fit applications.csv --drop class --out map.som",
        "fit applications.csv --target class --out model.som",
    )
)
@click.argument("path", metavar="TABLE")
@field_options(Training)
@table_options
@missing_option("fill", "error", "mask")
@seed_option
@result_option("--out", required=True, help="File of the map or the model, such as map.som.")
@force_option
@verbose_option
def fit() -> Work:
    """Train a map of TABLE, or a model that predicts a column.

    With --target, the command trains a model.  The first line of the output is the quality of its
    predictions for rows that the model did not see.  The quality is from cross-validation with
    five folds, or from one fold of at most 3,000 rows if the table has more than 1,000 different
    rows.  A warning names columns that reveal the target.  Rows without a target are left out.  If
    the target has numbers, --category COL makes them classes, and --number COL predicts them as
    numbers.
    """
    from somscape.desk.cli._models import fit_file

    return fit_file


@main.command(
    examples=(
        "score found/map.som applications.csv --out scores.csv",
        "score found/map.som applications.csv --sort --columns all --out sorted.csv",
    )
)
@click.argument("map_file", metavar="MAP")
@click.argument("path", metavar="TABLE")
@job_option("per", "date_format")
@read_options
@flag_options
@job_option("sort", "columns", "format", "bom")
@list_file_option("scores")
@force_option
@sink_options
def score() -> Work:
    """Score the rows of TABLE with a map that `detect` has saved.

    MAP is the file map.som of `detect`.  TABLE must have the same columns as the table of
    `detect`, in any order.  The command flags rows that stand out (or rows above the threshold
    of --contamination, if the map was trained with it), or the rows that --alerts, --fdr, --p-value
    or --cost selects.
    """
    from somscape.desk.cli._models import score_file

    return score_file


@main.command(
    examples=(
        "predict model.som applications.csv --out predictions.csv",
        "predict model.som applications.csv --reject 0.05 --out checked.csv",
    )
)
@click.argument("model_file", metavar="MODEL")
@click.argument("path", metavar="NEW")
@option(
    "--reject",
    type=Number(0, 0.5),
    metavar="P",
    show_default="the value in the model",
    help="Predict unknown for a row if at most a share P of the usual rows, such as 0.01, are at "
    "least as far from the map as the row. With 0, each row gets a class.",
)
@read_options
@job_option("format", help="Format of the predictions.")
@job_option("bom")
@list_file_option("predictions")
@force_option
def predict() -> Work:
    """Predict a column for the rows of NEW with a saved model.

    MODEL is a file of `fit --target`.  NEW is a table with the columns of the training table, in
    any order, with or without the target.  Each row of the result has the id, the prediction,
    p_value (the share of usual rows that are at least as far from the map), and the probability of
    each class.  If the model predicts numbers, low and high replace the probabilities, and 90 % of
    the true numbers are between low and high.  If --reject refuses a row, its prediction is
    unknown, or unknown_row if a class is called unknown.  If NEW has the target, the command also
    prints the quality of the predictions.
    """
    from somscape.desk.cli._models import predict_file

    return predict_file


@main.command(
    examples=(
        "report found/map.som applications.csv --label class --out page.html",
        "report found/map.som applications.csv --regions 5 --out five.html",
    )
)
@click.argument("map_file", metavar="MAP")
@click.argument("path", metavar="TABLE")
@job_option(
    "label",
    help="Column with a known outcome that the map does not use. The page compares the ranking "
    "with this column. Without VALUE, the rarer of two values is used.",
)
@job_option("n_regions")
@job_option("per", "date_format")
@read_options
@flag_options
@result_option("--out", required=True, help="File of the page, such as page.html.")
@force_option
def report() -> Work:
    """Show the rows of TABLE on a saved map, in an interactive page.

    MAP is the map.som of `detect`, and the page lists unusual rows.  Or MAP is a model of `fit
    --target`, and the page shows classes and mistakes.  MAP may also be a map of `fit` or of
    another program, which does not list rows.  TABLE must have the columns of the map.
    """
    from somscape.desk.cli._report import report_file

    return report_file


@main.command(
    examples=(
        "convert found/map.som model.onnx",
        "convert found/map.som units.csv --what winners --table applications.csv",
    )
)
@click.argument("source", metavar="IN")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@field_options(Conversion)
@force_option
@text_options
def convert() -> Work:
    """Convert files of other programs, and write maps as tables.

    The extensions of IN and OUT select the formats:

    \b
    maps    IN .som .cod .wts .p .pkl .pickle    OUT .som .onnx .csv .xlsx .parquet
    rows    IN .lrn or a table                   OUT .csv .xlsx .parquet

    SOM_PAK and the SOM Toolbox use .cod.  ESOM Tools and Somoclu use .wts and .lrn.  A pickle
    contains a MiniSom.  somscape reads the pickle without running its code.
    """
    from somscape.desk.cli._report import convert_file

    return convert_file


@main.command(
    examples=(
        "app applications.csv",
        "app --users users.toml --host 0.0.0.0 --tls-cert C.pem --tls-key K.pem",
    )
)
@click.argument("path", metavar="[TABLE]", required=False)
@database_options
@address_options("app", "--users", port=0)
@option("--browser/--no-browser", default=True, help="Whether to open the browser.")
@option(
    "--state",
    metavar="DIR|URL",
    show_default="your own state folder",
    help="Folder for uploads, results and decisions, or postgresql://USER@HOST/NAME for the "
    "watches of a team.",
)
@option(
    "--max-upload",
    type=WholeNumber(1),
    default=200,
    metavar="MB",
    help="Largest size of an uploaded file, in megabytes.",
)
@option(
    "--jobs",
    type=WholeNumber(1),
    metavar="N",
    show_default="one for each core, but at most one for each 2 GB of memory",
    help="Maximum number of runs at a time.",
)
@option(
    "--memory",
    type=Number(0.1),
    metavar="GB",
    show_default="80 % of the machine's memory, divided by the number of runs at a time",
    help="Memory limit of each run, in gigabytes.",
)
@team_options
@option(
    "--add-user",
    metavar="NAME",
    help="Instead of starting the app, add a user to the file of --users, or change the role or "
    "the password. The default file is users.toml, and only you can read a new file.",
)
@option(
    "--remove-user",
    metavar="NAME",
    help="Instead of starting the app, remove a user, and end the sessions of the user.",
)
@option(
    "--role",
    type=click.Choice(["look", "decide", "run"]),
    show_default="unchanged",
    help="With --add-user, rights of the user. look may see pages and files. decide may also mark "
    "rows. run may also add, run and delete.",
)
@option(
    "--password/--no-password",
    "has_password",
    default=True,
    help="With --add-user, whether to ask for a new password. With --user-header, users do not "
    "need a password.",
)
def app() -> Work:
    """Rank tables, read reports and mark rows in the browser.

    The app opens TABLE when it starts.  TABLE may be a folder or a database, as for `detect`.
    Browsers can upload only files.

    A team needs a file of users, which `app --add-user anna --role decide` writes.  This command
    asks for the password twice, and saves only a hash of it.  A running app reads the changed file
    immediately.  The members of the team connect with TLS (second example), or through a proxy:
    --behind-proxy https://somscape.bank.example

    The command needs the libraries of the extra `app`, and for a team also of the extra `team`.
    In a checkout, run pip install '.[app,team]'.
    """
    from somscape.desk.cli._app import run_app

    return run_app


@main.command(examples=("serve found/map.som", "serve found/map.som --port 9000 --max-rows 10000"))
@click.argument("map_file", metavar="MAP")
@address_options("service", "--token-file", port=8080)
@file_option(
    "--token-file",
    help="File with a token. Requests must then have the header Authorization: Bearer TOKEN.",
)
@tls_options
@option(
    "--max-body",
    type=Number(0.001),
    default=32,
    metavar="MB",
    help="Largest size of a request, in megabytes.",
)
@option(
    "--max-rows",
    type=WholeNumber(1),
    default=100_000,
    metavar="N",
    help="Largest number of rows in a request.",
)
def serve() -> Work:
    """Serve MAP over HTTP, so that other programs can request scores.

    \b
    curl -d '{"age": 41, "job": "clerk"}' -H 'Content-Type: application/json' \\
        'http://127.0.0.1:8080/score?reasons=all'

    MAP is the map.som of `detect`.  POST /score accepts rows as JSON, CSV or an Arrow stream, and
    returns score, p-value, flag (whether the score is above the threshold of the map), unit and
    reasons, like `score`.  If MAP is a model of `fit --target`, POST /predict returns predictions.
    GET /openapi.json describes the requests, /health names the map, /metrics has counts for
    Prometheus, and /live shows only whether it runs.
    If another file is renamed to MAP, the service loads it within two seconds, provided that it
    has the same columns.  SIGTERM ends the service two seconds later, after the answers to all
    received requests.

    The command needs the libraries of the extra `serve`. In a checkout, run pip install '.[serve]'.
    """
    from somscape.desk.cli._app import run_service

    return run_service


@main.command(examples=("info found/map.som", "info found/map.som --save-roles roles.toml"))
@click.argument("map_file", metavar="MAP")
@save_roles_option
@force_option
def info() -> Work:
    """Print the size, training, columns and score of a saved map."""
    from somscape.desk.cli._report import show_info

    return show_info


@main.command(examples=("run cards applications.csv", "run cards applications.csv --out february"))
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="[TABLE]", required=False)
@read_options
@state_options
@author_option
@list_options
@option(
    "--instead-of",
    type=WholeNumber(1),
    metavar="N",
    help="Replace run N, if its table was wrong, and all later runs. The new run is compared with "
    "the run before N.",
)
@option("--yes", "sure", is_flag=True, help="Do not ask before --instead-of replaces several runs.")
@option(
    "--again",
    is_flag=True,
    help="Record the table once more if an earlier run had the same table. Without this option, "
    "the command asks, and the table of the newest run adds no run.",
)
@option(
    "--new-ids",
    is_flag=True,
    help="The ids of each table are new. Then no row is gone, and a row like a cleared case is "
    "folded. Later runs of the watch keep this setting.",
)
@option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON on standard output, and all other lines on standard error.",
)
@force_option
@sink_options
@result_option(
    "--out",
    metavar="DIR",
    help="Folder for the list, the report, the map and pictures. Without it, the command writes "
    "no files.",
)
def run() -> Work:
    """Run the watch NAME on TABLE, and print what is new.

    Without TABLE, the command reads the table with which the watch began.  It uses the map and the
    rule of the watch, and prints any drift, and which rows are new, returned, risen, folded or gone
    since the run before.  The exit code is 0 if nothing is new, 3 if there are new alerts or a
    question about the table, and 2 after an error.  If results could not be written, run the
    command again to complete the same run.
    """
    from somscape.desk.cli._run import run_named

    return run_named


@main.group(examples=("cases list cards", "cases mark cards C501 confirmed"))
def cases() -> None:
    """List watches, and list, decide, export and import their cases."""


@cases.command(examples=("cases watches", "cases watches --json"))
@state_options
@option("--json", "as_json", is_flag=True, help="Print the watches as JSON.")
def watches() -> Work:
    """List the watches, with the waiting cases and all cases of each."""
    from somscape.desk.cli._run import list_watches

    return list_watches


state_of_option = option(
    "--state-of",
    type=click.Choice([*STATES, WAITING]),
    show_default="all states",
    help="State of the cases to list. The waiting cases are open or returned in the last run.",
)


@cases.command(
    "list", examples=("cases list cards", "cases list cards --state-of waiting --format csv")
)
@click.argument("name", metavar="NAME")
@state_of_option
@option(
    "--format",
    "kind",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    help="Format of the list on standard output.",
)
@state_options
def list_() -> Work:
    """List the cases of the watch NAME.

    The amount at stake is the column of --amount, or the first column with "amount" in its name.
    """
    from somscape.desk.cli._run import list_cases

    return list_cases


@cases.command(
    examples=(
        "cases mark cards C501 confirmed",
        "cases mark cards C499 C502 cleared --comment 'a known customer'",
    )
)
@click.argument("name", metavar="NAME")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.argument("said", metavar="STATE", type=click.Choice(STATES))
@option(
    "--comment",
    default="",
    show_default=False,
    metavar="TEXT",
    help="Reason for the decision, of up to 2,000 characters.",
)
@option(
    "--category",
    "cleared_as",
    metavar="TEXT",
    help="Category of a cleared case, with which its comment begins. `somscape cases categories` "
    "lists the categories.",
)
@author_option
@state_options
def mark() -> Work:
    """Mark one or more cases as open, confirmed, cleared or later.

    NAME is the watch, and KEY is the key of a case as `somscape cases list NAME` prints it.  If one
    of several cases cannot be marked, no case is marked.  A cleared case returns to the list only
    if its row changes much, or after the months of --clear-for.  Each decision is a new line of the
    audit.  Earlier decisions are not overwritten.
    """
    from somscape.desk.cli._run import mark_cases

    return mark_cases


@cases.command(
    examples=(
        "cases categories cards",
        "cases categories cards 'known customer' 'wrong unit' other",
    )
)
@click.argument("name", metavar="NAME")
@click.argument("categories", metavar="[CATEGORY]...", nargs=-1)
@author_option
@state_options
def categories() -> Work:
    """Print or replace the categories for clearing cases of NAME.

    A comment begins with its category, such as "other: moved abroad".  The app offers the
    categories as comments.  Decisions that were made before do not change.
    """
    from somscape.desk.cli._run import list_categories

    return list_categories


@cases.command(
    examples=(
        "cases export cards --out cases.xlsx",
        "cases export cards --state-of open --out open.csv",
    )
)
@click.argument("name", metavar="NAME")
@state_of_option
@result_option(
    "--out",
    required=True,
    help="A .csv, .xlsx or .parquet file. In Excel, you can choose decisions from a menu.",
)
@force_option
@state_options
def export() -> Work:
    """Export the cases of NAME and their decisions to a file."""
    from somscape.desk.cli._run import export_cases

    return export_cases


@cases.command(
    "import",
    examples=("cases import cards cases.xlsx", "cases import cards cases.xlsx --author anna"),
)
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="TABLE")
@option(
    "--skip-unknown",
    is_flag=True,
    help="Ignore lines with a key that no run has listed, instead of stopping with an error.",
)
@option(
    "--findings",
    is_flag=True,
    help="Apply a decision to all lines of the same finding that do not have a decision. Needs the "
    "column finding of alerts.csv.",
)
@option(
    "--yes", is_flag=True, help="Do not ask before --findings decides more than 20 further lines."
)
@text_options
@author_option
@state_options
def import_() -> Work:
    """Import decisions on cases of the watch NAME from TABLE.

    TABLE is a file of `cases export`, an alerts.xlsx in which you have entered decisions, a
    decisions.csv of the app, or any table with the columns of the watch's key (or a column key),
    decision and optionally comment.  Lines without a decision are ignored.  From an exported file,
    only the decisions that you have changed are imported.  If another person has decided one of
    these cases since the export, or a line has an error, the command imports nothing and names the
    lines.
    """
    from somscape.desk.cli._run import import_cases

    return import_cases


@cases.command(examples=("cases forget cards C499", "cases forget cards --older-than 24"))
@click.argument("watch", metavar="WATCH")
@click.argument("key", metavar="[KEY]", required=False)
@option(
    "--older-than",
    type=WholeNumber(1),
    metavar="MONTHS",
    help="Instead of one KEY, forget all cases that do not have a decision and were not listed in "
    "the last MONTHS months.",
)
@option(
    "--decided",
    is_flag=True,
    help="With --older-than, also forget cases whose last decision is more than MONTHS months old.",
)
@state_options
@author_option
def forget() -> Work:
    """Forget the case KEY of WATCH, for example to protect privacy.

    A random token replaces the key, and the comments, reasons and values of the case are deleted.
    The audit remains valid, and records that a case was forgotten, but not which case.
    """
    from somscape.desk.cli._audit import forget_cases

    return forget_cases


@main.group(examples=("audit verify", "audit list --format json"))
def audit() -> None:
    """Show who decided what, and check the record of decisions.

    The audit has a line for each run, decision and forgotten case.  The head of the audit is a hash
    of all lines.  If any line is changed, the head changes.
    """


@audit.command(examples=("audit verify", "audit verify --audit-key audit.key"))
@option(
    "--head",
    metavar="HASH",
    help="Head of the audit that an earlier report or run shows. The command checks that no line "
    "up to this head has changed.",
)
@state_options
def verify() -> Work:
    """Check the audit, and compare the state with it.

    The command lists the lines about forgotten cases.  The exit code is 0 if the audit is valid,
    and 2 if something was changed or deleted.
    """
    from somscape.desk.cli._audit import verify_audit

    return verify_audit


@audit.command("list", examples=("audit list", "audit list --format json"))
@option(
    "--format",
    type=click.Choice(["csv", "json"]),
    default="csv",
    help="Format of the lines on standard output.",
)
@state_options
def list_lines() -> Work:
    """Print all lines of the audit, beginning with the first."""
    from somscape.desk.cli._audit import list_audit

    return list_audit


@audit.command(examples=("audit head", "audit head --state copy"))
@state_options
def head() -> Work:
    """Print the head of the audit, a hash of all lines up to now."""
    from somscape.desk.cli._audit import print_head

    return print_head


@main.command(examples=("backup monday.sqlite", "backup copy.sqlite --state copy"))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@state_options
def backup() -> Work:
    """Copy the state to a backup FILE, even while the state is in use.

    The command checks the audit of the backup.  If the copy fails, no incomplete FILE remains.
    """
    from somscape.desk.cli._audit import write_backup

    return write_backup


@main.command(examples=("restore monday.sqlite --state copy", "restore monday.sqlite --force"))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@option(
    "--force", is_flag=True, help="Replace the content of a state that is not empty. It is lost."
)
@state_options
def restore() -> Work:
    """Copy a backup FILE into an empty state.

    The backup may come from another kind of database than the state.
    """
    from somscape.desk.cli._audit import restore_backup

    return restore_backup
