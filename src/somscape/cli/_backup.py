"""`backup` and `restore`: a state to a file, and back."""

from pathlib import Path
from typing import Any

from somscape.cases import Verdict, backup, restore
from somscape.cli._console import make_console, say
from somscape.cli._state import author_of, open_state
from somscape.tables import counted


def write_backup(file: Path, **options: Any) -> None:
    """Write a backup, and say what it holds."""
    with open_state(options) as state:
        verdict = backup(state, file)
    console = make_console()
    say(console, f"Wrote {file}: {_what(verdict)}")
    if verdict.faults:
        say(console, f"Its audit does not hold, as that of the state: {verdict.faults[0]}")


def restore_backup(file: Path, *, force: bool, **options: Any) -> None:
    """Restore a backup, and say what the state holds now."""
    with open_state(options) as state:
        verdict = restore(state, file, force=force, author=author_of(options))
        name, head = state.database.name, state.head()
    console = make_console()
    say(console, f"{name} holds what {file} holds: {_what(verdict)}")
    if head != verdict.head:
        say(console, f"One line more tells what was there before. Head of the audit: {head}")


def _what(verdict: Verdict) -> str:
    return f"{counted(verdict.n_lines, 'line')} of the audit, head {verdict.head}"
