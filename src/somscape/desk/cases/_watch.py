"""Keys of the cases of a watch, the content of its map file, and its rule."""

import hashlib
import json
import platform
import shlex
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._version import __version__
from somscape.checks.check import Check
from somscape.desk.cases.records import CHECK, Watch
from somscape.desk.jobs._detect import rule_of
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.kernels._select import select_kernels
from somscape.outliers import AlertRule, Detector
from somscape.save._load import load_model
from somscape.tables._messages import listed, quoted, suggestion
from somscape.tables._sql import database_at, is_url
from somscape.tables.codes import level_codes, level_texts
from somscape.tables.column import Column
from somscape.tables.table import Table

BETWEEN = " / "
"""Separator between the values in a key that consists of several columns."""

ANEW = "somscape detect TABLE --out DIR --watch NAME"

MAX_SAMPLE = 2_000
"""Maximum number of sampled rows that a run saves in addition to listed and decided cases."""


def key_columns(
    table: Table,
    given: Sequence[str] = (),
    *,
    per: Sequence[str] = (),
    id_column: str | None = None,
) -> tuple[str, ...]:
    """Check and return the columns whose values identify the cases of a table."""
    if per:
        if given:
            raise InputError(
                f"The cases of this watch are customers, identified by {listed(per)}. Leave out "
                "`key`.",
                parameter="key",
            )
        return tuple(per)
    names = tuple(given) or ((id_column,) if id_column is not None else ())
    if not names:
        raise InputError(
            f"No column identifies the rows of {table.source}, but a watch has to recognize the "
            "same row in later tables. Give one or more columns whose values together differ in "
            "every row.",
            options="--id COL, or --key COL for each column",
            parameter="key",
            file=table.source,
        )
    keys_of(table, names)
    return names


def keys_of(table: Table, columns: Sequence[str], watch: str = "") -> list[str]:
    """Return the key of each row. The messages of a run name the `watch`."""
    joined = BETWEEN.join(columns)
    if len(columns) > 1 and joined in table.names:
        columns = [joined]
    for name in [n for n in columns if watch and n not in table.names]:
        raise InputError(
            f"{table.source} lacks the key column {quoted(name)} of the watch {watch}; "
            f"{suggestion(name, table.names) or f'the columns are {listed(table.names)}.'} "
            "Correct the name of the column in the file, or begin a new watch.",
            options=f"{ANEW} --key COL",
            file=table.source,
            column=name,
        )
    found = [table.column(name) for name in columns]
    for column in found:
        if column.n_missing:
            row = int(np.argmax(column.missing))
            raise InputError(
                f"{table.where(row)} lacks a value in the key column '{column.name}'. Fill in the "
                "value, or leave the row out.",
                file=table.source,
                row=row,
                column=column.name,
            )
    keys = [BETWEEN.join(parts) for parts in zip(*map(texts_of, found), strict=True)]
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if first.setdefault(key, row) != row:
            more = " ".join(f"--key {shlex.quote(name)}" for name in [*columns, "COL"])
            cure = "Give one more column in which these rows differ, or combine all rows with the "
            cure, options = f"{cure}same key.", f"{more}, or --per {shlex.quote(columns[0])}"
            if watch:
                cure = "Correct the table, or begin a new watch with one more column in its key."
                options = f"{ANEW} {more}"
            raise InputError(
                f"{table.where(first[key])} and {table.where(row)} have the same key "
                f"{key!r} in {listed(columns)}, so they cannot be decided separately. {cure}",
                options=options,
                file=table.source,
                row=row,
                value=key,
            )
    return keys


def texts_of(column: Column) -> list[str]:
    """Return the values of a column in the form in which keys contain them."""
    if column.numbers is None or not column.is_exact:
        return [str(cell) for cell in column.each_cell()]
    return level_texts(column)


def content_of(table: Table, names: Sequence[str], keys: Sequence[str]) -> str:
    """Return a hash of the values of columns. The order of the rows does not matter."""
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    digest = hashlib.sha256(json.dumps([keys[row] for row in order]).encode())
    for name in sorted(names):
        codes, levels = level_codes(table.column(name))
        used, places = np.unique(codes[order], return_inverse=True)
        texts = np.array([levels[code] for code in used.tolist()], dtype=str)
        different, ranks = np.unique(texts, return_inverse=True)
        digest.update(json.dumps([name, *different.tolist()]).encode())
        digest.update(ranks[places].astype("<i8").tobytes())
    return digest.hexdigest()


