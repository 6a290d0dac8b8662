"""`audit`: the lines of the audit, their head, and whether they hold."""

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console

from somscape.cases import Verdict, audit_lines, verify
from somscape.cli._console import make_console, print_csv, say
from somscape.cli._state import open_state
from somscape.tables import counted

MAX_SAID = 20
"""Sentences of a kind that are shown, because a change early in a chain causes many."""

UNCHECKED = 3
"""The exit code if nothing is wrong, but only a key or a person can check the rest."""

NO_SEALS = (
    "Without seals, nobody can see whether such a line is forged to hide a deleted decision. Ask "
    "the people who are named."
)

COLUMNS = ("number", "made", "author", "kind", "watch", "run", "key", "state", "comment")
"""Of the list, before what only some kinds of lines say, and the head."""


def verify_audit(head: str | None, **options: Any) -> None:
    """Say whether the audit holds, and end with 2 if it does not, or 3 if that is not known."""
    console = make_console()
    with open_state(options) as state:
        if head is None:
            state.check_has_lines()  # else a slip in --state would be good news
        verdict = verify(state, head)
    say(console, f"{counted(verdict.n_lines, 'line')}, head {verdict.head}")
    if verdict.found is not None:
        say(console, f"The head that you gave is that {verdict.found}.")
    say(console, _seals(verdict, has_key=options["audit_key"] is not None))
    if verdict.is_ahead:
        say(
            console,
            f"The last line is of {verdict.last}: a clock was ahead. No line is earlier than the "
            "one before it, so new lines have this time until then. Set the clock right.",
        )
    if verdict.forgotten:
        cases = counted(verdict.n_forgotten, "case")
        say(console, f"{counted(len(verdict.forgotten), 'line')} of forgotten cases ({cases}):")
        _say_some(console, "Forgotten", verdict.forgotten)
        if not verdict.has_seals:
            say(console, NO_SEALS)
    _say_some(console, "Note", verdict.notes)
    _say_some(console, "Not checked", verdict.unchecked)
    _say_some(console, "Wrong", verdict.faults)
    if verdict.faults:
        say(console, "The audit does not hold.")
        click.get_current_context().exit(2)
    if verdict.unchecked:
        say(console, "Nothing is wrong, but not all of the audit was checked.")
        click.get_current_context().exit(UNCHECKED)
    say(console, "The audit holds.")


def _say_some(console: Console, what: str, sentences: Sequence[str]) -> None:
    for sentence in sentences[:MAX_SAID]:
        say(console, f"{what}: {sentence}")
    if len(sentences) > MAX_SAID:
        say(console, f"... and {len(sentences) - MAX_SAID} more.")


def list_audit(*, format: str, **options: Any) -> None:
    """Write all lines for people."""
    with open_state(options) as state:
        lines = list(audit_lines(state))
    if format == "json":
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    columns = {name: [_cell(line.get(name)) for line in lines] for name in COLUMNS}
    columns["more"] = [_cell(_rest(line)) for line in lines]
    columns["head"] = [str(line["head"]) for line in lines]
    print_csv(columns)


def print_head(**options: Any) -> None:
    """Print the head alone."""
    with open_state(options) as state:
        state.check_has_lines()
        click.echo(state.head())


def _seals(verdict: Verdict, *, has_key: bool) -> str:
    if has_key:
        return f"{counted(verdict.n_sealed, 'line')} sealed by this key."
    if verdict.has_seals:
        return "Lines have seals, which only --audit-key FILE can check."
    return "Lines have no seals: compare a head that you wrote down, by --head."


def _rest(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in (*COLUMNS, "head")}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
