"""Commands, options and their help."""

from pathlib import Path
from typing import Any

import click

from somscape._version import __version__
from somscape.desk.cli._group import Commands
from somscape.desk.cli._options import (
    Number,
    NumberOrFile,
    WholeNumber,
    author_option,
    database_options,
    date_format_option,
    file_option,
    flag_options,
    force_option,
    list_options,
    missing_option,
    option,
    per_option,
    prediction_options,
    ranking_options,
    read_options,
    readable_option,
    result_option,
    save_roles_option,
    seed_option,
    sink_options,
    state_options,
    table_options,
    team_options,
    text_options,
    watch_options,
)


@click.group()
def audit() -> None:
    """Who decided what, and whether anybody has changed it since."""


@audit.command()
@option(
    "--head",
    metavar="H",
    help="The head that a report or a run showed earlier: has anything up to it changed since?",
)
@state_options
def verify(head: str | None, **options: Any) -> None:
    """Check all lines of the audit, and compare the tables of the state with these lines.

    The command lists the lines that record forgotten cases.  The exit code is 0 if the audit holds
    and 2 if something was changed or deleted.  It is 3 if no fault was found, but lines of
    forgotten cases need the key or a person to check them.
    """
    from somscape.desk.cli._audit import verify_audit

    verify_audit(head, **options)


@audit.command("list")
@option(
    "--format",
    type=click.Choice(["csv", "json"]),
    default="csv",
    help="How lines are written, to standard output.",
)
@state_options
def list_lines(**options: Any) -> None:
    """Write the lines of the audit, the first one first."""
    from somscape.desk.cli._audit import list_audit

    list_audit(**options)


@audit.command()
@state_options
def head(**options: Any) -> None:
    """Print the head of the audit, which stands for all lines up to now."""
    from somscape.desk.cli._audit import print_head

    print_head(**options)


@click.command()
@click.argument("watch", metavar="WATCH")
@click.argument("key", metavar="[KEY]", required=False)
@option(
    "--older-than",
    type=WholeNumber(1),
    metavar="MONTHS",
    help="Instead of one KEY, forget all cases that nobody decided and no list of the last MONTHS "
    "has; for a line of cron.",
)
@option(
    "--decided",
    is_flag=True,
    help="With --older-than, forget decided cases, too, whose last decision is as old.",
)
@state_options
@author_option
def forget(watch: str, key: str | None, **options: Any) -> None:
    """Delete the case KEY of WATCH: its key, decisions, comments, cells and places on lists.

    The audit tells that a case was forgotten, not which one, and still holds.
    """
    from somscape.desk.cli._audit import forget_cases

    forget_cases(watch, key, **options)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@state_options
def backup(file: Path, **options: Any) -> None:
    """Copy the state to FILE, such as monday.sqlite, while others go on.

    FILE is whole or not there, and its audit is checked.
    """
    from somscape.desk.cli._audit import write_backup

    write_backup(file, **options)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@option("--force", is_flag=True, help="Replace what the state holds; it is lost.")
@state_options
def restore(file: Path, **options: Any) -> None:
    """Bring an empty state to what FILE holds, a backup of this or another kind of database."""
    from somscape.desk.cli._audit import restore_backup

    restore_backup(file, **options)


@click.command()
@click.argument("run", metavar="RUN")
@state_options
def reproduce(run: str, **options: Any) -> None:
    """Read the table of RUN again, and score it by the map and with the rule of that run.

    It says that scores and files are the same bytes, or which file differs first and which input
    changed: table, map, rule or versions.  RUN is the id of a run, as in `audit list`.  The exit
    code is 0 for the same bytes, and 2 otherwise.
    """
    from somscape.desk.cli._audit import repeat_run

    repeat_run(run, **options)


