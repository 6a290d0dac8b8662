"""`fit`: from a table to a saved map."""

from pathlib import Path
from typing import Any

from somscape import measures
from somscape.callbacks import Checkpoint
from somscape.cli._console import (
    kernels_line,
    make_console,
    map_facts,
    progress_bar,
    say,
    show_columns,
    show_facts,
)
from somscape.cli._fit_target import check_target_options, fit_target, settings_from
from somscape.cli._out import check_result, writing
from somscape.cli._save_roles import check_save_roles, write_roles
from somscape.errors import InputError
from somscape.fit import VERSIONS, have_values, read_checkpoint, train_map
from somscape.jobs import Ready, ready, told_table
from somscape.kernels import select_kernels
from somscape.tables import counted


def fit_file(path: str, out: Path, **options: Any) -> None:
    """Train a map of a file and save it."""
    check_result("map", out, path, options=options)
    save_roles, run, resumes = options["save_roles"], options["checkpoint"], options["resume"]
    if resumes and run is None:
        raise InputError("`resume` needs a file to go on from: give `checkpoint`.")
    if run is not None:
        _check_checkpoint(run, out, path, options)
    check_save_roles(save_roles, out, path, options=options)
    if options["target"] is not None:
        check_target_options(options)
    table, roles, notes = told_table(path, options)
    if options["target"] is None:
        _fit_map(ready(table, roles), notes, out, options)
    else:
        fit_target(table, roles, notes, out, options)


def _fit_map(subject: Ready, notes: list[str], out: Path, options: dict[str, Any]) -> None:
    save_roles, run = options["save_roles"], options["checkpoint"]
    table, encoding = subject.table, subject.encoding()
    console = make_console()
    say(console, f"{counted(table.n_rows, 'row')} of {table.source}")
    for note in notes:
        say(console, note)
    show_columns(console, encoding, table, subject.roles.drop)
    rows = encoding.encode(table)
    has_any = have_values(rows)
    rows = rows if has_any is None else rows[has_any]
    with progress_bar(1) as bar:
        settings = settings_from(options, (bar,) if run is None else (bar, Checkpoint(run)))
        past = read_checkpoint(run, VERSIONS, settings.callbacks) if options["resume"] else None
        map_, _, _ = train_map(rows, None, encoding, settings, resume=past)
    with writing(out, force=options["force"]) as making:
        map_.save(making)
    if save_roles is not None:
        lasting = subject.lasting(encoding)
        write_roles(save_roles, *lasting, subject.as_read, force=options["force"])
    lattice = map_.lattice
    error = measures.topographic_error(map_, table)
    show_facts(
        console,
        [
            *map_facts(map_),
            ("quantization error", f"{measures.quantization_error(map_, table):.4g}"),
            ("topographic error", f"{error:.3f} ({6 if lattice.is_hexagonal else 8} neighbors)"),
        ],
    )
    say(console, kernels_line(select_kernels().name))
    say(console, f"Wrote {out}{'' if save_roles is None else f' and {save_roles}'}")


def _check_checkpoint(run: Path, out: Path, path: str, options: dict[str, Any]) -> None:
    """Raise InputError where a checkpoint must not go."""
    if run.resolve() == out.resolve():
        raise InputError(
            f"--out and --checkpoint are both {out}. Give --checkpoint another name, as run.som."
        )
    # A file that --resume goes on from is read before it is replaced.
    check_result("map", run, path, options={**options, "force": True}, name="--checkpoint")
    if run.exists() and not options["resume"]:
        raise InputError(
            f"--checkpoint {run} is there, and would be lost. Add --resume to go on from it, or "
            "delete it."
        )
