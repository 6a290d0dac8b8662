"""What a watch keeps of the options of `detect`, and the command that trains it anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from somscape.cases._records import Watch
from somscape.errors import InputError
from somscape.jobs import FROM_DATABASE, KINDS, READING, RULES, command_line, rule_of
from somscape.outliers import AlertRule
from somscape.tables import Table, is_url

KEPT = (
    *("id_column", "label", "per", "date_format", "roles", "dictionary", "missing"),
    *("missing_values", "contamination", "calibration", "seed"),
    *KINDS,
    *READING,
    *FROM_DATABASE,
    *RULES,
)
"""Options that a watch keeps; the map itself holds what columns are and how text is read."""

AT_A_RUN = ("per", "date_format", *FROM_DATABASE, *RULES, "contamination")
"""Those of them that a run looks at."""


FILES = ("sqlite", "duckdb")
"""Databases that are files."""


def source_of(path: str) -> str:
    """Return what a watch reads again, from whatever folder."""
    if path == "-":
        raise InputError(
            "a watch reads its table again and again, and standard input is read once. Give the "
            "table a name."
        )
    if not is_url(path):
        return str(Path(path).resolve())
    engine, _, file = path.partition(":///")
    is_file = bool(file) and engine.lower() in FILES
    return f"{engine}:///{Path(file).resolve()}" if is_file else path


def kept_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a watch keeps, as JSON has them."""
    kept = {}
    for name in KEPT:
        value = options.get(name)
        if value is not None and value != ():
            kept[name] = list(value) if isinstance(value, tuple) else value
    return kept


def options_of_run(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run needs of a watch's options."""
    options = {name: kept.get(name) for name in AT_A_RUN}
    return {**options, "per": tuple(options["per"] or ())}


def rule_for(options: Mapping[str, Any], table: Table) -> AlertRule:
    """Return the rule for a table, which may have fewer rows than the rule lists."""
    n = options["alerts"]
    return rule_of({**options, "alerts": None if n is None else min(n, table.n_rows)}, table)


def command_anew(watch: Watch, source: str) -> str:
    """Return the command that trains a watch anew."""
    options = {n: tuple(v) if isinstance(v, list) else v for n, v in watch.options.items()}
    own = () if options.get("per") or watch.key == (options.get("id_column"),) else watch.key
    options |= {"watch": watch.name, "key": own, "clear_for": watch.clear_for}
    return command_line(["detect", source], options, "DIR")
