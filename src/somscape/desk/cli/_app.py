"""Commands `app` and `serve`, which start servers and manage the users of the app."""

from pathlib import Path
from typing import Any

import click

from somscape._files import shown
from somscape.desk.app._users import User, hash_password, plain_name, read_users, write_users
from somscape.desk.cli._options import without_password
from somscape.desk.cli._out import make_console, stage
from somscape.desk.jobs._roles import read_as
from somscape.desk.jobs.job import Job
from somscape.desk.store._places import state_folder
from somscape.errors import InputError
from somscape.tables._messages import check_libraries
from somscape.tables.kinds import Roles

SERVICE_LIBRARIES = ("prometheus_client", "starlette", "uvicorn")


def run_app(
    path: str | None,
    job: Job,
    *,
    browser: bool,
    state: str | None,
    max_upload: int,
    jobs: int | None,
    memory: float | None,
    add_user: str | None,
    remove_user: str | None,
    role: str | None,
    has_password: bool,
    **of_front: Any,
) -> None:
    """Run the app until Ctrl-C, or change the file of its users."""
    name = add_user or remove_user
    if name is not None:
        users, may_be_readable = of_front["users"], of_front["allow_readable_secrets"]
        change_user(
            name,
            users=users or Path("users.toml"),
            role=role,
            has_password=has_password,
            remove=add_user is None,
            allow_readable_secrets=may_be_readable,
        )
        return
    if of_front["users"] is None:
        check_libraries("the app", ("app",), "starlette", "uvicorn")
    else:
        check_libraries("the app", ("app", "team"), "starlette", "uvicorn", "argon2")
    from somscape.desk.app._server import AppLimits, Front, serve

    console = make_console()
    front = Front(**of_front)
    tables = []
    if path is not None:
        with stage(f"reading {without_password(path)}"):
            tables.append(read_as(path, job, Roles()))
    elif job.table or job.query:
        raise InputError(
            "`table` and `query` need a database, but TABLE is missing. Give the URL of the "
            "database as TABLE, for example sqlite:///loans.sqlite.",
            parameter="table" if job.table else "query",
        )
    folder = state or str(state_folder())
    most = None if memory is None else int(memory * 1e9)
    serve(
        folder,
        front=front,
        limits=AppLimits.of_machine(int(max_upload * 1e6), jobs, most),
        opens_browser=browser,
        tables=tables,
        say=console.say,
    )
    console.say(f"Stopped. Uploads, results and decisions are saved in {folder}.")


def change_user(
    name: str,
    *,
    users: Path,
    role: str | None,
    has_password: bool,
    remove: bool,
    allow_readable_secrets: bool,
) -> None:
    """Add or remove a user in a file of users, or change the user's role or password."""
    known = {}
    if users.exists():
        known = read_users(users, has_passwords=False, may_be_readable=allow_readable_secrets)
    plain = plain_name(name)
    if not plain:
        raise InputError(
            f"'{shown(name):.100}' is not allowed as the name of a user. A name must have 1 "
            "to 64 printable characters, such as anna.",
            parameter="name",
            value=name,
        )
    found = known.get(plain)
    if remove:
        _remove(users, known, plain)
        return
    if role is None and found is None:
        raise InputError(
            f"{plain} is a new user and needs a `role`. Give look, decide or run.",
            parameter="role",
            allowed="look, decide, run",
        )
    new_role = role or (found.role if found else "")
    password = _new_password(plain) if has_password else ""
    write_users(users, {**known, plain: User(plain, new_role, password)})
    with_what = "a password" if password else "no password, because a proxy identifies the user"
    click.echo(f"{shown(users)}: {plain} has the role {new_role} and {with_what}.", err=True)


def _remove(path: Path, known: dict[str, User], name: str) -> None:
    if name not in known:
        raise InputError(
            f"{shown(path)} does not contain the user {name}. It contains "
            f"{', '.join(known) or 'no user'}.",
            file=path,
            value=name,
            allowed=", ".join(known),
        )
    rest = {other: user for other, user in known.items() if other != name}
    if not rest:
        raise InputError(
            f"{name} is the only user of {shown(path)}. Add another user first, or delete the file "
            "and end the app.",
            file=path,
            value=name,
        )
    write_users(path, rest)
    click.echo(f"{name} is removed from {shown(path)} and logged out.", err=True)


def _new_password(name: str) -> str:
    prompt, again = f"Password of {name} (at least 12 characters)", "Repeat the password"
    return hash_password(click.prompt(prompt, hide_input=True, confirmation_prompt=again, err=True))


def run_service(map_file: str, *, max_body: float, max_rows: int, **of_server: Any) -> None:
    """Answer HTTP requests with a saved map or model until SIGTERM or Ctrl-C."""
    check_libraries("the service", ("serve",), *SERVICE_LIBRARIES)
    from somscape.desk.serve._served import RequestLimits
    from somscape.desk.serve._server import serve_map

    console = make_console()
    limits = RequestLimits(int(max_body * 1e6), max_rows)
    serve_map(Path(map_file), limits=limits, say=console.say, **of_server)
    console.say("Stopped, after all received requests were answered.")
