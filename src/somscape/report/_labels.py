"""What is known about the rows: the values of a label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Objects
from somscape.encode import level_texts
from somscape.errors import InputError
from somscape.maps import Map
from somscape.tables import Table, listed

MAX_CLASSES = 5
"""Values of a label up to which all are shown; of more, only the compared one is."""


def checked_agreement(agreement: Any, table: Table) -> dict[str, Any] | None:
    """Return what is told of the agreement with a label, its value as text."""
    if agreement is None:
        return None
    if not isinstance(agreement, Mapping):
        raise TypeError(
            "`agreement` must be a mapping, such as {'label': 'churned', 'value': 'yes'}; got "
            f"{agreement!r}."
        )
    told = dict(agreement)
    name = told.get("label")
    if name is None:
        return told
    if name not in table.names:
        raise InputError(
            f"`agreement` has the label {name!r}, which {table.source} lacks; its columns are "
            f"{listed(table.names)}."
        )
    if told.get("value") is not None:
        value, column = str(told["value"]), table.column(name)
        texts = np.array(level_texts(column), dtype=object)
        values = sorted(set(texts[~column.missing]))
        if value not in values:
            raise InputError(
                f"`agreement` has the value {value!r}, which no row of column {name!r} has; its "
                f"values are {listed(values)}."
            )
        told["value"] = value
    return told


@dataclass(frozen=True, eq=False)
class Labels:
    """The label of each row of a table.

    Attributes
    ----------
    name : str
        Name of the column.
    texts : ndarray of shape (n_rows,), object
    is_known : ndarray of shape (n_rows,), bool
        False for a row without a label.
    compared : str or None
        The value that the ranking was compared with.
    """

    name: str
    texts: Objects
    is_known: NDArray[np.bool_]
    compared: str | None

    @classmethod
    def of(cls, map_: Map, table: Table, agreement: Mapping[str, Any] | None) -> "Labels | None":
        """Return the labels that the ranking was compared with, or the labels of the map."""
        told = agreement or {}
        name = told.get("label", map_.encoding.named("label"))
        if name is None or name not in table.names:
            return None
        column = table.column(name)
        texts = np.array(level_texts(column), dtype=object)
        return cls(name, texts, ~column.missing, told.get("value"))

    @property
    def shown(self) -> list[str]:
        """Values to show, in order."""
        values = sorted(set(self.texts[self.is_known]))
        return values if len(values) <= MAX_CLASSES else [v for v in values if v == self.compared]