@click.command()
@click.argument("map_file", metavar="MAP")
@click.argument("path", metavar="[TABLE]", required=False)
@option(
    "--watch",
    metavar="NAME",
    help="Add what became of it in that watch: drift by run, and counts of decisions.",
)
@result_option("--out", help="The card, such as card.md or card.json; by default it is printed.")
@force_option
@read_options
@state_options
def card(map_file: str, path: str | None, out: Path | None, **options: Any) -> None:
    """Write the model card of MAP: trained on what, for what, how good, with which limits.

    Errors are measured on the rows of TABLE; without it the last one of the training is told.
    """
    from somscape.desk.cli._audit import write_card

    del options["ask_password"]  # which is done
    write_card(map_file, path, out, **options)


STATES = ("open", "confirmed", "cleared", "later")


@click.command()
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
    help="Stand in place of run N and later ones, whose table was wrong: this run is compared with "
    "the one before N.",
)
@option("--json", is_flag=True, help="Print what came out as JSON, and all else to standard error.")
@force_option
@sink_options
@result_option("--out", metavar="DIR", help="Where results go; by default none are written.")
def run(name: str, path: str | None, out: Path | None, **options: Any) -> None:
    """Run the watch NAME on its own table, or on TABLE, by its map.

    It says what is new, returned, risen, folded and gone since the run before, and what drifted.
    The exit code is 0 where nothing is new, 3 where there are new alerts, and 2 for an error.
    Where results could not be written, run it again: it is the same run.
    """
    from somscape.desk.cli._run import run_named

    code = run_named(name, path, out, **options)
    click.get_current_context().exit(code)


@click.command()
@state_options
@option("--json", is_flag=True, help="Print them as JSON.")
def watches(**options: Any) -> None:
    """List the watches, and what waits in each."""
    from somscape.desk.cli._run import list_watches

    list_watches(**options)


@click.group()
def cases() -> None:
    """List cases of a watch, decide them, and take decisions in and out."""


state_of_option = option(
    "--state-of", type=click.Choice(STATES), help="Only cases of this state; all if not given."
)


@cases.command("list")
@click.argument("name", metavar="NAME")
@state_of_option
@option(
    "--format",
    "kind",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    help="How they are printed.",
)
@state_options
def list_(name: str, state_of: str | None, kind: str, **options: Any) -> None:
    """List the cases of the watch NAME, those of its last run first."""
    from somscape.desk.cli._run import list_cases

    list_cases(name, state_of, kind, **options)


@cases.command()
@click.argument("name", metavar="NAME")
@click.argument("key", metavar="KEY")
@click.argument("said", metavar="STATE", type=click.Choice(STATES))
@option("--comment", default="", show_default=False, metavar="TEXT", help="Why.")
@option(
    "--seen",
    type=WholeNumber(0),
    metavar="LINE",
    help="Decide only if nobody has since the decision of this line of the audit; 0 for none.",
)
@option(
    "--run",
    metavar="RUN",
    help="The run in which you saw the case, whose row and score are kept; by default the newest.",
)
@author_option
@state_options
def mark(name: str, key: str, said: str, **options: Any) -> None:
    """Say of the case KEY of the watch NAME that it is open, confirmed, cleared or later.

    A cleared case is put away until it moves far, or until the watch's --clear-for is over.
    Nothing is overwritten: each decision is a new line.
    """
    from somscape.desk.cli._run import mark_case

    mark_case(name, key, said, **options)


@cases.command()
@click.argument("name", metavar="NAME")
@state_of_option
@result_option(
    "--out", required=True, help="A .csv, .xlsx or .parquet file; in Excel, decisions have a menu."
)
@force_option
@state_options
def export(name: str, out: Path, state_of: str | None, **options: Any) -> None:
    """Write the cases of the watch NAME with their decisions to a file."""
    from somscape.desk.cli._run import export_cases

    export_cases(name, out, state_of, **options)


