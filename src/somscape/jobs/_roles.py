"""From options to what columns become, and from a label to the rows that have it."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Floats
from somscape.encode import (
    Encoding,
    NumberCode,
    Roles,
    checked_dictionary,
    fit_encoding,
    level_texts,
    overridden,
    read_roles,
    roles_for,
)
from somscape.errors import InputError
from somscape.tables import Table, counted, kind_at, read_table

KINDS = ("drop", "protect", "category", "number", "ordinal", "date")
"""Options that say what columns are; each may be repeated."""

TEXT_READING = ("delimiter", "decimal", "encoding")
READING = (*TEXT_READING, "sheet")
"""Options that say how to read a table, and those of them for text."""

FROM_DATABASE = ("table", "query")
"""Options that say what to read of a database."""


@dataclass(frozen=True, eq=False)
class Label:
    """A label's column and value, and which rows have it.

    Attributes
    ----------
    column, value : str
    has_value : ndarray of shape (n_rows,), bool
    is_known : ndarray of shape (n_rows,), bool
        False if the cell is missing.
    is_rarer : bool
        Whether the value was chosen because it is the rarer one.
    """

    column: str
    value: str
    has_value: NDArray[np.bool_]
    is_known: NDArray[np.bool_]
    is_rarer: bool


def split_label(label: str | None, table: Table) -> tuple[str | None, str | None]:
    """Split COL=VALUE, even if the name of the column contains =."""
    if label is None or label in table.names or "=" not in label:
        return label, None
    return _split(label, table)


def _split(text: str, table: Table) -> tuple[str, str]:
    """Split at the = that ends the longest name of a column, else at the first."""
    names = [name for name in table.names if text.startswith(f"{name}=")]
    column = max(names, key=len) if names else text.partition("=")[0]
    return column, text[len(column) + 1 :]


def told_table(path: str, options: Mapping[str, Any]) -> tuple[Table, Roles, list[str]]:
    """Read a table, and say what its columns are."""
    file = options.get("roles")
    saved = Roles() if file is None else read_roles(file)
    table = read_table(path, **reading_of(path, options, saved))
    roles = overridden(saved, roles_from(table, options))
    if roles.per and options.get("id_column") is not None:
        raise InputError(
            "the columns that `per` names are the id of a customer; give no other.",
            options="leave --id out",
        )
    if file is None:
        return table, roles, []
    return table, *roles_for(roles, file, table.names, table.source)


def reading_of(path: str, options: Mapping[str, Any], roles: Roles) -> dict[str, Any]:
    """Return how a file is read: as options say, else as roles do."""
    fit = {"text": TEXT_READING, "workbook": ("sheet",)}.get(kind_at(path), ())
    saved: dict[str, Any] = {n: value for n, value in roles.reading.items() if n in fit}
    if roles.missing_values is not None:
        saved["missing_values"] = roles.missing_values
    named = (*READING, "missing_values", *FROM_DATABASE)
    given = {name: options[name] for name in named if options.get(name) not in (None, ())}
    return {**saved, **given}


def encoding_from(
    table: Table, roles: Roles, on_number: Callable[[NumberCode, Floats], object] | None = None
) -> Encoding:
    """Return how a table is encoded."""
    return fit_encoding(table, roles, roles.missing or "fill", on_number=on_number)


def roles_from(table: Table, options: Mapping[str, Any]) -> Roles:
    """Return the roles that command-line options give."""
    column, value = split_label(options["label"], table)
    reading = {name: options.get(name) for name in READING}
    dictionary = options.get("dictionary")
    return Roles(
        options["id_column"],
        column,
        options["drop"],
        categories=options["category"],
        numbers=options["number"],
        ordinals=dict(split_ordinal(text, table) for text in options["ordinal"]),
        dates=options["date"],
        protect=options.get("protect", ()),
        per=tuple(options.get("per") or ()),
        date_format=options.get("date_format"),
        missing_values=options.get("missing_values") or None,
        label_value=value,
        missing=options.get("missing"),
        reading={name: text for name, text in reading.items() if text is not None},
        dictionary=checked_dictionary(dictionary),
    )


def split_ordinal(text: str, table: Table) -> tuple[str, list[Any]]:
    """Split COL=LOW<...<HIGH; without levels, the levels of a number column are its numbers."""
    if text not in table.names and "=" in text:
        name, levels = _split(text, table)
        return name, [level.strip() for level in levels.split("<")]
    numbers = table.column(text).numbers
    if numbers is None:
        raise InputError(
            f"column '{text}' of {table.source} holds text, which has no order by itself. Give "
            "its levels from low to high.",
            options=f"--ordinal {shlex.quote(f'{text}=LOW<MIDDLE<HIGH')}",
        )
    return text, np.unique(numbers[~np.isnan(numbers)]).tolist()


def find_label(table: Table, label: str | None) -> Label | None:
    """Return the label to compare with, with the rarest value if none was given."""
    return label_of(table, *split_label(label, table))


def label_of(table: Table, column: str | None, value: str | None) -> Label | None:
    """Return the label to compare with, as `find_label`."""
    if column is None:
        return None
    texts = np.array(level_texts(table.column(column)), dtype=object)
    is_known = ~table.column(column).missing
    values, counts = np.unique(texts[is_known], return_counts=True)
    shown = ", ".join(
        f"{v} ({counted(int(n), 'row')})" for v, n in zip(values[:6], counts, strict=False)
    )
    if len(values) < 2:
        raise InputError(
            f"label column '{column}' of {table.source} has no two different values to compare "
            f"({shown or 'all missing'}). Compare with another column or with none, and drop this "
            "one.",
            options=f"leave --label out and pass --drop {shlex.quote(column)}",
        )
    if value is None:
        if len(values) > 2 and (counts == counts.min()).sum() > 1:
            raise InputError(
                f"label column '{column}' of {table.source} has {len(values)} values, and several "
                f"are equally rare ({shown}). Say which one is meant.",
                options=f"--label {shlex.quote(f'{column}=VALUE')}",
            )
        value = str(values[np.argmin(counts)])
        is_rarer = True
    else:
        is_rarer = False
        if value not in values:
            raise InputError(
                f"label column '{column}' of {table.source} has no value '{value}'; it has {shown}."
            )
    return Label(column, value, texts == value, is_known, is_rarer)