def other_spelling(before: Iterable[str], now: Sequence[str]) -> str:
    """Return a sentence if keys match only without leading zeros and a final ".0", else ""."""

    def plain(key: str) -> str:
        parts = (part.removesuffix(".0").lstrip("0") for part in key.split(BETWEEN))
        return BETWEEN.join(parts)

    old = {plain(key): key for key in before}
    pairs = [(old[plain(key)], key) for key in now if plain(key) in old]
    if not pairs or len(pairs) * 5 < len(old):
        return ""
    was, key = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
    return (
        f"The same ids have another spelling, such as {key!r} instead of {was!r}. Correct the "
        f"spelling in the file, for example with the format Text in Excel."
    )


def sampled(keys: Iterable[str]) -> set[str]:
    """Return at most 2,000 keys. Similar sets of keys give similar samples."""
    return set(sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())[:MAX_SAMPLE])


def cells_of_rows(table: Table, names: Sequence[str], rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return the values of the rows with these indices, each row as a dict by column name."""
    part = table.select(names).take(np.asarray(rows, dtype=np.intp))
    columns = [_values(column) for column in part.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def check_key(found: Check, table: Table, keys: Sequence[str], *, new_ids: bool) -> str:
    """Return the key of a new case for a check."""
    texts = [text for text, _ in _texts_of_rows(found, table, keys, new_ids=new_ids)]
    said = json.dumps([found.kind, *found.columns, *texts])
    return CHECK + hashlib.sha256(said.encode()).hexdigest()[:10]


@dataclass(frozen=True)
class RowsOfCheck:
    """The kind and columns of a check, the keys of its rows by hashes of keys and values, and the
    values of the first rows by key.

    With new ids in each table, the hashes depend only on the values.
    """

    about: str
    rows: Mapping[str, str]
    cells: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, found: Check, table: Table, keys: Sequence[str], *, new_ids: bool) -> "RowsOfCheck":
        """Return the rows of a check."""
        about = json.dumps([found.kind, *found.columns])
        texts = _texts_of_rows(found, table, keys, new_ids=new_ids)
        rows = {hashlib.sha256((about + t).encode()).hexdigest()[:16]: k for t, k in texts}
        names, first = [n for n in found.columns if n in table.names], found.rows[:MAX_CELLS]
        own = [keys[row] for row in first] if keys and names and not new_ids else []
        cells = dict(zip(own, cells_of_rows(table, names, first) if own else [], strict=True))
        return cls(about, rows, cells)

    @classmethod
    def before(
        cls, kept: Mapping[str, Any], is_decided: bool
    ) -> tuple["RowsOfCheck", "RowsOfCheck"]:
        """Return the rows that a run kept: in this run, and at the last decision."""
        last = cls(kept["about"], kept["now"], kept["cells"])
        if is_decided:
            return last, last
        return last, cls(kept["about"], kept["decided"], kept["were"])

    def kept(self, then: "RowsOfCheck") -> dict[str, Any]:
        """Return the rows in this run and at the last decision, for `before`."""
        now = {"about": self.about, "now": self.rows, "cells": self.cells}
        return {**now, "decided": then.rows, "were": then.cells}

    def best(self, known: Mapping[str, tuple["RowsOfCheck", "RowsOfCheck"]]) -> str | None:
        """Return the key of the known check with the most rows in common, or None without such."""
        n_common = {key: max(map(self._n_common, known[key])) for key in sorted(known)}
        key = max(n_common, key=lambda each: n_common[each], default=None)
        return key if key is not None and n_common[key] else None

    def _n_common(self, other: "RowsOfCheck") -> int:
        n_same = len(self.rows.keys() & other.rows.keys())
        if self.about != other.about:
            return n_same
        return n_same + len({*self.rows.values()} & {*other.rows.values()} - {""})

    def values_from(self, other: "RowsOfCheck") -> str:
        """Return a phrase on the rows whose values have changed by more than 10 %, or ""."""
        before = {*other.rows.values()} - {""}
        moved = sorted({k for of, k in self.rows.items() if of not in other.rows and k in before})
        moved = [key for key in moved if not _is_near(self.cells.get(key), other.cells.get(key))]
        are = "has another value" if len(moved) == 1 else "have other values"
        return f"{', '.join(moved[:MAX_ADDED])} {are} now" if moved else ""

    def rows_from(self, other: "RowsOfCheck") -> str:
        """Return a phrase on the new rows, or ""."""
        before = {*other.rows.values()} - {""}
        new = {k for of, k in self.rows.items() if of not in other.rows and k not in before}
        return (
            f"also {', '.join(sorted(new - {''})[:MAX_ADDED]) or 'other rows'} now" if new else ""
        )


MAX_ADDED, MAX_CELLS = 5, 100
"""Maximum number of rows that a sentence about a check names, and of rows with kept values."""

NEAR = 0.1
"""Maximum change of a number, relative to the number, that is not a change of a check."""


def _is_near(now: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> bool:
    if now is None or then is None or now.keys() != then.keys():
        return False
    pairs = [(value, then[name]) for name, value in now.items()]
    are_numbers = all(isinstance(each, int | float) for pair in pairs for each in pair)
    return are_numbers and all(abs(a - b) <= NEAR * abs(b) for a, b in pairs)


def _texts_of_rows(
    found: Check, table: Table, keys: Sequence[str], *, new_ids: bool
) -> list[tuple[str, str]]:
    """Return a text and the key of each row. Without `keys`, all values of a row identify it."""
    names = [name for name in found.columns if name in table.names] if keys else table.names
    cells: Sequence[Mapping[str, Any]] = [{}] * len(found.rows)
    if names:
        cells = cells_of_rows(table, names, found.rows)
    own = [keys[row] if keys else "" for row in found.rows]
    pairs = zip(own, cells, strict=True)
    texts = sorted((json.dumps(["" if new_ids else key, row]), key) for key, row in pairs)
    first = {text: i for i, (text, _) in reversed([*enumerate(texts)])}
    return [(f"{text}{i - first[text] or ''}", key) for i, (text, key) in enumerate(texts)]


def _values(column: Column) -> list[Any]:
    if column.numbers is None or not column.is_exact:
        return list(column.cells)
    return [None if value != value else value for value in column.numbers.tolist()]


def columns_of_cells(cells: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return saved values by column. If a column contains a text, all its values become text."""
    columns = {}
    for name in names:
        values = [row.get(name) for row in cells]
        if any(isinstance(value, str) for value in values):
            values = [
                None if v is None else v if isinstance(v, str) else f"{v:.15g}" for v in values
            ]
        columns[name] = values
    return columns


def bytes_of(detector: Detector) -> bytes:
    """Return the bytes of the file that `Detector.save` writes for a detector."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.som"
        detector.save(path)
        return path.read_bytes()


def detector_of(content: bytes) -> Detector:
    """Return the detector whose saved file has this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.som"
        path.write_bytes(content)
        thing = load_model(path)
    if not isinstance(thing, Detector):
        raise InputError(
            "The map of this watch does not rank rows. Train it again with `somscape detect`."
        )
    return thing


FILES = ("sqlite", "duckdb")
"""Databases that are files."""


def source_of(path: str) -> str:
    """Return the source of a watch with an absolute path. The URL of a server is unchanged."""
    if path == "-":
        raise InputError(
            "A watch reads its table in every run, but standard input can only be read once. Give "
            "the name of a file or a database."
        )
    if not is_url(path):
        return str(Path(path).resolve())
    engine, _, file = path.partition(":///")
    is_file = file and engine.lower() in FILES
    return f"{engine}:///{Path(file).resolve()}" if is_file else path


def table_name(source: str) -> str:
    """Return the name of the file or database of a source, without folders."""
    return database_at(source).name if is_url(source) else PureWindowsPath(source).name


def rule_for(job: Job, table: Table) -> AlertRule:
    """Return the rule for a table. The table limits the number of alerts."""
    n = job.alerts
    return rule_of(job if n is None else replace(job, alerts=min(n, table.n_rows)), table)


def command_anew(watch: Watch, source: str) -> str:
    """Return the command line that trains a new map for a watch."""
    own = () if watch.job.per or watch.key == (watch.job.id_column,) else watch.key
    job = replace(watch.job, watch=watch.name, key=own, clear_for=watch.clear_for)
    return job.command(["detect", source], "DIR")


def versions() -> dict[str, str]:
    """Return the versions of all programs that can influence the last bits of a score."""
    return {
        "somscape": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "kernels": select_kernels().name,
    }


def scores_hash(scores: Float64s) -> str:
    """Return a hash that depends on every bit of the scores."""
    return hashlib.sha256(np.ascontiguousarray(scores, "<f8").tobytes()).hexdigest()


MAX_NAME = 100
"""Maximum number of characters in the name of a watch."""


def check_name(name: str) -> None:
    """Raise InputError if a text is not a valid name for a watch."""
    is_line = name.strip() == name and name.isprintable() and 0 < len(name) <= MAX_NAME
    if not is_line or "/" in name or name in (".", "..") or name.startswith("-"):
        raise InputError(
            f"`watch` must be a name of 1 to {MAX_NAME} characters in one line, for example "
            f"'cards', but is {name!r}. The name cannot be . or .., contain /, start with -, or "
            "start or end with a space.",
            value=name,
        )