@cases.command("import")
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="TABLE")
@option("--skip-unknown", is_flag=True, help="Leave out keys that no run has listed.")
@text_options
@author_option
@state_options
def import_(name: str, path: str, **options: Any) -> None:
    """Take decisions on cases of the watch NAME from TABLE, all or none.

    It has the columns of the watch's key (or key, or id where that is the key), decision and, if
    you like, comment: a decisions.csv of the app, an exported file, or an alerts.xlsx that was
    filled in. Cells without a decision decide nothing, and one that is there already is kept once.
    Of an exported file only what was changed in it is taken, if nobody has decided it since.
    """
    from somscape.desk.cli._run import import_cases

    import_cases(name, path, **options)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="somscape")
def main() -> None:
    """Self-organizing maps: find the unusual rows of a table, and why.

    \b
    somscape demo                                 see it work on real credit applications
    somscape detect customers.csv --id ID --out found    your own table
    """


@main.command()
@result_option("--out", default="somscape-demo", metavar="DIR", help="Where results go.")
@ranking_options
def demo(out: Path, **options: Any) -> None:
    """Rank 1,000 bundled credit applications (UCI Statlog German Credit)."""
    from somscape.desk.cli._detect import detect_demo

    detect_demo(out, **options)


@main.command()
@click.argument("path", metavar="TABLE")
@table_options
@missing_option("fill", "error")
@ranking_options
@sink_options
@watch_options
@result_option("--out", required=True, metavar="DIR", help="Where results go.")
def detect(path: str, out: Path, **options: Any) -> None:
    """Rank the rows of TABLE by how unusual they are, with reasons.

    TABLE is a .csv, .tsv, .csv.gz, .parquet or .feather file, a workbook (.xlsx, .xls, .ods, ...),
    a folder of such files or a pattern in quotes ('data/*.csv'), - for standard input, or a
    database: sqlite:///FILE, duckdb:///FILE or postgresql://USER@HOST/NAME, with --table or
    --query.  DIR gets alerts.csv (or what --format says), report.html, report.json, map.som,
    umatrix.png and planes.png, all or none.  With --per it ranks customers instead, and
    alerts_rows.csv has the rows of those that are listed.  With --watch NAME it begins a watch,
    which `somscape run NAME` goes on with.
    """
    from somscape.desk.cli._detect import detect_file

    detect_file(path, out, **options)


@main.command()
@click.argument("path", metavar="TABLE")
@option(
    "--target",
    metavar="COL",
    help="Column to predict, such as a diagnosis or a price: the map learns to name its classes, "
    "or to predict its numbers if it has more than 20 different ones.",
)
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
@result_option("--out", required=True, help="The map, such as map.som.")
@force_option
@result_option(
    "--checkpoint", help="Each minute, write what the training needs to go on, such as run.som."
)
@option(
    "--resume",
    is_flag=True,
    help="Go on from --checkpoint, if it is there, to the map of a training that never stopped.",
)
def fit(path: str, out: Path, **options: Any) -> None:
    """Train a map of TABLE and save it; with --target, one that predicts a column.

    \b
    somscape fit patients.csv --target diagnosis --out model.som
    somscape predict model.som new.csv --out predictions.csv

    The last line says how well it predicts rows that it did not see (five folds, each left out
    once; above 1,000 different rows one fold, of at most 3,000 rows), and a warning names columns
    that give the target away. Rows without a target are left out.  --category COL says that a
    target of numbers has classes, --number COL that it is a number.
    """
    from somscape.desk.cli._fit import fit_file

    fit_file(path, out, **options)


