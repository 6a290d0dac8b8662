"""Groups of commands. Bad input gives a one-line message and the exit code 2."""

import gc
import io
import os
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from somscape._files import STANDARD_OUTPUT, full_disk, naming, shown
from somscape.desk.cli._options import FieldOption
from somscape.desk.jobs.job import FLAGS, LISTED
from somscape.errors import InputError

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


def _name_given(error: InputError, given: Mapping[str, Any]) -> None:
    """Begin a message about the table with the options by which the table was read."""
    read = {name: given.get(name) for name in ("delimiter", "sheet", "header")}
    named = [f"`{n}` {shlex.quote(str(v))}" for n, v in read.items() if v is not None]
    said, table = str(error), shown(Path(str(given.get("path"))).name)
    if named and said.startswith(table) and error.parameter not in read:
        error.args = (f"With {' and '.join(named)}, {said}",)


class BadInput(click.ClickException):
    """Error that prints one line. The exit code is 2."""

    exit_code = 2


HEADINGS = {
    "Rows to list": "alerts fill contamination fdr p_value amount cost calibration reject drift "
    "always never floor direction",
    "Columns": "target id_column per label drop protect category number ordinal date date_format "
    "just_below roles dictionary",
    "Reading the table": "delimiter decimal encoding missing missing_values sheet header "
    "table query ask_password",
    "Map": "n_rows n_cols epochs seed checkpoint resume lattice boundary winners regions n_regions",
    "Results": "out format kind as_json bom what sort columns save_roles to to_table force verbose",
    "Watch": "watch key clear_for replace instead_of sure again new_ids",
    "Cases": "state_of by comment cleared_as seen run skip_unknown findings yes older_than decided",
    "State and audit": "state audit_key head author",
    "Server": "host port tls_cert tls_key token_file max_body max_rows browser max_upload jobs "
    "memory",
    "Users": "users role has_password remove behind_proxy socket socket_group user_header",
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
        try:
            code = self.callback()(**given, **made)
        except InputError as error:
            _name_given(error, ctx.params)
            raise
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
