"""Common options of commands, their help, and groups of commands. Bad input has the exit code 2."""

import gc
import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import click
from click.core import ParameterSource

from somscape._files import STANDARD_OUTPUT, full_disk, naming, shown
from somscape.desk.jobs.job import COUNT, FLAGS, IN_ROLES_FILE, KINDS, LISTED, RULES, Job
from somscape.desk.jobs.job import option as field_option
from somscape.errors import InputError

Function = TypeVar("Function", bound=Callable[..., Any])


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


option = partial(click.option, show_default=True)
result_option = partial(option, type=click.Path(path_type=Path), metavar="FILE")
"""Decorator that adds an option for the path of a result, which is a file or a folder."""
file_option = partial(option, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
"""Option for the path of a file."""

READABLE: Mapping[str, Any] = {
    "help": "Accept files with passwords or keys that other users of this computer can read. "
    "Containers and systemd provide files with such permissions.",
    "envvar": "SOMSCAPE_ALLOW_READABLE_SECRETS",
}


@dataclass(frozen=True)
class Access:
    """The options with which a command opens the state, and the author of its changes."""

    state: str | None = field_option(
        "Folder, or database postgresql://USER@HOST/NAME, with the watches, cases and audit. "
        "The environment variable SOMSCAPE_STATE sets this place for all commands.",
        metavar="DIR|URL",
        envvar="SOMSCAPE_STATE",
        show_default="your own state folder",
    )
    audit_key: Path | None = field_option(  # noqa: RUF009, a field
        "File with a secret of at least 16 bytes that seals the lines of the audit. Store it "
        "outside the state. The environment variable SOMSCAPE_AUDIT_KEY can name this file.",
        metavar="FILE",
        envvar="SOMSCAPE_AUDIT_KEY",
    )
    allow_readable_secrets: bool = field_option(default=False, **READABLE)
    author: str | None = field_option(
        "Name of the person that the audit records as the author.",
        metavar="NAME",
        show_default="the user of this computer",
    )


@dataclass(frozen=True)
class Training:
    """The options of `fit` that concern only the training of a map or a model."""

    target: str | None = field_option(
        "Column that the model learns to predict, such as a diagnosis or a price. A column with "
        "more than 20 different numbers is predicted as a number, any other column as a class.",
        metavar="COL",
    )
    n_rows: int | None = field_option(
        "Number of rows of the map's grid.",
        **COUNT,
        flag="--rows",
        metavar="R",
        show_default="chosen from the data",
    )
    n_cols: int | None = field_option(
        "Number of columns of the map's grid.",
        **COUNT,
        flag="--cols",
        metavar="C",
        show_default="chosen from the data",
    )
    epochs: int | None = field_option(
        "Number of times that the training uses all rows.",
        **COUNT,
        metavar="E",
        show_default="until the map settles",
    )


@dataclass(frozen=True)
class Conversion:
    """The options of `convert` that name its inputs and its output."""

    what: str | None = field_option(
        "Content of a table (.csv, .xlsx or .parquet) of a map: the prototype of each unit in "
        "original units (planes), or the place of each row of --table on the map (winners).",
        choices=("planes", "winners"),
        show_default="planes",
    )
    table: str | None = field_option(
        "Table with rows, for writing the place of each row on the map (--what winners).",
        metavar="TABLE",
    )
    boundary: str | None = field_option(
        "Boundary of the map, if IN does not contain it.", choices=("plane", "cylinder", "torus")
    )
    regions: str | None = field_option(
        'File of regions, from "Save regions" on a page, to save in a .som file.', metavar="FILE"
    )


class FieldOption(click.Option):
    """Option for a field of a dataclass. A command receives one object with all these fields."""

    def __init__(self, *words: Any, kind: type[Any], **typed: Any) -> None:
        super().__init__(*words, **typed)
        self.kind = kind


def together(*options: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Return a decorator that adds the given options to a command."""

    def add_all(command: Function) -> Function:
        for add in reversed(options):
            command = add(command)
        return command

    return add_all


def field_options(kind: type[Any], *names: str, **changes: Any) -> Callable[[Function], Function]:
    """Return a decorator that adds options for fields, by default for all fields of a dataclass.

    `changes` are settings of click that concern only this command.
    """
    known = {each.name: each for each in fields(kind)}
    return together(*(_declared(kind, known[name], changes) for name in names or known))


def _declared(kind: type[Any], of: Field[Any], changes: Mapping[str, Any]) -> Callable[..., Any]:
    typed = {**of.metadata["typed"], **changes}
    flag = typed.pop("flag", f"--{of.name.replace('_', '-')}")
    choices, limits = typed.pop("choices", ()), typed.pop("limits", {})
    types = get_args(of.type) or (of.type,)
    if get_origin(of.type) is tuple:
        typed["multiple"] = True
    elif bool in types:
        typed["is_flag"] = True
    elif choices:
        typed["type"] = click.Choice(choices)
    elif Path in types:
        typed["type"] = click.Path(path_type=Path, dir_okay=False)
    elif float in types:
        typed["type"] = Number(**limits)
    elif int in types:
        typed["type"] = NumberOrFile() if str in types else WholeNumber(**limits)
    return option(flag, of.name, cls=FieldOption, kind=kind, **typed)


job_option = partial(field_options, Job)

readable_option = option("--allow-readable-secrets", is_flag=True, **READABLE)
save_roles_option = result_option(
    "--save-roles",
    help="Roles file to write, such as roles.toml. The file contains the kind of each column, for "
    "use with --roles.",
)
verbose_option = option(
    "--verbose", is_flag=True, help="Print the kind of each column, and the reason for it."
)
force_option = option(
    "--force",
    is_flag=True,
    help="Replace an existing file or folder even if somscape did not write it.",
)

state_options = field_options(Access, "state", "audit_key", "allow_readable_secrets")
author_option = field_options(Access, "author")


def _missing_or_none(ctx: click.Context, param: click.Parameter, value: str) -> str | None:
    """Return the value of --missing. If a roles file is given but --missing is not, return None."""
    is_typed = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    return value if is_typed or ctx.params.get("roles") is None else None


def missing_option(*ways: str) -> Callable[[Function], Function]:
    """Return a decorator that adds the option --missing with the given choices to a command."""
    return job_option(
        "missing",
        type=click.Choice(ways),
        default="fill",
        callback=_missing_or_none,
        help=f"Handling of missing values: {'; '.join(MISSING_CELLS[way] for way in ways)}.",
    )


def _ask_password(_ctx: click.Context, _param: click.Parameter, asked: bool) -> bool:
    """Ask for the password of the database, and store it in the variable PGPASSWORD."""
    if asked:
        os.environ["PGPASSWORD"] = click.prompt("Password", hide_input=True, err=True)
    return asked


text_options = job_option(*IN_ROLES_FILE, "missing_values")
database_options = together(
    job_option("table", "query"), job_option("ask_password", callback=_ask_password)
)
read_options = together(text_options, database_options)
table_options = together(
    job_option(
        "id_column", "per", "label", *KINDS, "date_format", "just_below", "roles", "dictionary"
    ),
    save_roles_option,
    read_options,
)
sink_options = job_option("to", "to_table")
seed_option = job_option(
    "seed", default=0, help="Seed of the random numbers. The same seed gives the same map."
)


def list_file_option(what: str) -> Callable[[Function], Function]:
    """Return a decorator that adds the option for the file of a list to a command."""
    said = f"File of the {what}. Its extension selects the format. - is standard output."
    return option("--out", default="-", metavar="FILE", help=said)


list_options = together(job_option("format", show_default="csv"), job_option("bom"))
ranking_options = together(
    job_option(*RULES, "fill", "contamination"),
    job_option("seed", default=0),
    verbose_option,
    list_options,
    force_option,
)
rule_options = job_option(*LISTED)
flag_options = together(
    job_option(
        "alerts",
        show_default="rows that stand out",
        help="Number of rows that are flagged and listed.",
    ),
    job_option(*(name for name in RULES if name != "alerts")),
)


def address_options(program: str, access: str, port: int) -> Callable[[Function], Function]:
    """Return a decorator that adds options for the address of a server to a command.

    `access` is the option that a server for other computers needs.
    """
    return together(
        option(
            "--host",
            default="127.0.0.1",
            metavar="ADDRESS",
            help=f"Network address on which the {program} listens. With the default, only this "
            f"computer can connect. Any other address also needs {access}, --tls-cert and "
            "--tls-key.",
        ),
        option(
            "--port",
            type=WholeNumber(0, 65535),
            default=port,
            metavar="PORT",
            help=f"Network port of the {program}. 0 selects a free port.",
        ),
    )


tls_options = together(
    file_option("--tls-cert", help="Certificate of the server with its chain, in PEM format."),
    file_option("--tls-key", help="Key of the certificate, in PEM format, without a passphrase."),
    readable_option,
)
team_options = together(
    file_option("--users", help="File with the users who may log in. `app --add-user` writes it."),
    tls_options,
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
)


RULE_FLAGS = [FLAGS[name] for name in LISTED]

RULES_OF_MAP = (
    " The map contains the rules. To change them, train the map again: give the rules to "
    "`somscape detect`, for a watch with --watch NAME."
)
"""Advice about a rule for a command that does not train a map."""


def as_typed(message: object, command: click.Command | None) -> str:
    """Return a message in one line, with the names of the command's options as users type them.

    The text in the attribute `options` of a message is added in parentheses, and the text in its
    attribute `python` is removed.
    """
    line = " ".join(str(message).replace(getattr(message, "python", ""), "").split())
    line = line.replace("leave both 'auto'", "leave both out")
    parts = command.commands.values() if isinstance(command, click.Group) else ()
    for parameter in (p for each in (command, *parts) if each for p in each.params):
        if isinstance(parameter, click.Option):
            line = line.replace(f"`{parameter.name}`", parameter.opts[0])
    options = getattr(message, "options", "")
    if options:
        end = "." if line.endswith(".") else ""
        line = f"{line.removesuffix(end)} ({options}){end}"
    return shown(without_password(line))


def without_password(line: str) -> str:
    """Return a line without passwords in URLs.

    >>> without_password("postgresql://anna:secret@bank/loans: no such file")
    'postgresql://...@bank/loans: no such file'
    """
    line = re.sub(r"(:/+)\S*:\S*@", r"\1...@", line)
    return re.sub(r"(?i)(password=)[^&\s]*", r"\1...", line)


class BadInput(click.ClickException):
    """Error that prints one line. The exit code is 2."""

    exit_code = 2


HEADINGS = {
    "Rows to list": "alerts fill contamination fdr p_value amount cost reject "
    "always never floor direction",
    "Columns": "target id_column per label drop protect category number ordinal date date_format "
    "just_below roles dictionary",
    "Reading the table": "delimiter decimal encoding missing missing_values sheet header "
    "table query ask_password",
    "Map": "n_rows n_cols epochs seed boundary winners regions n_regions",
    "Results": "out format kind as_json bom what sort columns save_roles to to_table force verbose",
    "Watch": "watch key clear_for replace instead_of sure again new_ids",
    "Cases": "state_of comment cleared_as skip_unknown findings yes older_than decided",
    "State and audit": "state audit_key head author",
    "Server": "host port tls_cert tls_key token_file max_body max_rows browser max_upload jobs "
    "memory",
    "Users": "users add_user remove_user role has_password behind_proxy socket socket_group "
    "user_header",
}
"""Names of the parameters under each heading in the help of a command, in their order."""


def option_rows(command: click.Command, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Return, by heading of the help, the options of a command with their help texts."""
    options = {p.name: p for p in command.get_params(ctx) if isinstance(p, click.Option)}
    rows = {
        heading: [_option_row(options.pop(n), ctx) for n in names.split() if n in options]
        for heading, names in HEADINGS.items()
    }
    found = {heading: some for heading, some in rows.items() if some}
    others = [_option_row(option, ctx) for option in options.values()]
    return {**found, "Other" if found else "Options": others}


def _option_row(option: click.Option, ctx: click.Context) -> tuple[str, str]:
    """Return the name of an option as shown in the help, and its help text."""
    names, text = option.get_help_record(ctx) or ("", "")
    text = re.sub(r"\[default: \((.*?)\)(?=[\];])", r"[default: \1", text)
    return names, re.sub(r"\bx(?=[<>]=?\d)|(?<=\d<)x\b|(?<=\d<=)x\b", option.metavar or "x", text)


class Command(click.Command):
    """Command whose help has headings for its options, and examples.

    The function of the command imports the function that does the work, and returns this function.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(f"somscape {example}" for example in examples)
        # Click keeps the help option of the first context, so each command has both names.
        self.context_settings = {"help_option_names": ["-h", "--help"], **self.context_settings}

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work of the command, which may return an exit code."""
        if isinstance(self, click.Group) or self.callback is None:
            return super().invoke(ctx)
        given = dict(ctx.params)
        objects: dict[type[Any], dict[str, Any]] = {}
        for field in (p for p in self.params if isinstance(p, FieldOption)):
            objects.setdefault(field.kind, {})[field.name] = given.pop(field.name or "")
        made = {kind.__name__.lower(): kind(**values) for kind, values in objects.items()}
        code = self.callback()(**given, **made)
        if code:
            ctx.exit(code)
        return None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of a command to its help. For a group, also write its commands."""
        for heading, rows in option_rows(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl(rows)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        uses_table = any("applications.csv" in example for example in self.examples)
        where = " (`somscape example applications` writes applications.csv)" if uses_table else ""
        with formatter.section(f"Examples{where}"):
            formatter.write("".join(f"  {example}\n" for example in self.examples))


class Group(Command, click.Group):
    """Group of commands whose help has headings for options, and examples."""

    command_class = Command


OBJECTS_BEFORE_COLLECTING = 100_000, 50, 50
"""Number of new objects, and of collections of younger objects, before Python collects cycles."""


class Commands(Group):
    """Group of commands. Invalid input gives a one-line error message and the exit code 2."""

    group_class = Group

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and convert errors on invalid input to errors of click."""
        # A long list consists of many small objects without cycles. Looking for cycles took a
        # tenth of the time.
        gc.set_threshold(*OBJECTS_BEFORE_COLLECTING)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # the terminal may lack characters
        # somscape's own threads save time. Threads of the libraries below NumPy mostly wait.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with warnings.catch_warnings(), _signals_like_ctrl_c():
            warnings.showwarning = lambda message, *_, **__: click.echo(
                f"Warning: {self._typed(ctx, message)}", err=True
            )
            try:
                with naming(STANDARD_OUTPUT):  # errors of other files have a name
                    answer = super().invoke(ctx)
                    sys.stdout.flush()  # so that click, not Python, handles a closed pipe
                return answer
            except BrokenPipeError:  # the reader, such as `head`, has ended
                raise
            except OSError as error:
                _drop_unwritten()
                place = f"{error.filename}: " if error.filename else ""
                said = full_disk(error) or (f"{error.strerror}." if error.strerror else str(error))
                raise BadInput(shown(f"{place}{said}")) from error
            except InputError as error:
                _drop_unwritten()
                raise BadInput(self._typed(ctx, error)) from error
            except MemoryError as error:
                raise BadInput("not enough memory for this table and map.") from error
            except click.UsageError as error:
                said = error.format_message()
                see = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
                if isinstance(error, click.NoSuchOption) and error.option_name in RULE_FLAGS:
                    said, see = error.message, RULES_OF_MAP  # without a similar option
                raise BadInput(without_password(f"{said}{see}")) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order in which the help shows them."""
        return list(self.commands)

    def _typed(self, ctx: click.Context, message: object) -> str:
        return as_typed(message, self.commands.get(ctx.invoked_subcommand or ""))


def _drop_unwritten() -> None:
    """Discard output that a full disk refused. Python would try to write it again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _signals_like_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C. Ignored signals remain ignored."""
    before = {}
    for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")):
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
