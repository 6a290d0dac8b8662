"""Commands `audit`, `cases forget`, `backup` and `restore`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from somscape.desk.cases._backup import backup, restore
from somscape.desk.cases.audit import Verdict, audit_lines, verify
from somscape.desk.cases.forgotten import forget, forget_old
from somscape.desk.cli._options import Access
from somscape.desk.cli._out import Terminal, make_console, print_csv
from somscape.desk.cli._run import author_of, open_state
from somscape.errors import InputError
from somscape.tables._messages import counted

MAX_SENTENCES = 20
"""Maximum number of faults and of lines on forgotten cases that are printed."""

NOT_SWEPT_ON_SERVER = (
    "The rows are deleted but not yet overwritten on the disk, because another program uses the "
    "tables, or another role owns them. The owner can delete another case, or run VACUUM FULL."
)
NOT_SWEPT_IN_FILE = (
    "The rows are deleted but not yet overwritten on the disk, because another program uses the "
    "state. End this program, and delete another case to overwrite the rows."
)

COLUMNS = ("number", "made", "author", "kind", "watch", "run", "key", "state", "comment")
"""First columns of the printed audit. The columns `more` and `head` follow."""


def verify_audit(head: str | None, access: Access) -> int:
    """Print whether the audit is valid. If not, the exit code is 2."""
    console = make_console()
    with open_state(access) as state:
        if head is None:
            state.check_has_lines()  # else a wrong --state would count as a valid audit
        verdict = verify(state, head)
    console.say("The audit is not valid." if verdict.faults else "The audit is valid.")
    console.say(f"{counted(verdict.n_lines, 'line')}, head {verdict.head}")
    if verdict.found is not None:
        console.say(f"The given head is the head {verdict.found}.")
    console.say(_seals(verdict, has_key=access.audit_key is not None))
    if verdict.is_ahead:
        console.say(
            f"The time of the last line is {verdict.last}, which is in the future, because a clock "
            "was wrong. Until then, all new lines get this time. Set the clock to the right time.",
        )
    if verdict.forgotten:
        cases = counted(verdict.n_forgotten, "case")
        console.say(f"{counted(len(verdict.forgotten), 'line')} about forgotten cases ({cases}):")
        _say_some(console, "Forgotten", verdict.forgotten)
    _say_some(console, "Wrong", verdict.faults)
    return 2 if verdict.faults else 0


def _say_some(console: Terminal, what: str, sentences: Sequence[str]) -> None:
    console.say(*(f"{what}: {sentence}" for sentence in sentences[:MAX_SENTENCES]))
    if len(sentences) > MAX_SENTENCES:
        console.say(f"... and {len(sentences) - MAX_SENTENCES} more.")


def list_audit(format: str, access: Access) -> None:
    """Print all lines of the audit as CSV or JSON."""
    with open_state(access) as state:
        lines = list(audit_lines(state))
    if format == "json":
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    columns = {name: [_cell(line.get(name)) for line in lines] for name in COLUMNS}
    columns["more"] = [
        _cell({name: line[name] for name in line if name not in (*COLUMNS, "head")})
        for line in lines
    ]
    columns["head"] = [str(line["head"]) for line in lines]
    print_csv(columns)


def print_head(access: Access) -> None:
    """Print only the head of the audit."""
    with open_state(access) as state:
        state.check_has_lines()
        click.echo(state.head())


def _seals(verdict: Verdict, *, has_key: bool) -> str:
    if has_key:
        sealed = f"{verdict.n_sealed:,} of {counted(verdict.n_lines, 'line')}"
        return f"{sealed} {'has' if verdict.n_sealed == 1 else 'have'} the seal of this key."
    if verdict.has_seals:
        return "The lines have seals. To check the seals, give --audit-key FILE."
    return "The lines do not have seals. Use --head to compare an earlier head that you have noted."


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def forget_cases(
    watch: str, key: str | None, access: Access, older_than: int | None, *, decided: bool
) -> None:
    """Delete cases of a watch, and print where copies of the deleted data may remain."""
    if (key is None) == (older_than is None):
        raise InputError(
            "Give either the KEY of a case or `older_than` with a number of months.",
            parameter="older_than",
        )
    if decided and older_than is None:
        raise InputError(
            "`decided` needs `older_than`. A case that is named by its KEY is deleted even if it "
            "has a decision, so leave `decided` out."
        )
    console, author = make_console(), author_of(access)
    with open_state(access) as state:
        if key is not None:
            gone = forget(state, watch, key, author=author)
        else:
            gone = forget_old(state, watch, older_than or 0, author=author, decided=decided)
        head, is_server = state.head(), state.database.is_server
    if not (gone.n_cases or gone.n_emptied):
        console.say("No case is that old. Nothing was forgotten.")
        return
    checks = f", and {counted(gone.n_checks, 'check')} of columns" if gone.n_checks else ""
    runs = f", and the values of {counted(gone.n_emptied, 'run')}" if gone.n_emptied else ""
    console.say(f"Forgot {counted(gone.n_cases, 'case')}{checks}{runs}.")
    if not gone.is_swept:
        console.say(NOT_SWEPT_ON_SERVER if is_server else NOT_SWEPT_IN_FILE)
    left = "Backups, written results and the original table still contain these cases."
    if is_server:
        left += " The log of the server (WAL) and its archive also contain them."
    console.say(left, f"Head of the audit: {head}")


def write_backup(file: Path, access: Access) -> None:
    """Write a backup of the state, and print the result of checking its audit."""
    with open_state(access) as state:
        verdict = backup(state, file)
    console = make_console(file)
    console.say(f"Wrote {file}: {_audit_words(verdict)}")
    if verdict.faults:
        console.say(f"The audit of the state and of the backup is not valid. {verdict.faults[0]}")


def restore_backup(file: Path, access: Access, *, force: bool) -> None:
    """Restore the state from a backup, and print the result of checking its audit."""
    with open_state(access, must_exist=False) as state:
        verdict = restore(state, file, force=force, author=author_of(access))
        name, head = state.database.name, state.head()
    console = make_console()
    console.say(f"{name} now has the content of {file}: {_audit_words(verdict)}")
    if head != verdict.head:
        record = "A further line of the audit records the replaced content."
        console.say(f"{record} Head of the audit: {head}")


def _audit_words(verdict: Verdict) -> str:
    return f"{counted(verdict.n_lines, 'line')} of the audit, head {verdict.head}"
