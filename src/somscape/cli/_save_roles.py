"""`--save-roles`: what each column was taken for, as a file for the next table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from somscape.cli._out import check_result, writing
from somscape.encode import Roles, roles_text
from somscape.errors import InputError
from somscape.jobs import roles_heading
from somscape.tables import Table, counted

NAME = "--save-roles"


def check_save_roles(
    target: Path | None, out: Path | None, *inputs: str | None, options: Mapping[str, Any]
) -> None:
    """Raise InputError where a roles file must not go, such as into a folder that is replaced."""
    if target is None:
        return
    if out is not None and target.resolve().is_relative_to(out.resolve()):
        raise InputError(
            f"{NAME} {target} lies where --out {out} goes. Give {NAME} a place outside of it."
        )
    check_result("roles file", target, *inputs, options=options, name=NAME)


def write_roles(
    target: Path,
    roles: Roles,
    comments: Mapping[str, str],
    table: Table | None = None,
    *,
    force: bool,
) -> None:
    """Write what the columns of a table, or of a map's, were taken for."""
    source = "a saved map" if table is None else table.source
    found = () if table is None else (counted(table.n_rows, "row"), *table.notes)
    heading = roles_heading(source, target.name, found)
    with writing(target, force=force, name=NAME) as making:
        making.write_bytes(roles_text(roles, comments, heading).encode())
