"""`watches` and `cases`: what is kept, and what people decide."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table as Grid

from somscape.cases import (
    Case,
    Seen,
    State,
    cases_bytes,
    cases_table,
    import_decisions,
    is_waiting,
)
from somscape.cli._console import make_console, print_csv, say
from somscape.cli._out import check_result, format_of, writing
from somscape.cli._state import author_of, open_state
from somscape.encode import Roles
from somscape.jobs import reading_of
from somscape.tables import counted, read_table

SHOWN = ("key", "decision", "news", "score", "author", "comment", "reasons")
"""Columns that the terminal shows."""


def list_watches(**options: Any) -> None:
    """Print a line for each watch."""
    with open_state(options) as state:
        told = [_told_of(state, watch.name) for watch in state.watches()]
        where = state.database.name
    if options["json"]:
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    console = make_console()
    if not told:
        say(console, f"No watch in {where}; `somscape detect TABLE --watch NAME` begins one.")
        return
    _show(("watch", "open", "runs", "last_run", "source"), told)


def _told_of(state: State, name: str) -> dict[str, Any]:
    watch, runs = state.watch(name), state.runs(name)
    found = state.cases(name)
    return {
        "watch": name,
        "key": list(watch.key),
        "source": watch.source,
        "runs": len(runs),
        "last_run": runs[0].made if runs else None,
        "open": sum(is_waiting(case, runs[0] if runs else None) for case in found),
        "cases": len(found),
    }


def list_cases(name: str, state_of: str | None, kind: str, **options: Any) -> None:
    """Print the cases of a watch."""
    with open_state(options) as state:
        columns = cases_table(_cases_of(state, name, state_of), last=state.last_run(name))
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if kind == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    elif kind == "csv":
        print_csv(columns)
    elif rows:
        _show(SHOWN, rows)
    else:
        say(make_console(), f"No {state_of or 'case'}{' case' if state_of else ''} of {name}.")


def _cases_of(state: State, name: str, state_of: str | None) -> list[Case]:
    found = state.cases(state.watch(name).name)
    return [case for case in found if state_of in (None, case.state)]


def mark_case(name: str, key: str, said: str, **options: Any) -> None:
    """Keep a decision."""
    with open_state(options) as state:
        known = Seen.of(state, name, key=key, run=options["run"])
        comment, author = options["comment"], author_of(options)
        decision = known.decision(key, said, comment=comment, author=author)
        before = known.cases[key].decision if key in known.cases else None
        kept = state.decide(decision, seen=options["seen"])
    was = f"; before, {before.author} had said {before.state}" if before else ""
    say(
        make_console(),
        f"{key} of {name} is {kept.state}, by {kept.author} (line {kept.number}){was}.",
    )


def export_cases(name: str, out: Path, state_of: str | None, **options: Any) -> None:
    """Write the cases of a watch to a file."""
    check_result("list", out, options=options)
    kind = format_of(str(out), None, bom=False)
    with open_state(options) as state:
        found, last = _cases_of(state, name, state_of), state.last_run(name)
    with writing(out, force=options["force"]) as making:
        making.write_bytes(cases_bytes(found, kind, last=last))
    say(make_console(), f"Wrote {counted(len(found), 'case')} to {out}.")


def import_cases(name: str, path: str, *, skip_unknown: bool, **options: Any) -> None:
    """Keep the decisions of a file."""
    table = read_table(path, **reading_of(path, options, Roles()))
    with open_state(options) as state:
        author = author_of(options)
        done = import_decisions(state, name, table, author=author, skip_unknown=skip_unknown)
    console = make_console()
    counts = Counter(decision.state for decision in done.decisions)
    said = ", ".join(f"{n} {word}" for word, n in counts.items()) or "none"
    say(console, f"Decisions kept: {said}; {done.n_same} were there, {done.n_empty} were empty.")
    if done.unknown:
        say(console, f"Left out, as no run has listed them: {', '.join(done.unknown)}.")


def _show(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    grid = Grid(*(name.replace("_", " ") for name in names), box=None, padding=(0, 2, 0, 0))
    for row in rows:
        grid.add_row(*(escape(_cell(row[name])) for name in names))
    make_console().print(grid)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)
