"""`run`: a watch is run again, and what is news is said."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import click

from somscape.cases import RunOutcome, State, run_watch
from somscape.cli._console import make_console, say, stage
from somscape.cli._detect import say_page
from somscape.cli._out import check_folder, format_of
from somscape.cli._results import Results, results_in
from somscape.cli._state import author_of, open_state
from somscape.errors import InputError
from somscape.jobs import READING, check_sink_of, command_line

NOTHING_NEW, NEW_ALERTS = 0, 3
"""Exit codes; 2 is an error's."""

MAX_SHOWN = 10
"""News that are printed."""


def run_named(name: str, path: str | None, out: Path | None, **options: Any) -> int:
    """Run a watch, say what is news, and return the exit code."""
    format_of("alerts", options["format"], bom=options["bom"])
    check_sink_of(options)
    sent = None
    with open_state(options) as state:
        if out is None:
            outcome = _run(state, name, path, options)
        else:
            read = path or state.watch(name).source or None
            check_folder(out, read, options["to"], options=options)
            words = ["run", name, *([path] if path else [])]
            results = Results(options, command_line(words, options, "DIR"))
            with results_in(out) as (folder, recorded):
                # Files first: where they cannot be written, no run is recorded.
                draft = partial(_draft, results, folder)
                outcome = _run(state, name, path, options, draft=draft)
                recorded.append(outcome)
                with stage("writing"):
                    results.write_lists(folder, outcome.found, outcome)
                    sent = results.send(outcome.found)
    _say(outcome, out, sent, options)
    return NEW_ALERTS if outcome.has_news else NOTHING_NEW


def _run(
    state: State,
    name: str,
    path: str | None,
    options: Mapping[str, Any],
    draft: Callable[[RunOutcome], None] | None = None,
) -> RunOutcome:
    reading = {each: options[each] for each in READING if options[each] is not None}
    with stage(f"running {name}"):
        return run_watch(
            state,
            name,
            author=author_of(options),
            source=path,
            reading={**reading, **_read(options)},
            instead_of=options["instead_of"],
            draft=draft,
        )


def _draft(results: Results, folder: Path, outcome: RunOutcome) -> None:
    """Write all files, in the place of those of a draft before it."""
    if folder.exists():
        rmtree(folder)
    results.write(folder, outcome.found, outcome)


def score_watch(first: str | None, second: str | None, out: str, **options: Any) -> int:
    """Run a watch as `score` does: on the one table that is given."""
    if first is None or second is not None:
        raise InputError("with `watch`, give the table alone: its map is that of the watch.")
    asked = ("alerts", "fdr", "p_value", "amount", "cost", "per", "date_format", "columns", "sort")
    given = [name for name in asked if options[name]]
    if given:
        raise InputError(
            f"`{given[0]}` was said when the watch began; leave it out, or begin another watch."
        )
    folder = None if out == "-" else Path(out)
    of_run = dict.fromkeys(("json", "instead_of"))
    return run_named(options["watch"], first, folder, **{**options, **of_run})


def _read(options: Mapping[str, Any]) -> dict[str, Any]:
    named = ("missing_values", "table", "query")
    return {name: options[name] for name in named if options[name] not in (None, ())}


def _say(
    outcome: RunOutcome, out: Path | None, sent: str | None, options: Mapping[str, Any]
) -> None:
    console = make_console(to_stderr=options["json"])
    for line in outcome.lines():
        say(console, line)
    news = outcome.news
    for row in news[:MAX_SHOWN]:
        say(console, f"  {row.news} {row.key}: {row.reasons}")
    if len(news) > MAX_SHOWN:
        say(console, f"  ... and {len(news) - MAX_SHOWN} more")
    for case in outcome.gone[:MAX_SHOWN]:
        say(console, f"  gone {case.key}: {case.why}")
    say(console, f"Head of the audit: {outcome.audit_head}")
    if sent is not None:
        say(console, f"Wrote {sent}")
    if out is not None:
        say(console, f"Wrote {out}")
        say_page(console, out)
    if options["json"]:
        click.echo(json.dumps(outcome.to_json(), ensure_ascii=False, indent=1))
