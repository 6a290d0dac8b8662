"""`fit`: from a table to a saved map."""

from pathlib import Path
from typing import Any

from somscape import measures
from somscape.cli._console import (
    kernels_line,
    make_console,
    map_facts,
    progress_bar,
    say,
    show_columns,
    show_facts,
)
from somscape.cli._out import check_result
from somscape.fit import Settings, have_values, train_map
from somscape.jobs import FROM_DATABASE, READING, encoding_from
from somscape.kernels import select_kernels
from somscape.tables import counted, read_table


def fit_file(path: str, out: Path, **options: Any) -> None:
    """Train a map of a file and save it."""
    check_result("map", out, path)
    table = read_table(path, **{n: options[n] for n in (*READING, *FROM_DATABASE)})
    encoding = encoding_from(table, options)
    console = make_console()
    say(console, f"{counted(table.n_rows, 'row')} of {table.source}")
    show_columns(console, encoding, table, options["drop"])
    rows = encoding.encode(table)
    has_any = have_values(rows)
    rows = rows if has_any is None else rows[has_any]
    with progress_bar(1) as bar:
        settings = Settings(
            options["n_rows"] or "auto",
            options["n_cols"] or "auto",
            n_epochs=options["epochs"] or "auto",
            seed=options["seed"],
            callbacks=(bar,),
        )
        map_, _, _ = train_map(rows, None, encoding, settings)
    map_.save(out)
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
    say(console, f"Wrote {out}")
