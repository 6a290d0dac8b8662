"""`forget`: one case, or all that are old."""

from typing import Any

from somscape.cases import forget, forget_old
from somscape.cli._console import make_console, say
from somscape.cli._state import author_of, open_state
from somscape.errors import InputError
from somscape.tables import counted


def forget_cases(
    watch: str, key: str | None, *, older_than: int | None, decided: bool, **options: Any
) -> None:
    """Forget, and say what is gone and where copies may be left."""
    if (key is None) == (older_than is None):
        raise InputError("give the KEY of a case, or `older_than` for all that are old.")
    if decided and older_than is None:
        raise InputError("`decided` goes with `older_than`: a KEY is forgotten, decided or not.")
    console, author = make_console(), author_of(options)
    with open_state(options) as state:
        if key is not None:
            gone = forget(state, watch, key, author=author)
        else:
            gone = forget_old(state, watch, older_than or 0, author=author, decided=decided)
        head, is_server = state.head(), state.database.is_server
    if not (gone.n_cases or gone.n_rows):
        say(console, "No case is that old; nothing was changed.")
        return
    parts = (
        counted(gone.n_cases, "case"),
        counted(gone.n_decisions, "decision"),
        counted(gone.n_rows, "row"),
    )
    say(console, f"Forgotten: {parts[0]}, with {parts[1]} and {parts[2]} of runs.")
    if not gone.is_swept and is_server:
        say(
            console,
            "Deleted, but not yet overwritten: another program is using the tables, or they are "
            "another role's. Have their owner forget another case, or run VACUUM FULL.",
        )
    elif not gone.is_swept:
        say(
            console,
            "Deleted, but not yet overwritten: another program is using the state. Forget another "
            "case, or end that program, and what is left goes.",
        )
    left = "Backups, results that were written, and the source still hold it."
    if is_server:
        left = f"The server's log (WAL) and its archive, too. {left}"
    say(console, left)
    say(console, f"Head of the audit: {head}")
