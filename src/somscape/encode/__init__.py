"""Tables to numbers and back: what each column becomes, with its inverse."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from somscape.encode._codes import (
    CategoryCode,
    NumberCode,
    UnusedColumn,
    level_texts,
)
from somscape.encode._encoding import ColumnCode, Encoding, fit_encoding
from somscape.encode._kinds import Roles
from somscape.encode._ordered import DateCode, OrdinalCode
from somscape.encode._text import number_text

if TYPE_CHECKING:
    from somscape.estimators import TableEncoder

__all__ = [
    "CategoryCode",
    "ColumnCode",
    "DateCode",
    "Encoding",
    "NumberCode",
    "OrdinalCode",
    "Roles",
    "TableEncoder",
    "UnusedColumn",
    "fit_encoding",
    "level_texts",
    "number_text",
]


def __getattr__(name: str) -> Any:
    # Its base class is scikit-learn's, for which nobody else shall wait.
    if name == "TableEncoder":
        return import_module("somscape.estimators").TableEncoder
    raise AttributeError(f"module 'somscape.encode' has no attribute {name!r}")