@main.command()
@click.argument("map_file", metavar="MAP", required=False)
@click.argument("path", metavar="TABLE", required=False)
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
@force_option
@sink_options
@option("--watch", metavar="NAME", help="Run this watch on TABLE, without a MAP: `somscape run`.")
@state_options
@author_option
@click.pass_context
def score(
    ctx: click.Context, /, map_file: str | None, path: str | None, out: str, **options: Any
) -> None:
    """Score new rows of TABLE against a saved detector, with its encoding.

    MAP is the map.som of a `detect`.  Columns are found by name, in any order.  Rows above its
    threshold are flagged, or those that --alerts, --fdr, --p-value or --cost choose.  With
    --watch NAME it takes the watch's map and rule instead, as `somscape run NAME TABLE --out DIR`.
    """
    if options["watch"] is not None:
        from somscape.desk.cli._run import score_watch

        ctx.exit(score_watch(map_file, path, out, **options))
    for name, value in (("map_file", map_file), ("path", path)):
        if value is None:
            raise click.MissingParameter(
                ctx=ctx, param=next(p for p in ctx.command.params if p.name == name)
            )
    from somscape.desk.cli._score import score_file

    score_file(str(map_file), str(path), out, **options)


@main.command()
@click.argument("model_file", metavar="MODEL")
@click.argument("path", metavar="NEW")
@option(
    "--reject",
    type=Number(0, 0.5),
    metavar="P",
    help="Say unknown for rows that lie so far from all the model has seen that at most this share "
    "of ordinary rows does, such as 0.01; 0 for none, by default as the model was saved.",
)
@read_options
@prediction_options
@option(
    "--out",
    default="-",
    metavar="FILE",
    help="The predictions, such as predictions.csv; its ending says the format. - for standard "
    "output.",
)
@force_option
def predict(model_file: str, path: str, out: str, **options: Any) -> None:
    """Predict a column for the new rows of NEW, by a saved model.

    MODEL is what `fit --target` wrote.  NEW has the columns of the table that it learned from, in
    any order, with or without the target.  Each row of the result has the id, what is predicted,
    the share of ordinary rows that lie as far from the map (p_value), and how probable each class
    is; of a number, low and high, between which 90 % lie.  A row that --reject refuses is unknown,
    or unknown_row where a class is called unknown.  If NEW has the target, too, a last line says
    how good the predictions are.
    """
    from somscape.desk.cli._score import predict_file

    predict_file(model_file, path, out, **options)


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
    type=NumberOrFile(),
    metavar="N|auto|FILE",
    help="Number of regions, auto (as many as lie apart), or the file that a page saved; by "
    "default those that the map keeps, else auto.",
)
@per_option
@date_format_option
@read_options
@flag_options
@result_option("--out", required=True, help="The page, such as page.html.")
@force_option
def report(map_file: str, path: str, out: Path, **options: Any) -> None:
    """Show the rows of TABLE on a saved map, as one page to click through.

    MAP is the map.som of a `detect`; a model of `fit --target`, of which the page shows classes
    and mistakes; or a map of `fit` or of another program, which flags no rows.  Columns are found
    by name and encoded as the map's own table was.
    """
    from somscape.desk.cli._report import report_file

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
@option(
    "--regions",
    metavar="FILE",
    help='Regions that a .som keeps from then on, from "Save regions" on a page.',
)
@force_option
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
    from somscape.desk.cli._report import convert_file

    convert_file(source, out, **options)


@main.command()
@click.argument("path", metavar="[TABLE]", required=False)
@database_options
@option(
    "--host",
    default="127.0.0.1",
    help="Address to listen on; any other lets others in, and needs --users and TLS.",
)
@option("--port", type=WholeNumber(0, 65535), default=0, help="Port; 0 takes a free one.")
@option("--browser/--no-browser", default=True, help="Whether to open the browser.")
@option(
    "--state",
    metavar="DIR",
    help="Where uploads, results and decisions are kept, or postgresql://USER@HOST/NAME for the "
    "watches of a team; by default the user's state folder.",
)
@option("--max-upload", type=WholeNumber(1), default=200, metavar="MB", help="Largest file.")
@option("--jobs", type=WholeNumber(1), metavar="N", help="Runs at a time; by default one per core.")
@option(
    "--memory",
    type=Number(0.1),
    metavar="GB",
    help="Memory of each run; by default an equal share of 80 % of the machine's.",
)
@team_options
def app(path: str | None, **options: Any) -> None:
    """Rank tables, look at the report and mark rows in the browser.

    TABLE, as of `detect`, is there from the start.  The browser gives files only: folders and
    databases are named here.

    \b
    For a team, with users that `somscape app-user` makes:
    somscape app --users users.toml --host 0.0.0.0 --port 8443 --tls-cert C.pem --tls-key K.pem
    somscape app --users users.toml --port 8765 --behind-proxy https://somscape.bank.example

    Needs the extra `app`, and for a team `team`: pip install 'somscape[app,team]'.
    """
    from somscape.desk.cli._app import run_app

    del options["ask_password"]  # which is done
    run_app(path, **options)


