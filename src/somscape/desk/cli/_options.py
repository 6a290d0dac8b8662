"""Common options of commands, and their help."""

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import click
from click.core import ParameterSource

from somscape.desk.jobs.job import COUNT, IN_ROLES_FILE, KINDS, LISTED, RULES, Job
from somscape.desk.jobs.job import option as field_option

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
    checkpoint: Path | None = field_option(  # noqa: RUF009, a field
        "File, such as run.som, in which unfinished training is saved each minute for --resume.",
        metavar="FILE",
    )
    resume: bool = field_option(
        "Continue the training that is saved in the file of --checkpoint, if the file exists. The "
        "final map is the same as without an interruption.",
        default=False,
    )


@dataclass(frozen=True)
class Conversion:
    """The options of `convert` that name its inputs and its output."""

    what: str | None = field_option(
        "Content of a table (.csv, .xlsx or .parquet) of a map: the prototype of each unit in "
        "original units (planes), the prototype with encoded numbers (codebook), or the best "
        "matching unit of each row of --table (winners).",
        choices=("planes", "codebook", "winners"),
        show_default="planes",
    )
    table: str | None = field_option(
        "Table with rows, for writing the best matching unit of each row (--what winners).",
        metavar="TABLE",
    )
    lattice: str | None = field_option(
        "Lattice of the map, if IN does not contain it.", choices=("hexagonal", "rectangular")
    )
    boundary: str | None = field_option(
        "Boundary of the map, if IN does not contain it.", choices=("plane", "cylinder", "torus")
    )
    winners: str | None = field_option(
        "File .bm with the best matching units of the rows, if IN is a .wts file.", metavar="FILE"
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
        type=MissingCells(ways),
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
    job_option(*RULES, "fill", "contamination", "calibration"),
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
    file_option("--users", help="File with the users who may log in. `app-user` writes it."),
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
