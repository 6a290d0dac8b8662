"""`app-user`: who may use the app, in a file of their names, roles and hashed passwords."""

from pathlib import Path

import click

from somscape._files import shown
from somscape.app import User, hash_password, plain_name, read_users, write_users
from somscape.errors import InputError


def change_user(
    name: str,
    *,
    users: Path,
    role: str | None,
    has_password: bool,
    remove: bool,
    allow_readable_secrets: bool,
) -> None:
    """Add a user to a file, change them, or remove them."""
    known = {}
    if users.exists():
        known = read_users(users, has_passwords=False, may_be_readable=allow_readable_secrets)
    plain = plain_name(name)
    if not plain:
        raise InputError(f"'{shown(name):.100}' can be no name: give 1 to 64 letters of any kind.")
    found = known.get(plain)
    if remove:
        _remove(users, known, plain)
        return
    if role is None and found is None:
        raise InputError(f"`role` says what {plain} may do. Give look, decide or run.")
    new_role = role or (found.role if found else "")
    password = _new_password(plain) if has_password else ""
    write_users(users, {**known, plain: User(plain, new_role, password)})
    with_what = "a password" if password else "no password; a proxy says who it is"
    click.echo(f"{shown(users)}: {plain} has the role {new_role} and {with_what}.", err=True)


def _remove(path: Path, known: dict[str, User], name: str) -> None:
    if name not in known:
        raise InputError(f"{shown(path)} has no user {name}. It has {', '.join(known) or 'none'}.")
    rest = {other: user for other, user in known.items() if other != name}
    if not rest:
        raise InputError(
            f"{name} is the only user of {shown(path)}. Add another one first, or delete the file "
            "and end the app."
        )
    write_users(path, rest)
    click.echo(f"{name} is removed from {shown(path)}, and logged out.", err=True)


def _new_password(name: str) -> str:
    said = f"Password of {name} (at least 12 letters)"
    return hash_password(
        click.prompt(said, hide_input=True, confirmation_prompt="The same again", err=True)
    )