@main.command()
@click.argument("name", metavar="NAME")
@file_option(
    "--users", default="users.toml", help="File of users; made if it is not there, for you alone."
)
@option(
    "--role",
    type=click.Choice(["look", "decide", "run"]),
    help="look sees pages and files, decide marks rows, too, and run adds, runs and deletes, too.",
)
@option(
    "--password/--no-password",
    "has_password",
    default=True,
    help="Whether to ask for a new password; none for --user-header of `app`.",
)
@option("--remove", is_flag=True, help="Remove the user, who is logged out at once.")
@readable_option
def app_user(name: str, **options: Any) -> None:
    """Add user NAME of the app, or change their role and password.

    \b
    somscape app-user anna --role decide
    somscape app --users users.toml --host 0.0.0.0 --tls-cert C.pem --tls-key K.pem

    The password is asked for twice, and kept as a hash.  A running app follows the file.
    """
    from somscape.desk.cli._app import change_user

    change_user(name, **options)


@main.command()
@click.argument("map_file", metavar="MAP")
@option("--host", default="127.0.0.1", help="Address to listen on; any other lets others in.")
@option("--port", type=WholeNumber(0, 65535), default=8080, help="Port; 0 takes a free one.")
@file_option(
    "--token-file",
    help="What requests must send as Authorization: Bearer TOKEN; needed with another --host.",
)
@file_option("--tls-cert", help="Certificate with its chain, in PEM; needed with another --host.")
@file_option("--tls-key", help="Key of the certificate, in PEM, without a password.")
@readable_option
@option("--max-body", type=Number(0.001), default=32, metavar="MB", help="Largest body.")
@option(
    "--max-rows", type=WholeNumber(1), default=100_000, metavar="N", help="Most rows of a request."
)
def serve(map_file: str, **options: Any) -> None:
    """Answer programs that ask for scores: MAP as a service over HTTP.

    \b
    somscape serve map.som
    curl -d '{"age": 41, "job": "clerk"}' -H 'Content-Type: application/json' \\
        'http://127.0.0.1:8080/score?reasons=all'

    POST /score takes rows as JSON, CSV or an Arrow stream, and answers with score, p-value, flag,
    unit and reasons, as `score` does. MAP is the map.som of a `detect`, or what `fit --target`
    wrote, which answers at POST /predict. GET /openapi.json has its columns, /health which map
    answers, /metrics counts for Prometheus, /live nothing. A file that takes MAP's place by
    renaming is taken over within a second or two, if its columns are the same. SIGTERM ends the
    service two seconds later, when the requests that came are answered.

    Needs the extra `serve`: pip install 'somscape[serve]'.
    """
    from somscape.desk.cli._app import run_service

    run_service(map_file, **options)


@main.command()
@click.argument("map_file", metavar="MAP")
@save_roles_option
@force_option
def info(map_file: str, save_roles: Path | None, *, force: bool) -> None:
    """Say what a saved map holds."""
    from somscape.desk.cli._report import show_info

    show_info(map_file, save_roles, force=force)


cases.add_command(forget)
for command in (run, watches, cases, audit, reproduce, backup, restore, card):
    main.add_command(command)
